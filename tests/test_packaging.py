"""The wheel holds what llem needs, and nothing else; its base install is small."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the files that git tracks or would track."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        str(target),
        str(source),
    ]
    subprocess.run(command, check=True)
    return next(target.glob("*.whl"))


def test_the_wheel_holds_schema_models_and_bundle(wheel: Path) -> None:
    """Everything that is read at run time is in the wheel: no path leads out of the package."""
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in (ROOT / "schema").glob("*.json"):
        assert f"llem/schema/{path.name}" in names
    assert {
        "llem/models/__init__.py",
        "llem/generated/llem.schema.json",
        "llem/prompts.jsonl",
        "llem/py.typed",
    } <= names
    assert not [name for name in names if name.startswith(("tests", "scripts", "docs"))]


def test_the_wheel_works_on_its_own(wheel: Path, tmp_path: Path) -> None:
    """Unpacked elsewhere, the command line validates, plans, and finds the bundle."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    (tmp_path / "a.yaml").write_text("model: gpt2\n")
    where = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    printed = subprocess.run(
        [sys.executable, "-c", "import llem; print(llem.__file__)"], cwd=tmp_path, env=where, capture_output=True
    )
    assert str(tmp_path) in printed.stdout.decode()
    for words in (["validate", "a.yaml"], ["explain", "a.yaml"], ["schema"], ["matrix"]):
        done = subprocess.run(
            [sys.executable, "-m", "llem", *words], cwd=tmp_path, env=where, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_the_base_install_has_no_torch() -> None:
    """A CI hook installs a few small packages; what runs models is an extra."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    base = " ".join(project["dependencies"])
    assert not [name for name in ("torch", "transformers", "accelerate", "bitsandbytes") if name in base]
    assert all(name in " ".join(project["optional-dependencies"]["run"]) for name in ("torch", "transformers"))
