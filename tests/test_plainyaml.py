"""The fast way reads what it reads exactly as the reader does, and leaves the rest to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from llem import reader
from llem.plainyaml import UNUSUAL, plain

DOCUMENTS = sorted(path for path in Path(__file__).parent.rglob("*.yaml") if "node_modules" not in path.parts)


def agrees(content: bytes) -> bool:
    """Whether the text is plain; the data must then be the reader's, without a fault."""
    found = plain(content)
    if found is UNUSUAL:
        return False
    (document,) = reader.read(content)
    assert document.faults == []
    assert (repr(found), found) == (repr(document.data), document.data)
    return True


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documents(path: Path) -> None:
    """The corpus, valid and not."""
    agrees(path.read_bytes())


def test_most_documents_are_plain() -> None:
    """What people write goes the fast way."""
    valid = [path for path in DOCUMENTS if path.parent.name == "valid"]
    assert sum(agrees(path.read_bytes()) for path in valid) > len(valid) * 0.7


UNUSUAL_TEXTS = [
    "", "# nothing\n", "a: 1\na: 2\n", "a: &x 1\n", "a: *x\n", "a: !!str 5\n", "---\na: 1\n", "a: 1\n...\n",
    "a: .nan\n",
    "a: 1e999\n", "a: 99999999999999999999\n", "1: a\n", "true: a\n", "~: a\n", "<<: {a: 1}\n", "? a\n: b\n", "a: ü\n",
    "a: [1\n", "a: 1\r\n", "a:\t1\n", "[[[[" * 20 + "]]]]" * 20, "- - - a\n", "a" * 100_000, '"a b": 1\n', "\x00",
]  # fmt: skip


@pytest.mark.parametrize("text", UNUSUAL_TEXTS, ids=lambda text: repr(text[:20]))
def test_unusual(text: str) -> None:
    """Everything that has a fault, or might have one, is left to the reader."""
    assert plain(text.encode()) is UNUSUAL


SCALARS = [
    "no",
    "1e-3",
    "010",
    "2026-01-01",
    "1:30",
    "1_000",
    "0x1f",
    "0o17",
    "8.0",
    "-0",
    "+1",
    ".5",
    "Null",
    "TRUE",
    "=",
    "yes",
    "'1'",
    '"x"',
]


@pytest.mark.parametrize("scalar", SCALARS)
def test_scalars(scalar: str) -> None:
    """YAML 1.2 in both."""
    assert agrees(f"a: {scalar}\nb: [{scalar}, {scalar}]\nc: {{d: {scalar}}}\n".encode())


KEYS = st.text("abc_$.-01", min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@settings(deadline=None, max_examples=300)
@given(VALUES, st.booleans())
def test_random_data(value: Any, as_json: bool) -> None:
    """Whatever another program writes."""
    text = json.dumps(value, indent=1) if as_json else yaml.safe_dump(value)
    agrees(text.encode())


@settings(deadline=None, max_examples=300)
@given(st.lists(st.sampled_from([*" \n:-[]{},#'\"|>ab01", ": ", "\n  ", "- ", "a: "]), max_size=30))
def test_random_text(parts: list[str]) -> None:
    """Whatever a hand types."""
    agrees("".join(parts).encode())
