"""Every document in valid/, invalid/, advice/ and calls/ is a case.

valid/     documents without a problem
invalid/   documents, and beside each the lines that `llem validate` prints, and `<name>.mended.yaml`: the same, mended
advice/    legal documents that do not say what was meant, with the same beside each
formats/   one document, and what `llem validate` prints of it in each format
calls/     documents, and beside each its plan

The documents that `llem init` writes, in generated/starters/, are cases too.
"""

from __future__ import annotations

import codecs
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from llem import InvalidDocument, load_document, messages, plan, problems, reader, resolution, spec, verdict
from llem.cli import cli
from llem.models import ExperimentConfig

HERE = Path(__file__).parent
ROOT = HERE.parent
STARTERS = "../generated/starters"


def documents(*folders: str) -> list[Any]:
    """Every document of the folders as a test case; in calls/ the .json files are plans."""
    found = []
    for folder in folders:
        for path in sorted((HERE / folder).iterdir()):
            is_document = path.suffix == ".yaml" or (path.suffix == ".json" and folder != "calls")
            if is_document and ".mended" not in path.name:
                found.append(pytest.param(path, id=f"{path.parent.name}/{path.name}"))
    return found


def paths(*folders: str) -> list[Path]:
    return [case.values[0] for case in documents(*folders)]


def mended(path: Path) -> Path:
    """The place of the same document with as little changed as makes it valid and without advice."""
    return path.with_name(f"{path.stem}.mended{path.suffix}")


MENDED = [pytest.param(mended(path), id=mended(path).name) for path in paths("invalid", "advice")]
RULES = [rule.id for rule in spec.rules()]
ADVICE = [rule.id for rule in spec.advice() if not rule.annotation.get("quiet")]
ONLY_REPORTS = {rule.id for rule in spec.advice() if rule.annotation.get("reports")}
ONLY_REPORTS |= {rule.id for rule in spec.comparisons()}


def forms(field: spec.Field) -> list[spec.Schema]:
    """The forms of a setting that may be of several, null left out."""
    branches = [spec.follow(branch) for branch in field.schema.get("anyOf", ())]
    return [branch for branch in branches if branch.get("type") != "null"]


def test_every_setting_value_and_form_is_seen() -> None:
    """Together the legal documents show every setting, every listed value, and every form of a setting."""
    valid = [load_document(path) for path in paths("valid", "advice")]
    missing = []
    for field in spec.fields():
        seen = [value for document in valid if (value := resolution.get(document, field.path)) is not None]
        if not seen:
            missing.append(field.dotted)
        listed = [value for part in (field.schema, *forms(field)) for value in part.get("enum", ())]
        shown = {json.dumps(value) for value in (*seen, None)}
        missing += [f"{field.dotted}: {value}" for value in listed if json.dumps(value) not in shown]
        for form in forms(field):
            judge = Draft202012Validator({**form, "$defs": spec.bundle()["$defs"]})
            if not any(judge.is_valid(value) for value in seen):
                missing.append(f"{field.dotted}: {form}")
    assert not missing, f"no document in tests/valid shows {missing}"


@pytest.mark.parametrize("path", documents("valid", STARTERS))
def test_valid(path: Path) -> None:
    """A valid document has no problem, and nothing in it is without effect."""
    assert problems(path, advice=True) == []


@pytest.mark.parametrize("path", [path for path in paths("valid", "calls") if path.suffix == ".yaml"])
def test_document_says_what_it_shows(path: Path) -> None:
    """A YAML document that serves as an example begins with a comment."""
    assert path.read_text(encoding="utf-8-sig").startswith("# ")


@pytest.mark.parametrize("path", documents("invalid", "advice"))
def test_problems(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`llem validate` prints exactly the expected lines, and ends with 1 when one of them is an error."""
    monkeypatch.chdir(path.parent)
    result = CliRunner().invoke(cli, ["validate", "--format", "concise", path.name])
    assert result.stdout == path.with_name(f"{path.stem}.errors.txt").read_text(encoding="utf-8")
    assert result.exit_code == (1 if path.parent.name == "invalid" else 0)


@pytest.mark.parametrize("path", documents("advice"))
def test_strict(path: Path) -> None:
    """Advice counts as a problem with --strict."""
    assert CliRunner().invoke(cli, ["validate", "--strict", str(path)]).exit_code == 1


def test_every_rule_and_advice_has_its_document() -> None:
    """Every rule ships with a document that breaks it, every advice with one that gets it."""
    wanted = [f"invalid/{rule}.yaml" for rule in RULES] + [f"advice/{rule}.yaml" for rule in ADVICE]
    assert [name for name in wanted if not (HERE / name).is_file()] == []


def test_every_document_has_its_expected_lines_and_is_mended() -> None:
    """Beside every document with a problem or advice stand the lines that are printed, and the same document mended."""
    wanted = [mended(path) for path in paths("invalid", "advice")]
    wanted += [path.with_name(f"{path.stem}.errors.txt") for path in paths("invalid", "advice")]
    assert [path.name for path in wanted if not path.is_file()] == []


def test_every_expectation_has_its_document() -> None:
    """No expected lines, mended document or plan is left without the document that it belongs to."""
    stems = {f"{path.parent.name}/{path.stem}" for path in paths("invalid", "advice", "calls")}
    files = [path for folder in ("invalid", "advice", "calls") for path in (HERE / folder).iterdir()]
    owners = {f"{path.parent.name}/{path.name.split('.')[0]}" for path in files}
    assert owners - stems == set()
    twins = {path for path in files if ".mended" in path.name}
    assert twins == {mended(path) for path in paths("invalid", "advice")}


def required() -> list[str]:
    """Every key that a document, or a form of one of its sections, cannot do without."""
    found = list(spec.bundle()["required"])
    for name, node in spec.bundle()["properties"].items():
        section = spec.follow(node)
        for form in (section, *map(spec.follow, section.get("anyOf", ()))):
            found += [f"{name}.{key}" for key in form.get("required", ())]
    return found


def test_every_required_key_is_left_out() -> None:
    """For each required key there is a document whose only problem is that it lacks the key."""
    seen = {tuple((one.path, one.rule) for one in problems(path)) for path in paths("invalid")}
    assert [key for key in required() if ((key, "required"),) not in seen] == []


@pytest.mark.parametrize("rule", RULES)
def test_rule_document_breaks_this_rule_only(rule: str) -> None:
    """The document of a rule has no other problem."""
    assert {problem.rule for problem in problems(HERE / "invalid" / f"{rule}.yaml")} == {rule}


@pytest.mark.parametrize("advice", ADVICE)
def test_advice_document_shows_this_advice_only(advice: str) -> None:
    """The document of an advice gets that advice."""
    found = {problem.rule for problem in problems(HERE / "advice" / f"{advice}.yaml", advice=True)}
    assert found == {advice}


def written(path: Path) -> tuple[bool, bool]:
    """Whether the file has a byte order mark, and whether its lines end as on Windows."""
    content = path.read_bytes()
    return content.startswith(codecs.BOM_UTF8), content.count(b"\r\n") == content.count(b"\n")


@pytest.mark.parametrize("path", documents("invalid", "advice"))
def test_mended(path: Path) -> None:
    """The mended document has no problem and no advice, is written in the same way, and says what was mended."""
    twin = mended(path)
    result = CliRunner().invoke(cli, ["validate", "--strict", "--format", "concise", str(twin)])
    assert (result.stdout, result.exit_code) == ("", 0)
    assert written(twin) == written(path)
    assert twin.suffix == ".json" or twin.read_text(encoding="utf-8-sig").startswith("# Mended: ")


@pytest.mark.parametrize("path", documents("calls"))
def test_calls(path: Path) -> None:
    """A document gives exactly the expected calls, arguments and origins, with their number types."""
    expected = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    planned = plan(path).to_dict()
    assert planned == expected
    assert json.dumps(planned, sort_keys=True) == json.dumps(expected, sort_keys=True)  # 1 is not 1.0, 1 is not true


@pytest.mark.parametrize("path", documents("valid", "advice", "calls", STARTERS))
def test_what_is_not_sent_is_reported(path: Path) -> None:
    """Advice tells of each setting of the document that is not sent as it stands, and says so of no other."""
    quiet = {rule.id for rule in spec.advice() if rule.annotation.get("quiet")}
    defaults = {field.dotted: field.default for field in spec.fields()}
    unsent = {
        one.path
        for one in plan(path).unsent
        if one.origin == "document" and one.rule not in quiet and one.value != defaults[one.path]
    }
    found = problems(path, advice=True)
    assert {problem.path for problem in found if problem.rule not in ONLY_REPORTS} <= unsent
    assert unsent <= {problem.path for problem in found}


@pytest.mark.parametrize("path", documents("valid", "advice", "calls", STARTERS))
def test_what_only_reports_changes_nothing(path: Path) -> None:
    """Advice that only reports sets nothing aside."""
    assert {one.rule for one in plan(path).unsent} & ONLY_REPORTS == set()


@pytest.mark.parametrize("path", documents("valid", "advice", "calls", STARTERS))
def test_explain(path: Path) -> None:
    """`llem explain` shows each call of the plan and each setting that is not sent."""
    result = CliRunner().invoke(cli, ["explain", str(path)])
    assert result.exit_code == 0
    planned = plan(path, trust_remote_code=False)
    assert [call.target for call in planned.calls if f"{call.target}(" not in result.stdout] == []
    assert [one.path for one in planned.unsent if f"    {one.path}: " not in result.stdout] == []


def test_unknown_builtin_model(tmp_path: Path) -> None:
    """A model that llem does not make is a problem of the document, and no traceback."""
    path = tmp_path / "document.yaml"
    path.write_text("model: builtin:none\n", encoding="utf-8")
    assert [problem.path for problem in problems(path)] == ["model"]
    result = CliRunner().invoke(cli, ["explain", str(path)])
    assert (result.exit_code, type(result.exception)) == (1, SystemExit)


@pytest.mark.parametrize("value", [{"$call": "from_pretrained"}, {"$torch": "load"}, [{"$rank": "device"}]], ids=str)
def test_a_document_cannot_write_tags(value: Any) -> None:
    """What is passed through arrives as it is, or is refused: a document makes no calls of its own."""
    document = {"model": "m", "passthrough_kwargs": {"x": value}}
    assert problems(document) or plan(document).kwargs("from_pretrained")["x"] == value


WITHOUT_FAST_ENGINE = "import sys; sys.modules['jsonschema_rs'] = None; "
VALIDATE = "from llem.cli import main; main()"


@pytest.mark.parametrize("style", ["concise", "text", "json"])
def test_both_engines_print_the_same(style: str) -> None:
    """Where jsonschema-rs cannot be imported, everything that is printed is the same, byte for byte."""
    names = [str(path.relative_to(HERE)) for path in paths("valid", "invalid", "advice", "calls")]
    printed = []
    for start in ("", WITHOUT_FAST_ENGINE):
        command = [sys.executable, "-c", start + VALIDATE, "validate", "--format", style, *names]
        printed.append(subprocess.run(command, cwd=HERE, capture_output=True, check=False, timeout=60))
    fast, slow = printed
    assert fast.stdout
    assert (slow.stdout, slow.stderr, slow.returncode) == (fast.stdout, fast.stderr, fast.returncode)


@pytest.mark.parametrize("path", [*documents("valid", "invalid", "advice", "calls", STARTERS), *MENDED])
def test_same_verdict_everywhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """llem with and without jsonschema-rs, the published schema in another validator, and the models agree."""
    elsewhere = jsonschema_rs.Draft202012Validator(
        json.loads((ROOT / "generated" / "llem.schema.json").read_text(encoding="utf-8"))
    )
    for document in reader.read(path.read_bytes(), json=path.suffix == ".json"):
        if document.faults:
            continue
        fast = problems(document.data)
        with monkeypatch.context() as patch:
            patch.setattr(verdict, "_fast_judge", lambda section: None)
            assert problems(document.data) == fast
        compared = {check.id for check in spec.checks()}  # what JSON Schema cannot state
        assert elsewhere.is_valid(document.data) == ({problem.rule for problem in fast} <= compared)
        try:
            ExperimentConfig.model_validate(document.data)
        except ValidationError as error:
            told = {(messages.dotted(one["loc"]), one.get("ctx", {}).get("rule")) for one in error.errors()}
            assert told == {(problem.path, problem.rule) for problem in fast} or not isinstance(document.data, dict)
        else:
            assert not fast


@pytest.mark.parametrize("path", documents("invalid"))
def test_invalid_document_is_never_planned(path: Path) -> None:
    """An invalid document raises InvalidDocument, which carries every problem, and no traceback of another kind."""
    with pytest.raises(InvalidDocument) as raised:
        plan(path)
    assert raised.value.problems == problems(path)
    assert str(raised.value) == "\n".join(map(str, raised.value.problems))


@pytest.mark.parametrize("path", [path for path in paths("valid", "calls") if path.suffix == ".yaml"])
def test_yaml_json_and_python_are_the_same_document(path: Path, tmp_path: Path) -> None:
    """The same document as YAML, as JSON and as a mapping has the same plan."""
    copy = tmp_path / "document.json"
    copy.write_text(json.dumps(load_document(path)), encoding="utf-8")
    rewritten = tmp_path / "document.yaml"
    rewritten.write_text(yaml.safe_dump(load_document(path)), encoding="utf-8")
    expected = plan(path).to_dict()
    assert plan(copy).to_dict() == plan(rewritten).to_dict() == plan(load_document(path)).to_dict() == expected
