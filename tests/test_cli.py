"""The command line: what it prints and where, its exit codes, and that a user's mistake never ends in a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import llem
from llem import introspection

pytestmark = pytest.mark.usefixtures("folder")

GOOD = "model: gpt2\n"
BAD = "model: gpt2\nn: 0\n"
ADVISED = "model: gpt2\ndecoder:\n  temperature: 0\n  top_k: 5\n"
KEYS = ["file", "line", "column", "path", "rule", "severity", "message"]
COMMANDS = ["validate", "explain", "run", "fields", "rules", "matrix", "schema"]


def put(name: str, text: str | bytes) -> str:
    """Write a file, and return its name."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def nothing_else(*names: str) -> bool:
    """Whether the working directory holds these files and no other."""
    return sorted(str(file) for file in Path().rglob("*") if file.is_file()) == sorted(names)


# ---- validate


def test_validate_good(command: Callable[..., Any]) -> None:
    """A document without problems prints nothing on stdout, and one line for people on stderr."""
    done = command("validate", put("a.yaml", GOOD))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 document: no problems\n")


def test_validate_bad(command: Callable[..., Any]) -> None:
    """Each problem is a line with its place, path and rule; a file that is fine adds nothing."""
    done = command("validate", put("a.yaml", BAD), put("b.yaml", GOOD), put("c.yaml", "modl: x\nn: x\n"))
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    assert [line.split(": ")[:2] for line in lines] == [
        ["a.yaml:2:4", "n"],
        ["c.yaml:1:1", "modl"],
        ["c.yaml:2:4", "n"],
    ]
    assert [line.rpartition(" ")[2] for line in lines] == ["[minimum]", "[additionalProperties]", "[type]"]
    assert done.stderr == ""


def test_validate_json(command: Callable[..., Any]) -> None:
    """`--format json` prints a list of objects with exactly the promised keys."""
    files = [put("a.yaml", BAD), put("b.yaml", ADVISED), put("c.json", '{"model": 1}')]
    done = command("validate", *files, "--format", "json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    assert all(list(problem) == KEYS for problem in found)
    assert [(one["file"], one["line"], one["column"], one["path"], one["severity"]) for one in found] == [
        ("a.yaml", 2, 4, "n", "error"),
        ("b.yaml", 4, 3, "decoder.top_k", "warning"),
        ("c.json", 1, 11, "model", "error"),
    ]
    assert json.loads(command("validate", put("d.yaml", GOOD), "--format", "json").stdout) == []


def test_strict(command: Callable[..., Any]) -> None:
    """Advice is a warning, and an error with `--strict`."""
    put("a.yaml", ADVISED)
    plain, strict = command("validate", "a.yaml"), command("validate", "a.yaml", "--strict")
    assert (plain.exit_code, strict.exit_code) == (0, 1)
    assert strict.stdout == plain.stdout.replace("warning: ", "")
    assert plain.stdout.startswith("a.yaml:4:3: decoder.top_k: warning: ")
    assert command("validate", put("b.yaml", GOOD), "--strict").exit_code == 0


def test_directories(command: Callable[..., Any]) -> None:
    """A directory stands for the documents below it, told by their names."""
    put("d/a.llem.yaml", BAD)
    put("d/deep/b.llem.yml", BAD)
    put("d/c.llem.json", '{"model": "m", "n": 0}')
    put("d/other.yaml", "junk: [")
    put("d/e.llem.txt", "junk: [")
    Path("d/folder.llem.yaml").mkdir()
    done = command("validate", "d")
    assert done.exit_code == 1
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [
        "d/a.llem.yaml",
        "d/c.llem.json",
        "d/deep/b.llem.yml",
    ]


def test_standard_input(command: Callable[..., Any]) -> None:
    """`-` is standard input, for every command that reads a document."""
    assert command("validate", "-", text=GOOD).exit_code == 0
    done = command("validate", "-", text=BAD)
    assert (done.exit_code, done.stdout.split(" ")[0]) == (1, "-:2:4:")
    assert "gpt2" in command("explain", "-", text=GOOD).stdout


def test_several_documents_in_one_file(command: Callable[..., Any]) -> None:
    """`validate` takes a stream of documents; other commands want one."""
    put("a.yaml", f"{GOOD}---\n{BAD}---\n{BAD}")
    done = command("validate", "a.yaml")
    assert done.exit_code == 1
    assert [line.split(" ")[0] for line in done.stdout.splitlines()] == ["a.yaml:4:4:", "a.yaml:7:4:"]
    for name in ("explain", "run"):
        done = command(name, "a.yaml")
        assert done.exit_code == 1
        assert done.stderr == "Error: a.yaml holds 3 documents: only `llem validate` takes several.\n"


EXIT_CODES: dict[str, tuple[list[str], int]] = {
    "good": (["good.yaml"], 0),
    "advice": (["advised.yaml"], 0),
    "bad": (["bad.yaml"], 1),
    "good and bad": (["good.yaml", "bad.yaml"], 1),
    "syntax": (["syntax.yaml"], 1),
    "missing": (["nosuch.yaml"], 2),
    "missing and bad: 2 wins": (["nosuch.yaml", "bad.yaml"], 2),
    "bad and missing: 2 wins": (["bad.yaml", "nosuch.yaml"], 2),
    "good and missing": (["good.yaml", "nosuch.yaml"], 2),
    "a directory without documents": (["empty"], 2),
    "no file": ([], 2),
    "no such option": (["good.yaml", "--nosuch"], 2),
    "no such format": (["good.yaml", "--format", "xml"], 2),
    "a name with a null byte": (["a\0b"], 2),
    "an endless name": (["x" * 5000], 2),
    "a name below a file": (["good.yaml/x"], 2),
}


@pytest.mark.parametrize("name", EXIT_CODES)
def test_exit_codes(command: Callable[..., Any], name: str) -> None:
    """0 fine, 1 problems, 2 usage or a file that cannot be opened; 2 wins, and the others are still reported."""
    arguments, code = EXIT_CODES[name]
    for file, text in {"good": GOOD, "bad": BAD, "advised": ADVISED, "syntax": "a: ["}.items():
        put(f"{file}.yaml", text)
    Path("empty").mkdir()
    done = command("validate", *arguments)
    assert done.exit_code == code
    assert ("bad.yaml:2:4" in done.stdout) == ("bad.yaml" in arguments)
    assert bool(done.stderr) == (code == 2 or arguments == ["good.yaml"])


BAD_INPUT: dict[str, tuple[str, bytes, str]] = {
    "binary junk": ("a.yaml", bytes(range(256)) * 10, "a.yaml:"),
    "binary junk in JSON": ("a.json", b"\x00\x01\x02", "a.json:1:1: "),
    "Latin-1": ("a.yaml", b"model: caf\xe9\n", "a.yaml:1:11: "),
    "empty": ("a.yaml", b"", "a.yaml:"),
    "empty JSON": ("a.json", b"", "a.json:"),
    "only a comment": ("a.yaml", b"# nothing\n", "a.yaml:"),
    "a list": ("a.yaml", b"- model: gpt2\n", "a.yaml:1:1: "),
    "text": ("a.yaml", b"gpt2\n", "a.yaml:1:1: "),
    "a number": ("a.json", b"5", "a.json:1:1: "),
    "null": ("a.json", b"null", "a.json:1:1: "),
    "a long line": ("a.yaml", b"model: gpt2\nn: '" + b"x" * 10_000_000 + b"'\n", "a.yaml:2:4: n: "),
    "an unknown engine": ("a.yaml", b"model: gpt2\nbackend: onnx\n", "a.yaml:2:10: backend: "),
    "deep lists": ("a.yaml", b"model: " + b"[" * 100_000, "a.yaml:1:"),
    "deep lists in JSON": ("a.json", b"[" * 100_000, "a.json:1:"),
    "deep mappings": ("a.yaml", b"".join(b" " * depth + b"a:\n" for depth in range(200)), "a.yaml:"),
    "aliases that explode": (
        "a.yaml",
        b"a: &a [x]\n"
        + b"".join(b"%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n" % (c, c, *[c - 1] * 6) for c in range(ord("b"), ord("z"))),
        "a.yaml:",
    ),
    "a huge number": ("a.yaml", b"model: gpt2\nn: 1" + b"0" * 5000 + b"\n", "a.yaml:2:4: n: "),
    "not a number": ("a.yaml", b"model: gpt2\ndecoder: {temperature: .nan}\n", "a.yaml:2:24: decoder.temperature: "),
    "a key twice": ("a.yaml", b"model: gpt2\nmodel: gpt2\n", "a.yaml:2:1: model: "),
    "a tag": ("a.yaml", b"model: !!python/object/apply:os.system ['touch pwned']\n", "a.yaml:1:8: "),
}


@pytest.mark.parametrize("verb", ["validate", "explain", "run"])
@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input(command: Callable[..., Any], name: str, verb: str) -> None:
    """Whatever a file holds, it is refused with one short line that says where, and nothing is written."""
    file, content, place = BAD_INPUT[name]
    put(file, content)
    done = command(verb, file)
    printed, other = (done.stdout, done.stderr) if verb == "validate" else (done.stderr, done.stdout)
    lines = printed.splitlines()
    assert done.exit_code == 1
    assert other == ""
    assert lines[0].startswith(place)
    if name != "aliases that explode":
        assert len(lines) == 1
    assert max(map(len, lines)) < 500
    assert nothing_else(file)


# ---- --set


SET: dict[str, tuple[str, list[str], Any]] = {
    "a whole number": ("n: 3", ["n=4"], {"n": 4}),
    "a number": ("", ["decoder.temperature=0.5"], {"decoder": {"temperature": 0.5}}),
    "false": ("", ["pytorch.use_cache=false"], {"pytorch": {"use_cache": False}}),
    "text": ("", ["dataset=a.txt"], {"dataset": "a.txt"}),
    "null unsets": ("n: 3", ["n=null"], {}),
    "nothing unsets": ("n: 3", ["n="], {}),
    "null of what is unset": ("", ["decoder.top_k=null"], {}),
    "a new section": ("", ["pytorch.max_memory.cpu=1GiB"], {"pytorch": {"max_memory": {"cpu": "1GiB"}}}),
    "a key that is a number": ("", ["pytorch.max_memory.0=1GiB"], {"pytorch": {"max_memory": {"0": "1GiB"}}}),
    "a section that is null": ("decoder:", ["decoder.top_k=1"], {"decoder": {"top_k": 1}}),
    "a section": ("", ["decoder={top_k: 1}"], {"decoder": {"top_k": 1}}),
    "the last one wins": ("", ["n=1", "n=2"], {"n": 2}),
    "an equals sign": ("", ["dataset=a=b.txt"], {"dataset": "a=b.txt"}),
    "a map": ("", ["pytorch.device_map={model.embed: cpu}"], {"pytorch": {"device_map": {"model.embed": "cpu"}}}),
    "a quoted key": (
        "",
        ['pytorch.device_map["model.embed"]=cpu'],
        {"pytorch": {"device_map": {"model.embed": "cpu"}}},
    ),
    "the model": ("", ["model=other"], {"model": "other"}),
}


@pytest.mark.parametrize("name", SET)
def test_set(command: Callable[..., Any], name: str) -> None:
    """`--set` changes the document as if it were written there."""
    text, settings, expected = SET[name]
    put("a.yaml", f"{GOOD}{text}\n")
    options = [part for setting in settings for part in ("--set", setting)]
    done = command("explain", "a.yaml", "--as", "json", *options)
    assert done.exit_code == 0, done.output
    plan = llem.plan({"model": "gpt2", **expected}, trust_remote_code=False)
    told = json.loads(done.stdout)
    assert told == json.loads(json.dumps({**plan.to_dict(), "settings": told["settings"]}))
    assert command("validate", "a.yaml", *options).exit_code == 0
    assert Path("a.yaml").read_text() == f"{GOOD}{text}\n"


BAD_SET: dict[str, tuple[str, int, str]] = {
    "a wrong type": ("n=many", 1, 'a.yaml:1:1: n: "many" is not a whole number'),
    "a quoted number": ('n="4"', 1, "n: "),
    "out of bounds": ("n=0", 1, "n: 0 is below"),
    "no such setting": ("pytorch.num_beans=2", 1, "pytorch.num_beans: "),
    "the required one": ("model=", 1, "`model` is missing"),
    "an empty part": ("decoder..top_k=2", 1, ""),
    "a rule": ("pytorch.torch_compile_mode=default", 1, "[torch-compile-settings-need-torch-compile]"),
    "no value": ("n", 2, "--set n: write PATH=VALUE"),
    "no path": ("=4", 2, "--set =4: write PATH=VALUE"),
    "no YAML": ("n=[", 2, "--set n=[: "),
    "two documents": ("n=1\n---\n2", 2, "--set "),
    "inside a value": ("model.x=1", 2, "--set model.x=1: "),
    "deep": (f"passthrough_kwargs.{'.'.join('a' * 5000)}=1", 1, "nested"),
}


@pytest.mark.parametrize("verb", ["validate", "explain", "run"])
@pytest.mark.parametrize("name", BAD_SET)
def test_bad_set(command: Callable[..., Any], name: str, verb: str) -> None:
    """A setting that does not fit is a problem of the document (1), one that cannot be read is one of usage (2)."""
    setting, code, words = BAD_SET[name]
    done = command(verb, put("a.yaml", GOOD), "--set", setting)
    assert done.exit_code == code
    assert words in done.output
    assert nothing_else("a.yaml")


# ---- explain and run


@pytest.mark.parametrize("verb", ["explain", "run"])
def test_invalid_document(command: Callable[..., Any], verb: str) -> None:
    """`explain` and `run` print the problems on stderr, exit with 1, and do nothing."""
    done = command(verb, put("a.yaml", BAD + "modl: x\n"))
    assert done.exit_code == 1
    assert done.stdout == ""
    assert [line.split(" ")[0] for line in done.stderr.splitlines()] == ["a.yaml:2:4:", "a.yaml:3:1:"]
    assert nothing_else("a.yaml")


@pytest.mark.parametrize("verb", ["explain", "run"])
def test_one_document(command: Callable[..., Any], verb: str) -> None:
    """A directory with one document stands for it; with several, or none, it is an error of usage."""
    Path("d").mkdir()
    assert command(verb, "d").exit_code == 2
    put("d/a.llem.yaml", BAD)
    assert "d/a.llem.yaml:2:4" in command(verb, "d").stderr
    put("d/b.llem.yaml", BAD)
    assert command(verb, "d").exit_code == 2
    assert command(verb, "nosuch.yaml").exit_code == 2


def test_explain_text(command: Callable[..., Any]) -> None:
    """Every call with every argument, where it comes from, and what has no effect and why."""
    text = "model: gpt2\nn: 3\ndecoder: {preset: deterministic, top_k: 7}\npytorch: {load_in_8bit: true}\n"
    done = command("explain", put("a.yaml", text))
    assert done.exit_code == 0
    plan = llem.plan("a.yaml", trust_remote_code=False)
    called, unsent, left = done.stdout.rstrip().split("\n\n")
    lines = iter(called.splitlines())
    for call in plan.calls:
        assert next(lines) == f"{call.target}("
        for argument, one in call.arguments.items():
            line = next(lines)
            assert line.startswith(f"    {argument}=")
            assert line.endswith(f"# {one.origin}: {one.path}" if one.path else f"# {one.origin}")
        assert next(lines) == ")"
    _, *rows = unsent.splitlines()
    assert ["decoder.top_k", 7, "document"] in [[one.path, one.value, one.origin] for one in plan.unsent]
    for row, one in zip(rows, plan.unsent, strict=True):
        assert row.startswith(f"    {one.path}: {one.value!r} ({one.origin})")
        assert one.reason in row
        assert row.endswith(f"[{one.rule}]")
    title, *rest = left.splitlines()
    unset = [row.path for row in plan.settings() if row.verdict == "library default"]
    assert title == "Left to the library:"
    assert [name.split(" ")[0] for name in "".join(f" {line.strip()}" for line in rest).strip().split(", ")] == unset
    assert done.stderr.startswith("a.yaml:3:34: decoder.top_k: warning: ")


def test_explain_json(command: Callable[..., Any]) -> None:
    """The plan as data is the plan that the API gives, without the operator's consent."""
    done = command("explain", put("a.yaml", GOOD), "--as", "json")
    for consented, options in ((False, ()), (True, ("--trust-remote-code",))):
        planned = llem.plan("a.yaml", trust_remote_code=consented)
        told = json.loads(command("explain", "a.yaml", "--as", "json", *options).stdout)
        assert told.pop("settings") == [row._asdict() for row in planned.settings()]
        assert told == json.loads(json.dumps(planned.to_dict()))
    consent = command("explain", "a.yaml", "--as", "json", "--trust-remote-code")
    assert consent.stdout != done.stdout


def test_explain_python_needs_the_prompts(command: Callable[..., Any]) -> None:
    """A script holds its prompts: when they cannot be read, one line says so."""
    done = command("explain", put("a.yaml", GOOD + "dataset: nosuch.txt\n"), "--as", "python")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: nosuch.txt: cannot be read")
    assert command("explain", "a.yaml").exit_code == 0


# ---- what the specification says


def test_fields(command: Callable[..., Any]) -> None:
    """Every setting is listed, or those below a path."""
    rows = json.loads(command("fields", "--json").stdout)
    assert rows == json.loads(json.dumps(introspection.fields_table()))
    text = command("fields").stdout
    assert all(f"{row['path']}: " in text and row["description"] in text for row in rows)
    below = json.loads(command("fields", "decoder.t", "--json").stdout)
    assert [row["path"] for row in below] == ["decoder.temperature", "decoder.top_k", "decoder.top_p"]
    assert command("fields", "decoder.temperature").stdout.startswith("decoder.temperature: number, 0 to 2 (default 1")


def test_rules(command: Callable[..., Any]) -> None:
    """Every rule is listed with its reason and the way out."""
    rows = json.loads(command("rules", "--json").stdout)
    assert rows == introspection.get_validation_rules()
    text = command("rules").stdout
    assert all(row[key] in text for row in rows for key in ("id", "reason", "resolution"))


def test_matrix(command: Callable[..., Any]) -> None:
    """The capabilities, as a table and as data."""
    assert json.loads(command("matrix", "--json").stdout) == introspection.get_backend_capabilities()
    assert command("matrix").stdout == introspection.get_capability_matrix_markdown() + "\n"


def test_schema(command: Callable[..., Any]) -> None:
    """The specification as one file, or where that file is."""
    path = command("schema", "--path").stdout
    assert path.endswith("llem.schema.json\n")
    assert json.loads(command("schema").stdout) == json.loads(Path(path.strip()).read_text(encoding="utf-8"))


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("verb", ["", *COMMANDS])
def test_help(command: Callable[..., Any], verb: str, option: str) -> None:
    """Every command says what it does."""
    done = command(*filter(None, [verb, option]))
    assert done.exit_code == 0
    assert done.stdout.startswith("Usage: ")
    assert done.stderr == ""
    if not verb:
        assert all(f"  {name} " in done.stdout for name in COMMANDS)


# ---- the real program


def llem_program(*arguments: str | bytes, **options: Any) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "llem", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, **options)


PROGRAM: dict[str, tuple[list[str], int, str, str]] = {
    "version": (["--version"], 0, llem.__version__, ""),
    "good": (["validate", "good.yaml"], 0, "", "1 document: no problems\n"),
    "bad": (["validate", "bad.yaml"], 1, "bad.yaml:2:4: n: ", ""),
    "missing": (["validate", "nosuch.yaml"], 2, "", "Error: nosuch.yaml: No such file or directory\n"),
    "no command": (["nosuch"], 2, "", "No such command 'nosuch'"),
    "run a bad one": (["run", "bad.yaml"], 1, "", "bad.yaml:2:4: n: "),
    "run without a model": (["run", "./good.yaml", "--set", "model=./nosuch"], 1, "", "Error: ./nosuch: "),
    "explain": (["explain", "good.yaml"], 0, "from_pretrained(", ""),
}


@pytest.mark.parametrize("name", PROGRAM)
def test_program(name: str) -> None:
    """The installed program has the same exit codes and streams, and never prints a traceback."""
    arguments, code, out, err = PROGRAM[name]
    put("good.yaml", GOOD)
    put("bad.yaml", BAD)
    done = llem_program(*arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert out in done.stdout
    assert (not done.stdout) == (not out)
    assert err in done.stderr
    assert (not done.stderr) == (not err)


@pytest.mark.parametrize("arguments", [["fields"], ["schema"], ["validate", "many.yaml"]], ids=" ".join)
def test_broken_pipe(arguments: list[str]) -> None:
    """A reader that goes away (`| head -1`) is no error to speak of."""
    put("many.yaml", GOOD + "".join(f"key{number}: 1\n" for number in range(5000)))
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-m", "llem", *arguments], stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.wait()
    process.stderr.close()


def test_names_in_another_encoding() -> None:
    """A name that is not UTF-8 is a name like any other."""
    Path(os.fsdecode(b"caf\xe9.yaml")).write_text(BAD)
    for style in ("text", "json"):
        done = subprocess.run(
            [sys.executable, "-m", "llem", "validate", "--format", style, b"caf\xe9.yaml"],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 1
        assert b"is below the least allowed value" in done.stdout
        assert done.stderr == b""
