"""What the installed libraries take: the arguments of the calls that llem drives, their defaults and listed values.

Run as a program it prints that as JSON, so that a library which is not installed can be looked at in a process of
its own. It reads signatures and dataclasses, and the source where a function takes its arguments out of `kwargs`.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Names = dict[str, dict[str, Any]]
"""Names with what is known of each: `default`, `deprecated` (the library warns), `dropped` (taken and not used)."""

DECODERS = ("gpt2", "llama", "mistral", "mixtral", "qwen2", "gemma2", "mamba")
"""Kinds of models whose configurations stand for all: each absorbs arguments with the names of its attributes."""


def surfaces() -> dict[str, Names]:
    """The names that each call takes, by the name of the call in schema/inventory.json."""
    import torch
    from torch._inductor import list_mode_options
    from transformers import (
        AutoConfig,
        AutoModelForCausalLM,
        AutoTokenizer,
        BitsAndBytesConfig,
        CompileConfig,
        GenerationConfig,
        LlamaForCausalLM,
        PreTrainedConfig,
        PreTrainedModel,
        QuantizedCache,
        QuantoConfig,
        TorchAoConfig,
    )
    from transformers.distributed import DistributedConfig
    from transformers.generation import GenerationMixin
    from transformers.tokenization_utils_base import PreTrainedTokenizerBase as Tokenizer

    loading = _taken(
        AutoModelForCausalLM.from_pretrained,
        PreTrainedModel.from_pretrained,
        AutoConfig.from_pretrained,
        PreTrainedConfig.from_pretrained,
        PreTrainedConfig.get_config_dict,
        PreTrainedConfig._get_config_dict,
        PreTrainedConfig.from_dict,
    )
    generation = _with_deprecated(_attributes_of_generation(GenerationConfig()), GenerationConfig)
    inputs = _taken(LlamaForCausalLM.forward) | _taken(LlamaForCausalLM.prepare_inputs_for_generation)
    tokenizer = (AutoTokenizer.from_pretrained, Tokenizer.from_pretrained, Tokenizer._from_pretrained)
    tokens: Names = {name: {"default": None} for name in Tokenizer.SPECIAL_TOKENS_ATTRIBUTES}
    return {
        "from_pretrained": loading,
        "config": _without(loading, _attributes_of_configs()),
        "DistributedConfig": _with_deprecated(_fields(DistributedConfig), DistributedConfig),
        "GenerationConfig": generation,
        "generate": _without(
            generation, _taken(GenerationMixin.generate, GenerationMixin._extract_generation_mode_kwargs)
        ),
        "forward": _without(generation, inputs),
        "BitsAndBytesConfig": _taken(BitsAndBytesConfig.__init__),
        "CompileConfig": _fields(CompileConfig),
        "QuantoConfig": _taken(QuantoConfig.__init__),
        "TorchAoConfig": _taken(TorchAoConfig.__init__),
        "load_adapter": _taken(PreTrainedModel.load_adapter),
        "cache_config": _taken(QuantizedCache.__init__),
        "cache_config.backend": _listed(_compared(QuantizedCache.__init__, "backend")),
        "torch.compile": _taken(torch.compile),
        "tokenizer": tokens | _taken(*tokenizer, Tokenizer.__init__),
        "tokenizer call": _taken(Tokenizer.__call__),
        **_values(list_mode_options()),
    }


def _values(modes: Iterable[str]) -> dict[str, Names]:
    """The values that the library lists for an argument, as names of a surface of their own."""
    import torch
    from transformers.generation import configuration_utils
    from transformers.integrations.moe import ALL_EXPERTS_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
    from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING

    old = set(configuration_utils.DEPRECATED_STATIC_CACHE_IMPLEMENTATIONS)
    caches = {*configuration_utils.ALL_CACHE_IMPLEMENTATIONS, *old}
    return {
        "generate.cache_implementation": {name: {"deprecated": True} if name in old else {} for name in sorted(caches)},
        "from_pretrained.attn_implementation": _listed({"eager", *ALL_ATTENTION_FUNCTIONS.valid_keys()}),
        "from_pretrained.experts_implementation": _listed({"eager", *ALL_EXPERTS_FUNCTIONS.valid_keys()}),
        "from_pretrained.quantization_config": _listed(AUTO_QUANTIZER_MAPPING),
        "torch.compile.mode": _listed(modes),
        "torch.compile.backend": _listed(torch._dynamo.list_backends()),
    }


def _without(others: Names, names: Names) -> Names:
    return {name: about for name, about in sorted(names.items()) if name not in others}


def _compared(function: Callable[..., Any], argument: str) -> Iterator[str]:
    """The values that a function tells apart, where nothing lists them."""
    for node in ast.walk(_source(function)):
        match node:
            case ast.Compare(left=ast.Name(name), comparators=[ast.Constant(str(value))]) if name == argument:
                yield value


def _listed(names: Iterable[str]) -> Names:
    return {name: {} for name in sorted(names)}


def _attributes_of_generation(config: Any) -> Names:
    """Generation settings, with the value that holds when neither caller nor checkpoint says another."""
    defaults = vars(config) | config._get_default_generation_params()
    return {name: {"default": plain(defaults[name])} for name in sorted(vars(config) | defaults)}


def _attributes_of_configs() -> Names:
    from transformers import CONFIG_MAPPING, PreTrainedConfig

    found: set[str] = set()
    for kind in (PreTrainedConfig, *(CONFIG_MAPPING[name] for name in DECODERS)):
        found |= set(vars(kind())) | {name for name, member in inspect.getmembers(kind) if isinstance(member, property)}
    return {name: {} for name in sorted(found) if not name.startswith("_")}


def _fields(kind: Any) -> Names:
    """The fields of a dataclass."""
    return {
        field.name: {} if field.default is dataclasses.MISSING else {"default": plain(field.default)}
        for field in dataclasses.fields(kind)
    }


def _taken(first: Callable[..., Any], *others: Callable[..., Any]) -> Names:
    """The arguments of a call: what functions of its name declare, and what these and others take out of `kwargs`."""
    found: Names = {}
    for function in (first, *others):
        if function.__name__ == first.__name__:
            found |= {name: found.get(name, {}) | about for name, about in _declared(function)}
    for function in (first, *others):
        for name, about in _popped(_source(function)):
            is_used = name in found and not found[name].get("dropped")
            if not is_used or not about.get("dropped"):
                found[name] = about | {key: value for key, value in found.get(name, {}).items() if key == "default"}
    for function in (first, *others):
        _with_deprecated(found, function)
    return dict(sorted(found.items()))


def _declared(function: Callable[..., Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in ("self", "cls") and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            yield name, {} if parameter.default is parameter.empty else {"default": plain(parameter.default)}


def _source(what: Any) -> ast.Module:
    return ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(what))))


def _popped(tree: ast.AST) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is taken out of `kwargs` by name, with its default; `dropped` where the value goes nowhere."""
    unused = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["_"]:
            unused.add(id(node.value))
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name("kwargs"), attr="pop" | "get"), args=[ast.Constant(name), *rest]
            ):
                about = {"dropped": True} if id(node) in unused else _default(rest)
                yield str(name), about
            case ast.Compare(left=ast.Constant(str(name)), ops=[ast.In()], comparators=[ast.Name("kwargs")]):
                yield name, {}
            case ast.For(iter=ast.List() as names, body=body) if "kwargs.pop(" in ast.unparse(ast.Module(body, [])):
                yield from ((name, {"dropped": True}) for name in ast.literal_eval(names))
            case ast.Assign(targets=[ast.Name(target)], value=ast.List() as names) if target.endswith("kwargs_names"):
                yield from ((name, {}) for name in ast.literal_eval(names))


def _default(rest: list[ast.expr]) -> dict[str, Any]:
    try:
        return {"default": ast.literal_eval(rest[0])} if rest else {}
    except ValueError:
        return {}


def _with_deprecated(names: Names, where: Any) -> Names:
    """Mark the names of which a warning in the source says that they are deprecated."""
    for node in ast.walk(_source(where)):
        if isinstance(node, ast.Call) and "warn" in ast.unparse(node.func):
            words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
            text = " ".join(word for word in words if isinstance(word, str))
            told = re.search(r"`(\w+)`.*deprecated", text)
            if told and told[1] in names:
                names[told[1]]["deprecated"] = True
    return names


def plain(value: Any) -> Any:
    """A default as JSON; what JSON lacks as Python writes it."""
    try:
        json.dumps(value)
    except TypeError:
        return repr(value)
    return value


def refused(asked: dict[str, dict[str, list[Any]]]) -> dict[str, dict[str, list[Any]]]:
    """Of the values asked about (call -> argument -> values), those that the library refuses at once."""
    from transformers import BitsAndBytesConfig, CompileConfig, GenerationConfig

    makers = {"generate": GenerationConfig, "BitsAndBytesConfig": BitsAndBytesConfig, "CompileConfig": CompileConfig}
    found: dict[str, dict[str, list[Any]]] = {}
    for call, arguments in asked.items():
        for argument, values in arguments.items() if call in makers else ():
            for value in values:
                try:
                    makers[call](**{argument: value})
                except (ValueError, TypeError, AttributeError):
                    found.setdefault(call, {}).setdefault(argument, []).append(value)
    return found


def main() -> None:
    """Print `versions`, `surfaces`, and which of the values that standard input asks about are `refused`."""
    from importlib.metadata import version

    import torch
    import transformers

    versions = {"transformers": transformers.__version__, "torch": torch.__version__.partition("+")[0]}
    versions["bitsandbytes"] = version("bitsandbytes")
    found = {"versions": versions, "surfaces": surfaces(), "refused": refused(json.load(sys.stdin))}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
