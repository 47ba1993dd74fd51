"""From a document as written to the document as meant: presets and defaults filled in, inert settings set aside."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

from llem import spec, verdict

Document = dict[str, Any]


class Inert(NamedTuple):
    """A setting that is not sent as it stands, and the advice that says why; None for `sent`: nothing is."""

    path: spec.Path
    value: Any
    origin: str
    rule: spec.Rule
    sent: Any


class Resolution(NamedTuple):
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
    engine = chosen_engine(document)
    resolved, origins = _filled(document, engine)
    said = verdict.advice(resolved)
    settled, inert = deepcopy(resolved) if said else resolved, []
    for violation in said:
        path = tuple(str(part) for part in violation.path)
        if violation.rule is None or get(settled, path) is None:
            continue
        sent = violation.expected if violation.keyword == "const" else None
        put(settled, path, sent)
        inert.append(Inert(path, get(resolved, path), origins[path], violation.rule, sent))
    return Resolution(engine, resolved, origins, settled, inert)


def filled_quickly(document: Document) -> Document | None:
    """What `resolve` fills in, for a valid document without a null; None for one that has some."""
    filled = dict(_defaults(chosen_engine(document)))
    for name, value in document.items():
        if isinstance(value, dict) and isinstance(filled.get(name), dict):
            if None in value.values():
                return None
            preset = _presets().get((name,))
            named = preset.wiring["presets"].get(value.get(preset.name), {}) if preset else {}
            value = {**filled[name], **named, **value}
        elif value is None or (isinstance(value, dict) and None in value.values()):
            return None
        filled[name] = value
    return filled


def chosen_engine(document: Document) -> str:
    """The engine that a document chooses, by default where it does not say."""
    return str(document.get(spec.ENGINE) or _default_engine())


@cache
def _defaults(engine: str) -> Document:
    return _filled({spec.ENGINE: engine}, engine)[0]


@cache
def _default_engine() -> str:
    return str(spec.section(())["properties"][spec.ENGINE]["default"])


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
    sibling = _presets().get(field.path[:-1])
    name = get(document, sibling.path) if sibling else None
    return sibling.wiring["presets"][name].get(field.name) if sibling and name is not None else None


@cache
def _presets() -> dict[spec.Path, spec.Field]:
    """The setting that names a preset, for each section that has one."""
    return {field.path[:-1]: field for field in spec.fields() if "presets" in field.wiring}


@cache
def settings(engine: str) -> list[tuple[spec.Field, bool]]:
    """The settings that count with `engine`, and whether each belongs to one form of a choice.

    What is not written in one form of a choice belongs to another form, and is not filled in.
    """
    others = set(spec.engines()) - {engine}
    choices = [field.path for field in spec.fields() if field.opens]
    return [
        (field, any(field.path[: len(choice)] == choice and field.path != choice for choice in choices))
        for field in spec.fields()
        if field.path[0] not in others
    ]


def _filled(document: Document, engine: str) -> tuple[Document, dict[spec.Path, str]]:
    filled: Document = {}
    origins: dict[spec.Path, str] = {}
    for field, is_of_one_form in settings(engine):
        value, origin = get(document, field.path), "document"
        if field.opens and isinstance(value, dict):
            continue  # its keys are settings of their own
        if value is None and not is_of_one_form:
            value, origin = from_preset(document, field), "preset"
            if value is None:
                value, origin = field.default, "default"
        if value is not None:
            put(filled, field.path, value)
            origins[field.path] = origin
    return filled, origins
