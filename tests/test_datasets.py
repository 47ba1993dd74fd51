"""Prompts: from files, repeated, made up; through a chat template; and in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llem import datasets
from llem.builtin import make_model
from llem.builtin import prompts as builtin_prompts

pytestmark = pytest.mark.usefixtures("folder")

FILES: dict[str, tuple[str, bytes, str | None, list[str]]] = {
    "lines": ("a.txt", b"one\ntwo\n", None, ["one", "two"]),
    "blank lines": ("a.txt", b"\none\n \ntwo", None, ["one", "two"]),
    "Windows": ("a.txt", b"\xef\xbb\xbfone\r\ntwo\r\n", None, ["one", "two"]),
    "only \\n ends a line": ("a.txt", "a\u2028b\x85c\x0cd\ne".encode(), None, ["a\u2028b\x85c\x0cd", "e"]),
    "column text": ("a.csv", b"id,text\n1,one\n2,two\n", None, ["one", "two"]),
    "another column": ("a.csv", b"id,text\n1,one\n2,two\n", "id", ["1", "2"]),
    "quoted": ("a.csv", b'text\n"a, ""b""\nc"\nd\n', None, ['a, "b"\nc', "d"]),
    "empty cells": ("a.csv", b"text,b\n,1\nx,2\n", None, ["x"]),
    "table from Windows": ("a.csv", b"\xef\xbb\xbftext\r\none\r\n", None, ["one"]),
    "odd spaces in a table": ("a.csv", "text,n\na\u2028b\x85c,1\n".encode(), None, ["a\u2028b\x85c"]),
    "a long cell": ("a.csv", b"text\n" + b"x" * 200_000 + b"\n", None, ["x" * 200_000]),
    "key text": ("a.jsonl", b'{"text": "one", "n": 1}\n\n{"text": "t\\u00fc"}', None, ["one", "tü"]),
    "another key": ("a.jsonl", b'{"prompt": "one"}\n', "prompt", ["one"]),
    "plain strings": ("a.jsonl", b'"one"\n"two"\n', None, ["one", "two"]),
    "odd spaces in JSON": ("a.jsonl", '{"text": "a\u2028b\x85c"}\n'.encode(), None, ["a\u2028b\x85c"]),
}


@pytest.mark.parametrize("name", FILES)
def test_files(name: str) -> None:
    """A file gives its prompts in its order, and starts again when there are too few."""
    file, content, column, expected = FILES[name]
    Path(file).write_bytes(content)
    found = datasets.prompts(len(expected) + 1, 1, file, column)
    assert found == [*expected, expected[0]]
    assert datasets.prompts(1, 2, file, column) == expected[:1]


BAD_FILES: dict[str, tuple[str, bytes | None, str | None, str]] = {
    "missing": ("a.txt", None, None, "a.txt: cannot be read (No such file or directory)"),
    "empty": ("a.txt", b"", None, "a.txt: has no prompts"),
    "only blank lines": ("a.txt", b"\n \n", None, "a.txt: has no prompts"),
    "empty table": ("a.csv", b"", None, "a.csv: has no prompts"),
    "table without rows": ("a.csv", b"text\n", None, "a.csv: has no prompts"),
    "empty JSON lines": ("a.jsonl", b"\n", None, "a.jsonl: has no prompts"),
    "Latin-1": ("a.txt", b"caf\xe9", None, "a.txt: is not UTF-8"),
    "no such column": ("a.csv", b"a,b\n1,2\n", "c", "a.csv: has no column 'c': set `dataset.column` to one of"),
    "no column text": ("a.csv", b"a,b\n1,2\n", None, "a.csv: has no column 'text'"),
    "a quote that stays open": ("a.csv", b'text\nx\n"one\n', None, "a.csv:3: "),
    "text behind a quote": ("a.csv", b'text\n"a"b\n', None, "a.csv:2: "),
    "no JSON": ("a.jsonl", b'{"text": "one"}\n{text: two}\n', None, "a.jsonl:2: is no JSON"),
    "deep JSON": ("a.jsonl", b"[" * 100_000, None, "a.jsonl:1: "),
    "a number": ("a.jsonl", b'{"text": 1}\n', None, "a.jsonl:1: "),
    "null": ("a.jsonl", b'{"text": null}\n', None, "a.jsonl:1: "),
    "a list": ("a.jsonl", b"[1]\n", None, "a.jsonl:1: "),
    "no such key": ("a.jsonl", b'{"a": "x", "b": 1}\n', "c", "a.jsonl:1: has no text under 'c'"),
    "half a character": ("a.jsonl", b'{"text": "\\ud800"}\n', None, "a.jsonl:1: "),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_files(name: str) -> None:
    """A file that gives no prompts is refused with one line that says where and why."""
    file, content, column, words = BAD_FILES[name]
    if content is not None:
        Path(file).write_bytes(content)
    with pytest.raises(datasets.DatasetError) as error:
        datasets.prompts(3, 1, file, column)
    message = str(error.value)
    assert message.startswith(words)
    assert "\n" not in message
    assert "None" not in message
    assert len(message) < 300


def test_a_directory_is_no_file() -> None:
    """A folder with the name of a prompt file is refused too."""
    Path("a.txt").mkdir()
    with pytest.raises(datasets.DatasetError, match=r"^a.txt: cannot be read"):
        datasets.prompts(1, seed=1, source="a.txt")


def test_built_in_prompts() -> None:
    """The set that llem ships comes in its order, whatever the seed."""
    texts = builtin_prompts("mixed")
    assert datasets.prompts(len(texts) + 2, seed=1, source="builtin:mixed") == [*texts, *texts[:2]]
    assert datasets.prompts(3, seed=2, source="builtin:mixed") == texts[:3]


def test_synthetic_prompts() -> None:
    """Made-up prompts follow from the seed alone, differ from each other, and are long enough for any tokenizer."""
    first, same, other = (datasets.prompts(20, seed, length=16) for seed in (1, 1, 2))
    assert first == same != other
    assert len(set(first)) == 20
    assert datasets.prompts(5, 1, length=16) == first[:5]
    from transformers import AutoTokenizer

    for model in ("tiny-llama", "tiny-gpt2"):
        tokenizer = AutoTokenizer.from_pretrained(make_model(model))
        assert all(len(tokenizer(text)["input_ids"]) >= 16 for text in first)


BATCHES: list[tuple[int, int, list[list[int]]]] = [
    (5, 2, [[0, 1], [2, 3], [4]]),
    (4, 2, [[0, 1], [2, 3]]),
    (2, 5, [[0, 1]]),
    (3, 1, [[0], [1], [2]]),
    (0, 3, []),
]


@pytest.mark.parametrize(("count", "size", "expected"), BATCHES)
def test_batches(count: int, size: int, expected: list[list[int]]) -> None:
    """Items keep their order, none is lost, and only the last batch may be smaller."""
    assert list(datasets.batches(list(range(count)), lambda item: item, size)) == expected


def test_batches_of_like_length() -> None:
    """Sorted by length, the longest come first, and equals keep their order."""
    words = ["a", "ccc", "bb", "ddd", "e"]
    assert list(datasets.batches(words, len, 2, "length_sorted")) == [["ccc", "ddd"], ["bb", "a"], ["e"]]


class Tokenizer:
    """What `template` needs of a tokenizer."""

    def __init__(self, chat_template: str | None) -> None:
        self.chat_template = chat_template

    def apply_chat_template(self, talk: Any, tokenize: bool, add_generation_prompt: bool) -> str:
        assert not tokenize
        assert add_generation_prompt
        return "".join(f"<{message['role']}>{message['content']}" for message in talk)


TEMPLATES: list[tuple[str | None, str | None, bool | None, str, bool]] = [
    ("x", None, None, "hi", False),
    ("x", None, False, "hi", False),
    ("x", None, True, "<user>hi", True),
    ("x", "s", True, "<system>s<user>hi", True),
    ("x", "s", None, "s\n\nhi", False),
    (None, None, True, "hi", False),
    (None, "s", True, "s\n\nhi", False),
]


@pytest.mark.parametrize(("chat_template", "system", "chat", "expected", "applied"), TEMPLATES)
def test_template(
    chat_template: str | None, system: str | None, chat: bool | None, expected: str, applied: bool
) -> None:
    """The chat template is applied where it is asked for and there is one; else the system prompt is a paragraph."""
    assert datasets.template(["hi"], Tokenizer(chat_template), system, chat) == ([expected], applied)
