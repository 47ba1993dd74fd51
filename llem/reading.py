"""Reads back what became of settings: follows the dotted paths of the specification into live objects.

Imports no engine: the objects are given, and what they say comes out as JSON.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from llem import spec


def paths(engine: str) -> list[str]:
    """Every path of the specification for `engine`, each once."""
    entries = [field.readback(engine) for field in spec.fields()]
    return list(dict.fromkeys(entry[key] for entry in entries for key in ("path", "where") if key in entry))


def read(wanted: Iterable[str], **roots: Any) -> dict[str, Any]:
    """What is found at each path below the `roots`, as JSON; what is not found is left out.

    A path is a root and names below it, each an attribute or a key; `()` calls what was found so far.
    """
    found = {}
    for path in wanted:
        try:
            found[path] = plain(follow(roots, path))
        except LookupError:
            continue
    return found


def follow(roots: Mapping[str, Any], path: str) -> Any:
    """The object at a path. Raises LookupError when the path ends early."""
    value: Any = roots
    for part in path.split("."):
        name = part.removesuffix("()")
        if isinstance(value, Mapping):
            value = value[name]
        else:
            try:
                value = getattr(value, name)
            except AttributeError:
                raise LookupError(path) from None
        if part.endswith("()"):
            value = value()
    return value


def plain(value: Any) -> Any:
    """The value as JSON: enums and objects by what they are called, for example `bfloat16` for a torch dtype."""
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=str)
    return str(value).removeprefix("torch.")
