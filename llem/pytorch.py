"""HuggingFace Transformers on PyTorch: does the calls of a plan."""

from __future__ import annotations

import os
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from llem import builtin, datasets, messages, reading, spec

if TYPE_CHECKING:
    from llem.planning import Plan


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
    session.compiled.error = f"{type(error).__name__}: {messages.first_line(error)}"
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


CACHES = ("past_key_values", "cache_params")
"""Under these names a model hands on its cache; the latter is that of Mamba."""


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
            found = (getattr(output, name, None) for name in CACHES)
            cache = next((cache for cache in found if cache is not None), None)
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
