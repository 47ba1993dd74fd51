"""Turn the text of a document into plain data, and say where each key and value stands.

Knows nothing about schemas.  YAML (1.2, core schema), JSON and Python objects are all taken apart into
the same few steps - open, scalar, alias, close - that build the plain data and, beside it, a tree of
places.  Open lists and mappings are kept on a stack of their own, so no text can exhaust Python's, and
a document is given up as soon as it is nested too deeply or grows too much through its aliases.

The rules a fault may name are syntax, encoding, empty, nesting, alias, merge, tag, key, duplicate-key,
number and type.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from llem.scalars import Refused, plain_value, quote, scalar_value

MAX_DEPTH = 100
MAX_ALIAS_GROWTH = 100_000  # nodes that aliases may add to those written in the text
MAX_OBJECT_NODES = 10_000_000  # nodes in data given as Python objects
MAX_TAG_DIRECTIVES = 1_000  # libyaml compares each of them with all earlier ones

_BOM = b"\xef\xbb\xbf"
_LINE_BREAK = re.compile(r"\r\n?|\n")
_NOT_YAML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_JSON_TOKEN = re.compile(r'[][{}"]|[^][{}",:\s]+')
_JSON_ENDLESS = {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}

_EMPTY = "the document is empty: write at least one key, or remove the document"
_TOO_DEEP = f"the data is nested more than {MAX_DEPTH} levels deep; make it flatter"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with the text, or with the data itself."""

    path: tuple[str | int, ...]  # () for the whole document
    rule: str
    message: str  # one sentence that says what to do
    line: int | None = None  # 1-based
    column: int | None = None  # 1-based, in characters


@dataclass(slots=True)
class _Source:
    text: str
    line_starts: list[int] = field(default_factory=list)  # filled when a position is first asked for


@dataclass(slots=True)
class _Node:
    """A value where it stands in the text.  An alias is a second node that shares what it refers to."""

    value: Any
    at: int  # offset of its first character
    children: Any = None  # list[_Node], or dict[str, tuple[int, _Node]] with the offset of each key
    size: int = 1  # nodes in it with its aliases expanded; 0 while it is still open
    height: int = 0  # levels of nesting in it, its own included
    sound: bool = True  # False when a fault has put None in the place of its value


@dataclass(slots=True)
class _Frame:
    """A list or mapping that is still open."""

    node: _Node
    awaits: str  # what comes next: "item", "key", "value", "merge", or "nothing" for one to be dropped
    nodes_before: int
    key: str | None = None  # the key whose value comes next
    key_at: int = 0
    merge_at: int | None = None
    merged: list[_Node] = field(default_factory=list)


@dataclass(slots=True)
class _Tree:
    """One document while it is built."""

    source: _Source | None  # None for Python objects, whose faults have no position
    start: int = 0
    faults: list[Fault] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, _Node] = field(default_factory=dict)
    root: _Node | None = None
    nodes: int = 0  # with aliases expanded
    growth: int = 0  # how many of them are not in the text


class _Abandoned(Exception):
    """The document is given up; its last fault says why."""


@dataclass(slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and the faults met on the way to it."""

    data: Any
    faults: list[Fault]
    _source: _Source | None = field(default=None, repr=False, compare=False)
    _root: _Node | None = field(default=None, repr=False, compare=False)

    def locate(self, path: Sequence[str | int], key: bool = False) -> tuple[int, int] | None:
        """Give the 1-based line and column of the value at `path`, or of its key.

        List items and the whole document have no key, so their value is located instead.  A path
        that does not exist is located as its deepest ancestor that does.  None when there is no text,
        or no data in it.
        """
        node = self._root
        if node is None or self._source is None:
            return None
        key_at = node.at
        for step in path:
            if isinstance(node.children, dict) and step in node.children:
                key_at, node = node.children[step]
            elif isinstance(node.children, list) and isinstance(step, int) and 0 <= step < len(node.children):
                node = node.children[step]
                key_at = node.at
            else:
                break
        return _position(self._source, key_at if key else node.at)


def read(content: bytes, json: bool = False) -> list[Document]:
    """Read every document of a YAML stream, or the one of a JSON text.

    Never raises for what the text holds: whatever is wrong with it is in the `faults` of a document.
    Reading ends with the first document that has to be given up; that one has the data None.
    """
    content = content.removeprefix(_BOM)
    try:
        source = _Source(content.decode())
    except UnicodeDecodeError as error:
        good = _Source(content[: error.start].decode())
        return [_failed(good, len(good.text), "encoding", "the text is not UTF-8 here; save it as UTF-8")]
    return _read_json(source) if json else _read_yaml(source)


def normalise(value: Any) -> tuple[Any, list[Fault]]:
    """Give Python data the form `read` gives, under the same rules; the input is left as it is.

    Takes mappings, lists, tuples and scalars.  An object with a method `__llem_document__` stands for
    what that returns.  The data is None when it is nested too deeply or too large.
    """
    tree = _Tree(None)
    try:
        _add_object(tree, value)
    except _Abandoned:
        return None, tree.faults
    return _finished(tree).data, tree.faults


# ---- from YAML, JSON and objects to steps


def _read_yaml(source: _Source) -> list[Document]:
    import yaml  # here, because it is slow to import and JSON has no need of it

    if bad := _NOT_YAML.search(source.text):
        message = f"the control character U+{ord(bad[0]):04X} cannot stand in YAML; remove it"
        return [_failed(source, bad.start(), "syntax", message)]
    if source.text.count("%TAG") > MAX_TAG_DIRECTIVES:
        return [_failed(source, source.text.index("%TAG"), "tag", "remove the %TAG directives")]
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # without libyaml PyYAML has only its own parser
    events: Iterator[Any] = yaml.parse(source.text, Loader=loader)
    documents: list[Document] = []
    tree, at = _Tree(source), 0
    try:
        for event in events:
            kind, at = type(event), event.start_mark.index
            if kind is yaml.ScalarEvent:
                _add_scalar(tree, at, event.value, not event.style, event.anchor, event.tag)
            elif kind is yaml.MappingStartEvent:
                _open(tree, _Node({}, at, {}), "key", event.anchor, event.tag)
            elif kind is yaml.SequenceStartEvent:
                _open(tree, _Node([], at, []), "item", event.anchor, event.tag)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                _close(tree)
            elif kind is yaml.AliasEvent:
                _add_alias(tree, at, event.anchor)
            elif kind is yaml.DocumentStartEvent:
                tree = _Tree(source, at)
            elif kind is yaml.DocumentEndEvent:
                documents.append(_finished(tree))
    except _Abandoned:
        documents.append(Document(None, tree.faults, source))
    except yaml.MarkedYAMLError as error:
        words = " ".join(f"{error.problem or 'it cannot be parsed'} {error.context or ''}".split())
        mark = error.problem_mark or error.context_mark
        at = min(mark.index, len(source.text)) if mark else at
        documents.append(_failed(source, at, "syntax", f"correct the YAML here: {words}"[:200]))
    except (ValueError, OverflowError):  # PyYAML's own parser lets them out for numbers it cannot use
        message = "correct the escape or directive after this place: its number is too large"
        documents.append(_failed(source, at, "syntax", message))
    return documents or [Document(None, [Fault((), "empty", _EMPTY)], source)]


def _read_json(source: _Source) -> list[Document]:
    text = source.text
    if not text.strip(" \t\r\n"):
        return [Document(None, [Fault((), "empty", _EMPTY)], source)]
    try:
        json.loads(text, parse_int=str, parse_float=str)  # for its syntax alone, so numbers stay text
    except json.JSONDecodeError as error:
        words = error.msg[:1].lower() + error.msg[1:]
        return [_failed(source, error.pos, "syntax", f"correct the JSON here: {words}")]
    except RecursionError:
        pass  # far deeper than MAX_DEPTH, so the loop below stops within the part that was checked
    tree, end = _Tree(source), 0
    decode_string = json.JSONDecoder().raw_decode
    try:
        while token := _JSON_TOKEN.search(text, end):
            word, at, end = token[0], token.start(), token.end()
            if word == '"':
                value, end = decode_string(text, at)
                _add_scalar(tree, at, value)
            elif word == "{":
                _open(tree, _Node({}, at, {}), "key")
            elif word == "[":
                _open(tree, _Node([], at, []), "item")
            elif word in "]}":
                _close(tree)
            else:
                _add_scalar(tree, at, _JSON_ENDLESS.get(word, word), plain=True)
    except _Abandoned:
        return [Document(None, tree.faults, source)]
    return [_finished(tree)]


def _add_object(tree: _Tree, value: Any) -> None:
    if hasattr(type(value), "__llem_document__"):
        value = value.__llem_document__()
    if tree.nodes >= MAX_OBJECT_NODES:
        _give_up(tree, 0, "alias", f"the data holds more than {MAX_OBJECT_NODES} values; repeat less of it")
    if isinstance(value, Mapping):
        _open(tree, _Node({}, 0, {}), "key")
        for key, item in value.items():
            _add_object(tree, key)
            _add_object(tree, item)
        _close(tree)
    elif isinstance(value, list | tuple):
        _open(tree, _Node([], 0, []), "item")
        for item in value:
            _add_object(tree, item)
        _close(tree)
    else:
        _add_scalar(tree, 0, value)


# ---- from steps to data


def _add_scalar(
    tree: _Tree, at: int, given: Any, plain: bool = False, anchor: str | None = None, tag: str | None = None
) -> None:
    """Add a scalar; `plain` is text without quotes, which may stand for something other than a string."""
    node = _Node(None, at)
    tree.nodes += 1
    if tag is not None:
        _refuse_tag(tree, node, tag)
    elif plain and not given and not tree.frames:
        _fault(tree, tree.start, "empty", _EMPTY)
    else:
        try:
            node.value = plain_value(given) if plain else scalar_value(given)
        except Refused as problem:
            node.sound = False
            _fault(tree, at, *problem.args)
    if anchor is not None:
        tree.anchors[anchor] = node
    _place(tree, node, merges=plain and given == "<<")


def _add_alias(tree: _Tree, at: int, name: str) -> None:
    target = tree.anchors.get(name)
    if target is not None and target.size:
        node = replace(target, at=at)
    else:
        node = _Node(None, at, sound=False)
        reason = "no anchor has that name" if target is None else "it stands inside what it repeats"
        _fault(tree, at, "alias", f"correct the alias {quote(name)}: {reason}")
    tree.nodes += node.size
    tree.growth += node.size - 1
    if tree.growth > MAX_ALIAS_GROWTH:
        _give_up(tree, at, "alias", f"the aliases add more than {MAX_ALIAS_GROWTH} values; use fewer of them")
    if len(tree.frames) + node.height > MAX_DEPTH:
        _give_up(tree, at, "nesting", _TOO_DEEP)
    _place(tree, node)


def _open(tree: _Tree, node: _Node, awaits: str, anchor: str | None = None, tag: str | None = None) -> None:
    if len(tree.frames) >= MAX_DEPTH:
        _give_up(tree, node.at, "nesting", _TOO_DEEP)
    if tag is not None:
        _refuse_tag(tree, node, tag)
    if anchor is not None:
        tree.anchors[anchor] = node
    node.size, node.height = 0, 1
    tree.frames.append(_Frame(node, awaits, tree.nodes))
    tree.nodes += 1


def _close(tree: _Tree) -> None:
    frame = tree.frames.pop()
    node = frame.node
    for source in frame.merged:
        for key, place in source.children.items():
            if key not in node.children:
                node.children[key] = place
                node.value[key] = place[1].value
    node.size = tree.nodes - frame.nodes_before
    if not node.sound:
        node.value = None
    _place(tree, node)


def _place(tree: _Tree, node: _Node, merges: bool = False) -> None:
    """Put a finished node where the innermost open list or mapping awaits it."""
    if not tree.frames:
        tree.root = node
        return
    frame = tree.frames[-1]
    parent = frame.node
    if frame.awaits == "key":
        _take_key(tree, frame, node, merges)
        return
    if frame.awaits == "item":
        parent.value.append(node.value)
        parent.children.append(node)
    elif frame.awaits == "value":
        parent.value[frame.key] = node.value
        parent.children[frame.key] = (frame.key_at, node)
    elif frame.awaits == "merge":
        _merge(tree, frame, node)
    levels = node.height if frame.awaits == "merge" else node.height + 1
    parent.height = max(parent.height, levels)
    if frame.awaits != "item":
        frame.awaits, frame.key = "key", None


def _take_key(tree: _Tree, frame: _Frame, node: _Node, merges: bool) -> None:
    frame.awaits, frame.key_at = "nothing", node.at
    if node.children is not None:
        _fault(tree, node.at, "key", "a key cannot be a list or a mapping; write it as a single word")
    elif isinstance(node.value, str) and "\n" in node.value:  # `$` in a pattern would match before the last one
        _fault(tree, node.at, "key", "a key cannot hold a line break; write it as a single word")
    elif node.sound:
        frame.key = node.value if isinstance(node.value, str) else json.dumps(node.value)
        first = frame.merge_at if merges else frame.node.children.get(frame.key, (None,))[0]
        if first is not None:
            where = f" on line {_position(tree.source, first)[0]}" if tree.source else ""
            message = f"the key {quote(frame.key)} is given{where} already; remove one of the two"
            _fault(tree, node.at, "duplicate-key", message)
        elif merges:
            frame.awaits, frame.merge_at = "merge", node.at
        else:
            frame.awaits = "value"


def _merge(tree: _Tree, frame: _Frame, node: _Node) -> None:
    for source in node.children if isinstance(node.children, list) else [node]:
        if isinstance(source.children, dict):
            frame.merged.append(source)
        elif source.sound:
            _fault(tree, source.at, "merge", "`<<` takes a mapping or a list of mappings; give it only those")


def _finished(tree: _Tree) -> Document:
    return Document(tree.root.value if tree.root else None, tree.faults, tree.source, tree.root)


# ---- positions and faults


def _position(source: _Source, at: int) -> tuple[int, int]:
    """Turn an offset into a line and a column, both 1-based."""
    if not source.line_starts:
        source.line_starts = [0, *(match.end() for match in _LINE_BREAK.finditer(source.text))]
    line = bisect_right(source.line_starts, at)
    return line, at - source.line_starts[line - 1] + 1


def _fault(tree: _Tree, at: int, rule: str, message: str) -> None:
    """Record a fault of the node that comes next.  One in a key is a fault of the mapping."""
    path: list[str | int] = []
    for frame in tree.frames:
        if frame.awaits == "item":
            path.append(len(frame.node.value))
        elif frame.key is not None:
            path.append(frame.key)
    if tree.frames and tree.frames[-1].awaits == "key":
        message = f"in a key: {message}"
    position = _position(tree.source, at) if tree.source else ()
    tree.faults.append(Fault(tuple(path), rule, message, *position))


def _give_up(tree: _Tree, at: int, rule: str, message: str) -> NoReturn:
    _fault(tree, at, rule, message)
    raise _Abandoned


def _refuse_tag(tree: _Tree, node: _Node, tag: str) -> None:
    node.sound = False
    _fault(tree, node.at, "tag", f"tags such as {quote(tag)} are not supported; remove the tag")


def _failed(source: _Source, at: int, rule: str, message: str) -> Document:
    return Document(None, [Fault((), rule, message, *_position(source, at))], source)
