"""Runs that need a CUDA GPU; elsewhere they are skipped, and say so."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import pytest
from conftest import Ran

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def gpus() -> int:
    """Return the number of GPUs; without one, skip the test."""
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA GPU")
    return torch.cuda.device_count()


FOUR, EIGHT = {"Linear4bit": 28, "Linear": 1}, {"Linear8bitLt": 28, "Linear": 1}

# name -> (what the document says, what is read back)
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "half precision": ({"precision": "fp16"}, {"parameter_dtypes": {"float16": 39}}),
    "4 bit": ({"pytorch": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}, {"linear_layers": FOUR}),
    "8 bit": ({"precision": "fp16", "pytorch": {"load_in_8bit": True}}, {"linear_layers": EIGHT}),
    "static cache": (
        {"pytorch": {"cache_implementation": "static", "disable_compile": True}},
        {"cache": "StaticCache"},
    ),
    "offloaded cache": ({"pytorch": {"cache_implementation": "offloaded"}}, {"cache": "DynamicCache"}),
    "flex attention in batches": (
        {"pytorch": {"attn_implementation": "flex_attention", "batch_size": 2}},
        {"attention": "flex_attention"},
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_was_asked_runs_on_the_gpu(run: Callable[..., Ran], name: str) -> None:
    """The model is on the GPU, and is what was asked for."""
    settings, wanted = SETTINGS[name]
    ran = run(**settings)
    assert ran.result["status"] == "finished", ran.result["error"]
    assert ran.effective["device"].startswith("cuda")
    assert {key: ran.effective[key] for key in wanted} == wanted
    assert ran.result["metrics"]["peak_memory"]["device_bytes"] > 0
    assert ran.result["environment"]["gpus"]


@pytest.mark.skipif(find_spec("flash_attn") is None, reason="needs flash_attn")
def test_flash_attention(run: Callable[..., Ran]) -> None:
    """Flash attention is in use where it is installed."""
    ran = run(precision="fp16", pytorch={"attn_implementation": "flash_attention_2"})
    assert (ran.result["status"], ran.effective["attention"]) == ("finished", "flash_attention_2")


@pytest.mark.parametrize("target", ["model", "decode"])
def test_compiled(run: Callable[..., Ran], target: str) -> None:
    """A static cache and a compiled forward pass capture graphs."""
    settings = {"cache_implementation": "static", "torch_compile": True, "torch_compile_target": target}
    ran = run(precision="fp16", warmup=1, pytorch=settings)
    assert (ran.result["status"], ran.effective["compile"]["error"]) == ("finished", None)
    assert ran.effective["compile"]["graphs"] > 0


def test_each_process_has_its_gpu(run: Callable[..., Ran], gpus: int) -> None:
    """Two processes take two GPUs, and together give the tokens of one."""
    if gpus < 2:
        pytest.skip("needs two GPUs")
    one, two = run(), run(pytorch={"num_processes": 2})
    assert two.tokens == one.tokens
    assert {output["rank"] for output in two.outputs} == {0, 1}


def test_a_device_that_is_not_there(run: Callable[..., Ran], gpus: int) -> None:
    """A GPU beyond those of the machine is refused before loading; the last one is taken."""
    from llem.running import CannotRun

    with pytest.raises(CannotRun, match="device_map"):
        run(pytorch={"device_map": f"cuda:{gpus}"})
    assert run(pytorch={"device_map": f"cuda:{gpus - 1}"}).effective["device"] == f"cuda:{gpus - 1}"
