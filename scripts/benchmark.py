"""Measures what `llem run` adds to the time of a hand-written script that does the same calls.

Two measurements on a Llama with random weights, made on the spot. First the loop: in one process, batches of llem's
own loop alternate with the same batches written by hand, and each pair gives one ratio. Then whole processes:
`llem run` against the script that `llem explain --as python` prints. Progress goes to standard error, the figures to
standard output. Exits with 1 when the median ratio of the loop is above 1.02, or when the two sides differ in a token.
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

LIMIT = 1.02  # the largest median ratio that keeps the promise
FEWEST_PAIRS = 6  # with fewer, not even smallest to largest is a 95 % interval of the median
INPUT_TOKENS = 64  # of each prompt
PROCESS_BATCHES = 4  # timed batches of a whole process; a warm-up batch comes before them
SIZES = {
    "small": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 8},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32},
}
PRECISION = {"cpu": "fp32", "cuda": "bf16"}
END = "<!-- end -->"

say = partial(tqdm.write, file=sys.stderr)  # gets along with the progress bar of llem


class Times(NamedTuple):
    """Seconds of the same work, by hand and in llem."""

    by_hand: list[float]
    llem: list[float]

    def ratios(self) -> list[float]:
        """The time in llem by the time by hand, pair by pair."""
        return [llem / by_hand for by_hand, llem in zip(*self, strict=True)]


def main() -> None:
    """Measure, print, write, and exit."""
    options = parse()
    load = os.getloadavg()[0]
    try:
        with tempfile.TemporaryDirectory(prefix="llem-benchmark-") as name:
            folder = Path(name)
            say(f"making the model, load average {load:.2f}")
            make_model(options, folder / "model")
            say(f"{options.pairs} pairs of batches")
            loop, run = measure_loop(options, folder)
            processes = measure_processes(options, folder)
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    table = figures(options, load, run, loop, processes)
    print(table)
    if options.output:
        before, mark, rest = options.output.read_text("utf-8").partition(mark_of(options))
        after = rest.partition(END)[2]
        options.output.write_text(f"{before}{mark}\n\n{table}\n\n{END}{after}", "utf-8")
    ratio = median(loop.ratios())
    if ratio > LIMIT:
        say(f"the median ratio {ratio:.4f} is above {LIMIT}")
        sys.exit(1)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="pairs of batches, at least 6 (default 40)")
    parser.add_argument("--processes", type=int, default=5, help="pairs of whole processes, 0 for none (default 5)")
    parser.add_argument("--batch", type=int, default=4, help="prompts in a batch (default 4)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens generated for each prompt (default 32)")
    parser.add_argument("--device", choices=PRECISION, default="cpu", help="cpu (default) runs fp32, cuda bf16")
    parser.add_argument("--size", choices=SIZES, default="small", help="42 million parameters (default) or 1.1 billion")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the figures between the marks in FILE")
    options = parser.parse_args()
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
        "pytorch": {"batch_size": options.batch, "device_map": options.device},
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


def measure_processes(options: argparse.Namespace, folder: Path) -> Times:
    """Time whole processes, in turn: the script without llem, and `llem run`."""
    plan = make_plan(options, folder, PROCESS_BATCHES)
    experiment, by_itself = folder / "experiment.llem.json", folder / "by_hand.py"
    experiment.write_text(json.dumps(plan.document), "utf-8")
    by_itself.write_text(script(plan), "utf-8")
    commands = [[sys.executable, str(by_itself)], [sys.executable, "-m", "llem", "run", str(experiment)]]
    times = Times([], [])
    for number in range(options.processes):
        say(f"pair {number + 1} of {options.processes} of whole processes")
        lines = ["", ""]
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            start = time.perf_counter()
            done = subprocess.run(commands[side], cwd=folder, capture_output=True, text=True, check=False)
            times[side].append(time.perf_counter() - start)
            if done.returncode:
                sys.exit(f"{done.stderr}\nfailed: {' '.join(commands[side])}")
            lines[side] = done.stdout
        lines[1] = Path(lines[1].splitlines()[-1]).with_name("outputs.jsonl").read_text("utf-8")
        by_side = [[json.loads(line)["token_ids"] for line in text.splitlines()] for text in lines]
        if by_side[0] != by_side[1]:
            sys.exit("the two processes generated different tokens: nothing can be compared")
    return times


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The narrowest symmetric order-statistic interval of the median with at least 95 % coverage, and its coverage.

    Exact for independent values of any distribution, as each lies below the median with probability one half.
    """
    ordered, count, cut, outside = sorted(values), len(values), 0, 2 * 0.5 ** len(values)
    while (wider := outside + 2 * math.comb(count, cut + 1) * 0.5**count) <= 0.05:
        outside, cut = wider, cut + 1
    return ordered[cut], ordered[count - 1 - cut], 1 - outside


def figures(options: argparse.Namespace, load: float, run: dict[str, Any], loop: Times, processes: Times) -> str:
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
        ("batch", f"{options.batch} prompts of {INPUT_TOKENS} tokens, {options.tokens} new tokens each, greedy"),
        ("pairs of batches", f"{len(found)}, the same tokens in each"),
        ("a batch by hand, median", f"{median(loop.by_hand) * 1000:,.1f} ms"),
        ("a batch in llem, median", f"{median(loop.llem) * 1000:,.1f} ms"),
        ("**llem / by hand, median of the pairs**", f"**{median(found):.4f}**"),
        (f"{100 * coverage:.1f} % interval of that median", f"{low:.4f} to {high:.4f}"),
        ("pairs in which llem was slower", f"{sum(ratio > 1 for ratio in found)} of {len(found)}"),
        ("smallest and largest ratio", f"{min(found):.4f} and {max(found):.4f}"),
        ("noise: two batches by hand in a row differ by, median", f"{100 * median(by_itself):.2f} %"),
    ]
    if processes.llem:
        more = [llem - hand for hand, llem in zip(*processes, strict=True)]
        rows += [
            ("pairs of whole processes", f"{len(more)}, a warm-up and {PROCESS_BATCHES} batches in each"),
            ("a process by hand, median", f"{median(processes.by_hand):.2f} s"),
            ("a process of `llem run`, median", f"{median(processes.llem):.2f} s"),
            ("difference, median and range", f"{median(more):+.2f} s, {min(more):+.2f} to {max(more):+.2f} s"),
        ]
    return "\n".join(["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)])


if __name__ == "__main__":
    main()
