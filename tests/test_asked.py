"""What was asked is what ran: every document of the corpus that can run here is run, and its settings are read back."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import predictions
import pytest
import tiny_models
from conftest import SMALL, Ran

import llem
from llem import asked, listening, machine, resolution, running, spec, validation

HERE = Path(__file__).parent
HERE_GPUS = machine.Gpus(0.0, 0)
NOT_RUN = {
    "valid/yaml-1-2.yaml": "torch.compile has no backend `no`",
    **dict.fromkeys(
        [f"valid/compile-{mode}.yaml" for mode in ("default", "lite", "max-autotune-no-cudagraphs", "reduce-overhead")],
        "as valid/compile.yaml, and generating code takes half a minute",
    ),
}
"""Documents that need something that no test has, and why they are not run."""

CHECKPOINTS = {
    "experts_implementation": "mixtral",
    "subfolder": "subfolder",
    "variant": "variant",
    "gguf_file": "gguf",
    "use_mtp": "mtp",
}
"""Settings of single kinds of models: setting -> the tiny model of tests/tiny_models.py that has what it needs."""

PASSED_THROUGH = {"disable_mmap", "from_pretrained", "generate"}
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
    if section.get("assistant_early_exit"):
        section["assistant_early_exit"] = 1  # tiny-llama has two layers
    if section.get("gguf_file"):
        section["gguf_file"] = "model.gguf"
    if -1 in (section.get("kv_cache_axis_key"), section.get("kv_cache_axis_value")):
        section["kv_cache_group_size"] = 2  # tiny-llama has so many key-value heads
    draft = section.get("assistant_model")
    if draft and not draft.startswith("builtin:"):
        section["assistant_model"] = found["model"]
    if section.get("torch_compile") and not section.get("torch_compile_mode"):
        section.setdefault("torch_compile_backend", "eager")  # generating code takes half a minute
    prompts = found.get("dataset")
    if isinstance(prompts, dict) and prompts.get("input_len"):
        prompts.update({key: min(prompts[key], FEW) for key in ("input_len", "output_len") if prompts.get(key)})
    least = (found.get("decoder") or {}).get("min_new_tokens") or 0
    if not (isinstance(prompts, dict) and prompts.get("output_len")):
        most = found.get("max_output_tokens") or FEW
        found["max_output_tokens"] = most if least > most else max(least, min(most, FEW))
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


def prepare(small: dict[str, Any]) -> dict[str, Any]:
    """The document with a model that has what it asks for; the file of prompts that it names is written."""
    wanted = [name for key, name in CHECKPOINTS.items() if key in (small.get("pytorch") or {})]
    if wanted:
        small = {**small, "model": str(tiny_models.path(wanted[0]))}
    if (small.get("pytorch") or {}).get("adapter"):
        small = {**small, "pytorch": {**small["pytorch"], "adapter": str(tiny_models.path("lora"))}}
    plan = llem.planning.of(small, False)
    asked_for = plan.arguments("prompts")
    source = Path(str(asked_for.get("source", "builtin:")))
    if str(source).startswith("builtin:"):
        return small
    key = str(asked_for.get("key", "text"))
    texts = {".txt": "one\ntwo\n", ".csv": f"{key}\none\ntwo\n", ".jsonl": json.dumps({key: "one"}) + "\n"}
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(texts[source.suffix], encoding="utf-8")
    return small


@pytest.mark.parametrize("name", corpus())
def test_prediction_holds(folder: Path, name: str) -> None:
    """`llem explain` says before the run what the record says after it: the same settings, verdicts and values."""
    small = prepare(corpus()[name])
    plan = llem.planning.of(small, False)
    result = running.execute(plan)
    assert result.content["error"] is None
    assert list(predictions.disagreements(plan, result)) == []


def test_every_setting_is_read_back() -> None:
    """The corpus that runs here asks for each setting, but for those that need what this machine lacks."""
    rows = [row for small in corpus().values() for row in llem.planning.of(small, False).settings()]
    shown = {row.path for row in rows if row.asked is not None and row.verdict == asked.AS_ASKED}
    expected = {field.dotted for field, _ in resolution.settings("pytorch") if field.targets("pytorch")}
    assert sorted(expected - shown - NOT_HERE) == []
    assert sorted(NOT_HERE & shown) == []


NOT_HERE = {"pytorch.torchao_quant_type", "pytorch.use_kernels"}
"""Settings that need a package, or a model, which the tests do not have."""


# ---- what became of single settings


def row(result: running.Result, path: str) -> tuple[Any, ...]:
    """What was asked, what became of it, the verdict, and whether it was read."""
    (found,) = [row for row in result.settings if row.path == path]
    return found[1:]


ROWS: dict[str, tuple[dict[str, Any], str, tuple[Any, ...]]] = {
    "a word of the document": ({"precision": "bf16"}, "precision", ("bf16", "bf16", "as asked", "live")),
    "unset": ({"decoder": {}}, "decoder.min_p", (None, None, "library default", "live")),
    "default of the library": ({}, "pytorch.num_beams", (None, 1, "library default", "live")),
    "chosen by the library": ({}, "pytorch.attn_implementation", (None, "sdpa", "library default", "live")),
    "cache in use": ({}, "pytorch.cache_implementation", (None, "dynamic", "library default", "live")),
    "inert": ({"decoder": {"temperature": 0, "top_k": 7}}, "decoder.top_k", (7, 50, "no effect", "live")),
    "same meaning": ({"decoder": {"temperature": 0}}, "decoder.do_sample", (True, False, "as asked", "live")),
    "unquantized": ({"pytorch": {"load_in_4bit": False}}, "pytorch.load_in_4bit", (False, False, "as asked", "live")),
    "nothing to read": ({}, "dataset", ("builtin:mixed", "builtin:mixed", "as asked", "sent")),
    "limit": ({"pytorch": {"batch_size": 3}, "n": 2}, "pytorch.batch_size", (3, 2, "as asked", "live")),
    "auto": ({}, "pytorch.device_map", ("auto", {"": "cpu"}, "as asked", "live")),
    "device": ({"pytorch": {"device_map": "cpu"}}, "pytorch.device_map", ("cpu", "cpu", "as asked", "live")),
    "no consent needed": ({}, "pytorch.trust_remote_code", (True, False, "as asked", "sent")),
    "another setting": (
        {"dataset": {"input_len": 4, "output_len": 2}},
        "max_output_tokens",
        (12, 2, "no effect", "live"),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_row(folder: Path, name: str) -> None:
    """Asked, effective, verdict, and whether a live object says so."""
    settings, path, expected = ROWS[name]
    assert row(llem.run({**SMALL, "n": 1, **settings}), path) == expected


CHANGED = {
    "not quantized": ({"load_in_4bit": True}, {"record.effective.linear_layers.Linear4bit": None}, (True, False)),
    "another cache": (
        {"cache_implementation": "static"},
        {"record.effective.cache": "DynamicCache"},
        ("static", "dynamic"),
    ),
    "another attention": ({"attn_implementation": "sdpa"}, {"record.effective.attention": "eager"}, ("sdpa", "eager")),
    "not compiled": ({"torch_compile": True}, {"record.effective.compile.graphs": 0}, (True, False)),
    "own code did not run": (
        {"trust_remote_code": True},
        {"record.effective.own_code.present": True, "record.effective.own_code.ran": False},
        (True, False),
    ),
    "another device": ({"device_map": "cuda:1"}, {"record.effective.device_map": {"": "cpu"}}, ("cuda:1", {"": "cpu"})),
    "larger batches": ({"batch_size": 2}, {"record.effective.shapes.rows": 3}, (2, 3)),
}


@pytest.mark.parametrize("name", CHANGED)
def test_changed(name: str) -> None:
    """What is read decides, not what was sent."""
    section, found, expected = CHANGED[name]
    (path,) = (f"pytorch.{key}" for key in section)
    rows = asked.became(llem.plan({**SMALL, "pytorch": section}, False), found)
    assert [(row.asked, row.effective, row.verdict) for row in rows if row.path == path] == [(*expected, "changed")]


@pytest.mark.parametrize(
    ("wish", "live"),
    [
        (0, {"": "cuda:0"}),
        ("cuda", {"": "cuda:0"}),
        ("cuda:1", {"": "cuda:1"}),
        ({"": 1}, {"": "cuda:1"}),
        ({"a": "cpu", "b": "cpu"}, {"": "cpu"}),
        ({"a": 0, "b": "disk"}, {"a": "cuda:0", "b": "disk"}),
    ],
)
def test_devices_have_several_names(wish: Any, live: dict[str, str]) -> None:
    """A device is the same however the document names it."""
    plan = llem.plan({**SMALL, "pytorch": {"device_map": wish}}, False)
    rows = asked.became(plan, {"record.effective.device_map": live})
    assert [row.verdict for row in rows if row.path == "pytorch.device_map"] == ["as asked"]


@pytest.mark.parametrize("consent", [False, True])
def test_own_code(folder: Path, consent: bool) -> None:
    """Whether the code of a model ran is read where the model has some; without consent such a model does not load."""
    document = {**SMALL, "n": 1, "model": str(tiny_models.path("own-code"))}
    if not consent:
        with pytest.raises(running.CannotRun, match="code of its own"):
            llem.run(document)
        return
    result = llem.run(document, trust_remote_code=True)
    assert row(result, "pytorch.trust_remote_code") == (True, True, "as asked", "live")
    assert result.content["effective"]["own_code"] == {"present": True, "ran": True}


@pytest.mark.parametrize("strict", [False, True])
def test_strict(command: Callable[..., Any], write: Callable[..., str], strict: bool) -> None:
    """With --strict a setting of which something else became is an error; the record stays, and is finished."""
    file = write(n=1, pytorch={"torch_compile": True, "torch_compile_backend": "nosuch"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        done = command("run", file, *(["--strict"] if strict else []))
    lines = [line for line in done.stderr.splitlines() if line.startswith("changed: ")]
    assert lines == ["changed: pytorch.torch_compile: asked true, became false"]
    assert done.exit_code == (1 if strict else 0)
    assert Ran.read(Path(done.stdout.splitlines()[-1]).parent).result["status"] == "finished"


def test_strict_refuses_advice(command: Callable[..., Any], write: Callable[..., str]) -> None:
    """With --strict, advice is an error before anything runs."""
    done = command("run", write(decoder={"temperature": 0, "top_k": 7}), "--strict")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "[greedy-ignores-filters]" in done.stderr
    assert not Path("results").exists()


@pytest.mark.usefixtures("folder")
def test_compiling_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiled run in which nothing was compiled says so."""
    from llem import pytorch

    monkeypatch.setattr(pytorch, "captured_graphs", lambda: 0)
    with pytest.warns(RuntimeWarning, match="nothing was compiled"):
        result = llem.run({**SMALL, "n": 1, "pytorch": {"torch_compile": True, "torch_compile_backend": "eager"}})
    assert [row.path for row in result.changed] == ["pytorch.torch_compile"]


# ---- what libraries say


def test_warnings_are_heard_and_passed_on(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What a library logs or warns of is in the record, in each run of a process, and reaches the user as before."""
    logging.getLogger("transformers").propagate = True
    document = {**SMALL, "n": 1, "max_output_tokens": 2, "decoder": {"min_new_tokens": 4}}
    cached = {**document, "pytorch": {"cache_implementation": "sliding_window"}}
    for _ in range(2):
        caplog.clear()
        with warnings.catch_warnings(record=True) as shown:
            warnings.simplefilter("default")
            heard = llem.run(cached).content["effective"]["warnings"]
        assert {entry["explained_by"] for entry in heard} == {"min-above-max-tokens", "sliding-window-is-static"}
        assert any("Unfeasible length" in str(warning.message) for warning in shown)
        assert any("sliding_window" in record.getMessage() for record in caplog.records)
    logging.getLogger("transformers").propagate = False


def test_a_logger_without_handlers_still_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """Listening to a logger does not silence it."""
    logger = logging.getLogger("accelerate.nosuch")
    heard: list[dict[str, Any]] = []
    monitors, logging.root.handlers = logging.root.handlers, []
    try:
        with listening.listening(heard):
            logger.warning("something %s", "odd")
    finally:
        logging.root.handlers = monitors
    assert heard == [{"message": "something odd", "logger": "accelerate.nosuch", "explained_by": None}]
    assert capsys.readouterr().err == "something odd\n"


def test_explanations_are_used_and_told() -> None:
    """Each entry is an advice or a rule by its id, or says itself what there is to know."""
    entries = spec.warnings()["explained"]
    known = {rule.id for rule in (*spec.rules(), *spec.advice())}
    assert [entry["id"] for entry in entries if (entry["id"] in known) == ("explanation" in entry)] == []
    assert len({entry["pattern"] for entry in entries}) == len(entries)
