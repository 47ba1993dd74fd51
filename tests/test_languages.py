"""Other languages: the npm package from outside, the types of TypeScript, and everyone who runs the conformance kit."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import agreement
import conformance
import judges
import kit
import nodejs
import pytest

from llem import planning, spec

HERE = Path(__file__).parent
ROOT = HERE.parent
KIT = json.loads(kit.FILE.read_text(encoding="utf-8"))
FORMS = {"mjs": "mts", "cjs": "cts"}
"""The two kinds of modules in Node, with what TypeScript calls their files."""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh Node project that has installed the npm package as it is packed, and nothing else."""
    folder = tmp_path_factory.mktemp("project")
    _, npm = nodejs.node_and_npm()
    nodejs.node()
    options = {"cwd": folder, "check": True, "capture_output": True, "text": True, "timeout": 120}
    subprocess.run([*npm, "pack", "--pack-destination", str(folder), str(judges.PACKAGE)], **options)
    (folder / "package.json").write_text('{"private": true}', encoding="utf-8")
    packed = next(folder.glob("*.tgz"))
    subprocess.run([*npm, "install", "--offline", "--no-audit", "--no-fund", str(packed)], **options)
    assert [path.name for path in (folder / "node_modules").iterdir() if path.name[0] != "."] == ["llem"]
    return folder


def node(folder: Path, *arguments: str, asked: Any = None) -> subprocess.CompletedProcess[str]:
    """What Node does in a folder."""
    command = [*nodejs.node(), *arguments]
    question = folder / "question.json"
    question.write_text(json.dumps(asked), encoding="utf-8")
    with question.open(encoding="utf-8") as text:
        return subprocess.run(command, cwd=folder, stdin=text, capture_output=True, check=False, encoding="utf-8")


# ---- the npm package


def test_package_is_what_it_says(project: Path) -> None:
    """It has the version of the specification, no dependencies, and every file that it names, and no other."""
    folder = project / "node_modules" / "llem"
    manifest = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    assert (manifest["name"], manifest["version"], manifest["license"]) == ("llem", spec.version(), "MIT")
    assert not [key for key in manifest if "ependencies" in key or key == "scripts"]
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert names == {path.name for path in judges.PACKAGE.iterdir()}
    entry = manifest["exports"]["."]
    for name in (*entry["import"].values(), *entry["require"].values(), manifest["main"], manifest["types"]):
        assert (folder / name).is_file()


@pytest.mark.parametrize("form", FORMS)
def test_package_runs_the_kit_from_outside(project: Path, form: str) -> None:
    """In a fresh project, as an ES module and as CommonJS, the package says of every case what llem says."""
    shutil.copyfile(nodejs.TOOLS / f"ask.{form}", project / f"ask.{form}")
    done = node(project, f"ask.{form}", asked=[case["document"] for case in KIT])
    assert (done.returncode, done.stderr) == (0, "")
    for case, answer in zip(KIT, json.loads(done.stdout), strict=True):
        assert judges.told(answer["problems"]) == judges.told(case.get("problems", ())), case["name"]
        assert judges.told(answer["advice"]) == judges.told(case.get("advice", ())), case["name"]
        assert conformance.same_plan(answer["plan"], case.get("plan")), case["name"]


@pytest.mark.parametrize("word", [None, False, True])
def test_the_word_of_the_operator(project: Path, word: bool | None) -> None:
    """Code that comes with a model runs when the document asks and the operator consents, as in Python."""
    asks = [{"model": "m"}, *({"model": "m", "pytorch": {"trust_remote_code": asked}} for asked in (None, False, True))]
    given = f"{json.dumps(asks)}.map((one) => plan(one, {{ trustRemoteCode: {json.dumps(word)} }}))"
    script = f"import {{ plan }} from 'llem'; console.log(JSON.stringify({given}));"
    done = node(project, "--input-type=module", "--eval", script)
    for document, answer in zip(asks, json.loads(done.stdout), strict=True):
        assert conformance.same_plan(answer, planning.of(document, word).to_dict())


def test_package_stands_alone(project: Path) -> None:
    """The module imports nothing and names nothing of Node, so it runs in a browser as it is."""
    text = (project / "node_modules" / "llem" / "index.mjs").read_text(encoding="utf-8")
    text = text.replace('require("ajv/dist/runtime/ucs2length").default', "")  # a text that ajv never runs
    assert re.findall(r"\b(?:import|require)\b\s*[({\"']|\bnode:|\bprocess\.|\bBuffer\b|__dirname", text) == []


def test_package_brings_the_builds(project: Path) -> None:
    """Each build of the schema can be asked for by its name."""
    for path in sorted((ROOT / "generated").glob("*.schema.json")):
        done = node(project, "-p", f"JSON.stringify(require('llem/{path.name}'))")
        assert json.loads(done.stdout) == json.loads(path.read_text(encoding="utf-8"))


def test_readme_of_the_package(project: Path) -> None:
    """What the README shows runs, and says what is wrong."""
    text = (judges.PACKAGE / "README.md").read_text(encoding="utf-8")
    (project / "readme.mjs").write_text(re.findall(r"^```js\n(.*?)^```$", text, re.M | re.S)[0], encoding="utf-8")
    done = node(project, "readme.mjs")
    wrong = "pytorch.num_beam: `num_beam` is not a setting here: did you mean `num_beams`? [additionalProperties]"
    assert (done.stdout, done.stderr) == (f"{wrong}\n0.8\n", "")


ODD = """
import { plan, problems, validate, InvalidDocument } from "llem";
const deep = (levels) => (levels ? [deep(levels - 1)] : 1);
const said = (document) => problems(document).map(({ path, rule }) => `${path} ${rule}`).join();
const thrown = (act) => { try { act(); } catch (error) { return error instanceof InvalidDocument && error.message; } };
console.log(JSON.stringify([
  said({ model: "m", n: NaN }),
  said({ model: "m", n: 2 ** 53 + 2 }),
  said({ model: "m", passthrough_kwargs: { a: new Date() } }),
  said({ model: "m", passthrough_kwargs: { a: [() => 1] } }),
  said({ model: "m", passthrough_kwargs: { a: deep(98) } }),
  said({ model: "m", passthrough_kwargs: { a: deep(99), b: 1 } }),
  said({ model: "m", n: undefined }),
  said(JSON.parse('{"model": "m", "__proto__": 1, "constructor": 2}')),
  said(undefined),
  said(null),
  thrown(() => validate({ model: "m", n: 0 })),
  thrown(() => plan({})),
  plan(JSON.parse('{"model": "m", "passthrough_kwargs": {"__proto__": {"a": 1}}}')).calls
    .find(({ call }) => call === "from_pretrained").arguments["__proto__"] ?? "lost",
]));
"""


def test_package_with_odd_values(project: Path) -> None:
    """What is no JSON, or more than llem holds, is a problem as in Python, and no other kind of error."""
    (project / "odd.mjs").write_text(ODD, encoding="utf-8")
    done = node(project, "odd.mjs")
    assert done.stderr == ""
    assert json.loads(done.stdout) == [
        "n number",
        "n number",
        "passthrough_kwargs.a type",
        "passthrough_kwargs.a[0] type",
        "",
        f"passthrough_kwargs.a{'[0]' * 98} nesting",
        "",
        "__proto__ additionalProperties,constructor additionalProperties",
        " type",
        " type",
        "n: 0 is below the least allowed value, 1: raise it. [minimum]",
        "model: `model` is missing: add it. [required]",
        {"a": 1},
    ]


# ---- TypeScript


def compiled(project: Path, name: str) -> list[tuple[int, str]]:
    """(line, code) of each error that `tsc --strict` finds in a file of the project."""
    compiler = nodejs.TOOLS / "node_modules" / "typescript" / "bin" / "tsc"
    options = ["--strict", "--noEmit", "--module", "node16", "--target", "es2022", "--pretty", "false"]
    done = node(project, str(compiler), *options, name)
    lines = [line for line in done.stdout.splitlines() if line[0] != " "]
    found = [re.match(r"(.*)\((\d+),\d+\): error TS(\d+): ", line) for line in lines]
    assert all(error and error[1] == name for error in found), done.stdout
    return [(int(error[2]), error[3]) for error in found if error]


@pytest.mark.parametrize("form", FORMS.values())
def test_types(project: Path, form: str) -> None:
    """`tsc --strict` compiles what is right, in both kinds of modules, and refuses each line that is wrong."""
    for name in ("good", "bad"):
        source = HERE / "languages" / f"{name}.ts"
        shutil.copyfile(source, project / f"{name}.{form}")
        numbers = re.finditer(r"// (\d+)$", source.read_text(encoding="utf-8"), re.M)
        expected = [(one.string[: one.start()].count("\n") + 1, one[1]) for one in numbers]
        assert compiled(project, f"{name}.{form}") == expected
        assert bool(expected) == (name == "bad")


# ---- Go and Rust


@pytest.mark.parametrize("language", agreement.TYPES)
def test_types_of_other_languages(language: str) -> None:
    """They compile, hold every valid document, and refuse some shapes; a rule or a bound they cannot hold."""
    is_there, types = agreement.TYPES[language]
    if not is_there():
        pytest.skip(f"{language} is not installed here, or Debian's libraries for it are not")
    valid, ruled, wrong = agreement.held(KIT, types)
    assert all(valid)
    assert all(ruled)
    names = {name.removeprefix("invalid/").partition(".")[0] for name in wrong if name}
    assert {"minimum", "pattern"} <= names
    assert "type-of-value" not in names


# ---- the conformance kit


def test_table_is_true() -> None:
    """Every row of the page is what the implementation does here, none is left out, and no verdict differs."""
    text = conformance.PAGE.read_text(encoding="utf-8")
    assert text.startswith(conformance.HEAD)
    written = text.removeprefix(conformance.HEAD).splitlines()
    table = list(conformance.rows(KIT))
    assert [row for row in written if judges.has_gojsonschema() or "(Go)" not in row] == table
    assert [row for row in table if row.split(" | ")[2] != "all"] == []


def test_the_kit_can_fail() -> None:
    """A wrong expectation of each kind is found in each row that claims it, by the name of its case."""
    good = next(case for case in KIT if case["valid"] and case["advice"])
    wrong = [
        {**good, "name": "a", "schema": False},
        {**good, "name": "b", "valid": False},
        {**good, "name": "c", "advice": []},
        {**good, "name": "d", "plan": {**good["plan"], "calls": []}},
    ]
    row = "1 differ: b | 1 differ: c | 1 differ: d |"
    for name, *claims in conformance.results(wrong):
        text = " | ".join(["", *(claims[1].get(key, "–") for key in ("verdicts", "problems", "plans")), ""])
        assert text.strip(" |") in (row.strip(" |"), "1 differ: b | all | –", "1 differ: a | – | –"), name


# ---- agreement


def test_everyone_agrees() -> None:
    """Python, Rust, JavaScript and the models say the same of documents that are drawn or changed at random."""
    given = agreement.drawn(count=1500, seed=2)
    answers = judges.python(given)
    assert list(agreement.disagreements(given, answers)) == []
    shares = [bool(answer["problems"]) for answer in answers].count(False) / len(given)
    assert 0.2 < shares < 0.8
    sides = agreement.counted(given, answers)
    assert {rule: counts for rule, counts in sides.items() if 0 in counts} == {}


def test_a_disagreement_is_seen() -> None:
    """When llem says something else of a document, everyone is named who says it differently."""
    good = next(case["document"] for case in KIT if case["valid"] and case["plan"]["unsent"])
    answers = [{"problems": [{"path": "n", "rule": "type", "message": "…"}], "advice": [], "plan": None}]
    found = list(agreement.disagreements([good], answers))
    assert {one.who for one in found} == {*agreement.VALIDATORS, agreement.MODELS, agreement.PACKAGE}
    assert {one.what for one in found} >= {"verdict", "problems", "plan"}


def test_page_of_the_agreement() -> None:
    """The page tells of at least 10,000 documents without a disagreement, on both sides of every rule there is."""
    text = agreement.PAGE.read_text(encoding="utf-8")
    count = re.search(r"^(\d+) documents", text, re.M)
    assert count
    assert int(count[1]) >= 10_000
    claims = re.findall(r"^\| ([^|]+) \| ([^|]+) \| (\d+) \|$", text, re.M)
    assert {number for who, _, number in claims if not who.startswith("`")} == {"0"}
    rules = {who.strip("`"): (int(broken), int(kept)) for who, broken, kept in claims if who.startswith("`")}
    assert list(rules) == [rule.id for rule in spec.rules()], "run python scripts/agreement.py"
    assert min(min(counts) for counts in rules.values()) > 0
