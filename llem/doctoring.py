"""Says what this machine has, and which values of settings run on it."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from llem import machine, record


def report() -> dict[str, Any]:
    """`environment` (as in result.json), libraries that are `untested`, and `values`: for each that needs something,
    what is lacking, "" for nothing.

    Without torch it cannot be told which GPUs are here: `gpus` is null, and every value that needs one lacks it.
    """
    devices: list[dict[str, Any]] = []
    available, known = machine.Gpus(0.0), find_spec("torch") is not None
    if known:
        from llem import pytorch

        devices, available = pytorch.devices(), machine.present()
    environment = {**record.environment(devices), **({} if known else {"gpus": None})}
    return {"environment": environment, "untested": machine.untested(), "values": machine.requirements(available)}


def told(report: dict[str, Any]) -> str:
    """The report for people."""
    about = report["environment"]
    libraries = [f"{name} {version}" for name, version in about["libraries"].items()]
    gpus = about["gpus"]
    memory = f"{about['memory_bytes'] / 2**30:.0f} GiB memory" if about["memory_bytes"] else "memory unknown"
    cards = [
        f"{gpu['name']} ({gpu['compute_capability']}, {gpu['memory_bytes'] / 2**30:.0f} GiB)" for gpu in gpus or ()
    ]
    missing = [name for name in record.LIBRARIES[:4] if name not in about["libraries"]]
    lines = [
        f"llem {about['llem']}, Python {about['python']}, {', '.join(libraries) or 'no libraries'}",
        f"{about['processor']}, {about['cores']} cores, {memory}",
        "GPUs: " + ("cannot be told without torch" if gpus is None else ", ".join(cards) or "none"),
    ]
    if missing:
        lines.append(f"not installed: {', '.join(missing)}; `llem run` needs them: pip install 'llem[run]'")
    lines += report["untested"]
    width = max(len(path) for path in report["values"])
    lines += ["", *(f"{path:<{width}}  {lack or 'runs here'}" for path, lack in report["values"].items())]
    return "\n".join(lines)
