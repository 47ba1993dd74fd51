"""Compares what the installed libraries take with the specification: what is new, gone, renamed, or changed.

Every name has a disposition: it is a `field`, may be passed through, is excluded for a reason that the inventory
gives, or is unclassified. The libraries are looked at in a process of their own.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llem import machine, spec, surfaces

ENGINE = str(spec.inventory()["engine"])
ALIKE = 0.75
"""How near a new name must be to one that is gone to look like the same under another name: 1 is the same word."""


class CannotLook(RuntimeError):
    """The libraries cannot be looked at; the message is one line that says why."""


def look(place: Path | None = None) -> dict[str, Any]:
    """What the installed libraries take: `versions`, `surfaces`, and which of our values they `refuse`.

    `place` is a wheel, or a folder with unpacked packages or wheels, that stands before what is installed. Raises
    CannotLook.
    """
    with tempfile.TemporaryDirectory() as scratch:
        environment = dict(os.environ)
        if place is not None:
            environment["PYTHONPATH"] = str(_unpacked(place, Path(scratch)))
        command = [sys.executable, "-P", "-m", "llem.surfaces"]
        done = subprocess.run(
            command, env=environment, input=json.dumps(_asked()), capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise CannotLook(f"the libraries cannot be looked at: {(done.stderr.splitlines() or ['no word'])[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _unpacked(place: Path, scratch: Path) -> Path:
    wheels = [place] if place.suffix == ".whl" else sorted(place.glob("*.whl"))
    try:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(scratch)
    except (OSError, zipfile.BadZipFile) as error:
        raise CannotLook(f"{wheel}: {error}") from None
    folder = scratch if wheels else place.resolve()
    if not (folder / "transformers").is_dir():
        raise CannotLook(f"{place}: neither a wheel of transformers nor a folder with one, packed or unpacked.")
    return folder


def _asked() -> dict[str, dict[str, list[Any]]]:
    """The listed values of settings, by the call and the argument that receive them."""
    asked: dict[str, dict[str, list[Any]]] = {}
    for field in spec.fields():
        for call, argument in field.targets(ENGINE) if field.values else ():
            sent = [field.needs(value).get("sends", value) for value in field.values]
            asked.setdefault(call, {})[argument] = sent
    return asked


def compare(seen: dict[str, Any]) -> list[dict[str, Any]]:
    """For each name of each surface: `surface`, `name`, `disposition`, its `path` or `reason`, and what `change`d."""
    recorded = spec.recorded()["surfaces"]
    report = []
    for surface in spec.inventory()["surfaces"]:
        now, then = seen["surfaces"].get(surface, {}), recorded.get(surface, {})
        renamed = _renamed([name for name in then if name not in now], [name for name in now if name not in then])
        for name in {**now, **then}:
            entry = {"surface": surface, "name": name, **disposition(surface, name)}
            change = "; ".join(_changes(entry, now, then, renamed, seen))
            report.append({**entry, **({"change": change} if change else {})})
    return report


def fails(entry: dict[str, Any]) -> bool:
    """Whether an entry of the report must be dealt with: nobody decided on the name, or a setting lost its effect."""
    lost = str(entry.get("change", "")).startswith(("gone", "dropped", "refuses"))
    return entry["disposition"] == "unclassified" or (entry["disposition"] == "field" and lost)


def disposition(surface: str, name: str) -> dict[str, str]:
    """What became of one name: `disposition`, and the `path` of the setting or the `reason`."""
    about = spec.inventory()["surfaces"][surface]
    field = next((field for field in spec.fields() if _is_setting(field, about, name)), None)
    if field:
        return {"disposition": "field", "path": field.dotted}
    for group in about["others"]:
        if name in group["names"]:
            return {key: group[key] for key in ("disposition", "path", "reason") if key in group}
    for call in about["calls"] if "argument" not in about else ():
        giver = next((field for field in spec.fields() if f"{call}.{name}" in _given(field)), None)
        if giver:
            return {"disposition": "field", "path": giver.dotted}
        if name in spec.calls(ENGINE).get(call, {}).get("arguments", {}):
            return {"disposition": "excluded", "reason": spec.inventory()["sent"]}
    return {"disposition": "unclassified"}


def listed_twice() -> list[tuple[str, str]]:
    """(surface, name) for each name of the inventory that stands in it twice, or is a setting."""
    found = []
    for surface, about in spec.inventory()["surfaces"].items():
        names = [name for group in about["others"] for name in group["names"]]
        settings = {name for name in names if any(_is_setting(field, about, name) for field in spec.fields())}
        found += [(surface, name) for name in dict.fromkeys(names) if names.count(name) > 1 or name in settings]
    return found


def _is_setting(field: spec.Field, about: dict[str, Any], name: str) -> bool:
    """Whether the setting sends the argument `name`, or, where a surface lists values of one, this value."""
    targets = [argument for call, argument in field.targets(ENGINE) if call in about["calls"]]
    if "argument" not in about:
        return name in targets
    values = [str(field.needs(value).get("sends", value)) for value in field.values]
    return about["argument"] in targets and (name in values or field.types == ["string"])


def _given(field: spec.Field) -> Iterator[str]:
    """The arguments that are given because of a setting: by itself, or by the call that receives it."""
    yield from field.wiring.get("gives", ())
    for call, _ in field.targets(ENGINE):
        yield from spec.calls(ENGINE)[call].get("gives", ())


def _renamed(gone: list[str], new: list[str]) -> dict[str, str]:
    """The names that look like others under a new name, both ways."""
    pairs = {name: near[0] for name in gone if (near := difflib.get_close_matches(name, new, 1, ALIKE))}
    return pairs | {new_name: name for name, new_name in pairs.items()}


def _changes(
    entry: dict[str, Any], now: surfaces.Names, then: surfaces.Names, renamed: dict[str, str], seen: dict[str, Any]
) -> Iterator[str]:
    """What is other than it was recorded, in the words of the report; what makes the report fail comes first."""
    name = entry["name"]
    field = next((field for field in spec.fields() if field.dotted == entry.get("path")), None)
    old = machine.too_old(field, name, seen["versions"]) if field else ""
    if old and now.get(name) != then.get(name):
        yield old
        return
    if name not in now:
        yield f"gone: called {renamed[name]} now" if name in renamed else "gone"
        return
    if name not in then:
        yield f"new: was called {renamed[name]}" if name in renamed else "new"
        return
    for mark, change in MARKS.items():
        if now[name].get(mark) and not then[name].get(mark):
            yield change
    for call in spec.inventory()["surfaces"][entry["surface"]]["calls"]:
        for value in seen["refused"].get(call, {}).get(name, ()):
            yield f"refuses {value!r}"
    before, after = (names[name].get("default") for names in (then, now))
    if before != after:
        yield f"default {json.dumps(after)}, was {json.dumps(before)}"


MARKS = {"dropped": "dropped: it is taken and not used any more", "deprecated": "deprecated"}


def told(report: list[dict[str, Any]], versions: dict[str, str]) -> str:
    """The report for people: what changed, what nobody decided on, and how many names there are of each kind."""
    lines = []
    for entry in report:
        if "change" in entry or fails(entry):
            change = entry.get("change", "known to the library")
            about = entry.get("path") or entry["disposition"]
            ending = UNCLASSIFIED if entry["disposition"] == "unclassified" else f" ({about})"
            lines.append(f"{entry['surface']}: {entry['name']}: {change}{ending}")
    counts = Counter(entry["disposition"] for entry in report)
    kinds = ", ".join(f"{counts[kind]} {words}" for kind, words in KINDS.items())
    libraries = ", ".join(f"{name} {version}" for name, version in versions.items())
    return "\n".join([*lines, f"{libraries}: {len(report)} names: {kinds}"])


UNCLASSIFIED = ": make it a setting, or give the reason in schema/inventory.json"
KINDS = {"field": "settings", "passthrough": "passed through", "excluded": "excluded", "unclassified": "unclassified"}
