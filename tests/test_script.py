"""`llem explain --as python`: the plan as a script without llem, which gives the tokens that `llem run` gives."""

from __future__ import annotations

import ast
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from conftest import SMALL, Ran

import llem

SCRIPTS = {
    "greedy": {},
    "sampling": {"decoder": {}, "random_seed": 3, "warmup": 1},
    "filters": {"decoder": {"temperature": 2, "top_k": 0, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.2}},
    "preset": {"decoder": {"preset": "factual"}},
    "beams": {"pytorch": {"num_beams": 3, "length_penalty": 0.5, "batch_size": 2}},
    "4 bit": {
        "precision": "bf16",
        "pytorch": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": "bfloat16"},
    },
    "compiled": {"n": 1, "pytorch": {"torch_compile": True, "torch_compile_backend": "eager"}},
    "chat template": {
        "dataset": {"source": "builtin:mixed", "chat_template": True, "system_prompt": 'Say "yes" or {no}.'}
    },
    "no template": {
        "model": "builtin:tiny-gpt2",
        "dataset": {"source": "builtin:mixed", "chat_template": True, "system_prompt": "Be brief."},
    },
    "system prompt": {"dataset": {"source": "builtin:mixed", "system_prompt": "Be brief."}},
    "synthetic": {"dataset": {"input_len": 9, "output_len": 5}, "pytorch": {"batch_size": 3}},
    "file": {"dataset": {"source": "odd.jsonl", "column": "prompt"}, "n": 3},
    "maps": {"pytorch": {"device_map": {"model": "cpu", "lm_head": "cpu"}}},
    "max_memory": {"pytorch": {"max_memory": {"cpu": "1GiB"}}},
    "ends early": {"n": 12, "max_output_tokens": 32, "pytorch": {"batch_size": 5}},
    "passthrough": {"passthrough_kwargs": {"disable_mmap": True}},
}


@pytest.fixture(autouse=True)
def _odd_prompts(folder: Path) -> None:
    texts = ["{braces} and %s", "'''quotes''' \\n \"\"\"", "new\nline\u2028 and 🦜"]
    Path("odd.jsonl").write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))


@pytest.fixture
def script(write: Callable[..., str], command: Callable[..., Any]) -> Callable[..., str]:
    """Return a function that prints a small experiment with other settings as a script, which names no llem."""

    def script(**settings: Any) -> str:
        done = command("explain", write(**settings), "--as", "python")
        assert done.exit_code == 0, done.output
        source: str = done.stdout
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                assert not any(name.split(".")[0] == "llem" for name in names)
        return source

    return script


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines of JSON among other output, in the order of their index."""
    lines = [json.loads(line) for line in text.split("\n") if line.startswith('{"index"')]
    return sorted(lines, key=lambda line: int(line["index"]))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_gives_the_same_tokens(
    run: Callable[..., Ran], script: Callable[..., str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What `llem explain` prints is what `llem run` runs."""
    ran, source = run(**SCRIPTS[name]), script(**SCRIPTS[name])
    printed = io.StringIO()
    with monkeypatch.context() as patch, redirect_stdout(printed):
        patch.setitem(sys.modules, "llem", None)  # cannot be imported now
        exec(compile(source, "script.py", "exec"), {"__name__": "__main__"})
    lines = lines_of(printed.getvalue())
    assert [line["token_ids"] for line in lines] == ran.tokens
    assert [line["text"] for line in lines] == [output["text"] for output in ran.outputs]
    assert len(lines) == ran.result["metrics"]["prompts"]


@pytest.mark.parametrize("processes", [1, 2])
def test_script_in_processes_of_its_own(run: Callable[..., Ran], script: Callable[..., str], processes: int) -> None:
    """The printed file runs as it is, under torchrun where its first lines say so."""
    ran, source = run(), script(pytorch={"num_processes": processes})
    Path("script.py").write_text(source, encoding="utf-8")
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"] if processes > 1 else []
    assert ("torchrun --nproc-per-node=2" in source) == (processes == 2)
    done = subprocess.run([sys.executable, *launcher, "script.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [line["token_ids"] for line in lines_of(done.stdout)] == ran.tokens


ENGINES = {
    "vllm": (
        {"max_num_seqs": 8, "tensor_parallel_size": 2, "quantization": "fp8"},
        {"decoder": {"preset": "standard", "min_new_tokens": 2}, "max_input_tokens": 64},
    ),
    "tensorrt": ({"max_batch_size": 4, "tp_size": 2, "quantization": "int4_awq"}, {"precision": "fp16"}),
}


@pytest.mark.parametrize("engine", ENGINES)
def test_scripts_of_other_engines(script: Callable[..., str], monkeypatch: pytest.MonkeyPatch, engine: str) -> None:
    """Scripts for engines that llem does not run make the calls of the plan; here a stand-in notes the arguments."""
    section, settings = ENGINES[engine]
    asked = {"model": "some/model", "backend": engine, "warmup": None, engine: section, **settings}
    source = script(**asked)
    made: dict[str, Any] = {}

    class StandIn:
        def __init__(self, **arguments: Any) -> None:
            made[type(self).__name__] = arguments

        def generate(self, prompts: list[str], **arguments: Any) -> list[Any]:
            made["prompts"], made["generate"] = prompts, arguments
            return []

    names = ("LLM", "SamplingParams", "QuantConfig")
    classes = {name: type(name, (StandIn,), {}) for name in names}
    for module in ("vllm", "tensorrt_llm", "tensorrt_llm._tensorrt_engine", "tensorrt_llm.llmapi"):
        parent, _, child = module.rpartition(".")
        stand_in = ModuleType(module)
        vars(stand_in).update(classes)
        monkeypatch.setitem(sys.modules, module, stand_in)
        if parent:
            setattr(sys.modules[parent], child, stand_in)
    exec(compile(source, "script.py", "exec"), {"__name__": "__main__"})
    plan = llem.plan({**SMALL, **asked}, trust_remote_code=False)
    for name in names:
        call = plan.call(name)
        assert set(made.get(name, {})) == set(call.arguments if call else {})
        for argument, value in plan.arguments(name).items():
            if not isinstance(value, dict):
                assert made[name][argument] == value
    assert len(made["prompts"]) == SMALL["n"]
    assert isinstance(made["generate"]["sampling_params"], classes["SamplingParams"])


HOSTILE = {
    "a key that is no name": {"a b": 1},
    "a key that is code": {"a=__import__('pathlib').Path('pwned').touch(), b": 1},
    "a tag of a plan": {"a": {"$torch": "float16 + __import__('pathlib').Path('pwned').touch()"}},
    "a call of a plan": {"a": {"$call": "nosuch"}},
    "a map of a plan": {"a": {"$map": [1]}},
    "a model of a plan": {"a": {"$model": "nosuch"}},
    "a rank of a plan": {"a": {"$rank": "device"}},
    "quotes": {"a": "'''\"\"\"\n\\"},
}


@pytest.mark.parametrize("style", ["text", "json", "python"])
@pytest.mark.parametrize("name", HOSTILE)
def test_passthrough_is_data(write: Callable[..., str], command: Callable[..., Any], name: str, style: str) -> None:
    """What is passed through is passed on as it stands, and never becomes code or a tag of the plan."""
    asked = HOSTILE[name]
    file = write(passthrough_kwargs=asked)
    sent = llem.plan(file, trust_remote_code=False).kwargs("from_pretrained")
    assert {key: sent[key] for key in asked} == asked
    done = command("explain", file, "--as", style)
    assert done.exit_code == 0
    if style == "python":
        (call,) = (
            node
            for node in ast.walk(ast.parse(done.stdout))
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("AutoModelForCausalLM.from_pretrained")
        )
        found: dict[str, Any] = {}
        for keyword in call.keywords:
            if keyword.arg is None:
                found |= ast.literal_eval(keyword.value)
            elif keyword.arg in asked:
                found[keyword.arg] = ast.literal_eval(keyword.value)
        assert found == asked
    assert not os.path.lexists("pwned")
