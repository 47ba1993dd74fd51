"""What the tests share: built-in models that are made once, and llem in this process and in one of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner, Result

os.environ["HF_HUB_OFFLINE"] = "1"  # the library reads it when it is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")  # models as small as these are slower with more

RESULT_SCHEMA = json.loads(Path(__file__).parents[1].joinpath("schema", "result.schema.json").read_text())

SMALL = {
    "model": "builtin:tiny-llama",
    "precision": "fp32",
    "n": 4,
    "max_output_tokens": 12,
    "warmup": 0,
    "decoder": {"temperature": 0},
}
"""A greedy run of a fraction of a second; tests say what differs."""


@dataclass(frozen=True)
class Ran:
    """What a run left in its folder."""

    folder: Path
    result: dict[str, Any]
    outputs: list[dict[str, Any]]

    @property
    def tokens(self) -> list[list[int]]:
        """The token ids of each prompt."""
        return [output["token_ids"] for output in self.outputs]

    @property
    def effective(self) -> dict[str, Any]:
        """What was read back."""
        found: dict[str, Any] = self.result["effective"]
        return found

    @classmethod
    def read(cls, folder: Path) -> Ran:
        """Read the two files, which have the form that their specification states, and nothing lies beside them."""
        lines = (folder / "outputs.jsonl").read_text(encoding="utf-8").split("\n")
        assert lines.pop() == ""
        result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(RESULT_SCHEMA).validate(result)
        assert sorted(file.name for file in folder.iterdir()) == ["outputs.jsonl", "result.json"]
        return cls(folder, result, [json.loads(line) for line in lines])


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """All processes of a test run share one cache of built-in models."""
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLEM_CACHE", str(base / "llem-cache"))
        yield


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the working directory of this test: an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Callable[..., Ran]:
    """Return a function that runs a small experiment with other settings in this process."""
    import llem

    def run(trust_remote_code: bool = False, **settings: Any) -> Ran:
        result = llem.run({**SMALL, **settings}, trust_remote_code=trust_remote_code)
        ran = Ran.read(result.folder)
        assert ran.result == result.content
        return ran

    return run


@pytest.fixture
def write(folder: Path) -> Callable[..., str]:
    """Return a function that writes a small experiment with other settings, and returns the name of the file."""

    def write(name: str = "small.llem.json", **settings: Any) -> str:
        Path(name).write_text(json.dumps({**SMALL, **settings}), encoding="utf-8")
        return name

    return write


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """Return a function that calls the command line in this process; no exception but an exit may leave it."""
    from llem.cli import cli

    def command(*arguments: str, text: str | bytes | None = None) -> Result:
        result = CliRunner().invoke(cli, arguments, input=text)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    handler, shown = signal.getsignal(signal.SIGTERM), warnings.formatwarning
    yield command
    signal.signal(signal.SIGTERM, handler)
    warnings.formatwarning = shown


def llem_process(*arguments: str | bytes, **options: Any) -> subprocess.Popen[str]:
    """Start `python -m llem` with its output in pipes."""
    pipe = subprocess.PIPE
    line = [sys.executable, "-m", "llem", *arguments]
    return subprocess.Popen(line, stdout=pipe, stderr=pipe, text=True, **options)


@pytest.fixture
def start() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts `python -m llem`; what still runs after the test is ended."""
    started = []

    def start(*arguments: str | bytes, **options: Any) -> subprocess.Popen[str]:
        started.append(llem_process(*arguments, **options))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
