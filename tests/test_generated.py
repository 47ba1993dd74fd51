"""generated/ is written by one command from schema/, and one change in schema/ reaches everything."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs
import pytest

ROOT = Path(__file__).parents[1]
COMMAND = "python scripts/generate.py"


def generate(*options: str, seed: str = "0") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "generate.py"), *options]
    environment = os.environ | {"PYTHONHASHSEED": seed}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def files(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that was written from nothing."""
    folder = tmp_path_factory.mktemp("fresh") / "generated"
    written = generate("--output", str(folder), seed="1")
    assert written.returncode == 0, written.stderr
    return folder


def test_committed_files_are_fresh() -> None:
    """The files in generated/ are those that the schema gives; otherwise the check says which and what to do."""
    checked = generate("--check", seed="2")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_generation_is_deterministic(fresh: Path) -> None:
    """Written elsewhere and with another hash seed, every file is the same, byte for byte."""
    assert files(fresh) == files(ROOT / "generated")


def test_stale_files_are_named(fresh: Path, tmp_path: Path) -> None:
    """A changed, a missing and a superfluous file each fail the check, by name and with the command."""
    folder = tmp_path / "generated"
    shutil.copytree(fresh, folder)
    changed = folder / "docs" / "fields.md"
    changed.write_text(changed.read_text(encoding="utf-8").replace("temperature", "temprature"), encoding="utf-8")
    (folder / "llem.schema.json").unlink()
    (folder / "docs" / "more.md").write_text("more", encoding="utf-8")
    before = files(folder)
    checked = generate("--check", "--output", str(folder))
    assert checked.returncode == 1
    lines = checked.stderr.splitlines()
    for name in ("docs/fields.md", "llem.schema.json", "docs/more.md"):
        assert [line for line in lines if f"generated/{name}" in line and line.endswith(f"Run: {COMMAND}")], name
    assert not [line for line in lines if "rules.md" in line]
    assert files(folder) == before


def test_stale_files_are_mended(fresh: Path, tmp_path: Path) -> None:
    """The command writes what is changed or missing, and removes what is superfluous."""
    folder = tmp_path / "generated"
    shutil.copytree(fresh, folder)
    (folder / "docs" / "fields.md").write_text("", encoding="utf-8")
    (folder / "llem.schema.json").unlink()
    (folder / "docs" / "more.md").write_text("more", encoding="utf-8")
    assert generate("--output", str(folder)).returncode == 0
    assert files(folder) == files(fresh)


def test_every_file_says_what_wrote_it(fresh: Path) -> None:
    """Whoever opens a generated file reads that it is one, JSON aside."""
    for name, content in files(fresh).items():
        assert name.endswith(".json") or f"Written by `{COMMAND}`" in content.decode()[:300], name


# ---- one source

SETTING = {
    "description": "Only tokens of about typical information content are sampled from.",
    "type": ["number", "null"],
    "minimum": 0.1,
    "maximum": 1,
    "x-llem": {"calls": {"pytorch": ["generate"]}},
}
RULE = {
    "if": {"required": ["num_beams"], "properties": {"num_beams": {"minimum": 2}}},
    "then": {"properties": {"logit_cap": {"type": "null"}}},
    "x-llem-rule": {
        "id": "logit-cap-without-beams",
        "message": "Choose either `logit_cap` or beams.",
        "combination": "logit_cap with num_beams above 1",
        "reason": "A rule for this test.",
        "resolution": "Remove one of the two.",
    },
}
LOOK = """
import importlib.util, json, pathlib, runpy, sys
schema, output, script = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(script).parent))
from llem import spec
spec.FOLDER = pathlib.Path(schema)
sys.argv = ["generate.py", "--output", output]
sys.stdout = sys.stderr
try:
    runpy.run_path(script, run_name="__main__")
except SystemExit as end:
    assert not end.code
sys.stdout = sys.__stdout__

import llem
from llem import introspection

def judged(**pytorch):
    return [(one.path, one.rule, one.message) for one in llem.problems({"model": "m", "pytorch": pytorch})]

found = importlib.util.spec_from_file_location("generated_models", output + "/python/__init__.py")
models = importlib.util.module_from_spec(found)
sys.modules["generated_models"] = models
found.loader.exec_module(models)

def built(**values):
    try:
        return models.PyTorchConfig(**values).model_dump(exclude_none=True)
    except ValueError as error:
        return [one["ctx"]["rule"] for one in error.errors()]

plan = llem.plan({"model": "m", "pytorch": {"logit_cap": 1}}).to_dict()
print(json.dumps({
    "good": judged(logit_cap=0.5),
    "low": judged(logit_cap=0.01),
    "text": judged(logit_cap="x"),
    "near": judged(logitcap=0.5),
    "rule": judged(logit_cap=0.5, num_beams=2),
    "passed": [one.rule for one in llem.problems({"model": "m", "passthrough_kwargs": {"logit_cap": 1}})],
    "built": [built(logit_cap=1), built(logit_cap=0.01), built(logit_cap=0.5, num_beams=2), built(num_beams=2)],
    "sent": {call["call"]: call["arguments"].get("logit_cap") for call in plan["calls"]},
    "params": introspection.get_backend_specific_params()["pytorch"],
    "rules": introspection.get_validation_rules(),
    "exclusions": introspection.get_mutual_exclusions(),
    "fields": introspection.fields_table(),
}))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What llem says when one file has one more setting and one more rule; `output` is what it generates."""
    schema, output = tmp_path_factory.mktemp("one") / "schema", tmp_path_factory.mktemp("one") / "generated"
    shutil.copytree(ROOT / "schema", schema)
    file = schema / "pytorch.schema.json"
    section = json.loads(file.read_text(encoding="utf-8"))
    section["properties"]["logit_cap"] = SETTING
    section["allOf"].append(RULE)
    file.write_text(json.dumps(section), encoding="utf-8")
    command = [sys.executable, "-c", LOOK, str(schema), str(output), str(ROOT / "scripts" / "generate.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "output": output}


def test_one_change_is_validated(changed: dict[str, Any]) -> None:
    """The new setting is judged, guessed when misspelt, and reserved; the new rule refuses with its own message."""
    assert changed["good"] == []
    assert [problem[:2] for problem in changed["low"]] == [["pytorch.logit_cap", "minimum"]]
    assert [problem[:2] for problem in changed["text"]] == [["pytorch.logit_cap", "type"]]
    assert "did you mean `logit_cap`?" in changed["near"][0][2]
    assert changed["rule"] == [["pytorch.logit_cap", "logit-cap-without-beams", "Choose either `logit_cap` or beams."]]
    assert changed["passed"] == ["passthrough-not-a-field"]


def test_one_change_is_in_the_models(changed: dict[str, Any]) -> None:
    """The generated models have the new setting, with its type, and enforce the new rule."""
    assert changed["built"] == [{"logit_cap": 1.0}, ["minimum"], ["logit-cap-without-beams"], {"num_beams": 2}]
    assert b"logit_cap: float | None = None" in files(changed["output"])["python/__init__.py"]


def test_one_change_is_in_the_tables(changed: dict[str, Any]) -> None:
    """The tables and the published schema contain the setting and the rule."""
    texts = {name: content.decode() for name, content in files(changed["output"]).items()}
    row = f"| `logit_cap` | number, 0.1 to 1 | – | {SETTING['description']} | PyTorch: `generate(logit_cap=…)` |"
    assert row in texts["docs/fields.md"]
    assert "| `logit-cap-without-beams` | pytorch | logit_cap with num_beams above 1 |" in texts["docs/rules.md"]
    published = json.loads(texts["llem.schema.json"])["$defs"]["pytorch"]
    assert published["properties"]["logit_cap"] == SETTING
    assert RULE in published["allOf"]


def test_one_change_is_in_other_languages(changed: dict[str, Any], tmp_path: Path) -> None:
    """The types of TypeScript, Go and Rust have the setting, and the npm package judges and sends it."""
    texts = {name: content.decode() for name, content in files(changed["output"]).items()}
    assert "  logit_cap?: number | null;\n" in texts["npm/document.d.mts"]
    assert 'LogitCap *float64 `json:"logit_cap"`\n' in texts["go/llem.go"]
    assert "pub logit_cap: Option<f64>,\n" in texts["rust/src/lib.rs"]
    package = changed["output"] / "npm" / "index.mjs"
    asked = [{"model": "m", "pytorch": {"logit_cap": 1, "num_beams": 2}}, {"model": "m", "pytorch": {"logit_cap": 0.5}}]
    broken, good = nodejs.run("ask.mjs", asked, str(package))
    assert [one["message"] for one in broken["problems"]] == [RULE["x-llem-rule"]["message"]]
    (generate,) = [call for call in good["plan"]["calls"] if call["call"] == "generate"]
    assert generate["arguments"]["logit_cap"] == 0.5


def test_one_change_is_sent(changed: dict[str, Any]) -> None:
    """The plan sends the new setting, as a float, to the call that the schema names and to no other."""
    assert {call: value for call, value in changed["sent"].items() if value is not None} == {"generate": 1.0}


def test_one_change_is_listed(changed: dict[str, Any]) -> None:
    """Introspection lists the setting and the rule."""
    assert changed["params"][-1] == "pytorch.logit_cap"
    assert ("logit-cap-without-beams", "pytorch") in {(rule["id"], rule["backend"]) for rule in changed["rules"]}
    assert "pytorch.logit_cap" in {row["path"] for row in changed["fields"]}
    assert "pytorch.num_beams=None" not in changed["exclusions"].get("pytorch.logit_cap", [])
