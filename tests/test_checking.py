"""Many files are checked on all cores, with the same result as one by one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llem import checking

COUNT = 2 * checking.MANY + 7


@pytest.fixture
def files(folder: Path) -> list[str]:
    """Many documents in folders: most are fine, some have problems or advice, one cannot be read as text."""
    for number in range(COUNT):
        text = "n: 0\n" if number % 50 == 3 else "decoder: {temperature: 0, top_k: 5}\n" if number % 70 == 5 else ""
        path = Path("docs", f"part-{number % 3}", f"{number:04}.llem.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"model: m{number}\n{text}".encode() if number != 99 else b"\xff")
    return sorted(str(path) for path in Path("docs").rglob("*.yaml"))


def llem(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "llem", *words], capture_output=True, text=True)


def test_all_cores_find_what_one_finds(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, and file by file the same."""
    wish = checking.Wish()
    parallel = checking.check_all(files, wish)
    monkeypatch.setattr(checking, "_cores", lambda: 1)
    assert parallel == checking.check_all(files, wish)
    assert [one.name for one in parallel if isinstance(one, checking.Checked)] == files


def test_a_folder_is_checked_as_its_files(files: list[str]) -> None:
    """Files that nothing is said of are counted together; the others come in order."""
    rest, *troubled = checking.check_folder("docs", checking.Wish())
    one_by_one = checking.check_all(files, checking.Wish())
    assert troubled == [one for one in one_by_one if isinstance(one, checking.Checked) and one.problems]
    assert isinstance(rest, checking.Checked)
    assert rest.documents + len(troubled) == COUNT


def test_a_process_that_dies_is_made_up_for(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What another process does not answer is checked here."""
    expected, parent, check = checking.check_all(files, checking.Wish()), os.getpid(), checking.check

    def fragile(path: str, wish: checking.Wish) -> Any:
        if os.getpid() != parent:
            os._exit(1)
        return check(path, wish)

    monkeypatch.setattr(checking, "check", fragile)
    assert checking.check_all(files, checking.Wish()) == expected


def test_the_command_says_the_same(files: list[str], command: Callable[..., Any]) -> None:
    """The quick way through a folder prints what the command line prints for its files."""
    quick, slow = llem("validate", "docs"), command("validate", *files, "--format", "concise")
    assert (quick.stdout, quick.returncode) == (slow.stdout, slow.exit_code) == (slow.stdout, 1)
    assert len(quick.stdout.splitlines()) > 10


def test_fine_files_are_counted(files: list[str]) -> None:
    """When all are fine, one line says how many."""
    for file in files:
        Path(file).write_text("model: m\n")
    done = llem("validate", "docs")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"{COUNT} documents: no problems\n")
