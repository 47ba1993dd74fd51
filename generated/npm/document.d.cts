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
   * Arguments that have no field of their own, passed on last and unchecked. They go to the engine's loading call; those under the name of a call go to that call.
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
  /**
   * Generation of a sequence ends when its text holds one of these.
   */
  stop_strings?: string[] | null;
  /**
   * Sequences that are generated for each prompt.
   */
  num_return_sequences?: number | null;
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
   * Which prompts run together: `static` takes them in their order, `length_sorted` the longest first, so that prompts of like length meet and little is padded.
   */
  batching?: "static" | "length_sorted" | null;
  /**
   * Batches are padded to a multiple of this many tokens, so that fewer shapes occur.
   */
  pad_to_multiple_of?: number | null;
  /**
   * Take the data type of the checkpoint in place of `precision`.
   */
  checkpoint_dtype?: true | null;
  /**
   * The attention kernels. Unset, the library takes sdpa where the model has it, else eager.
   */
  attn_implementation?:
    "sdpa" | "flash_attention_2" | "flash_attention_3" | "flash_attention_4" | "flex_attention" | "eager" | null;
  /**
   * The kernel that scaled dot product attention must use; unset, torch chooses.
   */
  sdpa_backend?: "math" | "flash_attention" | "efficient_attention" | "cudnn_attention" | null;
  /**
   * How the experts of a mixture of experts are computed. Unset, the library takes grouped_mm.
   */
  experts_implementation?: "eager" | "batched_mm" | "grouped_mm" | "deepgemm" | "sonicmoe" | null;
  /**
   * Replace layers by kernels from the Hub where there are some.
   */
  use_kernels?: boolean | null;
  /**
   * Compile the forward pass of the model with torch.compile. When compiling fails, the run goes on without it and the record says so.
   */
  torch_compile?: boolean | null;
  /**
   * The `mode` of torch.compile; only the backend inductor has modes.
   */
  torch_compile_mode?: "default" | "reduce-overhead" | "max-autotune" | "max-autotune-no-cudagraphs" | "lite" | null;
  /**
   * The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
   */
  torch_compile_backend?: string | null;
  /**
   * Whether a part that cannot be captured is an error (the run goes on without torch.compile) and not a graph break.
   */
  torch_compile_fullgraph?: boolean | null;
  /**
   * Whether graphs are made for all shapes at once (true), or for each shape (false). Unset, torch begins with one shape and generalises.
   */
  torch_compile_dynamic?: boolean | null;
  /**
   * The `options` of torch.compile for its backend.
   */
  torch_compile_options?: {
    [k: string]: unknown;
  } | null;
  /**
   * What is compiled: the whole forward pass (`model`, also when unset), or by the library itself the steps after the prompt (`decode`), with a static cache.
   */
  torch_compile_target?: "model" | "decode" | null;
  /**
   * Keep the library from compiling the decoding steps by itself, as it does on a GPU when the cache is static.
   */
  disable_compile?: boolean | null;
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
   * The data type in which packed 4-bit weights are kept.
   */
  bnb_4bit_quant_storage?: "uint8" | "int8" | "float16" | "bfloat16" | "float32" | "float64" | null;
  /**
   * Columns of activations with a value above this are computed in half precision; 0 turns it off.
   */
  llm_int8_threshold?: number | null;
  /**
   * Modules that stay unquantized, in 8 and in 4 bit. The list takes the place of the library's own, so name the output layer (`lm_head`) too.
   */
  llm_int8_skip_modules?: string[] | null;
  /**
   * Let parts of a quantized model lie on the processor or on disk, where they stay unquantized.
   */
  llm_int8_enable_fp32_cpu_offload?: boolean | null;
  /**
   * Quantize the weights with quanto while loading, to this data type.
   */
  quanto_weights?: "int8" | "int4" | "int2" | "float8" | null;
  /**
   * Quantize with torchao while loading, in this way.
   */
  torchao_quant_type?: "int8_weight_only" | "int8_dynamic_activation_int8_weight" | "float8_weight_only" | null;
  /**
   * Whether keys and values of earlier tokens are kept.
   */
  use_cache?: boolean | null;
  /**
   * The kind of key-value cache. Unset, it is `dynamic`. `sliding_window` is a deprecated name that the library treats as `static`.
   */
  cache_implementation?:
    "dynamic" | "static" | "offloaded" | "offloaded_static" | "quantized" | "sliding_window" | null;
  /**
   * Tokens that a static cache has room for. Unset, it is made for each batch, and a new length compiles anew.
   */
  max_cache_len?: number | null;
  /**
   * What quantizes a quantized cache.
   */
  kv_cache_backend?: "quanto" | "hqq" | "fp8" | null;
  /**
   * Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
   */
  kv_cache_nbits?: 1 | 2 | 3 | 4 | 8 | null;
  /**
   * The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or 1 with hqq.
   */
  kv_cache_axis_key?: -1 | 0 | 1 | null;
  /**
   * The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0 or 1 with hqq.
   */
  kv_cache_axis_value?: -1 | 0 | 1 | null;
  /**
   * Numbers that share a scale in a quantized cache.
   */
  kv_cache_group_size?: number | null;
  /**
   * The latest tokens of a quantized cache that stay unquantized.
   */
  kv_cache_residual_length?: number | null;
  /**
   * The prompt is read in pieces of so many tokens, which needs less memory.
   */
  prefill_chunk_size?: number | null;
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
   * Only tokens of about typical information content, which together reach this probability, are sampled from.
   */
  typical_p?: number | null;
  /**
   * Only the most probable tokens up to this share of the entropy are sampled from.
   */
  top_h?: number | null;
  /**
   * Tokens less probable than this are not sampled.
   */
  epsilon_cutoff?: number | null;
  /**
   * Tokens less probable than this, or than its root scaled by the entropy, are not sampled.
   */
  eta_cutoff?: number | null;
  /**
   * Make the scores a probability distribution again after all filters.
   */
  renormalize_logits?: boolean | null;
  /**
   * Above 1, tokens of the prompt become more probable; 1 turns it off.
   */
  encoder_repetition_penalty?: number | null;
  /**
   * Classifier-free guidance: the model also runs without the prompt, and this is the weight of the difference; 1 turns it off.
   */
  guidance_scale?: number | null;
  /**
   * Two numbers: after so many generated tokens, the end token gains by this factor with every token.
   */
  exponential_decay_length_penalty?: number[] | null;
  /**
   * Generation of a batch stops after about so many seconds: what comes out then depends on the machine.
   */
  max_time?: number | null;
  /**
   * Speculative decoding that takes this many draft tokens from the prompt itself. The library wants batches of one.
   */
  prompt_lookup_num_tokens?: number | null;
  /**
   * The longest n-gram that is looked up in the prompt.
   */
  max_matching_ngram_size?: number | null;
  /**
   * Speculative decoding with this draft model: a Hub id, a local path or a model that llem makes. It needs the vocabulary of the model. The library wants batches of one.
   */
  assistant_model?: string | null;
  /**
   * The branch, tag or commit of the draft model on the Hub.
   */
  assistant_revision?: string | null;
  /**
   * The data type of the draft model. Unset, it is `precision`.
   */
  assistant_precision?: "fp32" | "fp16" | "bf16" | null;
  /**
   * Tokens that the draft model proposes at once, at first. The library reads it from the draft model's own configuration, where llem sets it.
   */
  num_assistant_tokens?: number | null;
  /**
   * How the number of proposed tokens changes: `constant`, or with the proposals that were accepted (`heuristic`; `heuristic_transient` begins anew with each call).
   */
  num_assistant_tokens_schedule?: "constant" | "heuristic" | "heuristic_transient" | null;
  /**
   * The draft model stops proposing when it gives its token less probability than this; 0 turns it off.
   */
  assistant_confidence_threshold?: number | null;
  /**
   * The weight of the draft model in the mixture of both that is decoded from: faster, and no longer the output of the model alone.
   */
  assistant_ensemble_weight?: number | null;
  /**
   * Speculative decoding in which the first layers of the model, so many of them, propose. For models that were trained for it.
   */
  assistant_early_exit?: number | null;
  /**
   * Speculative decoding by the model's own layers for multi-token prediction.
   */
  use_mtp?: boolean | null;
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
   * Where weights that fit on no device are kept.
   */
  offload_folder?: string | null;
  /**
   * Whether buffers are offloaded with the weights.
   */
  offload_buffers?: boolean | null;
  /**
   * The folder of model and tokenizer inside the repository or path.
   */
  subfolder?: string | null;
  /**
   * The variant of the weight files, for example `fp16` for model.fp16.safetensors.
   */
  variant?: string | null;
  /**
   * Whether the weights must be (true) or must not be (false) safetensors files.
   */
  use_safetensors?: boolean | null;
  /**
   * A GGUF file of the repository or path; the library turns its weights back into `precision`.
   */
  gguf_file?: string | null;
  /**
   * A LoRA adapter that is loaded into the model: a Hub id or a local path.
   */
  adapter?: string | null;
  /**
   * The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on a local path.
   */
  revision?: string | null;
  /**
   * Whether the document asks to run code that comes with the model. It only runs when the operator consents too (`--trust-remote-code`).
   */
  trust_remote_code?: boolean | null;
  /**
   * The branch, tag or commit of code that comes with the model, where it is kept apart from the weights.
   */
  code_revision?: string | null;
  /**
   * Data-parallel processes. Each loads the whole model and takes a share of the prompts.
   */
  num_processes?: number | null;
  /**
   * Processes among which every weight is split. Each sees all prompts.
   */
  tensor_parallel_size?: number | null;
  /**
   * Threads of the processor for one operation.
   */
  num_threads?: number | null;
  /**
   * Operations of the processor that may run at once.
   */
  num_interop_threads?: number | null;
  /**
   * How precisely float32 matrices are multiplied: `high` and `medium` let a GPU use TF32 and bfloat16 inside.
   */
  float32_matmul_precision?: "highest" | "high" | "medium" | null;
  /**
   * Use only operations that give the same result every time, and fail where there is none.
   */
  deterministic?: boolean | null;
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
