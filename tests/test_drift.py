"""What the libraries take is a setting, may be passed through, or is excluded for a written reason."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from llem import drifting, machine, preflight, spec
from llem.cli import cli
from llem.planning import plan

ROOT = Path(__file__).parents[1]
TESTED = spec.inventory()["tested"]["transformers"]
MISSING = ["httpx", "httpcore", "certifi", "huggingface-hub<2"]
"""What the oldest supported release imports, and the newest does not."""

FORM = {
    "type": "object",
    "required": ["description", "engine", "sent", "tested", "surfaces"],
    "additionalProperties": False,
    "properties": {
        "description": {"type": "string"},
        "engine": {"enum": list(spec.engines())},
        "sent": {"$ref": "#/$defs/sentence"},
        "tested": {
            "additionalProperties": {
                "type": "object",
                "required": ["oldest", "newest"],
                "additionalProperties": {"type": "string", "pattern": "^[0-9]+([.][0-9]+)+$"},
            }
        },
        "surfaces": {
            "additionalProperties": {
                "type": "object",
                "required": ["calls", "others"],
                "additionalProperties": False,
                "properties": {
                    "calls": {"type": "array", "minItems": 1, "items": {"enum": list(spec.calls("pytorch"))}},
                    "argument": {"type": "string"},
                    "others": {"type": "array", "items": {"$ref": "#/$defs/group"}},
                },
            }
        },
    },
    "$defs": {
        "sentence": {"type": "string", "pattern": "^[^\n]*[.]$"},
        "names": {"type": "array", "minItems": 1, "uniqueItems": True, "items": {"type": "string"}},
        "group": {
            "type": "object",
            "required": ["disposition", "names"],
            "additionalProperties": False,
            "properties": {
                "disposition": {"enum": ["passthrough", "excluded", "field"]},
                "path": {"enum": [field.dotted for field in spec.fields()]},
                "reason": {"$ref": "#/$defs/sentence"},
                "names": {"$ref": "#/$defs/names"},
            },
            "if": {"properties": {"disposition": {"const": "field"}}},
            "then": {"required": ["path"]},
            "else": {"required": ["reason"]},
        },
    },
}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    """Return what the installed libraries take."""
    return drifting.look()


def failing(seen: dict[str, Any]) -> list[str]:
    return [f"{entry['surface']}.{entry['name']}" for entry in drifting.compare(seen) if drifting.fails(entry)]


def changes(seen: dict[str, Any]) -> dict[str, str]:
    found = drifting.compare(seen)
    return {f"{entry['surface']}.{entry['name']}": entry["change"] for entry in found if "change" in entry}


# ---- the inventory


def test_form_of_the_inventory() -> None:
    """The inventory has no member but those that are read, and a reason for every name."""
    assert [error.message for error in Draft202012Validator(FORM).iter_errors(spec.inventory())] == []


def test_nothing_is_listed_twice() -> None:
    """A setting is in no list, and a name stands once in the lists of its surface."""
    assert drifting.listed_twice() == []


def test_a_listed_setting_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that became a setting must leave the list."""
    inventory = deepcopy(spec.inventory())
    inventory["surfaces"]["GenerationConfig"]["others"][0]["names"].append("num_beams")
    monkeypatch.setattr(spec, "inventory", lambda: inventory)
    assert drifting.listed_twice() == [("GenerationConfig", "num_beams")]


def test_every_call_of_the_library_is_looked_at() -> None:
    """Each call that constructs or loads something of transformers has a surface."""
    watched = {call for about in spec.inventory()["surfaces"].values() for call in about["calls"]}
    driven = {name for name, call in spec.calls("pytorch").items() if call["target"].startswith("transformers.")}
    assert driven - watched == {"assistant", "set_seed"}  # as from_pretrained, and a seed


# ---- the installed libraries


def test_the_recorded_versions_are_installed(seen: dict[str, Any]) -> None:
    """What was recorded is what is tested here, and the newest release that counts as tested."""
    assert seen["versions"] == spec.recorded()["versions"]
    assert seen["versions"]["transformers"] == TESTED["newest"]


def test_everything_is_classified(seen: dict[str, Any]) -> None:
    """Nothing that the libraries take is without a disposition, and nothing changed since it was recorded."""
    assert failing(seen) == []
    assert changes(seen) == {}


def test_every_entry_says_why(seen: dict[str, Any]) -> None:
    """Each entry names its setting, or the reason that there is none."""
    paths = {field.dotted for field in spec.fields()}
    for entry in drifting.compare(seen):
        assert entry["path"] in paths if entry["disposition"] == "field" else entry["reason"].endswith("."), entry


def test_generation_defaults_are_recorded() -> None:
    """The values that hold when nobody says another are those of the library."""
    recorded = spec.recorded()["surfaces"]["GenerationConfig"]
    assert (recorded["top_k"]["default"], recorded["temperature"]["default"]) == (50, 1.0)


@pytest.mark.parametrize("name", ["suppress_tokens", "max_length"])
def test_a_name_that_is_not_listed_fails(seen: dict[str, Any], monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Without its entry, a name is unclassified."""
    inventory = deepcopy(spec.inventory())
    for group in inventory["surfaces"]["GenerationConfig"]["others"]:
        group["names"] = [one for one in group["names"] if one != name]
    monkeypatch.setattr(spec, "inventory", lambda: inventory)
    assert failing(seen) == [f"GenerationConfig.{name}"]


def test_what_changed_is_told(seen: dict[str, Any]) -> None:
    """New, renamed, gone, deprecated, dropped, and another default; what settings lose fails."""
    changed = deepcopy(seen)
    generation, loading = changed["surfaces"]["GenerationConfig"], changed["surfaces"]["from_pretrained"]
    generation["speed_limit"] = {"default": None}
    generation["num_beam"] = generation.pop("num_beams")
    del generation["guidance_scale"]
    generation["top_k"] = {"default": 40}
    generation["max_time"]["deprecated"] = True
    loading["use_safetensors"]["dropped"] = True
    changed["refused"] = {"generate": {"early_stopping": ["never"]}}
    assert changes(changed) == {
        "GenerationConfig.speed_limit": "new",
        "GenerationConfig.num_beam": "new: was called num_beams",
        "GenerationConfig.num_beams": "gone: called num_beam now",
        "GenerationConfig.guidance_scale": "gone",
        "GenerationConfig.top_k": "default 40, was 50",
        "GenerationConfig.max_time": "deprecated",
        "from_pretrained.use_safetensors": "dropped: it is taken and not used any more",
        "GenerationConfig.early_stopping": "refuses 'never'",
    }
    assert sorted(failing(changed)) == [
        "GenerationConfig.early_stopping",
        "GenerationConfig.guidance_scale",
        "GenerationConfig.num_beam",
        "GenerationConfig.num_beams",
        "GenerationConfig.speed_limit",
        "from_pretrained.use_safetensors",
    ]


def test_a_changed_value_is_told(seen: dict[str, Any]) -> None:
    """Listed values are looked at too."""
    changed = deepcopy(seen)
    values = changed["surfaces"]["generate.cache_implementation"]
    values["compressed"] = values.pop("offloaded")
    assert failing(changed) == ["generate.cache_implementation.compressed", "generate.cache_implementation.offloaded"]


def test_command() -> None:
    """`llem drift` says what it looked at; --json gives every name with its disposition; a good end is 0."""
    command = [sys.executable, "-m", "llem", "drift", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert {entry["disposition"] for entry in report} == {"field", "passthrough", "excluded"}
    assert {
        "surface": "GenerationConfig",
        "name": "num_beams",
        "disposition": "field",
        "path": "pytorch.num_beams",
    } in report


@pytest.mark.parametrize("name", ["nosuch", "nosuch.whl"])
def test_nothing_to_look_at(tmp_path: Path, name: str) -> None:
    """A place without the library is one line, and the exit code 2."""
    result = CliRunner().invoke(cli, ["drift", "--transformers", str(tmp_path / name)])
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1 and name in result.stderr


# ---- the supported range


def test_the_supported_range_is_the_tested_one() -> None:
    """pyproject.toml begins where the tests begin."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    least = next(re.search(">=([0-9.]+)", one) for one in extras["run"] if one.startswith("transformers"))
    oldest = machine.release(TESTED["oldest"])
    assert least and machine.release(least[1]) == oldest[: len(machine.release(least[1]))]
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert f"transformers=={TESTED['newest']}\n" in pinned


@pytest.fixture(scope="module")
def oldest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the wheels of the oldest supported release."""
    folder = tmp_path_factory.mktemp("wheels")
    wanted = [f"transformers=={TESTED['oldest']}", *MISSING]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), *wanted]
    if subprocess.run(command, capture_output=True, check=False, timeout=300).returncode:
        pytest.skip("the wheels cannot be fetched")
    return folder


def test_the_oldest_supported_release(oldest: Path) -> None:
    """It takes what the settings send, but for those that say which release they need."""
    seen = drifting.look(oldest)
    assert seen["versions"]["transformers"] == TESTED["oldest"]
    assert failing(seen) == []
    young = {f"{field.dotted}" for field in spec.fields() if field.since}
    young |= {field.dotted for field in spec.fields() for value in field.values if "since" in field.needs(value)}
    told = {entry["path"] for entry in drifting.compare(seen) if entry.get("change", "").startswith("needs ")}
    assert told == young


@pytest.mark.parametrize(("version", "age"), [("5.15.1", "older"), ("6.0.0", "newer")])
def test_an_untested_library_is_told(monkeypatch: pytest.MonkeyPatch, version: str, age: str) -> None:
    """A library that is older or newer than what is tested gets one sentence."""
    monkeypatch.setattr(machine, "installed", lambda libraries: {"transformers": version})
    text = f"transformers {version} is {age} than what llem is tested with, {TESTED['oldest']} to {TESTED['newest']}."
    assert machine.untested() == [text]
    assert text in CliRunner().invoke(cli, ["doctor"]).stdout


def test_tested_libraries_are_not_told() -> None:
    """The libraries here are tested."""
    assert machine.untested() == []


def test_what_needs_a_newer_release_is_told_before_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting, or a value, that the installed release does not know stops the run with one line."""
    monkeypatch.setattr(machine, "installed", lambda libraries: {"transformers": "5.16.0"})
    document = {
        "model": "builtin:tiny-llama",
        "precision": "fp32",
        "pytorch": {"code_revision": "x", "cache_implementation": "quantized", "kv_cache_backend": "fp8"},
    }
    found = preflight.reasons(plan(document, False))
    assert [line.partition(" needs ")[2] for line in found if "5.16.0" in line] == [
        "transformers 5.21, and 5.16.0 is here: update it, or choose another value.",
        "transformers 5.22, and 5.16.0 is here: update it, or choose another value.",
    ]


# ---- passing through


@pytest.mark.parametrize("call", [None, "from_pretrained"])
def test_attributes_of_the_very_model_are_refused(call: str | None) -> None:
    """What the inventory cannot know, because only this model has it, stops the run."""
    passed = {"base_model_pp_plan": 1, "disable_mmap": True}
    document = {"model": "builtin:tiny-gpt2", "passthrough_kwargs": {call: passed} if call else passed}
    found = preflight.reasons(plan(document, False))
    assert [line.partition(":")[0].rpartition(".")[2] for line in found] == ["base_model_pp_plan"]
