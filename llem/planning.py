"""Turns a document into a plan: the calls of the engine with their exact arguments, as plain JSON.

Everything about single settings is read from the specification (`x-llem` and schema/engines.json). What JSON lacks
is tagged: `{"$torch": "bfloat16"}`, `{"$new": "module.Class"}`, `{"$map": [[0, "8GiB"]]}`,
`{"$call": "BitsAndBytesConfig"}`, `{"$model": "builtin:tiny-llama"}`, `{"$rank": "device"}`; `{"$literal": {…}}` is a
mapping that only looks like a tag.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from llem import resolution, spec, validation

if TYPE_CHECKING:
    from llem.asked import Row


@dataclass(frozen=True)
class Argument:
    """One argument: its JSON value, where it comes from, and the setting it stands for ("" for llem's own)."""

    value: Any
    origin: str
    path: str = ""


@dataclass
class Call:
    """One call: its name in the specification, what is called, and the arguments in order."""

    name: str
    target: str
    arguments: dict[str, Argument] = field(default_factory=dict)
    made: bool = False


@dataclass(frozen=True)
class Unsent:
    """A setting that has no effect as it stands: where it comes from, what is sent in its place, and why."""

    path: str
    value: Any
    origin: str
    sent: Any
    reason: str
    rule: str


@dataclass(frozen=True)
class Plan:
    """What will run, and nothing else: the calls in order, and the settings that have no effect."""

    backend: str
    document: dict[str, Any]
    resolved: dict[str, Any]
    calls: list[Call]
    unsent: list[Unsent]

    def call(self, name: str) -> Call | None:
        """The call of that name, None when it is not made."""
        return next((call for call in self.calls if call.name == name), None)

    def arguments(self, name: str) -> dict[str, Any]:
        """The arguments of the call as JSON, {} when it is not made."""
        call = self.call(name)
        return {key: argument.value for key, argument in call.arguments.items()} if call else {}

    def consented(self) -> bool:
        """Whether the operator lets the model run code of its own."""
        arguments = (argument for call in self.calls for argument in call.arguments.values())
        return any(argument.origin == "operator" and argument.value for argument in arguments)

    def kwargs(self, name: str) -> dict[str, Any]:
        """The live arguments of the call (torch dtypes, a real BitsAndBytesConfig), {} when it is not made."""
        if self.backend == "pytorch":
            from llem import pytorch

            live: dict[str, Any] = pytorch.live(self, self.arguments(name))
            return live
        return self.arguments(name)

    def settings(self) -> list[Row]:
        """What will become of each setting, as far as the plan tells: asked, effective, and the verdict."""
        from llem import asked

        return asked.predicted(self)

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON."""
        return {
            "backend": self.backend,
            "calls": [
                {
                    "call": call.name,
                    "target": call.target,
                    "arguments": {key: argument.value for key, argument in call.arguments.items()},
                    "origins": {
                        key: {"from": argument.origin, **({"path": argument.path} if argument.path else {})}
                        for key, argument in call.arguments.items()
                    },
                }
                for call in self.calls
            ],
            "unsent": [asdict(one) for one in self.unsent],
        }


def plan(document: Any, trust_remote_code: bool | None = None) -> Plan:
    """The plan of a valid document (a mapping, a path, or a model).

    The second argument is the operator's word on code that comes with a model: without it (False) the library is
    given False whatever the document asks; None takes what the document asks, for building arguments by hand.
    Raises InvalidDocument when the document has problems, OSError when a file cannot be opened.
    """
    opened, file = validation.read_document(document)
    found = validation.check(opened, file)
    if found:
        raise validation.InvalidDocument(found)
    return of(opened.data, trust_remote_code)


def of(document: dict[str, Any], consent: bool | None = None) -> Plan:
    """The plan of plain data that is known to be valid; `consent` is the operator's word."""
    meant = resolution.resolve(document)
    table = spec.calls(meant.engine)
    calls = {name: Call(name, entry["target"], made=entry.get("always", False)) for name, entry in table.items()}
    unsent = [_set_aside(inert) for inert in meant.inert]
    replaced = {inert.path for inert in meant.inert}
    gifts: list[tuple[str, Argument]] = []
    for setting in spec.fields():
        value = resolution.get(meant.settled, setting.path)
        if value is None or (setting.opens and isinstance(value, dict)):
            continue
        origin = "llem" if setting.path in replaced else meant.origins[setting.path]
        if setting.wiring.get("consent") and consent is not None:
            value, origin = value and consent, "operator"
        _give(calls, setting, meant.engine, value, origin)
        given = setting.wiring.get("gives", {}) if setting.targets(meant.engine) else {}
        gifts += [(target, Argument(gift, origin, setting.dotted)) for target, gift in given.items()]
    for name, entry in table.items():
        for argument, value in entry.get("arguments", {}).items():
            calls[name].arguments[argument] = Argument(value, "llem")
    for name, entry in table.items():
        given = entry.get("gives", {}) if calls[name].made else {}
        gifts += [(target, Argument(gift, "llem")) for target, gift in given.items()]
    for target, gift in gifts:
        receiver, _, argument = target.partition(".")
        if receiver in calls:
            calls[receiver].arguments.setdefault(argument, gift)
    made = [call for call in calls.values() if call.made]
    return Plan(meant.engine, document, meant.resolved, made, unsent)


def _give(calls: dict[str, Call], setting: spec.Field, engine: str, value: Any, origin: str) -> None:
    for name, argument in setting.targets(engine):
        call = calls[name]
        if argument == "()":
            call.made = bool(value)
        elif argument == "**":
            for key, passed in value.items():
                if not spec.is_setting((*setting.path, key)):
                    call.arguments[key] = Argument(_literal(passed), "passthrough", f"{setting.dotted}.{key}")
        else:
            call.arguments[argument] = Argument(_sent(setting, engine, value), origin, setting.dotted)
            call.made = call.made or not _is_switched(name, engine)


def _is_switched(call: str, engine: str) -> bool:
    return any((call, "()") in setting.targets(engine) for setting in spec.fields())


def _sent(setting: spec.Field, engine: str, value: Any) -> Any:
    """The JSON form of what is sent: the library's word, the number type it tests for, a tag for what JSON lacks."""
    value = setting.needs(value).get("sends", value) if not isinstance(value, dict | list) else value
    if setting.types == ["number"]:
        value = float(value)
    elif setting.schema.get("items", {}).get("type") == "number":
        value = [float(item) for item in value]
    tag = setting.wiring.get("tags", {}).get(engine)
    return TAGS[tag](value) if tag else _literal(value)


def _literal(value: Any) -> Any:
    """The value such that no mapping of the document can be taken for a tag."""
    if isinstance(value, list):
        return [_literal(item) for item in value]
    if not isinstance(value, dict):
        return value
    if any(key.startswith("$") for key in value):
        return {"$literal": value}
    return {key: _literal(item) for key, item in value.items()}


TAGS: dict[str, Callable[[Any], Any]] = {
    "$torch": lambda value: {"$torch": value},
    "$new": lambda value: {"$new": value},
    "$map": lambda value: {"$map": _pairs(value)},
    "$model": lambda value: {"$model": value} if value.startswith("builtin:") else value,
}


def _pairs(value: dict[str, Any]) -> list[list[Any]]:
    """The pairs of a map: numbers first and in order, because an object in JSON has none, then words as they stand."""
    numbers = sorted(([int(key), item] for key, item in value.items() if key.isdigit()), key=lambda pair: pair[0])
    return numbers + [[key, item] for key, item in value.items() if not key.isdigit()]


def _set_aside(inert: resolution.Inert) -> Unsent:
    annotation = inert.rule.annotation
    path = ".".join(inert.path)
    return Unsent(path, inert.value, inert.origin, inert.sent, annotation["reason"], inert.rule.id)
