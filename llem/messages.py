"""Says what is wrong with a document in one sentence that tells what to do."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from llem import spec
from llem.verdict import Violation

KINDS = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}
LONGEST_VALUE = 60


@dataclass(frozen=True)
class Message:
    """`text` about the value at `path`, or about its key (`at_key`); `rule` is a rule's id or a schema keyword.

    `meant` is the key that was probably meant in place of an unknown one, "" when none is known.
    """

    path: tuple[str | int, ...]
    rule: str
    text: str
    at_key: bool = False
    meant: str = ""


def messages(violations: Sequence[Violation]) -> list[Message]:
    """One message for each thing to change: what a rule says of a place takes the place of what a keyword says."""
    found = [message for violation in violations for message in _messages(violation)]
    ruled = {message.path for message in found if not is_keyword(message.rule)}
    kept = [message for message in found if not is_keyword(message.rule) or message.path not in ruled]
    guessed = {(*message.path[:-1], message.meant) for message in kept if message.meant}
    unique = {
        (message.path, message.rule): message
        for message in kept
        if not (message.rule == "required" and message.path in guessed)
    }
    return list(unique.values())


def is_keyword(rule: str) -> bool:
    """Whether the name is a keyword of JSON Schema, and no rule's id."""
    return rule in _KEYWORDS or rule in _STRUCTURE


def dotted(path: Sequence[str | int]) -> str:
    """A path as people write it: `pytorch.kernels["model.layers.0"]`, `""` for the whole document."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[$\w-]+", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text


def shown(value: Any) -> str:
    """A value as it is quoted in a message, cut when it is long."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        value = value[: LONGEST_VALUE - 1] + "…"
    return json.dumps(value, ensure_ascii=False)


def closest(word: str, options: Iterable[str], cutoff: float = 0.7) -> str | None:
    """The option that was probably meant, None when none is near: 1 is the same word, 0 an altogether other one."""
    plain = {option.lower().replace("-", "_"): option for option in reversed(list(options))}
    near = difflib.get_close_matches(word[:LONGEST_VALUE].lower().replace("-", "_"), plain, n=1, cutoff=cutoff)
    return plain[near[0]] if near else None


def _messages(violation: Violation) -> Iterator[Message]:
    if violation.rule is not None:
        own = violation.schema.get("x-llem", {}).get("message")
        text = str(own or violation.rule.annotation["message"])
        for path in _missing(violation) or [violation.path]:
            yield Message(path, violation.rule.id, text, at_key=True)
    elif violation.keyword == "additionalProperties":
        for key in _unknown_keys(violation):
            text, meant = _unknown_key(violation, key)
            yield Message((*violation.path, key), violation.keyword, text, at_key=True, meant=meant)
    elif violation.keyword == "required":
        for path in _missing(violation):
            yield Message(path, violation.keyword, f"`{path[-1]}` is missing: add it.")
    elif violation.keyword == "anyOf":
        yield from _of_the_form_that_was_meant(violation)
    else:
        text = _KEYWORDS[violation.keyword](violation)
        yield Message(violation.path, violation.keyword, text)


def _missing(violation: Violation) -> list[tuple[str | int, ...]]:
    """The places where something is missing."""
    if violation.keyword != "required":
        return []
    return [(*violation.path, key) for key in violation.expected if key not in violation.instance]


def _of_the_form_that_was_meant(violation: Violation) -> Iterator[Message]:
    """The messages of the form that the value resembles most: the same kind, then the fewest things to change."""

    def distance(branch: tuple[spec.Schema, tuple[Violation, ...]]) -> tuple[bool, bool, int]:
        schema, inner = branch
        wrong_kind = any(_is_of_another_kind(one) and one.path == violation.path for one in inner)
        unknown = [key for one in inner if one.keyword == "additionalProperties" for key in _unknown_keys(one)]
        return wrong_kind, "type" not in schema, len(inner) + len(unknown)

    schema, inner = min(violation.branches, key=distance)
    if distance((schema, inner))[0]:
        kinds = [kind for branch, _ in violation.branches for kind in _kinds(branch)]
        text = f"{shown(violation.instance)} is not {_either(list(dict.fromkeys(kinds)))}: give one of these."
        yield Message(violation.path, "type", text)
    else:
        for one in inner:
            yield from _messages(one)


def _is_of_another_kind(violation: Violation) -> bool:
    if violation.keyword == "enum":
        return not any(type(value) is type(violation.instance) for value in violation.expected)
    return violation.keyword == "type"


def _unknown_keys(violation: Violation) -> list[str]:
    known = violation.schema.get("properties", {})
    patterns = violation.schema.get("patternProperties", {})
    return [key for key in violation.instance if key not in known and not any(re.search(p, key) for p in patterns)]


def _unknown_key(violation: Violation, key: str) -> tuple[str, str]:
    """Says what to do about an unknown key, and which key was meant ("" when none is known).

    In this order: a name of other tools or older versions, a key that is near, the section it belongs to, else the
    keys there are.
    """
    quoted = f"`{shown_key(key)}`"
    today = spec.names().get(key.lower().replace("-", "_"))
    if today:
        return _renamed(violation, quoted, today)
    known = [name for name in violation.schema.get("properties", {}) if name not in violation.instance]
    here = closest(key, known)
    if here:
        return f"{quoted} is not a setting here: did you mean `{here}`?", here
    homes = [field for field in spec.fields() if field.name == key and field.path[:-1] != violation.path]
    if homes:
        return f"{quoted} is not a setting here: it belongs {_either([_place(home.path) for home in homes])}.", ""
    patterns = violation.schema.get("patternProperties")
    if patterns:
        expected = violation.schema.get("x-llem", {}).get("expected", f"a key matches {_either(list(patterns))}")
        return f"{quoted} is not a key here: {expected}.", ""
    if any(field.path == (*violation.path, key) for field in spec.fields()):
        return f"{quoted} belongs to another form of this section: remove it.", ""
    elsewhere = closest(key, [field.name for field in spec.fields()])
    if elsewhere:
        home = dotted(next(field for field in spec.fields() if field.name == elsewhere).path)
        return f"{quoted} is not a setting: did you mean `{home}`?", ""
    return f"{quoted} is not a setting: remove it.", ""


def _renamed(violation: Violation, quoted: str, today: str) -> tuple[str, str]:
    """What to write for a name of other tools: `today` is the path of a setting, or says what to do."""
    if " " in today:
        return f"{quoted} is not a setting: {today}", ""
    *section, name = today.split(".")
    if tuple(section) != violation.path:
        return f"{quoted} is called `{name}` and belongs {_place((*section, name))}: write it there.", name
    if name in violation.instance:
        return f"{quoted} is called `{name}`, which stands here already: remove it.", name
    return f"{quoted} is called `{name}` here: rename it.", name


def _place(path: spec.Path) -> str:
    return f"under `{dotted(path[:-1])}`" if path[1:] else "at the top level"


def shown_key(key: str) -> str:
    """A key as it is quoted in a message, cut when it is long."""
    text = json.dumps(key, ensure_ascii=False)[1:-1]
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _kinds(schema: spec.Schema) -> list[str]:
    if "enum" in schema:
        return [str(value) for value in schema["enum"] if value is not None]
    kinds = schema.get("type", [])
    return [KINDS[kind] for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]


def _either(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def _type(violation: Violation) -> str:
    value, kinds = violation.instance, _kinds(violation.schema)
    text = f"{shown(value)} is not {_either(kinds)}"
    if isinstance(value, str):
        unquoted = {"true": "true", "false": "false", "yes": "true", "no": "false", "on": "true", "off": "false"}
        if "true or false" in kinds and value.lower() in unquoted:
            return f"{text}: write {unquoted[value.lower()]}."
        if {"a number", "a whole number"} & set(kinds) and re.fullmatch(r"[-+]?[0-9.]+", value):
            return f"{text}: remove the quotes."
    elif "text" in kinds and not isinstance(value, dict | list | type(None)):
        return f"{text}: write it in quotes."
    return f"{text}: give {_either(kinds)}."


def _enum(violation: Violation) -> str:
    options = [str(json.dumps(value)).strip('"') for value in violation.expected if value is not None]
    text = f"{shown(violation.instance)} is not one of {', '.join(options)}"
    values = violation.schema.get("x-llem", {}).get("values", {})
    same = [value for value, about in values.items() if about.get("sends") == violation.instance]
    is_text = isinstance(violation.instance, str)
    near = same[0] if same else closest(violation.instance, options) if is_text else None
    return f"{text}: did you mean {near}?" if near else f"{text}: choose one of these."


def _pattern(violation: Violation) -> str:
    expected = violation.schema.get("x-llem", {}).get("expected", "text that is allowed here")
    return f"{shown(violation.instance)} is not {expected}."


_KEYWORDS: dict[str, Callable[[Violation], str]] = {
    "not": _pattern,
    "type": _type,
    "enum": _enum,
    "pattern": _pattern,
    "minimum": lambda v: f"{shown(v.instance)} is below the least allowed value, {v.expected}: raise it.",
    "maximum": lambda v: f"{shown(v.instance)} is above the greatest allowed value, {v.expected}: lower it.",
    "exclusiveMinimum": lambda v: f"{shown(v.instance)} must be greater than {v.expected}: raise it.",
    "exclusiveMaximum": lambda v: f"{shown(v.instance)} must be less than {v.expected}: lower it.",
    "minLength": lambda _: "The text is empty: write something.",
    "minProperties": lambda _: "The mapping is empty: fill it, or remove the key.",
    "minItems": lambda v: (
        f"The list has {len(v.instance)} items and needs {v.expected}: fill it."
        if v.instance
        else "The list is empty: fill it, or remove the key."
    ),
    "maxItems": lambda v: f"The list has {len(v.instance)} items, and {v.expected} at most: shorten it.",
}
_STRUCTURE = {"additionalProperties", "required", "anyOf"}


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1]}"
    return lines[0] if lines else type(error).__name__
