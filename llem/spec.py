"""What the specification says. Everything else asks this module; nothing else opens a schema file."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path as FilePath
from typing import Any, NamedTuple

Schema = dict[str, Any]
Path = tuple[str, ...]

FOLDER: Any = None
"""The folder with the schema files; None means the one that is installed with llem."""

ROOT = "experiment"

ENGINE = "backend"
"""The setting that chooses the engine."""

PREFLIGHT_ENGINE = "pytorch"
"""The engine that llem runs itself."""
ANY = "*"
"""The key of `x-llem.values` that stands for every value without a key of its own."""


class Field(NamedTuple):
    """One setting: `path` in the document, its `schema` ($ref followed), and the annotation `x-llem`.

    `opens`: it may also be an object, whose keys are settings of their own (`dataset`).
    """

    path: Path
    schema: Schema
    opens: bool = False

    @property
    def name(self) -> str:
        """The setting's own name, the last part of its path."""
        return self.path[-1]

    @property
    def dotted(self) -> str:
        """The path as it is written in messages and tables, for example `decoder.preset`."""
        return ".".join(self.path)

    @property
    def default(self) -> Any:
        """What llem sends when the setting is unset; None when it leaves the choice to the library."""
        return self.schema.get("default")

    @property
    def description(self) -> str:
        """One or two sentences for people."""
        return str(self.schema.get("description", ""))

    @property
    def wiring(self) -> Schema:
        """The annotation `x-llem`, {} when there is none."""
        return dict(self.schema.get("x-llem", {}))

    @property
    def types(self) -> list[str]:
        """The JSON types of the setting, null left out; [] for an enum or a choice of several forms."""
        kinds = self.schema.get("type", [])
        return [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]

    @property
    def values(self) -> list[Any]:
        """The allowed values, null left out; [] when they are not listed one by one."""
        return [value for value in self.schema.get("enum", []) if value is not None]

    @property
    def since(self) -> dict[str, str]:
        """The first version of a library that knows the setting, {} when every supported one does."""
        return dict(self.wiring.get("since", {}))

    def targets(self, engine: str) -> list[tuple[str, str]]:
        """(call, argument) of each argument of `engine` that receives the setting.

        The argument is `**` where each key becomes one, `()` where a true value makes the call, and `*` where the
        value is passed without a name.
        """
        found = []
        for target in self.wiring.get("calls", {}).get(engine, []):
            if target.endswith("()"):
                found.append((target[:-2], "()"))
            else:
                call, _, argument = target.partition(".")
                found.append((call, argument or self.name))
        return found

    def takes_any_name(self) -> bool:
        """Whether it is a mapping whose keys become arguments."""
        return any(argument == "**" for engine in engines() for _, argument in self.targets(engine))

    def needs(self, value: Any) -> Schema:
        """What `value` needs, sends or is: its entry in `x-llem.values`, or that of any value; {} without one."""
        entries = self.wiring.get("values", {})
        key = value if isinstance(value, str) else json.dumps(value)
        return dict(entries.get(key, entries.get(ANY, {})))

    def readback(self, engine: str, made: Container[str] | None = None) -> Schema:
        """Where a live object says what became of the setting: its `path`, and how to compare; {} for nowhere.

        The setting says it itself (`readback`), else the first call that receives it and can be read: by its `reads`,
        or by what it says is `present`. With `made`, only these calls count.
        """
        own: Schema | None = self.wiring.get("readback", {}).get(engine)
        if own is not None:
            return own
        for name, argument in self.targets(engine):
            call = calls(engine)[name] if made is None or name in made else {}
            if "present" in call:
                return {"path": f"{call['present']}()"}
            if "reads" in call and argument.isidentifier():
                return {"path": call["reads"].format(argument=argument)}
        return {}

    def library_default(self, engine: str, readback: Schema) -> Any:
        """What the library takes for the setting when it is unset; None where that is not recorded or depends."""
        for surface, about in inventory()["surfaces"].items() if engine == inventory()["engine"] else ():
            for name, argument in self.targets(engine):
                reads = calls(engine)[name].get("reads", "").format(argument=argument)
                # A surface is named after its first call; others are given the same names, and fill in nothing.
                if name == about["calls"][0] and "argument" not in about and reads and reads == readback.get("path"):
                    return recorded()["surfaces"][surface].get(argument, {}).get("default")
        return None


class Rule(NamedTuple):
    """One rule or advice: its annotation, the schema `node` that states it, and the section it stands in."""

    annotation: Schema
    node: Schema
    section: str

    @property
    def id(self) -> str:
        """The name of the rule, the same in every language."""
        return str(self.annotation["id"])

    @property
    def backend(self) -> str:
        """The engine the rule speaks of, or `all`."""
        own = self.section if self.section in engines() else "all"
        return str(self.annotation.get("backend", own))


@cache
def read(name: str) -> Schema:
    """One file of the schema folder, as it stands."""
    from llem import schema

    folder = FOLDER or FilePath(schema.__path__[0])
    content: Schema = json.loads(folder.joinpath(name).read_text(encoding="utf-8"))
    return content


def version() -> str:
    """The version of the specification, written in one place; builds, packages and records bear it."""
    return str(read("engines.json")["version"])


def engines() -> dict[str, Schema]:
    """The engines: name -> label and ordered calls."""
    return read("engines.json")["engines"]  # type: ignore[no-any-return]


def calls(engine: str) -> dict[str, Schema]:
    """The calls of `engine` in the order in which they are made."""
    return engines()[engine]["calls"]  # type: ignore[no-any-return]


def templates() -> dict[str, Schema]:
    """What a document may start from: name -> what it is `about`, and its `settings`."""
    return read("templates.json")


def published(build: str = "") -> Any:
    """The file with the bundle, or with a `build` of it for other readers (`editor`, `draft07`, `types`)."""
    from llem import generated

    return FilePath(generated.__path__[0], f"llem.{build}.schema.json" if build else "llem.schema.json")


def capabilities() -> dict[str, str]:
    """The rows of the capability matrix: name -> label."""
    return read("engines.json")["capabilities"]  # type: ignore[no-any-return]


def names() -> dict[str, str]:
    """What other tools and older versions call settings: name -> path of the setting, or (with a space) what to do."""
    return read("names.json")["names"]  # type: ignore[no-any-return]


def inventory() -> Schema:
    """What the libraries take that is no setting, with the reasons, and the versions that were tested."""
    return read("inventory.json")


def recorded() -> Schema:
    """What the libraries that llem is tested with take: surface -> name -> default and the like."""
    return read("recorded.json")


def warnings() -> Schema:
    """What libraries say: the `loggers` that are heard, and what is `explained` (id, pattern, explanation)."""
    return read("warnings.json")


@cache
def bundle() -> Schema:
    """The whole specification of a document as one schema, every reference of the form `#/$defs/name`."""
    root = read(f"{ROOT}.schema.json")
    definitions: dict[str, Schema] = {}

    def flat(node: Any, home: str) -> Any:
        if isinstance(node, list):
            return [flat(item, home) if isinstance(item, (dict, list)) else item for item in node]
        out = {
            key: flat(value, home) if isinstance(value, (dict, list)) else value
            for key, value in node.items()
            if key != "$defs" and not (key == "$schema" and isinstance(value, str))
        }
        reference = node.get("$ref")
        if isinstance(reference, str):
            out["$ref"] = "#/$defs/" + include(reference, home)
        return out

    def include(reference: str, home: str) -> str:
        file, _, pointer = reference.partition("#/$defs/")
        section = file.removesuffix(".schema.json") or home
        name = f"{section}_{pointer}" if pointer else section
        if name not in definitions:
            definitions[name] = {}
            source = read(f"{section}.schema.json")
            definitions[name] = flat(source["$defs"][pointer] if pointer else source, section)
        return name

    body = flat(root, ROOT)
    whole = {"$schema": root["$schema"], "$id": f"urn:llem:experiment:{version()}", **body}
    whole["$defs"] = {name: definitions[name] for name in sorted(definitions)}
    marked = _marked(whole, "reserved", "excluded", "version")
    _forbid_names(whole, marked["reserved"], marked["excluded"])
    for node in marked["version"]:
        node.update(_of_this_version())
    return whole


def _of_this_version() -> Schema:
    """What a version may be: while the first number is 0, the second one must be ours, later no greater than ours."""
    own = version()
    major, minor, _ = own.split(".")
    minors = minor if major == "0" else f"({'|'.join(map(str, range(int(minor) + 1)))})"
    return {
        "pattern": f"^{major}[.]{minors}[.](0|[1-9][0-9]*)$",
        "not": {"type": "string", "pattern": "\n"},
        "examples": [own],
        "x-llem": {
            "expected": f"a version that the specification {own} covers: update llem, or write the document for {own}"
        },
    }


def _forbid_names(whole: Schema, reserving: list[Schema], excluding: list[Schema]) -> None:
    """Write the names that may not be passed through, each with its sentence, into the rules that forbid them."""
    settings = list(_walk(whole, whole, ()))
    free = [field for field in settings if field.takes_any_name()]
    reserved = _reserved(whole, [field for field in settings if field not in free])
    for node in reserving:
        for field in free:
            _forbid(whole, node, field, "reserved_names", reserved)
    for node in excluding:
        for field in free:
            for call, _ in field.targets(inventory()["engine"]):
                names = {name: reason for name, reason in _excluded(call).items() if name not in reserved}
                _forbid(whole, node, field, f"excluded_from_{call}", names)


def _forbid(whole: Schema, node: Schema, field: Field, name: str, sentences: dict[str, str]) -> None:
    """Refuse names as keys of a setting; `node` stands for the mapping that it is, or is in."""
    forbidden = {key: {"not": {}, "x-llem": {"message": sentence}} for key, sentence in sorted(sentences.items())}
    whole["$defs"][name] = {"properties": forbidden}
    if field.path[1:]:
        node = node.setdefault("properties", {}).setdefault(field.name, {})
    node["allOf"] = [{"$ref": f"#/$defs/{name}"}]


def _reserved(whole: Schema, settings: list[Field]) -> dict[str, str]:
    """The names of settings, and of arguments that llem sends: name -> what to do instead of passing it through."""
    own: dict[str, list[str]] = {name: [name] for name in whole["properties"]}
    sent: dict[str, list[str]] = {}
    for field in settings:
        own.setdefault(field.name, []).append(field.dotted)
        wired = [argument for engine in engines() for _, argument in field.targets(engine)]
        for argument in (*wired, *map(_argument, field.wiring.get("gives", ()))):
            sent.setdefault(argument, []).append(field.dotted)
    for engine in engines():
        for call in calls(engine).values():
            for argument in (*call.get("arguments", ()), *map(_argument, call.get("gives", ()))):
                sent.setdefault(argument, [])
    return {name: _instead(name, own.get(name, []), sent.get(name, [])) for name in own | sent if name.isidentifier()}


def _argument(target: str) -> str:
    return target.partition(".")[2]


def _instead(name: str, own: list[str], sent: list[str]) -> str:
    """What to do instead of passing `name` through: the settings of that name, else those that are sent under it."""
    today = names().get(name, "") if not own else ""
    paths = own or ([today] if today and " " not in today else sent)
    about = "This is a field of the document" if own else "llem sends this argument itself"
    if " " in today or not paths:
        return f"{about}: {today or 'remove it.'}"
    return f"{about}: set {' or '.join(f'`{path}`' for path in dict.fromkeys(paths))} instead."


def _excluded(call: str) -> dict[str, str]:
    """The arguments of a call that the inventory excludes: name -> why."""
    surfaces = [about for about in inventory()["surfaces"].values() if call in about["calls"]]
    return {
        name: f"This may not be passed through. {group['reason']}"
        for about in surfaces
        for group in about["others"]
        if "argument" not in about and group["disposition"] == "excluded"
        for name in group["names"]
    }


@cache
def advice_schema() -> Schema:
    """What is said of resolved documents, as one schema."""
    whole = json.loads(json.dumps(read("advice.schema.json")))  # a copy, faster than `deepcopy`
    whole = {"$schema": whole.pop("$schema"), "$id": f"urn:llem:advice:{version()}", **whole}
    for node in _marked(whole, "unsupported")["unsupported"]:
        node["allOf"] = []
        for engine in engines():
            unknown = [field for field in fields() if field.path[0] not in engines() and field.wiring.get("calls")]
            limits: Schema = {}
            for field in unknown:
                if not field.targets(engine):
                    *sections, name = field.path
                    place = limits
                    for part in sections:
                        place = place.setdefault("properties", {}).setdefault(part, {})
                    place.setdefault("properties", {})[name] = {"type": "null"}
            if limits:
                node["allOf"].append({"if": {"properties": {ENGINE: {"const": engine}}}, "then": limits})
    return whole


def _marked(whole: Schema, *marks: str) -> dict[str, list[Schema]]:
    """The nodes that ask to be filled in, by their mark, which is taken off. One walk, as each start makes it."""
    found: dict[str, list[Schema]] = {mark: [] for mark in marks}
    waiting: list[Any] = [whole]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            asked: Schema = node.get("x-llem") or {}
            for mark in marks if asked else ():
                if asked.get(mark):
                    del node["x-llem"]
                    found[mark].append(node)
            node = node.values()
        waiting += [child for child in node if isinstance(child, (dict, list))]
    return found


def follow(node: Schema, whole: Schema | None = None) -> Schema:
    """The schema that `node` refers to, or `node` itself."""
    while "$ref" in node:
        node = (whole or bundle())["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return node


def _walk(node: Schema, whole: Schema, path: Path) -> Iterator[Field]:
    for name, child in node.get("properties", {}).items():
        child = follow(child, whole)
        branches = [follow(branch, whole) for branch in child.get("anyOf", ())]
        sections = [part for part in (child, *branches) if "properties" in part]
        if child not in sections or "calls" in child.get("x-llem", {}):
            yield Field((*path, name), child, opens=bool(sections) and child not in sections)
        for section in sections:
            yield from _walk(section, whole, (*path, name))


@cache
def fields() -> tuple[Field, ...]:
    """Every setting of the document, in the order of the schema, sections opened."""
    return tuple({field.path: field for field in _walk(bundle(), bundle(), ())}.values())


@cache
def _paths() -> frozenset[Path]:
    return frozenset(field.path for field in fields())


def is_setting(path: Path) -> bool:
    """Whether a setting stands at `path`, and no section or free key."""
    return path in _paths()


def section(path: Path) -> Schema:
    """The schema of the object at `path`, for example ("decoder",)."""
    node = bundle()
    for part in path:
        node = follow(node["properties"][part])
    return node


def engine_fields(engine: str) -> list[Field]:
    """The settings of the engine's own section."""
    return [field for field in fields() if field.path[0] == engine]


def _rules(node: Schema, home: str) -> Iterator[Rule]:
    for part in node.get("allOf", ()):
        if "x-llem-rule" in part:
            yield Rule(part["x-llem-rule"], part, home)


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule of the document: those of the document itself, then those of its sections."""
    found = list(_rules(bundle(), ""))
    for name in bundle()["properties"]:
        found += _rules(follow(bundle()["properties"][name]), name)
    return (*found, *checks())


@cache
def checks() -> tuple[Rule, ...]:
    """The rules that compare two settings (`x-llem-check`); the annotation says which and how."""
    return tuple(Rule(check, check, "") for check in bundle().get("x-llem-check", ()))


@cache
def advice() -> tuple[Rule, ...]:
    """Every advice: what settles a resolved document, what only reports, and the comparisons."""
    return (*_rules(advice_schema(), ""), *comparisons())


@cache
def comparisons() -> tuple[Rule, ...]:
    """The advice that compares two settings, in the same form."""
    return tuple(Rule(check, check, "") for check in advice_schema()["x-llem-check"])


@cache
def preflight_schema() -> Schema:
    """What is said of a settled document together with facts about its models and the machine, as one schema."""
    whole = dict(read("preflight.schema.json"))
    return {"$schema": whole.pop("$schema"), "$id": f"urn:llem:preflight:{version()}", **whole}


@cache
def preflight() -> tuple[Rule, ...]:
    """Every rule that is judged right before a run, the comparisons last."""
    return (*_rules(preflight_schema(), PREFLIGHT_ENGINE), *preflight_comparisons())


@cache
def preflight_comparisons() -> tuple[Rule, ...]:
    """The rules of a run that compare a setting with a fact (`x-llem-check`)."""
    return tuple(Rule(check, check, PREFLIGHT_ENGINE) for check in preflight_schema()["x-llem-check"])


@cache
def look_alikes() -> tuple[tuple[Rule, str], ...]:
    """(advice, setting) for each setting whose keys should not look like the name of another setting."""
    return tuple(
        (rule, name)
        for rule in advice()
        for name, part in rule.node.get("properties", {}).items()
        if part.get("x-llem", {}).get("resembles")
    )
