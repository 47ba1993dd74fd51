"""The document as pydantic models: strict, frozen, and held to every rule.

Written by `python scripts/generate.py` from schema/. Do not edit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from llem.modelbase import LlemModel
from pydantic import ConfigDict, Field


class DecoderConfig(LlemModel):
    """How the next token is chosen. The same fields for every engine."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    preset: Literal["deterministic", "standard", "creative", "factual"] | None = None
    """A named set of values for the other fields here. What is written beside it wins over it."""
    temperature: float | None = 1.0
    """Divides the logits before sampling; 0 means greedy decoding."""
    do_sample: bool | None = True
    """Whether tokens are sampled. False means greedy decoding (or beam search)."""
    top_k: int | None = 50
    """Only the k most probable tokens are sampled from; 0 turns the filter off."""
    top_p: float | None = 1.0
    """Only the most probable tokens that together reach this probability are sampled from; 1 turns the filter off."""
    min_p: float | None = None
    """Tokens less probable than this share of the most probable one are not sampled."""
    repetition_penalty: float | None = 1.0
    """Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in greedy decoding and beam search too."""
    min_new_tokens: int | None = None
    """The end token is held back until this many tokens are generated."""


class PyTorchConfig(LlemModel):
    """Settings of HuggingFace Transformers on PyTorch. What is unset is left to the library."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    batch_size: int | None = None
    """Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is unset."""
    attn_implementation: (
        Literal["sdpa", "flash_attention_2", "flash_attention_3", "eager"] | None
    ) = None
    """The attention kernels."""
    torch_compile: bool | None = None
    """Compile the forward pass of the model with torch.compile. When compiling fails, the run goes on without it and the record says so."""
    torch_compile_mode: str | None = None
    """The `mode` of torch.compile, for example `default`, `reduce-overhead` or `max-autotune`."""
    torch_compile_backend: str | None = None
    """The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`."""
    load_in_4bit: bool | None = None
    """Quantize the weights to 4 bit with bitsandbytes while loading."""
    load_in_8bit: bool | None = None
    """Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading."""
    bnb_4bit_compute_dtype: Literal["float16", "bfloat16", "float32"] | None = None
    """The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not `precision`."""
    bnb_4bit_quant_type: Literal["nf4", "fp4"] | None = None
    """The 4-bit data type."""
    bnb_4bit_use_double_quant: bool | None = None
    """Quantize the quantization constants too."""
    use_cache: bool | None = None
    """Whether keys and values of earlier tokens are kept."""
    cache_implementation: (
        Literal["static", "offloaded_static", "sliding_window"] | None
    ) = None
    """The kind of key-value cache. `sliding_window` is a deprecated name that the library treats as `static`."""
    num_beams: int | None = None
    """Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled."""
    early_stopping: Literal[True, False, "never"] | None = None
    """When beam search ends: true as soon as there are `num_beams` finished candidates, false by a heuristic, `never` only when no better candidate is possible."""
    length_penalty: float | None = None
    """Exponent of the length by which the score of a beam is divided: above 0 favours longer sequences, below 0 shorter ones."""
    no_repeat_ngram_size: int | None = None
    """No n-gram of this size occurs twice; 0 turns it off."""
    prompt_lookup_num_tokens: int | None = None
    """Speculative decoding that takes this many draft tokens from the prompt itself. The library wants batches of one."""
    device_map: (
        Literal["auto", "balanced", "balanced_low_0", "sequential"]
        | str
        | int
        | dict[str, str | int]
        | None
    ) = None
    """Where the parts of the model go: a strategy, one device, or a map from module to device. llem takes `auto` when it is unset; with several processes each one takes its own device."""
    max_memory: dict[str, int | str] | None = None
    """The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu, mps, disk) to bytes or a size such as 20GiB."""
    revision: str | None = None
    """The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on a local path."""
    trust_remote_code: bool | None = None
    """Whether the document asks to run code that comes with the model. It only runs when the operator consents too (`--trust-remote-code`)."""
    num_processes: int | None = None
    """Data-parallel processes. Each loads the whole model and takes a share of the prompts."""


class TensorRTConfig(LlemModel):
    """Settings of TensorRT-LLM with a TensorRT engine (`tensorrt_llm._tensorrt_engine.LLM`, up to release 1.2). What is unset is left to the engine."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    max_batch_size: int | None = None
    """The largest batch the engine is built for."""
    tp_size: int | None = None
    """GPUs over which each layer is split."""
    quantization: Literal["int8_sq", "int4_awq", "fp8"] | None = None
    """The quantization method, as TensorRT-LLM's quantize tool names it."""
    engine_path: str | None = None
    """A folder with a built engine. It is loaded in place of `model`."""


class VLLMConfig(LlemModel):
    """Settings of vLLM. What is unset is left to the engine."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    max_num_seqs: int | None = None
    """Sequences that run together at most. Unset, vLLM chooses by GPU memory and entry point."""
    tensor_parallel_size: int | None = None
    """GPUs over which each layer is split."""
    gpu_memory_utilization: float | None = None
    """The share of GPU memory that vLLM takes for weights and cache."""
    enable_prefix_caching: bool | None = None
    """Whether the cache of common prompt beginnings is shared."""
    quantization: Literal["awq", "gptq", "fp8"] | None = None
    """The quantization method. awq and gptq need a checkpoint that was quantized so; fp8 quantizes while loading."""


class DatasetFile(LlemModel):
    """Prompts from a file or from a set that llem ships."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    source: str
    """`builtin:mixed`, or a path to a .jsonl, .csv or .txt file (one prompt a line), relative to the working directory."""
    column: str | None = None
    """The column of a .csv file, or the key of a .jsonl file, that holds the prompt; `text` when it is unset."""
    system_prompt: str | None = None
    """Text put before each prompt: as the system message of the chat template, or as a paragraph of its own."""
    chat_template: bool | None = None
    """Whether prompts go through the chat template of the tokenizer. A tokenizer without one leaves them as they are, with a warning."""


class DatasetSynthetic(LlemModel):
    """Random words, made from `random_seed`: every prompt has exactly `input_len` tokens."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    input_len: int
    """Tokens of each prompt, special tokens included. It takes the place of `max_input_tokens`."""
    output_len: int | None = None
    """Tokens generated for each prompt: exactly this many, the end token is held back until then. It takes the place of `max_output_tokens` and `decoder.min_new_tokens`."""
    system_prompt: str | None = None
    """Text put before each prompt: as the system message of the chat template, or as a paragraph of its own."""
    chat_template: bool | None = None
    """Whether prompts go through the chat template of the tokenizer. A tokenizer without one leaves them as they are, with a warning."""


class ExperimentConfig(LlemModel):
    """One LLM inference experiment: which model is loaded, how, and how it generates."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    field_schema: Annotated[str | None, Field(alias="$schema")] = None
    """Where an editor finds this schema. It says nothing about the experiment."""
    schema_version: str | None = None
    """The version of the specification that the document is written for. A document for another one is refused instead of misread."""
    model: Literal["builtin:tiny-llama", "builtin:tiny-gpt2"] | str
    """A Hub id, a local path, or a model that llem makes itself (`builtin:tiny-llama`, `builtin:tiny-gpt2`)."""
    backend: Literal["pytorch", "vllm", "tensorrt"] | None = "pytorch"
    """The engine that runs the experiment. A section of another engine is an error."""
    precision: Literal["fp32", "fp16", "bf16"] | None = "bf16"
    """The data type in which the weights are loaded and computed."""
    n: int | None = 100
    """How many prompts are run. A set with fewer is repeated from its start."""
    dataset: Annotated[
        DatasetFile | DatasetSynthetic | str | None, Field(validate_default=True)
    ] = "builtin:mixed"
    """The prompts: a set that llem ships, a file, or synthetic text. A plain string is short for `source`."""
    random_seed: int | None = 42
    """Seed of everything random: synthetic prompts and sampling. It is set after the warm-up, right before the timed batches."""
    max_input_tokens: int | None = 512
    """Prompts are cut to this many tokens (their start is kept)."""
    max_output_tokens: int | None = 128
    """At most this many tokens are generated for a prompt."""
    warmup: int | None = 1
    """How many untimed batches run first. They repeat the first batch."""
    decoder: Annotated[DecoderConfig | None, Field(validate_default=True)] = {}
    pytorch: PyTorchConfig | None = None
    vllm: VLLMConfig | None = None
    tensorrt: TensorRTConfig | None = None
    passthrough_kwargs: dict[str, Any] | None = None
    """Arguments for the engine's loading call that have no field of their own, passed on last and unchecked."""
    output_dir: str | None = "results"
    """Where results are kept: each run makes a folder of its own in it."""


__all__ = [
    "DatasetFile",
    "DatasetSynthetic",
    "DecoderConfig",
    "ExperimentConfig",
    "PyTorchConfig",
    "TensorRTConfig",
    "VLLMConfig",
]
