"""What this machine has, and what it lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from llem import doctoring, introspection, machine, spec


def test_requirements_are_those_of_the_schema() -> None:
    """Every value that needs a package, a GPU or a newer library is listed, and no other."""
    needing = set(introspection.get_param_skip_conditions())
    for field in spec.fields():
        needing |= {field.dotted} if field.since else set()
        needing |= {
            machine.named(field, key) for key, needs in field.wiring.get("values", {}).items() if "since" in needs
        }
    listed = machine.requirements(machine.Gpus(9.0, 8))
    assert set(listed) == {path for path in needing if not path.endswith(">1")}


@pytest.mark.parametrize(
    ("available", "path", "runs"),
    [
        (machine.Gpus(0.0, 0), "pytorch.cache_implementation=offloaded_static", False),
        (machine.Gpus(8.0, 1), "pytorch.cache_implementation=offloaded_static", True),
        (machine.Gpus(8.0, 1), "tensorrt.quantization=fp8", False),
        (machine.Gpus(8.9, 1), "tensorrt.quantization=fp8", True),
        (machine.Gpus(0.0, 0), "pytorch.load_in_4bit", True),
    ],
)
def test_what_runs(available: machine.Gpus, path: str, runs: bool) -> None:
    """A value runs where its package is installed and the GPU is of its tier."""
    assert (machine.requirements(available)[path] == "") == runs


NONE, ONE, SOME, METAL = (
    machine.Gpus(0.0, 0, ""),
    machine.Gpus(8.0, 1, ""),
    machine.Gpus(8.0),
    machine.Gpus(0.0, 0, "mps"),
)


@pytest.mark.parametrize(
    ("available", "name", "value", "absent"),
    [
        (NONE, "device_map", "auto", ""),
        (NONE, "device_map", "cpu", ""),
        (NONE, "device_map", "cuda", "cuda"),
        (NONE, "device_map", 0, "cuda:0"),
        (NONE, "device_map", {"model": "cpu", "lm_head": "disk"}, ""),
        (NONE, "device_map", {"model": "cpu", "lm_head": 1}, "cuda:1"),
        (NONE, "device_map", "mps", "mps"),
        (METAL, "device_map", "mps", ""),
        (METAL, "device_map", "cuda:0", "cuda:0"),
        (ONE, "device_map", "cuda:0", ""),
        (ONE, "device_map", "cuda:1", "cuda:1"),
        (ONE, "device_map", {"a": 0, "b": "cuda:3"}, "cuda:3"),
        (SOME, "device_map", "cuda:7", ""),
        (SOME, "device_map", "mps", ""),
        (NONE, "max_memory", {"cpu": 8_000_000_000, "disk": "1GiB"}, ""),
        (NONE, "max_memory", {"0": "1GiB", "cpu": "1GiB"}, "cuda:0"),
        (ONE, "max_memory", {"0": "1GiB", "1": "1GiB"}, "cuda:1"),
    ],
)
def test_devices(available: machine.Gpus, name: str, value: Any, absent: str) -> None:
    """A device that a value names must be there, where it can be told."""
    field = next(field for field in spec.fields() if field.dotted == f"pytorch.{name}")
    assert machine.lacks(field, value, available).partition(",")[0] == (f"needs {absent}" if absent else "")


def test_doctor(command: Callable[..., Any]) -> None:
    """`llem doctor` says what is here and what each value lacks, for people and for programs."""
    done = command("doctor", "--json")
    report = json.loads(done.stdout)
    assert done.exit_code == 0
    assert report["environment"]["libraries"]["torch"]
    text = command("doctor").stdout
    assert all(path in text for path in report["values"])
    assert "runs here" in text
    assert doctoring.told(report) == text.rstrip("\n")


def test_doctor_without_torch() -> None:
    """On a base install the doctor says what is missing, instead of failing."""
    blocked = "import sys; sys.modules.update(torch=None, transformers=None, huggingface_hub=None);"
    program = f"{blocked} import importlib.util as u; real = u.find_spec;"
    program += (
        "u.find_spec = lambda name, *a: None if name in sys.modules and not sys.modules[name] else real(name, *a);"
    )
    program += "from llem.cli import cli; cli(['doctor'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "cannot be told without torch" in done.stdout
