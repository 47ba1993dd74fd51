"""Answers questions about the specification: what is supported, what excludes what, what needs which machine.

Everything is computed from the schema; there is no list of settings here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from llem import machine, messages, spec, verdict

AMPERE, HOPPER = 8.0, 9.0


def get_backend_specific_params() -> dict[str, list[str]]:
    """The settings of each engine's own section, as dotted paths."""
    return {engine: [field.dotted for field in spec.engine_fields(engine)] for engine in spec.engines()}


def get_validation_rules() -> list[dict[str, str]]:
    """Every rule that is enforced: id, backend (`all`, or an engine), message, combination, reason, resolution."""
    return _told(spec.rules())


def get_preflight_rules() -> list[dict[str, str]]:
    """Every rule that `llem run` judges a document by, together with its model and the machine; in the same form."""
    return _told(spec.preflight())


def _told(rules: Iterable[spec.Rule]) -> list[dict[str, str]]:
    texts = ("message", "combination", "reason", "resolution")
    return [{"id": rule.id, "backend": rule.backend, **{key: rule.annotation[key] for key in texts}} for rule in rules]


def get_mutual_exclusions() -> dict[str, list[str]]:
    """For each setting that a rule forbids beside others: the values that forbid it, as `path=value|value`."""
    found: dict[str, list[str]] = {}
    known = {field.dotted for field in spec.fields()}
    for rule in spec.rules():
        for part in rule.node.get("allOf", [rule.node]):
            condition = list(_limits(part.get("if", {}), rule.section))
            for branch, holds in (("then", True), ("else", False)):
                for left, limit in _limits(part.get(branch, {}), rule.section):
                    for right, values in condition:
                        _add(found, left, f"{right}={_values(right, values, holds)}")
                        if holds and right in known and left in known:
                            _add(found, right, f"{left}={_values(left, limit, False)}")
    return found


def _limits(node: spec.Schema, path: str) -> Iterator[tuple[str, spec.Schema]]:
    """What a condition says of settings: each with its path and the words that limit its value."""
    node = spec.follow(node)
    for option in node.get("anyOf", ()):
        yield from _limits(option, path)
    for name, child in node.get("properties", {}).items():
        inner = f"{path}.{name}" if path else name
        child = spec.follow(child)
        if {"properties", "anyOf"} & child.keys():
            yield from _limits(child, inner)
        elif "allOf" not in child:  # names that may not be keys limit no value
            yield inner, child


def get_param_skip_conditions() -> dict[str, str]:
    """What a machine or a checkpoint must have for a value to run: `path=value` (`path` for a switch) -> sentence."""
    found = {}
    for field in spec.fields():
        for value, needs in field.wiring.get("values", {}).items():
            reason = requirement(needs)
            if reason:
                found[machine.named(field, value)] = reason
        if field.wiring.get("gpus"):
            found[f"{field.dotted}>1"] = "Requires as many GPUs as its value"
    return found


def requirement(needs: dict[str, Any]) -> str:
    """The needs of one value as a phrase, "" when there are none."""
    parts = []
    if "package" in needs:
        parts.append(f"the {needs['package']} package")
    if "compute_capability" in needs:
        parts.append(f"{_tier(needs['compute_capability'])} (compute capability {needs['compute_capability']}+)")
    elif needs.get("cuda"):
        parts.append("a CUDA GPU")
    if "checkpoint" in needs:
        parts.append(f"a checkpoint quantized with {needs['checkpoint']}")
    return f"Requires {' and '.join(parts)}" if parts else ""


def get_params_requiring_gpu_capability(min_compute_capability: float = AMPERE) -> list[str]:
    """The values, as `path=value`, that need a GPU of a tier up to that of `min_compute_capability`.

    Ampere (8.x and what older GPUs run too) is always included, Hopper from 9.0 on.
    """
    top = max(int(min_compute_capability), int(AMPERE))
    return [
        machine.named(field, value)
        for field in spec.fields()
        for value, needs in field.wiring.get("values", {}).items()
        if int(needs.get("compute_capability", top + 1)) <= top
    ]


def get_special_test_models() -> dict[str, str]:
    """The values that need a checkpoint of their own: `path=value` -> a small public one."""
    return {
        machine.named(field, value): needs["example"]
        for field in spec.fields()
        for value, needs in field.wiring.get("values", {}).items()
        if "example" in needs
    }


def get_backend_capabilities() -> dict[str, dict[str, bool | str]]:
    """The capability matrix: capability -> engine -> whether it has it, or the values it offers."""
    matrix: dict[str, dict[str, bool | str]] = {
        capability: dict.fromkeys(spec.engines(), False) for capability in spec.capabilities()
    }
    for field in spec.fields():
        for engine in field.wiring.get("calls", {}):
            if "capability" in field.wiring:
                matrix[field.wiring["capability"]][engine] = "/".join(map(str, field.values)).upper() or True
            for value, needs in field.wiring.get("values", {}).items():
                if "capability" in needs:
                    matrix[needs["capability"]][engine] = _is_valid(field, engine, value)
    return matrix


def get_capability_matrix_markdown() -> str:
    """The capability matrix as a Markdown table."""
    labels = [entry["label"] for entry in spec.engines().values()]
    lines = [f"| Capability | {' | '.join(labels)} |", "|---" * (len(labels) + 1) + "|"]
    for capability, support in get_backend_capabilities().items():
        cells = [value if isinstance(value, str) else "yes" if value else "no" for value in support.values()]
        lines.append(f"| {spec.capabilities()[capability]} | {' | '.join(cells)} |")
    return "\n".join(lines)


def __getattr__(name: str) -> dict[str, list[str]]:
    if name == "DECODER_PARAM_SUPPORT":
        return {engine: _decoder_numbers(engine) for engine in spec.engines()}
    if name == "PRECISION_SUPPORT":
        field = next(field for field in spec.fields() if field.path == ("precision",))
        return {engine: [v for v in field.values if _is_valid(field, engine, v)] for engine in spec.engines()}
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _decoder_numbers(engine: str) -> list[str]:
    """The decoder settings with a number that `engine` takes."""
    return [
        field.name
        for field in spec.fields()
        if field.path[0] == "decoder" and {"number", "integer"} & set(field.types) and field.targets(engine)
    ]


def _is_valid(field: spec.Field, engine: str, value: str) -> bool:
    document: Any = {"model": "m", spec.ENGINE: engine}
    node = document
    for part in field.path[:-1]:
        node = node.setdefault(part, {})
    node[field.name] = value
    return not verdict.violations(document)


def _values(path: str, limit: spec.Schema, holds: bool) -> str:
    """The values that `limit` allows (or, not `holds`, refuses), as `a|b`; `*` for any value at all."""
    for word, within, beyond in (("minimum", ">=", "<"), ("maximum", "<=", ">")):
        if word in limit:
            return f"{within if holds else beyond}{limit[word]}"
    is_set = "const" not in limit and "enum" not in limit and limit.get("type", "null") != "null"
    if is_set:
        return "*" if holds else "None"
    allowed = [limit["const"]] if "const" in limit else limit.get("enum", [None])
    if not holds:
        field = next(field for field in spec.fields() if field.dotted == path)
        every = [True, False, None] if field.types == ["boolean"] else [*field.values, None]
        allowed = (
            [value for value in every if value not in allowed] if field.types == ["boolean"] or field.values else []
        )
    allowed = sorted(allowed, key=lambda value: value is not None)
    return "|".join(str(value) for value in allowed) or "*"


def _add(found: dict[str, list[str]], path: str, exclusion: str) -> None:
    if exclusion not in found.setdefault(path, []):
        found[path].append(exclusion)


def _tier(capability: float) -> str:
    names = {7.5: "a Turing+ GPU", 8.0: "an Ampere+ GPU", 8.9: "an Ada Lovelace+ GPU", 9.0: "a Hopper+ GPU"}
    return names.get(capability, "a GPU")


def fields_table() -> list[dict[str, Any]]:
    """Every setting with what a reader of the documentation wants to know."""
    return [
        {
            "path": field.dotted,
            "type": kind(field.schema),
            "default": field.default,
            "description": field.description,
            "calls": field.wiring.get("calls", {}),
        }
        for field in spec.fields()
    ]


def kind(schema: spec.Schema) -> str:
    """The type and the bounds of a setting in a few words, null left out."""
    if "anyOf" in schema and "type" not in schema:
        branches = [spec.follow(branch) for branch in schema["anyOf"] if branch.get("type") != "null"]
        told = any("expected" in branch.get("x-llem", {}) for branch in branches)  # with the listed values
        forms = [kind(branch) for branch in branches if not (told and "enum" in branch)]
        return ", or ".join(dict.fromkeys(forms))
    if "enum" in schema:
        return ", ".join(
            f"`{value if isinstance(value, str) else json.dumps(value)}`"
            for value in schema["enum"]
            if value is not None
        )
    types = schema.get("type", [])
    words = [word for word in ([types] if isinstance(types, str) else types) if word != "null"]
    text = " or ".join(messages.KINDS[word].removeprefix("a ") for word in words)
    if "expected" in schema.get("x-llem", {}) and "pattern" in schema:
        return str(schema["x-llem"]["expected"])
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        return f"{text}, {least} to {most}"
    return f"{text}, at least {least}" if least is not None else text
