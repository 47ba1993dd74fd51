"""What there is to say of a valid document: settings without effect, contradictions, and what a GPU cannot do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from llem import messages, resolution, spec, verdict
from llem.machine import Gpus, lacks_gpu
from llem.messages import Message

TYPO = 0.88
"""How near a key must be to a name to look like a slip of the hand. Libraries have many names that are farther."""


def advice(document: dict[str, Any], machine: Gpus | None = None) -> list[Message]:
    """The advice on a valid document, at most one for each place; with `machine`, also what those GPUs cannot do."""
    meant = resolution.resolve(document)
    found: dict[tuple[str | int, ...], Message] = {}
    for message in (*_remarks(document, meant), *_inert(meant)):
        found.setdefault(message.path, message)
    return [*found.values(), *(_beyond(meant, machine) if machine else ())]


def _remarks(document: dict[str, Any], meant: resolution.Resolution) -> Iterator[Message]:
    for violation in (*verdict.remarks(document), *verdict.compared(meant.settled, spec.comparisons())):
        if violation.rule is not None:
            yield _message(violation.path, violation.rule)
    for rule, setting in spec.look_alikes():
        names = _names(meant.engine)
        for path in _free_keys(document, (setting,)):
            name = messages.closest(path[-1], names, TYPO)
            if name is not None:
                yield _message(path, rule, f": did you mean `{names[name]}`?")


def _free_keys(document: dict[str, Any], path: spec.Path) -> Iterator[spec.Path]:
    """The keys that are no settings, of the mapping at `path` and of those settings below it that are mappings too."""
    for key in resolution.get(document, path) or ():
        if spec.is_setting((*path, key)):
            yield from _free_keys(document, (*path, key))
        else:
            yield (*path, key)


@cache
def _names(engine: str) -> dict[str, str]:
    """The names that a key could be meant to be, also in other tools, each with the path of its setting."""
    fields = [field for field in spec.fields() if field.path[0] == engine or field.path[0] not in spec.engines()]
    paths = {field.dotted for field in fields}
    targets = [(argument, field.dotted) for field in reversed(fields) for _, argument in field.targets(engine)]
    arguments = {argument: path for argument, path in targets if argument.isidentifier()}
    elsewhere = {name: today for name, today in spec.names().items() if today in paths}
    return arguments | elsewhere | {field.name: field.dotted for field in fields}


def _inert(meant: resolution.Resolution) -> Iterator[Message]:
    """What the document itself says in vain: not presets and defaults, nor a value equal to its default."""
    for inert in meant.inert:
        written = inert.origin == "document" and inert.value != _default(inert.path)
        if written and not inert.rule.annotation.get("quiet"):
            yield _message(inert.path, inert.rule)


def _default(path: spec.Path) -> Any:
    return next(field.default for field in spec.fields() if field.path == path)


def _message(path: tuple[str | int, ...], rule: spec.Rule, ending: str = ".") -> Message:
    text = str(rule.annotation["message"]).removesuffix(".")
    return Message(path, rule.id, text + ending, at_key=True)


def _beyond(meant: resolution.Resolution, machine: Gpus) -> Iterator[Message]:
    """The values whose needs (`x-llem`) the GPUs do not meet."""
    for field in spec.fields():
        value = resolution.get(meant.settled, field.path)
        text = "" if value is None else lacks_gpu(field, value, machine)
        if text:
            yield Message(field.path, "requires-gpu", f"{messages.shown(value)} {text}")
