// Written by `python scripts/generate.py` from schema/. Do not edit.

export type DatasetSource = string;
/**
 * Text put before each prompt: as the system message of the chat template, or as a paragraph of its own.
 */
export type DatasetSystemPrompt = string | null;
/**
 * Whether prompts go through the chat template of the tokenizer. A tokenizer without one leaves them as they are, with a warning.
 */
export type DatasetChatTemplate = boolean | null;

/**
 * One LLM inference experiment: which model is loaded, how, and how it generates.
 */
export interface ExperimentConfig {
  /**
   * Where an editor finds this schema. It says nothing about the experiment.
   */
  $schema?: string | null;
  /**
   * The version of the specification that the document is written for. A document for another one is refused instead of misread.
   */
  schema_version?: string | null;
  /**
   * A Hub id, a local path, or a model that llem makes itself (`builtin:tiny-llama`, `builtin:tiny-gpt2`).
   */
  model: string;
  /**
   * The engine that runs the experiment. A section of another engine is an error.
   */
  backend?: "pytorch" | "vllm" | "tensorrt" | null;
  /**
   * The data type in which the weights are loaded and computed.
   */
  precision?: "fp32" | "fp16" | "bf16" | null;
  /**
   * How many prompts are run. A set with fewer is repeated from its start.
   */
  n?: number | null;
  /**
   * The prompts: a set that llem ships, a file, or synthetic text. A plain string is short for `source`.
   */
  dataset?: DatasetSource | DatasetFile | DatasetSynthetic | null;
  /**
   * Seed of everything random: synthetic prompts and sampling. It is set after the warm-up, right before the timed batches.
   */
  random_seed?: number | null;
  /**
   * Prompts are cut to this many tokens (their start is kept).
   */
  max_input_tokens?: number | null;
  /**
   * At most this many tokens are generated for a prompt.
   */
  max_output_tokens?: number | null;
  /**
   * How many untimed batches run first. They repeat the first batch.
   */
  warmup?: number | null;
  decoder?: DecoderConfig | null;
  pytorch?: PyTorchConfig | null;
  vllm?: VLLMConfig | null;
  tensorrt?: TensorRTConfig | null;
  /**
   * Arguments for the engine's loading call that have no field of their own, passed on last and unchecked.
   */
  passthrough_kwargs?: {
    [k: string]: unknown;
  } | null;
  /**
   * Where results are kept: each run makes a folder of its own in it.
   */
  output_dir?: string | null;
}
/**
 * Prompts from a file or from a set that llem ships.
 */
export interface DatasetFile {
  /**
   * `builtin:mixed`, or a path to a .jsonl, .csv or .txt file (one prompt a line), relative to the working directory.
   */
  source: string;
  /**
   * The column of a .csv file, or the key of a .jsonl file, that holds the prompt; `text` when it is unset.
   */
  column?: string | null;
  system_prompt?: DatasetSystemPrompt;
  chat_template?: DatasetChatTemplate;
}
/**
 * Random words, made from `random_seed`: every prompt has exactly `input_len` tokens.
 */
export interface DatasetSynthetic {
  /**
   * Tokens of each prompt, special tokens included. It takes the place of `max_input_tokens`.
   */
  input_len: number;
  /**
   * Tokens generated for each prompt: exactly this many, the end token is held back until then. It takes the place of `max_output_tokens` and `decoder.min_new_tokens`.
   */
  output_len?: number | null;
  system_prompt?: DatasetSystemPrompt;
  chat_template?: DatasetChatTemplate;
}
/**
 * How the next token is chosen. The same fields for every engine.
 */
export interface DecoderConfig {
  /**
   * A named set of values for the other fields here. What is written beside it wins over it.
   */
  preset?: "deterministic" | "standard" | "creative" | "factual" | null;
  /**
   * Divides the logits before sampling; 0 means greedy decoding.
   */
  temperature?: number | null;
  /**
   * Whether tokens are sampled. False means greedy decoding (or beam search).
   */
  do_sample?: boolean | null;
  /**
   * Only the k most probable tokens are sampled from; 0 turns the filter off.
   */
  top_k?: number | null;
  /**
   * Only the most probable tokens that together reach this probability are sampled from; 1 turns the filter off.
   */
  top_p?: number | null;
  /**
   * Tokens less probable than this share of the most probable one are not sampled.
   */
  min_p?: number | null;
  /**
   * Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in greedy decoding and beam search too.
   */
  repetition_penalty?: number | null;
  /**
   * The end token is held back until this many tokens are generated.
   */
  min_new_tokens?: number | null;
}
/**
 * Settings of HuggingFace Transformers on PyTorch. What is unset is left to the library.
 */
export interface PyTorchConfig {
  /**
   * Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is unset.
   */
  batch_size?: number | null;
  /**
   * The attention kernels.
   */
  attn_implementation?: "sdpa" | "flash_attention_2" | "flash_attention_3" | "eager" | null;
  /**
   * Compile the forward pass of the model with torch.compile. When compiling fails, the run goes on without it and the record says so.
   */
  torch_compile?: boolean | null;
  /**
   * The `mode` of torch.compile, for example `default`, `reduce-overhead` or `max-autotune`.
   */
  torch_compile_mode?: string | null;
  /**
   * The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
   */
  torch_compile_backend?: string | null;
  /**
   * Quantize the weights to 4 bit with bitsandbytes while loading.
   */
  load_in_4bit?: boolean | null;
  /**
   * Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading.
   */
  load_in_8bit?: boolean | null;
  /**
   * The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not `precision`.
   */
  bnb_4bit_compute_dtype?: "float16" | "bfloat16" | "float32" | null;
  /**
   * The 4-bit data type.
   */
  bnb_4bit_quant_type?: "nf4" | "fp4" | null;
  /**
   * Quantize the quantization constants too.
   */
  bnb_4bit_use_double_quant?: boolean | null;
  /**
   * Whether keys and values of earlier tokens are kept.
   */
  use_cache?: boolean | null;
  /**
   * The kind of key-value cache. `sliding_window` is a deprecated name that the library treats as `static`.
   */
  cache_implementation?: "static" | "offloaded_static" | "sliding_window" | null;
  /**
   * Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled.
   */
  num_beams?: number | null;
  /**
   * When beam search ends: true as soon as there are `num_beams` finished candidates, false by a heuristic, `never` only when no better candidate is possible.
   */
  early_stopping?: true | false | "never" | null;
  /**
   * Exponent of the length by which the score of a beam is divided: above 0 favours longer sequences, below 0 shorter ones.
   */
  length_penalty?: number | null;
  /**
   * No n-gram of this size occurs twice; 0 turns it off.
   */
  no_repeat_ngram_size?: number | null;
  /**
   * Speculative decoding that takes this many draft tokens from the prompt itself. The library wants batches of one.
   */
  prompt_lookup_num_tokens?: number | null;
  /**
   * Where the parts of the model go: a strategy, one device, or a map from module to device. llem takes `auto` when it is unset; with several processes each one takes its own device.
   */
  device_map?:
    | ("auto" | "balanced" | "balanced_low_0" | "sequential")
    | string
    | number
    | {
        [k: string]: string | number;
      }
    | null;
  /**
   * The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu, mps, disk) to bytes or a size such as 20GiB.
   */
  max_memory?: {
    [k: string]: number | string;
  } | null;
  /**
   * The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on a local path.
   */
  revision?: string | null;
  /**
   * Whether the document asks to run code that comes with the model. It only runs when the operator consents too (`--trust-remote-code`).
   */
  trust_remote_code?: boolean | null;
  /**
   * Data-parallel processes. Each loads the whole model and takes a share of the prompts.
   */
  num_processes?: number | null;
}
/**
 * Settings of vLLM. What is unset is left to the engine.
 */
export interface VLLMConfig {
  /**
   * Sequences that run together at most. Unset, vLLM chooses by GPU memory and entry point.
   */
  max_num_seqs?: number | null;
  /**
   * GPUs over which each layer is split.
   */
  tensor_parallel_size?: number | null;
  /**
   * The share of GPU memory that vLLM takes for weights and cache.
   */
  gpu_memory_utilization?: number | null;
  /**
   * Whether the cache of common prompt beginnings is shared.
   */
  enable_prefix_caching?: boolean | null;
  /**
   * The quantization method. awq and gptq need a checkpoint that was quantized so; fp8 quantizes while loading.
   */
  quantization?: "awq" | "gptq" | "fp8" | null;
}
/**
 * Settings of TensorRT-LLM with a TensorRT engine (`tensorrt_llm._tensorrt_engine.LLM`, up to release 1.2). What is unset is left to the engine.
 */
export interface TensorRTConfig {
  /**
   * The largest batch the engine is built for.
   */
  max_batch_size?: number | null;
  /**
   * GPUs over which each layer is split.
   */
  tp_size?: number | null;
  /**
   * The quantization method, as TensorRT-LLM's quantize tool names it.
   */
  quantization?: "int8_sq" | "int4_awq" | "fp8" | null;
  /**
   * A folder with a built engine. It is loaded in place of `model`.
   */
  engine_path?: string | null;
}
