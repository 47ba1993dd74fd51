"""Reading text: data, faults and positions."""

from __future__ import annotations

import enum
import gc
import json
import math
import re
import time
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llem import reader
from llem.reader import Document, Fault, normalise, read

BIG = 2**53

needs_libyaml = pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")


def one(text: str | bytes, json: bool = False) -> Document:
    (document,) = read(text.encode() if isinstance(text, str) else text, json)
    return document


def data(text: str, json: bool = False) -> Any:
    document = one(text, json)
    assert document.faults == []
    return document.data


def rules(document: Document) -> list[str]:
    return [fault.rule for fault in document.faults]


def only_fault(document: Document) -> Fault:
    (fault,) = document.faults
    return fault


def place(fault: Fault) -> tuple[int | None, int | None]:
    return fault.line, fault.column


@pytest.fixture(params=["libyaml", "python"])
def any_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "python":
        monkeypatch.delattr(yaml, "CBaseLoader", raising=False)
    elif not yaml.__with_libyaml__:
        pytest.skip("PyYAML was built without libyaml")


# ---- scalars


SCALARS = [
    *((text, None) for text in ["null", "Null", "NULL", "~"]),
    *((text, True) for text in ["true", "True", "TRUE"]),
    *((text, False) for text in ["false", "False", "FALSE"]),
    *((text, text) for text in ["yes", "No", "on", "OFF", "y", "tRUE", "nULL", "none"]),
    *((text, text) for text in ["1:30", "1_000", "2024-01-01", "0b1", "0o8", "0xg", "+0x1", "1.2.3", "1e", "e1"]),
    *((text, text) for text in [".", "+", "-x", "+.", "..", ".e1", "١٢", "\uff11", ".infinity", "+.nan", "=", "<x"]),
    *((text, text) for text in ["NaN", "Infinity", "inf", "nan"]),
    ("0", 0),
    ("-0", 0),
    ("+7", 7),
    ("010", 10),
    ("-017", -17),
    ("0o17", 15),
    ("0xfF", 255),
    ("1.", 1),
    (".5", 0.5),
    ("-.5", -0.5),
    ("1e-3", 0.001),
    ("1E3", 1000),
    ("8.0", 8),
    ("-0.0", 0),
    ("0.1", 0.1),
    ("1e-999", 0),
    ("0" * 5000 + "1", 1),
    (str(BIG), BIG),
    (str(-BIG), -BIG),
    ("9007199254740992.0", BIG),
    ('"1"', "1"),
    ("'true'", "true"),
    ('""', ""),
    ("|\n  5\n", "5\n"),
    (">-\n  null\n", "null"),
    ('"a\\x00b"', "a\0b"),
]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=lambda value: repr(value)[:20])
def test_yaml_scalars(any_parser: None, text: str, value: Any) -> None:
    found = data(f"k: {text}")["k"]
    assert found == value
    assert type(found) is type(value)


def test_an_absent_value_is_null() -> None:
    assert data("a:\nb: [x, ]\nc: {d}\n") == {"a": None, "b": ["x"], "c": {"d": None}}


BAD_NUMBERS = [
    ".inf",
    "-.INF",
    "+.Inf",
    ".nan",
    ".NaN",
    "1e999",
    "-1e400",
    "1e300",
    "9007199254740993",
    "-9007199254740993",
    "9" * 5000,
    "9" * 100_000,
    "0x" + "f" * 5000,
    "0o" + "7" * 5000,
    "9007199254740994.0",
]


@pytest.mark.parametrize("text", BAD_NUMBERS, ids=lambda text: text[:12])
def test_numbers_out_of_range(text: str) -> None:
    document = one(f"a:\n  - {text}\n")
    assert document.data == {"a": [None]}
    fault = only_fault(document)
    assert (fault.path, fault.rule, place(fault)) == (("a", 0), "number", (2, 5))
    assert len(fault.message) < 200


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "9007199254740993", "9" * 5000])
def test_json_numbers_out_of_range(text: str) -> None:
    document = one(f'{{"a": [1, {text}]}}', json=True)
    assert document.data == {"a": [1, None]}
    fault = only_fault(document)
    assert (fault.path, fault.rule, place(fault)) == (("a", 1), "number", (1, 11))


def test_not_finite_numbers_are_named_as_such() -> None:
    assert "finite" in only_fault(one("a: .nan")).message
    assert "finite" in only_fault(one("a: 1e999")).message


# ---- keys


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("0", "0"),
        ('"0"', "0"),
        ("8.0", "8"),
        ("0x10", "16"),
        ("TRUE", "true"),
        ("~", "null"),
        ("1e-1", "0.1"),
        ("? \n", "null"),
    ],
)
def test_keys_become_strings(key: str, name: str) -> None:
    assert data(f"{key}: 1") == {name: 1}


def test_duplicate_keys() -> None:
    document = one('a: 1\nb:\n  0: x\n  "0": y\n  é: {k: 1, k: .inf}\na: 2\n')
    assert document.data == {"a": 1, "b": {"0": "x", "é": {"k": 1}}}
    found = [(fault.path, fault.rule, *place(fault)) for fault in document.faults]
    assert found == [
        (("b", "0"), "duplicate-key", 4, 3),
        (("b", "é", "k"), "duplicate-key", 5, 13),
        (("b", "é", "k"), "number", 5, 16),
        (("a",), "duplicate-key", 6, 1),
    ]
    assert "line 3" in document.faults[0].message
    assert "line 1" in document.faults[3].message


def test_duplicate_keys_in_json() -> None:
    document = one('{"a": 1,\n "\\u0061": 2}', json=True)
    assert document.data == {"a": 1}
    fault = only_fault(document)
    assert (fault.path, fault.rule, place(fault)) == (("a",), "duplicate-key", (2, 2))
    assert "line 1" in fault.message


@pytest.mark.parametrize(
    ("text", "rule", "position", "value"),
    [
        ("x:\n  ? [1, 2]\n  : y\n  z: 1", "key", (2, 5), {"x": {"z": 1}}),
        ("x:\n  {? {a: 1} : y, z: 1}", "key", (2, 6), {"x": {"z": 1}}),
        ("x:\n  .inf: 1\n  z: 1", "number", (2, 3), {"x": {"z": 1}}),
        ("x:\n  !!str y: 1\n  z: 1", "tag", (2, 3), {"x": {"z": 1}}),
        ("x:\n  *y : 1\n  z: 1", "alias", (2, 3), {"x": {"z": 1}}),
    ],
)
def test_unusable_keys_are_dropped(text: str, rule: str, position: tuple[int, int], value: Any) -> None:
    document = one(text)
    fault = only_fault(document)
    assert document.data == value
    assert (fault.path, fault.rule, place(fault)) == (("x",), rule, position)


def test_faults_inside_a_dropped_entry_are_still_found() -> None:
    assert rules(one("? [.inf]\n: [.nan]\n")) == ["number", "key", "number"]


def test_an_alias_can_be_a_key() -> None:
    assert data("a: &x b\n*x : 1\n") == {"a": "b", "b": 1}


# ---- merge keys


MERGES = [
    ("base: &b {x: 1, y: 2}\nuse:\n  x: 3\n  <<: *b\n", {"x": 3, "y": 2}),
    ("base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  x: 3\n", {"x": 3, "y": 2}),
    ("base: [&b {x: 1}, &c {x: 2, y: 2}]\nuse: {<<: [*b, *c], z: 0}\n", {"x": 1, "y": 2, "z": 0}),
    ("base: &b {x: 1}\nmid: &m {<<: *b, y: 2}\nuse: {<<: *m}\n", {"x": 1, "y": 2}),
    ("use: {<<: {x: 1}}\n", {"x": 1}),
    ('use: {"<<": {x: 1}}\n', {"<<": {"x": 1}}),
    ("use: {<<: []}\n", {}),
]


@pytest.mark.parametrize(("text", "value"), MERGES)
def test_merge_keys(any_parser: None, text: str, value: Any) -> None:
    assert data(text)["use"] == value


def test_merged_keys_stand_where_they_are_written() -> None:
    document = one("base: &b\n  x: 1\nuse:\n  y: 2\n  <<: *b\n")
    assert document.locate(("use", "x")) == (2, 6)
    assert document.locate(("use", "x"), key=True) == (2, 3)
    assert document.locate(("use", "y")) == (4, 6)


@pytest.mark.parametrize("value", ["1", "", "[1]", "[[]]", "text"])
def test_merge_of_anything_else(value: str) -> None:
    document = one(f"a:\n  <<: {value}\n  b: 1\n")
    fault = only_fault(document)
    assert document.data == {"a": {"b": 1}}
    assert (fault.path, fault.rule, fault.line) == (("a", "<<"), "merge", 2)


def test_a_second_merge_key_is_a_duplicate() -> None:
    fault = only_fault(one("a: {<<: {x: 1}, <<: {y: 1}}"))
    assert (fault.path, fault.rule, place(fault)) == (("a", "<<"), "duplicate-key", (1, 17))


def test_merge_leaves_its_source_alone_and_json_has_none() -> None:
    assert data("a: &a {x: 1}\nb: {<<: *a, y: 2}\n")["a"] == {"x": 1}
    assert data('{"<<": {"x": 1}}', json=True) == {"<<": {"x": 1}}


# ---- anchors, aliases and tags


def test_aliases(any_parser: None) -> None:
    document = one("a: &a\n  x: [1, 2]\nb: *a\nc: [*a]\nd: &s 5\ne: *s\nf: &s 6\ng: *s\n")
    shared = {"x": [1, 2]}
    assert document.data == {"a": shared, "b": shared, "c": [shared], "d": 5, "e": 5, "f": 6, "g": 6}
    assert document.locate(("b",)) == (3, 4)
    assert document.locate(("b", "x", 1)) == (2, 10)
    assert document.locate(("c", 0, "x"), key=True) == (2, 3)


@pytest.mark.parametrize(
    ("text", "path", "position"),
    [
        ("a: *x\n", ("a",), (1, 4)),
        ("a: &x\n  b: [*x]\n", ("a", "b", 0), (2, 7)),
        ("&x\na: *x\n", ("a",), (2, 4)),
        ("- &x [*x]\n", (0, 0), (1, 7)),
    ],
)
def test_aliases_that_refer_to_nothing_usable(
    any_parser: None, text: str, path: tuple[Any, ...], position: tuple[int, int]
) -> None:
    fault = only_fault(one(text))
    assert (fault.rule, fault.path, place(fault)) == ("alias", path, position)


def test_anchors_end_with_their_document() -> None:
    first, second = read(b"a: &x 1\n---\na: *x\n")
    assert (first.faults, rules(second)) == ([], ["alias"])


def bomb(levels: int) -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines).encode()


def test_alias_bomb() -> None:
    started = time.process_time()
    document = one(bomb(30))
    assert time.process_time() - started < 0.2
    assert document.data is None
    assert rules(document) == ["alias"]
    assert only_fault(document).line == 6


def test_alias_bomb_of_merges_and_long_lists() -> None:
    wide = "a: &a {" + ", ".join(f"k{n}: 1" for n in range(1000)) + "}\n"
    started = time.process_time()
    document = one(wide + "".join(f"b{n}: {{<<: *a}}\n" for n in range(1000)))
    assert time.process_time() - started < 0.2
    assert (document.data, rules(document)) == (None, ["alias"])


def test_aliases_may_add_as_much_as_the_limit() -> None:
    ten_nodes = "a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]\n"
    aliases = ", ".join(["*a"] * (reader.MAX_ALIAS_GROWTH // 9))
    assert rules(one(f"{ten_nodes}b: [{aliases}]")) == []
    assert rules(one(f"{ten_nodes}b: [{aliases}, *a]")) == ["alias"]


def test_aliases_cannot_hide_deep_nesting() -> None:
    chain = "a0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 200))
    document = one(chain)
    assert (document.data, rules(document)) == (None, ["nesting"])
    assert only_fault(document).line == 100


def test_a_chain_of_merges_is_not_nested() -> None:
    chain = "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, 200))
    assert data(chain)["a199"] == {"x": 1}


@pytest.mark.parametrize(
    "value", ["!!str 5", "!foo 5", "! 5", "! '5'", "!!int '5'", "!foo [1, {a: 2}]", "!!map {a: 1}", "!"]
)
def test_tags_are_refused(any_parser: None, value: str) -> None:
    document = one(f"a: {value}\nb: 1\n")
    fault = only_fault(document)
    assert document.data == {"a": None, "b": 1}
    assert (fault.path, fault.rule, place(fault)) == (("a",), "tag", (1, 4))
    assert "remove the tag" in fault.message


def test_directives() -> None:
    for directive in ["%YAML 1.1", "%YAML 1.2", "%TAG !e! tag:example.com,2000:"]:
        assert data(f"{directive}\n---\na: 1\n") == {"a": 1}
    many = "".join(f"%TAG !a{n}! x\n" for n in range(5000))
    assert rules(one(many + "---\na: 1\n")) == ["tag"]


# ---- nesting


DEEP = [("[", "]", False), ("{a: ", "}", False), ("- ", "", False), ("[", "]", True), ('{"a":', "}", True)]


@pytest.mark.parametrize("levels", [101, 10_000, 1_000_000])
@pytest.mark.parametrize(("opening", "closing", "as_json"), DEEP)
def test_nesting_that_is_too_deep(opening: str, closing: str, as_json: bool, levels: int) -> None:
    for text in [opening * levels, opening * levels + "1" + closing * levels]:
        if as_json and levels == 101 and not text.endswith(closing):
            continue
        started = time.process_time()
        document = one(text, as_json)
        assert time.process_time() - started < 1
        assert (document.data, rules(document)) == (None, ["nesting"])
        assert place(only_fault(document)) == (1, 100 * len(opening) + 1)


@pytest.mark.parametrize(("opening", "closing", "as_json"), DEEP)
def test_the_deepest_nesting_allowed(opening: str, closing: str, as_json: bool) -> None:
    document = one(opening * 100 + "1" + closing * 100, as_json)
    assert document.faults == []
    path: tuple[str | int, ...] = ("a",) * 100 if "a" in opening else (0,) * 100
    assert document.locate(path) == (1, 100 * len(opening) + 1)


def test_nesting_by_indentation(any_parser: None) -> None:
    document = one("".join(" " * depth + "a:\n" for depth in range(200)))
    assert rules(document) == ["nesting"]
    assert only_fault(document).line == 101


# ---- documents and syntax


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a: 1\n", [{"a": 1}]),
        ("a: 1\n...\n", [{"a": 1}]),
        ("---\na: 1\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("--- 1\n--- [2]\n...\n", [1, [2]]),
        ("a: 1\n...\n# end\n", [{"a": 1}]),
        ("null\n", [None]),
    ],
)
def test_documents_of_a_stream(any_parser: None, text: str, values: list[Any]) -> None:
    documents = read(text.encode())
    assert [document.data for document in documents] == values
    assert [document.faults for document in documents] == [[] for _ in values]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "--- # nothing\n...\n", "\ufeff"])
def test_empty_documents(any_parser: None, text: str) -> None:
    document = one(text)
    assert (document.data, rules(document)) == (None, ["empty"])
    assert only_fault(document).message.startswith("the document is empty: ")


def test_empty_json() -> None:
    for text in ["", " \n", "\ufeff"]:
        assert rules(one(text, json=True)) == ["empty"]


def test_a_trailing_empty_document_counts() -> None:
    first, second = read(b"a: 1\n---\n")
    assert first.faults == []
    assert rules(second) == ["empty"]
    assert place(only_fault(second)) == (2, 1)


SYNTAX = [
    ("a: [1\n", None),
    ("a: b: c\n", (1, 5)),
    ("a: 1\n b: 2\n", (2, 3)),
    ("a: 'x\n", None),
    ("a: \tb\n\tc: 1\n", None),
    ("a: @x\n", (1, 4)),
    ("a: {b: 1]\n", (1, 9)),
    ("- a\nb: 1\n", (2, 1)),
    ("a: x\0y\n", (1, 5)),
    ("é: \x07\n", (1, 4)),
    ("a: \x7f", (1, 4)),
    ("%YAML 2.0\n---\na: 1\n", None),
    ("a: &x *x\n", None),
    ('a: "\\U00110000"\n', None),
    ('a: "\\UFFFFFFFF"\n', None),
    ("%YAML 1." + "9" * 5000 + "\n---\n", None),
    ("}", (1, 1)),
    ("a: !<\n", None),
]


@pytest.mark.parametrize(("text", "position"), SYNTAX, ids=lambda value: repr(value)[:20])
def test_yaml_syntax(any_parser: None, text: str, position: tuple[int, int] | None) -> None:
    document = one(text)
    fault = only_fault(document)
    assert (document.data, fault.rule, fault.path) == (None, "syntax", ())
    assert fault.line is not None
    if position:
        assert place(fault) == position
    check_message(fault)


def check_message(fault: Fault) -> None:
    assert 0 < len(fault.message) <= 200
    assert fault.message == fault.message.strip()
    assert "\n" not in fault.message
    assert fault.message[0].islower() or fault.message[0] == "`"
    assert "unicode string" not in fault.message


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ('{"a": 1,}', (1, 9)),
        ('{\n  "a" 1}', (2, 7)),
        ("[1] 2", (1, 5)),
        ("[01]", (1, 3)),
        ("{'a': 1}", (1, 2)),
        ('["é\t"]', (1, 4)),
        ("# comment", (1, 1)),
        ("nul", (1, 1)),
    ],
)
def test_json_syntax(text: str, position: tuple[int, int]) -> None:
    document = one(text, json=True)
    fault = only_fault(document)
    assert (document.data, fault.rule) == (None, "syntax")
    assert place(fault) in (position, (position[0], position[1] - 1))  # Python 3.13 names the comma itself
    check_message(fault)


def test_documents_before_a_syntax_error_are_kept() -> None:
    first, second, third = read(b"a: 1\n---\nb: .inf\n---\nc: [\n")
    assert first.data == {"a": 1}
    assert rules(second) == ["number"]
    assert (third.data, rules(third)) == (None, ["syntax"])


def test_a_fault_in_a_broken_document_gives_way_to_the_syntax_error() -> None:
    assert rules(one("a: .inf\nb: [\n")) == ["syntax"]


@needs_libyaml
def test_a_long_line_gives_a_short_message() -> None:
    for text in ["a: '" + "x" * 10_000_000, "*" + "x" * 10_000_000, "? " * 50 + "!" + "x" * 10_000_000]:
        started = time.process_time()
        fault = one(text).faults[0]
        assert time.process_time() - started < 1
        check_message(fault)


# ---- encoding


@pytest.mark.parametrize("as_json", [False, True])
def test_text_that_is_not_utf8(as_json: bool) -> None:
    document = one(b'{"a":\n "\xc3\xa9\xff"}', as_json)
    fault = only_fault(document)
    assert (document.data, fault.rule, place(fault)) == (None, "encoding", (2, 4))
    for content in [
        "a: 1".encode("utf-16"),
        "a: 1".encode("utf-32"),
        b"\xef\xbb\xbf\x80",
        b"a: \xed\xa0\x80",
    ]:
        assert rules(one(content, as_json)) == ["encoding"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_byte_order_mark_shifts_no_column(as_json: bool) -> None:
    document = one('\ufeff{"a": 1,\n "b": 2}', as_json)
    assert document.data == {"a": 1, "b": 2}
    assert document.locate(("a",), key=True) == (1, 2)
    assert document.locate(("b",)) == (2, 7)


def test_lone_surrogates() -> None:
    document = one('["\\ud83d\\ude00", "x\\ud800"]', json=True)
    assert document.data == ["😀", None]
    assert (rules(document), only_fault(document).path) == (["encoding"], (1,))
    assert one('{"\\udc00": 1, "a": 2}', json=True).data == {"a": 2}


def test_surrogate_escapes_in_yaml(any_parser: None) -> None:
    assert rules(one('a: "\\ud800"')) in (["syntax"], ["encoding"])


def test_windows_line_ends(any_parser: None) -> None:
    document = one("a: 1\r\nb:\r\n  - x\r\n  - |\r\n    two\r\n    lines\r\n")
    assert document.data == {"a": 1, "b": ["x", "two\nlines\n"]}
    assert document.locate(("b", 1)) == (4, 5)


@needs_libyaml  # PyYAML's own parser refuses a tab after a plain scalar
def test_tabs_where_yaml_has_them() -> None:
    assert data("a:\t1\t# note\nb: [1,\t2]\n") == {"a": 1, "b": [1, 2]}


# ---- positions


PLACES = """\
# note
name: x
flow: {a: [1, é, "😀", z], b: y}
list:
- one
-   - two
    - k: &anchor v
      l:
        deep
"quoted key": >
  folded
empty:
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (2, 1), (2, 1)),
        (("name",), (2, 7), (2, 1)),
        (("flow",), (3, 7), (3, 1)),
        (("flow", "a"), (3, 11), (3, 8)),
        (("flow", "a", 0), (3, 12), (3, 12)),
        (("flow", "a", 1), (3, 15), (3, 15)),
        (("flow", "a", 3), (3, 23), (3, 23)),
        (("flow", "b"), (3, 30), (3, 27)),
        (("list",), (5, 1), (4, 1)),
        (("list", 0), (5, 3), (5, 3)),
        (("list", 1), (6, 5), (6, 5)),
        (("list", 1, 0), (6, 7), (6, 7)),
        (("list", 1, 1, "k"), (7, 10), (7, 7)),
        (("list", 1, 1, "l"), (9, 9), (8, 7)),
        (("quoted key",), (10, 15), (10, 1)),
        (("empty",), (12, 7), (12, 1)),
        (("list", 1, 1, "absent"), (7, 7), (7, 7)),
        (("list", 9), (5, 1), (4, 1)),
        (("list", -1), (5, 1), (4, 1)),
        (("list", "0"), (5, 1), (4, 1)),
        (("name", "x", 0), (2, 7), (2, 1)),
        (("absent",), (2, 1), (2, 1)),
    ],
)
def test_positions(any_parser: None, path: tuple[Any, ...], value: Any, key: Any) -> None:
    document = one(PLACES)
    assert document.faults == []
    assert document.locate(path) == value
    assert document.locate(path, key=True) == key


def test_positions_in_later_documents() -> None:
    _, second = read(b"a: 1\n---\nb:\n  c: 2\n")
    assert second.locate(("b", "c")) == (4, 6)


def test_positions_in_json() -> None:
    document = one('{\n  "a\\"b": [true, {"é": -1.5e0}],\n  "c": "x, {y}"\n}\n', json=True)
    assert document.data == {'a"b': [True, {"é": -1.5}], "c": "x, {y}"}
    assert document.locate(()) == (1, 1)
    assert document.locate(('a"b',), key=True) == (2, 3)
    assert document.locate(('a"b', 1)) == (2, 18)
    assert document.locate(('a"b', 1, "é")) == (2, 24)
    assert document.locate(("c",)) == (3, 8)


def test_no_position_without_text() -> None:
    assert one("").locate(()) is None
    assert one("[").locate((0,)) is None
    assert Document({"a": 1}, []).locate(("a",)) is None


# ---- Python objects


class Colour(enum.StrEnum):
    RED = "red"


class Model:
    def __init__(self, content: Any) -> None:
        self.content = content

    def __llem_document__(self) -> Any:
        return self.content


def test_normalise() -> None:
    original: dict[Any, Any] = {
        0: (1, 2.0, -0.0, 0.5),
        True: None,
        None: "x",
        2.5: Colour.RED,
        "m": Model({"k": Model([1])}),
        8.0: MappingProxyType({}),
    }
    found, faults = normalise(original)
    assert faults == []
    assert found == {"0": [1, 2, 0, 0.5], "true": None, "null": "x", "2.5": "red", "m": {"k": [1]}, "8": {}}
    assert [type(number) for number in found["0"]] == [int, int, int, float]
    assert type(found["2.5"]) is str
    assert original[0] == (1, 2.0, -0.0, 0.5)


@pytest.mark.parametrize(
    ("value", "path", "rule", "result"),
    [
        ({0: 1, "0": 2}, ("0",), "duplicate-key", {"0": 1}),
        ({"a": [1, {2}]}, ("a", 1), "type", {"a": [1, None]}),
        ({"a": b"x"}, ("a",), "type", {"a": None}),
        ({"a": Model}, ("a",), "type", {"a": None}),
        ({"a": 1j}, ("a",), "type", {"a": None}),
        ({"a": math.inf}, ("a",), "number", {"a": None}),
        ({"a": 10**5000}, ("a",), "number", {"a": None}),
        ({"a": "\ud800"}, ("a",), "encoding", {"a": None}),
        ({"a": {math.nan: 1, "b": 1}}, ("a",), "number", {"a": {"b": 1}}),
        ({"a": {(1, 2): 1}}, ("a",), "key", {"a": {}}),
        ({"a": {b"x": 1}}, ("a",), "type", {"a": {}}),
        (object(), (), "type", None),
    ],
)
def test_normalise_faults(value: Any, path: tuple[Any, ...], rule: str, result: Any) -> None:
    found, (fault,) = normalise(value)
    assert found == result
    assert (fault.path, fault.rule, place(fault)) == (path, rule, (None, None))
    check_message(fault)


def test_normalise_refuses_cycles() -> None:
    cycle: list[Any] = []
    cycle += [cycle, cycle]
    model = Model(None)
    model.content = [model]
    for value in [cycle, model]:
        found, faults = normalise(value)
        assert (found, [fault.rule for fault in faults]) == (None, ["nesting"])
    itself = Model(None)
    itself.content = itself
    assert [fault.rule for fault in normalise(itself)[1]] == ["type"]


def test_normalise_refuses_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_OBJECT_NODES", 1000)
    shared: Any = 1
    for _ in range(50):
        shared = [shared, shared]
    found, faults = normalise(shared)
    assert (found, [fault.rule for fault in faults]) == (None, ["alias"])


# ---- properties


JSON_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
YAML_TEXT = st.text(  # without what YAML, other than JSON, must have escaped
    st.characters(exclude_categories=["Cs"], exclude_characters="\x7f\ufeff\ufffe\uffff\u2028\u2029").filter(
        lambda character: not "\x80" <= character <= "\x9f"
    ),
    max_size=20,
)


def is_key(text: str) -> bool:
    return "\n" not in text


def values(text: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    numbers = st.integers(-BIG, BIG) | st.floats(-BIG, BIG)
    return st.recursive(
        st.none() | st.booleans() | numbers | text,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text.filter(is_key), inner, max_size=4),
        max_leaves=20,
    )


def nodes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, item in value.items():
            yield from nodes(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from nodes(item, (*path, index))


def check_round_trip(value: Any, indent: int | None, as_json: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    document = one(text, as_json)
    assert document.faults == []
    assert document.data == normalise(value)[0] == value
    lines = text.split("\n")
    for path, item in nodes(value):
        line, column = document.locate(path) or (0, 0)
        written = item if isinstance(item, str | int | float | None) else type(item)()
        assert lines[line - 1][column - 1 :].startswith(json.dumps(written, ensure_ascii=False).rstrip("]}"))
        if path and isinstance(path[-1], str):
            line, column = document.locate(path, key=True) or (0, 0)
            assert lines[line - 1][column - 1 :].startswith(json.dumps(path[-1], ensure_ascii=False))


@settings(deadline=None, max_examples=150)
@given(values(JSON_TEXT), st.sampled_from([None, 2]))
def test_json_round_trip(value: Any, indent: int | None) -> None:
    check_round_trip(value, indent, as_json=True)


@settings(deadline=None, max_examples=150)
@given(values(YAML_TEXT), st.sampled_from([None, 2]))
def test_json_read_as_yaml(value: Any, indent: int | None) -> None:
    check_round_trip(value, indent, as_json=False)


FRAGMENTS = [
    "a",
    "b: ",
    "- ",
    "? ",
    ": ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\n",
    "\n  ",
    "\n\t",
    "&x ",
    "*x",
    "<<: ",
    "!!str ",
    "! ",
    '"',
    "'",
    "|\n",
    ">-\n",
    "#",
    " ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "1",
    "-",
    ".inf",
    "\r\n",
    "\r",
    "\ufeff",
    "\x85",
    "\u2028",
    "\\u",
    "d800",
    "\0",
    "é",
    "😀",
    "true",
    "NaN",
    "1e9",
    "null",
    "%TAG ! x\n",
    "!a!b ",
    '"a": ',
    "\\",
    "~",
    "`",
    "@",
]
ANY_CONTENT = st.binary(max_size=60) | st.lists(st.sampled_from(FRAGMENTS), max_size=25).map(
    lambda parts: "".join(parts).encode()
)


def check_anything(content: bytes, as_json: bool) -> None:
    lines = re.split(r"\r\n?|\n", content.decode(errors="replace").removeprefix("\ufeff"))
    documents = read(content, as_json)
    assert documents
    for document in documents:
        for fault in document.faults:
            check_message(fault)
            if fault.line is not None and fault.column is not None:
                assert 1 <= fault.line <= len(lines)
                assert 1 <= fault.column <= len(lines[fault.line - 1]) + 1
        for path, _ in nodes(document.data):
            for key in [False, True]:
                position = document.locate(path, key)
                if position is not None:
                    assert 1 <= position[0] <= len(lines)
                    assert 1 <= position[1] <= len(lines[position[0] - 1]) + 1
        assert normalise(document.data) == (document.data, [])


@settings(deadline=None, max_examples=500)
@given(ANY_CONTENT, st.booleans())
def test_nothing_in_a_text_raises(content: bytes, as_json: bool) -> None:
    check_anything(content, as_json)


@settings(deadline=None, max_examples=300)
@given(ANY_CONTENT)
def test_nothing_in_a_text_raises_without_libyaml(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(yaml, "CBaseLoader", raising=False)
        check_anything(content, as_json=False)


SAME_VERDICT = [
    PLACES,
    "a: 1",
    "a: *x",
    "a: &x [*x]",
    "? [1]\n: 2",
    "a: !!str 5",
    "a: ! 5",
    "a: 1\na: 2",
    "<<: 1",
    "a: [",
    "a: b: c",
    "- a\nb",
    "",
    "---",
    "a\n---\n",
    "a\n...\n",
    "...",
    "a: 1\n...\nb: 2",
    "[" * 200,
    "- " * 200,
    "a: .inf",
    "a: 1e999",
    "a: \0",
    "\ta: 1",
    "&a",
    "&a : b",
    "{a, b: y, ? c}",
    "[a: 1]",
    "'a''b'",
    '"a\\\n  b"',
    "%YAML 1.1\n--- a",
    "%YAML 2.0\n--- a",
    "a: |2\n    x\n",
    "a: >+\n x\n\n",
    "é: 😀\r\nb: [1,\r\n 2]\r\n",
    "\ufeffa: 1",
    "a: 'x",
    "}",
    "a:\n  - b\n c: 1",
    "a: @b",
    "a: `b",
    "!<x> a",
    "#",
    "a #b",
    "a: -",
    "- - - a",
]


@needs_libyaml
@pytest.mark.parametrize("text", SAME_VERDICT, ids=lambda text: repr(text)[:20])
def test_both_yaml_parsers_agree(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def verdict() -> list[Any]:
        return [
            (
                document.data,
                [(fault.path, fault.rule, fault.line) for fault in document.faults],
                places(document),
            )
            for document in read(text.encode())
        ]

    def places(document: Document) -> list[Any]:
        return [document.locate(path, key) for path, _ in nodes(document.data) for key in [False, True]]

    with_libyaml = verdict()
    monkeypatch.delattr(yaml, "CBaseLoader")
    assert verdict() == with_libyaml


# ---- speed


def seconds(content: bytes, json: bool = False, runs: int = 3) -> float:
    times = []
    gc.disable()  # what the collector takes depends on all that lives in the process of the tests
    try:
        for _ in range(runs):
            started = time.process_time()
            read(content, json)
            times.append(time.process_time() - started)
    finally:
        gc.enable()
    return min(times)


def test_a_small_document_is_read_at_once() -> None:
    assert seconds(PLACES.encode(), runs=50) < (0.001 if yaml.__with_libyaml__ else 0.02)


@needs_libyaml
@pytest.mark.parametrize(
    ("unit", "as_json"),
    [
        ("- {a: 1, b: [x, y]}\n", False),
        ("k%d: &a%d text\n", False),
        ("- .inf\n", False),
        ("- *x\n", False),
        ("--- a\n", False),
        ("[1,\n2],\n", True),
    ],
)
def test_time_is_linear(unit: str, as_json: bool) -> None:
    def content(count: int) -> bytes:
        units = [unit.replace("%d", str(number)) for number in range(count)]
        return (f"[{''.join(units)}0]" if as_json else "".join(units)).encode()

    small = seconds(content(2_000))
    assert seconds(content(16_000)) < max(0.05, small * 8 * 3)


@needs_libyaml
@pytest.mark.parametrize("text", ["x" * 10_000_000, "x " * 5_000_000, '"' + "\\n" * 5_000_000 + '"', "9" * 10_000_000])
def test_ten_megabytes_on_one_line(text: str) -> None:
    assert seconds(f"a: {text}".encode(), runs=1) < 2
    if text.startswith('"'):
        assert seconds(text.encode(), json=True, runs=1) < 2
