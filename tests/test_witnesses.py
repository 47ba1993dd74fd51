"""Witnesses: what llem refuses, the library refuses or drops.

witnesses/<name>.yaml is a document. Beside it stands either <name>.error.txt: the setting and rule (or keyword) with
which llem refuses it, and what the library raises when it is run all the same; or <name>.dropped.txt: the same, and the
setting that has no effect, so that what comes out is the same without it. A rule's own name is how the file begins.

The other way round, every mended document of invalid/ and advice/ runs.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import tiny_models

import llem
from llem import load_document, planning, problems, running, spec
from llem.interruption import Interruption
from llem.preflight import CannotRun

HERE = Path(__file__).parent
RAISED = sorted((HERE / "witnesses").glob("*.error.txt"))
DROPPED = sorted((HERE / "witnesses").glob("*.dropped.txt"))

UNSEEN = {
    "section-matches-backend": "the section is not read",
    "passthrough-not-a-field": "llem itself would send the argument twice",
    "passthrough-call-matches-backend": "what is passed to the call of another engine is not sent",
    "one-kind-of-quantization": "llem sends one of the two",
    "llm-int8-settings-need-quantization": "alone they quantize unasked, and nothing is raised",
    "tensor-parallel-excludes": "several processes with GPUs",
    "quantized-cache-needs-backend": "the default backend is a package that is not installed for the tests",
}
"""Rules of pytorch whose breach cannot be shown here, and why."""


@pytest.fixture(autouse=True)
def _place(folder: Path) -> None:
    """The documents name tiny models below `models`."""
    for name in ("mixtral", "draft"):
        tiny_models.path(name)
    Path("models").symlink_to(Path(os.environ["LLEM_CACHE"], "tiny"))


def document(expectation: Path) -> dict[str, Any]:
    return load_document(expectation.with_name(expectation.name.split(".")[0] + ".yaml"))


def lines(expectation: Path) -> list[str]:
    return expectation.read_text(encoding="utf-8").splitlines()


def case(path: Path) -> str:
    return path.name.split(".")[0]


def run_unjudged(document: dict[str, Any]) -> tuple[str, list[str]]:
    """What is raised when the document is neither validated nor checked against the model, and the lines of output."""
    share, outputs = running.new_share(), Path("outputs.jsonl")
    plan = planning.of(document, False)
    with Interruption() as interruption:
        running.perform_safely(share, interruption, lambda: running.perform(plan, share, outputs, interruption))
    if share["error"]:
        return f"{share['error']['type']}: {share['error']['message']}", []
    return share["effective"]["compile"]["error"] or "", outputs.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("expectation", [*RAISED, *DROPPED], ids=case)
def test_llem_refuses(expectation: Path) -> None:
    """The document has exactly the one problem."""
    assert [f"{problem.path} {problem.rule}" for problem in problems(document(expectation))] == lines(expectation)[:1]


@pytest.mark.parametrize("expectation", RAISED, ids=case)
def test_library_refuses(expectation: Path) -> None:
    """Run all the same, the document raises the recorded error."""
    raised, _ = run_unjudged(document(expectation))
    assert lines(expectation)[1] in raised


@pytest.mark.parametrize("expectation", DROPPED, ids=case)
def test_library_drops(expectation: Path) -> None:
    """Run all the same, the document gives what it gives without the setting."""
    whole = document(expectation)
    without = copy.deepcopy(whole)
    section, _, name = lines(expectation)[1].partition(".")
    del without[section][name]
    raised, outputs = run_unjudged(whole)
    assert raised == "" and outputs
    assert run_unjudged(without) == (raised, outputs)


def test_every_rule_has_its_witness() -> None:
    """For each rule about pytorch there is a witness, or a reason why there is none."""
    rules = {rule.id for rule in spec.rules() if rule.backend in ("pytorch", "all")}
    seen = {rule for rule in rules for path in (*RAISED, *DROPPED) if lines(path)[0].endswith(f" {rule}")}
    assert rules - seen == set(UNSEEN)


RULES = {rule.id for rule in (*spec.rules(), *spec.advice()) if rule.backend in ("pytorch", "all")}
MENDED = [
    path
    for folder in ("invalid", "advice")
    for path in sorted((HERE / folder).glob("*.mended.yaml"))
    if path.name.split(".")[0] in RULES
]

REFUSED = {
    "decode-compile-excludes": "4bit-does-not-compile-on-cpu",
    "max-memory-needs-automatic-device-map": "which is not there",
    "offloaded-parts-stay-unquantized": "which is not there",
    "column-needs-columns": "cannot be read",
}
"""Mended documents that cannot run here, and what the check before the run says of them."""


@pytest.mark.parametrize("path", MENDED, ids=lambda path: path.name)
def test_just_inside_a_rule_runs(path: Path) -> None:
    """The mended document of a rule or advice finishes on a tiny model, or is refused before, for the stated reason."""
    inside = load_document(path)
    if inside.get("backend") not in (None, "pytorch"):
        pytest.skip("another engine")
    small = {"model": "builtin:tiny-llama", "n": 1, "warmup": 0, "passthrough_kwargs": None}
    if "assistant_model" in (inside.get("pytorch") or {}):
        inside["pytorch"]["assistant_model"] = "builtin:tiny-llama"
    if refusal := REFUSED.get(path.name.partition(".")[0]):
        with pytest.raises(CannotRun, match=refusal):
            llem.run({**inside, **small})
        return
    result = llem.run({**inside, **small})
    assert result.status == "finished", result.content["error"]
    assert result.content["effective"]["compile"]["error"] is None
