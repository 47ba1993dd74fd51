"""Everything that can judge a document, each as a function from documents to what it says of each of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import jsonschema_rs
import kit
import nodejs
from jsonschema import Draft7Validator, Draft202012Validator
from languageserver import LanguageServer
from pydantic import ValidationError

from llem import messages, spec, verdict
from llem.models import ExperimentConfig

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "generated" / "npm"
GO = Path(__file__).parent / "go"
GO_LIBRARIES = Path("/usr/share/gocode")
"""Where Debian puts the libraries of Go."""
RUST_LIBRARIES = Path("/usr/share/cargo/registry")
"""Where Debian puts the libraries of Rust."""

Documents = list[Any]
Problems = set[tuple[str, str, str]]
"""(path, rule, message) of each problem of a document."""
Answer = dict[str, Any]
"""`problems`, `advice` and `plan` of a document, as JSON."""


def build(name: str = "") -> Any:
    """A committed build of the schema."""
    return json.loads(spec.published(name).read_text(encoding="utf-8"))


# ---- verdicts of validators on the published schema


def python_jsonschema(documents: Documents) -> list[bool]:
    """Jsonschema, in Python."""
    return list(map(Draft202012Validator(build()).is_valid, documents))


def python_jsonschema_draft07(documents: Documents) -> list[bool]:
    """Jsonschema on the build in draft-07."""
    return list(map(Draft7Validator(build("draft07")).is_valid, documents))


def rust_jsonschema(documents: Documents) -> list[bool]:
    """jsonschema-rs, in Rust."""
    return list(map(jsonschema_rs.Draft202012Validator(build()).is_valid, documents))


def ajv(documents: Documents, *builds: str) -> dict[str, list[bool]]:
    """Ajv, in JavaScript and in its strict mode, on several builds."""
    asked = {"schemas": {name: build(name) for name in builds}, "documents": documents}
    verdicts: dict[str, list[bool]] = nodejs.run("judge.mjs", asked)
    return verdicts


def hyperjump(documents: Documents) -> list[bool]:
    """@hyperjump/json-schema, in JavaScript."""
    verdicts: list[bool] = nodejs.run("hyperjump.mjs", {"schema": build(), "documents": documents})
    return verdicts


def language_server(documents: Documents) -> list[bool]:
    """The server behind the YAML extensions of editors. The key `$schema` is left out: it would look there first."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number}.json") for number in range(len(documents))]
        for path, document in zip(paths, documents, strict=True):
            kept = (
                {key: document[key] for key in document if key != "$schema"} if isinstance(document, dict) else document
            )
            path.write_text(json.dumps(kept), encoding="utf-8")
        script = nodejs.TOOLS / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
        settings = {"yaml.schemas": {str(spec.published("editor")): ["*.json"]}}
        server = LanguageServer([*nodejs.node(), str(script)], Path(folder), settings)
        found = server.diagnostics(*paths)
        server.close()
    return [not found[path] for path in paths]


def has_go() -> bool:
    """Whether this machine has Go."""
    return bool(shutil.which("go"))


def has_gojsonschema() -> bool:
    """Whether this machine has Go and Debian's package of gojsonschema."""
    return has_go() and (GO_LIBRARIES / "src" / "github.com" / "xeipuuv" / "gojsonschema").is_dir()


def gojsonschema(documents: Documents) -> list[bool]:
    """Gojsonschema, in Go, on the build in draft-07. It cannot follow references in a schema whose name is a URN."""
    schema = {key: value for key, value in build("draft07").items() if key != "$id"}
    asked = json.dumps({"schema": schema, "documents": documents})
    command = ["go", "run", str(GO / "judge.go")]
    done = subprocess.run(command, env=go_environment(), input=asked, stdout=subprocess.PIPE, text=True, check=True)
    verdicts: list[bool] = json.loads(done.stdout)
    return verdicts


def go_types(documents: Documents) -> list[bool]:
    """Whether the generated types of Go can hold each document."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "generated" / "go", Path(folder, "src", "llem"))
        environment = go_environment()
        environment["GOPATH"] += f":{folder}"
        command = ["go", "run", str(GO / "decode.go")]
        done = subprocess.run(
            command, env=environment, input=json.dumps(documents), stdout=subprocess.PIPE, text=True, check=True
        )
    held: list[bool] = json.loads(done.stdout)
    return held


def has_rust() -> bool:
    """Whether this machine has Rust and Debian's packages of serde."""
    return bool(shutil.which("cargo")) and any(RUST_LIBRARIES.glob("serde_json-*"))


def rust_types(documents: Documents) -> list[bool]:
    """Whether the generated types of Rust can hold each document."""
    home = Path(tempfile.gettempdir(), f"llem-rust-{os.getuid()}")
    home.mkdir(exist_ok=True)
    sources = {"crates-io": {"replace-with": "debian"}, "debian": {"directory": str(RUST_LIBRARIES)}}
    tables = [
        f"[source.{name}]\n" + "".join(f'{key} = "{value}"\n' for key, value in table.items())
        for name, table in sources.items()
    ]
    (home / "config.toml").write_text("\n".join(tables), encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "generated" / "rust", Path(folder), dirs_exist_ok=True)
        Path(folder, "examples").mkdir()
        shutil.copyfile(Path(__file__).parent / "rust" / "decode.rs", Path(folder, "examples", "decode.rs"))
        environment = os.environ | {"CARGO_HOME": str(home), "CARGO_TARGET_DIR": str(home / "target")}
        command = ["cargo", "run", "--quiet", "--offline", "--example", "decode"]
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            input=json.dumps(documents),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    held: list[bool] = json.loads(done.stdout)
    return held


def go_environment() -> dict[str, str]:
    """What Go needs to find Debian's libraries, and nothing on the network."""
    cache = Path(tempfile.gettempdir(), f"llem-go-{os.getuid()}")
    return os.environ | {"GO111MODULE": "off", "GOPATH": str(GO_LIBRARIES), "GOCACHE": str(cache), "GOFLAGS": ""}


# ---- problems


def python(documents: Documents) -> list[Answer]:
    """Llem as it is installed."""
    return [kit.answered(document) for document in documents]


def python_alone(documents: Documents) -> list[Answer]:
    """Llem where jsonschema-rs cannot be imported."""
    with mock.patch.object(verdict, "_fast_judge", return_value=None):
        return python(documents)


def models(documents: Documents) -> list[Problems]:
    """The generated pydantic models."""
    return [_told(document) for document in documents]


def _told(document: Any) -> Problems:
    try:
        ExperimentConfig.model_validate(document)
    except ValidationError as error:
        found = [(messages.dotted(one["loc"]), one.get("ctx", {})) for one in error.errors()]
        return {(path, str(told.get("rule", "type")), str(told.get("text", ""))) for path, told in found}
    return set()


def javascript(documents: Documents, form: str = "mjs") -> list[Answer]:
    """The npm package; `form` is mjs or cjs."""
    answers: list[Answer] = nodejs.run(f"ask.{form}", documents, str(PACKAGE / f"index.{form}"))
    return answers


def told(problems: Iterable[dict[str, str]]) -> Problems:
    """Problems that are written as JSON."""
    return {(one["path"], one["rule"], one["message"]) for one in problems}
