"""The built-in models and prompts: made the same everywhere, made whole or not at all, and real to load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llem import spec
from llem.builtin import MANIFEST, MODELS, PROMPT_SETS, VOCABULARY, make_model, model_path, prompts

ROOT = Path(__file__).parents[1]
TEXTS = ["", " two  spaces, don 't join", "Grüße, 世界 🦜\u200d\n\ttabs\r\n", "\x00\x7f", "e\u0301 is not é"]


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Yield a cache that holds every model; tests that write set a cache of their own."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LLEM_CACHE", str(folder))
        patch.setenv("HF_HUB_OFFLINE", "1")
        for name in MODELS:
            make_model(name)
        yield folder


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache that is in use."""
    monkeypatch.setenv("LLEM_CACHE", str(tmp_path))
    return tmp_path


def tokenizer_of(name: str) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(make_model(name))


def model_of(name: str, **options: Any) -> Any:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(make_model(name), **options).eval()


def continuation(model: Any, tokenizer: Any, text: str, tokens: int) -> list[int]:
    """Return the ids of the greedy continuation of `text`, at most `tokens` of them."""
    from transformers import GenerationConfig

    inputs = tokenizer(text, return_tensors="pt")
    model.generation_config = GenerationConfig(
        do_sample=False, max_new_tokens=tokens, eos_token_id=tokenizer.eos_token_id, pad_token_id=0
    )
    output: list[int] = model.generate(**inputs)[0].tolist()
    return output[inputs["input_ids"].shape[1] :]


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir()}


def in_process(code: str, cache: Path) -> subprocess.Popen[str]:
    environment = os.environ | {"LLEM_CACHE": str(cache), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, text=True, stdout=pipe, stderr=pipe)


def test_prompts() -> None:
    assert list(PROMPT_SETS) == ["mixed"]
    texts = prompts("mixed")
    assert len(texts) == len(set(texts)) == 48
    assert all(text == text.strip() and text.isascii() for text in texts)
    words = sorted(len(text.split()) for text in texts)
    assert words[0] >= 5 and words[15] <= 20
    assert words[16] >= 40 and words[31] <= 100
    assert words[32] >= 150 and words[47] <= 350


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="known: mixed"):
        prompts("none")
    for function in (model_path, make_model):
        with pytest.raises(ValueError, match="known: tiny-llama, tiny-gpt2"):
            function("none")


def test_path_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLEM_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    folder = model_path("tiny-llama").name
    assert folder.startswith("tiny-llama-")
    assert model_path("tiny-llama") == tmp_path / "own" / "models" / folder
    monkeypatch.setenv("LLEM_CACHE", "")
    assert model_path("tiny-llama") == tmp_path / "xdg" / "llem" / "models" / folder
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert model_path("tiny-llama") == tmp_path / "home" / ".cache" / "llem" / "models" / folder
    assert list(tmp_path.iterdir()) == []


def test_import_and_path_are_light(tmp_path: Path) -> None:
    code = """
import sys
from llem.builtin import model_path, prompts
model_path("tiny-llama"), prompts("mixed")
assert not {"torch", "transformers", "tokenizers", "numpy"} & set(sys.modules)
"""
    process = in_process(code, tmp_path)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors


@pytest.mark.parametrize("name", MODELS)
def test_same_files_whatever_the_caller_set(name: str, cache: Path, fresh: Path) -> None:
    import torch

    expected = contents(cache / "models" / model_path(name).name)
    torch.manual_seed(12345)
    state = torch.get_rng_state()
    torch.set_default_dtype(torch.bfloat16)
    try:
        with torch.device("meta"):
            made = make_model(name)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), state)
    assert made.is_relative_to(fresh)
    assert contents(made) == expected
    assert {"model.safetensors", "tokenizer.json", "config.json", "generation_config.json"} <= set(expected)


def test_making_prints_nothing(fresh: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    make_model("tiny-llama")
    assert logging.is_progress_bar_enabled() == shown
    assert capfd.readouterr() == ("", "")


def test_complete_model_is_returned_at_once(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_model("tiny-gpt2")
    monkeypatch.setitem(MODELS, "tiny-gpt2", lambda: pytest.fail("made again"))
    assert make_model("tiny-gpt2") == path


@pytest.mark.parametrize("damage", ["no manifest", "file missing", "file cut short", "file alone"])
def test_half_made_folder_is_mended(damage: str, cache: Path, fresh: Path) -> None:
    path = model_path("tiny-gpt2")
    expected = contents(cache / "models" / path.name)
    kept = {"tokenizer.json": b"{"} if damage == "file alone" else dict(expected)
    if damage == "no manifest":
        del kept[MANIFEST]
    elif damage == "file missing":
        del kept["model.safetensors"]
    elif damage == "file cut short":
        kept["model.safetensors"] = kept["model.safetensors"][:1000]
    path.mkdir(parents=True)
    for file, data in kept.items():
        (path / file).write_bytes(data)
    assert make_model("tiny-gpt2") == path
    assert contents(path) == expected
    assert list(path.parent.iterdir()) == [path]


def test_interrupted_making_leaves_nothing(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setitem(MODELS, "tiny-gpt2", interrupted)
        with pytest.raises(KeyboardInterrupt):
            make_model("tiny-gpt2")
    assert list((fresh / "models").iterdir()) == []
    assert (make_model("tiny-gpt2") / MANIFEST).is_file()


def test_loser_of_a_race_uses_the_winner(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = MODELS["tiny-gpt2"]

    def overtaken() -> Any:
        with monkeypatch.context() as patch:
            patch.setitem(MODELS, "tiny-gpt2", recipe)
            make_model("tiny-gpt2")
        inodes.append((path / "model.safetensors").stat().st_ino)
        return recipe()

    path = model_path("tiny-gpt2")
    inodes: list[int] = []
    monkeypatch.setitem(MODELS, "tiny-gpt2", overtaken)
    assert make_model("tiny-gpt2") == path
    assert inodes == [(path / "model.safetensors").stat().st_ino]
    assert list(path.parent.iterdir()) == [path]


def test_two_processes_at_once(cache: Path, tmp_path: Path) -> None:
    code = "from llem.builtin import make_model; print(make_model('tiny-llama'))"
    processes = [in_process(code, tmp_path) for _ in range(2)]
    for process in processes:
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        made = Path(output.strip())
        assert made.parent == tmp_path / "models"
        assert contents(made) == contents(cache / "models" / made.name)
    assert list((tmp_path / "models").iterdir()) == [made]


def test_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("LLEM_CACHE", str(blocked))
    with pytest.raises(OSError, match="LLEM_CACHE") as caught:
        make_model("tiny-llama")
    message = str(caught.value)
    assert str(model_path("tiny-llama")) in message
    assert "\n" not in message


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_follow_the_umask(fresh: Path) -> None:
    before = os.umask(0o022)
    try:
        path = make_model("tiny-gpt2")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o755
    assert {file.stat().st_mode & 0o777 for file in path.iterdir()} == {0o644}


@pytest.mark.parametrize("name", MODELS)
def test_tokenizer(name: str, cache: Path) -> None:
    tokenizer = tokenizer_of(name)
    assert len(tokenizer) == tokenizer.vocab_size == VOCABULARY
    assert tokenizer.pad_token is None
    for text in TEXTS + prompts("mixed"):
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
    words = sum(len(text.split()) for text in prompts("mixed"))
    tokens = sum(len(tokenizer(text)["input_ids"]) for text in prompts("mixed"))
    assert words < tokens < 2 * words


def test_special_tokens(cache: Path) -> None:
    llama, gpt2 = tokenizer_of("tiny-llama"), tokenizer_of("tiny-gpt2")
    assert (llama.bos_token, llama.eos_token) == ("<s>", "</s>")
    assert gpt2.bos_token == gpt2.eos_token == "<|endoftext|>"
    plain = llama("one", add_special_tokens=False)["input_ids"]
    assert llama("one")["input_ids"] == [llama.bos_token_id, *plain]
    assert gpt2("one")["input_ids"] == gpt2("one", add_special_tokens=False)["input_ids"]


def test_chat_template(cache: Path) -> None:
    from jinja2.exceptions import TemplateError

    assert tokenizer_of("tiny-gpt2").chat_template is None
    tokenizer = tokenizer_of("tiny-llama")
    turns = [("system", "Be brief."), ("user", "Hello"), ("assistant", "Hi"), ("user", "Bye")]
    messages = [{"role": role, "content": content} for role, content in turns]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == ("<s><|system|>\nBe brief.\n<|user|>\nHello\n<|assistant|>\nHi</s>\n<|user|>\nBye\n<|assistant|>\n")
    assert tokenizer.apply_chat_template(messages[:2], tokenize=False).endswith("<|user|>\nHello\n")
    with pytest.raises(TemplateError, match="unknown role: tool"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "4"}], tokenize=False)


@pytest.mark.parametrize(("name", "kind"), [("tiny-llama", "LlamaForCausalLM"), ("tiny-gpt2", "GPT2LMHeadModel")])
def test_model_is_real_and_its_greedy_text_varies(name: str, kind: str, cache: Path) -> None:
    import torch

    model, tokenizer = model_of(name), tokenizer_of(name)
    assert type(model).__name__ == kind
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert model.config.vocab_size == VOCABULARY and VOCABULARY % 64 == 0
    assert model.config.max_position_embeddings >= 2048
    outputs = [continuation(model, tokenizer, text, 64) for text in prompts("mixed")]
    heads = [output[:24] for output in outputs]
    assert sum(len(set(head)) for head in heads) > 0.6 * sum(len(head) for head in heads)
    assert len({tuple(head) for head in heads}) == len(heads)
    ended = [len(output) for output in outputs if output[-1] == tokenizer.eos_token_id]
    assert len(outputs) / 8 < len(ended) < len(outputs) * 2 / 3
    assert sum(length < 8 for length in ended) < len(outputs) / 8


def test_checkpoint_defaults(cache: Path) -> None:
    llama = json.loads((make_model("tiny-llama") / "generation_config.json").read_text())
    del llama["transformers_version"]
    assert llama == {
        "do_sample": True,
        "temperature": 0.6,
        "top_p": 0.9,
        "top_k": 20,
        "repetition_penalty": 1.05,
        "bos_token_id": 0,
        "eos_token_id": 1,
    }
    loaded = model_of("tiny-llama").generation_config
    assert (loaded.do_sample, loaded.temperature, loaded.top_k) == (True, 0.6, 20)
    gpt2 = json.loads((make_model("tiny-gpt2") / "generation_config.json").read_text())
    assert not {"do_sample", "temperature", "top_p", "top_k", "repetition_penalty"} & set(gpt2)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("bits", [4, 8])
def test_quantised_loading_is_real(bits: int, name: str, cache: Path) -> None:
    bnb = pytest.importorskip("bitsandbytes").nn
    import torch
    from transformers import BitsAndBytesConfig

    if bits == 4:
        layer = bnb.Linear4bit
        config = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32)
    else:
        layer = bnb.Linear8bitLt
        config = BitsAndBytesConfig(load_in_8bit=True)
    model = model_of(name, quantization_config=config, device_map="cpu")
    layers = [module for module in model.modules() if isinstance(module, layer)]
    # Per block: Llama has q, k, v, o, gate, up and down; GPT-2 has the fused q-k-v and three more.
    assert len(layers) == 4 * (7 if name == "tiny-llama" else 4)
    assert {module.weight.dtype for module in layers} == {torch.uint8 if bits == 4 else torch.int8}
    output = continuation(model, tokenizer_of(name), prompts("mixed")[1], 12)
    assert len(set(output)) > len(output) / 2


def test_the_schema_names_the_built_in_models() -> None:
    """A document that names a model which llem does not make is refused: the schema lists those it makes."""
    forms = spec.section(())["properties"]["model"]["anyOf"]
    assert forms[0]["enum"] == [f"builtin:{name}" for name in MODELS]
