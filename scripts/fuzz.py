"""Feeds `llem validate` raw bytes: whatever they are, no traceback, and every position lies inside the text.

Half of the inputs are documents of tests/ with bytes changed, cut and doubled, half are random pieces of YAML and JSON.
Both ways of reading (the fast one and the reader) and both JSON Schema engines must agree. Exits with 1 at the first
input that fails, and prints it.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from pathlib import Path

from tqdm import tqdm

from llem import checking, reader, validation, verdict

ROOT = Path(__file__).resolve().parent.parent
PIECES = [
    b"model: m\n", b"pytorch:\n", b"  load_in_4bit: true\n", b"  num_beams: 4\n", b"decoder: {temperature: 0}\n",
    b"dataset: {", b"source: ", b"- ", b"? ", b": ", b"{", b"}", b"[", b"]", b", ", b"&a ", b"*a", b"<<: ", b"!!str ",
    b"---\n", b"...\n", b"'", b'"', b"|\n", b">\n", b"#", b" ", b"\n", b"\n  ", b"null", b"~", b"0", b"8.0", b"no",
    b"1e-3", b"a: ", b"b", b'"c": ',
]  # fmt: skip
RARE = [
    b"%YAML 1.1\n", b"\t", b"\r\n", b"\x00", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"\\ud800", b"1e999", b".nan",
    b"99999999999999999999", "ü✓𝄞\u2028".encode(),
]  # fmt: skip


def main() -> None:
    """Run as many inputs as asked, from a seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="how many inputs (100000)")
    parser.add_argument("--seed", type=int, default=1, help="where to start (1)")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    corpus = [path.read_bytes() for path in sorted((ROOT / "tests").glob("*/*.yaml"))]
    faulty = 0
    start = time.perf_counter()
    for _ in tqdm(range(options.inputs), disable=None):
        text = mutated(chance, chance.choice(corpus)) if chance.random() < 0.5 else pieced(chance)
        try:
            problems = check(text, as_json=chance.random() < 0.2)
        except Exception as error:
            print(f"{type(error).__name__}: {error}\n{text!r}", file=sys.stderr)
            sys.exit(1)
        faulty += problems > 0
    seconds = time.perf_counter() - start
    print(f"{options.inputs} inputs, {faulty} with problems, 0 tracebacks, {seconds:.0f} s, seed {options.seed}")


def check(text: bytes, as_json: bool) -> int:
    """The number of problems. Raises what a user must never see, AssertionError for a wrong position or verdict."""
    found = 0
    lines = re.split(r"\r\n?|\n", text.removeprefix(b"\xef\xbb\xbf").decode(errors="replace"))
    for document in reader.read(text, json=as_json):
        problems = validation.check(document, "input", advice=True)
        found += len(problems)
        for problem in problems:
            assert "\n" not in str(problem), problem
            if problem.line is not None and problem.column is not None:
                assert 1 <= problem.line <= len(lines), problem
                assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
        fast, slow = verdict.is_valid(document.data), verdict.explains(document.data)
        assert fast == slow, "the two JSON Schema engines disagree"
    if not as_json and checking.is_flawless(text):
        assert found == 0, "the fast way finds no problem where there is one"
    return found


def mutated(chance: random.Random, text: bytes) -> bytes:
    """A document with a few bytes changed, cut out, doubled, or put in."""
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(text) + 1)
        end = min(len(text), place + chance.randint(0, 6))
        text = text[:place] + chance.choice([b"", text[place:end] * 2, piece(chance)]) + text[end:]
    return text


def pieced(chance: random.Random) -> bytes:
    """Random pieces of YAML."""
    return b"".join(piece(chance) for _ in range(chance.randint(0, 25)))


def piece(chance: random.Random) -> bytes:
    """A piece of YAML; now and then an odd one, or any bytes."""
    odd = chance.random()
    return chance.randbytes(2) if odd < 0.01 else chance.choice(RARE if odd < 0.05 else PIECES)


if __name__ == "__main__":
    main()
