"""What was asked is what ran: every document of the corpus that can run here is run, and its settings are read back."""

from __future__ import annotations

import json
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from conftest import Ran

import llem
from llem import asked, machine, resolution, running, spec, validation

HERE = Path(__file__).parent
HERE_GPUS = machine.Gpus(0.0, 0)
NOT_RUN = {"valid/yaml-1-2.yaml": "torch.compile has no mode `no`"}
"""Documents that show how documents are read, and would not run."""

PASSED_THROUGH = {"disable_mmap"}
"""Arguments that tests/valid passes through and tiny models take; the others stand for any."""

FEW = 4
"""Tokens and prompts of a run."""


def document(path: Path) -> dict[str, Any] | None:
    """The document of a file, made small enough to run; None when it is not for an engine that runs."""
    try:
        found = llem.load_document(path)
    except llem.InvalidDocument:  # several documents in a file
        return None
    if resolution.chosen_engine(found) != "pytorch":
        return None
    found = deepcopy(found)
    if not str(found["model"]).startswith("builtin:"):
        found["model"] = "builtin:tiny-llama"
    if set(found.get("passthrough_kwargs") or ()) - PASSED_THROUGH:
        del found["passthrough_kwargs"]
    section = found.get("pytorch") or {}
    if section.get("torch_compile") and not section.get("torch_compile_mode"):
        section.setdefault("torch_compile_backend", "eager")  # generating code takes half a minute
    prompts = found.get("dataset")
    if isinstance(prompts, dict) and prompts.get("input_len"):
        prompts.update({key: min(prompts[key], FEW) for key in ("input_len", "output_len") if prompts.get(key)})
    least = (found.get("decoder") or {}).get("min_new_tokens") or 0
    if not (isinstance(prompts, dict) and prompts.get("output_len")):
        most = found.get("max_output_tokens") or FEW
        found["max_output_tokens"] = most if least else min(most, FEW)
    found["n"] = min(found.get("n") or FEW, FEW)
    return {**found, "warmup": min(found.get("warmup") or 0, 1), "output_dir": "results"}


def lacks(small: dict[str, Any]) -> str:
    """What this machine lacks for the document, "" for nothing."""
    plan = llem.planning.of(small, False)
    for field in spec.fields():
        value = resolution.get(plan.resolved, field.path)
        if value is not None and not isinstance(value, dict | list):
            lack = machine.lacks(field, value, HERE_GPUS)
            if lack:
                return f"{field.dotted}: {lack}"
    section = plan.resolved.get("pytorch", {})
    places = section.get("device_map")
    devices = [*(places.values() if isinstance(places, dict) else [places]), *section.get("max_memory", ())]
    return "a GPU" if any("cuda" in str(device) or str(device).isdigit() for device in devices) else ""


@cache
def corpus() -> dict[str, dict[str, Any]]:
    """The documents that can run here, each once: the name of a file -> its document."""
    files = [
        path
        for folder in ("valid", "calls", "advice", "invalid")
        for path in sorted((HERE / folder).iterdir())
        if path.suffix == ".yaml" or (path.suffix == ".json" and folder != "calls")
        if folder != "invalid" or ".mended" in path.name
    ]
    found: dict[str, dict[str, Any]] = {}
    seen: set[str] = set()
    for path in files:
        name = f"{path.parent.name}/{path.name}"
        small = None if name in NOT_RUN else document(path)
        if small is None or validation.problems(small) or lacks(small):
            continue
        key = json.dumps(resolution.resolve(small).resolved, sort_keys=True) + json.dumps(
            small.get("passthrough_kwargs")
        )
        if key not in seen:
            seen.add(key)
            found[name] = small
    return found


def prepare(small: dict[str, Any]) -> None:
    """Write the file of prompts that the document names."""
    plan = llem.planning.of(small, False)
    asked_for = plan.arguments("prompts")
    source = Path(str(asked_for.get("source", "builtin:")))
    if str(source).startswith("builtin:"):
        return
    key = str(asked_for.get("key", "text"))
    texts = {".txt": "one\ntwo\n", ".csv": f"{key}\none\ntwo\n", ".jsonl": json.dumps({key: "one"}) + "\n"}
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(texts[source.suffix], encoding="utf-8")


@pytest.mark.parametrize("name", corpus())
def test_prediction_holds(folder: Path, name: str) -> None:
    """`llem explain` says before the run what the record says after it: the same settings, verdicts and values."""
    small = corpus()[name]
    prepare(small)
    plan = llem.planning.of(small, False)
    result = running.execute(plan)
    ran = Ran.read(result.folder)
    assert ran.result["error"] is None
    before, after = plan.settings(), result.settings
    assert [row.path for row in before] == [row.path for row in after]
    assert [row for row in after if row.verdict == asked.CHANGED] == []
    for said, became in zip(before, after, strict=True):
        assert (said.verdict, said.read) == (became.verdict, became.read) or said.path in MAY_BE_SENT, became
        assert said.effective is None or said.effective == became.effective, (said, became)


MAY_BE_SENT = {"pytorch.trust_remote_code"}
"""Whether there is something to read is not known before the model is."""


def test_every_setting_is_read_back() -> None:
    """The corpus that runs here asks for each setting, but for those that need what this machine lacks."""
    rows = [row for small in corpus().values() for row in llem.planning.of(small, False).settings()]
    shown = {row.path for row in rows if row.asked is not None and row.verdict == asked.AS_ASKED}
    expected = {field.dotted for field, _ in resolution.settings("pytorch") if field.targets("pytorch")}
    assert sorted(expected - shown - NOT_HERE) == []
    assert sorted(NOT_HERE & shown) == []


NOT_HERE: set[str] = set()
"""Settings that no document which runs on a machine without GPUs can ask for."""
