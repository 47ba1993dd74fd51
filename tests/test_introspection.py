"""Questions about the specification are answered from the schema."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from llem import introspection, problems, spec
from llem.introspection import (
    DECODER_PARAM_SUPPORT,
    PRECISION_SUPPORT,
    get_backend_capabilities,
    get_backend_specific_params,
    get_capability_matrix_markdown,
    get_mutual_exclusions,
    get_param_skip_conditions,
    get_params_requiring_gpu_capability,
    get_special_test_models,
    get_validation_rules,
)

SCHEMA = Path(__file__).parents[1] / "schema"

PYTORCH = [
    "batch_size", "attn_implementation", "torch_compile", "torch_compile_mode", "torch_compile_backend",
    "load_in_4bit", "load_in_8bit", "bnb_4bit_compute_dtype", "bnb_4bit_quant_type", "bnb_4bit_use_double_quant",
    "use_cache", "cache_implementation", "num_beams", "early_stopping", "length_penalty", "no_repeat_ngram_size",
    "prompt_lookup_num_tokens", "device_map", "max_memory", "revision", "trust_remote_code", "num_processes",
]  # fmt: skip

CAPABILITIES = {  # pytorch, vllm, tensorrt
    "tensor_parallel": (True, True, True),
    "data_parallel": (True, False, False),
    "bitsandbytes_4bit": (True, False, False),
    "bitsandbytes_8bit": (True, False, False),
    "native_quantization": (False, "AWQ/GPTQ/FP8", "INT8_SQ/INT4_AWQ/FP8"),
    "float32_precision": (True, True, False),
    "float16_precision": (True, True, True),
    "bfloat16_precision": (True, True, True),
    "prefix_caching": (False, True, False),
    "torch_compile": (True, False, False),
    "beam_search": (True, False, False),
    "speculative_decoding": (True, False, False),
    "static_kv_cache": (True, False, False),
}


def test_backend_specific_params() -> None:
    """Each engine has the settings of its own section, as dotted paths."""
    params = get_backend_specific_params()
    assert {f"pytorch.{name}" for name in PYTORCH} <= set(params["pytorch"])
    assert {engine: len(paths) for engine, paths in params.items()} == {"pytorch": 79, "vllm": 5, "tensorrt": 4}


def test_validation_rules() -> None:
    """Each rule is listed with its engine, what it forbids, why, and the way out."""
    rules = get_validation_rules()
    assert {rule["id"]: rule["backend"] for rule in rules}.items() >= {
        "section-matches-backend": "all",
        "tensorrt-no-fp32": "tensorrt",
        "passthrough-not-a-field": "all",
        "passthrough-is-excluded": "pytorch",
        "passthrough-call-matches-backend": "all",
        "4bit-or-8bit": "pytorch",
        "torch-compile-settings-need-torch-compile": "pytorch",
        "bnb-4bit-settings-need-load-in-4bit": "pytorch",
        "cache-implementation-needs-use-cache": "pytorch",
        "vllm-no-bitsandbytes": "vllm",
        "speculation-needs-one-sequence": "pytorch",
        "return-sequences-within-beams": "pytorch",
        "greedy-has-one-sequence": "all",
    }.items()
    for rule in rules:
        assert all(rule[key] for key in ("backend", "combination", "reason", "resolution"))


def test_listed_rules_are_those_enforced() -> None:
    """The message in the list is the one that the document gets, unless a name has a sentence of its own."""
    listed = {rule["id"]: rule["message"] for rule in get_validation_rules()}
    for rule, message in listed.items():
        found = problems(Path(__file__).parent / "invalid" / f"{rule}.yaml")
        own = rule in ("passthrough-not-a-field", "passthrough-is-excluded")
        assert own or {problem.message for problem in found} == {message}


def test_mutual_exclusions() -> None:
    """For each setting, the values of others that forbid it."""
    found = get_mutual_exclusions()
    wanted = {
        "pytorch": ["backend=vllm|tensorrt"],
        "vllm": ["backend=None|pytorch|tensorrt"],
        "tensorrt": ["backend=None|pytorch|vllm"],
        "passthrough_kwargs.from_pretrained": ["backend=vllm|tensorrt"],
        "passthrough_kwargs.generate": ["backend=vllm|tensorrt"],
        "passthrough_kwargs.LLM": ["backend=None|pytorch"],
        "passthrough_kwargs.SamplingParams": ["backend=None|pytorch"],
        "precision": ["backend=tensorrt"],
        "backend": [
            "precision=fp32",
            "passthrough_kwargs.from_pretrained=*",
            "passthrough_kwargs.generate=*",
            "passthrough_kwargs.LLM=*",
            "passthrough_kwargs.SamplingParams=*",
        ],
        "pytorch.bnb_4bit_compute_dtype": ["pytorch.load_in_4bit=None|False"],
        "pytorch.max_matching_ngram_size": ["pytorch.prompt_lookup_num_tokens=None"],
        "pytorch.num_assistant_tokens": ["pytorch.assistant_model=None"],
        "pytorch.max_cache_len": ["pytorch.cache_implementation=None|dynamic|offloaded|quantized"],
        "pytorch.batch_size": [
            "pytorch.prompt_lookup_num_tokens=*",
            "pytorch.assistant_model=*",
            "pytorch.assistant_early_exit=*",
            "pytorch.use_mtp=True",
        ],
    }
    assert {path: found[path] for path in wanted} == wanted
    for path, forbids in {
        "pytorch.load_in_8bit": "pytorch.load_in_4bit=True",
        "pytorch.load_in_4bit": "pytorch.load_in_8bit=True",
        "pytorch.torch_compile_mode": "pytorch.torch_compile=None|False",
        "pytorch.cache_implementation": "pytorch.use_cache=False",
        "pytorch.prompt_lookup_num_tokens": "pytorch.batch_size=>1",
        "decoder.num_return_sequences": "decoder.temperature=0",
        "pytorch.num_processes": "pytorch.tensor_parallel_size=>=2",
    }.items():
        assert forbids in found[path]


def test_exclusions_name_paths() -> None:
    """Both sides of an exclusion are settings or sections of the document."""
    known = {field.dotted for field in spec.fields()} | set(spec.engines())
    for path, exclusions in get_mutual_exclusions().items():
        assert {path, *(exclusion.partition("=")[0] for exclusion in exclusions)} <= known


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("pytorch.attn_implementation=flash_attention_2", ["flash_attn package", "Ampere", "8.0"]),
        ("pytorch.attn_implementation=flash_attention_3", ["flash_attn_interface package", "Hopper", "9.0"]),
        ("pytorch.load_in_4bit", ["bitsandbytes"]),
        ("pytorch.load_in_8bit", ["bitsandbytes"]),
        ("pytorch.cache_implementation=offloaded_static", ["CUDA"]),
        ("vllm.tensor_parallel_size>1", ["GPUs"]),
        ("tensorrt.tp_size>1", ["GPUs"]),
        ("vllm.quantization=awq", ["AWQ"]),
        ("vllm.quantization=gptq", ["GPTQ"]),
        ("tensorrt.quantization=fp8", ["8.9"]),
    ],
)
def test_skip_conditions(value: str, words: list[str]) -> None:
    """What a machine or a checkpoint must have for a value is said in words."""
    condition = get_param_skip_conditions()[value]
    assert condition.startswith("Requires ")
    assert [word for word in words if word not in condition] == []


def test_skip_conditions_of_nothing_else() -> None:
    """A value without needs has no condition."""
    conditions = get_param_skip_conditions()
    assert "pytorch.attn_implementation=sdpa" not in conditions
    assert "pytorch.cache_implementation=static" not in conditions
    assert "precision=fp16" not in conditions


def test_gpu_capability_tiers() -> None:
    """Asking for 9.0 gives the Ampere and the Hopper values, anything lower the Ampere values only."""
    ampere, hopper = get_params_requiring_gpu_capability(8.0), get_params_requiring_gpu_capability(9.0)
    assert "pytorch.attn_implementation=flash_attention_2" in ampere
    assert "pytorch.attn_implementation=flash_attention_3" not in ampere
    assert "pytorch.attn_implementation=flash_attention_3" in set(hopper) - set(ampere)
    assert set(ampere) < set(hopper)
    assert ampere == get_params_requiring_gpu_capability() == get_params_requiring_gpu_capability(7.0)
    assert ampere == get_params_requiring_gpu_capability(8.9)
    assert hopper == get_params_requiring_gpu_capability(10.0)


def test_special_test_models() -> None:
    """A value that needs a quantized checkpoint comes with a small one."""
    models = get_special_test_models()
    assert set(models) == {"vllm.quantization=awq", "vllm.quantization=gptq", "tensorrt.quantization=int4_awq"}
    assert all("/" in model for model in models.values())


def test_capabilities() -> None:
    """The matrix says of each engine what it can do."""
    assert get_backend_capabilities() == {
        name: dict(zip(("pytorch", "vllm", "tensorrt"), row, strict=True)) for name, row in CAPABILITIES.items()
    }


def test_capability_matrix_markdown() -> None:
    """The table has a row for each capability and a column for each engine."""
    lines = get_capability_matrix_markdown().splitlines()
    assert lines[:2] == ["| Capability | PyTorch | vLLM | TensorRT-LLM |", "|---|---|---|---|"]
    assert len(lines) == 2 + len(CAPABILITIES)
    assert "| float32 | yes | yes | no |" in lines
    assert "| Native quantization | no | AWQ/GPTQ/FP8 | INT8_SQ/INT4_AWQ/FP8 |" in lines
    assert {line.count("|") for line in lines} == {5}


def test_decoder_param_support() -> None:
    """The numbers that choose the next token, engine by engine."""
    wanted = {"temperature", "top_k", "top_p", "repetition_penalty", "min_p", "min_new_tokens"}
    wanted.add("num_return_sequences")
    assert set(DECODER_PARAM_SUPPORT["pytorch"]) == wanted
    assert set(DECODER_PARAM_SUPPORT) == {"pytorch", "vllm", "tensorrt"}


def test_precision_support() -> None:
    """TensorRT-LLM does not run fp32."""
    every = ["fp32", "fp16", "bf16"]
    assert {"pytorch": every, "vllm": every, "tensorrt": ["fp16", "bf16"]} == PRECISION_SUPPORT


def test_every_setting_has_a_type_in_words() -> None:
    """No cell of the table of settings is empty, or shows a name of JSON Schema."""
    for row in introspection.fields_table():
        assert row["type"], row["path"]
        assert row["description"], row["path"]
        assert not {"integer", "string", "boolean", "null"} & set(row["type"].replace(",", "").split()), row


CHANGED = """
import json, pathlib, sys
from llem import spec
spec.FOLDER = pathlib.Path(sys.argv[1])
from llem import introspection
print(json.dumps({
    "params": introspection.get_backend_specific_params()["vllm"],
    "ampere": introspection.get_params_requiring_gpu_capability(8.0),
    "hopper": introspection.get_params_requiring_gpu_capability(9.0),
    "skip": introspection.get_param_skip_conditions(),
    "models": introspection.get_special_test_models(),
    "matrix": introspection.get_backend_capabilities()["native_quantization"],
    "markdown": introspection.get_capability_matrix_markdown(),
}))
"""


def test_answers_follow_the_schema(tmp_path: Path) -> None:
    """A value that is added to the schema, with its needs, is in every answer."""
    folder = tmp_path / "schema"
    shutil.copytree(SCHEMA, folder)
    file = folder / "vllm.schema.json"
    section = json.loads(file.read_text(encoding="utf-8"))
    quantization = section["properties"]["quantization"]
    quantization["enum"].insert(-1, "nvfp4")
    quantization["x-llem"]["values"]["nvfp4"] = {
        "cuda": True, "compute_capability": 9.0, "checkpoint": "NVFP4", "example": "org/tiny-nvfp4",
    }  # fmt: skip
    file.write_text(json.dumps(section), encoding="utf-8")
    command = [sys.executable, "-c", CHANGED, str(folder)]
    answers = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert answers["params"] == get_backend_specific_params()["vllm"]
    assert answers["ampere"] == get_params_requiring_gpu_capability(8.0)
    assert "vllm.quantization=nvfp4" in answers["hopper"]
    assert "Hopper" in answers["skip"]["vllm.quantization=nvfp4"]
    assert answers["models"]["vllm.quantization=nvfp4"] == "org/tiny-nvfp4"
    assert answers["matrix"]["vllm"] == "AWQ/GPTQ/FP8/NVFP4"
    assert "AWQ/GPTQ/FP8/NVFP4" in answers["markdown"]
