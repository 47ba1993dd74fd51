"""`llem run` and `llem.run`: real models are loaded and generate; what was asked is what ran, and a file shows it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import tiny_models
from conftest import SMALL, Ran

import llem
from llem import record, running
from llem.builtin import make_model
from llem.builtin import prompts as builtin_prompts
from llem.running import CannotRun

NEUTRAL = {"temperature": 1.0, "top_k": 50, "top_p": 1.0, "repetition_penalty": 1.0}
GREEDY = {"do_sample": False, "repetition_penalty": 1.0}


def by_hand(
    model: str = "tiny-llama",
    n: int = 4,
    batch_size: int = 1,
    load: dict[str, Any] | None = None,
    seed: int = 42,
    max_new_tokens: int = 12,
    **arguments: Any,
) -> list[list[int]]:
    """The token ids that plain calls of transformers give, up to the end token. Nothing of llem is in here."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_model(model), padding_side="left")
    tokenizer.pad_token = tokenizer.eos_token
    network = AutoModelForCausalLM.from_pretrained(make_model(model), **(load or {"dtype": torch.float32})).eval()
    texts = builtin_prompts("mixed")[:n]
    end = tokenizer.eos_token_id
    torch.manual_seed(seed)
    found = []
    for start in range(0, n, batch_size):
        batch = texts[start : start + batch_size]
        inputs = tokenizer(batch, return_tensors="pt", padding=True, truncation=True, max_length=512)
        made = network.generate(**inputs, pad_token_id=end, max_new_tokens=max_new_tokens, **arguments)
        for row in made[:, inputs["input_ids"].shape[1] :].tolist():
            found.append(row[: row.index(end) + 1] if end in row else row)
    return found


@pytest.fixture
def generated(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that fills with the arguments of every call of the library's `generate`, which still runs."""
    from transformers import GenerationMixin

    original = GenerationMixin.generate
    calls: list[dict[str, Any]] = []

    def generate(self: Any, *positional: Any, **arguments: Any) -> Any:
        assert not positional
        calls.append(arguments)
        return original(self, **arguments)

    monkeypatch.setattr(GenerationMixin, "generate", generate)
    return calls


# ---- what runs is what transformers does when it is called by hand


SAME_AS_BY_HAND = {
    "greedy": ({}, GREEDY),
    "do_sample false": ({"decoder": {"do_sample": False, "temperature": 0.7, "top_k": 3}}, GREEDY),
    "sampling": ({"decoder": {}}, {"do_sample": True, **NEUTRAL}),
    "another seed": ({"decoder": {}, "random_seed": 7}, {"do_sample": True, **NEUTRAL, "seed": 7}),
    "warm-up leaves the seed alone": ({"decoder": {}, "warmup": 2}, {"do_sample": True, **NEUTRAL}),
    "filters": (
        {"decoder": {"temperature": 2, "top_k": 0, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3}},
        {"do_sample": True, "temperature": 2.0, "top_k": 0, "top_p": 0.9, "min_p": 0.05, "repetition_penalty": 1.3},
    ),
    "preset": (
        {"decoder": {"preset": "creative"}},
        {"do_sample": True, **NEUTRAL, "temperature": 0.8, "top_p": 0.9, "repetition_penalty": 1.1},
    ),
    "beams": (
        {"pytorch": {"num_beams": 3, "length_penalty": 2, "early_stopping": True}},
        {**GREEDY, "num_beams": 3, "length_penalty": 2.0, "early_stopping": True},
    ),
    "sampled beams": ({"decoder": {}, "pytorch": {"num_beams": 2}}, {"do_sample": True, **NEUTRAL, "num_beams": 2}),
    "batches": ({"pytorch": {"batch_size": 3}, "decoder": {}}, {"do_sample": True, **NEUTRAL, "batch_size": 3}),
    "no cache": ({"n": 1, "pytorch": {"use_cache": False}}, {**GREEDY, "n": 1, "use_cache": False}),
    "static cache": (
        {"pytorch": {"cache_implementation": "static"}},
        {**GREEDY, "cache_implementation": "static"},
    ),
    "gpt2": ({"model": "builtin:tiny-gpt2"}, {**GREEDY, "model": "tiny-gpt2"}),
}


@pytest.mark.parametrize("name", SAME_AS_BY_HAND)
def test_tokens_are_those_of_plain_transformers(run: Callable[..., Ran], name: str) -> None:
    """A run gives the tokens that a script without llem gives, with the same arguments and the same seed."""
    settings, arguments = SAME_AS_BY_HAND[name]
    ran = run(**settings)
    assert ran.result["status"] == "finished"
    assert ran.tokens == by_hand(**arguments)


def test_checkpoint_defaults_do_not_leak(run: Callable[..., Ran]) -> None:
    """A checkpoint's own sampling defaults never fill what a document leaves open; only its token ids stay."""
    ran = run(max_output_tokens=40)
    assert ran.tokens == by_hand(**GREEDY, max_new_tokens=40)
    assert ran.tokens != by_hand(do_sample=False, max_new_tokens=40), "the checkpoint's penalty should show here"
    assert ran.effective["generation_config"] == {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}


CALLS = {
    "greedy": ({}, {"max_new_tokens": 12, **GREEDY}),
    "do_sample false": (
        {"decoder": {"do_sample": False, "temperature": 0.5, "top_k": 3, "top_p": 0.5, "min_p": 0.1}},
        {"max_new_tokens": 12, **GREEDY},
    ),
    "numbers are of the type the library tests for": (
        {"decoder": {"temperature": 2, "top_p": 1, "min_p": 0, "repetition_penalty": 2, "top_k": 5.0}},
        {
            "max_new_tokens": 12,
            "do_sample": True,
            "temperature": 2.0,
            "top_p": 1.0,
            "min_p": 0.0,
            "repetition_penalty": 2.0,
            "top_k": 5,
        },
    ),
    "null is unset": (
        {"decoder": {"temperature": 0, "min_p": None}, "pytorch": None},
        {"max_new_tokens": 12, **GREEDY},
    ),
    "beams": (
        {"pytorch": {"num_beams": 2, "length_penalty": 1}},
        {"max_new_tokens": 12, **GREEDY, "num_beams": 2, "length_penalty": 1.0},
    ),
}


@pytest.mark.parametrize("name", CALLS)
def test_generate_gets_the_plan_and_nothing_else(
    run: Callable[..., Ran], generated: list[dict[str, Any]], name: str
) -> None:
    """The library's generate gets the arguments of the plan, the input, and no other argument."""
    settings, expected = CALLS[name]
    run(n=1, **settings)
    (arguments,) = generated
    assert set(arguments) - set(expected) == {"input_ids", "attention_mask"}
    sent = {key: arguments[key] for key in expected}
    assert sent == expected == llem.plan({**SMALL, "n": 1, **settings}).kwargs("generate")
    assert {key: type(value) for key, value in sent.items()} == {key: type(expected[key]) for key in expected}


# ---- every setting shows its effect, or is read back


def test_4_bit(run: Callable[..., Ran]) -> None:
    """All linear layers but the output layer are quantized, also on a CPU, with the options of the document."""
    import torch
    from transformers import BitsAndBytesConfig

    options = {"bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True, "bnb_4bit_compute_dtype": "bfloat16"}
    ran = run(precision="bf16", pytorch={"load_in_4bit": True, **options})
    assert ran.effective["linear_layers"] == {"Linear4bit": 28, "Linear": 1}
    assert ran.effective["parameter_dtypes"] == {"bfloat16": 11, "uint8": 28}
    quantization = BitsAndBytesConfig(load_in_4bit=True, **options)
    load = {"dtype": torch.bfloat16, "quantization_config": quantization}
    assert ran.tokens == by_hand(**GREEDY, load=load)
    plain = run(precision="bf16", pytorch={"load_in_4bit": True})
    assert plain.tokens != ran.tokens, "the options should show here"


def test_8_bit(run: Callable[..., Ran]) -> None:
    """All linear layers but the output layer are quantized, also on a CPU."""
    ran = run(n=1, max_output_tokens=2, precision="fp16", pytorch={"load_in_8bit": True})
    assert ran.effective["linear_layers"] == {"Linear8bitLt": 28, "Linear": 1}
    assert ran.effective["parameter_dtypes"] == {"float16": 11, "int8": 28}


def test_quanto(run: Callable[..., Ran]) -> None:
    """Every linear layer but the output layer is quantized."""
    effective = run(pytorch={"quanto_weights": "int8"}).effective
    assert effective["linear_layers"] == {"QLinear(WeightQBytesTensor)": 28, "Linear": 1}


def test_gguf(folder: Path, run: Callable[..., Ran]) -> None:
    """The same weights give the same tokens, from a GGUF file and from safetensors.

    A GGUF file says less of its tokenizer: the library splits numbers otherwise, so the prompts have none.
    """
    Path("prompts.txt").write_text("The ship left the harbour\nName three rivers\n", encoding="utf-8")
    asked = {"model": str(tiny_models.path("gguf")), "precision": "fp32", "dataset": "prompts.txt"}
    assert run(**asked, pytorch={"gguf_file": "model.gguf"}).tokens == run(**asked).tokens


def test_multi_token_prediction(run: Callable[..., Ran]) -> None:
    """Tokens that are predicted ahead and accepted are those of greedy decoding."""
    asked = {"model": str(tiny_models.path("mtp")), "decoder": {"temperature": 0}, "precision": "fp32"}
    assert run(**asked, pytorch={"use_mtp": True}).tokens == run(**asked).tokens


def test_adapter(run: Callable[..., Ran]) -> None:
    """An adapter is put on the model, which then says something else."""
    adapted = run(pytorch={"adapter": str(tiny_models.path("lora"))})
    assert adapted.effective["linear_layers"]["Linear"] > 0
    assert adapted.tokens != run().tokens


@pytest.mark.parametrize("flag", ["load_in_4bit", "load_in_8bit"])
def test_quantization_false_is_no_quantization(run: Callable[..., Ran], flag: str) -> None:
    """False loads the plain model: the library alone would take a configuration without a true flag as 4 bit."""
    ran = run(n=1, pytorch={flag: False})
    assert ran.effective["linear_layers"] == {"Linear": 29}
    assert ran.effective["parameter_dtypes"] == {"float32": 39}


READ_BACK = {
    "fp32": ({"precision": "fp32"}, "parameter_dtypes", {"float32": 39}),
    "fp16": ({"precision": "fp16"}, "parameter_dtypes", {"float16": 39}),
    "bf16": ({"precision": "bf16"}, "parameter_dtypes", {"bfloat16": 39}),
    "bf16 is the default": ({"precision": None}, "parameter_dtypes", {"bfloat16": 39}),
    "eager": ({"pytorch": {"attn_implementation": "eager"}}, "attention", "eager"),
    "sdpa": ({"pytorch": {"attn_implementation": "sdpa"}}, "attention", "sdpa"),
    "static cache": ({"pytorch": {"cache_implementation": "static"}}, "cache", "StaticCache"),
    "dynamic cache": ({}, "cache", "DynamicCache"),
    "no cache": ({"pytorch": {"use_cache": False}}, "cache", None),
    "device": ({"pytorch": {"device_map": "cpu"}}, "device", "cpu"),
    "device of a map": ({"pytorch": {"device_map": {"": "cpu"}}}, "device", "cpu"),
    "map": (
        {"pytorch": {"device_map": {"model": "cpu", "lm_head": "disk"}}},
        "device_map",
        {"model": "cpu", "lm_head": "disk"},
    ),
    "max_memory": ({"pytorch": {"max_memory": {"cpu": "1GiB"}}}, "device", "cpu"),
    "max_memory too small": ({"pytorch": {"max_memory": {"cpu": 1000}}}, "device_map", {"": "disk"}),
    "no compilation": ({}, "compile", {"asked": False, "active": False, "graphs": 0, "error": None}),
}


@pytest.mark.parametrize("name", READ_BACK)
def test_read_back(run: Callable[..., Ran], name: str) -> None:
    """The record says of the live objects what the document asked for, and the run gives tokens."""
    settings, key, value = READ_BACK[name]
    ran = run(n=1, max_output_tokens=3, **settings)
    assert ran.result["error"] is None
    assert ran.effective[key] == value
    assert ran.result["metrics"]["output_tokens"] == 3


@pytest.mark.parametrize("key", [0, "0"])
def test_max_memory_keys_are_numbers(key: int | str) -> None:
    """The number of a GPU reaches the library as a number, whichever way it is written."""
    document = {**SMALL, "pytorch": {"max_memory": {key: "1GiB", "cpu": 10}}}
    assert llem.plan(document).kwargs("from_pretrained")["max_memory"] == {0: "1GiB", "cpu": 10}


def test_offloaded_model_gives_the_same_tokens(run: Callable[..., Ran]) -> None:
    """A model that lies on disk entirely runs as well: the library moves the input to where it computes."""
    ran = run(pytorch={"device_map": {"": "disk"}})
    assert ran.result["error"] is None
    assert ran.tokens == by_hand(**GREEDY)


def test_no_repeat_ngram_size(run: Callable[..., Ran]) -> None:
    """No pair of tokens comes twice, where it does without the setting."""
    settings = {"model": "builtin:tiny-gpt2", "max_output_tokens": 64, "decoder": {"temperature": 0}}
    plain, without = run(**settings), run(**settings, pytorch={"no_repeat_ngram_size": 2})
    repeats = [sum(len(row) - 1 - len(set(pairwise(row))) for row in ran.tokens) for ran in (plain, without)]
    assert repeats[0] > 0
    assert repeats[1] == 0


def test_min_new_tokens(run: Callable[..., Ran]) -> None:
    """The end token is held back, where it comes earlier without the setting."""
    settings = {"n": 12, "max_output_tokens": 64, "pytorch": {"batch_size": 12}}
    plain = run(**settings)
    held = run(**settings, decoder={"temperature": 0, "min_new_tokens": 60})
    assert min(output["output_tokens"] for output in plain.outputs) < 40
    assert min(output["output_tokens"] for output in held.outputs) >= 60


def test_prompt_lookup(run: Callable[..., Ran]) -> None:
    """Speculation takes fewer forward passes than there are tokens, and greedy tokens stay the same."""
    settings = {"model": "builtin:tiny-gpt2", "n": 10, "max_output_tokens": 64}
    plain, guessed = run(**settings), run(**settings, pytorch={"prompt_lookup_num_tokens": 3})
    assert plain.tokens == guessed.tokens
    passes = [sum(batch["forward_passes"] for batch in ran.result["batches"]) for ran in (plain, guessed)]
    assert passes[1] < passes[0] == plain.result["metrics"]["output_tokens"]


# ---- torch.compile


@pytest.fixture
def fresh_compiler() -> Iterator[None]:
    """Forget what was compiled in this process, before and after."""
    import torch
    from torch._dynamo.utils import counters

    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


COMPILED = {"torch_compile": True, "torch_compile_backend": "eager"}


@pytest.mark.usefixtures("fresh_compiler")
def test_compile_captures_graphs(run: Callable[..., Ran]) -> None:
    """The forward pass that generate calls is compiled, tokens stay the same, and each run counts its own graphs."""
    import torch

    ran = run(n=1, max_output_tokens=4, pytorch=COMPILED)
    graphs = ran.effective["compile"]["graphs"]
    assert graphs > 0
    assert ran.effective["compile"] == {"asked": True, "active": True, "graphs": graphs, "error": None}
    assert ran.tokens == by_hand(**GREEDY, n=1, max_new_tokens=4)
    torch.compiler.reset()
    run(n=1, max_output_tokens=2, pytorch=COMPILED, model="builtin:tiny-gpt2")
    again = run(n=1, max_output_tokens=4, pytorch=COMPILED)
    assert again.effective["compile"]["graphs"] == graphs


@pytest.mark.usefixtures("fresh_compiler")
@pytest.mark.parametrize(
    ("backend", "error"),
    [("nosuch", "InvalidBackend"), ("tvm", "BackendCompilerFailed")],
    ids=["unknown", "first call"],
)
def test_failed_compilation_falls_back(run: Callable[..., Ran], backend: str, error: str) -> None:
    """When compiling fails, at once or at the first call, the run goes on: warned, recorded, with the same tokens."""
    with pytest.warns(RuntimeWarning, match=f"torch.compile failed, going on without it: {error}"):
        ran = run(decoder={}, pytorch={"torch_compile": True, "torch_compile_backend": backend})
    assert ran.result["status"] == "finished"
    assert ran.effective["compile"]["error"].startswith(f"{error}: ")
    assert ran.effective["compile"] | {"error": ""} == {"asked": True, "active": False, "graphs": 0, "error": ""}
    assert ran.tokens == by_hand(do_sample=True, **NEUTRAL)


# ---- prompts, batches and counts


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2"])
def test_padding_changes_nothing(run: Callable[..., Ran], generated: list[dict[str, Any]], model: str) -> None:
    """Prompts are padded on the left and masked: a batch of four gives the tokens of four single prompts."""
    single = run(model=f"builtin:{model}")
    assert all(call["attention_mask"].min() == 1 for call in generated)
    generated.clear()
    batched = run(model=f"builtin:{model}", pytorch={"batch_size": 4})
    assert batched.tokens == single.tokens
    (call,) = generated
    for row in call["attention_mask"].tolist():
        assert row == sorted(row), "padding stands on the left"
    assert batched.effective["tokenizer"]["padding_side"] == "left"


def test_counts_are_those_of_the_tokenizer(run: Callable[..., Ran]) -> None:
    """Tokens are counted without padding, and the end token counts."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_model("tiny-llama"))
    texts = builtin_prompts("mixed")[:12]
    lengths = [min(512, len(tokenizer(text)["input_ids"])) for text in texts]
    ran = run(n=12, max_output_tokens=32, pytorch={"batch_size": 5})
    assert [output["input_tokens"] for output in ran.outputs] == lengths
    assert [output["prompt"] for output in ran.outputs] == texts
    assert [batch["prompts"] for batch in ran.result["batches"]] == [5, 5, 2]
    assert [batch["shape"] for batch in ran.result["batches"]] == [
        [5, max(lengths[:5])],
        [5, max(lengths[5:10])],
        [2, max(lengths[10:])],
    ]
    assert [batch["input_tokens"] for batch in ran.result["batches"]] == [
        sum(lengths[:5]),
        sum(lengths[5:10]),
        sum(lengths[10:]),
    ]
    assert {output["finish"] for output in ran.outputs} == {"end", "length"}
    for output in ran.outputs:
        tokens = output["token_ids"]
        assert output["output_tokens"] == len(tokens)
        assert tokens.count(tokenizer.eos_token_id) == (output["finish"] == "end")
        assert (tokens[-1] == tokenizer.eos_token_id) == (output["finish"] == "end")
        assert len(tokens) == 32 or output["finish"] == "end"
        assert output["text"] == tokenizer.decode(tokens, skip_special_tokens=True)
    assert ran.result["metrics"]["input_tokens"] == sum(lengths)
    assert ran.result["metrics"]["output_tokens"] == sum(map(len, ran.tokens))


def test_truncation(run: Callable[..., Ran], generated: list[dict[str, Any]]) -> None:
    """Prompts are cut to `max_input_tokens`, and their start is kept."""
    ran = run(max_input_tokens=5, pytorch={"batch_size": 4})
    assert [output["input_tokens"] for output in ran.outputs] == [5] * 4
    long = run(n=1)
    assert generated[0]["input_ids"][0].tolist() == generated[1]["input_ids"][0, :5].tolist()
    assert long.outputs[0]["input_tokens"] > 5


def test_a_short_set_is_repeated(run: Callable[..., Ran]) -> None:
    """More prompts than the set has: it starts again."""
    Path("two.txt").write_text("one\ntwo\n")
    assert [output["prompt"] for output in run(n=5, dataset="two.txt").outputs] == ["one", "two", "one", "two", "one"]


@pytest.mark.parametrize("model", ["tiny-llama", "tiny-gpt2"])
@pytest.mark.parametrize("length", [1, 2, 65])
def test_synthetic_lengths_are_exact(run: Callable[..., Ran], model: str, length: int) -> None:
    """Every synthetic prompt has exactly the length, and so has every output."""
    dataset = {"input_len": length, "output_len": 33}
    ran = run(model=f"builtin:{model}", n=6, max_input_tokens=7, dataset=dataset, pytorch={"batch_size": 3})
    assert {(output["input_tokens"], output["output_tokens"]) for output in ran.outputs} == {(length, 33)}
    assert [batch["shape"] for batch in ran.result["batches"]] == [[3, length]] * 2


def test_chat_template(run: Callable[..., Ran], generated: list[dict[str, Any]]) -> None:
    """The tokenizer's chat template is applied, with the system prompt as a message and without a second BOS."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(make_model("tiny-llama"))
    dataset = {"source": "builtin:mixed", "chat_template": True, "system_prompt": "Be brief."}
    ran = run(n=2, dataset=dataset, pytorch={"batch_size": 2})
    for index, text in enumerate(builtin_prompts("mixed")[:2]):
        talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}]
        expected = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=True)["input_ids"]
        mask = generated[0]["attention_mask"][index].bool()
        assert generated[0]["input_ids"][index][mask].tolist() == expected
        assert expected.count(tokenizer.bos_token_id) == 1
        assert ran.outputs[index]["input_tokens"] == len(expected)
    assert ran.effective["tokenizer"]["chat_template_applied"] is True


def test_missing_chat_template(run: Callable[..., Ran]) -> None:
    """A tokenizer without a template leaves the prompts as they are: warned and recorded."""
    dataset = {"source": "builtin:mixed", "chat_template": True, "system_prompt": "Be brief."}
    with pytest.warns(RuntimeWarning, match="the tokenizer has no chat template"):
        ran = run(model="builtin:tiny-gpt2", dataset=dataset)
    assert ran.effective["tokenizer"]["chat_template_applied"] is False
    assert ran.outputs[0]["prompt"] == "Be brief.\n\n" + builtin_prompts("mixed")[0]


@pytest.mark.parametrize("chat_template", [None, False])
def test_no_template_unless_asked(run: Callable[..., Ran], chat_template: bool | None) -> None:
    """A template that the tokenizer has is not used unless the document asks for it."""
    ran = run(n=1, dataset={"source": "builtin:mixed", "chat_template": chat_template})
    assert ran.effective["tokenizer"]["chat_template_applied"] is False
    assert ran.outputs[0]["prompt"] == builtin_prompts("mixed")[0]


# ---- the record


def test_record(folder: Path, write: Callable[..., str], run: Callable[..., Ran]) -> None:
    """The record holds what was asked, what it meant, what was called, where, and what was measured."""
    settings = {"n": 6, "max_output_tokens": 8, "warmup": 1, "pytorch": {"batch_size": 2}}
    before = datetime.now().astimezone().replace(microsecond=0)
    ran = run(**settings)
    document = {**SMALL, **settings}
    plan = llem.plan(document, trust_remote_code=False)
    result = ran.result
    assert result["document"] == document
    assert result["resolved"] == plan.resolved
    assert result["resolved"]["random_seed"] == 42
    assert result["plan"] == json.loads(json.dumps(plan.to_dict()))
    assert result["environment"]["llem"] == llem.__version__
    assert {"torch", "transformers"} <= set(result["environment"]["libraries"])
    assert result["environment"]["offline"] is True
    assert before <= datetime.fromisoformat(result["started"]) <= datetime.fromisoformat(result["ended"])
    metrics, batches = result["metrics"], result["batches"]
    assert metrics["prompts"] == len(ran.outputs) == 6
    assert metrics["batches"] == len(batches) == 3
    assert metrics["seconds"] == sum(batch["seconds"] for batch in batches)
    assert metrics["output_tokens"] == sum(batch["output_tokens"] for batch in batches)
    assert metrics["output_tokens_per_second"] == metrics["output_tokens"] / metrics["seconds"]
    assert metrics["batch_latency"]["max"] == max(batch["seconds"] for batch in batches)
    assert all(0 < batch["time_to_first_token"] <= batch["seconds"] for batch in batches)
    assert result["warm_up_seconds"] > 0
    assert metrics["load_seconds"] > 0
    assert metrics["peak_memory"]["process_bytes"] > 10**7
    assert [(output["index"], output["batch"], output["rank"]) for output in ran.outputs] == [
        (index, index // 2, 0) for index in range(6)
    ]


def test_hashes(run: Callable[..., Ran]) -> None:
    """The same document and prompts have the same hashes however they are written; others have others."""
    Path("a.txt").write_text("one\ntwo\n")
    Path("a.csv").write_text("text\none\ntwo\n")
    Path("a.yaml").write_text("n: 2.0\nmodel: 'builtin:tiny-llama'\nmax_output_tokens: 1\ndataset: a.txt\n")
    Path("a.json").write_text('{"model":"builtin:tiny-llama","dataset":"a.txt","max_output_tokens":1,"n":2}')
    first, same = (llem.run(name).content["hashes"] for name in ("a.yaml", "a.json"))
    other = llem.run({"model": "builtin:tiny-llama", "dataset": "a.csv", "max_output_tokens": 1, "n": 2})
    assert first == same
    assert other.content["hashes"]["prompts"] == first["prompts"] == record.digest(["one", "two"])
    assert other.content["hashes"]["document"] != first["document"]
    third = run(n=3, dataset="a.txt", max_output_tokens=1)
    assert third.result["hashes"]["prompts"] != first["prompts"]


def test_two_runs_in_one_second_have_two_folders(run: Callable[..., Ran]) -> None:
    """No run overwrites another."""
    settings = {"n": 1, "max_output_tokens": 1, "output_dir": "deep/down"}
    assert len({run(**settings).folder for _ in range(3)}) == 3
    assert len(list(Path("deep/down").iterdir())) == 3


def test_api(folder: Path) -> None:
    """`llem.run` takes a mapping, a path or a model, and says with an exception what stopped it."""
    from llem.models import DecoderConfig, ExperimentConfig

    Path("a.yaml").write_text("model: builtin:tiny-llama\nn: 1\nmax_output_tokens: 2\ndecoder: {temperature: 0}\n")
    model = ExperimentConfig(model="builtin:tiny-llama", n=1, max_output_tokens=2, decoder=DecoderConfig(temperature=0))
    results = [llem.run(document) for document in ("a.yaml", Path("a.yaml"), llem.load_document("a.yaml"), model)]
    assert {result.status for result in results} == {"finished"}
    assert len({json.dumps(Ran.read(result.folder).tokens) for result in results}) == 1
    with pytest.raises(llem.InvalidDocument, match="num_beans"):
        llem.run({**SMALL, "pytorch": {"num_beans": 2}})
    with pytest.raises(CannotRun):
        llem.run({**SMALL, "backend": "vllm"})
    with pytest.raises(FileNotFoundError):
        llem.run("nosuch.yaml")


# ---- several processes


def test_two_processes(run: Callable[..., Ran]) -> None:
    """Two real processes share the prompts; outputs are complete, in order, and the same as those of one."""
    odd = "a\u2028b\x85c\u2029d"  # ends a line for str.splitlines, not for JSON lines
    Path("prompts.jsonl").write_text("".join(json.dumps({"text": f"{odd} {number}"}) + "\n" for number in range(5)))
    settings = {"n": 5, "dataset": "prompts.jsonl"}
    one, two = run(**settings), run(**settings, pytorch={"num_processes": 2})
    assert two.result["status"] == "finished"
    assert [output["index"] for output in two.outputs] == list(range(5))
    assert [output["rank"] for output in two.outputs] == [0, 1, 0, 1, 0]
    assert [(batch["rank"], batch["batch"]) for batch in two.result["batches"]] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1),
    ]  # fmt: skip
    assert two.tokens == one.tokens
    assert [output["prompt"] for output in two.outputs] == [output["prompt"] for output in one.outputs]
    assert two.result["hashes"]["prompts"] == one.result["hashes"]["prompts"]
    assert two.effective["device"] == "cpu"


@pytest.mark.parametrize("n", [1, 2])
def test_two_processes_with_a_prompt_each_at_most(run: Callable[..., Ran], n: int) -> None:
    """Outputs that come in order by themselves are kept as well."""
    ran = run(n=n, pytorch={"num_processes": 2})
    assert [output["rank"] for output in ran.outputs] == list(range(n))
    assert_record_fits_outputs(ran)


# ---- failures


NO_MEMORY = "smaller batches"
FAILURES = {
    "out of memory": (
        {"max_output_tokens": 10**13, "pytorch": {"cache_implementation": "static"}},
        "RuntimeError",
        "can't allocate memory",
        NO_MEMORY,
    ),
    "the library refuses": (
        {"passthrough_kwargs": {"generate": {"bad_words_ids": []}}},
        "ValueError",
        "`bad_words_ids`",
        "llem explain",
    ),
    "an unknown argument": ({"passthrough_kwargs": {"nosuch": 1}}, "TypeError", "nosuch", "llem explain"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failure(folder: Path, write: Callable[..., str], command: Callable[..., Any], name: str) -> None:
    """A run that fails leaves a record with the library's reason in one line and what to change, and exits with 1."""
    settings, kind, message, change = FAILURES[name]
    done = command("run", write(**settings))
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    (made,) = Path("results").iterdir()
    ran = Ran.read(made)
    assert ran.result["status"] == "failed"
    error = ran.result["error"]
    assert error["type"] == kind
    assert message in error["message"]
    assert "\n" not in error["message"]
    assert change in error["change"]
    assert f"failed: {kind}: {error['message']} {error['change']}" in done.stderr
    assert str(made / "result.json") in done.stdout


# ---- what stops a run before it starts


def custom_code(part: str) -> str:
    """A local model whose config or tokenizer needs code of its own; the code leaves the file `executed`."""
    shutil.copytree(make_model("tiny-llama"), "custom")
    bases = {"config": "LlamaForCausalLM, LlamaConfig", "tokenizer_config": "PreTrainedTokenizerFast"}
    auto = {
        "config": {"AutoConfig": "code.MyConfig", "AutoModelForCausalLM": "code.MyModel"},
        "tokenizer_config": {"AutoTokenizer": ["code.MyTokenizer", None]},
    }
    classes = {
        "config": "class MyConfig(LlamaConfig):\n    model_type = 'mine'\n"
        "class MyModel(LlamaForCausalLM):\n    config_class = MyConfig\n",
        "tokenizer_config": "class MyTokenizer(PreTrainedTokenizerFast): pass\n",
    }
    own = {
        "config": {"model_type": "mine", "architectures": ["MyModel"]},
        "tokenizer_config": {"tokenizer_class": "MyTokenizer"},
    }
    file = Path("custom", f"{part}.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), **own[part], "auto_map": auto[part]}))
    mark = f"from pathlib import Path\nPath({str(Path('executed').absolute())!r}).touch()\n"
    Path("custom/code.py").write_text(f"{mark}from transformers import {bases[part]}\n{classes[part]}")
    return str(Path("custom").absolute())


@pytest.mark.parametrize("part", ["config", "tokenizer_config"])
def test_foreign_code_needs_consent(
    folder: Path, write: Callable[..., str], command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    """A model's own code runs with the operator's flag and the document's request, and never without both."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder / "modules"))
    model = custom_code(part)
    for document, flags in (
        ({}, []),
        ({"pytorch": {"trust_remote_code": True}}, []),
        ({"pytorch": {"trust_remote_code": False}}, ["--trust-remote-code"]),
    ):
        done = command("run", write(model=model, **document), *flags)
        assert done.exit_code == 1
        assert "--trust-remote-code" in done.stderr
        assert "custom" in done.stderr
        assert not Path("executed").exists()
        assert not Path("results").exists()
    done = command("run", write(model=model), "--trust-remote-code")
    assert done.exit_code == 0, done.output
    assert Path("executed").exists()


def test_own_code_is_passed_by_where_the_library_knows_the_model(run: Callable[..., Ran]) -> None:
    """A checkpoint that brings code for a model that the library knows runs without it."""
    model = custom_code("config")
    file = Path(model, "config.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "model_type": "llama"}))
    assert run(model=model, n=1).effective["model_class"] == "LlamaForCausalLM"
    assert not Path("executed").exists()


PREFLIGHT = {
    "another engine": ({"backend": "vllm", "warmup": None}, "llem does not run vllm"),
    "no such folder": ({"model": "./nosuch"}, "./nosuch: "),
    "no such folder, absolute": ({"model": "/nosuch/model"}, "/nosuch/model: "),
    "a file": ({"model": "./file.txt"}, "./file.txt: "),
    "a folder without a config": ({"model": "./bare"}, "config.json"),
    "a config that is no JSON": ({"model": "./junk"}, "JSON"),
    "a model type nobody knows": ({"model": "./strange"}, "martian"),
    "a Hub id, offline": ({"model": "nosuch/model"}, "nosuch/model: "),
    "no Hub id": ({"model": "two words"}, "two words: "),
    "attention without its package": ({"pytorch": {"attn_implementation": "flash_attention_2"}}, "flash_attn"),
    "a cache that needs CUDA": ({"pytorch": {"cache_implementation": "offloaded_static"}}, "needs a CUDA GPU"),
    "a quantization without its package": (
        {"pytorch": {"torchao_quant_type": "int8_weight_only"}},
        "needs the package torchao",
    ),
    "a device that is not there": ({"pytorch": {"device_map": "mps:7"}}, 'device_map: "mps:7" needs mps:7'),
    "a missing prompt file": ({"dataset": "nosuch.txt"}, "nosuch.txt: cannot be read"),
    "a missing column": ({"dataset": {"source": "a.csv", "column": "c"}}, "has no column 'c'"),
    "an output folder below a file": ({"output_dir": "file.txt/results"}, "file.txt"),
}


@pytest.mark.parametrize("name", PREFLIGHT)
def test_preflight(folder: Path, write: Callable[..., str], command: Callable[..., Any], name: str) -> None:
    """What can be known before loading stops the run with one clear line and exit code 1, and nothing is written."""
    settings, words = PREFLIGHT[name]
    for made in ("bare", "junk", "strange"):
        Path(made).mkdir()
    Path("junk/config.json").write_text("{junk")
    Path("strange/config.json").write_text('{"model_type": "martian"}')
    Path("file.txt").write_text("one\n")
    Path("a.csv").write_text("a,b\n1,2\n")
    file = write(**settings)
    before = sorted(folder.rglob("*"))
    done = command("run", file)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("Error: ")
    assert words in lines[0]
    assert sorted(folder.rglob("*")) == before
    assert done.exit_code == 1
    with pytest.raises(CannotRun):
        llem.run(file)


# ---- interruptions


def wait_for(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what `condition` says as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return found


def processes_about(folder: Path) -> list[int]:
    """The ids of processes whose command line names a path in the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in line and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def texts_are_written() -> bool:
    return any(file.stat().st_size for file in Path("results").glob("*/*.jsonl"))


def folder_is_made() -> bool:
    return any(Path("results").glob("*/outputs.jsonl"))


INTERRUPTIONS = {
    "Ctrl-C": ([signal.SIGINT], 1, texts_are_written),
    "many Ctrl-C": ([signal.SIGINT] * 20, 1, texts_are_written),
    "a request to end": ([signal.SIGTERM], 1, texts_are_written),
    "many requests to end": ([signal.SIGTERM] * 20, 1, texts_are_written),
    "Ctrl-C while loading": ([signal.SIGINT], 1, folder_is_made),
    "Ctrl-C, two processes": ([signal.SIGINT], 2, texts_are_written),
    "many Ctrl-C, two processes": ([signal.SIGINT] * 20, 2, texts_are_written),
}


@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_interruption(
    folder: Path, write: Callable[..., str], start: Callable[..., subprocess.Popen[str]], name: str
) -> None:
    """However often and whenever it is interrupted, a run ends soon, exits with 130, and keeps what it has."""
    signals, processes, moment = INTERRUPTIONS[name]
    file = write(
        n=100_000,
        max_output_tokens=64,
        output_dir=str(folder / "results"),
        pytorch={"num_processes": processes, "batch_size": 3},
    )
    process = start("run", file)
    wait_for(moment)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.02 * processes if len(signals) > 1 else 0)
    _, messages = process.communicate(timeout=60)
    (made,) = Path("results").iterdir()
    ran = Ran.read(made)
    assert ran.result["status"] == "interrupted"
    assert ran.result["error"] is None
    assert_record_fits_outputs(ran)
    assert bool(ran.outputs) == (moment is texts_are_written)
    assert messages.rstrip().endswith("interrupted: the results so far are kept")
    assert process.returncode == 130
    wait_for(lambda: not processes_about(folder / "results"), 10)


def assert_record_fits_outputs(ran: Ran) -> None:
    """Every batch of the record has its lines, and every line its batch."""
    lines: dict[tuple[int, int], int] = {}
    for output in ran.outputs:
        key = (output["rank"], output["batch"])
        lines[key] = lines.get(key, 0) + 1
    assert {(batch["rank"], batch["batch"]): batch["prompts"] for batch in ran.result["batches"]} == lines
    assert ran.result["metrics"]["prompts"] == len(ran.outputs)
    assert [output["index"] for output in ran.outputs] == sorted(output["index"] for output in ran.outputs)


def test_interruption_before_loading(folder: Path) -> None:
    """A real signal right after the folder of the run is made leaves a record too."""
    plan = llem.plan(SMALL, trust_remote_code=False)
    try:
        result = running.execute(plan, started=lambda _: signal.raise_signal(signal.SIGINT))
    except KeyboardInterrupt:  # would end the test run
        pytest.fail("the record is lost")
    assert Ran.read(result.folder).result["status"] == "interrupted"


def test_interruption_while_a_batch_is_written(
    folder: Path, run: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real signal between measuring a batch and writing its texts leaves both or neither; it is raised at the end."""
    original = json.dumps
    lines: list[Any] = []

    def dumps(value: Any, **options: Any) -> str:
        if isinstance(value, dict) and "token_ids" in value:
            lines.append(value)
            if len(lines) == 3:
                signal.raise_signal(signal.SIGINT)
        return original(value, **options)

    monkeypatch.setattr(json, "dumps", dumps)
    with pytest.raises(KeyboardInterrupt):
        run(pytorch={"batch_size": 2})
    (made,) = Path("results").iterdir()
    ran = Ran.read(made)
    assert ran.result["status"] == "interrupted"
    assert_record_fits_outputs(ran)


def test_a_worker_that_dies(
    folder: Path, write: Callable[..., str], start: Callable[..., subprocess.Popen[str]]
) -> None:
    """When the system kills one of the processes, the run fails with a record, and the others end."""
    results = folder / "results"
    file = write(n=100_000, output_dir=str(results), pytorch={"num_processes": 2})
    process = start("run", file)
    wait_for(texts_are_written)
    workers = [
        pid
        for pid in processes_about(results)
        if b"torch.distributed.run" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    os.kill(workers[0], signal.SIGKILL)
    process.communicate(timeout=60)
    assert process.returncode == 1
    (made,) = results.iterdir()
    ran = Ran.read(made)
    assert ran.result["status"] == "failed"
    assert ran.result["error"]["message"]
    wait_for(lambda: not processes_about(results), 10)


def test_a_command_line_in_another_encoding(folder: Path, start: Callable[..., subprocess.Popen[str]]) -> None:
    """The record is written whatever bytes the name of the file has."""
    name = b"caf\xe9.llem.json"
    Path(os.fsdecode(name)).write_text(json.dumps({**SMALL, "n": 1, "max_output_tokens": 1}))
    process = start("run", name)
    _, messages = process.communicate(timeout=60)
    assert process.returncode == 0, messages
    (made,) = Path("results").iterdir()
    assert Ran.read(made).result["status"] == "finished"
