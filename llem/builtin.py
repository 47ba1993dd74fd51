"""Small real models with tokenizers, and prompts, that llem brings itself: experiments run with no network.

A model is made in the user's cache the first time it is asked for. Its weights and its tokenizer follow from
the recipe alone, so every machine gets the same files. The weights are random: the text that comes out means
nothing, but loading, quantising, batching and decoding are those of any other checkpoint.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

VERSION = "1"
"""Names the recipe in the folder of a model; to be bumped whenever a change below changes what is made."""

PROMPT_SETS = {"mixed": "prompts.jsonl"}
"""Built-in prompt sets: the name, and the file beside this module that holds it."""

VOCABULARY = 1024
"""Tokens of every built-in tokenizer, special tokens included."""

POSITIONS = 2048
"""Longest sequence of every built-in model, in tokens."""

SPREAD = 0.2
"""Standard deviation of every weight matrix: wide enough that greedy decoding wanders, where the usual 0.02
repeats one token."""

ENDING = 1.2
"""Factor on the output weights of the end token, which otherwise hardly ever comes up."""

SEED = 6
"""With this one, a quarter to a half of the built-in prompts end within 64 greedy tokens, few at once."""

MANIFEST = "complete.json"
"""Written last, with the size of every other file: a folder that lacks it or differs from it is half made."""

CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% if message['role'] not in ['system', 'user', 'assistant'] %}"
    "{{ raise_exception('unknown role: ' + message['role']) }}"
    "{% endif %}"
    "{{ '<|' + message['role'] + '|>\n' + message['content'] }}"
    "{{ eos_token if message['role'] == 'assistant' else '' }}{{ '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)


def prompts(name: str) -> list[str]:
    """Return the texts of the built-in prompt set `name`, in the order of its file.

    Raises ValueError if there is no such set.
    """
    if name not in PROMPT_SETS:
        raise ValueError(f"unknown built-in prompt set {name!r}; known: {', '.join(PROMPT_SETS)}")
    lines = Path(__file__).with_name(PROMPT_SETS[name]).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["text"] for line in lines]


def model_path(name: str) -> Path:
    """Return the absolute folder of the built-in model `name`, whether it is made yet or not.

    The cache is `$LLEM_CACHE`, else `$XDG_CACHE_HOME/llem`, else `~/.cache/llem`. Nothing is read or written.
    Raises ValueError if there is no such model.
    """
    if name not in MODELS:
        raise ValueError(f"unknown built-in model {name!r}; known: {', '.join(MODELS)}")
    cache = os.environ.get("LLEM_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "llem")
    return Path(cache).expanduser().absolute() / "models" / f"{name}-{VERSION}"


def make_model(name: str) -> Path:
    """Return the folder of the built-in model `name`, making the model first if it is not there.

    The folder loads through `AutoModelForCausalLM` and `AutoTokenizer`. Several processes may call this at
    once. The global random state is left as it was. Raises ValueError if there is no such model and OSError
    if the folder cannot be written.
    """
    path = model_path(name)
    if _complete(path):
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The model grows one level down: unlike the temporary folder, the inner one follows the user's umask.
        with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as temporary:
            folder = Path(temporary, path.name)
            folder.mkdir()
            _write(name, folder)
            _install(folder, path)
    except OSError as error:
        reason = error.strerror or error
        advice = "set LLEM_CACHE to a writable folder"
        raise OSError(f"cannot make {name} in {path}: {reason}; {advice}") from error
    return path


def _complete(path: Path) -> bool:
    """Tell whether `path` holds every file of a model at its full size."""
    try:
        sizes = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return all((path / file).stat().st_size == size for file, size in sizes.items())
    except (OSError, ValueError):
        return False


def _install(folder: Path, path: Path) -> None:
    """Move the finished model from `folder` to `path` on the same file system."""
    try:
        folder.rename(path)
    except OSError:
        if _complete(path):  # another process was faster
            return
        if not path.is_dir():
            raise
        # A half-made model is in the way. Replacing it file by file, manifest last, takes nothing from a
        # process that mends it at the same time.
        for file in sorted(folder.iterdir(), key=lambda file: file.name == MANIFEST):
            file.replace(path / file.name)


def _write(name: str, folder: Path) -> None:
    """Make the model `name` in the empty `folder`."""
    import torch

    # A caller's default device would otherwise decide where the model is made, and with which random state.
    with _no_progress_bar(), torch.random.fork_rng(devices=[]), torch.device("cpu"):
        tokenizer, model = MODELS[name]()
        _fill(model.float(), f"{SEED} {name}")
        with torch.no_grad():
            model.get_output_embeddings().weight[tokenizer.eos_token_id] *= ENDING
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    # The weights alone are saved as private to the user; a cache may be shared.
    (folder / "model.safetensors").chmod((folder / "config.json").stat().st_mode)
    sizes = {file.name: file.stat().st_size for file in sorted(folder.iterdir())}
    (folder / MANIFEST).write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _no_progress_bar() -> Iterator[None]:
    """Keep transformers from drawing the progress bar of a save."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _fill(model: PreTrainedModel, seed: str) -> None:
    """Overwrite every weight matrix of `model` in place; norms and biases keep their ones and zeros."""
    import torch

    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.dim() > 1:
                parameter.copy_(_noise(f"{seed}/{name}", parameter.shape))


def _noise(seed: str, shape: torch.Size) -> torch.Tensor:
    """Return float32 noise of `shape`, uniform with standard deviation `SPREAD`, the same on every machine.

    Integers of Python's generator, scaled by one multiplication, are the same to the last bit everywhere;
    torch's own normal noise differs between processors.
    """
    import torch

    integers = torch.frombuffer(bytearray(Random(seed).randbytes(2 * shape.numel())), dtype=torch.int16)
    return (integers.float() * (SPREAD * 3**0.5 / 2**15)).reshape(shape)


def _tiny_llama() -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Return a Llama that, as chat checkpoints do, has a chat template and sampling defaults of its own."""
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    tokenizer = _tokenizer("<s>", "</s>")
    tokenizer.chat_template = CHAT_TEMPLATE
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=POSITIONS,
            initializer_range=SPREAD,
            **ends,
        )
    )
    defaults = json.loads(Path(__file__).with_name("builtin_generation_config.json").read_text(encoding="utf-8"))
    model.generation_config = GenerationConfig(**defaults, **ends)
    return tokenizer, model


def _tiny_gpt2() -> tuple[PreTrainedTokenizerFast, PreTrainedModel]:
    """Return a GPT-2, which has neither a chat template nor sampling defaults."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = _tokenizer("<|endoftext|>", "<|endoftext|>")
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(tokenizer),
            n_positions=POSITIONS,
            n_embd=128,
            n_layer=4,
            n_head=4,
            initializer_range=SPREAD,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    return tokenizer, model


def _tokenizer(bos: str, eos: str, vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Return a byte-level BPE tokenizer trained on the prompts: special tokens first, and no pad token.

    Where `bos` is a token of its own it is put before every text, as Llama has it.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    special = list(dict.fromkeys([bos, eos]))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),  # every byte, so that any text round-trips
        show_progress=False,
    )
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator([text for name in PROMPT_SETS for text in prompts(name)], trainer)
    if bos != eos:
        core.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A {bos} $B", special_tokens=[(bos, core.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token=bos,
        eos_token=eos,
        model_max_length=POSITIONS,
        clean_up_tokenization_spaces=False,
    )


MODELS: dict[str, Callable[[], tuple[PreTrainedTokenizerFast, PreTrainedModel]]] = {
    "tiny-llama": _tiny_llama,
    "tiny-gpt2": _tiny_gpt2,
}
"""Built-in models: the name, and the function that makes tokenizer and model."""
