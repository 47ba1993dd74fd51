// Written by `python scripts/generate.py` from schema/. Do not edit.

package llem

import "bytes"
import "encoding/json"
import "errors"

func UnmarshalExperimentConfig(data []byte) (ExperimentConfig, error) {
	var r ExperimentConfig
	err := json.Unmarshal(data, &r)
	return r, err
}

func (r *ExperimentConfig) Marshal() ([]byte, error) {
	return json.Marshal(r)
}

// One LLM inference experiment: which model is loaded, how, and how it generates.
type ExperimentConfig struct {
	// Where an editor finds this schema. It says nothing about the experiment.
	Schema *string `json:"$schema"`
	// The engine that runs the experiment. A section of another engine is an error.
	Backend *Backend `json:"backend"`
	Dataset *DatasetUnion `json:"dataset"`
	Decoder *DecoderConfig `json:"decoder,omitempty"`
	// Prompts are cut to this many tokens (their start is kept).
	MaxInputTokens *int64 `json:"max_input_tokens"`
	// At most this many tokens are generated for a prompt.
	MaxOutputTokens *int64 `json:"max_output_tokens"`
	// A Hub id, a local path, or a model that llem makes itself (`builtin:tiny-llama`,
	// `builtin:tiny-gpt2`).
	Model string `json:"model"`
	// How many prompts are run. A set with fewer is repeated from its start.
	N *int64 `json:"n"`
	// Where results are kept: each run makes a folder of its own in it.
	OutputDir *string `json:"output_dir"`
	// Arguments that have no field of their own, passed on last and unchecked. They go to the
	// engine's loading call; those under the name of a call go to that call.
	PassthroughKwargs map[string]interface{} `json:"passthrough_kwargs"`
	// The data type in which the weights are loaded and computed.
	Precision *Precision `json:"precision"`
	Pytorch *PyTorchConfig `json:"pytorch,omitempty"`
	// Seed of everything random: synthetic prompts and sampling. It is set after the warm-up,
	// right before the timed batches.
	RandomSeed *int64 `json:"random_seed"`
	// The version of the specification that the document is written for. A document for another
	// one is refused instead of misread.
	SchemaVersion *string `json:"schema_version"`
	Tensorrt *TensorRTConfig `json:"tensorrt,omitempty"`
	Vllm *VLLMConfig `json:"vllm,omitempty"`
	// How many untimed batches run first. They repeat the first batch.
	Warmup *int64 `json:"warmup"`
}

// Prompts from a file or from a set that llem ships.
//
// Random words, made from `random_seed`: every prompt has exactly `input_len` tokens.
type Dataset struct {
	ChatTemplate *bool `json:"chat_template"`
	// The column of a .csv file, or the key of a .jsonl file, that holds the prompt; `text`
	// when it is unset.
	Column *string `json:"column"`
	// `builtin:mixed`, or a path to a .jsonl, .csv or .txt file (one prompt a line), relative
	// to the working directory.
	Source *string `json:"source,omitempty"`
	SystemPrompt *string `json:"system_prompt"`
	// Tokens of each prompt, special tokens included. It takes the place of `max_input_tokens`.
	InputLen *int64 `json:"input_len,omitempty"`
	// Tokens generated for each prompt: exactly this many, the end token is held back until
	// then. It takes the place of `max_output_tokens` and `decoder.min_new_tokens`.
	OutputLen *int64 `json:"output_len"`
}

// How the next token is chosen. The same fields for every engine.
type DecoderConfig struct {
	// Whether tokens are sampled. False means greedy decoding (or beam search).
	DoSample *bool `json:"do_sample"`
	// The end token is held back until this many tokens are generated.
	MinNewTokens *int64 `json:"min_new_tokens"`
	// Tokens less probable than this share of the most probable one are not sampled.
	MinP *float64 `json:"min_p"`
	// Sequences that are generated for each prompt.
	NumReturnSequences *int64 `json:"num_return_sequences"`
	// A named set of values for the other fields here. What is written beside it wins over it.
	Preset *Preset `json:"preset"`
	// Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in
	// greedy decoding and beam search too.
	RepetitionPenalty *float64 `json:"repetition_penalty"`
	// Generation of a sequence ends when its text holds one of these.
	StopStrings []string `json:"stop_strings"`
	// Divides the logits before sampling; 0 means greedy decoding.
	Temperature *float64 `json:"temperature"`
	// Only the k most probable tokens are sampled from; 0 turns the filter off.
	TopK *int64 `json:"top_k"`
	// Only the most probable tokens that together reach this probability are sampled from; 1
	// turns the filter off.
	TopP *float64 `json:"top_p"`
}

// Settings of HuggingFace Transformers on PyTorch. What is unset is left to the library.
type PyTorchConfig struct {
	// A LoRA adapter that is loaded into the model: a Hub id or a local path.
	Adapter *string `json:"adapter"`
	// The draft model stops proposing when it gives its token less probability than this; 0
	// turns it off.
	AssistantConfidenceThreshold *float64 `json:"assistant_confidence_threshold"`
	// Speculative decoding in which the first layers of the model, so many of them, propose.
	// For models that were trained for it.
	AssistantEarlyExit *int64 `json:"assistant_early_exit"`
	// The weight of the draft model in the mixture of both that is decoded from: faster, and no
	// longer the output of the model alone.
	AssistantEnsembleWeight *float64 `json:"assistant_ensemble_weight"`
	// Speculative decoding with this draft model: a Hub id, a local path or a model that llem
	// makes. It needs the vocabulary of the model. The library wants batches of one.
	AssistantModel *string `json:"assistant_model"`
	// The data type of the draft model. Unset, it is `precision`.
	AssistantPrecision *Precision `json:"assistant_precision"`
	// The branch, tag or commit of the draft model on the Hub.
	AssistantRevision *string `json:"assistant_revision"`
	// The attention kernels. Unset, the library takes sdpa where the model has it, else eager.
	AttnImplementation *AttnImplementation `json:"attn_implementation"`
	// Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is
	// unset.
	BatchSize *int64 `json:"batch_size"`
	// Which prompts run together: `static` takes them in their order, `length_sorted` the
	// longest first, so that prompts of like length meet and little is padded.
	Batching *Batching `json:"batching"`
	// The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not
	// `precision`.
	Bnb4BitComputeDtype *Bnb4BitComputeDtype `json:"bnb_4bit_compute_dtype"`
	// The data type in which packed 4-bit weights are kept.
	Bnb4BitQuantStorage *Bnb4BitQuantStorage `json:"bnb_4bit_quant_storage"`
	// The 4-bit data type.
	Bnb4BitQuantType *Bnb4BitQuantType `json:"bnb_4bit_quant_type"`
	// Quantize the quantization constants too.
	Bnb4BitUseDoubleQuant *bool `json:"bnb_4bit_use_double_quant"`
	// The kind of key-value cache. Unset, it is `dynamic`. `sliding_window` is a deprecated
	// name that the library treats as `static`.
	CacheImplementation *CacheImplementation `json:"cache_implementation"`
	// Take the data type of the checkpoint in place of `precision`.
	CheckpointDtype *bool `json:"checkpoint_dtype"`
	// The branch, tag or commit of code that comes with the model, where it is kept apart from
	// the weights.
	CodeRevision *string `json:"code_revision"`
	// Use only operations that give the same result every time, and fail where there is none.
	Deterministic *bool `json:"deterministic"`
	// Where the parts of the model go: a strategy, one device, or a map from module to device.
	// llem takes `auto` when it is unset; with several processes each one takes its own device.
	DeviceMap *DeviceMap `json:"device_map"`
	// Keep the library from compiling the decoding steps by itself, as it does on a GPU when
	// the cache is static.
	DisableCompile *bool `json:"disable_compile"`
	// When beam search ends: true as soon as there are `num_beams` finished candidates, false
	// by a heuristic, `never` only when no better candidate is possible.
	EarlyStopping *EarlyStoppingUnion `json:"early_stopping"`
	// Above 1, tokens of the prompt become more probable; 1 turns it off.
	EncoderRepetitionPenalty *float64 `json:"encoder_repetition_penalty"`
	// Tokens less probable than this are not sampled.
	EpsilonCutoff *float64 `json:"epsilon_cutoff"`
	// Tokens less probable than this, or than its root scaled by the entropy, are not sampled.
	EtaCutoff *float64 `json:"eta_cutoff"`
	// How the experts of a mixture of experts are computed. Unset, the library takes grouped_mm.
	ExpertsImplementation *ExpertsImplementation `json:"experts_implementation"`
	// Two numbers: after so many generated tokens, the end token gains by this factor with
	// every token.
	ExponentialDecayLengthPenalty []float64 `json:"exponential_decay_length_penalty"`
	// How precisely float32 matrices are multiplied: `high` and `medium` let a GPU use TF32 and
	// bfloat16 inside.
	Float32MatmulPrecision *Float32MatmulPrecision `json:"float32_matmul_precision"`
	// A GGUF file of the repository or path; the library turns its weights back into
	// `precision`.
	GgufFile *string `json:"gguf_file"`
	// Classifier-free guidance: the model also runs without the prompt, and this is the weight
	// of the difference; 1 turns it off.
	GuidanceScale *float64 `json:"guidance_scale"`
	// The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or
	// 1 with hqq.
	KvCacheAxisKey *KvCache `json:"kv_cache_axis_key"`
	// The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0
	// or 1 with hqq.
	KvCacheAxisValue *KvCache `json:"kv_cache_axis_value"`
	// What quantizes a quantized cache.
	KvCacheBackend *KvCacheBackend `json:"kv_cache_backend"`
	// Numbers that share a scale in a quantized cache.
	KvCacheGroupSize *int64 `json:"kv_cache_group_size"`
	// Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
	KvCacheNbits *KvCache `json:"kv_cache_nbits"`
	// The latest tokens of a quantized cache that stay unquantized.
	KvCacheResidualLength *int64 `json:"kv_cache_residual_length"`
	// Exponent of the length by which the score of a beam is divided: above 0 favours longer
	// sequences, below 0 shorter ones.
	LengthPenalty *float64 `json:"length_penalty"`
	// Let parts of a quantized model lie on the processor or on disk, where they stay
	// unquantized.
	LlmInt8EnableFp32CPUOffload *bool `json:"llm_int8_enable_fp32_cpu_offload"`
	// Modules that stay unquantized, in 8 and in 4 bit. The list takes the place of the
	// library's own, so name the output layer (`lm_head`) too.
	LlmInt8SkipModules []string `json:"llm_int8_skip_modules"`
	// Columns of activations with a value above this are computed in half precision; 0 turns it
	// off.
	LlmInt8Threshold *float64 `json:"llm_int8_threshold"`
	// Quantize the weights to 4 bit with bitsandbytes while loading.
	LoadIn4Bit *bool `json:"load_in_4bit"`
	// Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading.
	LoadIn8Bit *bool `json:"load_in_8bit"`
	// Tokens that a static cache has room for. Unset, it is made for each batch, and a new
	// length compiles anew.
	MaxCacheLen *int64 `json:"max_cache_len"`
	// The longest n-gram that is looked up in the prompt.
	MaxMatchingNgramSize *int64 `json:"max_matching_ngram_size"`
	// The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu,
	// mps, disk) to bytes or a size such as 20GiB.
	MaxMemory map[string]*MaxMemory `json:"max_memory"`
	// Generation of a batch stops after about so many seconds: what comes out then depends on
	// the machine.
	MaxTime *float64 `json:"max_time"`
	// No n-gram of this size occurs twice; 0 turns it off.
	NoRepeatNgramSize *int64 `json:"no_repeat_ngram_size"`
	// Tokens that the draft model proposes at once, at first. The library reads it from the
	// draft model's own configuration, where llem sets it.
	NumAssistantTokens *int64 `json:"num_assistant_tokens"`
	// How the number of proposed tokens changes: `constant`, or with the proposals that were
	// accepted (`heuristic`; `heuristic_transient` begins anew with each call).
	NumAssistantTokensSchedule *NumAssistantTokensSchedule `json:"num_assistant_tokens_schedule"`
	// Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled.
	NumBeams *int64 `json:"num_beams"`
	// Operations of the processor that may run at once.
	NumInteropThreads *int64 `json:"num_interop_threads"`
	// Data-parallel processes. Each loads the whole model and takes a share of the prompts.
	NumProcesses *int64 `json:"num_processes"`
	// Threads of the processor for one operation.
	NumThreads *int64 `json:"num_threads"`
	// Whether buffers are offloaded with the weights.
	OffloadBuffers *bool `json:"offload_buffers"`
	// Where weights that fit on no device are kept.
	OffloadFolder *string `json:"offload_folder"`
	// Batches are padded to a multiple of this many tokens, so that fewer shapes occur.
	PadToMultipleOf *int64 `json:"pad_to_multiple_of"`
	// The prompt is read in pieces of so many tokens, which needs less memory.
	PrefillChunkSize *int64 `json:"prefill_chunk_size"`
	// Speculative decoding that takes this many draft tokens from the prompt itself. The
	// library wants batches of one.
	PromptLookupNumTokens *int64 `json:"prompt_lookup_num_tokens"`
	// Quantize the weights with quanto while loading, to this data type.
	QuantoWeights *QuantoWeights `json:"quanto_weights"`
	// Make the scores a probability distribution again after all filters.
	RenormalizeLogits *bool `json:"renormalize_logits"`
	// The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on
	// a local path.
	Revision *string `json:"revision"`
	// The kernel that scaled dot product attention must use; unset, torch chooses.
	SdpaBackend *SdpaBackend `json:"sdpa_backend"`
	// The folder of model and tokenizer inside the repository or path.
	Subfolder *string `json:"subfolder"`
	// Processes among which every weight is split. Each sees all prompts.
	TensorParallelSize *int64 `json:"tensor_parallel_size"`
	// Only the most probable tokens up to this share of the entropy are sampled from.
	TopH *float64 `json:"top_h"`
	// Compile the forward pass of the model with torch.compile. When compiling fails, the run
	// goes on without it and the record says so.
	TorchCompile *bool `json:"torch_compile"`
	// The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
	TorchCompileBackend *string `json:"torch_compile_backend"`
	// Whether graphs are made for all shapes at once (true), or for each shape (false). Unset,
	// torch begins with one shape and generalises.
	TorchCompileDynamic *bool `json:"torch_compile_dynamic"`
	// Whether a part that cannot be captured is an error (the run goes on without
	// torch.compile) and not a graph break.
	TorchCompileFullgraph *bool `json:"torch_compile_fullgraph"`
	// The `mode` of torch.compile; only the backend inductor has modes.
	TorchCompileMode *TorchCompileMode `json:"torch_compile_mode"`
	// The `options` of torch.compile for its backend.
	TorchCompileOptions map[string]interface{} `json:"torch_compile_options"`
	// What is compiled: the whole forward pass (`model`, also when unset), or by the library
	// itself the steps after the prompt (`decode`), with a static cache.
	TorchCompileTarget *TorchCompileTarget `json:"torch_compile_target"`
	// Quantize with torchao while loading, in this way.
	TorchaoQuantType *TorchaoQuantType `json:"torchao_quant_type"`
	// Whether the document asks to run code that comes with the model. It only runs when the
	// operator consents too (`--trust-remote-code`).
	TrustRemoteCode *bool `json:"trust_remote_code"`
	// Only tokens of about typical information content, which together reach this probability,
	// are sampled from.
	TypicalP *float64 `json:"typical_p"`
	// Whether keys and values of earlier tokens are kept.
	UseCache *bool `json:"use_cache"`
	// Replace layers by kernels from the Hub where there are some.
	UseKernels *bool `json:"use_kernels"`
	// Speculative decoding by the model's own layers for multi-token prediction.
	UseMtp *bool `json:"use_mtp"`
	// Whether the weights must be (true) or must not be (false) safetensors files.
	UseSafetensors *bool `json:"use_safetensors"`
	// The variant of the weight files, for example `fp16` for model.fp16.safetensors.
	Variant *string `json:"variant"`
}

// Settings of TensorRT-LLM with a TensorRT engine (`tensorrt_llm._tensorrt_engine.LLM`, up
// to release 1.2). What is unset is left to the engine.
type TensorRTConfig struct {
	// A folder with a built engine. It is loaded in place of `model`.
	EnginePath *string `json:"engine_path"`
	// The largest batch the engine is built for.
	MaxBatchSize *int64 `json:"max_batch_size"`
	// The quantization method, as TensorRT-LLM's quantize tool names it.
	Quantization *TensorrtQuantization `json:"quantization"`
	// GPUs over which each layer is split.
	TpSize *int64 `json:"tp_size"`
}

// Settings of vLLM. What is unset is left to the engine.
type VLLMConfig struct {
	// Whether the cache of common prompt beginnings is shared.
	EnablePrefixCaching *bool `json:"enable_prefix_caching"`
	// The share of GPU memory that vLLM takes for weights and cache.
	GPUMemoryUtilization *float64 `json:"gpu_memory_utilization"`
	// Sequences that run together at most. Unset, vLLM chooses by GPU memory and entry point.
	MaxNumSeqs *int64 `json:"max_num_seqs"`
	// The quantization method. awq and gptq need a checkpoint that was quantized so; fp8
	// quantizes while loading.
	Quantization *VllmQuantization `json:"quantization"`
	// GPUs over which each layer is split.
	TensorParallelSize *int64 `json:"tensor_parallel_size"`
}

type Backend string

const (
	Pytorch Backend = "pytorch"
	Tensorrt Backend = "tensorrt"
	Vllm Backend = "vllm"
)

type Preset string

const (
	Creative Preset = "creative"
	Deterministic Preset = "deterministic"
	Factual Preset = "factual"
	Standard Preset = "standard"
)

type Precision string

const (
	Bf16 Precision = "bf16"
	Fp16 Precision = "fp16"
	Fp32 Precision = "fp32"
)

type AttnImplementation string

const (
	AttnImplementationEager AttnImplementation = "eager"
	FlashAttention2 AttnImplementation = "flash_attention_2"
	FlashAttention3 AttnImplementation = "flash_attention_3"
	FlashAttention4 AttnImplementation = "flash_attention_4"
	FlexAttention AttnImplementation = "flex_attention"
	Sdpa AttnImplementation = "sdpa"
)

type Batching string

const (
	BatchingStatic Batching = "static"
	LengthSorted Batching = "length_sorted"
)

type Bnb4BitComputeDtype string

const (
	Bnb4BitComputeDtypeBfloat16 Bnb4BitComputeDtype = "bfloat16"
	Bnb4BitComputeDtypeFloat16 Bnb4BitComputeDtype = "float16"
	Bnb4BitComputeDtypeFloat32 Bnb4BitComputeDtype = "float32"
)

type Bnb4BitQuantStorage string

const (
	Bnb4BitQuantStorageBfloat16 Bnb4BitQuantStorage = "bfloat16"
	Bnb4BitQuantStorageFloat16 Bnb4BitQuantStorage = "float16"
	Bnb4BitQuantStorageFloat32 Bnb4BitQuantStorage = "float32"
	Bnb4BitQuantStorageInt8 Bnb4BitQuantStorage = "int8"
	Float64 Bnb4BitQuantStorage = "float64"
	Uint8 Bnb4BitQuantStorage = "uint8"
)

type Bnb4BitQuantType string

const (
	Fp4 Bnb4BitQuantType = "fp4"
	Nf4 Bnb4BitQuantType = "nf4"
)

type CacheImplementation string

const (
	CacheImplementationStatic CacheImplementation = "static"
	Dynamic CacheImplementation = "dynamic"
	Offloaded CacheImplementation = "offloaded"
	OffloadedStatic CacheImplementation = "offloaded_static"
	Quantized CacheImplementation = "quantized"
	SlidingWindow CacheImplementation = "sliding_window"
)

type EarlyStoppingEnum string

const (
	Never EarlyStoppingEnum = "never"
)

type ExpertsImplementation string

const (
	BatchedMm ExpertsImplementation = "batched_mm"
	Deepgemm ExpertsImplementation = "deepgemm"
	ExpertsImplementationEager ExpertsImplementation = "eager"
	GroupedMm ExpertsImplementation = "grouped_mm"
	Sonicmoe ExpertsImplementation = "sonicmoe"
)

type Float32MatmulPrecision string

const (
	High Float32MatmulPrecision = "high"
	Highest Float32MatmulPrecision = "highest"
	Medium Float32MatmulPrecision = "medium"
)

type KvCacheBackend string

const (
	Hqq KvCacheBackend = "hqq"
	KvCacheBackendFp8 KvCacheBackend = "fp8"
	Quanto KvCacheBackend = "quanto"
)

type NumAssistantTokensSchedule string

const (
	Constant NumAssistantTokensSchedule = "constant"
	Heuristic NumAssistantTokensSchedule = "heuristic"
	HeuristicTransient NumAssistantTokensSchedule = "heuristic_transient"
)

type QuantoWeights string

const (
	Float8 QuantoWeights = "float8"
	Int2 QuantoWeights = "int2"
	Int4 QuantoWeights = "int4"
	QuantoWeightsInt8 QuantoWeights = "int8"
)

type SdpaBackend string

const (
	CudnnAttention SdpaBackend = "cudnn_attention"
	EfficientAttention SdpaBackend = "efficient_attention"
	FlashAttention SdpaBackend = "flash_attention"
	Math SdpaBackend = "math"
)

type TorchCompileMode string

const (
	Default TorchCompileMode = "default"
	Lite TorchCompileMode = "lite"
	MaxAutotune TorchCompileMode = "max-autotune"
	MaxAutotuneNoCudagraphs TorchCompileMode = "max-autotune-no-cudagraphs"
	ReduceOverhead TorchCompileMode = "reduce-overhead"
)

type TorchCompileTarget string

const (
	Decode TorchCompileTarget = "decode"
	Model TorchCompileTarget = "model"
)

type TorchaoQuantType string

const (
	Float8WeightOnly TorchaoQuantType = "float8_weight_only"
	Int8DynamicActivationInt8Weight TorchaoQuantType = "int8_dynamic_activation_int8_weight"
	Int8WeightOnly TorchaoQuantType = "int8_weight_only"
)

type TensorrtQuantization string

const (
	Int4Awq TensorrtQuantization = "int4_awq"
	Int8Sq TensorrtQuantization = "int8_sq"
	PurpleFp8 TensorrtQuantization = "fp8"
)

type VllmQuantization string

const (
	Awq VllmQuantization = "awq"
	FluffyFp8 VllmQuantization = "fp8"
	Gptq VllmQuantization = "gptq"
)

// The prompts: a set that llem ships, a file, or synthetic text. A plain string is short
// for `source`.
type DatasetUnion struct {
	Dataset *Dataset
	String *string
}

func (x *DatasetUnion) UnmarshalJSON(data []byte) error {
	x.Dataset = nil
	var c Dataset
	object, err := unmarshalUnion(data, nil, nil, nil, &x.String, false, nil, true, &c, false, nil, false, nil, true)
	if err != nil {
		return err
	}
	if object {
		x.Dataset = &c
	}
	return nil
}

func (x *DatasetUnion) MarshalJSON() ([]byte, error) {
	return marshalUnion(nil, nil, nil, x.String, false, nil, x.Dataset != nil, x.Dataset, false, nil, false, nil, true)
}

// Where the parts of the model go: a strategy, one device, or a map from module to device.
// llem takes `auto` when it is unset; with several processes each one takes its own device.
type DeviceMap struct {
	Integer *int64
	String *string
	UnionMap map[string]*MaxMemory
}

func (x *DeviceMap) UnmarshalJSON(data []byte) error {
	x.UnionMap = nil
	object, err := unmarshalUnion(data, &x.Integer, nil, nil, &x.String, false, nil, false, nil, true, &x.UnionMap, false, nil, true)
	if err != nil {
		return err
	}
	if object {
	}
	return nil
}

func (x *DeviceMap) MarshalJSON() ([]byte, error) {
	return marshalUnion(x.Integer, nil, nil, x.String, false, nil, false, nil, x.UnionMap != nil, x.UnionMap, false, nil, true)
}

type MaxMemory struct {
	Integer *int64
	String *string
}

func (x *MaxMemory) UnmarshalJSON(data []byte) error {
	object, err := unmarshalUnion(data, &x.Integer, nil, nil, &x.String, false, nil, false, nil, false, nil, false, nil, false)
	if err != nil {
		return err
	}
	if object {
	}
	return nil
}

func (x *MaxMemory) MarshalJSON() ([]byte, error) {
	return marshalUnion(x.Integer, nil, nil, x.String, false, nil, false, nil, false, nil, false, nil, false)
}

// When beam search ends: true as soon as there are `num_beams` finished candidates, false
// by a heuristic, `never` only when no better candidate is possible.
type EarlyStoppingUnion struct {
	Bool *bool
	Enum *EarlyStoppingEnum
}

func (x *EarlyStoppingUnion) UnmarshalJSON(data []byte) error {
	x.Enum = nil
	object, err := unmarshalUnion(data, nil, nil, &x.Bool, nil, false, nil, false, nil, false, nil, true, &x.Enum, true)
	if err != nil {
		return err
	}
	if object {
	}
	return nil
}

func (x *EarlyStoppingUnion) MarshalJSON() ([]byte, error) {
	return marshalUnion(nil, nil, x.Bool, nil, false, nil, false, nil, false, nil, x.Enum != nil, x.Enum, true)
}

// The axis along which the keys of a quantized cache are grouped: 0 or -1 with quanto, 0 or
// 1 with hqq.
//
// The axis along which the values of a quantized cache are grouped: 0 or -1 with quanto, 0
// or 1 with hqq.
//
// Bits of a number in a quantized cache: 2 or 4 with quanto; 1, 2, 3, 4 or 8 with hqq.
type KvCache struct {
	Double *float64
	Integer *int64
}

func (x *KvCache) UnmarshalJSON(data []byte) error {
	object, err := unmarshalUnion(data, &x.Integer, &x.Double, nil, nil, false, nil, false, nil, false, nil, false, nil, true)
	if err != nil {
		return err
	}
	if object {
	}
	return nil
}

func (x *KvCache) MarshalJSON() ([]byte, error) {
	return marshalUnion(x.Integer, x.Double, nil, nil, false, nil, false, nil, false, nil, false, nil, true)
}

func unmarshalUnion(data []byte, pi **int64, pf **float64, pb **bool, ps **string, haveArray bool, pa interface{}, haveObject bool, pc interface{}, haveMap bool, pm interface{}, haveEnum bool, pe interface{}, nullable bool) (bool, error) {
	if pi != nil {
			*pi = nil
	}
	if pf != nil {
			*pf = nil
	}
	if pb != nil {
			*pb = nil
	}
	if ps != nil {
			*ps = nil
	}

	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	tok, err := dec.Token()
	if err != nil {
			return false, err
	}

	switch v := tok.(type) {
	case json.Number:
			if pi != nil {
					i, err := v.Int64()
					if err == nil {
							*pi = &i
							return false, nil
					}
			}
			if pf != nil {
					f, err := v.Float64()
					if err == nil {
							*pf = &f
							return false, nil
					}
					return false, errors.New("Unparsable number")
			}
			return false, errors.New("Union does not contain number")
	case float64:
			return false, errors.New("Decoder should not return float64")
	case bool:
			if pb != nil {
					*pb = &v
					return false, nil
			}
			return false, errors.New("Union does not contain bool")
	case string:
			if haveEnum {
					return false, json.Unmarshal(data, pe)
			}
			if ps != nil {
					*ps = &v
					return false, nil
			}
			return false, errors.New("Union does not contain string")
	case nil:
			if nullable {
					return false, nil
			}
			return false, errors.New("Union does not contain null")
	case json.Delim:
			if v == '{' {
					if haveObject {
							return true, json.Unmarshal(data, pc)
					}
					if haveMap {
							return false, json.Unmarshal(data, pm)
					}
					return false, errors.New("Union does not contain object")
			}
			if v == '[' {
					if haveArray {
							return false, json.Unmarshal(data, pa)
					}
					return false, errors.New("Union does not contain array")
			}
			return false, errors.New("Cannot handle delimiter")
	}
	return false, errors.New("Cannot unmarshal union")
}

func marshalUnion(pi *int64, pf *float64, pb *bool, ps *string, haveArray bool, pa interface{}, haveObject bool, pc interface{}, haveMap bool, pm interface{}, haveEnum bool, pe interface{}, nullable bool) ([]byte, error) {
	if pi != nil {
			return json.Marshal(*pi)
	}
	if pf != nil {
			return json.Marshal(*pf)
	}
	if pb != nil {
			return json.Marshal(*pb)
	}
	if ps != nil {
			return json.Marshal(*ps)
	}
	if haveArray {
			return json.Marshal(pa)
	}
	if haveObject {
			return json.Marshal(pc)
	}
	if haveMap {
			return json.Marshal(pm)
	}
	if haveEnum {
			return json.Marshal(pe)
	}
	if nullable {
			return json.Marshal(nil)
	}
	return nil, errors.New("Union must not be null")
}
