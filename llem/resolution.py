"""From a document as written to the document as meant: presets and defaults filled in, inert settings set aside."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from llem import spec, verdict

Document = dict[str, Any]


@dataclass(frozen=True)
class Inert:
    """A setting that is not sent as it stands, and the advice that says why; None for `sent`: nothing is."""

    path: spec.Path
    value: Any
    origin: str
    rule: spec.Rule
    sent: Any


@dataclass(frozen=True)
class Resolution:
    """A document as meant.

    `resolved` has presets and defaults filled in, `origins` says of each value whether it comes from the `document`,
    a `preset` or a `default`, `settled` is what is sent after the settings in `inert` are set aside.
    """

    engine: str
    resolved: Document
    origins: dict[spec.Path, str]
    settled: Document
    inert: list[Inert]


def resolve(document: Document) -> Resolution:
    """What the valid `document` means."""
    engine = str(document.get("backend") or spec.section(())["properties"]["backend"]["default"])
    resolved, origins = _filled(document, engine)
    settled, inert = deepcopy(resolved), []
    for violation in verdict.advice(resolved):
        path = tuple(str(part) for part in violation.path)
        if violation.rule is None or get(settled, path) is None:
            continue
        sent = violation.expected if violation.keyword == "const" else None
        put(settled, path, sent)
        inert.append(Inert(path, get(resolved, path), origins[path], violation.rule, sent))
    return Resolution(engine, resolved, origins, settled, inert)


def get(document: Any, path: spec.Path) -> Any:
    """The value at `path`, None when it is unset."""
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def put(document: Document, path: spec.Path, value: Any) -> None:
    """Set the value at `path`, making the sections on the way; None removes it."""
    *sections, name = path
    for part in sections:
        document = document.setdefault(part, {})
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value


def from_preset(document: Document, field: spec.Field) -> Any:
    """What the preset that stands beside `field` gives it, None when nothing does."""
    for sibling in spec.fields():
        presets = sibling.wiring.get("presets")
        if presets and sibling.path[:-1] == field.path[:-1]:
            return presets.get(get(document, sibling.path), {}).get(field.name)
    return None


def _filled(document: Document, engine: str) -> tuple[Document, dict[spec.Path, str]]:
    others = set(spec.engines()) - {engine}
    filled: Document = {}
    origins: dict[spec.Path, str] = {}
    choices = [field.path for field in spec.fields() if field.opens]
    for field in spec.fields():
        path, value = field.path, get(document, field.path)
        if path[0] in others or (field.opens and isinstance(value, dict)):
            continue  # the keys of a setting that opens are settings of their own
        if value is not None:
            origins[path] = "document"
        elif any(path[: len(choice)] == choice and path != choice for choice in choices):
            continue  # what is not written in one form of a choice belongs to another form
        elif (value := from_preset(document, field)) is not None:
            origins[path] = "preset"
        elif (value := field.default) is not None:
            origins[path] = "default"
        else:
            continue
        put(filled, path, value)
    return filled, origins
