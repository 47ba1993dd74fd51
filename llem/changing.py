"""Changes a document as `--set PATH=VALUE` asks: the value is typed as if it were written there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llem.reader import Document

_SETTING = re.compile(r'((?:[^="\[]|\["(?:[^"\\]|\\.)*"\])+)=(.*)', re.DOTALL)
_STEP = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|(?:^|\.)([^.\["]*)')


class CannotChange(ValueError):
    """A setting cannot be set; the message is one line that says why."""


def change(document: Document, setting: str) -> None:
    """Set one setting, written PATH=VALUE, in a document that was read. Raises CannotChange.

    Keys with odd characters are written as in messages, in brackets and quotes: `section["odd.key"]=1`.
    """
    from llem import reader

    match = _SETTING.fullmatch(setting)
    if match is None:
        raise CannotChange(f"--set {setting}: write PATH=VALUE, for example decoder.temperature=0.")
    path, text = match.groups()
    values = reader.read(text.encode("utf-8", "surrogateescape")) if text.strip() else [reader.Document(None, [])]
    if len(values) > 1:
        raise CannotChange(f"--set {setting}: the value holds several documents: write one value.")
    if values[0].faults:
        raise CannotChange(f"--set {setting}: {values[0].faults[0].message}.")
    if isinstance(document.data, dict):
        _put(document.data, _steps(path), values[0].data, setting)
        document.data, faults = reader.normalise(document.data)
        document.faults += faults


def _steps(path: str) -> list[str]:
    return [json.loads(f'"{quoted}"') if quoted else plain for quoted, plain in _STEP.findall(path)]


def _put(section: Any, steps: list[str], value: Any, setting: str) -> None:
    for step in steps[:-1]:
        if section.get(step) is None:
            section[step] = {}
        section = section[step]
        if not isinstance(section, dict):
            raise CannotChange(f"--set {setting}: `{step}` is not a mapping: set it as a whole.")
    if value is None:
        section.pop(steps[-1], None)
    else:
        section[steps[-1]] = value
