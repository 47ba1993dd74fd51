"""README and docs are true: every YAML block is a valid document, and every command shown does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llem import reader, validation

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = {"./scripts/test"}
"""Commands that this test cannot run, because they run it."""


def blocks(language: str) -> list[tuple[str, str]]:
    """(page, text) of each fenced block in a language."""
    return [
        (page.name, text) for page in PAGES for kind, text in FENCE.findall(page.read_text("utf-8")) if kind == language
    ]


def commands() -> list[tuple[str, str]]:
    """(page, command) of each command shown, without its comment."""
    lines = [(page, line.partition(" #")[0].strip()) for page, text in blocks("sh") for line in text.splitlines()]
    return [(page, line) for page, line in lines if line and line not in SET_UP]


@pytest.mark.parametrize(("page", "text"), blocks("yaml"))
def test_every_yaml_block_is_valid_and_without_advice(page: str, text: str) -> None:
    """A reader can copy any example."""
    (document,) = reader.read(text.encode())
    assert validation.check(document, page, advice=True) == []


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_runs(page: str, command: str, tmp_path: Path) -> None:
    """A reader can type any command: pages in docs/ from that folder, the README from the root of a copy."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    here = tmp_path if page == "README.md" else tmp_path / "docs"
    if command.startswith(("./scripts/", "python scripts/")):
        here = ROOT
    words = command.split()
    if words[0] == "llem":
        words = [sys.executable, "-m", *words]
    if words[0] == "python":
        words[0] = sys.executable
    done = subprocess.run(words, cwd=here, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert done.stdout or done.stderr


def test_python_blocks_run(tmp_path: Path) -> None:
    """The Python shown in the docs works as it stands."""
    shutil.copytree(ROOT / "docs", tmp_path, dirs_exist_ok=True)
    for _, text in blocks("python"):
        done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, done.stderr


def test_the_messages_of_the_readme_are_real(tmp_path: Path) -> None:
    """The lines that README shows as output are what llem prints for the document of the README, broken."""
    ((_, shown),) = [block for block in blocks("text") if block[0] == "README.md"]
    (_, text) = blocks("yaml")[0]
    lines = [line.partition("#")[0].rstrip() for line in text.splitlines()]
    broken = "\n".join([*lines[:-2], "  load_in_4bit: true", "  load_in_8bit: true", "  num_beam: 2"])
    (document,) = reader.read(broken.encode())
    printed = [str(problem) for problem in validation.check(document, "a.llem.yaml")]
    assert [re.sub(r":\d+:", ":", line) for line in printed] == [
        re.sub(r":\d+:", ":", line) for line in shown.splitlines()
    ]


def test_links_lead_somewhere() -> None:
    """Every relative link in README and docs names a file that exists."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
