"""What a model, its draft model and the machine are like, found out before any weights are read.

The library's own steps are taken as far as they go without weights: on its classes, in their real shapes, on the device
`meta`. What they refuse is refused here, in their words; the rest is facts, of which the preflight schema speaks.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from inspect import getsource, signature
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Any

from llem.messages import first_line
from llem.pytorch import Session, encode, load_tokenizer, texts

if TYPE_CHECKING:
    from llem.planning import Plan


class CannotRead(RuntimeError):
    """The model cannot be read; the message is one line that says why and what to do."""


@dataclass(frozen=True)
class Examined:
    """What is known before anything is loaded.

    `commit` of the model on the Hub (None for a local one), the `facts` about `model`, `assistant` and `machine` that
    the preflight schema describes, the library's `refusal` to load the model so, "" when there is none, and the paths
    of what is passed through and would be `absorbed` by the model's configuration.
    """

    commit: str | None
    facts: dict[str, dict[str, Any]]
    refusal: str
    absorbed: list[str]


def examine(plan: Plan) -> Examined:
    """Read the configs of the models that the plan will load, and tell what they and this machine are like.

    Raises CannotRead when a model cannot be read, or needs code of its own without the operator's consent.
    """
    found = _read_config(plan, "from_pretrained")
    if plan.call("load_adapter"):
        _check_adapter(**plan.kwargs("load_adapter"))
    with warnings.catch_warnings(action="ignore"):  # they come again, once the model is loaded
        model, refusal = _model_facts(plan, "from_pretrained", found)
        facts = {"model": model, "machine": _machine_facts()}
        if plan.call("assistant"):
            draft, refused = _model_facts(plan, "assistant", _read_config(plan, "assistant"))
            draft["same_vocabulary"] = draft.get("vocabulary") == model.get("vocabulary")
            facts["assistant"], refusal = draft, refusal or refused
    commit = found.get("_commit_hash")
    return Examined(str(commit) if commit else None, facts, refusal, _absorbed(plan, found))


def _absorbed(plan: Plan, found: dict[str, Any]) -> list[str]:
    """The paths of arguments that are passed through, and that the configuration of the model would absorb."""
    from transformers import PretrainedConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    kind = found.get("model_type")
    attributes: Any = PretrainedConfig
    if kind in CONFIG_MAPPING:
        attributes = CONFIG_MAPPING[kind]  # its get() finds nothing that is not loaded yet
    names = {*found, *dir(attributes), *attributes.attribute_map}
    call = plan.call("from_pretrained")
    passed = {name: one.path for name, one in call.arguments.items() if one.origin == "passthrough"} if call else {}
    return [path for name, path in passed.items() if name in names]


def _name(plan: Plan, call: str) -> tuple[str, dict[str, Any]]:
    sent = plan.kwargs(call)
    return sent.pop("pretrained_model_name_or_path"), sent


def _read_config(plan: Plan, call: str) -> dict[str, Any]:
    """The config.json of the model that `call` loads, once it is known that it can be loaded."""
    from transformers import PretrainedConfig
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.tokenization_auto import (
        TOKENIZER_MAPPING_NAMES,
        get_tokenizer_config,
        tokenizer_class_from_name,
    )

    name, sent = _name(plan, call)
    if name.startswith(("/", ".", "~")) and not Path(name).is_dir():
        raise CannotRead(f"{name}: the model cannot be read: there is no such folder.")
    try:
        found = dict(PretrainedConfig.get_config_dict(name, **sent)[0])
    except (OSError, ValueError) as error:
        raise CannotRead(f"{name}: the model cannot be read: {first_line(error)}") from None
    if not found:
        raise CannotRead(f"{name}: the model cannot be read: it has no config.json.")
    kind = found.get("model_type")
    if kind not in CONFIG_MAPPING and "auto_map" not in found:
        raise CannotRead(f"{name}: the model cannot be read: transformers does not know the model type {kind!r}.")
    own_tokenizer = get_tokenizer_config(name, **sent)
    known = kind in TOKENIZER_MAPPING_NAMES or tokenizer_class_from_name(own_tokenizer.get("tokenizer_class") or "")
    needs_code = kind not in CONFIG_MAPPING or ("auto_map" in own_tokenizer and not known)
    if needs_code and not plan.consented():
        consent = "let the document ask for it and run with --trust-remote-code, if you trust it"
        raise CannotRead(f"{name}: this model needs code of its own: {consent}.")
    return found


def _check_adapter(peft_model_id: str, **sent: Any) -> None:
    from transformers.utils import find_adapter_config_file

    try:
        found = find_adapter_config_file(peft_model_id, **sent)
    except (OSError, ValueError) as error:
        raise CannotRead(f"{peft_model_id}: the adapter cannot be read: {first_line(error)}") from None
    if found is None:
        raise CannotRead(f"{peft_model_id}: the adapter cannot be read: it has no adapter_config.json.")


def _weights(name: str, sent: dict[str, Any]) -> list[str]:
    """The files of weights in a folder, [] for a model of the Hub.

    Raises CannotRead, in the library's words, when there are none of the kind that is asked for.
    """
    from transformers.modeling_utils import _get_resolved_checkpoint_files
    from transformers.utils.hub import DownloadKwargs

    if not Path(name).is_dir():
        return []
    asked: dict[str, Any] = {key: sent.get(key) for key in signature(_get_resolved_checkpoint_files).parameters}
    asked["download_kwargs"] = {key: sent[key] for key in DownloadKwargs.__annotations__ if key in sent}
    try:
        return list(_get_resolved_checkpoint_files(**{**asked, "pretrained_model_name_or_path": name})[0] or [])
    except OSError as error:  # of a folder there is no page on the Hub to look at
        raise CannotRead(f"{name}: the model cannot be read: {first_line(error).partition(' Checkout ')[0]}") from None


def _model_facts(plan: Plan, call: str, found: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What the preflight schema calls `model`, without what cannot be told; and the library's refusal."""
    import torch
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    name, sent = _name(plan, call)
    files = _weights(name, sent)
    kind, quantized = found.get("model_type"), found.get("quantization_config")
    facts = {"type": kind, "quantized": quantized and quantized.get("quant_method")}
    if kind not in CONFIG_MAPPING:  # its own code says more, and is not run here
        return _known(facts), ""
    config = CONFIG_MAPPING[kind].from_dict(found)
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise CannotRead(f"{name}: the model cannot be read: {kind} is no causal language model in transformers.")
    model = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    model = model[0] if isinstance(model, tuple) else model
    text = config.get_text_config(decoder=True)
    asked = sent.get("dtype")  # what fits into memory depends on it
    with torch.device("meta"):
        network = model(config).to(asked if isinstance(asked, torch.dtype) else config.dtype)
    layers = _layers(text)
    positions = _positions(network, getattr(text, "max_position_embeddings", None))
    heads: Any = getattr(text, "num_attention_heads", None)
    width: Any = getattr(text, "head_dim", None)
    shared = getattr(text, "num_key_value_heads", None)
    if heads and not width:
        width = text.hidden_size // heads
    facts |= {
        "class": model.__name__,
        "sdpa": model._supports_sdpa,
        "flash_attention": model._supports_flash_attn,
        "flex_attention": model._supports_flex_attn,
        "experts": model._can_set_experts_implementation(),
        "past_key_values": "past_key_values" in signature(model.forward).parameters,
        "stateful": model._is_stateful,
        "stops_early": _stops_early(model) and set(layers) <= ATTENTION,
        "layers": layers,
        "depth": getattr(text, "num_hidden_layers", None),
        "only_full_attention": set(layers) <= {"full_attention"},
        "mtp_layers": _mtp_layers(network, getattr(text, "num_mtp_layers", None) or 0, files),
        "attention_heads": heads,
        "key_value_heads": shared,
        "tensor_parallel_plan": bool(network.tp_plan),
        "vocabulary": text.vocab_size,
        "positions": positions,
        "positions_left": positions and _positions_left(plan, positions),
        "placed": _is_placed(network, sent.get("device_map")),
        "converted": _is_converted(network) or not all(file.endswith(".safetensors") for file in files),
    }
    refusal = ""
    if call == "from_pretrained" and plan.call("load_adapter"):
        refusal = _adapter_refusal(model, config, plan)
    prepared, refused = _prepared(network, config, sent)
    refusal = refusal or (refused and f"{name}: the model cannot be loaded so: {refused}")
    if call == "from_pretrained" and heads and plan.call("cache_config"):
        facts["cache_groups"] = _cache_is_even(text, shared or heads, width, plan.kwargs("cache_config"))
    return _known(facts | prepared), refusal


ATTENTION = {"full_attention", "sliding_attention", "chunked_attention"}
BLOCK = 32
"""bitsandbytes packs 4-bit rows for a processor by so many."""


def _known(facts: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if value is not None}


def _layers(config: Any) -> dict[str, int]:
    """How many layers there are of each kind, as the library counts when it makes a cache."""
    from transformers.cache_utils import get_layer_types_and_kwargs

    return dict(Counter(get_layer_types_and_kwargs(config)[0]))


def _stops_early(model: type) -> bool:
    """Whether the forward pass ends after as many layers as the config says, which is how drafts exit early."""
    with suppress(OSError, TypeError):
        return "config.num_hidden_layers]" in getsource(sys.modules[model.__module__])
    return False


def _mtp_layers(network: Any, most: int, files: list[str]) -> int:
    """How many layers predict several tokens: as many as the config says, and none where `files` lack their weights."""
    from safetensors import safe_open

    if not most or not files:
        return most
    from transformers.modeling_layers import MtpModel

    try:
        pattern = MtpModel.get_mtp_weights_regex(network)
    except (TypeError, ValueError):  # the class does not say how they are called
        return 0
    for file in files:
        with safe_open(file, framework="pt") as weights:
            if any(pattern.search(name) for name in weights.keys()):  # noqa: SIM118 (it is no mapping)
                return most
    return 0


def _positions(network: Any, most: int | None) -> int | None:
    """The longest sequence that a table of positions allows; None without one, as with rotary or relative positions."""
    tables = [*network.named_buffers()]
    tables += [(name, module.weight) for name, module in network.named_modules() if hasattr(module, "num_embeddings")]
    for name, table in tables:
        last = name.rpartition(".")[2]
        if most and ("pos" in last or last == "wpe") and most <= len(table) <= most + FIRST_POSITIONS:
            return most
    return None


FIRST_POSITIONS = 8
"""Some tables have a few rows more than there are positions, for padding."""


def _positions_left(plan: Plan, positions: int) -> int:
    """How many tokens the longest prompt leaves to be generated. The last one is never fed back."""
    longest = int(plan.arguments("encode")["max_length"])
    if longest + plan.arguments("generate")["max_new_tokens"] - 1 > positions:
        session = Session(plan, {"tokenizer": load_tokenizer(plan)})
        longest = max(encode(session, [text])["input_ids"].shape[1] for text in texts(session))
    return positions - longest + 1


def _is_placed(network: Any, devices: Any) -> bool | None:
    """Whether every part has a device in the map `devices`; None where that is no map of several devices."""
    from accelerate.utils import check_device_map

    if not isinstance(devices, dict) or (len(set(devices.values())) < 2 and "disk" not in devices.values()):
        return None
    try:
        check_device_map(network, devices)
    except ValueError:
        return False
    return True


def _is_converted(network: Any) -> bool:
    """Whether the library changes the form of some weights while it loads them."""
    from transformers.conversion_mapping import get_model_conversion_mapping
    from transformers.core_model_loading import WeightConverter

    return any(isinstance(change, WeightConverter) for change in get_model_conversion_mapping(network))


def _prepared(network: Any, config: Any, sent: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Facts of the model as it will be quantized and placed, and the library's refusal to do so ("" for none).

    These are the steps with which `from_pretrained` begins.
    """
    from transformers.integrations.accelerate import _get_device_map, check_and_set_device_map
    from transformers.quantizers.auto import get_hf_quantizer

    before = {name: type(module) for name, module in network.named_modules()}
    tied = {name.rpartition(".")[0] for name in network.all_tied_weights_keys}
    asked = {key: sent.get(key) for key in signature(get_hf_quantizer).parameters}
    try:
        asked["device_map"] = check_and_set_device_map(sent.get("device_map"))
        quantizer, _, placed = get_hf_quantizer(**{**asked, "config": config, "weights_only": True, "user_agent": {}})
        if quantizer is not None:
            quantizer.preprocess_model(model=network, device_map=placed, dtype=None, checkpoint_files=None)
        if placed is not None:
            placed = _get_device_map(network, placed, sent.get("max_memory"), quantizer)
    except (ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError) as error:
        return {}, first_line(error)
    changed = {name: module for name, module in network.named_modules() if type(module) is not before.get(name)}
    rows = [module.out_features for module in changed.values() if hasattr(module, "out_features")]
    on_disk = [part for part, device in (placed or {}).items() if device == "disk"]
    facts = {
        "quantized_layers": len(rows),
        "rows_in_blocks": all(height % BLOCK == 0 for height in rows),
        "quantizes_tied": bool(tied & changed.keys()),
        "on_disk": bool(on_disk),
        "quantized_on_disk": any(f"{name}.".startswith(part and f"{part}.") for name in changed for part in on_disk),
    }
    return facts, ""


def _cache_is_even(config: Any, heads: int, width: int, sent: dict[str, Any]) -> bool | None:
    """Whether the quantized cache takes a single token, and so any number; None where the library has no such cache."""
    import torch
    from transformers.cache_utils import QuantizedCache

    token = torch.zeros(1, heads, 1, width)
    try:
        cache = QuantizedCache(config=config, **sent)
    except (ImportError, ValueError):
        return None
    try:
        cache.update(token, token, 0)
    except ValueError:
        return False
    return True


def _adapter_refusal(model: Any, config: Any, plan: Plan) -> str:
    """Why the adapter of the plan does not fit the model, "" where it does. It is put on a model without weights."""
    import torch

    sent = plan.kwargs("load_adapter")
    with torch.device("meta"):
        network = model(config)
    try:
        network.load_adapter(**sent)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        return f"{sent['peft_model_id']}: the adapter does not fit this model: {first_line(error)}"
    return ""


def _machine_facts() -> dict[str, Any]:
    """What the preflight schema calls `machine`."""
    import torch

    return {
        "cuda": torch.cuda.is_available(),
        "gpus": torch.cuda.device_count(),
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "compiler": which(os.environ.get("CXX", "g++")) is not None,
    }
