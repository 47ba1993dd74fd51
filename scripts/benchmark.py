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
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from unittest.mock import patch

from llem import builtin, datasets, planning, pytorch, record, running
from llem.script import script

LIMIT = 1.02
"""The largest median ratio that keeps the promise."""

INPUT_TOKENS = 64
"""Tokens of each prompt."""

PROCESS_BATCHES = 4
"""Timed batches of a whole process; a warm-up batch comes before them."""

SIZES = {
    "small": {"hidden_size": 512, "intermediate_size": 1536, "num_hidden_layers": 12, "num_attention_heads": 8},
    "1b": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32},
}

FEWEST_PAIRS = 6
"""With fewer, not even smallest to largest ratio is a 95 % interval of the median."""


class Loop(NamedTuple):
    """Seconds of the same batches by hand and in llem's loop."""

    by_hand: list[float]
    llem: list[float]


def main() -> None:
    """Run the command line."""
    options = parse()
    try:
        with tempfile.TemporaryDirectory(prefix="llem-benchmark-") as folder:
            sys.exit(benchmark(options, Path(folder)))
    except KeyboardInterrupt:
        sys.exit("interrupted")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=40, help="pairs of batches, at least 6 (default 40)")
    parser.add_argument("--processes", type=int, default=5, help="pairs of whole processes, 0 for none (default 5)")
    parser.add_argument("--batch", type=int, default=4, help="prompts in a batch (default 4)")
    parser.add_argument("--tokens", type=int, default=32, help="tokens generated for each prompt (default 32)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="cpu runs fp32, cuda bf16")
    parser.add_argument("--size", choices=SIZES, default="small", help="small: 42 million parameters; 1b: a thousand")
    parser.add_argument("--output", type=Path, metavar="FILE", help="also write the figures between the marks in FILE")
    options = parser.parse_args()
    if options.pairs < FEWEST_PAIRS or min(options.batch, options.tokens) < 1 or options.processes < 0:
        parser.error(f"--pairs is at least {FEWEST_PAIRS}, --batch and --tokens at least 1, --processes at least 0")
    if options.device == "cuda" and not pytorch.devices():
        parser.error("--device cuda: this machine has no CUDA GPU")
    if options.output and not (options.output.is_file() and mark(options) in options.output.read_text("utf-8")):
        parser.error(f"--output {options.output}: no such file, or it lacks the line {mark(options)}")
    return options


def benchmark(options: argparse.Namespace, folder: Path) -> int:
    """Measure, print, and return the exit code."""
    load = os.getloadavg()[0]
    say(f"making a model ({options.size}), load average {load:.2f}")
    parameters = make_model(options, folder / "model")
    say(f"{parameters / 1e6:,.0f} million parameters; measuring {options.pairs} pairs of batches")
    loop = measure_loop(options, folder)
    ratios = [llem / by_hand for by_hand, llem in zip(*loop, strict=True)]
    processes = measure_processes(options, folder)
    table = figures(options, parameters, load, loop, ratios, processes)
    print(table)
    if options.output:
        text = options.output.read_text("utf-8")
        before, rest = text.split(mark(options), 1)
        after = rest.partition("<!-- end -->")[2]
        options.output.write_text(f"{before}{mark(options)}\n\n{table}\n\n<!-- end -->{after}", "utf-8")
        say(f"wrote {options.output}")
    if median(ratios) > LIMIT:
        say(f"the median ratio {median(ratios):.4f} is above {LIMIT}")
        return 1
    return 0


def mark(options: argparse.Namespace) -> str:
    """The line before the figures of this device in a file; `<!-- end -->` comes after them."""
    return f"<!-- figures: {options.device} -->"


def say(text: str) -> None:
    """Tell how far it is, past any progress bar."""
    from tqdm import tqdm

    tqdm.write(text, file=sys.stderr)


def make_model(options: argparse.Namespace, folder: Path) -> int:
    """Save a Llama with random weights and the built-in tokenizer in `folder`; returns how many parameters it has."""
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
    return sum(parameter.numel() for parameter in model.parameters())


def document(options: argparse.Namespace, folder: Path, batches: int) -> dict[str, Any]:
    """The experiment: greedy, so many batches, every prompt and every answer of one length."""
    return {
        "model": str(folder / "model"),
        "precision": "fp32" if options.device == "cpu" else "bf16",
        "n": batches * options.batch,
        "dataset": {"input_len": INPUT_TOKENS, "output_len": options.tokens},
        "decoder": {"preset": "deterministic"},
        "pytorch": {"batch_size": options.batch, "device_map": options.device},
        "warmup": 1,
        "output_dir": str(folder / "results"),
    }


def by_hand(plan: planning.Plan) -> Callable[[Sequence[str]], tuple[list[list[int]], list[str]]]:
    """Load the model, and return the function that a careful researcher writes: texts in, token ids and texts out."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    encode, generate = plan.kwargs("encode"), plan.kwargs("generate")
    tokenizer = AutoTokenizer.from_pretrained(**plan.kwargs("tokenizer"))
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(**plan.kwargs("from_pretrained"))
    model.eval()
    model.generation_config.pad_token_id = tokenizer.pad_token_id

    def answer(prompts: Sequence[str]) -> tuple[list[list[int]], list[str]]:
        encoded = tokenizer(list(prompts), **encode)
        inputs = {key: encoded[key].to(model.device) for key in ("input_ids", "attention_mask")}
        rows = model.generate(**inputs, **generate)[:, inputs["input_ids"].shape[1] :]
        return rows.tolist(), tokenizer.batch_decode(rows, skip_special_tokens=True)

    return answer


def measure_loop(options: argparse.Namespace, folder: Path) -> Loop:
    """Time the batches of `running.perform`, the loop of `llem run`, and between them the same ones by hand.

    Nothing of llem is copied or left out: an iteration lasts from one call of `pytorch.generate` to the next. The
    batches by hand run right before such a call, outside that time, two after each other every other time, so that
    each side comes first in half of the pairs. One batch more closes the last pair.
    """
    plan = planning.plan(document(options, folder, options.pairs + 1))
    batches = list(datasets.batches(datasets.prompts(**plan.kwargs("prompts")), options.batch))
    answer, generate = by_hand(plan), pytorch.generate
    times, answers, theirs = Loop([], []), [], []
    calls, started = 0, 0.0

    def watched(session: pytorch.Session, prompts: Sequence[str], seed: bool = False) -> dict[str, Any]:
        nonlocal calls, started
        pair, now = calls - 1, time.perf_counter()
        calls += 1
        if pair < 0:
            answer(prompts)  # the warm-up
            return generate(session, prompts, seed)
        if pair:
            times.llem.append(now - started)
        while len(times.by_hand) < min(pair + (pair % 2 == 0), options.pairs):
            batch = batches[len(times.by_hand)]
            start = time.perf_counter()
            answers.append(answer(batch))
            times.by_hand.append(time.perf_counter() - start)
        if pair and pair % 10 == 0:
            say(f"{pair} of {options.pairs} pairs")
        started = time.perf_counter()
        result = generate(session, prompts, seed)
        theirs.append(result["outputs"])
        return result

    with patch.object(pytorch, "generate", watched):
        running.perform(plan, running.new_share(), folder / "outputs.jsonl")
    for (tokens, texts), rows in zip(answers, theirs, strict=False):
        if tokens != [row["token_ids"] for row in rows] or texts != [row["text"] for row in rows]:
            sys.exit("the two sides generated different tokens: nothing can be compared")
    return times


def measure_processes(options: argparse.Namespace, folder: Path) -> Loop:
    """Time whole processes, in turn: the script without llem, and `llem run`."""
    plan = planning.plan(document(options, folder, PROCESS_BATCHES), trust_remote_code=False)
    experiment, without = folder / "experiment.llem.json", folder / "without_llem.py"
    experiment.write_text(json.dumps(plan.document), "utf-8")
    without.write_text(script(plan), "utf-8")
    commands = [[sys.executable, str(without)], [sys.executable, "-m", "llem", "run", str(experiment)]]
    times = Loop([], [])
    for number in range(options.processes):
        say(f"processes: pair {number + 1} of {options.processes}")
        tokens = {}
        for side in (0, 1) if number % 2 == 0 else (1, 0):
            start = time.perf_counter()
            done = subprocess.run(commands[side], cwd=folder, capture_output=True, text=True, check=False)
            times[side].append(time.perf_counter() - start)
            if done.returncode:
                sys.exit(f"{done.stderr}\nfailed: {' '.join(commands[side])}")
            lines = done.stdout if side == 0 else Path(done.stdout.splitlines()[-1]).with_name("outputs.jsonl").read_text("utf-8")
            tokens[side] = [json.loads(line)["token_ids"] for line in lines.splitlines()]
        if tokens[0] != tokens[1]:
            sys.exit("the two processes generated different tokens: nothing can be compared")
    return times


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """The narrowest order-statistic interval of the median with at least 95 % coverage, and its coverage.

    It is exact for independent values of any distribution: each lies below the median with probability one half.
    """
    ordered, count = sorted(values), len(values)
    outside, cut = 2 * 0.5**count, 0
    while (wider := outside + 2 * math.comb(count, cut + 1) * 0.5**count) <= 0.05:
        outside, cut = wider, cut + 1
    return ordered[cut], ordered[count - 1 - cut], 1 - outside


def figures(
    options: argparse.Namespace, parameters: int, load: float, loop: Loop, ratios: list[float], processes: Loop
) -> str:
    """The figures as a Markdown table."""
    about = record.environment(pytorch.devices())
    low, high, coverage = interval(ratios)
    device = about["gpus"][0]["name"] if options.device == "cuda" else "none used"
    versions = ", ".join(f"{name} {about['libraries'][name]}" for name in ("torch", "transformers", "accelerate"))
    above = sum(ratio > 1 for ratio in ratios)
    rows = [
        ("date", record.now()[:10]),
        ("processor", f"{about['processor']}, {about['cores']} cores, {about['memory_bytes'] / 2**30:.0f} GiB memory"),
        ("GPU", device),
        ("load average at the start", f"{load:.2f}"),
        ("software", f"llem {about['llem']}, Python {about['python']}, {versions}"),
        ("model", f"Llama, {parameters / 1e6:,.0f} million random parameters, {'fp32' if options.device == 'cpu' else 'bf16'}"),
        ("batch", f"{options.batch} prompts of {INPUT_TOKENS} tokens, {options.tokens} tokens generated for each, greedy"),
        ("pairs of batches", f"{len(ratios)}, the same tokens in each"),
        ("a batch by hand, median", f"{median(loop.by_hand) * 1000:,.1f} ms"),
        ("a batch in llem, median", f"{median(loop.llem) * 1000:,.1f} ms"),
        ("**llem / by hand, median of the pairs**", f"**{median(ratios):.4f}**"),
        (f"{coverage:.1%} interval of that median", f"{low:.4f} to {high:.4f}"),
        ("pairs in which llem was slower", f"{above} of {len(ratios)}"),
        ("smallest and largest ratio of a pair", f"{min(ratios):.4f} and {max(ratios):.4f}"),
    ]
    if processes.llem:
        differences = [llem - hand for hand, llem in zip(*processes, strict=True)]
        rows += [
            ("pairs of whole processes", f"{len(differences)}, {PROCESS_BATCHES} batches and a warm-up each"),
            ("a process by hand, median", f"{median(processes.by_hand):.2f} s"),
            ("a process of `llem run`, median", f"{median(processes.llem):.2f} s"),
            ("difference, median", f"{median(differences):+.2f} s ({min(differences):+.2f} to {max(differences):+.2f} s)"),
        ]
    return "\n".join(["| what | figure |", "| --- | --- |", *(f"| {what} | {figure} |" for what, figure in rows)])


if __name__ == "__main__":
    main()
