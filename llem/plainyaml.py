"""Reads YAML that is plain, several times faster than the reader, and leaves all other YAML to it.

Plain is one document of mappings, lists and scalars: no anchor, tag, directive, merge or duplicate key, nothing deep or
large, nothing that the reader would find fault with. Where both read, the data are the same.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from llem.scalars import plain_value

UNUSUAL = object()
"""Stands for a text that is not plain."""

LONGEST = 64 * 1024
DEEPEST = 50
_PLAIN_BYTES = bytes({*range(0x20, 0x7F), *b"\n"} - {*b"&*!%"})
_UNUSUAL = (b"<<", b"---", b"...", b"? ", b"- - ", b": - ")
MOST_KEYS = 1000
_known_keys: set[str] = set()
"""Keys that were found plain: documents have the same few."""
_PLAIN_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]*")


def plain(content: bytes) -> Any:
    """The data of the text, as the reader gives it, or UNUSUAL."""
    if len(content) > LONGEST or content.translate(None, _PLAIN_BYTES):
        return UNUSUAL
    for sign in _UNUSUAL:
        if sign in content:
            return UNUSUAL
    if content.count(b"[") + content.count(b"{") > DEEPEST:
        return UNUSUAL
    parser = _parser()
    if parser is None:
        return UNUSUAL
    try:
        return _data(parser(content).get_single_node(), DEEPEST)
    except Exception:  # whatever it is, the reader says it better
        return UNUSUAL


@cache
def _parser() -> Any:
    """libyaml's parser without any resolving of tags, None where PyYAML comes without libyaml."""
    try:
        from yaml.cyaml import CParser  # type: ignore[attr-defined]
    except ImportError:
        return None

    class Parser(CParser):
        def resolve(self, kind: Any, value: Any, implicit: Any) -> None:
            """Plain scalars are told apart by their style."""

        def descend_resolver(self, node: Any, index: Any) -> None:
            """There is nothing to resolve by path."""

        def ascend_resolver(self) -> None:
            """There is nothing to resolve by path."""

    return Parser


def _data(node: Any, depth: int) -> Any:
    """The data of a node of libyaml's. Raises for what is not plain."""
    value = node.value
    if isinstance(value, str):
        return value if node.style else plain_value(value)
    if not depth:
        raise ValueError("deep")
    if node.id == "sequence":
        return [_data(item, depth - 1) for item in value]
    found = {}
    for key, item in value:
        name = key.value
        if name not in _known_keys:
            if not _PLAIN_KEY.fullmatch(name) or plain_value(name) is not name:
                raise ValueError("key")
            if len(_known_keys) < MOST_KEYS:
                _known_keys.add(name)
        found[name] = _data(item, depth - 1)
    if len(found) != len(value):
        raise ValueError("duplicate key")
    return found
