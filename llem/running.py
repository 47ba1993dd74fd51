"""Runs an experiment: checks, executes the plan, and leaves a record whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llem import asked, datasets, listening, machine, messages, planning, preflight, reading, record
from llem.interruption import Interruption
from llem.preflight import CannotRun as CannotRun

FINISHED, INTERRUPTED, FAILED = "finished", "interrupted", "failed"
OUT_OF_MEMORY = "Use smaller batches, shorter prompts or outputs, fewer beams, or quantized weights."
LONGEST_END = 30.0  # seconds that data-parallel processes have to write what they have
OTHER_FAILURE = "Read the message; `llem explain` shows the calls that were made."


@dataclass(frozen=True)
class Result:
    """A finished, interrupted or failed run: the folder of its files, and the content of result.json."""

    folder: Path
    content: dict[str, Any]

    @property
    def status(self) -> str:
        """`finished`, `interrupted` or `failed`."""
        return str(self.content["status"])

    @property
    def settings(self) -> list[asked.Row]:
        """What was asked of each setting, beside what became of it; [] when no model was loaded."""
        return [asked.Row(**row) for row in self.content["effective"].get("settings", ())]

    @property
    def changed(self) -> list[asked.Row]:
        """The settings of which something else became than was asked."""
        return [row for row in self.settings if row.verdict == asked.CHANGED]

    @property
    def unexplained(self) -> list[dict[str, Any]]:
        """The warnings of libraries that nothing in the specification explains."""
        return [heard for heard in self.content["effective"].get("warnings", ()) if heard["explained_by"] is None]


def run(document: Any, trust_remote_code: bool = False) -> Result:
    """Run the experiment that `document` (a mapping, a path, or a model) describes, and return its record.

    Code that comes with a model runs only with the operator's consent. Raises InvalidDocument when the
    document has problems, CannotRun when the experiment cannot start, and KeyboardInterrupt, after the record is
    written, when it is interrupted. A run that fails later returns a record with the status `failed`.
    """
    result = execute(planning.plan(document, bool(trust_remote_code)))
    if result.status == INTERRUPTED:
        raise KeyboardInterrupt
    return result


def execute(
    plan: planning.Plan,
    started: Callable[[Path], None] = lambda _: None,
    interruption: Interruption | None = None,
) -> Result:
    """Run a plan that was made with the operator's word, and return its record also when it is interrupted.

    `started` is called with the folder of the run once it exists; `interruption` is for who holds one already.
    Raises CannotRun, and KeyboardInterrupt while nothing is written yet.
    """
    if interruption is None:
        with Interruption() as own:
            return execute(plan, started, own)
    with interruption.allowed():
        commit = preflight.check(plan)
    for sentence in machine.untested():
        warnings.warn(sentence, RuntimeWarning, stacklevel=2)
    try:
        folder = record.make_folder(plan.arguments("results")["parent"], str(plan.document["model"]))
        (folder / "outputs.jsonl").touch()
    except OSError as error:
        raise CannotRun(f"{error.filename}: the results cannot be written: {error.strerror}.") from None
    started(folder)
    begin = record.now()
    launch = plan.arguments("launch")
    shares = _launch(plan, folder, interruption, **launch) if launch else [_perform_here(plan, folder, interruption)]
    content = _content(plan, shares, commit, begin)
    record.write_json(folder / "result.json", content)
    return Result(folder, content)


def print_warnings_plainly() -> None:
    """Print warnings as one line each, without the source line that gave them."""
    warnings.formatwarning = lambda message, *_, **__: f"warning: {message}\n"


def perform(
    plan: planning.Plan,
    share: dict[str, Any],
    outputs: Path,
    interruption: Interruption,
    rank: int = 0,
    size: int = 1,
) -> None:
    """Execute the plan for one of `size` processes: load, warm up, generate batch by batch.

    Fills `share` as it goes, and appends the texts to the file `outputs`. Raises what the libraries raise.
    """
    from llem import pytorch

    with pytorch.process_settings(plan):
        _perform(plan, share, outputs, interruption, rank, size)


def _perform(
    plan: planning.Plan, share: dict[str, Any], outputs: Path, interruption: Interruption, rank: int, size: int
) -> None:
    from tqdm import tqdm

    from llem import pytorch

    pytorch.warn_again()
    start = time.perf_counter()
    session = pytorch.load(plan)
    share["load_seconds"] = time.perf_counter() - start
    warmed = 0
    prompts = pytorch.texts(session)
    share["prompts_sha256"] = record.digest(prompts)
    counts = rank == 0 or plan.call("share") is not None
    if not plan.call("share"):  # one process, or several that hold one model together
        rank, size = 0, 1
    mine = list(range(rank, len(prompts), size))
    batches = list(
        datasets.batches(mine, lambda index: pytorch.tokens(session, prompts[index]), **plan.kwargs("batches"))
    )
    try:
        start = time.perf_counter()
        for _ in range(plan.arguments("warm_up")["batches"] if batches else 0):
            pytorch.generate(session, [prompts[index] for index in batches[0]])
            warmed += 1
        share["warm_up_seconds"] = time.perf_counter() - start
        pytorch.wait_for_others()
        bar = tqdm(total=len(mine), desc="generating", unit="prompt", disable=None if rank == 0 and counts else True)
        with (outputs if counts else Path(os.devnull)).open("w", encoding="utf-8") as file, bar:
            for number, indices in enumerate(batches):
                done = pytorch.generate(session, [prompts[index] for index in indices], seed=number == 0)
                rows = done.pop("outputs")
                tokens = {key: sum(row[key] for row in rows) for key in ("input_tokens", "output_tokens")}
                with interruption.held():
                    if counts:
                        share["longest_input"] = max(share["longest_input"], *(row["input_tokens"] for row in rows))
                        about = {"batch": number, "rank": rank, "prompts": len(indices), **done, **tokens}
                        share["batches"].append(about)
                    for place, row in enumerate(rows):
                        index = indices[place * len(indices) // len(rows)]
                        line = {"index": index, "rank": rank, "batch": number, "prompt": prompts[index], **row}
                        file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    file.flush()
                bar.update(len(indices))
    finally:
        with interruption.held():
            share["effective"] = {**pytorch.effective(session), "warm_up_batches": warmed}
            share["readings"] = pytorch.readings(session)
            share["peak_memory"] = record.peak_memory(pytorch.peak_device_memory())
    share["status"] = FINISHED


def new_share() -> dict[str, Any]:
    """What one process reports, before it has done anything."""
    return {
        "status": FAILED,
        "error": None,
        "load_seconds": None,
        "warm_up_seconds": None,
        "prompts_sha256": None,
        "batches": [],
        "effective": {},
        "readings": {},
        "longest_input": 0,
        "warnings": [],
        "peak_memory": record.peak_memory(None),
    }


def perform_safely(share: dict[str, Any], interruption: Interruption, perform_it: Callable[[], None]) -> None:
    """Do it, and write into `share` how it ended."""
    try:
        with interruption.allowed(), listening.listening(share["warnings"]):
            perform_it()
    except KeyboardInterrupt:
        share["status"] = INTERRUPTED
    except Exception as error:
        from llem import pytorch

        memory = pytorch.is_out_of_memory(error)
        share["error"] = {
            "type": type(error).__name__,
            "message": messages.first_line(error),
            "change": OUT_OF_MEMORY if memory else OTHER_FAILURE,
            "time": time.time(),
        }


def _perform_here(plan: planning.Plan, folder: Path, interruption: Interruption) -> dict[str, Any]:
    share, outputs = new_share(), folder / "outputs.jsonl"
    perform_safely(share, interruption, lambda: perform(plan, share, outputs, interruption))
    lines = _lines(outputs)
    if (ordered := _in_order(lines)) != lines:
        record.write(outputs, ordered)
    return share


def _launch(plan: planning.Plan, folder: Path, interruption: Interruption, nproc_per_node: int) -> list[dict[str, Any]]:
    """Run the plan in several processes, and collect their shares and texts."""
    job = folder / "job.json"
    record.write_json(job, {"document": plan.document, "consent": plan.consented()})
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={nproc_per_node}"]
    threads = str(max(1, (os.cpu_count() or 1) // nproc_per_node))
    environment = {"OMP_NUM_THREADS": threads, **os.environ}
    process = subprocess.Popen([*command, "-m", "llem.worker", str(job)], env=environment, start_new_session=True)
    try:
        with interruption.allowed():
            process.wait()
    except KeyboardInterrupt:
        _end(process)
    shares, lines = [], []
    for rank in range(nproc_per_node):
        share, texts = folder / f"rank-{rank}.json", folder / f"rank-{rank}.jsonl"
        shares.append(json.loads(share.read_text(encoding="utf-8")) if share.is_file() else new_share())
        lines += _lines(texts) if texts.is_file() else []
    record.write(folder / "outputs.jsonl", _in_order(lines))
    for file in (job, *folder.glob("rank-*"), *folder.glob(".rank-*")):
        file.unlink()
    for content in shares:
        if interruption.asked:
            content.update(status=INTERRUPTED, error=None)
        elif content["status"] == INTERRUPTED:  # by the launcher, because another process died
            content["status"] = FAILED
    return shares


def _lines(outputs: Path) -> list[str]:
    return outputs.read_text(encoding="utf-8").split("\n")[:-1]


def _in_order(lines: list[str]) -> list[str]:
    """The lines in the order of their prompts."""
    return sorted(lines, key=lambda line: int(json.loads(line)["index"]))


def _end(launcher: subprocess.Popen[bytes]) -> None:
    """Pass Ctrl-C on to the processes, and wait until they have written what they have; then the launcher ends too."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(launcher.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        launcher.wait(LONGEST_END)
    with suppress(ProcessLookupError):
        os.killpg(launcher.pid, signal.SIGKILL)
    launcher.wait()


def work(job: Path) -> None:
    """One data-parallel process: perform a share of the job, and write what came of it beside it."""
    from llem import pytorch

    content = json.loads(job.read_text(encoding="utf-8"))
    plan = planning.of(content["document"], content["consent"])
    share, rank = new_share(), int(os.environ["RANK"])
    with Interruption() as interruption:

        def join_and_perform() -> None:
            _, size = pytorch.join_processes()
            perform(plan, share, job.with_name(f"rank-{rank}.jsonl"), interruption, rank, size)

        perform_safely(share, interruption, join_and_perform)
        record.write_json(job.with_name(f"rank-{rank}.json"), share)
        pytorch.leave_processes()


def _content(plan: planning.Plan, shares: list[dict[str, Any]], commit: str | None, begin: str) -> dict[str, Any]:
    from llem import pytorch

    states = [share["status"] for share in shares]
    status = INTERRUPTED if INTERRUPTED in states else FAILED if FAILED in states else FINISHED
    errors = sorted((share["error"] for share in shares if share["error"]), key=lambda error: error.pop("time"))
    first = shares[0]
    content = {
        "status": status,
        "error": (errors or [_unexplained()])[0] if status == FAILED else None,
        "document": plan.document,
        "resolved": plan.resolved,
        "plan": plan.to_dict(),
        "effective": {"commit": commit, **_effective(shares)},
        "environment": record.environment(pytorch.devices()),
        "metrics": record.metrics(shares),
        "batches": [batch for share in shares for batch in share["batches"]],
        "hashes": {"document": record.digest(plan.document), "prompts": first["prompts_sha256"]},
        "warm_up_seconds": first["warm_up_seconds"],
        "started": begin,
        "ended": record.now(),
        "command": [
            word.encode("utf-8", "backslashreplace").decode() for word in (Path(sys.argv[0]).name, *sys.argv[1:])
        ],
    }
    if first["effective"]:
        found = first["readings"] | reading.read(reading.paths(plan.backend), record=content)
        content["effective"]["settings"] = [row._asdict() for row in asked.became(plan, found)]
    return content


def _effective(shares: list[dict[str, Any]]) -> dict[str, Any]:
    """What was read back: from the live objects of the first process, and what all of them did."""
    first: dict[str, Any] = shares[0]["effective"]
    if not first:
        return {}
    rows, columns = ([batch["shape"][side] for share in shares for batch in share["batches"]] for side in (0, 1))
    longest = max(share["longest_input"] for share in shares)
    shapes = {"rows": max(rows, default=0), "columns": max(columns, default=0), "longest_input": longest}
    heard = {one["message"]: one for share in reversed(shares) for one in share["warnings"]}
    return {**first, "shapes": shapes, "processes": len(shares), "warnings": list(heard.values())}


def _unexplained() -> dict[str, str]:
    message = "A process ended without a word; its output above may say why."
    return {"type": "ProcessEnded", "message": message, "change": OUT_OF_MEMORY}
