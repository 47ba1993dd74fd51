"""Tiny real checkpoints beside the built-in ones: other architectures, forms of file, and companions of a model.

Each is made once into a folder, from random weights that are the same on every machine, and loads through the
ordinary path of the library. `path(name)` makes it below $LLEM_CACHE; `make(name, folder)` below a folder of your own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from llem import builtin

WINDOW = 12
"""Tokens that sliding-window attention sees: fewer than any built-in prompt has."""

POSITIONS = 64
"""Learned positions of `short-gpt2`: fewer than some built-in prompts have."""

SIZES: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": builtin.POSITIONS,
    "initializer_range": builtin.SPREAD,
}

OWN_CODE = """
from transformers import LlamaConfig, LlamaForCausalLM


class OwnConfig(LlamaConfig):
    model_type = "own-llama"


class OwnForCausalLM(LlamaForCausalLM):
    config_class = OwnConfig
"""


def path(name: str) -> Path:
    """The folder of the model `name` below $LLEM_CACHE, made first if it is not there."""
    return make(name, Path(os.environ["LLEM_CACHE"], "tiny"))


def make(name: str, parent: Path) -> Path:
    """The folder of the model `name` below `parent`, made first if it is not there.

    Several processes may ask at once.
    """
    made = parent / name
    if made.is_dir():
        return made
    parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{name}-", dir=parent) as temporary:
        folder = Path(temporary, name)
        folder.mkdir()
        _write(name, folder)
        try:
            folder.rename(made)
        except OSError:  # another process was faster
            if not made.is_dir():
                raise
    return made


def _write(name: str, folder: Path) -> None:
    import torch

    with builtin._no_progress_bar(), torch.random.fork_rng(devices=[]), torch.device("cpu"):
        MODELS[name](folder)


def _save(
    folder: Path,
    config: str,
    model: str,
    vocabulary: int = builtin.VOCABULARY,
    ends: tuple[str, str] = ("<s>", "</s>"),
    saving: dict[str, Any] | None = None,
    **settings: Any,
) -> None:
    """Save a model of the class `model` with the tokenizer of tiny-llama, or one of another `vocabulary`."""
    import torch
    import transformers

    tokenizer = builtin._tokenizer(*ends, vocabulary)
    tokenizer.chat_template = builtin.CHAT_TEMPLATE
    ids = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None}
    network = getattr(transformers, model)(getattr(transformers, config)(vocab_size=len(tokenizer), **ids, **settings))
    builtin._fill(network.float(), folder.name)
    with torch.no_grad():
        network.get_output_embeddings().weight[tokenizer.eos_token_id] *= builtin.ENDING
    network.save_pretrained(folder, **saving or {})
    tokenizer.save_pretrained(folder)


def _llama(folder: Path, **changes: Any) -> None:
    _save(folder, "LlamaConfig", "LlamaForCausalLM", **{**SIZES, **changes})


def _sliding_qwen2(folder: Path) -> None:
    """The first two layers see everything, the others a window. The library gives it an end token of its own."""
    window = {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 2}
    _save(folder, "Qwen2Config", "Qwen2ForCausalLM", ends=("<|endoftext|>",) * 2, **SIZES, **window)


def _gemma2(folder: Path) -> None:
    """Capped logits, and a window in every second layer."""
    sizes = {**SIZES, "head_dim": 16, "query_pre_attn_scalar": 16, "tie_word_embeddings": False}
    _save(folder, "Gemma2Config", "Gemma2ForCausalLM", **sizes, sliding_window=WINDOW)


def _gemma3(folder: Path) -> None:
    """A window in all layers but one."""
    sizes = {**SIZES, "head_dim": 16, "query_pre_attn_scalar": 16, "tie_word_embeddings": False}
    kinds = ["sliding_attention", "sliding_attention", "sliding_attention", "full_attention"]
    _save(folder, "Gemma3TextConfig", "Gemma3ForCausalLM", **sizes, sliding_window=WINDOW, layer_types=kinds)


def _mixtral(folder: Path) -> None:
    experts = {"num_local_experts": 4, "num_experts_per_tok": 2}
    _save(folder, "MixtralConfig", "MixtralForCausalLM", **{**SIZES, "num_hidden_layers": 2}, **experts)


def _mamba(folder: Path) -> None:
    sizes = {"hidden_size": 64, "num_hidden_layers": 4, "state_size": 8, "initializer_range": builtin.SPREAD}
    _save(folder, "MambaConfig", "MambaForCausalLM", **sizes)


def _lfm2(folder: Path) -> None:
    """Short convolutions with a state, and attention in every second layer."""
    kinds = ["conv", "full_attention", "conv", "full_attention"]
    _save(folder, "Lfm2Config", "Lfm2ForCausalLM", **SIZES, layer_types=kinds)


def _short_gpt2(folder: Path) -> None:
    sizes = {"n_positions": POSITIONS, "n_embd": 64, "n_layer": 2, "n_head": 4, "initializer_range": builtin.SPREAD}
    _save(folder, "GPT2Config", "GPT2LMHeadModel", **sizes)


def _t5(folder: Path) -> None:
    """An encoder and a decoder: no causal language model."""
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 1, "num_heads": 4, "decoder_start_token_id": 0}
    _save(folder, "T5Config", "T5ForConditionalGeneration", **sizes)


def _quantized(folder: Path, **request: bool) -> None:
    """Tiny-llama as bitsandbytes saves it after quantizing."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

    source = builtin.make_model("tiny-llama")
    model = AutoModelForCausalLM.from_pretrained(source, quantization_config=BitsAndBytesConfig(**request))
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)


def _below(folder: Path) -> None:
    """The model lies in the folder `weights` below, and its tokenizer there too."""
    inner = folder / "weights"
    inner.mkdir()
    _llama(inner)


def _own_code(folder: Path) -> None:
    _llama(folder)
    file = folder / "config.json"
    own = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnForCausalLM"}
    content = {**json.loads(file.read_text()), "model_type": "own-llama", "auto_map": own}
    file.write_text(json.dumps(content, indent=2), encoding="utf-8")
    Path(folder, "own.py").write_text(OWN_CODE, encoding="utf-8")


def _lora(folder: Path) -> None:
    """A LoRA adapter for tiny-llama, in the files that peft reads."""
    import torch
    from safetensors.torch import save_file
    from transformers import AutoConfig

    base = builtin.make_model("tiny-llama")
    sizes = AutoConfig.from_pretrained(base)
    rank, width = 4, sizes.hidden_size
    narrow = width * sizes.num_key_value_heads // sizes.num_attention_heads
    weights = {}
    for layer in range(sizes.num_hidden_layers):
        for module, height in (("q_proj", width), ("v_proj", narrow)):
            name = f"base_model.model.model.layers.{layer}.self_attn.{module}"
            for half, shape in (("lora_A", (rank, width)), ("lora_B", (height, rank))):
                weights[f"{name}.{half}.weight"] = builtin._noise(f"lora/{name}/{half}", torch.Size(shape))
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    settings = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": str(base),
        "r": rank,
        "lora_alpha": 2 * rank,
        "target_modules": ["q_proj", "v_proj"],
        "inference_mode": True,
    }
    Path(folder, "adapter_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _gguf(folder: Path) -> None:
    """The same model twice: as safetensors, and whole in `model.gguf`."""
    import gguf
    from transformers import AutoModelForCausalLM

    _save(folder, "Qwen2Config", "Qwen2ForCausalLM", ends=("<|endoftext|>",) * 2, **SIZES)
    model = AutoModelForCausalLM.from_pretrained(folder)
    config = model.config
    core = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]
    words = sorted(core["vocab"], key=core["vocab"].get)
    special = {"<|endoftext|>": gguf.TokenType.CONTROL}
    file = gguf.GGUFWriter(folder / "model.gguf", "qwen2")
    file.add_context_length(config.max_position_embeddings)
    file.add_embedding_length(config.hidden_size)
    file.add_block_count(config.num_hidden_layers)
    file.add_feed_forward_length(config.intermediate_size)
    file.add_head_count(config.num_attention_heads)
    file.add_head_count_kv(config.num_key_value_heads)
    file.add_layer_norm_rms_eps(config.rms_norm_eps)
    file.add_rope_freq_base(config.rope_parameters["rope_theta"])
    file.add_tokenizer_model("gpt2")
    file.add_token_list(words)
    file.add_token_types([special.get(word, gguf.TokenType.NORMAL) for word in words])
    file.add_token_merges([" ".join(pair) for pair in core["merges"]])
    file.add_eos_token_id(core["vocab"]["<|endoftext|>"])
    file.add_chat_template(builtin.CHAT_TEMPLATE)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, weight in model.state_dict().items():
        file.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), weight.numpy())
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()


def _mtp(folder: Path) -> None:
    """A layer that predicts the token after the next one, beside a model with experts in its second layer."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoModelForCausalLM
    from transformers.modeling_layers import MtpModel

    sizes = {**SIZES, "num_hidden_layers": 2, "head_dim": 16, "mlp_layer_types": ["dense", "sparse"]}
    experts = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 64}
    more = {"mtp_layer_types": ["full_attention"], "mtp_mlp_layer_types": ["dense"], "num_nextn_predict_layers": 1}
    kinds = ["full_attention", "full_attention"]
    _save(folder, "MellumConfig", "MellumForCausalLM", **sizes, **experts, **more, layer_types=kinds)
    ahead = MtpModel(AutoModelForCausalLM.from_pretrained(folder), 1)
    builtin._fill(ahead.layers, "mtp")
    file = folder / "model.safetensors"
    weights = load_file(file)
    for name, weight in ahead.layers.state_dict().items():
        weights[f"mtp.layers.{name.replace('mtp_block.', '')}"] = weight.contiguous()
    save_file(weights, file, metadata={"format": "pt"})


MODELS: dict[str, Callable[[Path], None]] = {
    "sliding-qwen2": _sliding_qwen2,
    "gemma2": _gemma2,
    "gemma3": _gemma3,
    "mixtral": _mixtral,
    "mamba": _mamba,
    "lfm2": _lfm2,
    "short-gpt2": _short_gpt2,
    "draft": lambda folder: _llama(folder, num_hidden_layers=1),
    "draft-other-vocabulary": lambda folder: _llama(folder, num_hidden_layers=1, vocabulary=600),
    "bnb-4bit": lambda folder: _quantized(folder, load_in_4bit=True),
    "bnb-8bit": lambda folder: _quantized(folder, load_in_8bit=True),
    "sharded": lambda folder: _llama(folder, saving={"max_shard_size": "200KB"}),
    "variant": lambda folder: _llama(folder, saving={"variant": "fp16"}),
    "subfolder": _below,
    "own-code": _own_code,
    "lora": _lora,
    "gguf": _gguf,
    "mtp": _mtp,
    "t5": _t5,
}
"""Name -> the function that makes it in an empty folder. `subfolder` has its model below, `lora` and `t5` are no causal
language models, and `own-code` loads only with trust_remote_code."""

WHOLE = tuple(name for name in MODELS if name not in ("variant", "subfolder", "own-code", "lora", "t5"))
"""The models that load by their path alone."""
