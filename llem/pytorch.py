"""HuggingFace Transformers on PyTorch: does the calls of a plan. The only module that imports the two libraries."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from inspect import getsource, signature
from pathlib import Path
from pkgutil import resolve_name
from shutil import which
from typing import TYPE_CHECKING, Any

from llem import builtin, datasets, reading, spec

if TYPE_CHECKING:
    from llem.planning import Plan


class CannotRead(RuntimeError):
    """The model cannot be read; the message is one line that says why and what to do."""


@dataclass
class Compiled:
    """What became of torch.compile: `active` while the compiled forward pass is in use, `error` why it is not."""

    asked: bool = False
    active: bool = False
    proven: bool = False
    error: str | None = None
    eager: Any = None
    graphs_before: int = 0


@dataclass
class Session:
    """A loaded model, ready to generate. `made` holds the results of calls that are arguments of others."""

    plan: Plan
    made: dict[str, Any] = field(default_factory=dict)
    compiled: Compiled = field(default_factory=Compiled)
    templated: bool = False
    cache: str | None = None
    cache_layers: dict[str, int] = field(default_factory=dict)
    generation_config: Any = None
    logits_processors: list[str] = field(default_factory=list)
    drafting: dict[str, Any] = field(default_factory=dict)

    @property
    def tokenizer(self) -> Any:
        """The tokenizer."""
        return self.made["tokenizer"]

    @property
    def model(self) -> Any:
        """The model."""
        return self.made["from_pretrained"]


def live(plan: Plan, arguments: Any, made: dict[str, Any] | None = None) -> Any:
    """The Python objects that JSON `arguments` of a plan stand for; a call whose result is `made` is not repeated."""
    if isinstance(arguments, list):
        return [live(plan, item, made) for item in arguments]
    if not isinstance(arguments, dict):
        return arguments
    match arguments:
        case {"$torch": str(name)}:
            return resolve_name(f"torch.{name}")
        case {"$new": str(name)}:
            return resolve_name(name)()
        case {"$map": list(pairs)}:
            return dict(pairs)
        case {"$call": str(name)}:
            return made[name] if made and name in made else call(plan, name)
        case {"$model": str(name)}:
            return str(builtin.make_model(name.removeprefix("builtin:")))
        case {"$rank": "device"}:
            return {"": rank_device()}
        case {"$literal": dict(mapping)}:
            return mapping
    return {key: live(plan, value, made) for key, value in arguments.items()}


def call(plan: Plan, name: str, *positional: Any, made: dict[str, Any] | None = None) -> Any:
    """Make the call `name` of the plan, and keep its result in `made`. Raises whatever the library raises."""
    asked = plan.call(name)
    if asked is None:
        raise LookupError(f"the plan makes no call {name}")
    arguments = live(plan, plan.arguments(name), made)
    first = [arguments.pop("*")] if "*" in arguments else []
    target = asked.target if "." in asked.target else f"builtins.{asked.target}"
    result = resolve_name(target)(*positional, *first, **arguments)
    if made is not None:
        made[name] = result
    return result


@contextmanager
def process_settings(plan: Plan) -> Iterator[None]:
    """Make the calls that set something for the whole process, and undo them at the end."""
    # What cuBLAS needs to be deterministic; it reads it once, and only then.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with ExitStack() as undo:
        for name, entry in spec.calls(plan.backend).items():
            asked = plan.arguments(name).get("*")
            if "present" not in entry or asked is None:
                continue
            present = resolve_name(entry["present"])()
            if present != asked:
                call(plan, name)
                undo.callback(_set_back, entry["target"], present)
        yield


def _set_back(target: str, value: Any) -> None:
    with suppress(RuntimeError):  # the number of interop threads is set once
        resolve_name(target)(value)


def rank_device() -> str:
    """The device of this data-parallel process."""
    import torch

    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    return f"cuda:{local_rank % torch.cuda.device_count()}" if torch.cuda.is_available() else "cpu"


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
    with warnings.catch_warnings(action="ignore"):  # they come again, once the model is loaded
        model, refusal = _model_facts(plan, "from_pretrained", found)
        facts = {"model": model, "machine": _machine_facts()}
        if plan.call("assistant"):
            draft, refused = _model_facts(plan, "assistant", _read_config(plan, "assistant"))
            draft["same_vocabulary"] = draft.get("vocabulary") == model.get("vocabulary")
            facts["assistant"], refusal = draft, refusal or refused
    if plan.call("load_adapter"):
        _check_adapter(**plan.kwargs("load_adapter"))
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
    try:
        _check_weights(name, sent)
    except OSError as error:
        raise CannotRead(f"{name}: the model cannot be read: {first_line(error)}") from None
    return found


def _check_adapter(peft_model_id: str, **sent: Any) -> None:
    from transformers.utils import find_adapter_config_file

    try:
        found = find_adapter_config_file(peft_model_id, **sent)
    except (OSError, ValueError) as error:
        raise CannotRead(f"{peft_model_id}: the adapter cannot be read: {first_line(error)}") from None
    if found is None:
        raise CannotRead(f"{peft_model_id}: the adapter cannot be read: it has no adapter_config.json.")


def _check_weights(name: str, sent: dict[str, Any]) -> None:
    """Raise OSError, in the library's words, when a folder has no weights of the kind that is asked for."""
    from transformers.modeling_utils import _get_resolved_checkpoint_files
    from transformers.utils.hub import DownloadKwargs

    if Path(name).is_dir():
        asked: dict[str, Any] = {key: sent.get(key) for key in signature(_get_resolved_checkpoint_files).parameters}
        asked["download_kwargs"] = {key: sent[key] for key in DownloadKwargs.__annotations__ if key in sent}
        _get_resolved_checkpoint_files(**{**asked, "pretrained_model_name_or_path": name})


def _model_facts(plan: Plan, call: str, found: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """What the preflight schema calls `model`, without what cannot be told; and the library's refusal."""
    import torch
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

    name, sent = _name(plan, call)
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
    with torch.device("meta"):
        network = model(config)
    layers = _layers(text)
    positions = _positions(network, getattr(text, "max_position_embeddings", None))
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
        "only_full_attention": set(layers) <= {"full_attention"},
        "mtp_layers": getattr(text, "num_mtp_layers", None) or 0,
        "attention_heads": getattr(text, "num_attention_heads", None),
        "key_value_heads": getattr(text, "num_key_value_heads", None),
        "tensor_parallel_plan": bool(network.tp_plan),
        "vocabulary": text.vocab_size,
        "positions": positions,
        "positions_left": positions and _positions_left(plan, positions),
        "placed": _is_placed(network, sent.get("device_map")),
        "converted": _is_converted(network),
    }
    rows, refusal = _quantized_rows(network, config, sent)
    facts |= {"quantized_layers": len(rows), "rows_in_blocks": all(height % BLOCK == 0 for height in rows)}
    return _known(facts), f"{name}: the model cannot be loaded so: {refusal}" if refusal else ""


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


def _quantized_rows(network: Any, config: Any, sent: dict[str, Any]) -> tuple[list[int], str]:
    """The heights of the layers that bitsandbytes will hold, and the library's refusal to quantize so ("" for none).

    These are the steps with which `from_pretrained` begins.
    """
    from transformers.quantizers.auto import get_hf_quantizer

    before = {name: type(module) for name, module in network.named_modules()}
    asked = {key: sent.get(key) for key in signature(get_hf_quantizer).parameters}
    try:
        quantizer, _, placed = get_hf_quantizer(**{**asked, "config": config, "weights_only": True, "user_agent": {}})
        if quantizer is not None:
            quantizer.preprocess_model(model=network, device_map=placed, dtype=None, checkpoint_files=None)
    except (ImportError, OSError, RuntimeError, TypeError, ValueError) as error:
        return [], first_line(error)
    changed = [module for name, module in network.named_modules() if type(module) is not before.get(name)]
    return [module.out_features for module in changed if hasattr(module, "out_features")], ""


def _machine_facts() -> dict[str, Any]:
    """What the preflight schema calls `machine`."""
    import torch

    return {
        "cuda": torch.cuda.is_available(),
        "gpus": torch.cuda.device_count(),
        "avx512_bf16": torch.cpu._is_avx512_bf16_supported(),
        "compiler": which(os.environ.get("CXX", "g++")) is not None,
    }


def first_line(error: BaseException) -> str:
    """What an exception says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):
        return f"{lines[0]} {lines[1]}"
    return lines[0] if lines else type(error).__name__


def load(plan: Plan) -> Session:
    """Load tokenizer and model, forget the checkpoint's generation defaults, and compile when the plan says so."""
    from transformers import GenerationConfig

    session = Session(plan, {"tokenizer": load_tokenizer(plan)})
    tokenizer = session.tokenizer
    for name in ("from_pretrained", "assistant"):
        if plan.call(name):
            model = call(plan, name, made=session.made)
            model.eval()
            own = model.generation_config
            ends = own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id
            model.generation_config = GenerationConfig(
                bos_token_id=own.bos_token_id, eos_token_id=ends, pad_token_id=tokenizer.pad_token_id
            )
    if plan.call("load_adapter"):
        session.model.load_adapter(**plan.kwargs("load_adapter"))
    if plan.call("assistant_generation_config"):
        # The library reads these from the draft model's own configuration, and nowhere else.
        session.made["assistant"].generation_config.update(**plan.kwargs("assistant_generation_config"))
    if plan.call("assistant"):  # its settings move while it drafts
        session.drafting = reading.read(reading.paths(plan.backend), assistant=session.made["assistant"])
    if plan.call("compile") or plan.call("CompileConfig"):
        forget_compiled()
    if plan.call("compile"):
        compile_forward(session)
    if plan.call("CompileConfig"):
        session.compiled = Compiled(asked=True, active=True, graphs_before=captured_graphs())
        # The library compiles by itself on GPUs only, unless it is told that every device will do.
        call(plan, "CompileConfig", made=session.made)._compile_all_devices = True
    return session


def load_tokenizer(plan: Plan) -> Any:
    """The tokenizer of the plan, with a token to pad with."""
    tokenizer = call(plan, "tokenizer")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
    return tokenizer


def warn_again() -> None:
    """Let the libraries say again what they say once in a process: each run is to hear it."""
    from accelerate.logging import MultiProcessAdapter
    from transformers.utils import logging

    logging.warning_once.cache_clear()
    MultiProcessAdapter.warning_once.cache_clear()


def forget_compiled() -> None:
    """Drop what earlier runs of this process compiled: this one is to count graphs of its own."""
    import torch

    torch.compiler.reset()


def compile_forward(session: Session) -> None:
    """Compile what `generate` calls. A compiled wrapper around the model would be passed by: 0 graphs."""
    session.compiled = Compiled(asked=True, eager=session.model.forward, graphs_before=captured_graphs())
    try:
        session.model.forward = call(session.plan, "compile", session.model.forward)
        session.compiled.active = True
    except Exception as error:
        fall_back(session, error)


def fall_back(session: Session, error: Exception) -> None:
    """Go on without torch.compile, and keep the reason."""
    if session.compiled.eager is not None:
        session.model.forward = session.compiled.eager
    else:
        session.model._valid_auto_compile_criteria = lambda *_, **__: False
    session.compiled.active = False
    session.compiled.error = f"{type(error).__name__}: {first_line(error)}"
    warnings.warn(f"torch.compile failed, going on without it: {session.compiled.error}", RuntimeWarning, stacklevel=2)


def texts(session: Session) -> list[str]:
    """The prompts of the plan as the model reads them."""
    found = datasets.prompts(**session.plan.kwargs("prompts"))
    asked = session.plan.kwargs("template")
    found, session.templated = datasets.template(found, session.tokenizer, **asked)
    if asked.get("chat") and not session.templated:
        warnings.warn("the tokenizer has no chat template: prompts are used as they are", RuntimeWarning, stacklevel=2)
    return found


def generate(session: Session, prompts: Sequence[str], seed: bool = False) -> dict[str, Any]:
    """Generate for one batch of prompts.

    Returns `seconds` of the generate call, `time_to_first_token` (seconds until the first forward pass was done),
    `forward_passes`, `shape` (rows and padded columns of the input), and `outputs`: for each row its text, token ids
    up to and including the end token, counts of input and output tokens without padding, and why it `finish`ed.
    The seed is set right before when `seed` is true. When the first compiled call fails, it is repeated without
    torch.compile.
    """
    try:
        result = _generate(session, prompts, seed)
    except Exception as error:
        if not session.compiled.active or session.compiled.proven or is_out_of_memory(error):
            raise
        fall_back(session, error)
        result = _generate(session, prompts, seed)
    session.compiled.proven = True
    return result


def _generate(session: Session, prompts: Sequence[str], seed: bool) -> dict[str, Any]:
    encoding = encode(session, prompts)
    inputs = {key: encoding[key].to(input_device(session.model)) for key in ("input_ids", "attention_mask")}
    if seed:
        call(session.plan, "set_seed")
    sent = live(session.plan, session.plan.arguments("generate"), session.made)
    kernels = call(session.plan, "sdpa_kernel") if session.plan.call("sdpa_kernel") else nullcontext()
    with _watched(session) as passes, kernels:
        _synchronize()
        start = time.perf_counter()
        rows = session.model.generate(**inputs, **sent)
        _synchronize()
        seconds = time.perf_counter() - start
    height, width = inputs["input_ids"].shape
    return {
        "seconds": seconds,
        "time_to_first_token": passes[0] - start if passes else seconds,
        "forward_passes": len(passes),
        "shape": [height, width],
        "outputs": _outputs(session, inputs["attention_mask"].sum(dim=1).tolist(), rows[:, width:].tolist()),
    }


def input_device(model: Any) -> Any:
    """Where the token ids go. Parameters that lie on disk have no device, and their inputs start on the processor."""
    return model.device if model.device.type != "meta" else "cpu"


def encode(session: Session, prompts: Sequence[str]) -> Any:
    """Token ids and attention mask of a batch, as tensors. A chat template has written its special tokens itself."""
    special = {"add_special_tokens": False} if session.templated else {}
    encoding = session.tokenizer(list(prompts), **session.plan.kwargs("encode"), **special)
    asked = session.plan.kwargs("pad")  # in one call, the library wants the cut to be a multiple too
    return session.tokenizer.pad(encoding, **asked) if asked else encoding


def tokens(session: Session, prompt: str) -> int:
    """The length of one prompt in tokens, as it is generated from."""
    return int(encode(session, [prompt])["attention_mask"].sum())


def _outputs(session: Session, lengths: list[int], rows: list[list[int]]) -> list[dict[str, Any]]:
    ends = session.model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends or ())
    found = []
    for index, row in enumerate(rows):
        end = next((place for place, token in enumerate(row) if token in ends), None)
        tokens = row if end is None else row[: end + 1]
        found.append(
            {
                "text": session.tokenizer.decode(tokens, skip_special_tokens=True),
                "token_ids": tokens,
                "input_tokens": lengths[index * len(lengths) // len(rows)],
                "output_tokens": len(tokens),
                "finish": "length" if end is None else "end",
            }
        )
    return found


@contextmanager
def _watched(session: Session) -> Iterator[list[float]]:
    """Note when each forward pass is done; the calls stay exactly those of the plan."""
    passes: list[float] = []
    model, prepare = session.model, session.model._get_logits_processor
    prepared = False

    def note(generation_config: Any, *positional: Any, **named: Any) -> Any:
        nonlocal prepared
        processors = prepare(generation_config, *positional, **named)
        if not prepared:  # a model that drafts for itself generates within this call, with other settings
            session.generation_config = generation_config
            session.logits_processors = [type(processor).__name__ for processor in processors]
            prepared = True
        return processors

    def done(_module: Any, _inputs: Any, output: Any) -> None:
        if not passes:
            _synchronize()
            cache = getattr(output, "past_key_values", None)
            session.cache = type(cache).__name__ if cache is not None else None
            session.cache_layers = _kinds(getattr(cache, "layers", ()))
        passes.append(time.perf_counter())

    hook = model.register_forward_hook(done)
    model._get_logits_processor = note
    try:
        yield passes
    finally:
        del model._get_logits_processor
        hook.remove()


def _synchronize() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.synchronize()


def captured_graphs() -> int:
    """The graphs that torch.compile has captured in this process."""
    from torch._dynamo.utils import counters

    return int(counters["stats"]["unique_graphs"])


def _kinds(things: Iterable[Any]) -> dict[str, int]:
    """How many there are of each class; weights of a class of their own, as torchao's, are told too."""
    return dict(Counter(_kind(thing) for thing in things))


def _kind(thing: Any) -> str:
    weight = type(getattr(thing, "weight", None)).__name__
    own = weight if weight.endswith("Tensor") and weight != "Tensor" else ""
    return type(thing).__name__ + (f"({own})" if own else "")


def readings(session: Session) -> dict[str, Any]:
    """What live objects say at the paths of the specification; what was not reached yet is left out."""
    import torch

    return session.drafting | reading.read(
        reading.paths(session.plan.backend),
        model=session.model,
        tokenizer=session.tokenizer,
        generation_config=session.generation_config,
        torch=torch,
    )


def effective(session: Session) -> dict[str, Any]:
    """What the live model says of itself: the other side of what was asked."""
    import torch

    model, tokenizer, compiled = session.model, session.tokenizer, session.compiled
    linear = (module for module in model.modules() if "Linear" in type(module).__name__)
    attention = Counter(
        str(module.config._attn_implementation)
        for module in model.modules()
        if "Attention" in type(module).__name__ and hasattr(module, "config")
    )
    dtypes = Counter(str(parameter.dtype).removeprefix("torch.") for parameter in model.parameters())
    own = model.generation_config.to_diff_dict()
    graphs = captured_graphs() - compiled.graphs_before if compiled.active else 0
    if compiled.proven and compiled.active and not graphs:
        warnings.warn("torch.compile captured no graph: nothing was compiled", RuntimeWarning, stacklevel=2)
    return {
        "model_class": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "parameter_dtypes": dict(dtypes),
        "linear_layers": _kinds(linear),
        "memory_footprint_bytes": model.get_memory_footprint(),
        "attention": ", ".join(attention) or model.config._attn_implementation,
        "attention_layers": dict(attention),
        "device": str(model.device),
        "device_map": _device_map(model),
        "own_code": {
            "present": bool(getattr(model.config, "auto_map", None)),
            "ran": type(model).__module__.startswith("transformers_modules."),
        },
        "generation_config": {key: value for key, value in own.items() if key != "transformers_version"},
        "generate": _told(session.generation_config),
        "logits_processors": session.logits_processors,
        "cache": session.cache,
        "cache_layers": session.cache_layers,
        "compile": {"asked": compiled.asked, "active": compiled.active, "graphs": graphs, "error": compiled.error},
        "tokenizer": {
            "class": type(tokenizer).__name__,
            "padding_side": tokenizer.padding_side,
            "pad_token": tokenizer.pad_token,
            "chat_template_applied": session.templated,
        },
        "threads": torch.get_num_threads(),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "seed": torch.initial_seed(),
    }


def _device_map(model: Any) -> dict[str, str]:
    """Where each part of the model is; the library keeps no map where all are on one device."""
    places = getattr(model, "hf_device_map", None) or {"": model.device}
    return {key: f"cuda:{place}" if isinstance(place, int) else str(place) for key, place in places.items()}


def _told(generation_config: Any) -> dict[str, Any]:
    """The generation config of the last generate call, as the library completed it; what is unset is left out."""
    told: dict[str, Any] = reading.plain(generation_config.to_dict()) if generation_config is not None else {}
    return {key: value for key, value in told.items() if value is not None}


def peak_device_memory() -> int | None:
    """The most bytes that tensors took on the GPUs of this process; None without a GPU."""
    import torch

    if not torch.cuda.is_available():
        return None
    return sum(torch.cuda.max_memory_allocated(index) for index in range(torch.cuda.device_count()))


def devices() -> list[dict[str, Any]]:
    """The GPUs of this machine: name, bytes of memory, compute capability."""
    import torch

    found = []
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        capability = f"{about.major}.{about.minor}"
        found.append({"name": about.name, "memory_bytes": about.total_memory, "compute_capability": capability})
    return found


def accelerator() -> str:
    """The kind of accelerator that torch would use here (`cuda`, `mps` …), "" for none."""
    import torch

    found = torch.accelerator.current_accelerator()
    return found.type if found else ""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that device or process ran out of memory."""
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def join_processes() -> tuple[int, int]:
    """Join the data-parallel processes that a launcher started, and return (rank, number of processes)."""
    import torch
    from torch import distributed

    if torch.cuda.is_available():
        torch.cuda.set_device(rank_device())
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    return distributed.get_rank(), distributed.get_world_size()


def wait_for_others() -> None:
    """Wait until every data-parallel process is here; alone, do nothing."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.barrier()


def leave_processes() -> None:
    """Leave the group of data-parallel processes."""
    from torch import distributed

    if distributed.is_initialized():
        distributed.destroy_process_group()
