"""Compares runs: a table of what differs between them, and what was measured."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

RESULT = "result.json"
CHANGED = "changed"
MEASURED = {
    "status": ("status",),
    CHANGED: ("effective", "settings"),
    "tokens out": ("metrics", "output_tokens"),
    "tokens/s": ("metrics", "output_tokens_per_second"),
    "first token s": ("metrics", "time_to_first_token", "median"),
    "batch s": ("metrics", "batch_latency", "median"),
    "batch p95 s": ("metrics", "batch_latency", "p95"),
    "process MiB": ("metrics", "peak_memory", "process_bytes"),
    "device MiB": ("metrics", "peak_memory", "device_bytes"),
}
"""The columns of measurements: name -> where the value stands in result.json."""

Row = dict[str, Any]


class CannotReport(ValueError):
    """Something is no record of a run; the message is one line that says which."""


def find(names: Sequence[str]) -> list[Path]:
    """The result files that arguments stand for: a file, the folder of a run, or a folder above it.

    Raises CannotReport.
    """
    found: dict[Path, None] = {}
    for name in names:
        path = Path(name)
        files = sorted(path.rglob(RESULT)) if path.is_dir() else [path]
        if not files:
            raise CannotReport(f"{name}: no {RESULT} in this directory.")
        found.update(dict.fromkeys(files))
    return list(found)


def read(path: Path) -> dict[str, Any]:
    """The record in a file. Raises CannotReport."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise CannotReport(f"{path}: {error.strerror}.") from None
    except (ValueError, RecursionError):
        content = None
    if not is_record(content):
        raise CannotReport(f"{path}: this is no record of a run.")
    return dict(content)


def is_record(content: Any) -> bool:
    """Whether JSON is the content of a result.json."""
    return isinstance(content, dict) and {"status", "document", "resolved", "plan", "metrics"} <= content.keys()


def rows(paths: Sequence[Path]) -> list[Row]:
    """For each run: its folder, the settings in which the runs differ, and what was measured. Raises CannotReport.

    Runs differ in what became of a setting: one that was left to the library is as one that says the same.
    """
    records = [read(path) for path in paths]
    settings = [_settings(record) for record in records]
    names = list(dict.fromkeys(name for flat in settings for name in flat))
    differing = [name for name in names if len({json.dumps(flat.get(name)) for flat in settings}) > 1]
    return [
        {
            "run": path.parent.name or str(path),
            **{name: flat.get(name) for name in differing},
            **{name: _measured(record, name, place) for name, place in MEASURED.items()},
        }
        for path, record, flat in zip(paths, records, settings, strict=True)
    ]


def _settings(record: dict[str, Any]) -> dict[str, Any]:
    flat = dict(_flat(record["resolved"]))
    for row in record.get("effective", {}).get("settings", ()):
        if row["verdict"] != "as asked":
            for name in [name for name in flat if f"{name}.".startswith(f"{row['path']}.")]:
                del flat[name]
            flat |= dict(_flat(row["effective"], row["path"]))
    return flat


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _measured(record: dict[str, Any], name: str, place: Sequence[str]) -> Any:
    value: Any = record
    for part in place:
        value = value.get(part) if isinstance(value, dict) else None
    if name == CHANGED:
        rows = [row for row in value or () if row["verdict"] == CHANGED]
        told = [f"{row['path']}: {json.dumps(row['asked'])} → {json.dumps(row['effective'])}" for row in rows]
        return ", ".join(told) or None
    return round(value / 2**20, 1) if name.endswith("MiB") and value is not None else value


def text(table: Sequence[Row]) -> str:
    """The table for people, a run a line; a column in which no run has a value is left out."""
    cells = _cells(table)
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells
    )


def markdown(table: Sequence[Row]) -> str:
    """The table as Markdown."""
    head, *body = _cells(table)
    lines = [head, ["---"] * len(head), *body]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


def csv_table(table: Sequence[Row]) -> str:
    """The table as CSV, numbers in full."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(table[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue().rstrip("\n")


def json_table(table: Sequence[Row]) -> str:
    """The table as a JSON list of objects."""
    return json.dumps(list(table), indent=2, ensure_ascii=False)


FORMATS = {"text": text, "markdown": markdown, "csv": csv_table, "json": json_table}


def _cells(table: Sequence[Row]) -> list[list[str]]:
    names = [name for name in table[0] if any(row[name] is not None for row in table)]
    return [names, *([_cell(row[name]) for name in names] for row in table)]


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return value if isinstance(value, str) else json.dumps(value)
