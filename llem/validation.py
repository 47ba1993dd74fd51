"""Finds every problem of a document, and says where it stands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llem import messages, reader, verdict
from llem.advice import advice as advise
from llem.machine import Gpus


@dataclass(frozen=True)
class Problem:
    """One problem: `path` (dotted, "" for the whole document), `rule` (a rule's id or a schema keyword), one sentence.

    `severity` is `error` or `warning` (advice). `line` and `column` count from 1 and are known when the document was
    read from text.
    """

    path: str
    rule: str
    message: str
    severity: str = "error"
    file: str | None = None
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        where = ": ".join(part for part in (place, self.path) if part)
        severity = f"{self.severity}: " if self.severity != "error" else ""
        return f"{where}: {severity}{self.message} [{self.rule}]" if where else f"{self.message} [{self.rule}]"


class InvalidDocument(ValueError):
    """A document has problems; `problems` is the list of all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


def read_documents(source: Any) -> tuple[list[reader.Document], str | None]:
    """The documents in `source` and the name of the file: a path (a `str` is always one), a mapping, or a model.

    Raises OSError when a file cannot be opened.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return reader.read(path.read_bytes(), json=path.suffix == ".json"), str(source)
    data, faults = reader.normalise(source)
    return [reader.Document(data, faults)], None


def read_document(source: Any) -> tuple[reader.Document, str | None]:
    """The one document in `source`, as `read_documents` reads it; several are a fault."""
    documents, file = read_documents(source)
    if len(documents) > 1:
        fault = reader.Fault(
            (), "one-document", "The file holds several documents: keep one a file.", *_start(documents[1])
        )
        return reader.Document(None, [fault]), file
    return recorded(documents[0]), file


def recorded(document: reader.Document) -> reader.Document:
    """The document that a result.json records; any other document as it is."""
    from llem.reporting import is_record

    if not is_record(document.data):
        return document
    data, faults = reader.normalise(document.data["document"])
    return reader.Document(data, faults)


def load_document(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The document in the file at `path` as plain data, not judged yet.

    Raises InvalidDocument when the text is no document (syntax, duplicate keys, …), OSError when it cannot be opened.
    """
    document, file = read_document(path)
    if document.faults:
        raise InvalidDocument(_sorted(_faults(document, file)))
    return document.data  # type: ignore[no-any-return]


def problems(document: Any, advice: bool = False) -> list[Problem]:
    """Every problem of `document` (a mapping, a path, or a model), in the order in which they stand.

    With `advice`, a document without errors is also searched for settings that have no effect. Raises OSError when a
    file cannot be opened.
    """
    opened, file = read_document(document)
    return check(opened, file, advice)


def validate(document: Any) -> None:
    """Raise InvalidDocument, with every problem, unless `document` (a mapping, a path, or a model) is valid."""
    found = problems(document)
    if found:
        raise InvalidDocument(found)


def check(
    document: reader.Document, file: str | None = None, advice: bool = False, machine: Gpus | None = None
) -> list[Problem]:
    """Every problem of one document that was read already; `machine`: the advice also judges it for these GPUs."""
    found = list(_faults(document, file))
    if document.data is not None or not found:
        faulty = {fault.path for fault in document.faults}
        for message in messages.messages(verdict.violations(document.data)):
            if message.path not in faulty:
                found.append(_problem(document, file, message))
    if not found and advice:
        found = [_problem(document, file, message, "warning") for message in advise(document.data, machine)]
    return _sorted(found)


def _faults(document: reader.Document, file: str | None) -> Iterator[Problem]:
    for fault in document.faults:
        path = messages.dotted(fault.path)
        text = fault.message[0].upper() + fault.message[1:].rstrip(".") + "."
        yield Problem(path, fault.rule, text, "error", file, fault.line, fault.column)


def _problem(
    document: reader.Document, file: str | None, message: messages.Message, severity: str = "error"
) -> Problem:
    line, column = (document.locate(message.path, key=message.at_key) or (None, None)) if file else (None, None)
    return Problem(messages.dotted(message.path), message.rule, message.text, severity, file, line, column)


def _start(document: reader.Document) -> tuple[int | None, int | None]:
    return document.locate(()) or (None, None)


def _sorted(found: Iterable[Problem]) -> list[Problem]:
    return sorted(found, key=lambda problem: (problem.line or 0, problem.column or 0))
