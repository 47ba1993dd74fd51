"""What this machine has, and what it lacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from llem import doctoring, introspection, machine


def test_requirements_are_those_of_the_schema() -> None:
    """Every value that needs a package or a GPU is listed, and no other."""
    needing = introspection.get_param_skip_conditions()
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
