"""`llem init` writes documents to start from, and `llem schema` the specification in several forms."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llem import load_document, reader, resolution, spec, starting, validation

STARTERS = Path(__file__).parents[1] / "generated" / "starters"
TEMPLATES = list(spec.templates())
RUN_HERE = [name for name, entry in spec.templates().items() if entry["settings"]["model"].startswith("builtin:")]


@pytest.mark.parametrize("template", TEMPLATES)
def test_document_says_what_the_template_says(folder: Path, command: Callable[..., Any], template: str) -> None:
    """The file holds the settings of the template and no other, below one line for editors."""
    done = command("init", "--template", template)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (0, "", 1)
    written = Path("experiment.llem.yaml")
    assert load_document(written) == spec.templates()[template]["settings"]
    first, _, rest = written.read_text(encoding="utf-8").partition("\n")
    assert first.startswith("# yaml-language-server: $schema=")
    assert rest == (STARTERS / f"{template}.llem.yaml").read_text(encoding="utf-8").partition("\n")[2]


def bare(text: str) -> str:
    """The text with every setting that was commented out."""
    return re.sub(r"^( *)#(?! )|^#(?=  )", r"\1", text, flags=re.MULTILINE)


@pytest.mark.parametrize("template", TEMPLATES)
def test_what_is_commented_out_holds(template: str) -> None:
    """With every `#` removed, the document is valid, means the same, and shows every setting that its engine reads."""
    text = starting.starter(template)
    (as_written,), (in_full,) = reader.read(text.encode()), reader.read(bare(text).encode())
    assert [one for one in validation.check(in_full) if one.severity == "error"] == []
    meant, engine = resolution.resolve(as_written.data), resolution.resolve(as_written.data).engine
    assert resolution.resolve(in_full.data).settled == meant.settled
    for field in spec.fields():
        *sections, name = field.path
        if name != "$schema" and sections in ([], ["decoder"], [engine]):
            assert name in (in_full.data[sections[0]] if sections else in_full.data)


@pytest.mark.parametrize("template", TEMPLATES)
def test_document_is_readable(template: str) -> None:
    """Each setting stands below its description, and no line is long."""
    text = starting.starter(template)
    settings = spec.templates()[template]["settings"]
    told = " ".join(line.strip().removeprefix("# ") for line in text.splitlines())
    for field in spec.fields():
        if resolution.get(settings, field.path) is not None:
            assert f"{field.description} {field.name}: " in told
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("template", RUN_HERE)
def test_document_runs_at_once(folder: Path, command: Callable[..., Any], template: str) -> None:
    """What needs no other engine and no download runs as it is written, shortened here."""
    command("init", "a.llem.yaml", "--template", template)
    done = command("run", "a.llem.yaml", "--set", "n=2", "--set", "max_output_tokens=3")
    assert done.exit_code == 0, done.stderr


def test_standard_output(folder: Path, command: Callable[..., Any]) -> None:
    """With - the document is printed, and nothing is written."""
    done = command("init", "-")
    assert (done.exit_code, done.stderr) == (0, "")
    assert command("validate", "-", text=done.stdout).exit_code == 0
    assert list(folder.iterdir()) == []


def test_nothing_is_overwritten(folder: Path, command: Callable[..., Any]) -> None:
    """A file that exists stays as it is, and one line says what to do; --force overwrites it."""
    Path("a.llem.yaml").write_text("mine", encoding="utf-8")
    refused = command("init", "a.llem.yaml")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr == "Error: a.llem.yaml: the file exists: choose another name, or overwrite it with --force.\n"
    assert Path("a.llem.yaml").read_text(encoding="utf-8") == "mine"
    assert command("init", "a.llem.yaml", "--force").exit_code == 0
    assert load_document("a.llem.yaml") == spec.templates()["minimal"]["settings"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--template", "maximal"], "'maximal' is not one of 'minimal', 'sampling', 'beam-search'"),
        (["missing/a.llem.yaml"], "missing/a.llem.yaml: No such file or directory"),
        ([".", "--force"], ".: Is a directory"),
        (["a\0b"], "null"),
        (["a.llem.json"], "the document is written in YAML"),
    ],
    ids=str,
)
def test_mistakes(folder: Path, command: Callable[..., Any], arguments: list[str], told: str) -> None:
    """What cannot be done is said, with exit code 2, and nothing is written."""
    done = command("init", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert list(folder.iterdir()) == []


def test_help_names_the_templates(command: Callable[..., Any]) -> None:
    """`llem init --help` shows what there is to choose from."""
    assert f"[{'|'.join(TEMPLATES)}]" in command("init", "--help").stdout


@pytest.mark.parametrize(
    ("option", "file"),
    [
        ([], "llem.schema.json"),
        (["--editor"], "llem.editor.schema.json"),
        (["--draft07"], "llem.draft07.schema.json"),
        (["--types"], "llem.types.schema.json"),
    ],
    ids=str,
)
def test_schema(command: Callable[..., Any], option: list[str], file: str) -> None:
    """Each build is printed, or the path of its file."""
    printed, path = command("schema", *option), Path(command("schema", *option, "--path").stdout.strip())
    assert path.name == file
    assert printed.stdout == path.read_text(encoding="utf-8")
    assert json.loads(printed.stdout)["$id"].startswith("urn:llem:")
