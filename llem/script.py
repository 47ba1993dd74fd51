"""Prints a plan as a plain Python script that does the same calls without llem."""

from __future__ import annotations

from importlib.util import find_spec
from keyword import iskeyword
from typing import Any

from llem import builtin, datasets, spec
from llem.planning import Plan

PYTORCH = '''\
"""The calls of an llem plan, without llem. Prints one line of JSON for each prompt.{launch}"""

import json
import os

{imports}
RANK, PROCESSES = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
DEVICE = f"cuda:{{int(os.environ.get('LOCAL_RANK', '0'))}}" if torch.cuda.is_available() else "cpu"

prompts = {prompts}

{process}tokenizer = {tokenizer}
if tokenizer.pad_token_id is None:
    tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token

{nested}model = {from_pretrained}
device = model.device if model.device.type != "meta" else "cpu"
# The checkpoint's own generation defaults must not fill what is left open: only its token ids stay.
for loaded in ({loaded}):
    loaded.eval()
    own = loaded.generation_config
    loaded.generation_config = transformers.GenerationConfig(
        bos_token_id=own.bos_token_id,
        eos_token_id=own.eos_token_id if own.eos_token_id is not None else tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
{after}{compile}
{template}

def generate(batch):
    encoded = tokenizer(batch, {encode}, **special)
{pad}    inputs = {{key: encoded[key].to(device) for key in ("input_ids", "attention_mask")}}
{generation}
    return rows[:, inputs["input_ids"].shape[1] :].tolist()


ends = model.generation_config.eos_token_id
ends = {{ends}} if isinstance(ends, int) else set(ends or ())
mine = list(range({share}))
{order}batches = [mine[start : start + {size}] for start in range(0, len(mine), {size})]
for _ in range({warm_up}):
    generate([prompts[index] for index in batches[0]])
{set_seed}
for batch in batches:
    rows = generate([prompts[index] for index in batch])
    for place, row in enumerate(rows):
        index = batch[place * len(batch) // len(rows)]
        end = next((place for place, token in enumerate(row) if token in ends), len(row))
        tokens = row[: end + 1]
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        line = json.dumps({{"index": index, "text": text, "token_ids": tokens}})
        print(f"{{line}}\\n", end="")  # in one piece, also where several processes print
'''

ENGINE = '''\
"""The calls of an llem plan, without llem. Prints the text for each prompt."""

import {module}

prompts = {prompts}

{nested}llm = {LLM}
for output in llm.generate(prompts, {generate}):
    print(output.outputs[0].text)
'''

TEMPLATE = """\
templated = bool({chat} and tokenizer.chat_template)
system = {system}
if templated:
    first = [{{"role": "system", "content": system}}] if system else []
    talks = [[*first, {{"role": "user", "content": prompt}}] for prompt in prompts]
    prompts = [tokenizer.apply_chat_template(t, tokenize=False, add_generation_prompt=True) for t in talks]
elif system:
    prompts = [f"{{system}}\\n\\n{{prompt}}" for prompt in prompts]
special = {{"add_special_tokens": False}} if templated else {{}}
"""


SORTED = 'mine.sort(key=lambda index: len(tokenizer(prompts[index], **special)["input_ids"]), reverse=True)\n'


def script(plan: Plan) -> str:
    """The plan as Python source. Raises datasets.DatasetError when the prompts, which it holds, cannot be read."""
    prompts = _list(datasets.prompts(**plan.arguments("prompts")))
    _make_models(plan)
    if plan.backend != "pytorch":
        call = plan.call("LLM")
        module = call.target.rpartition(".")[0] if call else ""
        return ENGINE.format(
            module=module,
            prompts=prompts,
            nested=_nested(plan),
            LLM=_call(plan, "LLM"),
            generate=_arguments(plan, "generate", ""),
        )
    launch = plan.arguments("launch")
    template = plan.arguments("template")
    return PYTORCH.format(
        launch=f"\n\nRun it with: torchrun --nproc-per-node={launch['nproc_per_node']} SCRIPT\n" if launch else "",
        prompts=prompts,
        tokenizer=_call(plan, "tokenizer"),
        imports=_imports(plan),
        process=_process(plan),
        nested=_nested(plan),
        from_pretrained=_call(plan, "from_pretrained"),
        loaded="model, assistant_model" if plan.call("assistant") else "model,",
        after=_after(plan),
        compile=_compile(plan),
        template=TEMPLATE.format(
            chat=template.get("chat"),
            system=repr(template.get("system")),
        )
        if template
        else "special = {}\n",
        encode=_arguments(plan, "encode", ""),
        pad=f"    encoded = tokenizer.pad(encoded, {_arguments(plan, 'pad', '')})\n" if plan.call("pad") else "",
        generation=_generation(plan),
        share="RANK, len(prompts), PROCESSES" if plan.call("share") else "len(prompts)",
        order=SORTED if plan.arguments("batches").get("order") == "length_sorted" else "",
        size=plan.arguments("batches")["size"],
        warm_up=f"{plan.arguments('warm_up')['batches']} if batches else 0",
        set_seed=_call(plan, "set_seed"),
    )


def _make_models(plan: Plan) -> None:
    """Make the built-in models that the script loads, where that can be done."""
    values = [argument.value for call in plan.calls for argument in call.arguments.values()]
    for value in values if find_spec("torch") and find_spec("transformers") else ():
        if isinstance(value, dict) and "$model" in value:
            builtin.make_model(value["$model"].removeprefix("builtin:"))


def source(plan: Plan, value: Any) -> str:
    """The Python expression for a JSON value of a plan."""
    if isinstance(value, list):
        return f"[{', '.join(source(plan, item) for item in value)}]"
    if not isinstance(value, dict):
        return repr(value)
    match value:
        case {"$torch": str(name)}:
            return f"torch.{name}"
        case {"$new": str(name)}:
            return f"{name}()"
        case {"$map": list(pairs)}:
            return "{" + ", ".join(f"{key!r}: {item!r}" for key, item in pairs) + "}"
        case {"$call": str(name)}:
            return _names(plan)[name]
        case {"$model": str(name)}:
            return repr(str(builtin.model_path(name.removeprefix("builtin:"))))
        case {"$rank": "device"}:
            return '{"": DEVICE}'
        case {"$literal": dict(mapping)}:
            return repr(mapping)
    return "{" + ", ".join(f"{key!r}: {source(plan, item)}" for key, item in value.items()) + "}"


def _names(plan: Plan) -> dict[str, str]:
    """The calls whose result is an argument of another one, and the variable that holds it."""
    arguments = [(key, one.value) for call in plan.calls for key, one in call.arguments.items()]
    return {value["$call"]: key for key, value in arguments if isinstance(value, dict) and "$call" in value}


def _imports(plan: Plan) -> str:
    """The modules of what is called and of the objects that are passed."""
    names = [call.target for call in plan.calls]
    for value in (argument.value for call in plan.calls for argument in call.arguments.values()):
        match value:
            case {"$torch": str(name)}:
                names.append(f"torch.{name}")
            case {"$new": str(name)}:
                names.append(name)
    modules = {"torch", "transformers"}
    for name in names:
        parts = name.split(".")[:-1]
        packages = [part for place, part in enumerate(parts) if "".join(parts[: place + 1]).islower()]
        if packages and packages[0] in ("torch", "transformers", "torchao"):
            modules.add(".".join(packages))
    return "".join(f"import {module}\n" for module in sorted(modules))


def _nested(plan: Plan) -> str:
    names = {name: variable for name, variable in _names(plan).items() if name not in WRITTEN}
    return "".join(f"{variable} = {_call(plan, name)}\n" for name, variable in names.items())


WRITTEN = ("tokenizer",)
"""Calls that have a line of their own."""


def _process(plan: Plan) -> str:
    """The calls that set something for the whole process."""
    names = [name for name, entry in spec.calls(plan.backend).items() if "present" in entry and plan.call(name)]
    text = "".join(f"{_call(plan, name)}\n" for name in names)
    return f'os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")\n{text}\n' if text else ""


def _after(plan: Plan) -> str:
    """What is done to the models once they are loaded."""
    lines = [_call(plan, name) for name in ("load_adapter", "assistant_generation_config") if plan.call(name)]
    if plan.call("CompileConfig"):
        lines.append("compile_config._compile_all_devices = True  # the library compiles on GPUs only, unless told so")
    return "".join(f"{line}\n" for line in lines)


def _generation(plan: Plan) -> str:
    call = f"rows = model.generate(**inputs, {_arguments(plan, 'generate', '')})"
    kernels = plan.call("sdpa_kernel")
    if kernels is None:
        return f"    {call}"
    return f"    with {kernels.target}({_arguments(plan, 'sdpa_kernel', '')}):\n        {call}"


def _call(plan: Plan, name: str) -> str:
    call = plan.call(name)
    return f"{call.target}({_arguments(plan, name)})" if call else ""


def _compile(plan: Plan) -> str:
    call = plan.call("compile")
    if call is None:
        return ""
    arguments = _arguments(plan, "compile", "")
    reason = "# Wrapping the model itself would compile nothing: generate is not its forward."
    return f"{reason}\nmodel.forward = {call.target}(model.forward, {arguments})\n"


def _arguments(plan: Plan, name: str, indent: str = "    ") -> str:
    """The arguments as source: a line each, or all on one where `indent` is empty."""
    given = {key: source(plan, value) for key, value in plan.arguments(name).items()}
    parts = [value if key == "*" else _argument(key, value) for key, value in given.items()]
    if not indent or len(parts) < 2:
        return ", ".join(parts)
    return "\n" + "".join(f"{indent}{part},\n" for part in parts)


def _argument(key: str, value: str) -> str:
    return f"{key}={value}" if key.isidentifier() and not iskeyword(key) else f"**{{{key!r}: {value}}}"


def _list(texts: list[str]) -> str:
    return "[\n" + "".join(f"    {text!r},\n" for text in texts) + "]"
