"""Makes documents from the specification: valid ones to run, and any ones, valid or not, for validators to agree on.

There is no list of settings or rules here. Every value is drawn from its own part of the schema, with the edges of its
bounds; every rule and advice is reached on both sides, by drawing the settings that it mentions until it holds, or is
broken, with its condition met, or not.

Hypothesis draws a `random.Random` for each document, and the document is made from that: a seed and a count give the
same documents everywhere. `VALID` and `ANY` are strategies for tests, which shrink.
"""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import cache
from random import Random
from typing import Any, NamedTuple

import hypothesis
import jsonschema_rs
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from llem import spec, verdict

Document = dict[str, Any]
Judge = Callable[[Any], bool]

LARGEST = 2**53 - 1
"""The largest integer that the reader accepts."""

ODD = [None, True, False, 0, 1, -1, 2, 8.0, 0.5, -0.5, 1e-9, LARGEST, "", " ", "auto", "true", "1", [], [1], {}]
ODD += [{"a": 1}, "ü\n", ["x", None], {"$torch": "float16"}, {"0": "1GiB"}]

ABSENT = object()


class Side(NamedTuple):
    """One side of a rule or advice.

    A rule states one thing or several, of which this is number `clause`. Its `if` is `met` or not (None: it has none),
    and it `holds` or not.
    """

    rule: str
    clause: int
    met: bool | None
    holds: bool


def any_documents(seed: int, count: int) -> Iterator[Document]:
    """So many documents, valid or not, as JSON that the reader accepts."""
    return map(anything, chances(seed, count))


def valid_documents(seed: int, count: int, whole: spec.Schema | None = None) -> Iterator[Document]:
    """So many valid documents; with `whole`, ones that this narrower schema accepts too."""
    return (valid(chance, whole) for chance in chances(seed, count))


def chances(seed: int, count: int) -> list[Random]:
    """What hypothesis draws for so many documents.

    They are the same for the same seed and code: hypothesis also tries numbers that it finds in the code.
    """
    found: list[Random] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(max_examples=count, database=None, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.randoms(use_true_random=True))
    def keep(chance: Random) -> None:
        found.append(chance)

    keep()
    return found


def narrowed(limits: dict[str, spec.Schema]) -> spec.Schema:
    """The specification with more words on some settings: dotted path -> the words that are added or replaced."""
    whole = deepcopy(spec.bundle())
    for path, words in limits.items():
        for node in _nodes(tuple(path.split(".")), whole):
            node.update(words)
    return whole


# ---- documents


def valid(chance: Random, whole: spec.Schema | None = None) -> Document:
    """A valid document, which more often than not is on chosen sides of some rules."""
    whole = whole or spec.bundle()
    wanted = [side for side in sides() if side.holds or side.rule in _advised()]
    while True:
        document = draw(whole, chance, whole)
        for _ in range(chance.choice([0, 1, 1, 2, 4])):
            document = aimed(document, chance.choice(wanted), chance, whole)
        mended = _mended(_kept(document, chance.choice(spec.fields()).path, chance, whole), chance, whole)
        if mended is not None:
            return mended


def anything(chance: Random) -> Document:
    """A document that is valid, breaks a rule, or is wrong in any other way."""
    whole = spec.bundle()
    document = valid(chance)
    way = chance.random()
    if way < 0.5:
        return aimed(document, chance.choice(sides()), chance, whole)
    for _ in range(chance.choice([0, 1, 1, 2])):
        document = _spoilt(document, chance, whole)
    return document


def aimed(document: Document, side: Side, chance: Random, whole: spec.Schema) -> Document:
    """The document with settings that a rule mentions drawn anew, such that it is on that side; else as it is."""
    rule, node = _clauses()[side.rule, side.clause]
    home = (rule.section,) if rule.section else ()
    said: dict[spec.Path, list[spec.Schema]] = {}
    for path, words in _mentions(node):
        said.setdefault((*home, *path), []).append(words)
    for _ in range(100):
        tried = _copied(document)
        for path in chance.sample(sorted(said), k=min(len(said), chance.choice([len(said), 3]))):
            _put(tried, path, _about(path, said[path], chance, whole), chance, whole)
        if _side(rule, side.clause, node, tried) == side:
            return tried
    return document


def _about(path: spec.Path, said: list[spec.Schema], chance: Random, whole: spec.Schema) -> Any:
    """A value for the setting at `path`: often one that the rule speaks of."""
    nodes = _nodes(path, whole)
    spoken = [value for words in said for value in _spoken(words, chance)]
    spoken = [value for value in spoken if not nodes or any(_judge(node, whole)(value) for node in nodes)]
    drawn = draw(chance.choice(nodes), chance, whole) if nodes else chance.choice(ODD)
    return chance.choice([ABSENT, drawn, drawn, *chance.sample(spoken, k=min(2, len(spoken)))])


def _spoken(words: spec.Schema, chance: Random) -> Iterator[Any]:
    yield from words.get("enum", ())
    if "const" in words:
        yield words["const"]
    for bound in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
        if bound in words:
            yield from (words[bound] - 1, words[bound] / 2, words[bound], words[bound] + 1)
    if "pattern" in words:
        yield _string(words, chance)
    for part in words.get("anyOf", ()):
        yield from _spoken(spec.follow(part), chance)


def _kept(document: Document, path: spec.Path, chance: Random, whole: spec.Schema) -> Document:
    """The document with the setting at `path`, and the rules that it breaks kept by another value for another setting.

    A setting that needs another, which needs a third, would hardly occur if the first one were always left out.
    """
    document = _copied(document)
    if forms := [form for form in _nodes(path, whole) if form.get("type") != "null"]:
        _put(document, path, draw(chance.choice(forms), chance, whole), chance, whole)
    clauses = [item for item in _clauses().items() if item[0][0] not in _advised()]
    for (_, clause), (rule, node) in chance.sample(clauses, k=len(clauses)) * 4:
        side = _side(rule, clause, node, document)
        if side is None or side.holds or chance.random() < 0.2:
            continue
        home = (rule.section,) if rule.section else ()
        values = []
        mentions = [((*home, *inner), words) for inner, words in _mentions(node)]
        for other, words in chance.sample(mentions, k=len(mentions)):
            nodes = _nodes(other, whole) if other != path else []
            spoken = [value for value in _spoken(words, chance) if any(_judge(form, whole)(value) for form in nodes)]
            spoken += [draw(form, chance, whole) for form in nodes]
            values += [(other, value) for value in chance.sample(spoken, k=len(spoken))]
        for other, value in values:
            if value is not None:
                tried = _copied(document)
                _put(tried, other, value, chance, whole)
                kept = _side(rule, clause, node, tried)
                if kept is not None and kept.holds:
                    document = tried
                    break
    return document


def _mended(document: Document, chance: Random, whole: spec.Schema) -> Document | None:
    """The document without what is wrong with it, None when that cannot be had by leaving out and filling in."""
    document = _copied(document)
    for _ in range(20):
        if _judge(whole, whole)(document):
            for violation in verdict.compared(document, spec.checks()):
                _put(document, tuple(map(str, violation.path)), ABSENT, chance, whole)
            return document
        for error in list(_explainer(whole).iter_errors(document)):
            path = tuple(str(part) for part in error.absolute_path)
            if error.validator == "required":
                for name in error.validator_value:
                    if name not in at(document, path) and _nodes((*path, name), whole):
                        _put(
                            document, (*path, name), draw(_nodes((*path, name), whole)[0], chance, whole), chance, whole
                        )
            elif error.validator == "additionalProperties":
                for name in set(error.instance) - set(error.schema.get("properties", ())):
                    _put(document, (*path, name), ABSENT, chance, whole)
            elif path:
                _put(document, path, ABSENT, chance, whole)
    return None


def _spoilt(document: Document, chance: Random, whole: spec.Schema) -> Document:
    """The document with one value that may be wrong, one key too many, or one too few."""
    document = _copied(document)
    fields = [field for field in spec.fields() if chance.random() < 0.3 or at(document, field.path) is not None]
    path = chance.choice(fields or list(spec.fields())).path
    node = chance.choice(_nodes(path, whole))
    ways = ["near", "near", "near", "gone", "key"]
    match chance.choice(ways):
        case "near":
            _put(document, path, _near(node, chance, whole), chance, whole)
        case "gone":
            _put(document, chance.choice([path, ("model",)]), ABSENT, chance, whole)
        case "key":
            name = chance.choice([path[-1] + "s", path[-1].upper(), "x", path[-1]])
            _put(document, (*path[:-1][: chance.randint(0, 1)], name), chance.choice(ODD), chance, whole)
    return document


def at(document: Any, path: Iterable[str]) -> Any:
    """The value at `path`, None when there is none."""
    for part in path:
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _copied(value: Any) -> Any:
    """A copy of a JSON value, in a third of the time of `deepcopy`."""
    if isinstance(value, dict):
        return {key: _copied(child) for key, child in value.items()}
    return [_copied(child) for child in value] if isinstance(value, list) else value


def _put(document: Document, path: spec.Path, value: Any, chance: Random, whole: spec.Schema) -> None:
    """Set the value at `path`, or take it away; sections on the way are made, of the form that has such a key."""
    *sections, name = path
    for depth, part in enumerate(sections, 1):
        if not isinstance(document.get(part), dict):
            if value is ABSENT:
                return
            forms = [node for node in _forms(tuple(sections[:depth]), whole) if path[depth] in node["properties"]]
            document[part] = _object({**forms[0], "properties": {}}, chance, whole) if forms else {}
            for required in forms[0].get("required", ()) if forms else ():
                document[part][required] = draw(forms[0]["properties"][required], chance, whole)
        document = document[part]
    if value is ABSENT:
        document.pop(name, None)
    else:
        document[name] = value


# ---- rules


def sides() -> list[Side]:
    """Every side of every rule and advice that could be thought of; some cannot be reached."""
    found = []
    for (rule, clause), (_, node) in _clauses().items():
        for met in (True, False) if "if" in node else (None,):
            never = met is not None and ("then" if met else "else") not in node
            found += [Side(rule, clause, met, holds) for holds in (True, False) if holds or not never]
    return found


def reached(document: Document) -> Iterator[Side]:
    """The side on which the document is of each rule and advice, as far as its sections are there."""
    for (_, clause), (rule, node) in _clauses().items():
        side = _side(rule, clause, node, document)
        if side is not None:
            yield side


def _side(rule: spec.Rule, clause: int, node: spec.Schema, document: Document) -> Side | None:
    value = document.get(rule.section, ABSENT) if rule.section else document
    if value is ABSENT:
        return None
    if "operator" in node:
        if not all(isinstance(at(document, node[key].split(".")), int) for key in ("path", "other")):
            return None
        return Side(rule.id, clause, None, next(verdict.compared(document, [rule]), None) is None)
    whole = spec.advice_schema() if rule.id in _advised() else spec.bundle()
    met = _judge(node["if"], whole)(value) if "if" in node else None
    return Side(rule.id, clause, met, _judge(node, whole)(value))


@cache
def _clauses() -> dict[tuple[str, int], tuple[spec.Rule, spec.Schema]]:
    """Each statement of each rule and advice: a rule is one, or several under `allOf`."""
    found = {}
    for rule in (*spec.rules(), *spec.advice()):
        parts = [rule.node] if {"if", "properties", "operator"} & rule.node.keys() else rule.node.get("allOf", [])
        found.update({(rule.id, number): (rule, part) for number, part in enumerate(parts)})
    return found


@cache
def _advised() -> frozenset[str]:
    return frozenset(rule.id for rule in spec.advice())


def _mentions(node: spec.Schema, path: spec.Path = ()) -> Iterator[tuple[spec.Path, spec.Schema]]:
    """Each setting of which a statement speaks, and what it says of it."""
    node = spec.follow(node, _terms())
    if "operator" in node:
        yield tuple(node["path"].split(".")), {"minimum": 2}
        yield tuple(node["other"].split(".")), {"minimum": 2}
    for name, child in node.get("properties", {}).items():
        yield from list(_mentions(child, (*path, name))) or [((*path, name), child)]
    for name in node.get("required", ()):
        yield (*path, name), {}
    for part in (*(node[word] for word in ("if", "then", "else", "not") if word in node), *_parts(node)):
        yield from _mentions(part, path)


@cache
def _terms() -> spec.Schema:
    return {"$defs": spec.bundle()["$defs"] | spec.advice_schema().get("$defs", {})}


def _parts(node: spec.Schema) -> list[spec.Schema]:
    return [*node.get("allOf", ()), *node.get("anyOf", ())]


# ---- values


def draw(node: spec.Schema, chance: Random, whole: spec.Schema | None = None) -> Any:
    """A value that the schema `node` accepts, rules aside; often an edge of its bounds."""
    whole = whole or spec.bundle()
    for _ in range(100):
        value = _draw(node, chance, whole)
        if isinstance(value, dict) or _judge(node, whole)(value):
            return value
    raise AssertionError(f"no value was found for {node}")


def _draw(node: spec.Schema, chance: Random, whole: spec.Schema) -> Any:
    node = spec.follow(node, whole)
    if "const" in node:
        return node["const"]
    if "enum" in node:
        return chance.choice(node["enum"])
    if "anyOf" in node and "properties" not in node:
        branch = spec.follow(chance.choice(node["anyOf"]), whole)
        return _draw({**{key: node[key] for key in node if key != "anyOf"}, **branch}, chance, whole)
    kinds = node.get("type", "object")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "null" in kinds and (len(kinds) == 1 or chance.random() < 0.07):
        return None
    if chance.random() < 0.3 and node.get("examples"):
        return chance.choice(node["examples"])
    return DRAWN[chance.choice([kind for kind in kinds if kind != "null"])](node, chance, whole)


def _integer(node: spec.Schema, chance: Random, whole: spec.Schema) -> int:
    low = node.get("minimum", node.get("exclusiveMinimum", -LARGEST - 1) + 1)
    high = node.get("maximum", node.get("exclusiveMaximum", LARGEST + 1) - 1)
    start = min(max(low, 0), high)
    near = [low, low + 1, high, high - 1, *range(start, start + 10), start + chance.randrange(1000)]
    return int(chance.choice([value for value in near if low <= value <= high]))


def _number(node: spec.Schema, chance: Random, whole: spec.Schema) -> float:
    low = max(node.get("minimum", -LARGEST), math.nextafter(node.get("exclusiveMinimum", -math.inf), math.inf))
    high = min(node.get("maximum", LARGEST), math.nextafter(node.get("exclusiveMaximum", math.inf), -math.inf))
    near = [0, 1, 2, 0.5, 1.0, 1.5, -1, 0.1, 1e-6, low, high, chance.uniform(max(low, -3), min(high, 3))]
    return float(chance.choice([value for value in near if low <= value <= high]))


def _string(node: spec.Schema, chance: Random, whole: spec.Schema | None = None) -> str:
    if "pattern" in node:
        return "".join(_matching(re._parser.parse(node["pattern"]), chance))  # type: ignore[attr-defined]
    least = node.get("minLength", 0)
    return "".join(chance.choices("abcXYZ019_- .", k=chance.randint(least, max(least, 6))))


def _matching(tokens: Any, chance: Random) -> Iterator[str]:
    """Pieces of a text that the regular expression matches: classes, groups, choices and repetitions."""
    for kind, argument in tokens:
        match str(kind):
            case "LITERAL":
                yield chr(argument)
            case "IN":
                codes = {code for kind, at in argument for code in _codes(str(kind), at)}
                negated = str(argument[0][0]) == "NEGATE"
                yield chr(chance.choice(sorted(set(map(ord, string.ascii_lowercase)) - codes if negated else codes)))
            case "SUBPATTERN":
                yield from _matching(argument[-1], chance)
            case "BRANCH":
                yield from _matching(chance.choice(argument[1]), chance)
            case "MAX_REPEAT":
                least, most, inner = argument
                for _ in range(chance.randint(least, min(int(most), least + 3))):
                    yield from _matching(inner, chance)
            case "ANY" | "NOT_LITERAL":
                yield chance.choice("xyz")
            case "AT":
                pass
            case other:
                raise AssertionError(f"{other} in a pattern of the schema: say here how it is drawn")


def _codes(kind: str, at: Any) -> Iterable[int]:
    return range(at[0], at[1] + 1) if kind == "RANGE" else [at] if kind == "LITERAL" else []


def _array(node: spec.Schema, chance: Random, whole: spec.Schema) -> list[Any]:
    least = node.get("minItems", 0)
    length = chance.randint(least, max(least, min(node.get("maxItems", least + 3), least + 3)))
    items = [draw(node["items"], chance, whole) if "items" in node else chance.choice(ODD) for _ in range(length)]
    return [item for place, item in enumerate(items) if not node.get("uniqueItems") or item not in items[:place]]


def _object(node: spec.Schema, chance: Random, whole: spec.Schema) -> Document:
    """An object with some of its settings and most of its sections; the keys of a free one are anything."""
    often = chance.choice([0.03, 0.1, 0.3, 0.8])
    found = {}
    for name, child in node.get("properties", {}).items():
        is_section = "properties" in spec.follow(child, whole)
        if name in node.get("required", ()) or chance.random() < (0.8 if is_section else often):
            found[name] = draw(child, chance, whole)
    patterns = list(node.get("patternProperties", {}).items())
    rest = node.get("additionalProperties", {})
    is_free = patterns or (rest is not False and "properties" not in node)
    for _ in range(chance.randint(node.get("minProperties", 0), 3) if is_free else 0):
        if patterns:
            pattern, child = chance.choice(patterns)
            found[_string({"pattern": pattern}, chance)] = draw(child, chance, whole)
        else:
            key = chance.choice(["", "a", "layers.0", "$torch", "weights"])
            found[key] = draw(rest, chance, whole) if rest else chance.choice(ODD)
    return found


DRAWN: dict[str, Callable[[spec.Schema, Random, spec.Schema], Any]] = {
    "boolean": lambda node, chance, whole: chance.random() < 0.5,
    "integer": _integer,
    "number": _number,
    "string": _string,
    "array": _array,
    "object": _object,
}


def _near(node: spec.Schema, chance: Random, whole: spec.Schema) -> Any:
    """A value that need not be accepted: just past a bound, a word that is almost right, another type, or anything."""
    bounds = [node[word] for word in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum") if word in node]
    past = [bound + step for bound in bounds for step in (-1, 1, -0.5, 0.5, 0)]
    words = [word for word in node.get("enum", ()) if isinstance(word, str)]
    past += [word + "x" for word in words] + [word.upper() for word in words]
    drawn = draw(node, chance, whole)
    if isinstance(drawn, int | float):
        past += [str(drawn), float(drawn), drawn > 0]
    return chance.choice([*past, [drawn]] if chance.random() < 0.6 else ODD)


# ---- the schema


def _nodes(path: spec.Path, whole: spec.Schema) -> list[spec.Schema]:
    """What the schema says of the value at `path`, in each form of the sections on the way; [] for an unknown key."""
    found = []
    for form in _forms(path[:-1], whole):
        if path[-1] in form.get("properties", {}):
            found.append(spec.follow(form["properties"][path[-1]], whole))
    return found


def _forms(path: spec.Path, whole: spec.Schema) -> list[spec.Schema]:
    """The forms of the section at `path`, those with settings of their own."""
    nodes = [whole] if not path else _nodes(path, whole)
    branches = [spec.follow(branch, whole) for node in nodes for branch in node.get("anyOf", ())]
    return [node for node in (*nodes, *branches) if "properties" in node]


_judges: dict[int, tuple[spec.Schema, Judge]] = {}


def _judge(node: spec.Schema, whole: spec.Schema) -> Judge:
    """What says whether a value is accepted by `node`, a part of `whole`; kept by the identity of the node."""
    if id(node) not in _judges:
        definitions = {"$defs": whole.get("$defs", {})}
        root = node if node is whole else {"allOf": [node], **definitions}
        _judges[id(node)] = (node, jsonschema_rs.Draft202012Validator(root).is_valid)
    return _judges[id(node)][1]


_explainers: dict[int, tuple[spec.Schema, Any]] = {}


def _explainer(whole: spec.Schema) -> Any:
    if id(whole) not in _explainers:
        _explainers[id(whole)] = (whole, Draft202012Validator(whole))
    return _explainers[id(whole)][1]


VALID = st.randoms(use_true_random=False).map(valid)
"""Hypothesis: valid documents."""

ANY = st.randoms(use_true_random=False).map(anything)
"""Hypothesis: any documents."""
