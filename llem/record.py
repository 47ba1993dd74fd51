"""The record of a run: where it ran, what was measured, and the files that say so."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import statistics
import sys
import tempfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from llem import __version__, spec

LIBRARIES = ("torch", "transformers", "accelerate", "bitsandbytes", "tokenizers", "safetensors", "numpy")


def make_folder(parent: str, model: str) -> Path:
    """A new folder for one run below `parent`, named by time and model. Raises OSError."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", model).strip("-.")[-40:]
    stem = f"{datetime.now().strftime('%Y%m%d-%H%M%S')}-{name}"
    for attempt in range(1000):
        folder = Path(parent, f"{stem}-{attempt + 1}" if attempt else stem)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent} holds 1000 runs of this second")


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, as `write` does. Raises OSError."""
    write(path, [json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)])


def write(path: Path, lines: Iterable[str]) -> None:
    """Write the lines so that the file is whole or as it was, also when the machine stops. Raises OSError."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
    ) as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)


def digest(content: Any) -> str:
    """The SHA-256 of JSON content, the same for the same content however it was written."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def environment(devices: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The software and the machine: versions, processor, memory in bytes, GPUs, and whether the Hub is out of reach."""
    offline = False
    if find_spec("huggingface_hub"):
        from huggingface_hub import constants

        offline = bool(constants.HF_HUB_OFFLINE)
    return {
        "llem": __version__,
        "specification": spec.version(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "libraries": {name: version for name in LIBRARIES if (version := _version(name))},
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None,
        "gpus": list(devices),
        "offline": offline,
    }


def peak_memory(device_bytes: int | None) -> dict[str, int | None]:
    """The most memory that this process and its tensors on the GPUs took, in bytes."""
    try:
        import resource
    except ImportError:  # not on Windows
        return {"process_bytes": None, "device_bytes": device_bytes}
    unit = 1 if sys.platform == "darwin" else 1024
    return {"process_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, "device_bytes": device_bytes}


def metrics(shares: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was measured, from the shares of all processes. Times are in seconds, tokens without padding."""
    batches = [batch for share in shares for batch in share["batches"]]
    seconds = max((sum(batch["seconds"] for batch in share["batches"]) for share in shares), default=0.0)
    output_tokens = sum(batch["output_tokens"] for batch in batches)
    return {
        "prompts": sum(batch["prompts"] for batch in batches),
        "batches": len(batches),
        "input_tokens": sum(batch["input_tokens"] for batch in batches),
        "output_tokens": output_tokens,
        "seconds": seconds,
        "output_tokens_per_second": output_tokens / seconds if seconds else None,
        "time_to_first_token": _spread([batch["time_to_first_token"] for batch in batches]),
        "batch_latency": _spread([batch["seconds"] for batch in batches]),
        "load_seconds": max((share["load_seconds"] or 0.0 for share in shares), default=0.0),
        "peak_memory": {
            key: _sum(share["peak_memory"][key] for share in shares) for key in ("process_bytes", "device_bytes")
        },
    }


def table(result: dict[str, Any]) -> str:
    """The measurements as a short table for people."""
    measured = result["metrics"]
    rows = [("prompts", f"{measured['prompts']} in {measured['batches']} batches")]
    rows.append(("tokens", f"{measured['input_tokens']:,} in, {measured['output_tokens']:,} out"))
    if measured["seconds"]:
        rows.append(("output tokens/s", f"{measured['output_tokens_per_second']:,.1f}"))
        for key, label in (("time_to_first_token", "time to first token"), ("batch_latency", "batch latency")):
            rows.append((label, "median {median:.4f} s, p95 {p95:.4f} s".format(**measured[key])))
    for key, label in (("process_bytes", "peak memory, process"), ("device_bytes", "peak memory, device")):
        if measured["peak_memory"][key] is not None:
            rows.append((label, f"{measured['peak_memory'][key] / 2**20:,.0f} MiB"))
    width = max(len(label) for label, _ in rows)
    return "\n".join(f"{label:<{width}}  {value}" for label, value in rows)


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    p95 = statistics.quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]
    return {"median": statistics.median(values), "p95": p95, "min": min(values), "max": max(values)}


def _sum(values: Any) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
