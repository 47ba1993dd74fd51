"""What `llem validate` prints in each format, and where it points."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import junitparser
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sarif import loader as sarif_reader

import llem
from llem import cli, formats, machine, reader, spec, validation
from llem.validation import Problem

HERE = Path(__file__).parent
GOLDEN = HERE / "formats"
FILES = ["document.yaml", "good.yaml", "advised.yaml"]
ENDINGS = {"junit": "xml", "text": "txt", "concise": "txt", "github": "txt"}
BAD = "model: gpt2\nn: 0\n"


def problem(**changes: Any) -> Problem:
    """A problem of n in a.yaml:2:4 that differs in some way."""
    given = {"path": "n", "rule": "minimum", "message": "Raise it.", "file": "a.yaml", "line": 2, "column": 4}
    return Problem(**{**given, **changes})


def checked(*problems: Problem, name: str = "a.yaml", text: str = BAD) -> list[formats.Checked]:
    return [formats.Checked(name, problems, text)]


# ---- golden files


@pytest.mark.parametrize("style", cli.FORMATS)
def test_golden(command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    """Each format prints exactly the file in formats/ of a document with five problems, a good one and advice."""
    monkeypatch.chdir(GOLDEN)
    done = command("validate", *FILES, "--format", style)
    golden = Path(f"{style}.{ENDINGS.get(style, 'json')}").read_text(encoding="utf-8")
    assert done.stdout.replace(f'"version": "{llem.__version__}"', '"version": "…"') == golden
    assert (done.exit_code, done.stderr) == (1, "")


@pytest.mark.parametrize("style", cli.FORMATS)
def test_nothing_to_say(command: Callable[..., Any], folder: Path, style: str) -> None:
    """Without problems, people read nothing, and programs an empty report."""
    Path("a.yaml").write_text("model: gpt2\n")
    done = command("validate", "a.yaml", "--format", style)
    assert (done.exit_code, done.stderr) == (0, "1 document: no problems\n")
    assert (done.stdout.strip() in ("", "[]")) == (style not in ("junit", "sarif"))


# ---- text


@pytest.mark.parametrize(
    ("source", "column", "marked"),
    [
        ("n: 0", 4, "0"),
        ("n: 0", 1, "n"),
        ("a: cuda:0, b: 1", 4, "cuda:0"),
        ('a: "b c\\" d" # e', 4, '"b c\\" d"'),
        ("a: 'it''s'", 4, "'it''s'"),
        ("a: {b: c}", 4, "{"),
        ("\ta:\tb", 5, "b"),
        ("温度: 高い, x: 1", 9, "x"),
        ("温度: 高い", 5, "高い"),
        ("e\u0301e\u0301: x", 7, "x"),
        ("a: \x1b[31mb, c: d", 12, "c"),
        ("a:", 3, ""),
        ("", 1, ""),
        ("x" * 10_000 + ": yes, y: no", 10_003, "yes"),
        ("a: b # " + "x" * 10_000, 4, "b"),
        ("温" * 5_000 + ": yes", 5_003, "yes"),
        ("a: " + "x" * 10_000, 4, "x" * 88),
        (" " * 70 + "a: yes", 74, "yes"),
    ],
)
def test_carets(source: str, column: int, marked: str) -> None:
    """The carets stand below what is marked, at a terminal, and no line is too wide for one."""
    shown, carets = formats.excerpt(source, 12, column)
    indent = carets.index("^")
    assert re.fullmatch(r"     \| *\^+", carets)
    assert [cells(line) <= formats.WIDTH for line in (shown, carets)] == [True, True]
    assert "\x1b" not in shown
    assert carets.count("^") == max(1, cells(marked))
    assert at_cell(f"{shown}  ", indent).startswith(marked)


def cells(text: str) -> int:
    """The columns that a text takes at a terminal."""
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def at_cell(text: str, cell: int) -> str:
    """The rest of a text from a column of the terminal on."""
    return next(text[index:] for index in range(len(text)) if cells(text[:index]) == cell)


def test_color(command: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Color is for terminals; `always` wins over NO_COLOR, and without its escapes the text is the same."""
    Path("a.yaml").write_text(BAD)
    plain = command("validate", "a.yaml", "--format", "text").stdout
    assert "\x1b" not in plain
    monkeypatch.setenv("NO_COLOR", "1")
    colored = command("validate", "a.yaml", "--format", "text", "--color", "always").stdout
    assert re.sub("\x1b\\[[0-9]*m", "", colored) == plain != colored


@pytest.mark.parametrize(
    ("arguments", "environment", "colored"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--color", "never"], {}, False),
        (["--color", "always"], {"NO_COLOR": "1"}, True),
    ],
)
def test_at_a_terminal(folder: Path, arguments: list[str], environment: dict[str, str], colored: bool) -> None:
    """At a terminal the default is text, in color unless the user says not to."""
    Path("a.yaml").write_text(BAD)
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"}
    master, slave = pty.openpty()
    line = [sys.executable, "-m", "llem", "validate", "a.yaml", *arguments]
    done = subprocess.run(line, stdout=slave, stderr=subprocess.PIPE, env=variables | environment, check=False)
    os.close(slave)
    printed = os.read(master, 10_000).decode()
    os.close(master)
    assert (done.returncode, done.stderr) == (1, b"")
    assert "  2 | n: 0" in printed
    assert ("\x1b[" in printed) == colored


def test_reasons(command: Callable[..., Any], folder: Path) -> None:
    """`-v` names every file, and says why there is the rule that was broken."""
    Path("a.yaml").write_text("model: gpt2\npytorch: {load_in_4bit: true, load_in_8bit: true}\n")
    Path("b.yaml").write_text("model: gpt2\n")
    done = command("validate", "a.yaml", "b.yaml", "-v")
    assert done.stderr == "a.yaml: 1 problem\nb.yaml: no problems\n"
    first, second = done.stdout.splitlines()
    assert first.endswith("[4bit-or-8bit]")
    assert second == "    Weights are quantized once, either to 4 or to 8 bit."
    assert "reason" not in command("validate", "a.yaml", "-v", "--format", "json").stdout


def test_lines_stay_lines() -> None:
    """Names of files and keys cannot break a line or steer a terminal."""
    named = problem(file="a\n\x1b[2J.yaml", message="`\x9b\u2028` is wrong.")
    printed = formats.concise(checked(named))
    assert printed.isprintable()
    assert formats.text(checked(named, text="\x1b[2J\nn: \x1b[2J")).count("\x1b") == 0


# ---- formats of programs


def test_github_escapes() -> None:
    """A message is one command, whatever it holds."""
    nasty = problem(file="a,b:c%.yaml", message="100 %\r\n::error::no, not: this.")
    (line,) = formats.github(checked(nasty)).splitlines()
    assert line == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,col=4,title=minimum::n: 100 %25%0D%0A::error::no, not: this."
    )
    assert formats.github(checked(problem(severity="warning"))).startswith("::warning ")
    assert formats.github(checked(problem(line=None, column=None))) == "::error file=a.yaml,title=minimum::n: Raise it."


def test_gitlab() -> None:
    """Each finding has what GitLab wants, and a fingerprint of its own that survives a move to another line."""
    found = json.loads(formats.gitlab(checked(problem(), problem(), problem(severity="warning", rule="x"))))
    assert len({one["fingerprint"] for one in found}) == 3
    assert [one["severity"] for one in found] == ["major", "major", "minor"]
    for one in found:
        assert set(one) == {"description", "check_name", "fingerprint", "severity", "location"}
        assert one["location"] == {"path": "a.yaml", "lines": {"begin": 2}}
    moved = json.loads(formats.gitlab(checked(problem(line=9), problem(line=10))))
    assert [one["fingerprint"] for one in moved] == [one["fingerprint"] for one in found[:2]]


def test_junit() -> None:
    """An independent reader finds a test for each file, failed where there are errors."""
    files = [
        *checked(problem(), problem(message="<&\x00\x1b>")),
        *checked(problem(severity="warning"), name="b.yaml"),
        *checked(name="c.yaml"),
    ]
    report = junitparser.JUnitXml.fromstring(formats.junit(files).encode())
    (suite,) = report
    assert (report.tests, report.failures, report.errors) == (suite.tests, suite.failures, suite.errors) == (3, 1, 0)
    cases = list(suite)
    assert [case.name for case in cases] == ["a.yaml", "b.yaml", "c.yaml"]
    assert [case.is_failure for case in cases] == [True, False, False]
    assert [case.is_passed for case in cases] == [False, True, True]
    (failure,) = cases[0].result
    assert failure.message == "2 errors"
    assert len(failure.text.splitlines()) == 2
    assert "warning" in cases[1].system_out


SARIF_REQUIRES: dict[str, tuple[str, ...]] = {
    "log": ("version", "runs"),
    "run": ("tool",),
    "tool": ("driver",),
    "driver": ("name",),
    "rule": ("id",),
    "result": ("message",),
}
"""What the official schema of SARIF 2.1.0 requires of the objects that are written here."""


def test_sarif(tmp_path: Path) -> None:
    """The log has what SARIF 2.1.0 requires, every rule with help, and another reader finds the results in it."""
    files = checked(problem(), problem(), problem(severity="warning", rule="beams-are-sampled", path=""))
    files += checked(problem(file="b c/ü%.yaml", line=None, column=None, rule="syntax"), name="b c/ü%.yaml")
    text = formats.sarif(files)
    log = json.loads(text)
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    objects = {"log": [log], "run": [run], "tool": [run["tool"]], "driver": [driver]}
    objects |= {"rule": driver["rules"], "result": run["results"]}
    assert [
        (name, key) for name, keys in SARIF_REQUIRES.items() for key in keys for one in objects[name] if key not in one
    ] == []
    assert (log["version"], run["columnKind"], driver["version"]) == ("2.1.0", "unicodeCodePoints", llem.__version__)
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    named = [rule["id"] for rule in driver["rules"]]
    assert len(named) == len(set(named))
    reported = [rule.id for rule in (*spec.rules(), *spec.advice()) if not rule.annotation.get("quiet")]
    assert set(named) == {*reported, "minimum", "syntax"}
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in driver["rules"])
    for result in run["results"]:
        assert named[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[0] == {"artifactLocation": {"uri": "a.yaml"}, "region": {"startLine": 2, "startColumn": 4}}
    assert places[3] == {"artifactLocation": {"uri": "b%20c/%C3%BC%25.yaml"}}
    assert len({json.dumps(result["partialFingerprints"]) for result in run["results"]}) == 4
    path = tmp_path / "a.sarif"
    path.write_text(text, encoding="utf-8")
    read = sarif_reader.load_sarif_file(str(path))
    assert read.get_distinct_tool_names() == ["llem"]
    assert [record["Severity"] for record in read.get_records()] == ["error", "error", "warning", "error"]
    assert (read.get_records()[0]["Location"], read.get_records()[0]["Line"]) == ("a.yaml", 2)


def test_paths_are_relative(folder: Path) -> None:
    """Services want paths from the working directory; a file elsewhere keeps its whole one."""
    inside, outside = str(folder / "d" / "a.yaml"), "/elsewhere/a.yaml"
    for name, path, uri in ((inside, "d/a.yaml", "d/a.yaml"), (outside, outside, f"file://{outside}")):
        assert json.loads(formats.gitlab(checked(problem(file=name))))[0]["location"]["path"] == path
        (run,) = json.loads(formats.sarif(checked(problem(file=name))))["runs"]
        assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert "file=a.yaml," in formats.github(checked(problem(file="./a.yaml")))


# ---- options


def test_output(command: Callable[..., Any], folder: Path) -> None:
    """`--output` writes the file as a whole and nothing on stdout; what cannot be written is an error of usage."""
    Path("a.yaml").write_text(BAD)
    printed = command("validate", "a.yaml").stdout
    Path("out.txt").write_text("old " * 1000)
    done = command("validate", "a.yaml", "--output", "out.txt")
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "1 document: 1 problem: see out.txt\n")
    assert Path("out.txt").read_text() == printed
    assert sorted(path.name for path in Path().iterdir()) == ["a.yaml", "out.txt"]
    for name in ("missing/out.txt", "a\0b", "x" * 5000, "."):
        done = command("validate", "a.yaml", "--output", name)
        assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    command("validate", "a.yaml", "-q", "--format", "sarif", "--output", "a.sarif")
    assert json.loads(Path("a.sarif").read_text())["version"] == "2.1.0"


def test_quiet(command: Callable[..., Any], folder: Path) -> None:
    """`-q` leaves the exit code, and errors of usage."""
    Path("a.yaml").write_text(BAD)
    Path("b.yaml").write_text("model: gpt2\n")
    for name, code in (("a.yaml", 1), ("b.yaml", 0)):
        done = command("validate", "-q", name)
        assert (done.exit_code, done.output) == (code, "")
    done = command("validate", "-q", "a.yaml", "nosuch.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (2, "", "Error: nosuch.yaml: No such file or directory\n")
    assert command("validate", "-q", "-v", "a.yaml").exit_code == 2


def test_standard_input_has_a_name(command: Callable[..., Any]) -> None:
    """`--stdin-filename` is the name in every message, and its suffix tells the language."""
    done = command("validate", "-", "--stdin-filename", "x/a.json", text='{"model": "m", "n": 1,}')
    assert done.stdout.startswith("x/a.json:1:2")
    assert "[syntax]" in done.stdout
    assert command("validate", "-", text='{"model": "m", "n": 1,}').exit_code == 0


@pytest.mark.parametrize("style", cli.FORMATS)
def test_strict(command: Callable[..., Any], folder: Path, style: str) -> None:
    """With `--strict` no output speaks of warnings."""
    Path("a.yaml").write_text("model: gpt2\npytorch: {num_beams: 4}\n")
    plain, strict = (command("validate", "a.yaml", "--format", style, *more) for more in ([], ["--strict"]))
    assert (plain.exit_code, strict.exit_code) == (0, 1)
    results = {"sarif": "results"}
    assert "warning" not in strict.stdout.rpartition(f'"{results.get(style, "")}"')[2]


NAMED: dict[str, tuple[list[str], int, list[str], int]] = {
    "a pattern": (["*.yaml"], 1, ["a.yaml", "b.yaml"], 0),
    "a pattern below": (["**/*.yaml"], 1, ["a.yaml", "b.yaml", "d/c.yaml"], 0),
    "a set of letters": (["[ab].yaml"], 1, ["a.yaml", "b.yaml"], 0),
    "a file named as a pattern": (["d/[x].yaml"], 1, ["d/[x].yaml"], 0),
    "no match": (["*.json"], 2, [], 1),
    "no match beside a file": (["*.json", "a.yaml"], 2, ["a.yaml"], 1),
    "a null byte": (["*\0"], 2, [], 1),
    "twice": (["a.yaml", "./a.yaml", "d/../a.yaml", "*.yaml"], 1, ["a.yaml", "b.yaml"], 0),
    "the order given": (["b.yaml", "a.yaml"], 1, ["b.yaml", "a.yaml"], 0),
    "folder and missing": (["d", "nosuch"], 2, [], 2),
    "standard input twice": (["-", "-"], 1, ["-"], 0),
}


@pytest.mark.parametrize("name", NAMED)
def test_named_files(command: Callable[..., Any], folder: Path, name: str) -> None:
    """Patterns are expanded, each file is checked once and in order, and one line says what stands for nothing."""
    arguments, code, checked, lines = NAMED[name]
    Path("d").mkdir()
    if "d/[x].yaml" in arguments:
        Path("d/[x].yaml").write_text(BAD)
    for file in ("a.yaml", "b.yaml", "d/c.yaml"):
        Path(file).write_text(BAD)
    done = command("validate", *arguments, text=BAD)
    assert done.exit_code == code
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == checked
    assert len(done.stderr.splitlines()) == lines


# ---- GPUs


@pytest.mark.parametrize(
    ("name", "capability"),
    [("sm_80", 8.0), ("sm80", 8.0), ("8.0", 8.0), ("sm_90a", 9.0), ("sm_120", 12.0), ("10.3", 10.3)],
)
def test_named_gpu(name: str, capability: float) -> None:
    """A GPU is named by its compute capability."""
    assert machine.gpus(name) == machine.Gpus(capability)


@pytest.mark.parametrize(
    ("gpu", "value", "runs"),
    [
        ("sm_75", "flash_attention_2", False),
        ("sm_80", "flash_attention_2", True),
        ("sm_80", "flash_attention_3", False),
        ("9.0", "flash_attention_3", True),
        ("sm_75", "sdpa", True),
    ],
)
def test_gpu(command: Callable[..., Any], gpu: str, value: str, runs: bool) -> None:
    """What a value needs of the GPU is a warning where the value stands, and an error with `--strict`."""
    text = f"model: gpt2\npytorch: {{attn_implementation: {value}}}\n"
    done = command("validate", "-", "--gpu", gpu, text=text)
    assert done.exit_code == 0
    assert (done.stdout == "") == runs
    if not runs:
        assert done.stdout.startswith(f'-:2:32: pytorch.attn_implementation: warning: "{value}" needs compute')
        assert done.stdout.endswith("[requires-gpu]\n")
    assert command("validate", "-", "--gpu", gpu, "--strict", text=text).exit_code == (0 if runs else 1)
    assert command("validate", "-", text=text).output == "1 document: no problems\n"


@pytest.mark.parametrize(
    ("available", "told"),
    [(machine.Gpus(0.0, 0), 2), (machine.Gpus(8.0, 1), 1), (machine.Gpus(8.0, 4), 0), (machine.Gpus(7.0, 4), 1)],
)
def test_gpus(available: machine.Gpus, told: int) -> None:
    """Without a GPU nothing runs that needs one, and tensor parallelism needs as many as it says."""
    document = reader.Document(
        {"model": "m", "backend": "vllm", "vllm": {"quantization": "fp8", "tensor_parallel_size": 4}}, []
    )
    found = validation.check(document, advice=True, machine=available)
    assert [one.rule for one in found] == ["requires-gpu"] * told


@pytest.mark.parametrize("gpu", ["h100", "sm_", "8", "", "auto "])
def test_unknown_gpu(command: Callable[..., Any], gpu: str) -> None:
    """A GPU that is not known is an error of usage, in one line."""
    done = command("validate", "-", "--gpu", gpu, text="model: m\n")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_gpu_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` asks torch, and says so when there is none."""
    from llem import pytorch

    found = [{"compute_capability": "9.0"}, {"compute_capability": "8.9"}]
    monkeypatch.setattr(pytorch, "devices", lambda: found)
    assert machine.gpus("auto") == machine.Gpus(8.9, 2, "")
    monkeypatch.setattr(pytorch, "devices", list)
    assert machine.gpus("auto") == machine.Gpus(0.0, 0, "")
    monkeypatch.setattr(machine, "find_spec", lambda name: None)
    done = CliRunner().invoke(cli.cli, ["validate", "-", "--gpu", "auto"], input="model: m\n")
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


# ---- whatever a file holds

WORDS = st.sampled_from(
    [field.name for field in spec.fields()] + list(spec.names()) + ["<<", "&a", "*a", "é", "\U0001f600", "\t", "\u0085"]
)
TEXTS = WORDS | st.text(max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(WORDS, VALUES, max_size=6)
SNIPPETS = st.sampled_from(["model: m\n", "n: ", *"{}[]'\"#\n\r", ": ", "\r\n", "---\n", "- "])


def examine(content: bytes, name: str) -> None:
    """Check that every format can be written, and that each problem stands inside the text."""
    lines = re.split(r"\r\n?|\n", content.decode(errors="replace").removeprefix("\ufeff"))
    found = []
    for document in reader.read(content, json=name.endswith(".json")):
        found += validation.check(document, name, advice=True, machine=machine.Gpus(7.0, 1))
    for one in found:
        assert (one.line is None) == (one.column is None)
        if one.line is not None and one.column is not None:
            assert 1 <= one.line <= len(lines)
            assert 1 <= one.column <= len(lines[one.line - 1]) + 1
    file = formats.Checked(name, found, content.decode(errors="replace").removeprefix("\ufeff"))
    for style in cli.FORMATS:
        printed = getattr(formats, style)([file])
        assert style == "text" or style not in cli.FOR_PEOPLE or len(printed.splitlines()) == len(found)
        printed.encode()
    junitparser.JUnitXml.fromstring(formats.junit([file]).encode())


@given(DOCUMENTS)
def test_any_document(document: Any) -> None:
    """Whatever a document says, in YAML or JSON, each problem can be printed and stands in the text."""
    text = json.dumps(document, indent=1, ensure_ascii=True)
    examine(text.encode(), "a.json")
    examine(text.encode(), "a.yaml")


@given(st.lists(SNIPPETS | TEXTS, max_size=25).map("".join))
def test_any_text(text: str) -> None:
    """Whatever a text holds, it is answered with problems that stand in it."""
    examine(text.encode(errors="surrogatepass"), "a.yaml")
    examine(text.encode(errors="surrogatepass"), "a.json")


@given(st.binary(max_size=60))
def test_any_bytes(content: bytes) -> None:
    """Whatever the bytes are."""
    examine(content, "a.yaml")
    examine(content, "a.json")
