"""Writes problems down: for people at a terminal, and for the programs that read them.

Each format is a function from what was checked to text, without a line break at its end.
"""

from __future__ import annotations

import json as jsonlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

from llem import __version__, messages, spec
from llem.checking import Checked
from llem.validation import Problem

KEYS = ("file", "line", "column", "path", "rule", "severity", "message")
WIDTH = 100
"""Columns of a terminal that an excerpt takes at most."""

BEFORE_CARET = 60
"""Columns of a line that is cut which are kept before the caret, at most."""

_BOLD, _DIM, _RED, _YELLOW, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[33m", "\x1b[0m"
_LINE_BREAK = re.compile(r"\r\n?|\n")  # those of the reader, which counts the lines
_TOKEN = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[\[{]|[^\s,\]}:]+(?::[^\s,\]}:]+)*""")
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def problems(files: Iterable[Checked]) -> list[Problem]:
    """The problems of all files, in order."""
    return [problem for file in files for problem in file.problems]


# ---- for people


def concise(files: Iterable[Checked], color: bool = False, reasons: bool = False) -> str:
    """A line for each problem; with `reasons`, below it the reason of the rule that was broken."""
    lines = [line for problem in problems(files) for line in (_line(problem, color), *_reason(problem, reasons))]
    return "\n".join(lines)


def text(files: Iterable[Checked], color: bool = False, reasons: bool = False) -> str:
    """As `concise`, and below each problem the line of the file, with carets under what is wrong."""
    lines = []
    for file in files:
        source = _LINE_BREAK.split(file.text) if file.problems else []
        for problem in file.problems:
            lines.append(_line(problem, color))
            if problem.line is not None and problem.column is not None and problem.line <= len(source):
                lines += excerpt(source[problem.line - 1], problem.line, problem.column, _hue(problem) if color else "")
            lines += _reason(problem, reasons)
    return "\n".join(lines)


def excerpt(source: str, line: int, column: int, hue: str = "") -> list[str]:
    """Two lines: the line of a file, cut around `column` (from 1) when it is long, and carets below what stands there.

    The carets are aligned at a terminal, also below tabs and wide characters. `hue` is an escape sequence or "".
    """
    before, after = source[: column - 1], source[column - 1 :]
    token = _TOKEN.match(after[:WIDTH])
    gutter = f"  {line} | "
    room = WIDTH - len(gutter) - 2  # for two signs where the line is cut
    fits = len(source) <= room and _width(source) <= room
    left = _fitting(reversed(before[-room:]), room if fits else BEFORE_CARET)[::-1]
    right = _fitting(after[:room], room - _width(left))
    left_sign = "" if len(left) == len(before) else "…"
    right_sign = "" if len(right) == len(after) else "…"
    marked = right[: len(token.group()) if token else 1]
    carets = "^" * max(1, _width(marked))
    indent = " " * (_width(left_sign) + _width(left))
    shown = left_sign + "".join(map(_printed, left + right)) + right_sign
    blank = " " * (len(gutter) - 2)
    return [f"{gutter}{shown}".rstrip(), f"{blank}| {indent}{hue}{carets}{_PLAIN if hue else ''}"]


def _fitting(characters: Iterable[str], room: int) -> str:
    """As many of the first characters as fit in so many columns."""
    fitting = ""
    for character in characters:
        room -= _width(character)
        if room < 0:
            break
        fitting += character
    return fitting


def _width(characters: str) -> int:
    """The columns that characters take at a terminal."""
    columns = 0
    for character in map(_printed, characters):
        if character.isascii():
            columns += len(character)
        elif not unicodedata.category(character).startswith("M"):
            columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return columns


def _printed(character: str) -> str:
    """What an excerpt shows of a character: tabs as four spaces, and nothing that could steer a terminal."""
    return "    " if character == "\t" else character if character.isprintable() else "\ufffd"


def _line(problem: Problem, color: bool) -> str:
    line = _on_one_line(str(problem))
    if not color:
        return line
    place, colon, rest = line.partition(": ")
    message, space, rule = rest.rpartition(" ")
    return f"{_BOLD}{place}{colon}{_PLAIN}{message}{space}{_hue(problem)}{rule}{_PLAIN}"


def _hue(problem: Problem) -> str:
    return _BOLD + (_RED if problem.severity == "error" else _YELLOW)


def _on_one_line(line: str) -> str:
    """The line without line breaks and control characters, which names of files and keys may hold."""
    if line.isprintable():
        return line
    return "".join(
        character if character.isprintable() or "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]
        for character in line
    )


def _reason(problem: Problem, wanted: bool) -> list[str]:
    reason = _rules().get(problem.rule) if wanted else None
    return [f"    {reason.annotation['reason']}"] if reason else []


def _rules() -> dict[str, spec.Rule]:
    """The rules and the advice that can be reported."""
    return {rule.id: rule for rule in (*spec.rules(), *spec.advice()) if not rule.annotation.get("quiet")}


# ---- for programs


def json(files: Iterable[Checked]) -> str:
    """A list of objects with the keys in KEYS."""
    found = [{key: getattr(problem, key) for key in KEYS} for problem in problems(files)]
    return jsonlib.dumps(found, indent=2, ensure_ascii=False)


def github(files: Iterable[Checked]) -> str:
    """Workflow commands, which GitHub shows beside the lines of a pull request."""
    lines = []
    for problem in problems(files):
        place = {"file": _relative(problem.file), "line": problem.line, "col": problem.column, "title": problem.rule}
        properties = ",".join(
            f"{key}={_escaped(str(value), ':,')}" for key, value in place.items() if value is not None
        )
        lines.append(f"::{problem.severity} {properties}::{_escaped(_sentence(problem))}")
    return "\n".join(lines)


def _escaped(value: str, more: str = "") -> str:
    return "".join(f"%{ord(letter):02X}" if letter in f"%\r\n{more}" else letter for letter in value)


def gitlab(files: Iterable[Checked]) -> str:
    """A Code Quality report, which GitLab shows in a merge request."""
    found = [
        {
            "description": _sentence(problem),
            "check_name": problem.rule,
            "fingerprint": fingerprint,
            "severity": "major" if problem.severity == "error" else "minor",
            "location": {"path": _relative(problem.file), "lines": {"begin": problem.line or 1}},
        }
        for problem, fingerprint in _with_fingerprints(files)
    ]
    return jsonlib.dumps(found, indent=2, ensure_ascii=False)


def junit(files: Iterable[Checked]) -> str:
    """A test report: each file is a test, which fails when the file has errors."""
    from xml.etree import ElementTree

    suite = ElementTree.Element("testsuite", {"name": "llem validate"})
    failures = 0
    for file in files:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "llem", "name": _xml(_relative(file.name))})
        lines = "\n".join(_on_one_line(str(problem)) for problem in file.problems)
        errors = [problem for problem in file.problems if problem.severity == "error"]
        if errors:
            failures += 1
            title = _sentence(errors[0]) if len(errors) == 1 else f"{len(errors)} errors"
            failure = ElementTree.SubElement(case, "failure", {"type": errors[0].rule, "message": _xml(title)})
            failure.text = _xml(lines)
        elif lines:
            ElementTree.SubElement(case, "system-out").text = _xml(lines)
    suite.attrib |= {"tests": str(len(suite)), "failures": str(failures), "errors": "0"}
    suites = ElementTree.Element("testsuites", {key: suite.attrib[key] for key in ("tests", "failures", "errors")})
    suites.append(suite)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def _xml(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)


def sarif(files: Iterable[Checked]) -> str:
    """A SARIF 2.1.0 log, which code scanning services read. It names every rule, broken or not."""
    found = list(_with_fingerprints(files))
    rules = _sarif_rules(problem for problem, _ in found)
    places = {rule["id"]: index for index, rule in enumerate(rules)}
    results = []
    for problem, fingerprint in found:
        location: dict[str, Any] = {"physicalLocation": {"artifactLocation": {"uri": _uri(problem.file)}}}
        if problem.line is not None:
            region = {"startLine": problem.line, "startColumn": problem.column}
            location["physicalLocation"]["region"] = region
        if problem.path:
            location["logicalLocations"] = [{"fullyQualifiedName": problem.path}]
        results.append(
            {
                "ruleId": problem.rule,
                "ruleIndex": places[problem.rule],
                "level": problem.severity,
                "message": {"text": _sentence(problem)},
                "locations": [location],
                "partialFingerprints": {"llem/v1": fingerprint},
            }
        )
    run = {
        "tool": {"driver": {"name": "llem", "version": __version__, "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "results": results,
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return jsonlib.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _sarif_rules(found: Iterable[Problem]) -> list[dict[str, Any]]:
    """The rules of the specification, and the keywords that occur."""
    errors = {rule.id for rule in spec.rules()}
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.annotation["message"]},
            "help": {"text": f"{rule.annotation['reason']} {rule.annotation['resolution']}"},
            "defaultConfiguration": {"level": "error" if rule.id in errors else "warning"},
        }
        for rule in _rules().values()
    ]
    named = set(_rules())
    for problem in found:
        if problem.rule not in named:
            named.add(problem.rule)
            what, todo = _of_keyword(problem.rule)
            rules.append({"id": problem.rule, "shortDescription": {"text": what}, "help": {"text": f"{what} {todo}"}})
    return rules


def _of_keyword(rule: str) -> tuple[str, str]:
    todo = "The message of each result says what to do."
    if messages.is_keyword(rule):
        return f"A value does not fit the schema, which says so with `{rule}`.", todo
    if rule == "requires-gpu":
        return "A value needs another GPU.", todo
    return f"The text cannot be read as data ({rule}).", todo


def _sentence(problem: Problem) -> str:
    """What a report says where it names the place itself."""
    return f"{problem.path}: {problem.message}" if problem.path else problem.message


def _with_fingerprints(files: Iterable[Checked]) -> Iterator[tuple[Problem, str]]:
    """Each problem with a name of its own, which stays when the problem moves to another line."""
    from hashlib import sha256

    seen: Counter[tuple[str, ...]] = Counter()
    for problem in problems(files):
        identity = (_relative(problem.file), problem.rule, problem.path, problem.message)
        seen[identity] += 1
        whole = "\0".join((*identity, str(seen[identity])))
        yield problem, sha256(whole.encode(errors="surrogateescape")).hexdigest()[:32]


def _relative(name: str | None) -> str:
    """The name of a file as services know it: from the working directory, with slashes."""
    path = PurePath(name or "-")
    if path.is_absolute() and path.is_relative_to(Path.cwd()):
        path = path.relative_to(Path.cwd())
    return path.as_posix()


def _uri(name: str | None) -> str:
    from urllib.parse import quote

    path = _relative(name)
    return Path(path).as_uri() if PurePath(path).is_absolute() else quote(os.fsencode(path))
