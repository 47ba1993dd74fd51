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

    /// Arguments for the engine's loading call that have no field of their own, passed on last
    /// and unchecked.
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

    /// A named set of values for the other fields here. What is written beside it wins over it.
    pub preset: Option<Preset>,

    /// Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in
    /// greedy decoding and beam search too.
    pub repetition_penalty: Option<f64>,

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
    /// The attention kernels.
    pub attn_implementation: Option<AttnImplementation>,

    /// Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is
    /// unset.
    pub batch_size: Option<i64>,

    /// The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not
    /// `precision`.
    #[serde(rename = "bnb_4bit_compute_dtype")]
    pub bnb_4_bit_compute_dtype: Option<Bnb4BitComputeDtype>,

    /// The 4-bit data type.
    #[serde(rename = "bnb_4bit_quant_type")]
    pub bnb_4_bit_quant_type: Option<Bnb4BitQuantType>,

    /// Quantize the quantization constants too.
    #[serde(rename = "bnb_4bit_use_double_quant")]
    pub bnb_4_bit_use_double_quant: Option<bool>,

    /// The kind of key-value cache. `sliding_window` is a deprecated name that the library
    /// treats as `static`.
    pub cache_implementation: Option<CacheImplementation>,

    /// Where the parts of the model go: a strategy, one device, or a map from module to device.
    /// llem takes `auto` when it is unset; with several processes each one takes its own device.
    pub device_map: Option<DeviceMap>,

    /// When beam search ends: true as soon as there are `num_beams` finished candidates, false
    /// by a heuristic, `never` only when no better candidate is possible.
    pub early_stopping: Option<EarlyStoppingUnion>,

    /// Exponent of the length by which the score of a beam is divided: above 0 favours longer
    /// sequences, below 0 shorter ones.
    pub length_penalty: Option<f64>,

    /// Quantize the weights to 4 bit with bitsandbytes while loading.
    #[serde(rename = "load_in_4bit")]
    pub load_in_4_bit: Option<bool>,

    /// Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading.
    #[serde(rename = "load_in_8bit")]
    pub load_in_8_bit: Option<bool>,

    /// The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu,
    /// mps, disk) to bytes or a size such as 20GiB.
    pub max_memory: Option<HashMap<String, MaxMemory>>,

    /// No n-gram of this size occurs twice; 0 turns it off.
    pub no_repeat_ngram_size: Option<i64>,

    /// Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled.
    pub num_beams: Option<i64>,

    /// Data-parallel processes. Each loads the whole model and takes a share of the prompts.
    pub num_processes: Option<i64>,

    /// Speculative decoding that takes this many draft tokens from the prompt itself. The
    /// library wants batches of one.
    pub prompt_lookup_num_tokens: Option<i64>,

    /// The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on
    /// a local path.
    pub revision: Option<String>,

    /// Compile the forward pass of the model with torch.compile. When compiling fails, the run
    /// goes on without it and the record says so.
    pub torch_compile: Option<bool>,

    /// The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
    pub torch_compile_backend: Option<String>,

    /// The `mode` of torch.compile, for example `default`, `reduce-overhead` or `max-autotune`.
    pub torch_compile_mode: Option<String>,

    /// Whether the document asks to run code that comes with the model. It only runs when the
    /// operator consents too (`--trust-remote-code`).
    pub trust_remote_code: Option<bool>,

    /// Whether keys and values of earlier tokens are kept.
    pub use_cache: Option<bool>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttnImplementation {
    Eager,

    #[serde(rename = "flash_attention_2")]
    FlashAttention2,

    #[serde(rename = "flash_attention_3")]
    FlashAttention3,

    Sdpa,
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
pub enum Bnb4BitQuantType {
    Fp4,

    Nf4,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheImplementation {
    #[serde(rename = "offloaded_static")]
    OffloadedStatic,

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
