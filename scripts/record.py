"""Writes schema/recorded.json: what the installed libraries take, so that `llem drift` can say what changed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llem import drifting

TARGET = Path(__file__).resolve().parent.parent / "schema" / "recorded.json"
ABOUT = "What the libraries that llem is tested with take. Written by `python scripts/record.py`. Do not edit."


def text(seen: dict[str, Any]) -> str:
    """The file, one line for each name."""
    blocks = []
    for surface, names in seen["surfaces"].items():
        lines = ",\n".join(f"      {json.dumps(name)}: {json.dumps(about)}" for name, about in names.items())
        blocks.append(f"    {json.dumps(surface)}: {{\n{lines}\n    }}")
    about, versions = json.dumps(ABOUT), json.dumps(seen["versions"])
    head = f'{{\n  "description": {about},\n  "versions": {versions},\n  "surfaces": {{\n'
    return head + ",\n".join(blocks) + "\n  }\n}\n"


if __name__ == "__main__":
    TARGET.write_text(text(drifting.look()), encoding="utf-8")
    print(f"wrote {TARGET}")
