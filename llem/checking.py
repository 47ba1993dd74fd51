"""Finds the documents that arguments stand for and checks them, many of them on all cores."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from llem import plainyaml, resolution, spec, verdict

if TYPE_CHECKING:
    from llem.machine import Gpus
    from llem.validation import Problem

T = TypeVar("T")
SUFFIXES = (".llem.yaml", ".llem.yml", ".llem.json")
MANY = 200
"""From so many files on, starting another process costs less than it saves."""


CHUNK = 1 << 16


class CannotOpen(Exception):
    """A file or directory that gives no documents; the message is one line."""


class Checked(NamedTuple):
    """A file that was checked: how many documents it holds, their problems in order, and its text for excerpts."""

    name: str
    problems: Sequence[Problem] = ()
    text: str = ""
    documents: int = 1


class Wish(NamedTuple):
    """How to check: settings to change first (PATH=VALUE), GPUs to judge by, whether advice is an error, texts kept."""

    settings: Sequence[str] = ()
    machine: Gpus | None = None
    strict: bool = False
    texts: bool = False
    stdin_name: str = "-"


def find(names: Sequence[str], report: Callable[[CannotOpen], None]) -> list[str]:
    """The files that arguments stand for, each once, in order; `report` is told of each that stands for none."""
    found: dict[str, str] = {}
    for name in names:
        try:
            paths = documents(name)
        except CannotOpen as error:
            report(error)
            continue
        if len(names) == 1:
            return paths
        for path in paths:
            found.setdefault(path if path == "-" else os.path.abspath(path), path)  # noqa: PTH100 (much faster)
    return list(found.values())


def documents(name: str) -> list[str]:
    """The files that an argument stands for: below a directory, of a pattern, or itself. Raises CannotOpen."""
    if os.path.isdir(name):  # noqa: PTH112 (Path.is_dir raises for an endless name)
        found = sorted(_below(name))
        if not found:
            raise CannotOpen(f"{name}: no documents in this directory: their names end in {', '.join(SUFFIXES)}.")
        return found
    if any(sign in name for sign in "*?[") and not os.path.lexists(name):
        import glob

        found = sorted(path for path in glob.glob(name, recursive=True) if Path(path).is_file())  # noqa: PTH207
        if not found:
            raise CannotOpen(f"{name}: no file matches.")
        return found
    return [name]


def _below(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    yield from _below(entry.path)
                elif entry.name.endswith(SUFFIXES) and entry.is_file():
                    yield entry.path
    except PermissionError as error:
        raise CannotOpen(f"{folder}: {error.strerror}") from None


def content(name: str) -> bytes:
    """What a file holds; `-` is standard input. Raises CannotOpen."""
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        descriptor = os.open(name, os.O_RDONLY)  # a quarter of the time of Path.read_bytes
        try:
            chunks = []
            while chunk := os.read(descriptor, CHUNK):
                chunks.append(chunk)
            return b"".join(chunks)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise CannotOpen(f"{name}: {error.strerror}") from None
    except ValueError as error:  # a null byte in a name
        raise CannotOpen(f"{name!r}: {error}") from None


def check(path: str, wish: Wish) -> Checked | CannotOpen:
    """Check the documents of one file."""
    name = wish.stdin_name if path == "-" else path
    try:
        read = content(path)
    except CannotOpen as error:
        return error
    is_json = name.endswith(".json")
    if not (is_json or wish.settings or wish.machine) and is_flawless(read):
        return Checked(name)
    from llem import changing, reader, validation

    opened = reader.read(read, json=is_json)
    problems: list[Problem] = []
    for document in opened:
        for setting in wish.settings:
            changing.change(document, setting)
        problems += validation.check(document, name, advice=True, machine=wish.machine)
    if wish.strict:
        from dataclasses import replace

        problems = [replace(problem, severity="error") for problem in problems]
    text = read.decode(errors="replace").removeprefix("\ufeff") if problems and wish.texts else ""
    return Checked(name, problems, text, len(opened))


def is_flawless(text: bytes) -> bool:
    """Whether a text is plain YAML, valid, and nothing is to be said of it. False also means that this is not known."""
    data = plainyaml.plain(text)
    if data is plainyaml.UNUSUAL:
        return False
    judges = _judges()
    if not judges.valid(data) or not judges.unremarkable(data):
        return False
    for name in judges.look_alikes:
        if name in data:
            return False
    meant = resolution.filled_quickly(data)
    if meant is None or not judges.effective(meant):
        return False
    for left, right in judges.compared:
        if resolution.get(meant, left) is not None and resolution.get(meant, right) is not None:
            return False
    return True


class _Judges(NamedTuple):
    """What a flawless document is held to: three schemas, sections that advice looks into, settings it compares."""

    valid: Callable[[Any], bool]
    unremarkable: Callable[[Any], bool]
    effective: Callable[[Any], bool]
    look_alikes: list[str]
    compared: list[list[spec.Path]]


@cache
def _judges() -> _Judges:
    compared = [[tuple(rule.annotation[key].split(".")) for key in ("path", "other")] for rule in spec.comparisons()]
    return _Judges(
        valid=verdict.judge(),
        unremarkable=verdict.judge(verdict.REMARKS),
        effective=verdict.judge(verdict.ADVICE),
        look_alikes=[setting for _, setting in spec.look_alikes()],
        compared=compared,
    )


def summary(documents: int, problems: int) -> str:
    """The last line: how many documents have how many problems."""
    return f"{counted(documents, 'document')}: {counted(problems, 'problem')}"


def counted(count: int, word: str) -> str:
    """A number with its word, in the plural where it is one."""
    return f"{count or 'no'} {word}{'s' if count != 1 else ''}"


def check_all(paths: Sequence[str], wish: Wish) -> list[Checked | CannotOpen]:
    """Check files, in order; many of them on all cores. Raises changing.CannotChange."""
    cores = _cores()
    if len(paths) < MANY or cores < 2 or "-" in paths:
        return [check(path, wish) for path in paths]
    first = check(paths[0], wish)  # what is made for it, the other processes inherit
    size = -(-(len(paths) - 1) // cores)
    shares = [paths[start : start + size] for start in range(1, len(paths), size)]
    return [first, *chain(*_in_processes([partial(_check_each, share, wish) for share in shares]))]


def _check_each(paths: Sequence[str], wish: Wish) -> list[Checked | CannotOpen]:
    return [check(path, wish) for path in paths]


def check_folder(folder: str, wish: Wish) -> list[Checked | CannotOpen]:
    """Check the documents below a directory; those that nothing is said of are counted together, in the first item.

    So the memory it takes does not grow with the number of files. Raises CannotOpen when there are none.
    """
    cores, first = _cores(), list(islice(_below(folder), MANY))
    if len(first) < MANY or cores < 2:
        return check_all(documents(folder), wish)
    check(first[0], wish)  # what is made for it, the other processes inherit
    counted, troubled = 0, []
    for count, found in _in_processes([partial(_check_share, folder, wish, rank, cores) for rank in range(cores)]):
        counted += count
        troubled += found
    return [Checked(folder, documents=counted), *sorted(troubled, key=_name)]


def _check_share(folder: str, wish: Wish, rank: int, cores: int) -> tuple[int, list[Checked | CannotOpen]]:
    """Check a share of the documents below a directory: how many nothing is said of, and what is said of the others."""
    counted, troubled = 0, []
    for path in islice(_below(folder), rank, None, cores):
        done = check(path, wish)
        if isinstance(done, Checked) and not done.problems:
            counted += done.documents
        else:
            troubled.append(done)
    return counted, troubled


def _name(done: Checked | CannotOpen) -> str:
    return done.name if isinstance(done, Checked) else str(done)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") and hasattr(os, "fork") else 1


def _in_processes(works: Sequence[Callable[[], T]]) -> list[T]:
    """What each piece of work returns; all but the first are done in processes of their own."""
    gc.disable()  # nothing here makes cycles, and looking for them costs as much as judging
    try:
        others = [(work, *_start(work)) for work in works[1:]]
        found = [works[0]()]
        for work, process, answer in others:
            said = _answer(process, answer)
            found.append(work() if said is None else said[0])
    finally:
        gc.enable()
    return found


def _start(work: Callable[[], Any]) -> tuple[int, int]:
    """Do work in a process of its own; returns its number and the pipe on which it answers."""
    import pickle

    answer, question = os.pipe()
    process = os.fork()
    if process:
        os.close(question)
        return process, answer
    try:  # never back into the program of the parent
        with os.fdopen(question, "wb") as file:
            pickle.dump([work()], file)
    finally:
        os._exit(0)


def _answer(process: int, answer: int) -> Any:
    """What the process found, in a list; None when it died on the way."""
    import pickle

    with os.fdopen(answer, "rb") as file:
        said = file.read()
    os.waitpid(process, 0)
    try:
        return pickle.loads(said)
    except (EOFError, pickle.UnpicklingError):
        return None
