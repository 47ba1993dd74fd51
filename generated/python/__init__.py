"""The document as pydantic models: strict, frozen, and held to every rule.

Written by `python scripts/generate.py` from schema/. Do not edit.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from llem.modelbase import LlemModel
from pydantic import ConfigDict, Field
from typing_extensions import TypeAliasType


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
    stop_strings: list[str] | None = None
    """Generation of a sequence ends when its text holds one of these."""
    num_return_sequences: int | None = None
    """Sequences that are generated for each prompt."""


class DecoderGreedy1(LlemModel):
    """Decoding is greedy, as the section is written: an explicit setting wins over the preset."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    temperature: Any


class DecoderGreedy2(LlemModel):
    """Decoding is greedy, as the section is written: an explicit setting wins over the preset."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    do_sample: Any


class DecoderGreedy3(LlemModel):
    """Decoding is greedy, as the section is written: an explicit setting wins over the preset."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    preset: Any
    temperature: Annotated[None, Field(None)] = None


class DecoderGreedy4(LlemModel):
    """Decoding is greedy, as the section is written: an explicit setting wins over the preset."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    preset: Any
    do_sample: Annotated[None, Field(None)] = None


DecoderGreedy = TypeAliasType(
    "DecoderGreedy", DecoderGreedy1 | DecoderGreedy2 | DecoderGreedy3 | DecoderGreedy4
)
"""Decoding is greedy, as the section is written: an explicit setting wins over the preset."""


class PyTorchConfig(LlemModel):
    """Settings of HuggingFace Transformers on PyTorch. What is unset is left to the library."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
    )
    batch_size: int | None = None
    """Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is unset."""
    batching: Literal["static", "length_sorted"] | None = None
    """Which prompts run together: `static` takes them in their order, `length_sorted` the longest first, so that prompts of like length meet and little is padded."""
    pad_to_multiple_of: int | None = None
    """Batches are padded to a multiple of this many tokens, so that fewer shapes occur."""
    checkpoint_dtype: Literal[True] | None = None
    """Take the data type of the checkpoint in place of `precision`."""
    attn_implementation: (
        Literal[
            "sdpa",
            "flash_attention_2",
            "flash_attention_3",
            "flash_attention_4",
            "flex_attention",
            "eager",
        ]
        | None
    ) = None
    """The attention kernels. Unset, the library takes sdpa where the model has it, else eager."""
    sdpa_backend: (
        Literal["math", "flash_attention", "efficient_attention", "cudnn_attention"]
        | None
    ) = None
    """The kernel that scaled dot product attention must use; unset, torch chooses."""
    experts_implementation: (
        Literal["eager", "batched_mm", "grouped_mm", "deepgemm", "sonicmoe"] | None
    ) = None
    """How the experts of a mixture of experts are computed. Unset, the library takes grouped_mm."""
    use_kernels: bool | None = None
    """Replace layers by kernels from the Hub where there are some."""
    torch_compile: bool | None = None
    """Compile the forward pass of the model with torch.compile. When compiling fails, the run goes on without it and the record says so."""
    torch_compile_mode: (
        Literal[
            "default",
            "reduce-overhead",
            "max-autotune",
            "max-autotune-no-cudagraphs",
            "lite",
        ]
        | None
    ) = None
    """The `mode` of torch.compile; only the backend inductor has modes."""
    torch_compile_backend: str | None = None
    """The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`."""
    torch_compile_fullgraph: bool | None = None
    """Whether a part that cannot be captured is an error (the run goes on without torch.compile) and not a graph break."""
    torch_compile_dynamic: bool | None = None
    """Whether graphs are made for all shapes at once (true), or for each shape (false). Unset, torch begins with one shape and generalises."""
    torch_compile_options: dict[str, Any] | None = None
    """The `options` of torch.compile for its backend."""
    torch_compile_target: Literal["model", "decode"] | None = None
    """What is compiled: the whole forward pass (`model`, also when unset), or by the library itself the steps after the prompt (`decode`), with a static cache."""
    disable_compile: bool | None = None
    """Keep the library from compiling the decoding steps by itself, as it does on a GPU when the cache is static."""
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
    bnb_4bit_quant_storage: (
        Literal["uint8", "int8", "float16", "bfloat16", "float32", "float64"] | None
    ) = None
    """The data type in which packed 4-bit weights are kept."""
    llm_int8_threshold: float | None = None
    """Columns of activations with a value above this are computed in half precision; 0 turns it off."""
    llm_int8_skip_modules: list[str] | None = None
    """Modules that stay unquantized, in 8 and in 4 bit. The list takes the place of the library's own, so name the output layer (`lm_head`) too."""
    llm_int8_enable_fp32_cpu_offload: bool | None = None
    """Let parts of a quantized model lie on the processor or on disk, where they stay unquantized."""
    quanto_weights: Literal["int8", "int4", "int2", "float8"] | None = None
    """Quantize the weights with quanto while loading, to this data type."""
    torchao_quant_type: (
        Literal[
            "int8_weight_only",
            "int8_dynamic_activation_int8_weight",
            "float8_weight_only",
        ]
        | None
    ) = None
    """Quantize with torchao while loading, in this way."""
    use_cache: bool | None = None
    """Whether keys and values of earlier tokens are kept."""
    cache_implementation: (
        Literal[
            "dynamic",
            "static",
            "offloaded",
            "offloaded_static",
            "quantized",
            "sliding_window",
        ]
        | None
    ) = None
    """The kind of key-value cache. Unset, it is `dynamic`. `sliding_window` is a deprecated name that the library treats as `static`."""
    max_cache_len: int | None = None
    """Tokens that a static cache has room for. Unset, it is made for each batch, and a new length compiles anew."""
    kv_cache_backend: Literal["quanto", "hqq", "fp8"] | None = None
    """What quantizes a quantized cache."""
    kv_cache_nbits: Literal[1, 2, 3, 4, 8] | None = None
    """Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq."""
    kv_cache_axis_key: Literal[-1, 0, 1] | None = None
    """The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or 1 with hqq."""
    kv_cache_axis_value: Literal[-1, 0, 1] | None = None
    """The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0 or 1 with hqq."""
    kv_cache_group_size: int | None = None
    """Numbers that share a scale in a quantized cache."""
    kv_cache_residual_length: int | None = None
    """The latest tokens of a quantized cache that stay unquantized."""
    prefill_chunk_size: int | None = None
    """The prompt is read in pieces of so many tokens, which needs less memory."""
    num_beams: int | None = None
    """Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled."""
    early_stopping: Literal[True, False, "never"] | None = None
    """When beam search ends: true as soon as there are `num_beams` finished candidates, false by a heuristic, `never` only when no better candidate is possible."""
    length_penalty: float | None = None
    """Exponent of the length by which the score of a beam is divided: above 0 favours longer sequences, below 0 shorter ones."""
    no_repeat_ngram_size: int | None = None
    """No n-gram of this size occurs twice; 0 turns it off."""
    typical_p: float | None = None
    """Only tokens of about typical information content, which together reach this probability, are sampled from."""
    top_h: float | None = None
    """Only the most probable tokens up to this share of the entropy are sampled from."""
    epsilon_cutoff: float | None = None
    """Tokens less probable than this are not sampled."""
    eta_cutoff: float | None = None
    """Tokens less probable than this, or than its root scaled by the entropy, are not sampled."""
    renormalize_logits: bool | None = None
    """Make the scores a probability distribution again after all filters."""
    encoder_repetition_penalty: float | None = None
    """Above 1, tokens of the prompt become more probable; 1 turns it off."""
    guidance_scale: float | None = None
    """Classifier-free guidance: the model also runs without the prompt, and this is the weight of the difference; 1 turns it off."""
    exponential_decay_length_penalty: list[float] | None = None
    """Two numbers: after so many generated tokens, the end token gains by this factor with every token."""
    max_time: float | None = None
    """Generation of a batch stops after about so many seconds: what comes out then depends on the machine."""
    prompt_lookup_num_tokens: int | None = None
    """Speculative decoding that takes this many draft tokens from the prompt itself. The library wants batches of one."""
    max_matching_ngram_size: int | None = None
    """The longest n-gram that is looked up in the prompt."""
    assistant_model: Literal["builtin:tiny-llama", "builtin:tiny-gpt2"] | str | None = (
        None
    )
    """Speculative decoding with this draft model: a Hub id, a local path or a model that llem makes. It needs the vocabulary of the model. The library wants batches of one."""
    assistant_revision: str | None = None
    """The branch, tag or commit of the draft model on the Hub."""
    assistant_precision: Literal["fp32", "fp16", "bf16"] | None = None
    """The data type of the draft model. Unset, it is `precision`."""
    num_assistant_tokens: int | None = None
    """Tokens that the draft model proposes at once, at first. The library reads it from the draft model's own configuration, where llem sets it."""
    num_assistant_tokens_schedule: (
        Literal["constant", "heuristic", "heuristic_transient"] | None
    ) = None
    """How the number of proposed tokens changes: `constant`, or with the proposals that were accepted (`heuristic`; `heuristic_transient` begins anew with each call)."""
    assistant_confidence_threshold: float | None = None
    """The draft model stops proposing when it gives its token less probability than this; 0 turns it off."""
    assistant_ensemble_weight: float | None = None
    """The weight of the draft model in the mixture of both that is decoded from: faster, and no longer the output of the model alone."""
    assistant_early_exit: int | None = None
    """Speculative decoding in which the first layers of the model, so many of them, propose. For models that were trained for it."""
    use_mtp: bool | None = None
    """Speculative decoding by the model's own layers for multi-token prediction."""
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
    offload_folder: str | None = None
    """Where weights that fit on no device are kept."""
    offload_buffers: bool | None = None
    """Whether buffers are offloaded with the weights."""
    subfolder: str | None = None
    """The folder of model and tokenizer inside the repository or path."""
    variant: str | None = None
    """The variant of the weight files, for example `fp16` for model.fp16.safetensors."""
    use_safetensors: bool | None = None
    """Whether the weights must be (true) or must not be (false) safetensors files."""
    gguf_file: str | None = None
    """A GGUF file of the repository or path; the library turns its weights back into `precision`."""
    adapter: str | None = None
    """A LoRA adapter that is loaded into the model: a Hub id or a local path."""
    revision: str | None = None
    """The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on a local path."""
    trust_remote_code: bool | None = None
    """Whether the document asks to run code that comes with the model. It only runs when the operator consents too (`--trust-remote-code`)."""
    code_revision: str | None = None
    """The branch, tag or commit of code that comes with the model, where it is kept apart from the weights."""
    num_processes: int | None = None
    """Data-parallel processes. Each loads the whole model and takes a share of the prompts."""
    tensor_parallel_size: int | None = None
    """Processes among which every weight is split. Each sees all prompts."""
    num_threads: int | None = None
    """Threads of the processor for one operation."""
    num_interop_threads: int | None = None
    """Operations of the processor that may run at once."""
    float32_matmul_precision: Literal["highest", "high", "medium"] | None = None
    """How precisely float32 matrices are multiplied: `high` and `medium` let a GPU use TF32 and bfloat16 inside."""
    deterministic: bool | None = None
    """Use only operations that give the same result every time, and fail where there is none."""


class PytorchDrafts1(LlemModel):
    """A draft model, early layers or layers of their own propose tokens."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    assistant_model: str


class PytorchDrafts2(LlemModel):
    """A draft model, early layers or layers of their own propose tokens."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    assistant_early_exit: int


class PytorchDrafts3(LlemModel):
    """A draft model, early layers or layers of their own propose tokens."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    use_mtp: Any


class PytorchSpeculates1(LlemModel):
    """Tokens are proposed, and then accepted or rejected by the model."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
    )
    prompt_lookup_num_tokens: int


PytorchSpeculates = TypeAliasType(
    "PytorchSpeculates",
    PytorchSpeculates1 | PytorchDrafts1 | PytorchDrafts2 | PytorchDrafts3,
)
"""Tokens are proposed, and then accepted or rejected by the model."""


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
    """Arguments that have no field of their own, passed on last and unchecked. They go to the engine's loading call; those under the name of a call go to that call."""
    output_dir: str | None = "results"
    """Where results are kept: each run makes a folder of its own in it."""


__all__ = [
    "DatasetFile",
    "DatasetSynthetic",
    "DecoderConfig",
    "DecoderGreedy1",
    "DecoderGreedy2",
    "DecoderGreedy3",
    "DecoderGreedy4",
    "ExperimentConfig",
    "PyTorchConfig",
    "PytorchDrafts1",
    "PytorchDrafts2",
    "PytorchDrafts3",
    "PytorchSpeculates1",
    "TensorRTConfig",
    "VLLMConfig",
]
