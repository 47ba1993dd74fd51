"""Asks the validators of several languages about thousands of documents, and writes docs/agreement.md.

Half of the documents are drawn by hypothesis from the schema (tests/documents.py), aimed at both sides of every rule;
half are those of the conformance kit, as they are and with changes that know nothing of the schema. The command fails
when any two disagree.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any, NamedTuple

import conformance
import judges
import kit

from llem import reader, spec, verdict

sys.path.append(str(kit.ROOT / "tests"))
import documents

PAGE = kit.ROOT / "docs" / "agreement.md"
COUNT, SEED = 12_000, 1


# ---- documents


def drawn(count: int, seed: int) -> list[Any]:
    """So many documents as the reader gives them: those of the kit, ones drawn from the schema, and changed ones."""
    chance = Random(seed)
    known = [document for _, document in kit.documents()]
    sides = [side for side in documents.sides() if side.rule in {rule.id for rule in spec.rules()}]
    found = [*known, *documents.any_documents(seed, count // 4)]
    for number, fresh in enumerate(documents.chances(seed + 1, count // 4)):  # rarely drawn rules are reached too
        document = documents.valid(fresh)
        found.append(documents.aimed(document, sides[number % len(sides)], fresh, spec.bundle()))
    while len(found) < count:
        document, faults = reader.normalise(changed(chance.choice(known), chance))
        if not faults:
            found.append(document)
    return [reader.normalise(document)[0] for document in found]


def changed(document: Any, chance: Random) -> Any:
    """A copy with up to four changes: a value replaced, bent, removed or moved, or a key misspelt."""
    document = deepcopy(document)
    for _ in range(chance.randint(0, 4)):
        places = list(_places(document))
        if not places:
            break
        home, key = chance.choice(places)
        match chance.choice(["odd", "bent", "bent", "gone", "moved", "named"]):
            case "odd":
                home[key] = deepcopy(chance.choice(documents.ODD))
            case "bent":
                home[key] = _bent(home[key], chance)
            case "gone":
                del home[key]
            case "moved":
                other, name = chance.choice(places)
                home[key], other[name] = deepcopy(other[name]), deepcopy(home[key])
            case "named" if isinstance(home, dict):
                home[_misspelt(key, chance)] = home.pop(key)
    return document


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in lists and mappings, with what holds it."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from _places(item)


def _bent(value: Any, chance: Random) -> Any:
    if isinstance(value, bool) or value is None:
        return chance.choice([True, False, None, str(value).lower()])
    if isinstance(value, int | float):
        bent = chance.choice([value + 1, value - 1, -value, value / 2, value * 10, 0, str(value), bool(value)])
        return value if isinstance(bent, int | float) and abs(bent) > documents.LARGEST else bent
    if isinstance(value, str):
        return chance.choice(
            [value.upper(), value + " ", value + "\n", value[1:], f"x{value}", [value], {value: value}]
        )
    return chance.choice([[value], {"a": value}, type(value)(), str(value)])


def _misspelt(key: str, chance: Random) -> str:
    at = chance.randrange(len(key) + 1)
    return chance.choice([key[:at] + key[at + 1 :], key[:at] + "e" + key[at:], key.upper(), key.replace("_", "-")])


# ---- agreement


class Disagreement(NamedTuple):
    """Somebody says something else than llem does: of which document, and about what."""

    who: str
    what: str
    document: Any


VALIDATORS: dict[str, Callable[[list[Any]], list[bool]]] = {
    "jsonschema (Python), 2020-12": judges.python_jsonschema,
    "jsonschema (Python), draft-07": judges.python_jsonschema_draft07,
    "jsonschema-rs (Rust), 2020-12": judges.rust_jsonschema,
    "ajv (JavaScript), 2020-12": lambda given: judges.ajv(given, "")[""],
    "ajv (JavaScript), draft-07": lambda given: judges.ajv(given, "draft07")["draft07"],
    "@hyperjump/json-schema (JavaScript), 2020-12": judges.hyperjump,
}
MODELS, PACKAGE = "pydantic models (Python)", "npm package (JavaScript)"


def disagreements(given: list[Any], answers: list[judges.Answer]) -> Iterator[Disagreement]:
    """Where anyone says of the documents something else than llem, which gave these answers."""

    def compare(who: str, what: str, theirs: Iterable[Any], ours: Iterable[Any]) -> Iterator[Disagreement]:
        for document, one, two in zip(given, theirs, ours, strict=True):
            if one != two:
                yield Disagreement(who, what, document)

    beyond = {check.id for check in spec.rules() if "operator" in check.annotation}
    accepted = [{one["rule"] for one in answer["problems"]} <= beyond for answer in answers]
    for who, judge in VALIDATORS.items():
        yield from compare(who, "verdict", judge(given), accepted)
    told = {part: [judges.told(answer[part]) for answer in answers] for part in ("problems", "advice")}
    models = judges.models(given)
    yield from compare(MODELS, "verdict", map(bool, models), map(bool, told["problems"]))
    # Of null pydantic speaks in its own words.
    models = [
        ours if document is None else one for document, one, ours in zip(given, models, told["problems"], strict=True)
    ]
    yield from compare(MODELS, "problems", models, told["problems"])
    elsewhere = judges.javascript(given)
    for part, ours in told.items():
        yield from compare(PACKAGE, part, [judges.told(answer[part]) for answer in elsewhere], ours)
    plans = [[conformance.comparable(answer["plan"]) for answer in said] for said in (elsewhere, answers)]
    yield from compare(PACKAGE, "plan", *plans)


def counted(given: list[Any], answers: list[judges.Answer]) -> dict[str, tuple[int, int]]:
    """Of each rule: how many documents break it, and how many keep it though it speaks of them."""
    kept = Counter(rule for document in given if isinstance(document, dict) for rule in kept_by(document))
    broken = Counter(rule for answer in answers for rule in {one["rule"] for one in answer["problems"]})
    return {rule.id: (broken[rule.id], kept[rule.id]) for rule in spec.rules()}


def kept_by(document: Any) -> set[str]:
    """The rules that speak of the document, and find nothing wrong."""
    sides = set(documents.reached(document))
    broken = {side.rule for side in sides if not side.holds}
    kept = {side.rule for side in sides if side._replace(holds=False) in possible()} - broken
    compared = {check.id: check for check in spec.checks()}
    kept -= compared.keys()
    return kept | {name for name, check in compared.items() if keeps(document, check)}


def keeps(document: Any, check: spec.Rule) -> bool:
    """Whether both settings of a comparison are set in a valid document."""
    is_set = all(documents.at(document, check.annotation[key].split(".")) is not None for key in ("path", "other"))
    return is_set and verdict.is_valid(document)


@cache
def possible() -> frozenset[documents.Side]:
    """The sides of rules that there are."""
    return frozenset(documents.sides())


HEAD = """<!-- Written by `python scripts/agreement.py`. Do not edit. -->

# Agreement

{count} documents, half of them drawn by hypothesis from the schema and half those of the conformance kit with random
changes, were given to everyone below. {valid} of them are valid. Everyone was compared with llem in Python.

| Who | Compared | Disagreements |
|---|---|---|
{people}

The same documents by rule. A document keeps a rule when the rule speaks of it, as its condition says, and finds nothing
wrong; other documents are not counted.

| Rule | Broken by | Kept by |
|---|---|---|
{rules}

Every advice was given too:

| Advice | Given to |
|---|---|
{advice}

## Types alone

The generated types of Go and Rust hold every valid document, and refuse some that are not. They state shapes, and no
bounds, no patterns and no rules: data that is decoded must be judged too. Of the documents of the
[conformance kit](../generated/conformance/README.md):

| Language | Valid ones held | Held though they break a rule | Held though a keyword refuses them |
|---|---|---|---|
{types}

## Again

The tests do the same with fewer documents. To repeat this, or with other documents:

    python scripts/agreement.py --count {count} --seed {seed}
"""


TYPES = {"Go": (judges.has_go, judges.go_types), "Rust": (judges.has_rust, judges.rust_types)}


def held(cases: list[dict[str, Any]], types: Callable[[list[Any]], list[bool]]) -> list[list[str]]:
    """The names of the cases that types hold, of all of the kind: valid, breaking rules only, wrong otherwise."""
    kinds: list[list[str]] = [[], [], []]
    rules = {rule.id for rule in spec.rules()}
    for case, holds in zip(cases, types([case["document"] for case in cases]), strict=True):
        breaks_rules = {one["rule"] for one in case.get("problems", ())} <= rules
        kind = 0 if case["valid"] else 1 if breaks_rules else 2
        kinds[kind].append(case["name"] if holds else "")
    return kinds


def shares(kinds: list[list[str]]) -> str:
    """How many of each kind are held."""
    return " | ".join(f"{sum(map(bool, names))} of {len(names)}" for names in kinds)


def page(count: int, seed: int, given: list[Any], answers: list[judges.Answer], wrong: list[Disagreement]) -> str:
    """The page that says how far everyone agrees."""
    cases = json.loads(kit.FILE.read_text(encoding="utf-8"))
    differ = Counter((one.who, one.what) for one in wrong)
    claims = [(who, "verdict") for who in VALIDATORS] + [(MODELS, "verdict"), (MODELS, "problems")]
    claims += [(PACKAGE, what) for what in ("problems", "advice", "plan")]
    told = Counter(rule for answer in answers for rule in {one["rule"] for one in answer["advice"]})
    given_advice = {rule.id: told[rule.id] for rule in spec.advice() if not rule.annotation.get("quiet")}
    return HEAD.format(
        count=count,
        seed=seed,
        valid=sum(not answer["problems"] for answer in answers),
        people="\n".join(f"| {who} | {what} | {differ[who, what]} |" for who, what in claims),
        rules="\n".join(
            f"| `{rule}` | {broken} | {kept} |" for rule, (broken, kept) in counted(given, answers).items()
        ),
        types="\n".join(f"| {name} | {shares(held(cases, types))} |" for name, (_, types) in TYPES.items()),
        advice="\n".join(f"| `{rule}` | {count} |" for rule, count in given_advice.items()),
    )


def main() -> None:
    """Ask everyone, and write the page unless somebody disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"how many documents ({COUNT})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"other documents for another seed ({SEED})")
    options = parser.parse_args()
    given = drawn(options.count, options.seed)
    answers = judges.python(given)
    wrong = list(disagreements(given, answers))
    for one in wrong[:20]:
        print(one.who, one.what, json.dumps(one.document, default=str), sep="\t", file=sys.stderr)
    PAGE.write_text(page(options.count, options.seed, given, answers, wrong), encoding="utf-8")
    print(f"wrote {PAGE.relative_to(kit.ROOT)}: {len(wrong)} disagreements about {len(given)} documents")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
