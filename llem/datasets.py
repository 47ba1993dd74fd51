"""Brings the prompts of an experiment: from a set that llem ships, from a file, or made up; and shares them out."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from llem import builtin


class DatasetError(ValueError):
    """A prompt set cannot be read; the message is one line that says where and why."""


def prompts(
    n: int, seed: int, source: str | None = None, key: str | None = None, length: int | None = None
) -> list[str]:
    """`n` prompts.

    From `source` (`builtin:…` or a path), in its order and from its start again when it has fewer; without a source,
    random words from `seed`, at least `length` tokens of them. Raises DatasetError.
    """
    if source is None:
        return _made_up(n, seed, length or 1)
    texts = builtin.prompts(source.partition(":")[2]) if source.startswith("builtin:") else _read(Path(source), key)
    return [texts[index % len(texts)] for index in range(n)]


def template(
    texts: Sequence[str], tokenizer: Any, system: str | None = None, chat: bool | None = None
) -> tuple[list[str], bool]:
    """The texts as the model reads them, and whether the tokenizer's chat template was applied.

    Without a template the system prompt is a paragraph before each text.
    """
    if not (chat and tokenizer.chat_template):
        return [f"{system}\n\n{text}" if system else text for text in texts], False
    first = [{"role": "system", "content": system}] if system else []
    talks = [[*first, {"role": "user", "content": text}] for text in texts]
    return [tokenizer.apply_chat_template(talk, tokenize=False, add_generation_prompt=True) for talk in talks], True


def batches(
    items: Sequence[Any], length: Callable[[Any], int], size: int, order: str | None = None
) -> Iterator[list[Any]]:
    """The items, `size` at a time, in order or the longest first (`length_sorted`); the last batch may be smaller."""
    if order == "length_sorted":
        items = sorted(items, key=length, reverse=True)
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _made_up(n: int, seed: int, words: int) -> list[str]:
    """Texts of so many words of the built-in prompts; a word is at least one token in any tokenizer."""
    known = sorted({word for text in builtin.prompts("mixed") for word in text.split() if word.isalpha()})
    random = Random(seed)
    return [" ".join(random.choices(known, k=words)) for _ in range(n)]


def _read(path: Path, key: str | None) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror}): check `dataset`.") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: is not UTF-8 text: convert it.") from None
    if path.suffix == ".csv":
        found = list(_column_of_table(path, text, key or "text"))
    elif path.suffix == ".jsonl":
        found = list(_key_of_lines(path, text, key or "text"))
    else:
        found = [line for _, line in _lines(text)]
    if not found:
        raise DatasetError(f"{path}: has no prompts: add one a line.")
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank. Only a line feed ends a line, as JSON Lines has it."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line.removesuffix("\r")


def _column_of_table(path: Path, text: str, column: str) -> Iterator[str]:
    limit = csv.field_size_limit(sys.maxsize)  # a prompt may be long
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if rows.fieldnames and column not in rows.fieldnames:
            columns = shortened(rows.fieldnames)
            raise DatasetError(f"{path}: has no column {column!r}: set `dataset.column` to one of {columns}.")
        yield from (row[column] for row in rows if row[column])
    except csv.Error as error:
        raise DatasetError(f"{path}:{rows.reader.line_num}: is no CSV ({error}).") from None
    finally:
        csv.field_size_limit(limit)


def _key_of_lines(path: Path, text: str, key: str) -> Iterator[str]:
    for number, line in _lines(text):
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DatasetError(f"{path}:{number}: is no JSON ({error}).") from None
        value = item.get(key) if isinstance(item, dict) else item
        if not isinstance(value, str):
            keys = f": set `dataset.column` to one of {shortened(item)}" if isinstance(item, dict) else ""
            raise DatasetError(f"{path}:{number}: has no text under {key!r}{keys}.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise DatasetError(f"{path}:{number}: holds half a surrogate pair: write the whole character.")
        if value.strip():
            yield value


def shortened(names: Iterable[str]) -> str:
    """Some names for a message, not more than fit on a line."""
    text = ", ".join(sorted(names))
    return text if len(text) <= 100 else text[:99] + "…"
