"""The generated models accept exactly what the schema accepts, and mean what the document means."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from llem import load_document, plan, problems, reader, resolution, spec, verdict
from llem.models import (
    DatasetFile,
    DatasetSynthetic,
    DecoderConfig,
    ExperimentConfig,
    PyTorchConfig,
    TensorRTConfig,
    VLLMConfig,
)

HERE = Path(__file__).parent
VALID = [path for folder in ("valid", "advice", "calls") for path in sorted((HERE / folder).glob("*.yaml"))]
VALID += sorted((HERE / "valid").glob("*.json"))


def case(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def called(document: Any) -> list[tuple[str, dict[str, Any]]]:
    """The calls of a document with their arguments."""
    return [(call["call"], call["arguments"]) for call in plan(document).to_dict()["calls"]]


# ---- what is accepted

REFUSED = [
    (DecoderConfig, {"temperature": "0.7"}, "type"),
    (DecoderConfig, {"temperature": True}, "type"),
    (DecoderConfig, {"do_sample": 1}, "type"),
    (DecoderConfig, {"top_k": 2.5}, "type"),
    (DecoderConfig, {"top_k": "5"}, "type"),
    (DecoderConfig, {"temperature": 2.1}, "maximum"),
    (DecoderConfig, {"preset": "bold"}, "enum"),
    (DecoderConfig, {"temprature": 1.0}, "additionalProperties"),
    (PyTorchConfig, {"early_stopping": 1}, "enum"),
    (PyTorchConfig, {"device_map": "gpu"}, "pattern"),
    (PyTorchConfig, {"max_memory": {"0": "20gb"}}, "pattern"),
    (PyTorchConfig, {"torch_compile_mode": "reduce-overhead"}, "torch-compile-settings-need-torch-compile"),
    (PyTorchConfig, {"load_in_4bit": True, "load_in_8bit": True}, "4bit-or-8bit"),
    (VLLMConfig, {"gpu_memory_utilization": 0.05}, "minimum"),
    (VLLMConfig, {"load_in_8bit": True}, "vllm-no-bitsandbytes"),
    (TensorRTConfig, {"quantization": "awq"}, "enum"),
    (DatasetFile, {"source": "prompts.parquet"}, "pattern"),
    (DatasetFile, {}, "required"),
    (DatasetSynthetic, {"input_len": 0}, "minimum"),
    (ExperimentConfig, {}, "required"),
    (ExperimentConfig, {"model": ""}, "minLength"),
    (ExperimentConfig, {"model": None}, "type"),
    (ExperimentConfig, {"model": "m", "n": float("nan")}, "number"),
    (ExperimentConfig, {"model": "m", "random_seed": 2**64}, "number"),
    (ExperimentConfig, {"model": "m", "backend": "vllm", "pytorch": {}}, "section-matches-backend"),
]


@pytest.mark.parametrize(("model", "values", "rule"), REFUSED, ids=str)
def test_refused(model: type[Any], values: dict[str, Any], rule: str) -> None:
    """A model is strict: what the schema refuses, it refuses too, with a ValidationError that names the rule."""
    with pytest.raises(ValidationError, match=rf"\[{rule}\]"):
        model(**values)


@pytest.mark.parametrize("rule", [rule.id for rule in spec.rules()])
def test_every_rule_is_enforced(rule: str) -> None:
    """The document that breaks a rule is refused, and the error names the rule; the mended one is accepted."""
    with pytest.raises(ValidationError) as raised:
        ExperimentConfig(**load_document(HERE / "invalid" / f"{rule}.yaml"))
    assert {error["ctx"]["rule"] for error in raised.value.errors()} == {rule}
    assert f"[{rule}]" in str(raised.value)
    ExperimentConfig(**load_document(HERE / "invalid" / f"{rule}.mended.yaml"))


def test_a_rule_between_an_instance_and_the_document_is_enforced() -> None:
    """A section that is an instance already is judged again together with the document around it."""
    section = PyTorchConfig(batch_size=8)
    assert ExperimentConfig(model="m", pytorch=section).pytorch == section
    with pytest.raises(ValidationError, match="section-matches-backend"):
        ExperimentConfig(model="m", backend="vllm", pytorch=section)
    with pytest.raises(ValidationError):
        ExperimentConfig(model="m", pytorch=VLLMConfig(max_num_seqs=8))


def test_every_problem_is_told_at_once() -> None:
    """One error holds all problems, each with its place."""
    with pytest.raises(ValidationError) as raised:
        ExperimentConfig(model="m", n=0, decoder={"temperature": 3}, pytorch={"nun_beams": 2})
    places = [error["loc"] for error in raised.value.errors()]
    assert places == [("n",), ("decoder", "temperature"), ("pytorch", "nun_beams")]


@pytest.mark.parametrize(
    "change",
    [
        lambda model: setattr(model, "n", 5),
        lambda model: setattr(model, "unknown", 5),
        lambda model: delattr(model, "n"),
        lambda model: setattr(model.decoder, "temperature", 0.5),
    ],
)
def test_frozen(change: Any) -> None:
    """An instance never changes, nor do its sections."""
    with pytest.raises(ValidationError):
        change(ExperimentConfig(model="m", n=4))


# ---- what it means


def test_presets_are_expanded() -> None:
    """The values of a preset stand in the instance; what is written beside it wins, and null does not."""
    creative = DecoderConfig(preset="creative")
    assert (creative.temperature, creative.top_p, creative.repetition_penalty) == (0.8, 0.9, 1.1)
    assert DecoderConfig(preset="creative", temperature=0.5).temperature == 0.5
    assert DecoderConfig(preset="creative", temperature=None).temperature == 0.8
    assert DecoderConfig(preset="deterministic").do_sample is False
    assert ExperimentConfig(model="m", decoder={"preset": "factual"}).decoder.temperature == 0.3


@pytest.mark.parametrize("preset", DecoderConfig.model_json_schema()["properties"]["preset"]["anyOf"][0]["enum"])
def test_a_preset_has_the_types_of_its_settings(preset: str) -> None:
    """A number in a preset is a float in the instance, a whole number an int."""
    values = DecoderConfig(preset=preset)
    assert isinstance(values.temperature, float)
    assert isinstance(values.top_p, float)
    assert type(values.top_k) is int


@pytest.mark.parametrize("model", [DecoderConfig, PyTorchConfig, VLLMConfig, TensorRTConfig])
def test_null_is_absent(model: type[Any]) -> None:
    """A field that is None was not set: the instance equals one without it."""
    assert model(**dict.fromkeys(model.model_fields)) == model()
    assert ExperimentConfig(model="m", n=None, decoder=None) == ExperimentConfig(model="m")


@pytest.mark.parametrize("model", [PyTorchConfig, VLLMConfig, TensorRTConfig])
def test_an_unset_engine_setting_reads_none(model: type[Any]) -> None:
    """A setting of an engine that is unset reads None, also where llem sends something."""
    assert set(model().__dict__.values()) == {None}


def test_general_settings_have_their_defaults() -> None:
    """A general setting that is unset reads what llem sends."""
    unset = ExperimentConfig(model="m")
    assert unset.model_dump(exclude={"decoder", "model"}) == {
        field.name: field.default if field.path[0] not in spec.engines() else None
        for field in spec.fields()
        if len(field.path) == 1 and field.name != "model"
    } | dict.fromkeys(spec.engines())
    assert unset.decoder == DecoderConfig()


def test_numbers_have_the_type_of_their_field() -> None:
    """8.0 is the whole number 8, and 1 is the number 1.0."""
    config = ExperimentConfig(model="m", n=8.0, decoder={"temperature": 1})
    assert (config.n, type(config.n)) == (8, int)
    assert (config.decoder.temperature, type(config.decoder.temperature)) == (1.0, float)


def test_aliases() -> None:
    """`$schema` is no Python name: it is read and dumped as it is written, and has a name for Python."""
    config = ExperimentConfig(**{"$schema": "x", "model": "m"})
    assert config.field_schema == "x"
    assert config.model_dump()["$schema"] == "x"
    assert ExperimentConfig(field_schema="x", model="m") == config


def test_keys_of_mappings_are_text() -> None:
    """The number of a GPU is the key that it is in YAML."""
    assert PyTorchConfig(max_memory={0: "20GiB"}) == PyTorchConfig(max_memory={"0": "20GiB"})


# ---- what can be done with an instance


def test_model_copy_is_judged() -> None:
    """A copy with changes is a new instance: it follows the rules, and what is unset follows the preset."""
    config = PyTorchConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4")
    assert config.model_copy(update={"bnb_4bit_quant_type": "fp4"}).bnb_4bit_quant_type == "fp4"
    assert config.model_copy() == config
    with pytest.raises(ValidationError, match="bnb-4bit-settings-need-load-in-4bit"):
        config.model_copy(update={"load_in_4bit": False})
    with pytest.raises(ValidationError, match="additionalProperties"):
        config.model_copy(update={"load_in_2bit": True})
    with pytest.raises(ValidationError, match="section-matches-backend"):
        ExperimentConfig(model="m", pytorch=config).model_copy(update={"backend": "vllm"})
    assert DecoderConfig(preset="creative").model_copy(update={"preset": "factual"}).temperature == 0.3
    creative = DecoderConfig(preset="creative")
    assert creative.model_copy(update={"top_k": 5}).model_copy(update={"top_k": None}) == creative


@pytest.mark.parametrize("path", VALID, ids=case)
def test_copies(path: Path) -> None:
    """Pickled, copied and deep-copied instances equal the original, and mean the same."""
    config = ExperimentConfig(**load_document(path))
    for copied in (pickle.loads(pickle.dumps(config)), copy.copy(config), copy.deepcopy(config), config.model_copy()):
        assert copied == config
        assert called(copied) == called(config)


@pytest.mark.parametrize("path", VALID, ids=case)
def test_a_model_is_its_document(path: Path) -> None:
    """As input to llem a model counts as what was set on it: the plan is that of the document, origins and all."""
    document = load_document(path)
    config = ExperimentConfig(**document)
    assert problems(config, advice=True) == problems(document, advice=True)
    assert plan(config).to_dict() == plan(document).to_dict()


@pytest.mark.parametrize("path", VALID, ids=case)
def test_round_trip(path: Path, tmp_path: Path) -> None:
    """What an instance dumps is, as YAML, a valid document with the same calls and arguments, and the same instance."""
    config = ExperimentConfig(**load_document(path))
    for dumped in (config.model_dump(), config.model_dump(mode="json"), config.model_dump(exclude_unset=True)):
        written = tmp_path / "dumped.yaml"
        written.write_text(yaml.safe_dump(dumped), encoding="utf-8")
        assert problems(written) == []
        assert called(written) == called(path)
        assert ExperimentConfig(**load_document(written)).model_dump() == config.model_dump()


@pytest.mark.parametrize("path", VALID, ids=case)
def test_an_instance_reads_what_is_meant(path: Path) -> None:
    """Every general setting of an instance reads the resolved value: what is written, of the preset, or the default."""
    document = load_document(path)
    config = ExperimentConfig(**document).model_dump()
    resolved = resolution.resolve(document).resolved
    for field in spec.fields():
        if field.path[0] not in spec.engines():
            value = resolution.get(resolved, field.path)
            assert resolution.get(config, field.path) == value or field.opens


# ---- random documents

ODD = [None, True, False, 0, 1, -1, 2, 0.5, 2.0, 2.5, "", "x", "1", "auto", "a.txt", "cpu", [], {}, ["x"], {"x": 1}]


def candidates(schema: spec.Schema) -> list[Any]:
    """Values of a setting: allowed ones, and some that just miss."""
    schema = spec.follow(schema)
    found = [*schema.get("enum", ()), *schema.get("examples", ())]
    for bound in ("minimum", "maximum"):
        if bound in schema:
            limit = schema[bound]
            found += [limit - 1, limit - 0.01, limit, float(limit), limit + 0.01, limit + 1]
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    found += [True, False] if "boolean" in kinds else []
    found += [text for value in found if isinstance(value, str) for text in (value.upper(), f"{value}\n", f"{value}x")]
    if "object" in kinds:
        found += [{}, {"0": "1GiB"}, {"00": 1}, {"cpu": 5, "x": 1}, {"lm_head": 0}, {"": "cpu"}]
    if "string" in kinds:
        found += ["x", "a.csv", "a.csv\n", "cuda:1", "cuda:1\n", "cuda:"]
    for branch in schema.get("anyOf", ()):
        found += candidates(branch)
    return found


def sorted_out(field: spec.Field) -> tuple[list[Any], list[Any]]:
    """The candidates of a setting that are allowed, and the others."""
    judge = Draft202012Validator({**field.schema, "$defs": spec.bundle()["$defs"]})
    found = [*candidates(field.schema), *ODD]
    return [value for value in found if judge.is_valid(value)], [value for value in found if not judge.is_valid(value)]


VALUES = {field.path: sorted_out(field) for field in spec.fields()}
UNKNOWN = [("zzz",), ("decoder", "num_beams"), ("pytorch", "quantization"), ("vllm", "load_in_4bit"), ("Model",)]
DATASETS = [
    {"dataset": dataset} for dataset in ({"source": "a.txt"}, {"input_len": 8}, {"input_len": 8, "column": "a"})
]


@st.composite
def random_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents of some allowed settings, and in many of them one more that is not allowed."""
    document: dict[str, Any] = {"model": "m", **copy.deepcopy(draw(st.sampled_from([{}, *DATASETS])))}
    engine = draw(st.sampled_from([None, *spec.engines()]))
    if engine:
        document["backend"] = engine
    others = set(spec.engines()) - {engine or "pytorch"}
    fitting = [path for path in VALUES if path[0] not in others and path[:-1] != ("dataset",)]
    for path in draw(st.lists(st.sampled_from(fitting), max_size=6, unique=True)):
        put(document, path, draw(st.sampled_from(VALUES[path][0])))
    if draw(st.booleans()):
        path = draw(st.sampled_from([*VALUES, *UNKNOWN]))
        put(document, path, draw(st.sampled_from(VALUES[path][1])) if path in VALUES else 1)
    return document


def put(document: Any, path: spec.Path, value: Any) -> None:
    """Set a value, unless something that is no mapping is in the way."""
    for part in path[:-1]:
        document = document.setdefault(part, {}) if isinstance(document, dict) else None
    if isinstance(document, dict):
        document[path[-1]] = copy.deepcopy(value)


FAST = jsonschema_rs.Draft202012Validator(spec.bundle())


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(random_documents())
def test_same_verdict_on_random_documents(document: dict[str, Any]) -> None:
    """jsonschema-rs, llem and the models give the same verdict on any document, and llem says why it refuses one."""
    data, faults = reader.normalise(document)
    assert faults == []
    found = problems(data)
    assert FAST.is_valid(data) == (not found)
    assert all(problem.message and "\n" not in str(problem) for problem in found)
    try:
        config = ExperimentConfig(**document)
    except ValidationError as error:
        assert {one["ctx"]["rule"] for one in error.errors()} == {problem.rule for problem in found}
    else:
        assert found == []
        assert called(config) == called(document) == called(config.model_dump())


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(random_documents())
def test_both_engines_agree_on_random_documents(document: dict[str, Any]) -> None:
    """Without jsonschema-rs llem says the same of any document."""
    fast = problems(document)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "_fast_judge", lambda section: None)
        assert problems(document) == fast
