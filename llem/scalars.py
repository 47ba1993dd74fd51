"""The values of a document that hold no others: what their text means (YAML 1.2, core schema), and their one form."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_INTEGER = 2**53  # every whole number up to here is exact as a double, in any JSON library

_SURROGATE = re.compile("[\ud800-\udfff]")
_WORDS: dict[str, bool | None] = {"": None, "~": None, "null": None, "Null": None, "NULL": None}
_WORDS |= {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NUMBER_START = frozenset("+-.0123456789")
_NUMBER = re.compile(
    r"(?P<integer>[-+]?[0-9]+)"
    r"|0o(?P<octal>[0-7]+)"
    r"|0x(?P<hexadecimal>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<endless>[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
)
_TOO_LARGE = f"whole numbers must lie within ±{MAX_INTEGER}; give a number nearer to 0"


class Refused(Exception):
    """What is wrong with one value: a rule and a message."""


def plain_value(text: str) -> Any:
    """Resolve a scalar without quotes by the YAML 1.2 core schema.  Raises Refused."""
    if text in _WORDS:
        return _WORDS[text]
    match = _NUMBER.fullmatch(text) if text[0] in _NUMBER_START else None
    if match is None:
        return text
    if match.lastgroup == "float":
        return scalar_value(float(text))
    if match.lastgroup == "endless":
        return scalar_value(math.inf)
    if match.lastgroup != "integer":
        return scalar_value(int(text[2:], 8 if match.lastgroup == "octal" else 16))
    digits = text.lstrip("+-").lstrip("0") or "0"
    if len(digits) > len(str(MAX_INTEGER)):  # int() is slow with very many digits, and refuses more
        raise Refused("number", _TOO_LARGE)
    return scalar_value(-int(digits) if text[0] == "-" else int(digits))


def scalar_value(value: Any) -> Any:
    """Give a scalar its one plain form.  Raises Refused."""
    if isinstance(value, str):
        if not value.isascii() and _SURROGATE.search(value):
            raise Refused("encoding", "half a surrogate pair is no character; write the whole character")
        return str.__str__(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Refused("number", "numbers must be finite; give a finite number")
        if not value.is_integer():
            return float(value)
    elif not isinstance(value, int):
        given = quote(type(value).__name__)
        raise Refused("type", f"a value of type {given} is no data; give a mapping, a list or a scalar")
    if abs(whole := int(value)) > MAX_INTEGER:
        raise Refused("number", _TOO_LARGE)
    return whole


def quote(text: str) -> str:
    """A text as it is quoted in a message, cut when it is long."""
    return json.dumps(text if len(text) <= 60 else text[:57] + "...", ensure_ascii=False)
