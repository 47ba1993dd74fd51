"""The promises of the files in schema/."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from llem import datasets, load_document, messages, plan, problems, resolution, spec, verdict

HERE = Path(__file__).parent
SCHEMA = HERE.parent / "schema"
FILES = sorted(SCHEMA.glob("*.schema.json"))
DOCUMENTS = [path for folder in ("valid", "advice", "calls") for path in sorted((HERE / folder).glob("*.yaml"))]
ENGINES = list(spec.engines())

UNWIRED = {
    "$schema": "for editors, not for the experiment",
    "schema_version": "for the reader of the document, not for the experiment",
    "backend": "chooses the engine",
    "decoder.preset": "stands for other settings",
}

# Settings that give the same argument. The library is never given it twice, because
TWINS = {
    ("dataset", "dataset.source"): "they are two ways to write one setting",
    ("max_input_tokens", "dataset.input_len"): "synthetic-prompts-have-their-length",
    ("max_output_tokens", "dataset.output_len"): "synthetic-outputs-have-their-length",
    ("decoder.min_new_tokens", "dataset.output_len"): "synthetic-outputs-have-their-length",
    ("model", "tensorrt.engine_path"): "engine-path-takes-the-place-of-model",
    ("precision", "pytorch.checkpoint_dtype"): "dtype-of-the-checkpoint",
    ("precision", "pytorch.assistant_precision"): "the draft model's own setting comes later and wins",
    ("pytorch.num_processes", "pytorch.tensor_parallel_size"): "a rule lets one of them start processes",
    ("passthrough_kwargs", "passthrough_kwargs.from_pretrained"): "each key is an argument of its own",
    ("passthrough_kwargs", "passthrough_kwargs.LLM"): "each key is an argument of its own",
}

SUBSCHEMAS = ("properties", "patternProperties", "$defs"), ("allOf", "anyOf"), (
    "additionalProperties", "items", "not", "if", "then", "else",
)  # fmt: skip
ANNOTATIONS = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "default", "examples", "x-llem", "x-llem-rule",
    "x-llem-check",
}  # fmt: skip
APPLICATORS = {"properties", "patternProperties", "items", "allOf", "if", "then", "else"}


def nodes(schema: Any, inside: tuple[str, ...] = ()) -> Iterator[tuple[spec.Schema, tuple[str, ...]]]:
    """Every schema in a schema, with the keywords that lead to it."""
    if not isinstance(schema, dict):
        return
    yield schema, inside
    maps, lists, singles = SUBSCHEMAS
    rule = ("x-llem-rule",) if "x-llem-rule" in schema else ()
    for keyword, value in schema.items():
        children = value.values() if keyword in maps else value if keyword in lists else [value]
        if keyword in (*maps, *lists, *singles):
            for child in children:
                yield from nodes(child, (*inside, *rule, keyword))


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@cache
def meta() -> Draft202012Validator:
    return Draft202012Validator(read(SCHEMA / "meta.schema.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_file_is_a_schema(path: Path) -> None:
    """Each file follows JSON Schema 2020-12, and has no keyword or annotation but those of meta.schema.json."""
    Draft202012Validator.check_schema(read(path))
    if path.name != "meta.schema.json":
        assert [error.message for error in meta().iter_errors(read(path))] == []


@pytest.mark.parametrize(
    "schema",
    [spec.bundle(), spec.advice_schema(), spec.preflight_schema()],
    ids=["document", "advice", "preflight"],
)
def test_build_is_a_schema(schema: spec.Schema) -> None:
    """What is published follows JSON Schema 2020-12, and every reference in it leads somewhere."""
    Draft202012Validator.check_schema(schema)
    for node, _ in nodes(schema):
        assert "$ref" not in node or node["$ref"].removeprefix("#/$defs/") in schema["$defs"]


MISTAKES = [
    ("", "titel", "x"),
    ("", "unevaluatedProperties", False),
    ("properties", "num_beams", {"minimun": 1}),
    ("properties.num_beams", "defualt", 1),
    ("properties.num_beams", "default", None),
    ("properties.num_beams", "minimum", "1"),
    ("properties.device_map.anyOf.1", "patern", "x"),
    ("properties.device_map.anyOf.3.additionalProperties", "tpye", "string"),
    ("properties.max_memory.patternProperties.^([0-9]+|cpu|mps|disk)$", "anyof", []),
    ("allOf.0.if", "propertys", {}),
    ("allOf.0.then.properties.load_in_8bit", "emun", []),
    ("allOf.1.else", "require", []),
    ("allOf.0.x-llem-rule", "mesage", "x"),
    ("allOf.0.x-llem-rule", "message", "no full stop"),
    ("allOf.0.x-llem-rule", "id", "Not An Id"),
    ("properties.num_beams.x-llem", "call", {}),
    ("properties.num_beams.x-llem", "capabilty", "beam_search"),
    ("properties.num_beams.x-llem.calls", "pytroch", ["generate"]),
    ("properties.num_beams.x-llem.calls", "pytorch", ["generate.a.b"]),
    ("properties.num_beams.x-llem.calls", "pytorch", "generate"),
    ("properties.attn_implementation.x-llem.values.flash_attention_2", "compute_capabilty", 8.0),
    ("properties.bnb_4bit_compute_dtype.x-llem.tags", "pytorch", "$troch"),
]


@pytest.mark.parametrize(("place", "key", "value"), MISTAKES, ids=lambda value: str(value)[:40])
def test_misspelling_is_refused(place: str, key: str, value: Any) -> None:
    """A misspelt keyword or annotation is refused wherever it stands, in our own files too."""
    schema = read(SCHEMA / "pytorch.schema.json")
    node: Any = schema
    for part in _parts(schema, place):
        node = node[part]
    node[key] = value
    assert not meta().is_valid(schema)


def _parts(schema: Any, place: str) -> Iterator[Any]:
    """The keys of a dotted place; a key may hold dots itself, a number may count in a list."""
    while place:
        options = list(schema) if isinstance(schema, dict) else [str(index) for index in range(len(schema))]
        key = max((key for key in options if place == key or place.startswith(f"{key}.")), key=len, default=None)
        if key is None and place.startswith("^"):  # the pattern of this place may change
            key = next(iter(schema))
        assert key is not None, f"{place} is not in the schema: mend this test"
        yield key if isinstance(schema, dict) else int(key)
        schema = schema[key] if isinstance(schema, dict) else schema[int(key)]
        place = "" if place.startswith("^") else place.removeprefix(key).removeprefix(".")


@pytest.mark.parametrize("field", spec.fields(), ids=lambda field: field.dotted)
def test_field_is_described(field: spec.Field) -> None:
    """Every setting says what it is, in sentences."""
    assert field.description.endswith(".")


@pytest.mark.parametrize("field", spec.fields(), ids=lambda field: field.dotted)
def test_field_is_wired(field: spec.Field) -> None:
    """Every setting reaches a call of an engine, and only calls that engines.json names."""
    wired = field.wiring.get("calls", {})
    assert bool(wired) != (field.dotted in UNWIRED)
    if wired and field.path[0] in ENGINES:
        assert list(wired) == [field.path[0]]
    for engine in wired:
        assert [call for call, _ in field.targets(engine) if call not in spec.calls(engine)] == []


@pytest.mark.parametrize("field", spec.fields(), ids=lambda field: field.dotted)
def test_annotations_of_values_name_values(field: spec.Field) -> None:
    """What is said of a single value is said of a value that the setting has."""
    values = [value if isinstance(value, str) else json.dumps(value) for value in field.values]
    allowed = [*(values or (["true", "false"] if field.types == ["boolean"] else [])), spec.ANY]
    assert set(field.wiring.get("values", {})) <= set(allowed)
    assert set(field.wiring.get("presets", {})) <= set(values)
    rows = [
        each["capability"] for each in (field.wiring, *field.wiring.get("values", {}).values()) if "capability" in each
    ]
    assert set(rows) <= set(spec.capabilities())


def test_presets_set_settings() -> None:
    """A preset gives legal values to settings beside it, and each of its values has a preset."""
    for field in spec.fields():
        presets = field.wiring.get("presets", {})
        assert list(presets) == (field.values if presets else [])
        for values in presets.values():
            document: dict[str, Any] = {"model": "m"}
            for name, value in values.items():
                resolution.put(document, (*field.path[:-1], name), value)
            assert problems(document) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_calls_give_to_calls(engine: str) -> None:
    """What one call gives to another arrives at a call of the same engine, as an argument of its own."""
    for call in spec.calls(engine).values():
        for target in call.get("gives", {}):
            receiver, _, argument = target.partition(".")
            assert receiver in spec.calls(engine)
            assert argument.isidentifier()
            assert argument not in spec.calls(engine)[receiver].get("arguments", {})
    for field in spec.fields() if engine == "pytorch" else ():
        for target in field.wiring.get("gives", {}):
            receiver, _, argument = target.partition(".")
            assert receiver in spec.calls(engine)
            assert argument.isidentifier()


@pytest.mark.parametrize("engine", ENGINES)
def test_no_argument_is_given_twice(engine: str) -> None:
    """Two settings, or a setting and a constant, never give the same argument, unless one of them is set aside."""
    givers: dict[tuple[str, str], list[str]] = {}
    for name, call in spec.calls(engine).items():
        for argument in call.get("arguments", {}):
            givers[name, argument] = ["a constant"]
    for field in spec.fields():
        for target in field.targets(engine):
            givers.setdefault(target, []).append(field.dotted)
    pairs = {
        (one, other) for names in givers.values() for place, one in enumerate(names) for other in names[place + 1 :]
    }
    assert {pair for pair in pairs if pair not in TWINS and pair[::-1] not in TWINS} == set()


@pytest.mark.parametrize(("pair", "advice"), [(pair, why) for pair, why in TWINS.items() if " " not in why])
def test_one_of_two_is_set_aside(pair: tuple[str, str], advice: str) -> None:
    """Of two settings that give the same argument, the advice sets the first aside."""
    document: dict[str, Any] = {"model": "m", "dataset": {"input_len": 8}}
    values = {"max_input_tokens": 16, "max_output_tokens": 16, "decoder.min_new_tokens": 2, "dataset.output_len": 4}
    for dotted in pair:
        if dotted == "tensorrt.engine_path":
            document |= {"backend": "tensorrt", "tensorrt": {"engine_path": "e"}}
        elif dotted == "pytorch.checkpoint_dtype":
            document |= {"pytorch": {"checkpoint_dtype": True}}
        elif dotted in values:
            resolution.put(document, tuple(dotted.split(".")), values[dotted])
    assert (pair[0], advice) in {(one.path, one.rule) for one in plan(document).unsent}


@pytest.mark.parametrize("engine", ENGINES)
def test_no_rule_speaks_of_what_is_unset(engine: str) -> None:
    """A document that says nothing breaks no rule and gets no advice; neither when its defaults are written out."""
    document = {"model": "m", "backend": engine}
    assert problems(document, advice=True) == []
    assert problems(resolution.resolve(document).resolved, advice=True) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_defaults_written_out_keep_the_verdict(path: Path) -> None:
    """Unset means the same as the default written out: such a document is valid too, and has the same calls."""
    document = load_document(path)
    full = resolution.resolve(document).resolved
    assert problems(full) == []
    if not plan(document).call("launch"):  # there, a device map that is written is sent
        assert calls(full) == calls(document)


def calls(document: Any) -> str:
    return json.dumps([(call["call"], call["arguments"]) for call in plan(document).to_dict()["calls"]], sort_keys=True)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_settling_is_idempotent(path: Path) -> None:
    """What is sent is settled: judged again, nothing of it is set aside."""
    settled = resolution.resolve(load_document(path)).settled
    again = [violation.path for violation in verdict.advice(settled)]
    assert [where for where in again if resolution.get(settled, where) is not None] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_setting_is_sent_or_set_aside(path: Path) -> None:
    """Each setting of a document stands in the plan: as an argument, as a call that it switches, or as unsent."""
    document = load_document(path)
    planned = plan(document)
    told = {one.path for one in planned.unsent}
    told |= {argument.path for call in planned.calls for argument in call.arguments.values()}
    for field in spec.fields():
        value = resolution.get(document, field.path)
        if value is None or field.dotted in UNWIRED or (field.opens and isinstance(value, dict)):
            continue
        switched = [call for call, argument in field.targets(planned.backend) if argument == "()"]
        made = [call.name for call in planned.calls if call.name in switched]
        keys = [key for key in value if not spec.is_setting((*field.path, key))] if isinstance(value, dict) else []
        passed = field.takes_any_name() and {f"{field.dotted}.{key}" for key in keys} <= told
        assert field.dotted in told or (switched and bool(made) == bool(value)) or passed, field


def test_what_one_call_gives_does_not_make_another_setting_idle() -> None:
    """`max_memory` only acts on an automatic device map, and processes have a device each: so it is reported."""
    document = {"model": "m", "pytorch": {"num_processes": 2, "max_memory": {"0": "20GiB"}}}
    assert "pytorch.max_memory" in {problem.path for problem in problems(document, advice=True)}
    assert "max_memory" not in plan(document).arguments("from_pretrained")


def test_every_keyword_has_a_message() -> None:
    """Every assertion that can fail outside a rule has a sentence; a rule has its own."""
    told = {*messages._KEYWORDS, *messages._STRUCTURE}
    whole = spec.bundle()
    sections = {name: part for name, part in whole["$defs"].items() if "title" in part}  # the others are conditions
    found = nodes({**whole, "$defs": sections})
    used = {word for node, inside in found if not {"x-llem-rule", "if"} & set(inside) for word in node}
    assert used - ANNOTATIONS - APPLICATORS - told == set()


def test_form() -> None:
    """How the files are written, so that every consumer reads them alike."""
    for path in FILES:
        if path.name == "meta.schema.json":
            continue
        for node, inside in nodes(read(path)):
            where = f"{path.name}: {node}"
            assert set(node) - ANNOTATIONS == set() or "$ref" not in node, f"{where}: assertion beside $ref"
            assert node.get("default", 0) is not None, f"{where}: default: null"
            assert "title" not in node or not {"x-llem-rule", "allOf", "if"} & set(inside), f"{where}: title on a rule"
            assert "x-llem-rule" not in node or "title" not in node, f"{where}: title on a rule"
            assert not ("not" in inside and {"then", "else"} & set(inside)), f"{where}: not inside then or else"
            is_document = path.name != "advice.schema.json" and not {"allOf", "if", "$defs"} & set(inside)
            if is_document and "properties" in node and "x-llem-rule" not in node:
                takes_any = "**" in str(node.get("x-llem"))
                assert node.get("additionalProperties") is takes_any, f"{where}: unknown keys are let through"


def test_rule_ids_are_unique() -> None:
    """A rule or advice is known by its id, which is no keyword of JSON Schema or of the reader."""
    ids = [rule.id for rule in (*spec.rules(), *spec.advice(), *spec.preflight())]
    reader = "syntax encoding empty nesting alias merge tag key duplicate-key number type one-document"
    assert len(ids) == len(set(ids))
    assert not set(ids) & {*reader.split(), *messages._KEYWORDS, *messages._STRUCTURE}


def test_comparisons_compare_settings() -> None:
    """A comparison speaks of two settings that are numbers."""
    fields = {field.dotted: field for field in spec.fields()}
    for rule in spec.comparisons():
        for key in ("path", "other"):
            assert {"integer", "number"} & set(fields[rule.annotation[key]].types)


def test_names_lead_to_settings() -> None:
    """A name of other tools is no setting here, and leads to one; so does each path that its sentence speaks of."""
    paths = {field.dotted for field in spec.fields()} | set(spec.bundle()["properties"])
    taken = {field.name for field in spec.fields()}
    for name, today in spec.names().items():
        assert name == name.lower().replace("-", "_")
        assert name not in taken, f"{name} is a setting: remove it from names.json"
        targets = re.findall(r"`([a-z0-9_.]+)[`:]", today) if " " in today else [today]
        assert [path for path in targets if path not in paths] == [], name
        assert " " not in today or today.endswith("."), name


def test_every_rule_is_found() -> None:
    """No rule stands where the runtime does not look for it."""
    for wanted, schema in (
        (spec.rules(), spec.bundle()),
        (spec.advice(), spec.advice_schema()),
        (spec.preflight(), spec.preflight_schema()),
    ):
        written = [node["x-llem-rule"]["id"] for node, _ in nodes(schema) if "x-llem-rule" in node]
        written += [check["id"] for check in schema.get("x-llem-check", ())]
        assert sorted(rule.id for rule in wanted) == sorted(written)


def wired(engine: str, call: str) -> set[str]:
    """The arguments of a call that settings, constants and other calls give."""
    found = {argument for field in spec.fields() for name, argument in field.targets(engine) if name == call}
    found |= set(spec.calls(engine)[call].get("arguments", {}))
    gives = [target for entry in spec.calls(engine).values() for target in entry.get("gives", {})]
    gives += [target for field in spec.fields() for target in field.wiring.get("gives", {})]
    given = {target.partition(".")[2] for target in gives if target.startswith(f"{call}.")}
    return (found | given) - {"()", "**", "*"}


def test_generation_settings_exist() -> None:
    """Every argument of generate is one that the installed library knows."""
    from transformers import GenerationConfig

    of_the_call = {"assistant_model", "tokenizer"}
    unknown = {name for name in wired("pytorch", "generate") if not hasattr(GenerationConfig(), name)}
    assert unknown == of_the_call


@pytest.mark.parametrize("call", ["BitsAndBytesConfig", "compile", "set_seed"])
def test_arguments_exist(call: str) -> None:
    """Every argument of these calls is one of the installed library's."""
    import torch
    import transformers

    functions = {
        "BitsAndBytesConfig": transformers.BitsAndBytesConfig,
        "compile": torch.compile,
        "set_seed": transformers.set_seed,
    }
    assert wired("pytorch", call) - set(inspect.signature(functions[call]).parameters) == set()


@pytest.mark.parametrize(
    ("call", "function", "given"),
    [
        ("prompts", datasets.prompts, set()),
        ("template", datasets.template, {"texts", "tokenizer"}),
        ("batches", datasets.batches, {"items", "length"}),
    ],
)
def test_own_functions_take_what_is_wired(call: str, function: Any, given: set[str]) -> None:
    """Our own functions take exactly the arguments that the schema sends them, and the data they work on."""
    assert set(inspect.signature(function).parameters) == wired("pytorch", call) | given


def test_every_target_can_be_imported() -> None:
    """What the pytorch calls name exists in the installed libraries."""
    from importlib import import_module

    for call in spec.calls("pytorch").values():
        module, *attributes = call["target"].split(".")
        if module in ("torch", "transformers"):
            found: Any = import_module(module)
            for attribute in attributes:
                found = getattr(found, attribute, None) or import_module(f"{found.__name__}.{attribute}")
            assert found
