"""Runs documents drawn from the schema for real, and writes down what came of them.

Each is a valid pytorch document with small sizes (at most 3 prompts, 8 new tokens, 4 beams …) for one of the tiny
models of the tests, and is run by `llem.run` in a process and a folder of its own. Either it finishes, each setting as
`llem explain` predicts it, without a warning that nothing explains; or it is refused before anything is loaded, because
the machine or the model lacks what it asks for. Anything else is a failure: the document is printed, and the script
exits with 1.

    python scripts/soundness.py --documents 300
    python scripts/soundness.py --documents 3000 --jobs 2 --keep soundness.jsonl --output docs/soundness.md

`--keep` holds what was done, so that an interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

os.environ["HF_HUB_OFFLINE"] = "1"  # the library reads it when it is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")  # models as small as these are slower with more

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import documents  # noqa: E402
import predictions  # noqa: E402
import tiny_models  # noqa: E402
from tqdm import tqdm  # noqa: E402

import llem  # noqa: E402
from llem import record, running, spec, validation  # noqa: E402

LONGEST = 240.0  # seconds that a document may take; compiling for the first time is slow
SMALL = ("sliding-qwen2", "gemma2", "gemma3", "mixtral", "mamba", "lfm2", "short-gpt2", "gguf", "mtp")
MODELS = ["builtin:tiny-llama", "builtin:tiny-gpt2", *(f"models/{name}" for name in SMALL)]
SETS = {
    "prompts.txt": "The ship left the harbour before dawn.\nWhy is the sky blue?\n",
    "prompts.jsonl": '{"text": "Count to ten."}\n{"text": "Name three rivers and the seas into which they flow."}\n',
    "prompts.csv": "text,id\nA short story about a lighthouse.,1\nHello,2\n",
}

LIMITS: dict[str, spec.Schema] = {
    "model": {"enum": MODELS},
    "backend": {"enum": ["pytorch", None]},
    "vllm": {"type": "null"},
    "tensorrt": {"type": "null"},
    "n": {"maximum": 3, "default": 3},
    "max_output_tokens": {"maximum": 8},
    "warmup": {"maximum": 1},
    "dataset.source": {"enum": ["builtin:mixed", *SETS]},
    "dataset.column": {"enum": ["text", None]},
    "dataset.input_len": {"maximum": 24},
    "dataset.output_len": {"maximum": 8},
    "passthrough_kwargs": {"type": "null"},
    "output_dir": {"enum": ["results", None]},
    "pytorch.num_beams": {"maximum": 4},
    "decoder.num_return_sequences": {"maximum": 4},
    "pytorch.num_processes": {"maximum": 1},
    "pytorch.tensor_parallel_size": {"maximum": 1},
    "pytorch.num_threads": {"maximum": 2},
    "pytorch.num_interop_threads": {"maximum": 2},
    "pytorch.max_cache_len": {"maximum": 600},
    "pytorch.pad_to_multiple_of": {"maximum": 32},
    "pytorch.assistant_model": {"enum": ["models/draft", "models/draft-other-vocabulary", "builtin:tiny-llama", None]},
    "pytorch.max_memory": {"enum": [{"cpu": "2GiB"}, {"cpu": "300KiB", "disk": "1GiB"}, {"0": 5, "cpu": "2GiB"}, None]},
    "pytorch.offload_folder": {"enum": ["offload", None]},
    "pytorch.subfolder": {"enum": ["weights", None]},
    "pytorch.variant": {"enum": ["fp16", None]},
    "pytorch.gguf_file": {"enum": ["model.gguf", None]},
    "pytorch.adapter": {"enum": ["models/lora", None]},
    "pytorch.torch_compile": {"enum": [False, None]},
    "pytorch.torch_compile_options": {"enum": [{"epilogue_fusion": True}, None]},
}
"""Only what has a size, names a file, or belongs to another engine is limited; and what is slow, to some documents."""

COMPILED: dict[str, spec.Schema] = {
    "pytorch.torch_compile": {"enum": [True]},
    "pytorch.torch_compile_backend": {"enum": ["eager", "aot_eager"]},
    "pytorch.torch_compile_mode": {"enum": ["default", "reduce-overhead", None]},
}
INDUCTOR: dict[str, spec.Schema] = {**COMPILED, "pytorch.torch_compile_backend": {"enum": ["inductor", None]}}
OPTIONS: dict[str, spec.Schema] = {
    **INDUCTOR,
    "pytorch.torch_compile_options": {"enum": [{"epilogue_fusion": True}]},
    "pytorch.torch_compile_mode": {"type": "null"},
}
SEVERAL: dict[str, spec.Schema] = {"pytorch.num_processes": {"enum": [2]}}


class Outcome(NamedTuple):
    """What came of a document: it `finished`, was `refused` or `failed`, and why."""

    kind: str
    reason: str
    seconds: float


def drawn(seed: int, count: int) -> Iterator[documents.Document]:
    """So many documents; of a hundred, three are compiled, and of six hundred, two by inductor and one runs twice."""
    usual = documents.narrowed(LIMITS)
    compiled = _with(COMPILED, "torch_compile", "torch_compile_backend")
    inductor = _with(INDUCTOR, "torch_compile", "torch_compile_mode")
    options = _with(OPTIONS, "torch_compile", "torch_compile_options")
    several = _with(SEVERAL, "num_processes")
    for number, chance in enumerate(documents.chances(seed, count)):
        kinds = {100: compiled, 200: compiled, 300: compiled, 400: inductor, 450: options, 500: several}
        whole = kinds.get(number % 600, compiled if number % 40 == 20 else usual)
        document = documents.valid(chance, whole)
        document.setdefault("n", 2)
        document.setdefault("max_output_tokens", 6)
        if document["n"] is None:
            document["n"] = 3
        if document["max_output_tokens"] is None:
            document["max_output_tokens"] = 8
        yield document


def _with(limits: dict[str, spec.Schema], *needed: str) -> spec.Schema:
    """The specification with these limits too, in which these settings of the engine must be there."""
    whole = documents.narrowed({**LIMITS, **limits})
    whole["required"] = ["model", "pytorch"]
    spec.follow(whole["properties"]["pytorch"], whole).update(type="object", required=list(needed))
    return whole


def main() -> None:
    """Run as many documents as asked, from a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=300, help="how many documents (300)")
    parser.add_argument("--seed", type=int, default=1, help="where to start (1)")
    parser.add_argument("--jobs", type=int, default=1, help="documents that run at the same time (1)")
    parser.add_argument("--keep", type=Path, help="a file for what was done, which is not done again")
    parser.add_argument("--output", type=Path, help="the page into which the figures are written")
    parser.add_argument("--only", type=int, help="run this one document of them, in this process, and show it")
    options = parser.parse_args()
    asked = list(drawn(options.seed, options.documents))
    with tempfile.TemporaryDirectory(prefix="llem-soundness-") as folder:
        os.environ["LLEM_CACHE"] = str(Path(folder, "cache"))
        prepare()
        if options.only is not None:
            print(json.dumps(asked[options.only], indent=1))
            print(run(asked[options.only], Path(folder)))
            return
        start = time.perf_counter()
        outcomes = run_all(asked, Path(folder), options.jobs, options.keep)
        seconds = time.perf_counter() - start
    failures: dict[str, list[int]] = {}
    for number, outcome in enumerate(outcomes):
        if outcome.kind == "failed":
            failures.setdefault(plain(outcome.reason), []).append(number)
    for numbers in failures.values():
        first = min(numbers, key=lambda number: len(json.dumps(asked[number])))
        print(f"{len(numbers)} failed: {outcomes[first].reason}\n  --only {first}: {json.dumps(asked[first])}")
    print(told(outcomes, seconds, options.seed))
    if options.output:
        write(options.output, asked, outcomes, options)
    sys.exit(bool(failures))


def prepare() -> None:
    """Make every model, its weights also under other names, and import what the runs import, for each process."""
    import accelerate  # noqa: F401
    import bitsandbytes  # noqa: F401
    import torch._dynamo  # noqa: F401
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    from llem import builtin

    logging.disable_progress_bar()
    for name in MODELS:
        kind, _, base = name.partition(":") if name.startswith("builtin:") else ("", "", name.partition("/")[2])
        path = builtin.make_model(base) if kind else tiny_models.path(base)
        AutoModelForCausalLM._model_mapping[type(AutoConfig.from_pretrained(path))]
        files = list(path.iterdir())
        (path / "weights").mkdir()
        for file in files:
            (path / "weights" / file.name).symlink_to(file)
        for place in (path, path / "weights"):
            (place / "model.fp16.safetensors").symlink_to(path / "model.safetensors")
    for name in ("draft", "draft-other-vocabulary", "lora"):
        tiny_models.path(name)


def run_all(asked: list[documents.Document], folder: Path, jobs: int, keep: Path | None) -> list[Outcome]:
    """Run the documents, each in a process of its own, so many at a time."""
    known = {}
    if keep and keep.exists():
        for line in keep.read_text(encoding="utf-8").splitlines():
            digest, *outcome = json.loads(line)
            known[digest] = Outcome(*outcome)
    outcomes: dict[int, Outcome] = {}
    waiting = []
    for number, document in enumerate(asked):
        digest = record.digest(document)
        if digest in known:
            outcomes[number] = known[digest]
        else:
            waiting.append(number)
    running_now: dict[int, tuple[int, Path, float]] = {}
    bar = tqdm(total=len(waiting), disable=None, unit="document")
    while waiting or running_now:
        while waiting and len(running_now) < jobs:
            number = waiting.pop(0)
            place = folder / str(number)
            running_now[start(asked[number], place)] = (number, place, time.monotonic())
        time.sleep(0.005)
        for child, (number, place, begun) in list(running_now.items()):
            if os.waitpid(child, os.WNOHANG)[0]:
                outcomes[number] = read(place)
            elif time.monotonic() - begun > LONGEST:
                os.killpg(child, signal.SIGKILL)
                os.waitpid(child, 0)
                outcomes[number] = Outcome("failed", f"still running after {LONGEST:.0f} s", LONGEST)
            else:
                continue
            del running_now[child]
            shutil.rmtree(place)
            bar.update()
            if keep:
                with keep.open("a", encoding="utf-8") as file:
                    file.write(json.dumps([record.digest(asked[number]), *outcomes[number]]) + "\n")
    bar.close()
    return [outcomes[number] for number in range(len(asked))]


def start(document: documents.Document, place: Path) -> int:
    """Begin to run a document in a process of its own; what it says is kept in files of its folder."""
    place.mkdir()
    child = os.fork()
    if child:
        return child
    os.setpgid(0, 0)
    for stream in (1, 2):
        os.dup2(os.open(place / "said.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND), stream)
    outcome = run(document, place)
    (place / "outcome.json").write_text(json.dumps(outcome), encoding="utf-8")
    os._exit(0)


def read(place: Path) -> Outcome:
    """The outcome that a process left."""
    try:
        return Outcome(*json.loads((place / "outcome.json").read_text(encoding="utf-8")))
    except FileNotFoundError:
        said = (place / "said.txt").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return Outcome("failed", f"the process died: {said[-1] if said else ''}", 0.0)


def run(document: documents.Document, place: Path) -> Outcome:
    """Run a document in the folder `place`."""
    for name, text in SETS.items():
        (place / name).write_text(text, encoding="utf-8")
    (place / "models").symlink_to(Path(os.environ["LLEM_CACHE"], "tiny"))
    os.chdir(place)
    begun = time.perf_counter()

    def came(kind: str, reason: str = "") -> Outcome:
        return Outcome(kind, reason, round(time.perf_counter() - begun, 3))

    try:
        plan, result = llem.plan(document), llem.run(document)
    except running.CannotRun as error:
        return came("refused", str(error))
    except validation.InvalidDocument as error:
        return came("failed", f"not valid: {error}")
    except BaseException as error:
        return came("failed", f"{type(error).__name__}: {error}")
    if result.status != running.FINISHED:
        error = result.content["error"]
        return came("failed", f"{error['type']}: {error['message']}")
    compiled = result.content["effective"]["compile"]
    if compiled["error"]:
        return came("failed", f"not compiled: {compiled['error']}")
    otherwise = list(predictions.disagreements(plan, result))
    return came("failed", f"became otherwise: {otherwise[0]}") if otherwise else came("finished")


# ---- what is written down


def told(outcomes: list[Outcome], seconds: float, seed: int) -> str:
    """The sum in one line."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("finished", "refused", "failed"))
    return f"{len(outcomes)} documents from seed {seed}: {counts}; {seconds:.0f} s"


def shortest(reason: str) -> str:
    """The rule that a reason names, or else its first words."""
    rule = reason.rpartition("[")[2].removesuffix("]") if reason.endswith("]") else ""
    return f"`{rule}`" if rule else reason.partition(": choose")[0].partition(", which")[0][:80]


def plain(reason: str) -> str:
    """A reason without the values of the single document."""
    return re.sub(r"\d+([.]\d+)?", "N", re.sub(r"^([a-z_.]+: )('[^']*'|\S+) (needs)", r"\1\3", reason))[:200]


def table(*columns: str, rows: Any) -> list[str]:
    """A table as markdown."""
    lines = [f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]
    return [*lines, *(f"| {' | '.join(str(cell).replace('|', chr(92) + '|') for cell in row)} |" for row in rows), ""]


def write(page: Path, asked: list[documents.Document], outcomes: list[Outcome], options: argparse.Namespace) -> None:
    """Write the figures into the page, below its mark."""
    from llem import pytorch

    about = record.environment(pytorch.devices())
    done = [document for document, outcome in zip(asked, outcomes, strict=True) if outcome.kind == "finished"]
    kinds = Counter(outcome.kind for outcome in outcomes)
    libraries = ", ".join(f"{name} {version}" for name, version in about["libraries"].items())
    command = f"python scripts/soundness.py --documents {options.documents} --seed {options.seed} --jobs {options.jobs}"
    lines = table(
        "what",
        "figure",
        rows=[
            ("date", datetime.now(UTC).date()),
            ("documents", len(asked)),
            ("finished", kinds["finished"]),
            ("refused before loading", kinds["refused"]),
            ("**failed**", f"**{kinds['failed']}**"),
            ("command", f"`{command}`"),
            ("machine", f"{about['processor']}, {about['cores']} cores"),
            ("software", f"llem {about['llem']}, Python {about['python']}, {libraries}"),
        ],
    )
    lines += ["## Models", ""]
    each = Counter((document["model"], outcome.kind) for document, outcome in zip(asked, outcomes, strict=True))
    lines += table("model", "finished", "refused", rows=[(m, each[m, "finished"], each[m, "refused"]) for m in MODELS])
    lines += ["## Refused before loading", ""]
    refused = (outcome.reason.splitlines() for outcome in outcomes if outcome.kind == "refused")
    reasons = Counter(shortest(plain(line)) for lines in refused for line in lines)
    lines += table("reason", "documents", rows=reasons.most_common())
    lines += ["## Settings", "", "Documents in which the setting is set, and those that finished.", ""]
    counted = []
    for field in spec.fields():
        if field.path[0] in spec.engines() and field.path[0] != "pytorch":
            continue
        counts = [sum(documents.at(one, field.path) is not None for one in some) for some in (asked, done)]
        counted.append((f"`{field.dotted}`", *counts))
    lines += table("setting", "set", "finished", rows=counted)
    lines += ["## Rules and advice", "", "Documents that finished, by the side of the rule on which they are.", ""]
    sides = Counter(side for document in done for side in documents.reached(document))
    rules = Counter[tuple[str, bool | None, bool]]()
    for side, count in sides.items():
        rules[side.rule, side.met, side.holds] += count
    names = dict.fromkeys(side.rule for side in documents.sides())
    rows = [
        (
            f"`{name}`",
            rules[name, True, True] + rules[name, None, True],
            rules[name, False, True],
            sum(rules[name, met, False] for met in (True, False, None)),
        )
        for name in names
    ]
    lines += table("rule or advice", "condition met", "condition not met", "told (advice)", rows=rows)
    head, mark, _ = page.read_text(encoding="utf-8").partition("<!-- figures -->\n")
    page.write_text(head + (mark or "\n<!-- figures -->\n") + "\n" + "\n".join(lines).rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
