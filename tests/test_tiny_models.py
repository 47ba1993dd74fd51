"""The tiny models load through the ordinary path, are what they say, and are made fast and once."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny_models

from llem import builtin


@pytest.mark.parametrize("name", tiny_models.WHOLE)
def test_a_tiny_model_generates(name: str) -> None:
    """Each loads from its folder alone, and continues a text that is longer than its window."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = tiny_models.path(name)
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path).eval()
    inputs = tokenizer(builtin.prompts("mixed")[0], return_tensors="pt")
    assert inputs["input_ids"].shape[1] > tiny_models.WINDOW
    made = model.generate(inputs["input_ids"], attention_mask=inputs["attention_mask"], max_new_tokens=8)
    new = made[0, inputs["input_ids"].shape[1] :].tolist()
    assert len(set(new)) > 1
    assert len(tokenizer) == model.config.vocab_size


def test_the_same_on_every_machine(tmp_path: Path) -> None:
    """A model made twice has the same bytes."""
    first, second = (tiny_models.make("draft", tmp_path / part) for part in "ab")
    for file in first.iterdir():
        assert file.read_bytes() == (second / file.name).read_bytes()
