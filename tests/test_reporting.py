"""Runs are compared, and run again from their record."""

from __future__ import annotations

import csv
import io
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL

import llem
from llem import reporting


@pytest.fixture
def runs(folder: Path) -> list[Path]:
    """The folders of two runs that differ in two settings."""
    changes: list[dict[str, Any]] = [{}, {"max_output_tokens": 4, "pytorch": {"batch_size": 2}}]
    return [llem.run({**SMALL, **change}).folder for change in changes]


def test_report_shows_what_differs(command: Callable[..., Any], runs: list[Path]) -> None:
    """The settings that differ come first, no other setting is shown, then come the measurements."""
    done = command("report", *map(str, runs), "--format", "json")
    table = json.loads(done.stdout)
    assert done.exit_code == 0
    assert list(table[0])[:4] == ["run", "max_output_tokens", "pytorch.batch_size", "status"]
    assert [row["max_output_tokens"] for row in table] == [12, 4]
    assert [row["pytorch.batch_size"] for row in table] == [1, 2]
    assert all(row["tokens/s"] > 0 and row["status"] == "finished" for row in table)


@pytest.mark.parametrize("style", ["text", "markdown", "csv"])
def test_report_formats(command: Callable[..., Any], runs: list[Path], style: str) -> None:
    """A line for each run below the names of the columns; a folder above the runs stands for them."""
    printed = command("report", "results", "--format", style).stdout
    lines = [line for line in printed.splitlines() if "---" not in line]
    assert len(lines) == 3
    assert "max_output_tokens" in lines[0]
    assert runs[0].name in printed
    if style == "csv":
        assert {row["max_output_tokens"] for row in csv.DictReader(io.StringIO(printed))} == {"12", "4"}


def test_report_of_something_else(command: Callable[..., Any], folder: Path) -> None:
    """What is no record is told in one line."""
    Path("a.json").write_text("{}")
    Path("b.json").write_text("[" * 100_000)
    for name in ("a.json", "b.json", "nosuch.json", "."):
        done = command("report", name)
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_run_again(command: Callable[..., Any], folder: Path) -> None:
    """The document of a record runs again to the same tokens, sampled with the seed; `--set` changes it."""
    first = llem.run({**SMALL, "decoder": {"preset": "creative"}}).folder
    again = llem.run(first / "result.json")
    assert again.content["document"] == json.loads((first / "result.json").read_text())["document"]
    tokens = [
        [json.loads(line)["token_ids"] for line in (run / "outputs.jsonl").open()] for run in (first, again.folder)
    ]
    assert tokens[0] == tokens[1]
    done = command("run", str(first / "result.json"), "--set", "n=1")
    assert done.exit_code == 0
    assert "1 in 1 batches" in done.stdout


def test_report_compares_what_became_of_settings(command: Callable[..., Any], folder: Path) -> None:
    """What is left to the library is as what says the same; inert values do not differ; what changed is shown."""
    changes: list[dict[str, Any]] = [
        {"pytorch": {"num_beams": 1}, "decoder": {"temperature": 0, "top_k": 7}},
        {"pytorch": {"torch_compile": True, "torch_compile_backend": "nosuch"}},
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for change in changes:
            llem.run({**SMALL, "n": 1, "max_output_tokens": 2, **change})
    table = json.loads(command("report", "results", "--format", "json").stdout)
    assert list(table[0])[:4] == ["run", "pytorch.torch_compile_backend", "status", "changed"]
    assert {row["changed"] for row in table} == {None, "pytorch.torch_compile: true → false"}


AGAIN: dict[str, dict[str, Any]] = {
    "greedy": {},
    "sampling": {"decoder": {"preset": "creative"}},
    "beams": {"pytorch": {"num_beams": 3}},
    "sampled beams": {"decoder": {"temperature": 0.7}, "pytorch": {"num_beams": 2, "batch_size": 2}},
    "several sequences": {"decoder": {"num_return_sequences": 2}},
    "4 bit": {"decoder": {}, "pytorch": {"load_in_4bit": True}},
    "a draft model": {"decoder": {}, "pytorch": {"assistant_model": "builtin:tiny-llama"}},
    "processes": {"decoder": {}, "pytorch": {"num_processes": 2}},
}


@pytest.mark.parametrize("name", AGAIN)
def test_same_document_same_tokens(folder: Path, name: str) -> None:
    """Two runs of one document give the same tokens, and differ in no setting; another seed samples others."""
    document = {**SMALL, "warmup": 1, **AGAIN[name]}
    runs = [llem.run(document).folder, llem.run(document).folder]
    assert reporting.rows([run / "result.json" for run in runs])[0].keys() == {"run", *reporting.MEASURED}
    tokens = [[json.loads(line)["token_ids"] for line in (run / "outputs.jsonl").open()] for run in runs]
    assert tokens[0] == tokens[1]
    if "decoder" in AGAIN[name]:
        other = llem.run({**document, "random_seed": 7}).folder
        assert [json.loads(line)["token_ids"] for line in (other / "outputs.jsonl").open()] != tokens[0]
