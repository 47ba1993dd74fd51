"""Judges data against the specification. Knows the two JSON Schema engines and nothing about messages.

jsonschema-rs answers yes or no, fast; jsonschema explains a no. Where jsonschema-rs cannot be imported, jsonschema
does both, with the same result.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any, NamedTuple

from llem import spec


class Violation(NamedTuple):
    """One place where data and schema disagree.

    `path` leads to the value, `keyword` is the JSON Schema word that failed and `expected` its value, `schema` the
    node it stands in, `rule` the rule that the node belongs to (None: it is no rule's), and `branches` holds, for
    a choice of forms, the violations of each form.
    """

    path: tuple[str | int, ...]
    keyword: str
    expected: Any
    instance: Any
    schema: spec.Schema
    rule: spec.Rule | None = None
    branches: tuple[tuple[spec.Schema, tuple[Violation, ...]], ...] = ()


ADVICE, REMARKS, PREFLIGHT = "advice", "remarks", "preflight"
"""Name, among the sections of a document, the advice that settles what is sent, the advice that only reports, and the
rules that are judged right before a run."""


def violations(data: Any, section: str = "") -> list[Violation]:
    """Everything that is wrong with `data`, which stands for the whole document or for one `section` of it."""
    return _disagreements(data, section, spec.rules)


def advice(resolved: spec.Schema) -> list[Violation]:
    """What the advice that settles what is sent says of a resolved document, in the order of the advice."""
    return _disagreements(resolved, ADVICE, spec.advice)


def remarks(document: spec.Schema) -> list[Violation]:
    """What the advice that only reports says of a document as written, in the order of the advice."""
    return _disagreements(document, REMARKS, spec.advice)


def preflight(known: spec.Schema) -> list[Violation]:
    """What the rules of a run say of a document, its models and the machine, in the order of the rules."""
    return _disagreements(known, PREFLIGHT, spec.preflight)


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "divides": lambda part, whole: whole % part == 0,
}
CHECK = "x-llem-check"


def compared(data: Any, comparisons: Iterable[spec.Rule]) -> Iterator[Violation]:
    """The comparisons of settings that do not hold in `data`, where both settings are set."""
    for rule in comparisons:
        path, other = (tuple(rule.annotation[key].split(".")) for key in ("path", "other"))
        left, right = _at(data, path), _at(data, other)
        if left is None or right is None or right < rule.annotation.get("from", right):
            continue
        if not OPERATORS[rule.annotation["operator"]](left, right):
            yield Violation(path, CHECK, rule.annotation, left, rule.node, rule)


def _at(data: Any, path: spec.Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _disagreements(data: Any, name: str, rules: Callable[[], tuple[spec.Rule, ...]]) -> list[Violation]:
    if is_valid(data, name):
        return []
    nodes = {id(rule.node): rule for rule in rules()}
    found = [_violation(error, _schema(name), nodes) for error in _explainer(name).iter_errors(data)]
    if not found and not name:
        found = list(compared(data, spec.checks()))
    if not found:
        raise AssertionError("the two JSON Schema engines disagree: please report this document")
    return found


def is_valid(data: Any, name: str = "") -> bool:
    """Whether there is nothing to say of `data`: a document, a section of one, or, for advice, a document as meant."""
    return judge(name)(data)


def judge(name: str = "") -> Callable[[Any], bool]:
    """The function that gives the verdict of `is_valid`."""
    return _with_checks((_fast_judge(name) or _explainer(name)).is_valid, name)


def explains(data: Any, name: str = "") -> bool:
    """The same verdict, by the engine that explains; the two never differ."""
    return bool(_with_checks(_explainer(name).is_valid, name)(data))


def _with_checks(is_valid: Callable[[Any], bool], name: str) -> Callable[[Any], bool]:
    """The verdict of the schema and, for a whole document, of the comparisons that schemas cannot state."""
    if name or not spec.checks():
        return is_valid
    return lambda data: is_valid(data) and next(compared(data, spec.checks()), None) is None


def _schema(name: str) -> spec.Schema:
    if name in (ADVICE, REMARKS):
        whole = spec.advice_schema()
        parts = [part for part in whole["allOf"] if bool(part["x-llem-rule"].get("reports")) == (name == REMARKS)]
        return {**whole, "allOf": parts}
    if name == PREFLIGHT:
        return spec.preflight_schema()
    whole = spec.bundle()
    return {"$ref": f"#/$defs/{name}", "$defs": whole["$defs"]} if name else whole


@cache
def _fast_judge(name: str) -> Any:
    try:
        import jsonschema_rs
    except ImportError:
        return None
    return jsonschema_rs.Draft202012Validator(_schema(name))


@cache
def _explainer(name: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(name))


def _violation(error: Any, schema: spec.Schema, rules: dict[int, spec.Rule]) -> Violation:
    branches: dict[int, list[Violation]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.relative_schema_path[0], []).append(_violation(inner, schema, rules))
    return Violation(
        path=tuple(error.absolute_path),
        keyword=error.validator,
        expected=error.validator_value,
        instance=error.instance,
        schema=error.schema,
        rule=next((rules[id(node)] for node in _nodes(error, schema) if id(node) in rules), None),
        branches=tuple(
            (spec.follow(error.validator_value[index], schema), tuple(inner)) for index, inner in branches.items()
        ),
    )


def _nodes(error: Any, schema: spec.Schema) -> Iterator[Any]:
    """The schema nodes from the root down to the one that failed. The engine's path leaves out `if` and `$ref`."""
    node: Any = schema
    for part in error.absolute_schema_path:
        if isinstance(node, dict):
            yield node
            node = spec.follow(node, schema) if part not in node else node
            yield node
        node = node[part]
