"""The files for CI services do what they say: each is run here as the service runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GOOD, BAD, ADVISED = "model: m\n", "model: m\nn: many\n", "model: m\ndecoder: {temperature: 0, top_k: 5}\n"


@pytest.fixture
def project(folder: Path) -> Path:
    """Return a folder with a good and a bad document, and one of another kind."""
    (folder / "experiments").mkdir()
    (folder / "experiments" / "good.llem.yaml").write_text(GOOD, encoding="utf-8")
    (folder / "bad one.llem.yaml").write_text(BAD, encoding="utf-8")
    (folder / "advised.llem.yml").write_text(ADVISED, encoding="utf-8")
    (folder / "other.yaml").write_text("n: many\n", encoding="utf-8")
    return folder


def shell(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub and GitLab do."""
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    where = os.environ | environment
    return subprocess.run(command, env=where, capture_output=True, text=True, check=False, timeout=60)


# ---- GitHub

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}


def expressions(value: Any) -> list[str]:
    return re.findall(r"\$\{\{ *(.*?) *\}\}", json.dumps(value))


def test_action_is_a_composite_action() -> None:
    """It has what GitHub asks for, every input is used, and each script is one that bash understands."""
    assert {"name", "description", "inputs", "runs"} == set(ACTION)
    assert ACTION["runs"]["using"] == "composite"
    assert set(ACTION["inputs"]) == {"paths", "version", "strict"}
    assert {f"inputs.{name}" for name in ACTION["inputs"]} <= set(expressions(ACTION["runs"]))
    for step in STEPS.values():
        assert ("uses" in step) != ("run" in step)
        if "run" in step:
            assert step["shell"] == "bash"
            assert subprocess.run(["bash", "-n"], input=step["run"], text=True, check=False).returncode == 0


def test_scripts_of_the_action_take_no_text_of_others() -> None:
    """What a pull request can choose reaches a script as an environment variable, never as part of it."""
    assert [name for name, step in STEPS.items() if expressions(step.get("run", ""))] == []


def validated(paths: str = "", strict: str = "false") -> subprocess.CompletedProcess[str]:
    """What the last step of the action does with these inputs."""
    return shell(STEPS["Validate"]["run"], PYTHON=sys.executable, RUNNER_TEMP="/", PATHS=paths, STRICT=strict)


def test_action_marks_problems(project: Path) -> None:
    """The default checks everything below the checkout, marks the line, and fails."""
    done = validated(ACTION["inputs"]["paths"]["default"], ACTION["inputs"]["strict"]["default"])
    assert done.returncode == 1
    (error,) = [line for line in done.stdout.splitlines() if line.startswith("::error ")]
    assert "file=bad one.llem.yaml,line=2,col=4" in error
    assert len([line for line in done.stdout.splitlines() if line.startswith("::warning ")]) == 1


@pytest.mark.parametrize(
    ("paths", "strict", "code"),
    [
        ("experiments", "false", 0),
        ("experiments\nbad one.llem.yaml\n", "false", 1),
        ("advised.llem.yml\n\n", "false", 0),
        ("advised.llem.yml", "true", 1),
        ("experiments/*.llem.yaml", "true", 0),
        ("missing.llem.yaml\nbad one.llem.yaml", "false", 2),
        ("--help", "false", 2),
    ],
)
def test_action_passes_the_exit_code_on(project: Path, paths: str, strict: str, code: int) -> None:
    """The step ends as `llem validate` does; a path is a path, whatever it begins with."""
    assert validated(paths, strict).returncode == code


@pytest.mark.parametrize(("version", "wanted"), [("", "/the action"), ("0.1.0", "llem==0.1.0")])
def test_action_installs_itself_or_a_release(project: Path, version: str, wanted: str) -> None:
    """Without a version, what is installed is the llem that the action comes with; no extra, so no torch."""
    stand_in = project / "python"
    stand_in.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    stand_in.chmod(0o755)
    environment = {"PYTHON": str(stand_in), "SOURCE": "/the action", "VERSION": version, "RUNNER_TEMP": "/t e m p"}
    done = shell(STEPS["Install llem"]["run"], **environment)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-3:] == ["--target", "/t e m p/llem", wanted]


# ---- GitLab


def test_gitlab_job(project: Path) -> None:
    """The job on the page writes the report that it names, and fails on the bad document."""
    blocks = re.findall(r"^```yml\n(.*?)^```$", (ROOT / "docs" / "ci.md").read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (job,) = [read["llem"] for block in blocks if "llem" in (read := yaml.safe_load(block))]
    script = job["script"][-1].replace("llem", f"{sys.executable} -m llem", 1)
    assert job["script"][:-1] == ["pip install llem"]
    assert shell(script).returncode == 1
    report = json.loads((project / job["artifacts"]["reports"]["codequality"]).read_text(encoding="utf-8"))
    places = {(one["location"]["path"], one["location"]["lines"]["begin"]) for one in report}
    assert places == {("bad one.llem.yaml", 2), ("advised.llem.yml", 2)}
    assert job["artifacts"]["when"] == "always"


# ---- pre-commit


def git(folder: Path, *arguments: str) -> str:
    names = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        names |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@localhost"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=os.environ | names, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository whose one commit is the working tree: what git tracks, or would track."""
    copy = tmp_path_factory.mktemp("llem")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "commit", "--quiet", "--message", "all")
    return copy


def test_pre_commit_hook(project: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """pre-commit installs the hook without torch, gives it the documents and no other file, and shows its lines."""
    home = tmp_path_factory.mktemp("home")
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    command = [sys.executable, "-m", "pre_commit", "try-repo", str(repository), "llem-validate", "--all-files"]
    where = os.environ | {"PRE_COMMIT_HOME": str(home), "PIP_LOG": str(home / "pip.log")}
    done = subprocess.run(command, env=where, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 1, done.stderr
    assert "- exit code: 1" in done.stdout
    assert 'bad one.llem.yaml:2:4: n: "many" is not a whole number: give a whole number. [type]' in done.stdout
    assert "advised.llem.yml:2:" in done.stdout
    assert "other.yaml" not in done.stdout
    installed = " ".join(re.findall(r"Successfully installed (.*)", (home / "pip.log").read_text(encoding="utf-8")))
    assert "llem-" in installed
    assert not [name for name in ("torch", "transformers", "accelerate", "bitsandbytes") if name in installed]
