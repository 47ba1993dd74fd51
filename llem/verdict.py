"""Judges data against the specification. Knows the two JSON Schema engines and nothing about messages.

jsonschema-rs answers yes or no, fast; jsonschema explains a no. Where jsonschema-rs cannot be imported, jsonschema
does both, with the same result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from llem import spec


@dataclass(frozen=True)
class Violation:
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


def violations(data: Any, section: str = "") -> list[Violation]:
    """Everything that is wrong with `data`, which stands for the whole document or for one `section` of it."""
    if _is_valid(data, section):
        return []
    schema = _schema(section)
    rules = {id(rule.node): rule for rule in spec.rules()}
    return [_violation(error, schema, rules) for error in _explainer(section).iter_errors(data)]


def advice(resolved: spec.Schema) -> list[Violation]:
    """What the advice says of a resolved document, rule by rule."""
    schema = spec.advice_schema()
    rules = {id(rule.node): rule for rule in spec.advice()}
    return [_violation(error, schema, rules) for error in _adviser().iter_errors(resolved)]


def _schema(section: str) -> spec.Schema:
    whole = spec.bundle()
    return {"$ref": f"#/$defs/{section}", "$defs": whole["$defs"]} if section else whole


@cache
def _fast_judge(section: str) -> Any:
    try:
        import jsonschema_rs
    except ImportError:
        return None
    return jsonschema_rs.Draft202012Validator(_schema(section))


@cache
def _explainer(section: str) -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(_schema(section))


@cache
def _adviser() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(spec.advice_schema())


def _is_valid(data: Any, section: str) -> bool:
    judge = _fast_judge(section) or _explainer(section)
    return bool(judge.is_valid(data))


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
