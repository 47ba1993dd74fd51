"""Measures what `llem run` adds to the time of a hand-written script that does the same calls.

Three measurements on a Llama with random weights, made on the spot. First the loop: in one process, batches of llem's
own loop alternate with the same batches written by hand, and each pair gives one ratio. Then whole processes, their
time and their peak memory: `llem run` against the script that `llem explain --as python` prints. Last, on the built-in
prompts, batches of like length against batches in their order. Progress goes to standard error, the figures to standard
output. Exits with 1 when a promise is broken (the loop 1 % slower, a process 0.3 s longer or 1 % larger, each by the
median), or when two sides differ in a token.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

from tqdm import tqdm

import llem
from llem import builtin, pytorch
from llem.script import script

LIMIT = 1.01  # the largest median ratio of the loop that keeps the promise
MOST_SECONDS = 0.3  # more than a process by hand, median
MOST_MEMORY = 1.01  # the largest median ratio of peak memory
FEWEST_PAIRS = 6  # with fewer, not even smallest to largest is a 95 % interval of the median
INPUT_TOKENS = 64  # of each prompt
PROCESS_BATCHES = 4  # timed batches of a whole process; a warm-up batch comes before them
SORTED_PROMPTS, SORTED_BATCH = 64, 8  # of the built-in set, for batches of like length
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "4bit": {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": "bfloat16"},
    "compiled": {"cache_implementation": "static", "torch_compile": True, "torch_compile_target": "decode"},
}
SIZES = {
    "small": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 8},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32},
}
PRECISION = {"cpu": "fp32", "cuda": "bf16"}
END = "<!-- end -->"

say = partial(tqdm.write, file=sys.stderr)  # gets along with the progress bar of llem


class Times(NamedTuple):
    """Seconds, or bytes, of the same work, by hand and in llem."""

    by_hand: list[float]
    llem: list[float]

    def ratios(self) -> list[float]:
        """What it is in llem by what it is by hand, pair by pair."""
        return [llem / by_hand for by_hand, llem in zip(*self, strict=True)]

    def differences(self) -> list[float]:
        """What it is in llem above what it is by hand, pair by pair."""
        return [llem - by_hand for by_hand, llem in zip(*self, strict=True)]


def main() -> None:
    """Measure, print, write, and exit."""
    options = parse()
    load = os.getloadavg()[0]
    tables, broken = [], []
    try:
        with tempfile.TemporaryDirectory(prefix="llem-benchmark-") as name:
            folder = Path(name)
            say(f"making the model, load average {load:.2f}")
            make_model(options, folder / "model")
            for variant in options.variants:
                options.variant = variant
                say(f"{variant}: {options.pairs} pairs of batches")
                loop, run = measure_loop(options, folder)
                seconds, memory = measure_processes(options, folder)
                sorted_rows = measure_sorted(options, folder) if variant == "plain" else []
                tables.append(figures(options, load, run, loop, seconds, memory) + "".join(map(row, sorted_rows)))
                broken += broken_promises(loop, seconds, memory)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    table = "\n\n".join(tables)
    print(table)
    if options.output:
        before, mark, rest = options.output.read_text("utf-8").partition(mark_of(options))
        after = rest.partition(END)[2]
        options.output.write_text(f"{before}{mark}\n\n{table}\n\n{END}{after}", "utf-8")
    for line in broken:
        say(line)
    sys.exit(1 if broken else 0)


def broken_promises(loop: Times, seconds: Times, memory: Times) -> list[str]:
    """The promises that the figures break, a line each."""
    found = []
    if (ratio := median(loop.ratios())) > LIMIT:
        found.append(f"the median ratio of the loop, {ratio:.4f}, is above {LIMIT}")
    if seconds.llem and (more := median(seconds.differences())) > MOST_SECONDS:
        found.append(f"a process takes {more:.2f} s more, above {MOST_SECONDS} s")
    if memory.llem and (ratio := median(memory.ratios())) > MOST_MEMORY:
        found.append(f"the median ratio of peak memory, {ratio:.4f}, is above {MOST_MEMORY}")
    return found


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="pairs of batches, at least 6 (default 40)")
    parser.add_argument("--processes", type=int, default=5, help="pairs of whole processes, 0 for none (default 5)")
    parser.add_argument("--sorted", type=int, default=3, help="pairs of runs with batches of like length (default 3)")
    parser.add_argument("--batch", type=int, default=4, help="prompts in a batch (default 4)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens generated for each prompt (default 32)")
    parser.add_argument("--device", choices=PRECISION, default="cpu", help="cpu (default) runs fp32, cuda bf16")
    parser.add_argument("--size", choices=SIZES, default="small", help="42 million parameters (default) or 1.1 billion")
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, help="what is measured (default: plain on a CPU, all on a GPU)"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the figures between the marks in FILE")
    options = parser.parse_args()
    options.variants = options.variants or (["plain"] if options.device == "cpu" else list(VARIANTS))
    if options.pairs < FEWEST_PAIRS or min(options.batch, options.tokens) < 1 or options.processes < 0:
        parser.error(f"--pairs is at least {FEWEST_PAIRS}, --batch and --tokens at least 1, --processes at least 0")
    if options.device == "cuda" and not pytorch.devices():
        parser.error("--device cuda: this machine has no CUDA GPU")
    if options.output and not (options.output.is_file() and mark_of(options) in options.output.read_text("utf-8")):
        parser.error(f"--output {options.output}: no such file, or it lacks the line {mark_of(options)}")
    return options


def mark_of(options: argparse.Namespace) -> str:
    """The line before the figures of this device in a file; END comes after them."""
    return f"<!-- figures: {options.device} -->"


def make_model(options: argparse.Namespace, folder: Path) -> None:
    """Save a Llama with random weights and the built-in tokenizer in `folder`."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, set_seed
    from transformers.utils import logging

    logging.disable_progress_bar()
    set_seed(1)
    tokenizer = AutoTokenizer.from_pretrained(builtin.make_model("tiny-llama"))
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=builtin.POSITIONS,
        initializer_range=builtin.SPREAD,  # so wide that greedy decoding does not repeat one token
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        **SIZES[options.size],
    )
    with torch.device(options.device):
        model = LlamaForCausalLM(config)
    model.to(torch.float32 if options.device == "cpu" else torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def make_plan(options: argparse.Namespace, folder: Path, batches: int) -> llem.Plan:
    """The experiment: greedy, so many batches, every prompt of one length and every answer of one length."""
    document = {
        "model": str(folder / "model"),
        "precision": PRECISION[options.device],
        "n": batches * options.batch,
        "dataset": {"input_len": INPUT_TOKENS, "output_len": options.tokens},
        "decoder": {"preset": "deterministic"},
        "pytorch": {"batch_size": options.batch, "device_map": options.device, **VARIANTS[options.variant]},
        "output_dir": str(folder / "results"),
    }
    return llem.plan(document, trust_remote_code=False)


def by_hand(plan: llem.Plan) -> Callable[[Sequence[str]], tuple[list[list[int]], list[str]]]:
    """Load the model, and return the function that a careful researcher writes: texts in, token ids and texts out."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    encode, generate = plan.kwargs("encode"), plan.kwargs("generate")
    tokenizer = AutoTokenizer.from_pretrained(**plan.kwargs("tokenizer"))
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(**plan.kwargs("from_pretrained")).eval()
    model.generation_config.pad_token_id = tokenizer.pad_token_id

    def answer(prompts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
        encoded = tokenizer(list(prompts), **encode)
        inputs = {key: encoded[key].to(model.device) for key in ("input_ids", "attention_mask")}
        rows = model.generate(**inputs, **generate)[:, inputs["input_ids"].shape[1] :]
        return rows.tolist(), tokenizer.batch_decode(rows, skip_special_tokens=True)

    return answer


def measure_loop(options: argparse.Namespace, folder: Path) -> tuple[Times, dict[str, Any]]:
    """Time the batches of `llem.run`, and between them the same ones by hand; returns also the record of the run.

    Nothing of llem is copied or left out: a batch of llem lasts from one call of `pytorch.generate` to the next. The
    batches by hand run before such a call, outside that time: one before the first pair, later two before every other
    call, so that each side comes first in half of the pairs. One batch more than there are pairs ends the last one.
    """
    plan = make_plan(options, folder, options.pairs + 1)
    answer, generate = by_hand(plan), pytorch.generate
    times = Times([], [])
    batches: list[Sequence[str]] = []
    ours: list[tuple[list[list[int]], list[str]]] = []
    theirs: list[list[dict[str, Any]]] = []
    warm, started = False, 0.0

    def watched(session: pytorch.Session, prompts: Sequence[str], seed: bool = False) -> dict[str, Any]:
        nonlocal warm, started
        now, pair = time.perf_counter(), len(batches)
        if not warm:
            warm = True
            answer(prompts)
            return generate(session, prompts, seed)
        batches.append(prompts)
        if pair:
            times.llem.append(now - started)
        while len(ours) < min(pair + (pair % 2 == 0), options.pairs):
            start = time.perf_counter()
            ours.append(answer(batches[len(ours)]))
            times.by_hand.append(time.perf_counter() - start)
        if pair and pair % 10 == 0:
            say(f"{pair} of {options.pairs} pairs")
        started = time.perf_counter()
        result = generate(session, prompts, seed)
        theirs.append(result["outputs"])
        return result

    with patch.object(pytorch, "generate", watched):
        result = llem.run(plan.document)
    if result.status != "finished":
        sys.exit(f"llem failed: {result.content['error']}")
    for (tokens, texts), rows in zip(ours, theirs[: options.pairs], strict=True):
        if tokens != [row["token_ids"] for row in rows] or texts != [row["text"] for row in rows]:
            sys.exit("the two sides generated different tokens: nothing can be compared")
    return times, result.content


def measure_processes(options: argparse.Namespace, folder: Path) -> tuple[Times, Times]:
    """Time whole processes, in turn: the script without llem, and `llem run`; and the most memory that each took."""
    plan = make_plan(options, folder, PROCESS_BATCHES)
    experiment, by_itself = folder / "experiment.llem.json", folder / "by_hand.py"
    experiment.write_text(json.dumps(plan.document), "utf-8")
    by_itself.write_text(script(plan), "utf-8")
    commands = [[sys.executable, str(by_itself)], [sys.executable, "-m", "llem", "run", str(experiment)]]
    seconds, memory = Times([], []), Times([], [])
    for number in range(options.processes):
        say(f"pair {number + 1} of {options.processes} of whole processes")
        lines = ["", ""]
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            lines[side], taken, most = run_process(commands[side], folder)
            seconds[side].append(taken)
            memory[side].append(most)
        lines[1] = Path(lines[1].splitlines()[-1]).with_name("outputs.jsonl").read_text("utf-8")
        by_side = [[json.loads(line)["token_ids"] for line in text.splitlines()] for text in lines]
        if by_side[0] != by_side[1]:
            sys.exit("the two processes generated different tokens: nothing can be compared")
    return seconds, memory


def run_process(command: Sequence[str], folder: Path) -> tuple[str, float, float]:
    """What a process prints, the seconds it took, and its peak memory in bytes."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        for file in (out, errors):
            file.seek(0)
        if process.returncode:
            sys.exit(f"{errors.read()}\nfailed: {' '.join(command)}")
        return out.read(), taken, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def measure_sorted(options: argparse.Namespace, folder: Path) -> list[tuple[str, str]]:
    """Rows of the table: the built-in prompts in batches of like length, against batches in their order."""
    found: dict[str, list[dict[str, Any]]] = {"static": [], "length_sorted": []}
    for number in range(options.sorted):
        say(f"run {number + 1} of {options.sorted} with batches of like length")
        for batching in found if number % 2 == 0 else reversed(found):
            document = make_plan(options, folder, 1).document | {"n": SORTED_PROMPTS, "dataset": "builtin:mixed"}
            document |= {"max_output_tokens": options.tokens, "decoder": {"temperature": 0}}
            document["pytorch"] = {**document["pytorch"], "batch_size": SORTED_BATCH, "batching": batching}
            found[batching].append(llem.run(document).content)
    if not options.sorted:
        return []
    seconds = {name: median(run["metrics"]["seconds"] for run in runs) for name, runs in found.items()}
    read = {name: sum(math.prod(batch["shape"]) for batch in runs[0]["batches"]) for name, runs in found.items()}
    ratios = [
        by_length["metrics"]["seconds"] / in_order["metrics"]["seconds"]
        for in_order, by_length in zip(*found.values(), strict=True)
    ]
    return [
        ("batches of like length: prompts", f"{SORTED_PROMPTS} of builtin:mixed, {SORTED_BATCH} in a batch"),
        ("positions read, padding included", f"{read['length_sorted']:,} against {read['static']:,}"),
        ("time to generate, median", f"{seconds['length_sorted']:.2f} s against {seconds['static']:.2f} s"),
        ("**like length / in order, median of the pairs**", f"**{median(ratios):.3f}**"),
    ]


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The narrowest symmetric order-statistic interval of the median with at least 95 % coverage, and its coverage.

    Exact for independent values of any distribution, as each lies below the median with probability one half.
    """
    ordered, count, cut, outside = sorted(values), len(values), 0, 2 * 0.5 ** len(values)
    while (wider := outside + 2 * math.comb(count, cut + 1) * 0.5**count) <= 0.05:
        outside, cut = wider, cut + 1
    return ordered[cut], ordered[count - 1 - cut], 1 - outside


def row(cells: tuple[str, str]) -> str:
    """One more row of a table."""
    return f"\n| {cells[0]} | {cells[1]} |"


def figures(
    options: argparse.Namespace, load: float, run: dict[str, Any], loop: Times, seconds: Times, memory: Times
) -> str:
    """The figures as a Markdown table."""
    about, model, found = run["environment"], run["effective"], loop.ratios()
    versions = ", ".join(f"{name} {about['libraries'][name]}" for name in ("torch", "transformers", "accelerate"))
    cores = f"{about['cores']} cores, {about['memory_bytes'] / 2**30:.0f} GiB memory"
    low, high, coverage = interval(found)
    by_itself = [abs(later / first - 1) for first, later in zip(loop.by_hand[1::2], loop.by_hand[2::2], strict=False)]
    rows = [
        ("date", run["started"][:10]),
        ("processor", f"{about['processor']}, {cores}, {model['threads']} threads used"),
        ("GPU", about["gpus"][0]["name"] if options.device == "cuda" else "not used"),
        ("software", f"llem {about['llem']}, Python {about['python']}, {versions}"),
        ("load average at the start", f"{load:.2f}"),
        ("model", f"Llama, {model['parameters'] / 1e6:,.0f} million random parameters, {PRECISION[options.device]}"),
        ("settings", ", ".join(f"{key}: {value}" for key, value in VARIANTS[options.variant].items()) or "plain"),
        ("batch", f"{options.batch} prompts of {INPUT_TOKENS} tokens, {options.tokens} new tokens each, greedy"),
        ("pairs of batches", f"{len(found)}, the same tokens in each"),
        ("a batch by hand, median", f"{median(loop.by_hand) * 1000:,.1f} ms"),
        ("a batch in llem, median", f"{median(loop.llem) * 1000:,.1f} ms"),
        ("tokens a second in llem", f"{options.batch * options.tokens / median(loop.llem):,.0f}"),
        ("**llem / by hand, median of the pairs**", f"**{median(found):.4f}**"),
        (f"{100 * coverage:.1f} % interval of that median", f"{low:.4f} to {high:.4f}"),
        ("pairs in which llem was slower", f"{sum(ratio > 1 for ratio in found)} of {len(found)}"),
        ("smallest and largest ratio", f"{min(found):.4f} and {max(found):.4f}"),
        ("noise: two batches by hand in a row differ by, median", f"{100 * median(by_itself):.2f} %"),
    ]
    if seconds.llem:
        more = seconds.differences()
        rows += [
            ("pairs of whole processes", f"{len(more)}, a warm-up and {PROCESS_BATCHES} batches in each"),
            ("a process by hand, median", f"{median(seconds.by_hand):.2f} s"),
            ("a process of `llem run`, median", f"{median(seconds.llem):.2f} s"),
            ("**difference, median** and range", f"**{median(more):+.2f} s**, {min(more):+.2f} to {max(more):+.2f} s"),
            ("peak memory by hand, median", f"{median(memory.by_hand) / 2**20:,.0f} MiB"),
            ("peak memory of `llem run`, median", f"{median(memory.llem) / 2**20:,.0f} MiB"),
            ("**llem / by hand, median of the pairs**", f"**{median(memory.ratios()):.4f}**"),
        ]
    if run["metrics"]["peak_memory"]["device_bytes"]:
        rows.append(("peak memory on the GPU", f"{run['metrics']['peak_memory']['device_bytes'] / 2**20:,.0f} MiB"))
    return "\n".join(["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)])


if __name__ == "__main__":
    main()
