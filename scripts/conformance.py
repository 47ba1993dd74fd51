"""Asks every implementation that the machine has to run the conformance kit, and writes docs/conformance.md.

With --check it writes nothing, and fails when a row is not as it stands there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import judges
import kit

PAGE = kit.ROOT / "docs" / "conformance.md"


def same_plan(one: Any, two: Any) -> bool:
    """Whether two plans are the same as JSON, where 1 and 1.0 are one number and true is not 1."""
    return comparable(one) == comparable(two)


def comparable(plan: Any) -> str:
    """A text that is the same for the same plans."""
    return json.dumps(_plain(plan), sort_keys=True)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def results(cases: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(implementation, build, what it does as validator, reporter and planner) for each that this machine has."""
    given = [case["document"] for case in cases]
    schema = [case["schema"] for case in cases]
    told = [judges.told(case.get("problems", ())) for case in cases]
    advised = [judges.told(case.get("advice", ())) for case in cases]

    def compared(answers: Iterable[Any], expected: Iterable[Any]) -> str:
        pairs = zip(answers, expected, strict=True)
        wrong = [case["name"] for case, (one, two) in zip(cases, pairs, strict=True) if one != two]
        return f"{len(wrong)} differ: {', '.join(wrong)}" if wrong else "all"

    def judged(problems: list[judges.Problems]) -> str:
        return compared([not one for one in problems], [case["valid"] for case in cases])

    def reported(problems: list[judges.Problems], advice: list[judges.Problems]) -> str:
        return compared(zip(problems, advice, strict=True), zip(told, advised, strict=True))

    def planned(plans: list[Any]) -> str:
        expected = [case.get("plan") for case in cases]
        return compared(map(comparable, plans), map(comparable, expected))

    for name, answers in (
        ("llem (Python)", judges.python(given)),
        ("llem (Python) without jsonschema-rs", judges.python_alone(given)),
        ("npm package (JavaScript, ES module)", judges.javascript(given, "mjs")),
        ("npm package (JavaScript, CommonJS)", judges.javascript(given, "cjs")),
    ):
        problems, advice = ([judges.told(one[key]) for one in answers] for key in ("problems", "advice"))
        plans = planned([one["plan"] for one in answers])
        yield name, "2020-12", {"verdicts": judged(problems), "problems": reported(problems, advice), "plans": plans}
    problems = judges.models(given)
    yield "pydantic models (Python)", "types", {"verdicts": judged(problems), "problems": compared(problems, told)}
    ajv = judges.ajv(given, "", "draft07", "editor")
    simple: list[tuple[str, str, Callable[[], list[bool]]]] = [
        ("jsonschema (Python)", "2020-12", lambda: judges.python_jsonschema(given)),
        ("jsonschema (Python)", "draft-07", lambda: judges.python_jsonschema_draft07(given)),
        ("jsonschema-rs (Rust)", "2020-12", lambda: judges.rust_jsonschema(given)),
        ("ajv (JavaScript)", "2020-12", lambda: ajv[""]),
        ("ajv (JavaScript)", "draft-07", lambda: ajv["draft07"]),
        ("ajv (JavaScript)", "editor", lambda: ajv["editor"]),
        ("@hyperjump/json-schema (JavaScript)", "2020-12", lambda: judges.hyperjump(given)),
        ("yaml-language-server (TypeScript)", "editor", lambda: judges.language_server(given)),
    ]
    if judges.has_gojsonschema():
        simple.append(("gojsonschema (Go)", "draft-07, without `$id`", lambda: judges.gojsonschema(given)))
    for name, build, judge in simple:
        yield name, build, {"verdicts": compared(judge(), schema)}


HEAD = """<!-- Written by `python scripts/conformance.py`. Do not edit. -->

# Who conforms

Each row is an implementation that ran the [conformance kit](../generated/conformance/README.md): of how many documents
it gives the verdict of llem, of how many the same problems (path, rule and message), and of how many the same plan.
“–” is what it does not claim to do. The tests run every row again, that of Go where it is installed.

| Implementation | Build | Verdicts | Problems | Plans |
|---|---|---|---|---|
"""


def rows(cases: list[dict[str, Any]]) -> Iterator[str]:
    """The rows of the table, as far as this machine can fill them."""
    for name, build, row in results(cases):
        yield f"| {name} | {build} | {' | '.join(row.get(claim, '–') for claim in ('verdicts', 'problems', 'plans'))} |"


def main() -> None:
    """Write the table, or, with --check, say which row is not true and exit with 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a row is not true")
    options = parser.parse_args()
    found = list(rows(json.loads(kit.FILE.read_text(encoding="utf-8"))))
    if options.check:
        written = PAGE.read_text(encoding="utf-8").splitlines()
        untrue = [row for row in found if row not in written]
        print(*untrue, sep="\n", file=sys.stderr)
        sys.exit(bool(untrue))
    PAGE.write_text(HEAD + "\n".join([*found, ""]), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(kit.ROOT)}")


if __name__ == "__main__":
    main()
