"""The table of settings: what was asked of each beside what became of it, after a run and predicted before it.

A pure function of the plan and of what was read back; nothing is looked up in live objects here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from llem import resolution, spec
from llem.planning import Argument, Plan, Unsent

AS_ASKED, DEFAULT, CHANGED, NO_EFFECT = "as asked", "library default", "changed", "no effect"
LIVE, SENT = "live", "sent"


class Row(NamedTuple):
    """What became of one setting; `verdict` and `read` are words of the result schema."""

    path: str
    asked: Any
    effective: Any
    verdict: str
    read: str


class _Case(NamedTuple):
    """A setting of the plan: what was asked, the advice that set it aside, and the argument that stands for it."""

    field: spec.Field
    asked: Any
    unsent: Unsent | None
    argument: Argument | None
    readback: spec.Schema
    engine: str

    @property
    def meant(self) -> Any:
        """What is to be effective, in the words of the document."""
        return self.unsent.sent if self.unsent and self.unsent.sent is not None else self.asked

    @property
    def expected(self) -> Any:
        """What is to be read."""
        if self.argument is None or not self.is_own or self.argument.origin == "operator":
            return self.said(self.meant, self.meant)
        return self.said(self.meant, _untagged(self.argument.value))

    def said(self, value: Any, sent: Any = None) -> Any:
        """What is read where `value` took effect."""
        key = value if isinstance(value, str) else json.dumps(value)
        otherwise = sent if sent is not None else self.field.needs(value).get("sends", value)
        return self.readback.get("says", {}).get(key, otherwise)

    @property
    def is_own(self) -> bool:
        """Whether the argument holds this setting, not another one that takes its place."""
        return self.argument is not None and self.argument.path == self.field.dotted


def predicted(plan: Plan) -> list[Row]:
    """The table as the plan alone tells it; what is not known before the run is None in `effective`."""
    return [_row(case, None) for case in _cases(plan)]


def became(plan: Plan, found: Mapping[str, Any]) -> list[Row]:
    """The table after a run, from what was read at the paths of the specification."""
    return [_row(case, found) for case in _cases(plan)]


def _cases(plan: Plan) -> Iterator[_Case]:
    unsent = {one.path: one for one in plan.unsent}
    made = {call.name for call in plan.calls}
    for field, is_of_one_form in resolution.settings(plan.backend):
        asked, targets = resolution.get(plan.resolved, field.path), field.targets(plan.backend)
        if asked is None and (is_of_one_form or not targets):
            continue
        if field.opens and isinstance(asked, dict):  # its keys are settings of their own
            continue
        given = [argument for call, name in targets if (argument := _given(plan, call, name))]
        given.sort(key=lambda argument: argument.path != field.dotted)
        first = given[0] if given else None
        yield _Case(field, asked, unsent.get(field.dotted), first, field.readback(plan.backend, made), plan.backend)


def _given(plan: Plan, call: str, name: str) -> Argument | None:
    made = plan.call(call)
    return made.arguments.get(name) if made else None


def _row(case: _Case, found: Mapping[str, Any] | None) -> Row:
    """The row of one setting; without `found`, as far as the plan tells."""
    before, back = found is None, case.readback
    found = found or {}
    is_read = "path" in back and (before or "where" not in back or bool(found.get(back["where"])))
    read = LIVE if is_read else SENT
    if case.asked is None or (case.unsent and not _is_quiet(case.unsent)):
        verdict = DEFAULT if case.asked is None else NO_EFFECT
        known = _other(case) if before or not is_read else found.get(back["path"])
        return Row(case.field.dotted, case.asked, _worded(case, known), verdict, read)
    if not is_read:
        sent = case.argument.value if case.argument and case.argument.origin == "operator" else case.meant
        return Row(case.field.dotted, case.asked, sent, AS_ASKED, read)
    resolves = case.meant in back.get("resolves", ())
    if before:
        known = None if resolves or "at_most" in back or "where" in back else case.meant
        return Row(case.field.dotted, case.asked, known, AS_ASKED, read)
    live = _worded(case, found.get(back["path"]))
    if resolves:
        return Row(case.field.dotted, case.asked, live, AS_ASKED, read)
    if back.get("at_most"):
        holds = live is not None and live <= case.meant
    else:
        holds = _same(case.expected, found.get(back["path"]))
        live = case.meant if holds else live
    return Row(case.field.dotted, case.asked, live, AS_ASKED if holds else CHANGED, read)


def _is_quiet(unsent: Unsent) -> bool:
    return any(rule.id == unsent.rule and rule.annotation.get("quiet") for rule in spec.advice())


def _other(case: _Case) -> Any:
    """What takes the place of a setting that is not sent: another value that reads the same, or that of the library."""
    for other in spec.fields() if case.argument and not case.is_own and case.readback else ():
        reads = other.readback(case.engine).get("path")
        if case.argument and other.dotted == case.argument.path and reads == case.readback["path"]:
            return _untagged(case.argument.value)
    return case.field.library_default(case.engine, case.readback)


def _same(expected: Any, live: Any) -> bool:
    if isinstance(expected, bool) and not isinstance(live, str):  # a count of what the switch asks for
        return bool(live) == expected
    if isinstance(expected, Mapping) or isinstance(live, Mapping):  # where all keys have one value, it is that value
        one, other = _single(expected), _single(live)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
        return not isinstance(one, Mapping) and not isinstance(other, Mapping) and _same(one, other)
    kind, _, number = str(live).partition(":")  # a device may be named by its number, and the first one without it
    return bool(expected == live) or (number.isdigit() and expected in (int(number), kind if number == "0" else live))


def _single(value: Any) -> Any:
    values = list(value.values()) if isinstance(value, Mapping) else [value]
    return values[0] if values and all(one == values[0] for one in values) else value


def _worded(case: _Case, live: Any) -> Any:
    """What was read, in the words of the document."""
    is_count = isinstance(live, int) or (live is None and case.readback.get("path", "").startswith("record."))
    if case.field.types == ["boolean"] and is_count:
        return bool(live)
    words = [value for value in case.field.values if live is not None and live == case.said(value)]
    return words[0] if words else live


def _untagged(value: Any) -> Any:
    """The argument of a plan as it reads back."""
    match value:
        case {"$torch": name}:
            return name
        case {"$new": str(name)}:
            return name.rpartition(".")[2]
        case {"$map": pairs}:
            return {str(key): item for key, item in pairs}
        case {"$literal": mapping}:
            return mapping
    return value
