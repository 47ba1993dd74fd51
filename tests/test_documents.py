"""The documents that other tests draw from the specification reach all of it."""

from __future__ import annotations

from collections import Counter

import documents
import jsonschema_rs
import pytest
from hypothesis import given, settings

from llem import problems, reader, spec, verdict

UNREACHED = {
    documents.Side("beams-are-sampled", 0, met=True, holds=True),  # advice whose `then` always fails
    documents.Side("disable-compile-needs-static-cache", 0, met=True, holds=True),  # the same
    documents.Side("passthrough-resembles-a-setting", 0, met=None, holds=False),  # judged by names, not by the schema
}


@pytest.fixture(scope="module")
def drawn() -> list[documents.Document]:
    return list(documents.any_documents(seed=1, count=4000))


def test_seed_gives_the_documents() -> None:
    first, again, other = (list(documents.any_documents(seed, count=50)) for seed in (1, 1, 2))
    assert first == again != other


def test_every_setting_is_set_and_wrong(drawn: list[documents.Document]) -> None:
    """Each setting occurs in valid documents and in invalid ones."""
    valid, invalid = Counter[str](), Counter[str]()
    for document in drawn:
        count = valid if verdict.is_valid(document) else invalid
        count.update(field.dotted for field in spec.fields() if documents.at(document, field.path) is not None)
    for count in (valid, invalid):
        assert [field.dotted for field in spec.fields() if not count[field.dotted]] == []


def test_every_rule_is_reached_on_both_sides(drawn: list[documents.Document]) -> None:
    reached = {side for document in drawn for side in documents.reached(document)}
    assert set(documents.sides()) - reached == UNREACHED


def test_drawn_documents_are_as_the_reader_gives_them(drawn: list[documents.Document]) -> None:
    """What is drawn is what validators get: the reader has nothing to change or to refuse."""
    for document in drawn[:500]:
        assert reader.normalise(document) == (document, [])


@settings(max_examples=200, deadline=None)
@given(documents.VALID)
def test_valid_documents_are_valid(document: documents.Document) -> None:
    assert problems(document) == []


def test_narrowed_documents_keep_to_both() -> None:
    """Words that are added to a setting limit what is drawn; the rules of the specification still hold."""
    narrow = documents.narrowed({"n": {"maximum": 3}, "dataset.input_len": {"maximum": 9}, "vllm": {"type": "null"}})
    judge = jsonschema_rs.Draft202012Validator(narrow)
    for document in documents.valid_documents(seed=1, count=100, whole=narrow):
        assert judge.is_valid(document) and verdict.is_valid(document)
