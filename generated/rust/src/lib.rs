// Written by `python scripts/generate.py` from schema/. Do not edit.

use serde::{Serialize, Deserialize};
use std::collections::HashMap;

/// One LLM inference experiment: which model is loaded, how, and how it generates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExperimentConfig {
    /// Where an editor finds this schema. It says nothing about the experiment.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,

    /// The engine that runs the experiment. A section of another engine is an error.
    pub backend: Option<Backend>,

    pub dataset: Option<DatasetUnion>,

    pub decoder: Option<DecoderConfig>,

    /// Prompts are cut to this many tokens (their start is kept).
    pub max_input_tokens: Option<i64>,

    /// At most this many tokens are generated for a prompt.
    pub max_output_tokens: Option<i64>,

    /// A Hub id, a local path, or a model that llem makes itself (`builtin:tiny-llama`,
    /// `builtin:tiny-gpt2`).
    pub model: String,

    /// How many prompts are run. A set with fewer is repeated from its start.
    pub n: Option<i64>,

    /// Where results are kept: each run makes a folder of its own in it.
    pub output_dir: Option<String>,

    /// Arguments that have no field of their own, passed on last and unchecked. They go to the
    /// engine's loading call; those under the name of a call go to that call.
    pub passthrough_kwargs: Option<HashMap<String, Option<serde_json::Value>>>,

    /// The data type in which the weights are loaded and computed.
    pub precision: Option<Precision>,

    pub pytorch: Option<PyTorchConfig>,

    /// Seed of everything random: synthetic prompts and sampling. It is set after the warm-up,
    /// right before the timed batches.
    pub random_seed: Option<i64>,

    /// The version of the specification that the document is written for. A document for another
    /// one is refused instead of misread.
    pub schema_version: Option<String>,

    pub tensorrt: Option<TensorRtConfig>,

    pub vllm: Option<VllmConfig>,

    /// How many untimed batches run first. They repeat the first batch.
    pub warmup: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backend {
    Pytorch,

    Tensorrt,

    Vllm,
}

/// The prompts: a set that llem ships, a file, or synthetic text. A plain string is short
/// for `source`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DatasetUnion {
    Dataset(Dataset),

    PurpleString(String),
}

/// Prompts from a file or from a set that llem ships.
///
/// Random words, made from `random_seed`: every prompt has exactly `input_len` tokens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Dataset {
    pub chat_template: Option<bool>,

    /// The column of a .csv file, or the key of a .jsonl file, that holds the prompt; `text`
    /// when it is unset.
    pub column: Option<String>,

    /// `builtin:mixed`, or a path to a .jsonl, .csv or .txt file (one prompt a line), relative
    /// to the working directory.
    pub source: Option<String>,

    pub system_prompt: Option<String>,

    /// Tokens of each prompt, special tokens included. It takes the place of `max_input_tokens`.
    pub input_len: Option<i64>,

    /// Tokens generated for each prompt: exactly this many, the end token is held back until
    /// then. It takes the place of `max_output_tokens` and `decoder.min_new_tokens`.
    pub output_len: Option<i64>,
}

/// How the next token is chosen. The same fields for every engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DecoderConfig {
    /// Whether tokens are sampled. False means greedy decoding (or beam search).
    pub do_sample: Option<bool>,

    /// The end token is held back until this many tokens are generated.
    pub min_new_tokens: Option<i64>,

    /// Tokens less probable than this share of the most probable one are not sampled.
    pub min_p: Option<f64>,

    /// Sequences that are generated for each prompt.
    pub num_return_sequences: Option<i64>,

    /// A named set of values for the other fields here. What is written beside it wins over it.
    pub preset: Option<Preset>,

    /// Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in
    /// greedy decoding and beam search too.
    pub repetition_penalty: Option<f64>,

    /// Generation of a sequence ends when its text holds one of these.
    pub stop_strings: Option<Vec<String>>,

    /// Divides the logits before sampling; 0 means greedy decoding.
    pub temperature: Option<f64>,

    /// Only the k most probable tokens are sampled from; 0 turns the filter off.
    pub top_k: Option<i64>,

    /// Only the most probable tokens that together reach this probability are sampled from; 1
    /// turns the filter off.
    pub top_p: Option<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    Creative,

    Deterministic,

    Factual,

    Standard,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    Bf16,

    Fp16,

    Fp32,
}

/// Settings of HuggingFace Transformers on PyTorch. What is unset is left to the library.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PyTorchConfig {
    /// A LoRA adapter that is loaded into the model: a Hub id or a local path.
    pub adapter: Option<String>,

    /// The draft model stops proposing when it gives its token less probability than this; 0
    /// turns it off.
    pub assistant_confidence_threshold: Option<f64>,

    /// Speculative decoding in which the first layers of the model, so many of them, propose.
    /// For models that were trained for it.
    pub assistant_early_exit: Option<i64>,

    /// The weight of the draft model in the mixture of both that is decoded from: faster, and no
    /// longer the output of the model alone.
    pub assistant_ensemble_weight: Option<f64>,

    /// Speculative decoding with this draft model: a Hub id, a local path or a model that llem
    /// makes. It needs the vocabulary of the model. The library wants batches of one.
    pub assistant_model: Option<String>,

    /// The data type of the draft model. Unset, it is `precision`.
    pub assistant_precision: Option<Precision>,

    /// The branch, tag or commit of the draft model on the Hub.
    pub assistant_revision: Option<String>,

    /// The attention kernels. Unset, the library takes sdpa where the model has it, else eager.
    pub attn_implementation: Option<AttnImplementation>,

    /// Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is
    /// unset.
    pub batch_size: Option<i64>,

    /// Which prompts run together: `static` takes them in their order, `length_sorted` the
    /// longest first, so that prompts of like length meet and little is padded.
    pub batching: Option<Batching>,

    /// The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not
    /// `precision`.
    #[serde(rename = "bnb_4bit_compute_dtype")]
    pub bnb_4_bit_compute_dtype: Option<Bnb4BitComputeDtype>,

    /// The data type in which packed 4-bit weights are kept.
    #[serde(rename = "bnb_4bit_quant_storage")]
    pub bnb_4_bit_quant_storage: Option<Bnb4BitQuantStorage>,

    /// The 4-bit data type.
    #[serde(rename = "bnb_4bit_quant_type")]
    pub bnb_4_bit_quant_type: Option<Bnb4BitQuantType>,

    /// Quantize the quantization constants too.
    #[serde(rename = "bnb_4bit_use_double_quant")]
    pub bnb_4_bit_use_double_quant: Option<bool>,

    /// The kind of key-value cache. Unset, it is `dynamic`. `sliding_window` is a deprecated
    /// name that the library treats as `static`.
    pub cache_implementation: Option<CacheImplementation>,

    /// Take the data type of the checkpoint in place of `precision`.
    pub checkpoint_dtype: Option<bool>,

    /// The branch, tag or commit of code that comes with the model, where it is kept apart from
    /// the weights.
    pub code_revision: Option<String>,

    /// Use only operations that give the same result every time, and fail where there is none.
    pub deterministic: Option<bool>,

    /// Where the parts of the model go: a strategy, one device, or a map from module to device.
    /// llem takes `auto` when it is unset; with several processes each one takes its own device.
    pub device_map: Option<DeviceMap>,

    /// Keep the library from compiling the decoding steps by itself, as it does on a GPU when
    /// the cache is static.
    pub disable_compile: Option<bool>,

    /// When beam search ends: true as soon as there are `num_beams` finished candidates, false
    /// by a heuristic, `never` only when no better candidate is possible.
    pub early_stopping: Option<EarlyStoppingUnion>,

    /// Above 1, tokens of the prompt become more probable; 1 turns it off.
    pub encoder_repetition_penalty: Option<f64>,

    /// Tokens less probable than this are not sampled.
    pub epsilon_cutoff: Option<f64>,

    /// Tokens less probable than this, or than its root scaled by the entropy, are not sampled.
    pub eta_cutoff: Option<f64>,

    /// How the experts of a mixture of experts are computed. Unset, the library takes grouped_mm.
    pub experts_implementation: Option<ExpertsImplementation>,

    /// Two numbers: after so many generated tokens, the end token gains by this factor with
    /// every token.
    pub exponential_decay_length_penalty: Option<Vec<f64>>,

    /// How precisely float32 matrices are multiplied: `high` and `medium` let a GPU use TF32 and
    /// bfloat16 inside.
    pub float32_matmul_precision: Option<Float32MatmulPrecision>,

    /// A GGUF file of the repository or path; the library turns its weights back into
    /// `precision`.
    pub gguf_file: Option<String>,

    /// Classifier-free guidance: the model also runs without the prompt, and this is the weight
    /// of the difference; 1 turns it off.
    pub guidance_scale: Option<f64>,

    /// The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or
    /// 1 with hqq.
    pub kv_cache_axis_key: Option<KvCache>,

    /// The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0
    /// or 1 with hqq.
    pub kv_cache_axis_value: Option<KvCache>,

    /// What quantizes a quantized cache.
    pub kv_cache_backend: Option<KvCacheBackend>,

    /// Numbers that share a scale in a quantized cache.
    pub kv_cache_group_size: Option<i64>,

    /// Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
    pub kv_cache_nbits: Option<KvCache>,

    /// The latest tokens of a quantized cache that stay unquantized.
    pub kv_cache_residual_length: Option<i64>,

    /// Exponent of the length by which the score of a beam is divided: above 0 favours longer
    /// sequences, below 0 shorter ones.
    pub length_penalty: Option<f64>,

    /// Let parts of a quantized model lie on the processor or on disk, where they stay
    /// unquantized.
    pub llm_int8_enable_fp32_cpu_offload: Option<bool>,

    /// Modules that stay unquantized, in 8 and in 4 bit. The list takes the place of the
    /// library's own, so name the output layer (`lm_head`) too.
    pub llm_int8_skip_modules: Option<Vec<String>>,

    /// Columns of activations with a value above this are computed in half precision; 0 turns it
    /// off.
    pub llm_int8_threshold: Option<f64>,

    /// Quantize the weights to 4 bit with bitsandbytes while loading.
    #[serde(rename = "load_in_4bit")]
    pub load_in_4_bit: Option<bool>,

    /// Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading.
    #[serde(rename = "load_in_8bit")]
    pub load_in_8_bit: Option<bool>,

    /// Tokens that a static cache has room for. Unset, it is made for each batch, and a new
    /// length compiles anew.
    pub max_cache_len: Option<i64>,

    /// The longest n-gram that is looked up in the prompt.
    pub max_matching_ngram_size: Option<i64>,

    /// The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu,
    /// mps, disk) to bytes or a size such as 20GiB.
    pub max_memory: Option<HashMap<String, MaxMemory>>,

    /// Generation of a batch stops after about so many seconds: what comes out then depends on
    /// the machine.
    pub max_time: Option<f64>,

    /// No n-gram of this size occurs twice; 0 turns it off.
    pub no_repeat_ngram_size: Option<i64>,

    /// Tokens that the draft model proposes at once, at first. The library reads it from the
    /// draft model's own configuration, where llem sets it.
    pub num_assistant_tokens: Option<i64>,

    /// How the number of proposed tokens changes: `constant`, or with the proposals that were
    /// accepted (`heuristic`; `heuristic_transient` begins anew with each call).
    pub num_assistant_tokens_schedule: Option<NumAssistantTokensSchedule>,

    /// Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled.
    pub num_beams: Option<i64>,

    /// Operations of the processor that may run at once.
    pub num_interop_threads: Option<i64>,

    /// Data-parallel processes. Each loads the whole model and takes a share of the prompts.
    pub num_processes: Option<i64>,

    /// Threads of the processor for one operation.
    pub num_threads: Option<i64>,

    /// Whether buffers are offloaded with the weights.
    pub offload_buffers: Option<bool>,

    /// Where weights that fit on no device are kept.
    pub offload_folder: Option<String>,

    /// Batches are padded to a multiple of this many tokens, so that fewer shapes occur.
    pub pad_to_multiple_of: Option<i64>,

    /// The prompt is read in pieces of so many tokens, which needs less memory.
    pub prefill_chunk_size: Option<i64>,

    /// Speculative decoding that takes this many draft tokens from the prompt itself. The
    /// library wants batches of one.
    pub prompt_lookup_num_tokens: Option<i64>,

    /// Quantize the weights with quanto while loading, to this data type.
    pub quanto_weights: Option<QuantoWeights>,

    /// Make the scores a probability distribution again after all filters.
    pub renormalize_logits: Option<bool>,

    /// The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on
    /// a local path.
    pub revision: Option<String>,

    /// The kernel that scaled dot product attention must use; unset, torch chooses.
    pub sdpa_backend: Option<SdpaBackend>,

    /// The folder of model and tokenizer inside the repository or path.
    pub subfolder: Option<String>,

    /// Processes among which every weight is split. Each sees all prompts.
    pub tensor_parallel_size: Option<i64>,

    /// Only the most probable tokens up to this share of the entropy are sampled from.
    pub top_h: Option<f64>,

    /// Compile the forward pass of the model with torch.compile. When compiling fails, the run
    /// goes on without it and the record says so.
    pub torch_compile: Option<bool>,

    /// The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
    pub torch_compile_backend: Option<String>,

    /// Whether graphs are made for all shapes at once (true), or for each shape (false). Unset,
    /// torch begins with one shape and generalises.
    pub torch_compile_dynamic: Option<bool>,

    /// Whether a part that cannot be captured is an error (the run goes on without
    /// torch.compile) and not a graph break.
    pub torch_compile_fullgraph: Option<bool>,

    /// The `mode` of torch.compile; only the backend inductor has modes.
    pub torch_compile_mode: Option<TorchCompileMode>,

    /// The `options` of torch.compile for its backend.
    pub torch_compile_options: Option<HashMap<String, Option<serde_json::Value>>>,

    /// What is compiled: the whole forward pass (`model`, also when unset), or by the library
    /// itself the steps after the prompt (`decode`), with a static cache.
    pub torch_compile_target: Option<TorchCompileTarget>,

    /// Quantize with torchao while loading, in this way.
    pub torchao_quant_type: Option<TorchaoQuantType>,

    /// Whether the document asks to run code that comes with the model. It only runs when the
    /// operator consents too (`--trust-remote-code`).
    pub trust_remote_code: Option<bool>,

    /// Only tokens of about typical information content, which together reach this probability,
    /// are sampled from.
    pub typical_p: Option<f64>,

    /// Whether keys and values of earlier tokens are kept.
    pub use_cache: Option<bool>,

    /// Replace layers by kernels from the Hub where there are some.
    pub use_kernels: Option<bool>,

    /// Speculative decoding by the model's own layers for multi-token prediction.
    pub use_mtp: Option<bool>,

    /// Whether the weights must be (true) or must not be (false) safetensors files.
    pub use_safetensors: Option<bool>,

    /// The variant of the weight files, for example `fp16` for model.fp16.safetensors.
    pub variant: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttnImplementation {
    Eager,

    #[serde(rename = "flash_attention_2")]
    FlashAttention2,

    #[serde(rename = "flash_attention_3")]
    FlashAttention3,

    #[serde(rename = "flash_attention_4")]
    FlashAttention4,

    #[serde(rename = "flex_attention")]
    FlexAttention,

    Sdpa,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batching {
    #[serde(rename = "length_sorted")]
    LengthSorted,

    Static,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bnb4BitComputeDtype {
    Bfloat16,

    Float16,

    Float32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bnb4BitQuantStorage {
    Bfloat16,

    Float16,

    Float32,

    Float64,

    Int8,

    Uint8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bnb4BitQuantType {
    Fp4,

    Nf4,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheImplementation {
    Dynamic,

    Offloaded,

    #[serde(rename = "offloaded_static")]
    OffloadedStatic,

    Quantized,

    #[serde(rename = "sliding_window")]
    SlidingWindow,

    Static,
}

/// Where the parts of the model go: a strategy, one device, or a map from module to device.
/// llem takes `auto` when it is unset; with several processes each one takes its own device.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DeviceMap {
    Integer(i64),

    PurpleString(String),

    UnionMap(HashMap<String, MaxMemory>),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum MaxMemory {
    Integer(i64),

    PurpleString(String),
}

/// When beam search ends: true as soon as there are `num_beams` finished candidates, false
/// by a heuristic, `never` only when no better candidate is possible.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EarlyStoppingUnion {
    Bool(bool),

    Enum(EarlyStoppingEnum),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarlyStoppingEnum {
    Never,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpertsImplementation {
    #[serde(rename = "batched_mm")]
    BatchedMm,

    Deepgemm,

    Eager,

    #[serde(rename = "grouped_mm")]
    GroupedMm,

    Sonicmoe,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Float32MatmulPrecision {
    High,

    Highest,

    Medium,
}

/// The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or
/// 1 with hqq.
///
/// The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0
/// or 1 with hqq.
///
/// Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KvCache {
    Double(f64),

    Integer(i64),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KvCacheBackend {
    Fp8,

    Hqq,

    Quanto,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumAssistantTokensSchedule {
    Constant,

    Heuristic,

    #[serde(rename = "heuristic_transient")]
    HeuristicTransient,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuantoWeights {
    Float8,

    Int2,

    Int4,

    Int8,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SdpaBackend {
    #[serde(rename = "cudnn_attention")]
    CudnnAttention,

    #[serde(rename = "efficient_attention")]
    EfficientAttention,

    #[serde(rename = "flash_attention")]
    FlashAttention,

    Math,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TorchCompileMode {
    Default,

    Lite,

    #[serde(rename = "max-autotune")]
    MaxAutotune,

    #[serde(rename = "max-autotune-no-cudagraphs")]
    MaxAutotuneNoCudagraphs,

    #[serde(rename = "reduce-overhead")]
    ReduceOverhead,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TorchCompileTarget {
    Decode,

    Model,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TorchaoQuantType {
    #[serde(rename = "float8_weight_only")]
    Float8WeightOnly,

    #[serde(rename = "int8_dynamic_activation_int8_weight")]
    Int8DynamicActivationInt8Weight,

    #[serde(rename = "int8_weight_only")]
    Int8WeightOnly,
}

/// Settings of TensorRT-LLM with a TensorRT engine (`tensorrt_llm._tensorrt_engine.LLM`, up
/// to release 1.2). What is unset is left to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TensorRtConfig {
    /// A folder with a built engine. It is loaded in place of `model`.
    pub engine_path: Option<String>,

    /// The largest batch the engine is built for.
    pub max_batch_size: Option<i64>,

    /// The quantization method, as TensorRT-LLM's quantize tool names it.
    pub quantization: Option<TensorrtQuantization>,

    /// GPUs over which each layer is split.
    pub tp_size: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TensorrtQuantization {
    Fp8,

    #[serde(rename = "int4_awq")]
    Int4Awq,

    #[serde(rename = "int8_sq")]
    Int8Sq,
}

/// Settings of vLLM. What is unset is left to the engine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VllmConfig {
    /// Whether the cache of common prompt beginnings is shared.
    pub enable_prefix_caching: Option<bool>,

    /// The share of GPU memory that vLLM takes for weights and cache.
    pub gpu_memory_utilization: Option<f64>,

    /// Sequences that run together at most. Unset, vLLM chooses by GPU memory and entry point.
    pub max_num_seqs: Option<i64>,

    /// The quantization method. awq and gptq need a checkpoint that was quantized so; fp8
    /// quantizes while loading.
    pub quantization: Option<VllmQuantization>,

    /// GPUs over which each layer is split.
    pub tensor_parallel_size: Option<i64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VllmQuantization {
    Awq,

    Fp8,

    Gptq,
}
