"""Documents drawn from the schema run; docs/soundness.md has the figures of the long run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from llem import spec

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "soundness.md"
COMMAND = [sys.executable, str(ROOT / "scripts" / "soundness.py")]


def test_drawn_documents_run_or_are_refused_before_loading() -> None:
    """None of a few hundred valid documents fails, and many of them run."""
    options = ["--documents", "250", "--seed", "20261121", "--jobs", "2"]
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (finished|refused|failed)", done.stdout)}
    assert sum(counts.values()) == 250
    assert counts["failed"] == 0 and counts["finished"] > 80


def test_page_of_the_long_run() -> None:
    """The page tells of at least 3,000 documents that ran, and none that failed; each setting was drawn."""
    text = PAGE.read_text(encoding="utf-8")
    counts = {what: int(count) for what, count in re.findall(r"^\| ([*\w ]+) \| [*]*(\d+)[*]* \|$", text, re.M)}
    assert counts["**failed**"] == 0
    assert counts["finished"] >= 3_000
    drawn = dict(re.findall(r"^\| `([^`]+)` \| (\d+) \| \d+ \|$", text, re.M))
    wanted = {field.dotted for field in spec.fields() if field.path[0] not in {"vllm", "tensorrt"}}
    never = wanted - {name for name, count in drawn.items() if int(count)}
    assert {name.partition(".")[0] for name in never} == {"passthrough_kwargs"}
