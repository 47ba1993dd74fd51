"""Measures `llem validate` beside its peers: check-jsonschema, ajv-cli, and sourcemeta's native jsonschema.

All read the same files and judge them by the same schema. Commands alternate, and what counts are ratios of medians.
llem is installed as a wheel, as users have it; peers go to a folder of their own (`.peers/`, by pip and npm) once.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
SCHEMA = ROOT / "generated" / "llem.schema.json"
PEERS = {"check-jsonschema": "0.39.0", "ajv-cli": "5.0.0", "@sourcemeta/jsonschema": "16.11.0"}
LIMITS = {
    ("one file", "check-jsonschema"): 0.30,
    ("one file", "bare imports"): 1.25,
    ("2,000 files", "check-jsonschema"): 0.10,
    ("2,000 files", "ajv-cli"): 0.30,
    ("2,000 files", "sourcemeta"): 1.5,
}
"""The promises: the time of llem is at most so many times that of the other."""

DOCUMENT = (ROOT / "docs" / "quickstart.llem.yaml").read_text("utf-8")
"""What people write: a small document with a few comments."""

OTHERS = {
    "2,000 commented files": (ROOT / "generated" / "starters" / "sampling.llem.yaml").read_text("utf-8"),
    "2,000 unusual files": f"# Größe\n{DOCUMENT}",
}
"""Told beside the promises, with no limit: what `llem init` writes, mostly comments, and files that the fast way of
reading leaves to the reader, for a letter that is not ASCII."""

BARE = "import yaml.cyaml, jsonschema_rs, json, re, pathlib, typing, functools, itertools, copy"
"""What llem imports of others when files are all fine, and nothing else."""

Command = list[str]


def main() -> None:
    """Measure, print, and write the figures where asked; exits with 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="how often each command runs (11)")
    parser.add_argument("--peers", type=Path, default=ROOT / ".peers", help="the folder of the peers (.peers/)")
    parser.add_argument("--growth", action="store_true", help="also 100 to 100,000 files and 1 KB to 10 MB documents")
    parser.add_argument("--output", type=Path, help="write the figures into this page, between its markers")
    options = parser.parse_args()
    tools = set_up(options.peers)
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(tools, Path(folder), options.rounds)
        lines = ["| What | Against | llem | other | llem / other | at most |", "|---|---|---|---|---|---|"]
        lines += [f"| {' | '.join(row)} |" for row in rows]
        if options.growth:
            lines += ["", *growth(tools["llem"], Path(folder))]
    page = "\n".join([about(), "", *lines])
    print(page)
    if options.output:
        text = options.output.read_text("utf-8")
        marked = r"(<!-- figures: validate -->\n).*?(\n<!-- end -->)"
        options.output.write_text(re.sub(marked, lambda m: f"{m[1]}\n{page}\n{m[2]}", text, flags=re.DOTALL), "utf-8")
    broken = [row for row in rows if row[5] != "–" and float(row[4]) > float(row[5])]
    sys.exit(1 if broken else 0)


def set_up(folder: Path) -> dict[str, Command]:
    """The commands, installed below `folder` unless they are there."""
    python = folder / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, f"check-jsonschema=={PEERS['check-jsonschema']}", "setuptools>=77"], check=True)
    wheel = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--force-reinstall"]
    subprocess.run([*wheel, "--no-deps", "--no-build-isolation", str(ROOT)], check=True)
    subprocess.run([*wheel[:-1], "-c", str(ROOT / "constraints.txt"), str(ROOT)], check=True)
    shutil.rmtree(ROOT / "build", ignore_errors=True)
    modules = folder / "node_modules"
    if not (modules / "ajv-cli").exists():
        names = [f"{name}@{PEERS[name]}" for name in ("ajv-cli", "@sourcemeta/jsonschema")]
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix", str(folder)]
        subprocess.run(["npm", "install", *options, *names], check=True)
    native = f"jsonschema-{platform.system().lower()}-{platform.machine()}"
    return {
        "llem": [str(folder / "venv" / "bin" / "llem"), "validate"],
        "check-jsonschema": [str(folder / "venv" / "bin" / "check-jsonschema"), "--schemafile", str(SCHEMA)],
        "ajv-cli": [
            *["node", str(modules / "ajv-cli/dist/index.js"), "validate"],
            *["--spec=draft2020", "--strict=false", "-s", str(SCHEMA), "-d"],
        ],
        "sourcemeta": [str(modules / "@sourcemeta/jsonschema/build/github-releases" / native), "validate", str(SCHEMA)],
        "bare imports": [str(python), "-c", BARE],
    }


def compare(tools: dict[str, Command], folder: Path, rounds: int) -> list[list[str]]:
    """The rows of the table: one small file, cold; and many in one call."""
    files = documents(folder / "many", 2000)
    one = {name: [*command, files[0]] for name, command in tools.items() if name != "bare imports"}
    one["bare imports"] = tools["bare imports"]
    many = {
        "llem": [*tools["llem"], str(folder / "many")],
        "check-jsonschema": [*tools["check-jsonschema"], *files],
        "ajv-cli": [*tools["ajv-cli"], str(folder / "many" / "*.yaml")],
        "sourcemeta": [*tools["sourcemeta"], str(folder / "many")],
    }
    cases = {"one file": one, "2,000 files": many}
    for what, text in OTHERS.items():
        place = folder / what.replace(" ", "-").replace(",", "")
        documents(place, 2000, text)
        cases[what] = {
            "llem": [*tools["llem"], str(place)],
            "ajv-cli": [*tools["ajv-cli"], str(place / "*.yaml")],
            "sourcemeta": [*tools["sourcemeta"], str(place)],
        }
    rows = []
    for what, commands in cases.items():
        times = medians(commands, rounds, what)
        for other in [name for name in times if name != "llem"]:
            limit = LIMITS.get((what, other))
            if limit or what in OTHERS:
                figures = [f"{times[name] * 1000:.0f} ms" for name in ("llem", other)]
                ratio = f"{times['llem'] / times[other]:.3f}"
                rows.append([what, other, *figures, ratio, f"{limit:.2f}" if limit else "–"])
    return rows


def medians(commands: dict[str, Command], rounds: int, what: str) -> dict[str, float]:
    """The median seconds of each command. The commands alternate, so that a slow moment meets all of them."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for _ in tqdm(range(rounds), desc=what, file=sys.stderr):
        for name, command in commands.items():
            times[name].append(seconds(command))
    return {name: median(taken[1:] or taken) for name, taken in times.items()}


def seconds(command: Sequence[str]) -> float:
    """How long a command takes. Raises CalledProcessError when it finds a problem: the files have none."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def documents(folder: Path, count: int, text: str = DOCUMENT) -> list[str]:
    """So many small valid documents, each different."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:06}.llem.yaml").write_text(re.sub(r"(?m)^n: \d+", f"n: {number + 1}", text))
    return sorted(str(path) for path in folder.iterdir())


def growth(llem: Command, folder: Path) -> list[str]:
    """Time and memory as files get more and a document gets longer."""
    lines = ["| Files | seconds | microseconds a file | memory |", "|---|---|---|---|"]
    for count in (100, 1000, 10_000, 100_000):
        documents(folder / str(count), count)
        taken, peak = watched([*llem, str(folder / str(count))])
        lines.append(f"| {count:,} | {taken:.2f} | {taken / count * 1e6:.0f} | {peak / 2**20:.0f} MiB |")
        shutil.rmtree(folder / str(count))
    lines += ["", "| Size of one document | seconds | microseconds a KB | memory |", "|---|---|---|---|"]
    for size in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        line = '    "module.{:06}": cpu\n'
        text = "model: m\npytorch:\n  device_map:\n" + "".join(line.format(i) for i in range(size // len(line)))
        path = folder / "long.llem.yaml"
        path.write_text(text)
        taken, peak = watched([*llem, str(path)])
        lines.append(f"| {len(text):,} B | {taken:.2f} | {taken / len(text) * 1e9:.0f} | {peak / 2**20:.0f} MiB |")
    return lines


def watched(command: Command) -> tuple[float, float]:
    """Seconds and peak bytes of the largest process of a command."""
    program = f"import resource, subprocess, sys; subprocess.run({command!r}, check=True, stdout=-3, stderr=-3);"
    program += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    return time.perf_counter() - start, int(done.stdout) * 1024


def about() -> str:
    """The machine and the versions, in a line."""
    cores = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    versions = ", ".join(f"{name} {version}" for name, version in PEERS.items())
    return (
        f"{time.strftime('%Y-%m-%d')}, {cores} cores, Python {platform.python_version()}, load {load:.1f}; {versions}."
    )


if __name__ == "__main__":
    main()
