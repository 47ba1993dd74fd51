"""What people see while they type: the real language server of the YAML extensions reads the build for editors."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import nodejs
import pytest
from jsonschema import Draft7Validator, Draft202012Validator
from languageserver import LanguageServer
from test_corpus import STARTERS, paths

from llem import introspection, problems, reader, spec, starting, validation
from llem.checking import SUFFIXES

HERE = Path(__file__).parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "editors.md"
CORPUS = paths("valid", "invalid", "advice", "calls", STARTERS)
COMPARED = {check.id for check in spec.checks()}
"""Rules that no JSON Schema can state, so that no editor knows them."""

RULES = [rule.id for rule in spec.rules() if rule.id not in COMPARED]

# The server cannot judge these as llem does.
OTHER_VERDICT = {
    "schema-key.json": "its key `$schema` names an address on the web, and the server looks there before anywhere else",
}


# ---- what the tests need


@pytest.fixture(scope="session")
def node() -> list[str]:
    """Return the command `node`, with the packages of scripts/node."""
    return nodejs.node()


@pytest.fixture(scope="module")
def serve(node: list[str]) -> Iterator[Callable[..., LanguageServer]]:
    """Return a function that starts a language server for a folder, with the settings of an editor."""
    script = nodejs.TOOLS / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
    started = []

    def serve(folder: Path, settings: dict[str, Any]) -> LanguageServer:
        started.append(LanguageServer([*node, str(script)], folder, settings))
        return started[-1]

    yield serve
    for server in started:
        server.close()


@pytest.fixture(scope="module")
def one_server(serve: Callable[..., LanguageServer]) -> LanguageServer:
    """Return a server that knows the build for editors and has read a document."""
    server = serve(HERE, {"yaml.schemas": {str(spec.published("editor")): ["*.yaml", "*.json"]}})
    assert server.diagnostics(HERE / "valid" / "minimal.yaml") == {HERE / "valid" / "minimal.yaml": []}
    return server


@pytest.fixture
def server(one_server: LanguageServer) -> Iterator[LanguageServer]:
    """Return the server. It must not log an error of its own during the test."""
    yield one_server
    assert one_server.errors == []


DEFINITIONS = spec.bundle()["$defs"]
TYPED = HERE / "typed.yaml"
"""The file that is typed into. It is never written."""


def typed(path: spec.Path, ending: str = "") -> tuple[str, int, int]:
    """A document with nothing but the way to `path`, and the line and the column behind it."""
    lines = ["  " * depth + f"{name}:" for depth, name in enumerate(path)]
    lines[-1] += ending
    return "\n".join(lines), len(lines) - 1, len(lines[-1])


def listed(field: spec.Field) -> list[str]:
    """The values of a setting that an editor can offer."""
    forms = [field.schema, *(spec.follow(form) for form in field.schema.get("anyOf", ()))]
    values = [value for form in forms for value in form.get("enum", ())]
    if "boolean" in field.types:
        values += [True, False, None]
    return [value if isinstance(value, str) else json.dumps(value) for value in values]


# ---- completion and hover

SECTIONS = list(dict.fromkeys(field.path[:-1] for field in spec.fields()))
FIELDS = [pytest.param(field, id=field.dotted) for field in spec.fields()]


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: ".".join(section) or "document")
def test_every_key_is_offered(server: LanguageServer, section: spec.Path) -> None:
    """In each section every key is offered once, with its description, and any value that comes with it is allowed."""
    text, line, column = typed((*section, "x"))
    items = server.completions(TYPED, text.removesuffix("x:"), line, column - len("x:"))
    offers = {item["label"]: item for item in items}
    for field in spec.fields():
        if field.path[:-1] == section:
            assert [item["label"] for item in items].count(field.name) == 1
            assert field.description in offers[field.name]["documentation"]["value"]
            inserted = re.sub(r"\$\{\d+:(.*?)\}|\$\d+", r"\1", offers[field.name]["insertText"]).replace("\\$", "$")
            value = reader.read(inserted.encode())[0].data[field.name]
            begun = isinstance(value, list) and (value == ["${1}"] or len(value) < field.schema.get("minItems", 0))
            assert (
                value is None or begun or Draft202012Validator({**field.schema, "$defs": DEFINITIONS}).is_valid(value)
            )


def test_sections_are_offered_plainly(server: LanguageServer) -> None:
    """Accepting a section opens it, and writes no settings into it."""
    items = {item["label"]: item["insertText"] for item in server.completions(TYPED, "", 0, 0)}
    for section in SECTIONS:
        if section and section[-1] not in {field.name for field in spec.fields()}:
            assert items[section[-1]] == f"{section[-1]}:\n  "


def test_forbidden_keys_are_not_offered(server: LanguageServer) -> None:
    """A rule that forbids keys does not make them known."""
    for section in ("passthrough_kwargs", "vllm"):
        text, line, column = typed((section, "x"))
        items = server.completions(TYPED, text.removesuffix("x:"), line, column - len("x:"))
        assert {item["label"] for item in items} <= {field.name for field in spec.fields() if field.path[0] == section}


@pytest.mark.parametrize("field", [case for case in FIELDS if listed(case.values[0])])
def test_every_value_is_offered(server: LanguageServer, field: spec.Field) -> None:
    """Every listed value of a setting is offered, null too, the schema's first one first, with what it needs."""
    items = server.completions(TYPED, *typed(field.path, " "))
    labels = [item["label"] for item in items]
    offered = [label for label in dict.fromkeys(labels) if label in listed(field)]
    assert sorted(offered) == sorted(set(listed(field))) and offered[:1] == listed(field)[:1]
    assert not [label for label in labels if "[object" in label]
    for item in items:
        is_value = "enum" in field.schema and item["label"] != "null"
        needs = introspection.requirement(field.needs(item["label"])) if is_value else ""
        assert needs in str(item.get("documentation"))


@pytest.mark.parametrize("field", FIELDS)
def test_hover_shows_the_description(server: LanguageServer, field: spec.Field) -> None:
    """With the pointer on a key: its description, its default, its values and what they need."""
    for value in [None, *field.values, *(one for one in field.schema.get("examples", ()) if isinstance(one, str))]:
        text, line, _ = typed(field.path, f" {value or 'null'}")
        shown = server.hover(TYPED, text, line, 2 * len(field.path) - 1)
        assert shown.startswith(field.description)
        assert field.default is None or f"Default: `{field.default}`" in shown.replace("`true`", "`True`")
        assert all(introspection.requirement(field.needs(value)) in shown for value in field.wiring.get("values", {}))
        assert "||" not in shown


# ---- diagnostics


@pytest.fixture(scope="module")
def diagnostics(one_server: LanguageServer) -> dict[Path, list[dict[str, Any]]]:
    """Return what the server says of each document of the corpus that is text."""
    return one_server.diagnostics(*(path for path in CORPUS if is_text(path)))


def is_text(path: Path) -> bool:
    try:
        return bool(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return False


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_same_verdict(diagnostics: dict[Path, list[dict[str, Any]]], path: Path) -> None:
    """The editor refuses what llem refuses, and nothing else, wherever the text can be read."""
    read = reader.read(path.read_bytes(), json=path.suffix == ".json")
    if not any(document.faults for document in read):
        found = [one for document in read for one in validation.check(document) if one.rule not in COMPARED]
        shown = [one["message"] for one in diagnostics[path]]
        assert bool(shown) == (path.name in OTHER_VERDICT or any(one.severity == "error" for one in found)), shown


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_speaks_its_own_sentence(diagnostics: dict[Path, list[dict[str, Any]]], rule: str) -> None:
    """A broken rule is shown in its own words at each value to change, and nothing else is shown."""
    path = HERE / "invalid" / f"{rule}.yaml"
    lines = path.read_text(encoding="utf-8").split("\n")
    shown = sorted(diagnostics[path], key=lambda one: one["range"]["start"]["line"])
    expected = sorted(problems(path), key=lambda one: one.line or 0)
    assert [one["message"] for one in shown] == [one.message for one in expected]
    for one, problem in zip(shown, expected, strict=True):
        start = one["range"]["start"]
        before = "\n".join([*lines[: start["line"]], lines[start["line"]][: start["character"]]])
        key = "\n".join(before.split("\n")[(problem.line or 0) - 1 :])[(problem.column or 0) - 1 :]
        assert re.fullmatch(r"[\w.-]+:\s+", key), "between the key and what is marked stands nothing"


def test_no_internal_error(server: LanguageServer, diagnostics: dict[Path, list[dict[str, Any]]]) -> None:
    """The whole corpus makes the server log no error."""
    assert len(diagnostics) > len(CORPUS) - 5


# ---- how an editor finds the schema

GOOD, BAD = "model: m\n", "model: m\npytorch:\n  num_beam: 2\n"


def finds_the_schema(server: LanguageServer, path: Path, head: str = "") -> bool:
    """Whether a document beside `path` is judged."""
    good, bad = path.with_name(f"good-{path.name}"), path.with_name(f"bad-{path.name}")
    good.write_text(head + GOOD, encoding="utf-8")
    bad.write_text(head + BAD, encoding="utf-8")
    shown = server.diagnostics(good, bad)
    assert server.errors == []
    return [one["message"] for one in shown[good] + shown[bad]] == ["Property num_beam is not allowed."]


@pytest.mark.parametrize("template", spec.templates())
def test_modeline(
    serve: Callable[..., LanguageServer], folder: Path, command: Callable[..., Any], template: str
) -> None:
    """What `llem init` writes is judged, and found right, by an editor that was told nothing."""
    assert command("init", "a.llem.yaml", "--template", template).exit_code == 0
    path = folder / "a.llem.yaml"
    server = serve(folder, {})
    assert server.diagnostics(path) == {path: []}
    assert finds_the_schema(server, path, path.read_text(encoding="utf-8").split("\n")[0] + "\n")


@pytest.mark.parametrize("name", ["schema", "my schema", "50%"])
def test_modeline_in_the_working_tree(
    serve: Callable[..., LanguageServer], folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Where the schema lies in the working tree, the path to it is relative, unless the comment cannot say it."""
    copy = folder / name / "editor.json"
    copy.parent.mkdir()
    shutil.copyfile(spec.published("editor"), copy)
    monkeypatch.setattr(spec, "published", lambda build: copy)
    (folder / "experiments").mkdir()
    path = folder / "experiments" / "a.llem.yaml"
    head = starting.modeline(path)
    assert ("../schema/editor.json" if name == "schema" else copy.as_uri()) in head
    assert finds_the_schema(serve(folder, {}), path, head)


def block(language: str) -> str:
    """The block in a language on the page about editors."""
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found.group(1)


def test_settings_of_vs_code(serve: Callable[..., LanguageServer], folder: Path, command: Callable[..., Any]) -> None:
    """The settings that the page shows work, with the copy of the schema that it tells to make."""
    (folder / "llem.editor.schema.json").write_text(command("schema", "--editor").stdout, encoding="utf-8")
    server = serve(folder, json.loads(block("json")))
    assert finds_the_schema(server, folder / "a.llem.yaml")
    assert finds_the_schema(server, folder / "a.llem.yml")


def test_catalog_entry() -> None:
    """The entry for SchemaStore has the four members it wants, and its patterns are the names that llem looks for."""
    entry = json.loads((ROOT / "docs" / "schemastore-entry.json").read_text(encoding="utf-8"))
    assert set(entry) == {"name", "description", "url", "fileMatch"}
    assert entry["url"].startswith("https://")
    assert entry["url"].endswith("/llem.draft07.schema.json")
    assert entry["fileMatch"] == [f"*{ending}" for ending in SUFFIXES]
    assert all(len(pattern) > len("*.yaml") for pattern in entry["fileMatch"])


# ---- the builds

BUILDS = {"": Draft202012Validator, "editor": Draft202012Validator, "draft07": Draft7Validator}
RUST = {"": jsonschema_rs.Draft202012Validator, "editor": jsonschema_rs.Draft202012Validator}
RUST["draft07"] = jsonschema_rs.Draft7Validator


def build(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads(spec.published(name).read_text(encoding="utf-8"))
    return schema


@pytest.fixture(scope="module")
def documents() -> list[tuple[Path, Any]]:
    """Return every document of the corpus that can be read, as data."""
    read = [(path, reader.read(path.read_bytes(), json=path.suffix == ".json")) for path in CORPUS]
    return [(path, document.data) for path, found in read for document in found if not document.faults]


@pytest.fixture(scope="module")
def ajv(node: list[str], documents: list[tuple[Path, Any]]) -> dict[str, list[bool]]:
    """Return, for each build, what ajv says of every document, in its strict mode."""
    asked = {"schemas": {name: build(name) for name in BUILDS}, "documents": [data for _, data in documents]}
    command = [*node, str(nodejs.TOOLS / "judge.mjs")]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    verdicts: dict[str, list[bool]] = json.loads(done.stdout)
    return verdicts


@pytest.mark.parametrize("name", BUILDS)
def test_builds_say_the_same(name: str, documents: list[tuple[Path, Any]], ajv: dict[str, list[bool]]) -> None:
    """Each build gives the verdict of llem on every document, in three engines and two languages."""
    python, rust = BUILDS[name](build(name)), RUST[name](build(name))
    for (path, data), elsewhere in zip(documents, ajv[name], strict=True):
        verdict = {problem.rule for problem in problems(data)} <= COMPARED
        assert (python.is_valid(data), rust.is_valid(data), elsewhere) == (verdict,) * 3, path


def nodes(schema: Any) -> Iterator[Any]:
    """Every mapping in a schema."""
    if isinstance(schema, dict):
        yield schema
    for child in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(child)


def test_builds_are_schemas_with_a_name() -> None:
    """Each build follows its dialect, and has a name of its own that holds the version and is no address."""
    names = {name: build(name)["$id"] for name in (*BUILDS, "types")}
    assert names == {name: f"urn:llem:experiment{name and '-'}{name}:{spec.version()}" for name in names}
    for name in names:
        BUILDS.get(name, Draft202012Validator).check_schema(build(name))
    assert not {"$defs", "unevaluatedProperties"} & {key for node in nodes(build("draft07")) for key in node}


def test_what_editors_cannot_read_is_not_in_their_build() -> None:
    """A default would be written into documents, `not` has no message, and our annotations say nothing to an editor."""
    words = {"default", "x-llem", "x-llem-rule", "title"}
    assert not [node for node in nodes(build("editor")) if words & set(node)]
    assert not [node for node in nodes(without_conditions(build("editor"))) if "not" in node]


def without_conditions(schema: Any) -> Any:
    """The schema without what stands under `if`, of which nothing is ever said."""
    if isinstance(schema, dict):
        return {key: without_conditions(child) for key, child in schema.items() if key != "if"}
    return [without_conditions(child) for child in schema] if isinstance(schema, list) else schema


def test_types_have_no_rules() -> None:
    """The build for code generators is types and nothing else."""
    assert not [node for node in nodes(build("types")) if {"if", "allOf", "pattern", "x-llem"} & set(node)]
