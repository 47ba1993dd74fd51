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
	// Arguments for the engine's loading call that have no field of their own, passed on last
	// and unchecked.
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
	// A named set of values for the other fields here. What is written beside it wins over it.
	Preset *Preset `json:"preset"`
	// Above 1, tokens that already occurred become less probable; 1 turns it off. It acts in
	// greedy decoding and beam search too.
	RepetitionPenalty *float64 `json:"repetition_penalty"`
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
	// The attention kernels.
	AttnImplementation *AttnImplementation `json:"attn_implementation"`
	// Prompts that run together; shorter ones are padded on the left. llem takes 1 when it is
	// unset.
	BatchSize *int64 `json:"batch_size"`
	// The data type in which 4-bit layers compute. Unset, bitsandbytes takes float32, not
	// `precision`.
	Bnb4BitComputeDtype *Bnb4BitComputeDtype `json:"bnb_4bit_compute_dtype"`
	// The 4-bit data type.
	Bnb4BitQuantType *Bnb4BitQuantType `json:"bnb_4bit_quant_type"`
	// Quantize the quantization constants too.
	Bnb4BitUseDoubleQuant *bool `json:"bnb_4bit_use_double_quant"`
	// The kind of key-value cache. `sliding_window` is a deprecated name that the library
	// treats as `static`.
	CacheImplementation *CacheImplementation `json:"cache_implementation"`
	// Where the parts of the model go: a strategy, one device, or a map from module to device.
	// llem takes `auto` when it is unset; with several processes each one takes its own device.
	DeviceMap *DeviceMap `json:"device_map"`
	// When beam search ends: true as soon as there are `num_beams` finished candidates, false
	// by a heuristic, `never` only when no better candidate is possible.
	EarlyStopping *EarlyStoppingUnion `json:"early_stopping"`
	// Exponent of the length by which the score of a beam is divided: above 0 favours longer
	// sequences, below 0 shorter ones.
	LengthPenalty *float64 `json:"length_penalty"`
	// Quantize the weights to 4 bit with bitsandbytes while loading.
	LoadIn4Bit *bool `json:"load_in_4bit"`
	// Quantize the weights to 8 bit with bitsandbytes (LLM.int8) while loading.
	LoadIn8Bit *bool `json:"load_in_8bit"`
	// The most memory per device that `device_map: auto` may fill: the number of a GPU (or cpu,
	// mps, disk) to bytes or a size such as 20GiB.
	MaxMemory map[string]*MaxMemory `json:"max_memory"`
	// No n-gram of this size occurs twice; 0 turns it off.
	NoRepeatNgramSize *int64 `json:"no_repeat_ngram_size"`
	// Beams of beam search; 1 turns it off. With `decoder.do_sample` true the beams are sampled.
	NumBeams *int64 `json:"num_beams"`
	// Data-parallel processes. Each loads the whole model and takes a share of the prompts.
	NumProcesses *int64 `json:"num_processes"`
	// Speculative decoding that takes this many draft tokens from the prompt itself. The
	// library wants batches of one.
	PromptLookupNumTokens *int64 `json:"prompt_lookup_num_tokens"`
	// The branch, tag or commit of the model and its tokenizer on the Hub. It has no effect on
	// a local path.
	Revision *string `json:"revision"`
	// Compile the forward pass of the model with torch.compile. When compiling fails, the run
	// goes on without it and the record says so.
	TorchCompile *bool `json:"torch_compile"`
	// The `backend` of torch.compile, for example `inductor`, `eager` or `aot_eager`.
	TorchCompileBackend *string `json:"torch_compile_backend"`
	// The `mode` of torch.compile, for example `default`, `reduce-overhead` or `max-autotune`.
	TorchCompileMode *string `json:"torch_compile_mode"`
	// Whether the document asks to run code that comes with the model. It only runs when the
	// operator consents too (`--trust-remote-code`).
	TrustRemoteCode *bool `json:"trust_remote_code"`
	// Whether keys and values of earlier tokens are kept.
	UseCache *bool `json:"use_cache"`
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
	Eager AttnImplementation = "eager"
	FlashAttention2 AttnImplementation = "flash_attention_2"
	FlashAttention3 AttnImplementation = "flash_attention_3"
	Sdpa AttnImplementation = "sdpa"
)

type Bnb4BitComputeDtype string

const (
	Bfloat16 Bnb4BitComputeDtype = "bfloat16"
	Float16 Bnb4BitComputeDtype = "float16"
	Float32 Bnb4BitComputeDtype = "float32"
)

type Bnb4BitQuantType string

const (
	Fp4 Bnb4BitQuantType = "fp4"
	Nf4 Bnb4BitQuantType = "nf4"
)

type CacheImplementation string

const (
	OffloadedStatic CacheImplementation = "offloaded_static"
	SlidingWindow CacheImplementation = "sliding_window"
	Static CacheImplementation = "static"
)

type EarlyStoppingEnum string

const (
	Never EarlyStoppingEnum = "never"
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
