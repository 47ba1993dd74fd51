"""What `llem run` refuses before it loads anything, and that the library would have failed, or run something else."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from conftest import Ran
from jsonschema import Draft202012Validator

import llem
from llem import builtin, examining, introspection, planning, preflight, spec
from llem.running import CannotRun

MODELS = ("builtin:tiny-llama", "builtin:tiny-gpt2", *tiny_models.WHOLE)


def path(model: str) -> str:
    """The model as a document names it."""
    return model if model.startswith("builtin:") else str(tiny_models.path(model))


def settings(**pytorch: Any) -> dict[str, Any]:
    """A document that only has settings of the engine."""
    return {"pytorch": pytorch}


# rule -> (model, what the document says, the path that is refused, what the library does without the rule)
# What it does is a part of its error, or, after "silently", a part of the record that shows that it did otherwise.
CASES: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "class-without-sdpa": (
        "gemma2",
        settings(attn_implementation="sdpa"),
        "pytorch.attn_implementation",
        "does not support an attention implementation through torch.nn.functional.scaled_dot_product_attention",
    ),
    "class-without-flash-attention": (
        "mamba",
        settings(attn_implementation="flash_attention_2"),
        "pytorch.attn_implementation",
        "does not support Flash Attention 2",
    ),
    "class-without-flex-attention": (
        "builtin:tiny-gpt2",
        settings(attn_implementation="flex_attention"),
        "pytorch.attn_implementation",
        "does not support an attention implementation through torch's flex_attention",
    ),
    "sdpa-backend-needs-sdpa-class": (
        "gemma2",
        settings(sdpa_backend="math"),
        "pytorch.sdpa_backend",
        "silently 'attention': 'eager'",
    ),
    "flex-attention-in-batches-on-cpu": (
        "builtin:tiny-llama",
        settings(attn_implementation="flex_attention", batch_size=2),
        "pytorch.batch_size",
        "CppCompileError",
    ),
    "flex-attention-in-windows-on-cpu": (
        "sliding-qwen2",
        settings(attn_implementation="flex_attention"),
        "pytorch.attn_implementation",
        "CppCompileError",
    ),
    "stateful-models-do-not-speculate": (
        "mamba",
        settings(prompt_lookup_num_tokens=3),
        "pytorch.prompt_lookup_num_tokens",
        "not supported with stateful models",
    ),
    "draft-model-with-state": (
        "builtin:tiny-llama",
        settings(assistant_model="mamba"),
        "pytorch.assistant_model",
        "`get_seq_length` can only be called on Attention layers",
    ),
    "draft-model-with-another-vocabulary": (
        "builtin:tiny-llama",
        settings(assistant_model="draft-other-vocabulary"),
        "pytorch.assistant_model",
        "have different tokenizers",
    ),
    "early-exit-needs-layers-that-end": (
        "builtin:tiny-gpt2",
        settings(assistant_early_exit=1),
        "pytorch.assistant_early_exit",
        "IndexError",
    ),
    "early-exit-within-the-layers": (
        "builtin:tiny-llama",
        settings(assistant_early_exit=100),
        "pytorch.assistant_early_exit",
        "silently 'DynamicLayer': 100",
    ),
    "chunked-prefill-needs-a-cache-of-keys": (
        "mamba",
        settings(prefill_chunk_size=4),
        "pytorch.prefill_chunk_size",
        "Cannot use prefill chunking without a cache",
    ),
    "quantized-cache-needs-full-attention": (
        "gemma3",
        settings(cache_implementation="quantized", kv_cache_backend="fp8"),
        "pytorch.cache_implementation",
        "only supported for models with only full attention layers",
    ),
    "experts-implementation-needs-experts": (
        "builtin:tiny-llama",
        settings(experts_implementation="grouped_mm"),
        "pytorch.experts_implementation",
        "does not support setting experts implementation",
    ),
    "mtp-needs-mtp-layers": (
        "builtin:tiny-llama",
        settings(use_mtp=True),
        "pytorch.use_mtp",
        "Could not find `num_mtp_layers`",
    ),
    "quantized-once": (
        "bnb-4bit",
        settings(load_in_8bit=True),
        "pytorch.load_in_8bit",
        "silently Linear4bit",
    ),
    "mamba-is-not-quantized-by-bitsandbytes": (
        "mamba",
        settings(load_in_8bit=True),
        "pytorch.load_in_8bit",
        "expected scalar type Float but found Char",
    ),
    "4bit-rows-come-in-blocks": (
        "draft-other-vocabulary",
        settings(load_in_4bit=True, llm_int8_skip_modules=["nothing"]),
        "pytorch.load_in_4bit",
        "N must be divisible by block_n",
    ),
    "quantizes-nothing": (
        "builtin:tiny-llama",
        settings(load_in_8bit=True, llm_int8_enable_fp32_cpu_offload=True, device_map={"": "cpu"}),
        "pytorch.load_in_8bit",
        "silently 'linear_layers': {'Linear': 29}",
    ),
    "cache-groups-come-out-even": (
        "mixtral",
        settings(cache_implementation="quantized", kv_cache_backend="quanto", kv_cache_group_size=48),
        "pytorch.cache_implementation",
        "Group size (48) must be a divisor of",
    ),
    "speculation-needs-weights-in-memory": (
        "builtin:tiny-llama",
        settings(prompt_lookup_num_tokens=3, max_memory={"cpu": "94 KiB", "disk": "669 MiB"}),
        "pytorch.prompt_lookup_num_tokens",
        "Cannot copy out of meta tensor",
    ),
    "quantized-layers-stay-in-memory": (
        "builtin:tiny-llama",
        settings(load_in_4bit=True, llm_int8_enable_fp32_cpu_offload=True, max_memory={"disk": "1GiB"}),
        "pytorch.load_in_4bit",
        "Cannot copy out of meta tensor",
    ),
    "full-graph-needs-bytes": (
        "builtin:tiny-llama",
        settings(
            torch_compile=True,
            torch_compile_backend="eager",
            torch_compile_fullgraph=True,
            load_in_4bit=True,
            bnb_4bit_quant_storage="float32",
        ),
        "pytorch.bnb_4bit_quant_storage",
        "silently Failed to mutate tensor data attribute to different dtype",
    ),
    "int8-kernel-takes-rows-in-order": (
        "mamba",
        {"precision": "bf16", "n": 1, **settings(quanto_weights="int8")},
        "pytorch.quanto_weights",
        "must be contiguous on the last dimension",
    ),
    "quantizes-no-layer-of-its-kind": (
        "builtin:tiny-gpt2",
        settings(quanto_weights="int8"),
        "pytorch.quanto_weights",
        "silently 'linear_layers': {'Linear': 1}",
    ),
    "tied-output-is-not-quantized": (
        "builtin:tiny-gpt2",
        settings(load_in_8bit=True, llm_int8_skip_modules=["nothing"]),
        "pytorch.llm_int8_skip_modules",
        "object has no attribute 'CB'",
    ),
    "4bit-does-not-compile-on-cpu": (
        "draft",
        settings(load_in_4bit=True, torch_compile=True),
        "pytorch.torch_compile",
        "silently AssertionError",
    ),
    "compiling-needs-a-compiler": (
        "draft",
        settings(torch_compile=True),
        "pytorch.torch_compile",
        "silently InductorError: InvalidCxxCompiler",
    ),
    "tensor-parallel-needs-a-plan": (
        "builtin:tiny-gpt2",
        settings(tensor_parallel_size=2),
        "pytorch.tensor_parallel_size",
        "has no `tp_plan`",
    ),
    "tensor-parallel-divides-heads": (
        "builtin:tiny-llama",
        settings(tensor_parallel_size=3),
        "pytorch.tensor_parallel_size",
        "is invalid for input of size",
    ),
    "tensor-parallel-divides-key-value-heads": (
        "builtin:tiny-llama",
        settings(tensor_parallel_size=4),
        "pytorch.tensor_parallel_size",
        "is invalid for input of size",
    ),
    "device-map-places-every-part": (
        "draft",
        settings(device_map={"model.embed_tokens": "cpu", "lm_head": "disk"}),
        "pytorch.device_map",
        "does not give any device for the following parameters",
    ),
    "disk-needs-an-offload-folder": (
        "mixtral",
        settings(device_map={"": "disk"}),
        "pytorch.device_map",
        "needed to be re-saved",
    ),
    "output-beyond-the-positions-of-the-model": (
        "short-gpt2",
        {"n": 1, "max_output_tokens": 51, "decoder": {"temperature": 0, "min_new_tokens": 51}},
        "max_output_tokens",
        "index out of range",
    ),
    "synthetic-output-beyond-the-positions-of-the-model": (
        "short-gpt2",
        {"dataset": {"input_len": 60, "output_len": 6}, "max_output_tokens": None},
        "dataset.output_len",
        "index out of range",
    ),
    "output-beyond-the-positions-of-the-draft-model": (
        "builtin:tiny-llama",
        {
            "n": 1,
            "max_output_tokens": 60,
            "decoder": {"temperature": 0, "min_new_tokens": 60},
            **settings(assistant_model="short-gpt2"),
        },
        "max_output_tokens",
        "index out of range",
    ),
    "synthetic-output-beyond-the-positions-of-the-draft-model": (
        "builtin:tiny-llama",
        {
            "dataset": {"input_len": 60, "output_len": 8},
            "max_output_tokens": None,
            **settings(assistant_model="short-gpt2"),
        },
        "dataset.output_len",
        "index out of range",
    ),
}


def document(model: str, settings: dict[str, Any]) -> dict[str, Any]:
    """The document of a case, its models as they are named on this machine."""
    engine = dict(settings.get("pytorch", {}))
    for name in {"assistant_model", "adapter"} & set(engine):
        engine[name] = path(engine[name])
    return {**settings, "model": path(model), "pytorch": engine}


@pytest.fixture
def _machine(rule: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine that the case of a rule needs."""
    if rule != "compiling-needs-a-compiler":
        wanted = (
            {one.id: one.node for one in spec.preflight()}[rule].get("if", {}).get("properties", {}).get("machine", {})
        )
        here = examining.examine(planning.plan({"model": "builtin:tiny-llama"})).facts["machine"]
        if not Draft202012Validator(wanted).is_valid(here):
            pytest.skip(f"this machine is another than the rule speaks of: {here}")
        yield
        return
    monkeypatch.setenv("CXX", "no-such-compiler")
    with importlib.import_module("torch._inductor.config").patch({"cpp.cxx": (None, "no-such-compiler")}):
        yield  # torch read CXX when it was imported


@pytest.mark.usefixtures("_machine")
@pytest.mark.parametrize("rule", CASES)
def test_a_rule_both_ways(run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch, rule: str) -> None:
    """llem refuses the run with setting and rule; let through, the library fails or does otherwise."""
    model, settings, place, words = CASES[rule]
    with pytest.raises(CannotRun) as refused:
        run(**document(model, settings))
    said = [line for line in str(refused.value).splitlines() if line.endswith(f" [{rule}]")]
    assert [line.partition(": ")[0] for line in said] == [place], refused.value
    monkeypatch.setattr(preflight, "check", lambda _: None)
    ran = run(**document(model, settings))
    if words.startswith("silently "):
        assert words.removeprefix("silently ") in str(ran.effective)
    else:
        assert ran.result["status"] == "failed"
        assert words in f"{ran.result['error']['type']}: {ran.result['error']['message']}"


def test_every_rule_has_its_case() -> None:
    """No rule stands in the schema that no run has shown to be needed."""
    assert {rule.id for rule in spec.preflight()} - set(CASES) == set()


def places(node: Any, place: str = "") -> Iterator[str]:
    """The dotted paths of what a condition or a limit speaks of."""
    for name, inner in node.get("properties", {}).items():
        yield from places(inner, f"{place}.{name}" if place else name)
    for branch in node.get("anyOf", ()):
        yield from places(branch, place)
    if not {"properties", "anyOf"} & set(node):
        yield place


def test_rules_speak_of_what_there_is() -> None:
    """A rule speaks of settings and of facts by their names, and what it refuses is a setting."""
    schema = spec.preflight_schema()
    facts = {f"{who}.{name}" for who in ("model", "assistant") for name in schema["$defs"]["model"]["properties"]}
    facts |= {f"machine.{name}" for name in schema["properties"]["machine"]["properties"]}
    wanted = {f"document.{field.dotted}" for field in spec.fields()}
    for rule in spec.preflight():
        if "path" in rule.node:
            asked, refused = [rule.node["other"]], [rule.node["path"]]
        else:
            asked, refused = list(places(rule.node["if"])), list(places(rule.node["then"]))
        assert set(asked) - facts - wanted == set(), rule.id
        assert set(refused) - wanted == set(), rule.id


JUST_FITS: dict[str, tuple[str, dict[str, Any]]] = {
    "all positions": (
        "short-gpt2",
        {"n": 1, "max_output_tokens": 50, "decoder": {"temperature": 0, "min_new_tokens": 50}},
    ),
    "all positions, synthetic": (
        "short-gpt2",
        {"dataset": {"input_len": 60, "output_len": 5}, "max_output_tokens": None},
    ),
    "quantized already": ("bnb-4bit", {}),
    "eager for a class without sdpa": ("gemma2", settings(attn_implementation="eager")),
    "a draft model": ("builtin:tiny-llama", settings(assistant_model="draft")),
    "a draft model with a short table": ("builtin:tiny-llama", {"n": 1, **settings(assistant_model="short-gpt2")}),
    "early exit": ("mixtral", settings(assistant_early_exit=1)),
    "chunked prefill": ("lfm2", settings(prefill_chunk_size=4)),
    "a quantized cache": ("mixtral", settings(cache_implementation="quantized", kv_cache_backend="fp8")),
    "experts": ("mixtral", settings(experts_implementation="batched_mm")),
    "a state": ("mamba", settings(num_beams=2, batch_size=2, cache_implementation="static")),
    "one graph of bytes": (
        "builtin:tiny-llama",
        settings(
            torch_compile=True,
            torch_compile_backend="eager",
            torch_compile_fullgraph=True,
            load_in_4bit=True,
            bnb_4bit_quant_storage="uint8",
        ),
    ),
    "another precision": ("mamba", {"precision": "fp16", "n": 1, **settings(quanto_weights="int8")}),
    "the head is skipped": ("draft-other-vocabulary", settings(load_in_4bit=True, llm_int8_skip_modules=["lm_head"])),
    "a part on disk": ("mixtral", settings(device_map={"": "disk"}, offload_folder="offload")),
    "a part on disk, unchanged": ("draft", settings(device_map={"model": "cpu", "lm_head": "disk"})),
    "tensor parallel": ("builtin:tiny-llama", settings(tensor_parallel_size=2)),
}


@pytest.mark.parametrize("name", JUST_FITS)
def test_what_just_fits_runs(run: Callable[..., Ran], name: str) -> None:
    """The rules refuse no more than they must."""
    result = run(**document(*JUST_FITS[name])).result
    assert result["status"] == "finished", result["error"]


@pytest.mark.parametrize("model", MODELS)
def test_facts_are_those_of_the_schema(model: str) -> None:
    """What is found out about a model and the machine has the form that the schema states."""
    examined = examining.examine(planning.plan({"model": path(model)}))
    assert examined.refusal == ""
    schema = {key: value for key, value in spec.preflight_schema().items() if key != "allOf"}
    known = {"document": {}, **examined.facts}
    assert [error.message for error in Draft202012Validator(schema).iter_errors(known)] == []


def test_all_that_is_wrong_is_said(run: Callable[..., Ran]) -> None:
    """Each thing to change has a line of its own."""
    with pytest.raises(CannotRun) as refused:
        run(model=path("mamba"), pytorch={"attn_implementation": "sdpa", "load_in_4bit": True})
    lines = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["pytorch.attn_implementation", "pytorch.load_in_4bit"]


CANNOT_BE_READ: dict[str, tuple[str, dict[str, Any], str]] = {
    "no causal language model": ("t5", {}, "t5 is no causal language model"),
    "weights of another variant": ("variant", {}, "no file named model.safetensors"),
    "no weights of this variant": ("draft", {"variant": "fp8"}, "no file named model.fp8.safetensors"),
    "no weights of this format": ("draft", {"use_safetensors": False}, "no file named model.safetensors"),
    "a model further below": ("subfolder", {}, "no config.json"),
    "not so far below": ("subfolder", {"subfolder": "nosuch"}, "no config.json"),
    "an adapter": ("lora", {}, "no config.json"),
    "no adapter": ("builtin:tiny-llama", {"adapter": "draft"}, "the adapter cannot be read"),
    "no draft model": ("builtin:tiny-llama", {"assistant_model": "lora"}, "lora: the model cannot be read"),
}


@pytest.mark.parametrize("name", CANNOT_BE_READ)
def test_weights_that_are_not_there(run: Callable[..., Ran], name: str) -> None:
    """A folder without the weights that are asked for is told before the results have a folder."""
    model, asked, words = CANNOT_BE_READ[name]
    with pytest.raises(CannotRun, match=words):
        run(**document(model, settings(**asked)))


CAN_BE_READ: dict[str, tuple[str, dict[str, Any]]] = {
    "a variant": ("variant", {"variant": "fp16"}),
    "a folder below": ("subfolder", {"subfolder": "weights"}),
    "shards": ("sharded", {"use_safetensors": True}),
}


@pytest.mark.parametrize("name", CAN_BE_READ)
def test_weights_that_are_there(run: Callable[..., Ran], name: str) -> None:
    """What the document names is found, and loads."""
    model, asked = CAN_BE_READ[name]
    assert run(**document(model, settings(**asked))).result["status"] == "finished"


def test_an_adapter(run: Callable[..., Ran]) -> None:
    """A LoRA adapter is loaded into the model, and changes what it says."""
    pytest.importorskip("peft")
    base, adapted = run(), run(**document("builtin:tiny-llama", settings(adapter="lora")))
    assert adapted.result["status"] == "finished", adapted.result["error"]
    assert adapted.tokens != base.tokens


def test_the_model_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Examining reads configs; no weight is read and no module has one."""
    import transformers

    monkeypatch.setattr(transformers.PreTrainedModel, "from_pretrained", None)
    for model in MODELS:
        examining.examine(llem.plan({"model": path(model)}))


def test_examining_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look at a model takes well below the 0.3 seconds that llem may cost at the start."""
    import time

    plan = llem.plan({"model": f"builtin:{next(iter(builtin.MODELS))}"})
    examining.examine(plan)
    start = time.perf_counter()
    examining.examine(plan)
    assert time.perf_counter() - start < 0.15


def test_doctor_says_what_a_document_lacks(
    folder: Path, write: Callable[..., str], command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`llem doctor FILE` gives the same reasons as `llem run`, which prints them and writes nothing."""
    file = write(
        model=path("mamba"), pytorch={"attn_implementation": "sdpa", "cache_implementation": "offloaded_static"}
    )
    before = sorted(folder.rglob("*"))
    told, ran = command("doctor", file), command("run", file)
    lines = told.stdout.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["pytorch.cache_implementation", "pytorch.attn_implementation"]
    assert ran.stderr == f"Error: {told.stdout}"
    assert (told.exit_code, ran.exit_code) == (1, 1)
    assert json.loads(command("doctor", "--json", file).stdout) == lines
    assert sorted(folder.rglob("*")) == before
    eager = command(
        "doctor", file, "--set", "pytorch.attn_implementation=eager", "--set", "pytorch.cache_implementation=null"
    )
    assert (eager.stdout, eager.exit_code) == ("runs here\n", 0)


def test_rules_are_listed(command: Callable[..., Any]) -> None:
    """`llem rules --preflight` lists them, apart from the rules of a document."""
    listed = json.loads(command("rules", "--preflight", "--json").stdout)
    assert [rule["id"] for rule in listed] == [rule.id for rule in spec.preflight()]
    assert {rule["id"] for rule in listed} & {rule["id"] for rule in introspection.get_validation_rules()} == set()


@pytest.mark.parametrize(("precision", "limit", "on_disk"), [("fp32", 3600, True), ("bf16", 3600, False)])
def test_what_goes_to_disk_is_known_before(run: Callable[..., Ran], precision: str, limit: int, on_disk: bool) -> None:
    """Parts are counted in the precision that is asked for, as the library does when it places them."""
    section = {"max_memory": {"cpu": f"{limit}KiB", "disk": "1GiB"}, "offload_folder": "offload"}
    plan = llem.plan({"model": "builtin:tiny-llama", "precision": precision, "pytorch": section})
    assert examining.examine(plan).facts["model"]["on_disk"] is on_disk
    assert ("disk" in run(precision=precision, pytorch=section).effective["device_map"].values()) is on_disk
