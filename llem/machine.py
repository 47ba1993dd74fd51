"""What a machine has, and what a value of a setting needs that it lacks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from typing import Any

from llem import spec

ACCELERATORS = ("cuda", "mps", "xpu", "npu", "hpu")


@dataclass(frozen=True)
class Gpus:
    """GPUs: the least compute capability (0 without a GPU) and, where it is known, how many.

    `other` is the kind of another accelerator (`mps`, `xpu` …), "" for none; None when it cannot be told.
    """

    capability: float
    count: int | None = None
    other: str | None = None


def gpus(name: str) -> Gpus:
    """The GPUs that `name` stands for: `sm_80` or `8.0` for such GPUs, any number of them; `auto` for the ones here.

    Raises ValueError, with one sentence for the user, when that cannot be told.
    """
    if name == "auto":
        return present()
    match = re.fullmatch(r"sm_?([0-9]+)([0-9])[a-z]?|([0-9]+)\.([0-9])", name, re.ASCII)
    if match is None:
        raise ValueError(f"{name!r} is no GPU: write auto, or a compute capability such as sm_80 or 8.0.")
    major, minor = (part for part in match.groups() if part is not None)
    return Gpus(float(f"{major}.{minor}"))


def present() -> Gpus:
    """The GPUs of this machine. Raises ValueError, with one sentence for the user, when torch cannot tell."""
    if find_spec("torch") is None:
        raise ValueError("which GPU is here cannot be told without torch: name it, for example sm_80.")
    from llem import pytorch

    try:
        found = [float(gpu["compute_capability"]) for gpu in pytorch.devices()]
    except (ImportError, OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"which GPU is here cannot be told, because torch fails ({reason}): name it.") from None
    return Gpus(min(found, default=0.0), len(found), "" if found else pytorch.accelerator())


def lacks_gpu(field: spec.Field, value: Any, available: Gpus) -> str:
    """What the value of a setting needs of GPUs that these do not have, as the end of a sentence; "" for nothing."""
    needs = field.needs(value)
    least = needs.get("compute_capability", 0.0)
    if (needs.get("cuda") or least) and not available.capability:
        return "needs a CUDA GPU, and there is none: choose another value, or another machine."
    if least > available.capability:
        return f"needs compute capability {least}, and the GPU has {available.capability}: choose another value or GPU."
    if field.wiring.get("gpus") and available.count is not None and value > available.count:
        return f"needs as many GPUs, and there are {available.count}: lower it, or choose another machine."
    devices = _devices(field, value) if "devices" in field.wiring else []
    absent = [device for device in devices if not _is_there(device, available)]
    return f"needs {absent[0]}, which is not there: choose another value, or another machine." if absent else ""


def _devices(field: spec.Field, value: Any) -> list[str]:
    """The accelerators that a value, or the keys or values of a map, name; a number means a GPU."""
    parts = [value] if not isinstance(value, dict) else getattr(value, field.wiring["devices"])()
    names = [f"cuda:{part}" if str(part).isdigit() else str(part) for part in parts]
    return [name for name in names if name.partition(":")[0] in ACCELERATORS]


def _is_there(device: str, available: Gpus) -> bool:
    """Whether the device is there, or it cannot be told."""
    kind, _, index = device.partition(":")
    if kind == "cuda":
        return bool(available.capability) and (available.count is None or int(index or 0) < available.count)
    return available.other is None or available.other == kind


def lacks(field: spec.Field, value: Any, available: Gpus) -> str:
    """What the value of a setting needs that this machine, with these GPUs, does not have; "" for nothing."""
    package = field.needs(value).get("package")
    if package and not _is_importable(package):
        return f"needs the package {package}: install it."
    old = too_old(field, value, installed(spec.inventory()["tested"]))
    if old:
        return old
    return lacks_gpu(field, value, available)


def _is_importable(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # what it is part of is missing too
        return False


def named(field: spec.Field, key: str) -> str:
    """A value of a setting, by its key in `x-llem.values`: `path=value`, or `path` for a switch and for any value."""
    return field.dotted if key in ("true", spec.ANY) else f"{field.dotted}={key}"


def too_old(field: spec.Field, value: Any, versions: dict[str, str]) -> str:
    """The library that must be newer for the setting, or for the value, as the end of a sentence; "" for none."""
    for library, least in (field.since | field.needs(value).get("since", {})).items():
        if library in versions and release(versions[library]) < release(least):
            return f"needs {library} {least}, and {versions[library]} is here: update it, or choose another value."
    return ""


def untested() -> list[str]:
    """One sentence for each library that is older or newer than what llem is tested with."""
    found = []
    tested = spec.inventory()["tested"]
    for library, version in installed(tested).items():
        oldest, newest = tested[library]["oldest"], tested[library]["newest"]
        if not release(oldest) <= release(version) <= release(newest):
            age = "older" if release(version) < release(oldest) else "newer"
            found.append(f"{library} {version} is {age} than what llem is tested with, {oldest} to {newest}.")
    return found


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, such that a later one is greater; what follows them does not count."""
    match = re.match(r"[0-9]+(\.[0-9]+)*", version)
    return tuple(int(part) for part in match[0].split(".")) if match else ()


def installed(libraries: Iterable[str]) -> dict[str, str]:
    """The versions of those of the libraries that are installed."""
    found = {}
    for name in libraries:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def requirements(available: Gpus) -> dict[str, str]:
    """For each value that needs something, by its name: what is lacking, "" for nothing."""
    found = {}
    for field in spec.fields():
        for key in field.wiring.get("values", {}):
            value = True if key == "true" else key
            if {"package", "cuda", "compute_capability", "since"} & field.needs(value).keys():
                found[named(field, key)] = lacks(field, value, available)
        if field.since:
            found[field.dotted] = lacks(field, None, available)
    return found
