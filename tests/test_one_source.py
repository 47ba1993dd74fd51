"""A setting is written once, in schema/: the runtime does not know settings by name, and validating loads little."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from llem import spec

ROOT = Path(__file__).parents[1]
HERE = Path(__file__).parent
SOURCES = sorted((ROOT / "llem").glob("*.py"))
CALLS = {field.name for field in spec.fields() if field.path[1:] and field.takes_any_name()}
NAMES = {field.name for field in spec.fields()} - CALLS
MOST = 12

# (file, name): why the runtime knows this setting by name. At most MOST mentions in all; see the test.
KNOWN = {
    ("spec.py", "backend"): "spec.ENGINE: a document is resolved for the engine that it chooses; a rule names it too",
    ("introspection.py", "backend"): "a key of the list of rules",
    ("introspection.py", "model"): "the same document needs a model",
    ("introspection.py", "precision"): "PRECISION_SUPPORT is a promised name",
    ("planning.py", "trust_remote_code"): "the operator's word is an argument of plan()",
    ("running.py", "trust_remote_code"): "the operator's word is an argument of run()",
    ("running.py", "model"): "the folder of a run is named by its model",
}

# The same word for another thing.
HOMONYMS = {
    ("spec.py", "$schema"): "the keyword of JSON Schema",
    ("datasets.py", "chat_template"): "the attribute of a tokenizer",
    ("cli.py", "backend"): "a key of the list of rules",
    ("formats.py", "column"): "where a problem stands in its line",
    ("formats.py", "$schema"): "a key of SARIF",
    ("planning.py", "backend"): "a key of a plan",
    ("resolution.py", "preset"): "an origin of a value",
    ("pytorch.py", "float32_matmul_precision"): "a key of the record: what torch says of itself",
    ("pytorch.py", "deterministic"): "a key of the record: what torch says of itself",
    ("examining.py", "model"): "what facts are about",
    ("examining.py", "device_map"): "an argument of a step of the library",
    ("examining.py", "max_memory"): "an argument of a step of the library",
    ("pytorch.py", "device_map"): "a key of the record: where the model is",
    ("surfaces.py", "backend"): "an argument of the library's cache",
    ("builtin.py", "chat_template"): "a file of the tokenizer that llem makes",
}


def mentions(path: Path) -> Iterator[tuple[str, int]]:
    """The names of settings in the code of a file: identifiers with an underscore, and whole string constants."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in prose:
            continue
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str) and node.value in NAMES:
                yield node.value, line
            continue
        for part in ("id", "attr", "arg", "name"):
            word = getattr(node, part, None)
            if isinstance(word, str) and "_" in word and word in NAMES:
                yield word, line


MENTIONS = [(path.name, name) for path in SOURCES for name, _ in mentions(path)]
FOUND = {(path.name, name): f"{path.name}:{line}: {name}" for path in SOURCES for name, line in mentions(path)}


def test_settings_known_by_name_have_a_reason() -> None:
    """A setting that the runtime knows by name stands on the list above, with the reason."""
    assert [place for key, place in FOUND.items() if key not in KNOWN and key not in HOMONYMS] == []


def test_the_list_is_not_longer_than_the_code() -> None:
    """Nothing stays on the lists that is not in the code."""
    assert [key for key in (*KNOWN, *HOMONYMS) if key not in FOUND] == []


def test_the_list_is_short() -> None:
    """If the list grows, the vocabulary of the schema lacks something: mend that instead."""
    known = [key for key in MENTIONS if key in KNOWN]
    assert len(known) <= MOST, f"settings are mentioned {len(known)} times: {known}"


@pytest.mark.parametrize("call", ["generate", "BitsAndBytesConfig"])
def test_no_setting_of_these_calls_is_known_by_name(call: str) -> None:
    """What goes to generate or to BitsAndBytesConfig is only ever looked up in the schema."""
    wired = {field.name for field in spec.fields() for name, _ in field.targets("pytorch") if name == call}
    assert [key for key in KNOWN if key[1] in wired] == []


def test_only_one_module_opens_schema_files() -> None:
    """Everything but spec.py asks spec.py; the published schema is a file for others."""
    openers = {path.name for path in SOURCES if ".schema.json" in path.read_text(encoding="utf-8")}
    assert openers - {"spec.py"} <= {"cli.py"}


def test_few_modules_import_the_engine() -> None:
    """torch, transformers, accelerate and bitsandbytes are imported by what runs models, what looks at them before,
    what makes tiny ones, and what says which arguments the libraries take."""
    heavy = {"torch", "transformers", "accelerate", "bitsandbytes"}
    for path in SOURCES:
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
        if path.name not in ("pytorch.py", "examining.py", "builtin.py", "surfaces.py"):
            assert {name.partition(".")[0] for name in names} & heavy == set(), path.name


LOADED = """
import sys
{code}
heavy = {{"torch", "transformers", "accelerate", "bitsandbytes", "numpy", "pydantic", "llem.models"}}
print(sorted(heavy & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "code",
    [
        "import llem; llem.problems({'model': 'm', 'n': 0})",
        "import llem; llem.problems({'model': 'm'}, advice=True)",
        "import llem; llem.validate({'model': 'm'})",
        "import llem; llem.plan({'model': 'm', 'pytorch': {'load_in_4bit': True}}).to_dict()",
        "from llem import introspection; introspection.get_capability_matrix_markdown()",
        "sys.argv = ['llem', 'validate', 'valid/4bit.yaml']; from llem.cli import cli; cli(standalone_mode=False)",
        "sys.argv = ['llem', 'explain', 'calls/4bit.yaml']; from llem.cli import cli; cli(standalone_mode=False)",
    ],
)
def test_validating_loads_little(code: str) -> None:
    """Validating, planning and explaining load no engine, no pydantic, and none of the generated models."""
    if "cli(" in code:
        code = code.replace("cli(standalone_mode=False)", "\ntry: cli()\nexcept SystemExit: pass")
    command = [sys.executable, "-c", LOADED.format(code=code)]
    done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
