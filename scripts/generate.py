"""Writes everything in generated/ from schema/. With --check it writes nothing and fails when something is stale."""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

import kit
import nodejs

from llem import introspection, spec, starting

ROOT = Path(__file__).resolve().parent.parent
COMMAND = "python scripts/generate.py"
MARK = f"Written by `{COMMAND}` from schema/. Do not edit."
MODEL_FLAGS = """
    --input-file-type jsonschema --output-model-type pydantic_v2.BaseModel --base-class llem.modelbase.LlemModel
    --use-title-as-name --enum-field-as-literal all --collapse-root-models --use-type-alias --use-annotated
    --use-single-dict-for-object-maps --use-typed-nullable-map-values --use-schema-description
    --use-field-description --use-attribute-docstrings --use-single-line-docstring --use-double-quotes
    --target-python-version 3.11 --disable-timestamp --formatters ruff-check ruff-format
"""


def outputs() -> dict[str, str]:
    """Every generated file: its path below generated/ and its text."""
    schemas = {
        "llem.schema.json": spec.bundle(),
        "llem.advice.schema.json": spec.advice_schema(),
        "llem.preflight.schema.json": spec.preflight_schema(),
        "llem.editor.schema.json": editor(),
        "llem.draft07.schema.json": draft07(),
        "llem.types.schema.json": types(),
    }
    texts = {name: json.dumps(schema, indent=2, ensure_ascii=False) + "\n" for name, schema in schemas.items()}
    return {
        "__init__.py": f'"""The specification in other forms. {MARK}"""\n',
        **texts,
        "python/__init__.py": models(),
        "docs/fields.md": fields_page(),
        "docs/rules.md": rules_page(),
        "docs/matrix.md": matrix_page(),
        **{f"starters/{name}.llem.yaml": f"# {MARK}\n{starting.starter(name)}" for name in spec.templates()},
        **{f"npm/{name}": text for name, text in texts.items()},
        **npm(),
        "go/go.mod": f"// {MARK}\n\nmodule llem\n\ngo 1.19\n",
        "rust/Cargo.toml": CARGO.format(mark=MARK, version=spec.version()),
        **{name: marked(name, text) for name, text in kit.outputs().items()},
    }


def marked(name: str, text: str) -> str:
    """A page with the mark of what is generated; JSON as it is."""
    return f"<!-- {MARK} -->\n\n{text}" if name.endswith(".md") else text


CARGO = """# {mark}

[package]
name = "llem"
version = "{version}"
edition = "2021"
license = "MIT"

[dependencies]
serde = {{ version = "1", features = ["derive"] }}
serde_json = "1"
"""


def npm() -> dict[str, str]:
    """What Node makes, the npm package above all, and what says what the package is."""
    given = {
        "mark": MARK,
        "version": spec.version(),
        "schemas": {"": spec.bundle(), "types": types()},
        "advice": spec.advice_schema(),
        "engines": spec.engines(),
        "names": spec.names(),
    }
    manifest = json.loads((nodejs.TOOLS / "package" / "package.json").read_text(encoding="utf-8"))
    texts = {"README.md": nodejs.TOOLS / "package" / "README.md", "LICENSE.md": ROOT / "LICENSE"}
    return {
        **nodejs.run("build.mjs", given),
        "npm/package.json": json.dumps({**manifest, "version": spec.version()}, indent=2) + "\n",
        **{f"npm/{name}": marked(name, path.read_text(encoding="utf-8")) for name, path in texts.items()},
    }


def models() -> str:
    """The pydantic models, from the types alone: rules and bounds are judged by the schema itself."""
    from datamodel_code_generator.__main__ import main

    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "llem.schema.json"), Path(folder, "models.py")
        source.write_text(json.dumps(types()), encoding="utf-8")
        code = main([*MODEL_FLAGS.split(), "--input", str(source), "--output", str(target)])
        if code:
            raise SystemExit(f"datamodel-code-generator failed with exit code {code}")
        text = target.read_text(encoding="utf-8")
    body = text.partition("\n\n")[2]
    classes = [line.split()[1].partition("(")[0] for line in body.splitlines() if line.startswith("class ")]
    header = f'"""The document as pydantic models: strict, frozen, and held to every rule.\n\n{MARK}\n"""\n\n'
    public = "__all__ = [\n" + "".join(f'    "{name}",\n' for name in sorted(classes)) + "]\n"
    return f"{header}{body.rstrip()}\n\n\n{public}"


def identifier(build: str) -> str:
    """The name of one build of the bundle. It is no address: nothing is fetched."""
    return f"urn:llem:experiment-{build}:{spec.version()}"


def draft07() -> dict[str, Any]:
    """The bundle in the dialect that older validators know: the same words under other names."""
    whole: dict[str, Any] = _in_draft07(spec.bundle())
    return {**whole, "$schema": "http://json-schema.org/draft-07/schema#", "$id": identifier("draft07")}


def _in_draft07(node: Any) -> Any:
    if isinstance(node, list):
        return [_in_draft07(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {"definitions" if key == "$defs" else key: _in_draft07(value) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        out["$ref"] = node["$ref"].replace("#/$defs/", "#/definitions/")
    return out


def editor() -> dict[str, Any]:
    """The bundle for editors: it refuses the same documents, in the words of the rules, and describes what it offers.

    Editors have no message for `not`, so patterns take its place; and they write a `default` into the document, so it
    is told in the description instead.
    """
    whole: dict[str, Any] = _for_editors(spec.bundle())
    return {**whole, "$id": identifier("editor")}


def _for_editors(node: Any, sentence: str = "") -> Any:
    """A part of the bundle as editors need it; `sentence` is that of the rule it stands in."""
    if isinstance(node, list):
        return [_for_editors(item, sentence) for item in node]
    if not isinstance(node, dict):
        return node
    sentence = node.get("x-llem-rule", {}).get("message", sentence)
    out: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "patternProperties", "$defs"):
            out[key] = {name: _for_editors(child, sentence) for name, child in value.items() if not _is_refused(child)}
        elif key in ("allOf", "anyOf", "additionalProperties", "items", "then", "else"):
            out[key] = _for_editors(value, sentence)
        elif key not in ("title", "default", "not") and not key.startswith("x-llem"):
            out[key] = value
    _write_patterns(out, node)
    _describe(out, node)
    _tell_forms_apart(out)
    if sentence:
        _say(sentence, out)
    return out


def _is_refused(node: dict[str, Any]) -> bool:
    """Whether nothing at all may stand here."""
    return node.get("not", True) == {}


def _write_patterns(out: dict[str, Any], node: dict[str, Any]) -> None:
    """State what `not` states as patterns: of a text, or of names that may not be there."""
    refused, wanted = node.get("not", {}).get("pattern"), node.get("pattern")
    if refused:
        out["pattern"] = f"^(?![\\s\\S]*{refused})" + (f"(?=[\\s\\S]*{wanted})" if wanted else "")
    names: dict[str, list[str]] = {}
    for name, child in node.get("properties", {}).items():
        if _is_refused(child):
            names.setdefault(child.get("x-llem", {}).get("message", ""), []).append(re.escape(name))
    for sentence, alike in names.items():  # no value is a text that matches `a^`
        nothing = {"type": "string", "pattern": "a^", **({"errorMessage": sentence} if sentence else {})}
        out.setdefault("patternProperties", {})[f"^({'|'.join(alike)})$"] = {**nothing, "doNotSuggest": True}
    for part in out.get("allOf", ()):  # up to `additionalProperties`, which would refuse the names in its own words
        out.setdefault("patternProperties", {}).update(part.pop("patternProperties", {}))
    for key in ("properties", "patternProperties"):
        if not out.get(key, True):
            del out[key]


def _describe(out: dict[str, Any], node: dict[str, Any]) -> None:
    """Add the descriptions, and values that editors may write."""
    if "description" in node:
        out["markdownDescription"] = described(node)
    if any(notes := [value_note(node, value) for value in node.get("enum", ())]):
        out["markdownEnumDescriptions"] = notes
    if "pattern" in node and "expected" in node.get("x-llem", {}):
        out["errorMessage"] = f"This is not {node['x-llem']['expected']}."
    if node.get("minimum", 0) > 0:  # editors fill in 0 otherwise
        out.setdefault("examples", [node.get("default", node["minimum"])])
    if "examples" in node and "anyOf" in node:  # among others, they offer a mapping as "[object Object]"
        out["examples"] = [example for example in node["examples"] if not isinstance(example, dict)]


def _tell_forms_apart(out: dict[str, Any]) -> None:
    """Of several forms editors show the message of one, not always that of the right one, so all have the same.

    Forms with the same `properties`, or with none, are one and the same to the pointer that rests on them.
    """
    forms = out.get("anyOf", ())
    messages = [form["errorMessage"] for form in forms if "errorMessage" in form]
    for form in forms:
        form.update({"errorMessage": messages[0]} if messages else {})
        if "properties" not in spec.follow(form):
            form["properties"] = {}


def _say(sentence: str, out: dict[str, Any]) -> None:
    """Give the leaves of a rule its sentence; what stands in a rule is offered by the section, not by the rule."""
    for key in ("properties", "patternProperties"):
        for child in out.get(key, {}).values():
            child["doNotSuggest"] = True
            if "maximum" in child:  # of which editors only speak in their own words
                child["enum"] = [*range(1, child.pop("maximum") + 1), None]
            if not child.keys() & {"properties", "patternProperties", "allOf"}:
                child.setdefault("errorMessage", sentence)


def described(node: dict[str, Any]) -> str:
    """The description of a setting in Markdown, with its default and what its values need."""
    parts = [str(node["description"])]
    if node.get("default") not in (None, {}):
        parts.append(f"Default: `{plain(node['default'])}`.")
    if "enum" not in node:
        parts += [
            note if value == spec.ANY else f"`{value}`: {note}"
            for value in node.get("x-llem", {}).get("values", ())
            if (note := value_note(node, value))
        ]
    return "\n\n".join(parts)


def value_note(node: dict[str, Any], value: Any) -> str:
    """What to know of one value of a setting: what it needs, and what it stands for."""
    if value is None:
        return "Unset."
    wiring = node.get("x-llem", {})
    key = value if isinstance(value, str) else plain(value)
    preset = wiring.get("presets", {}).get(key, {})
    values = wiring.get("values", {})
    needs = introspection.requirement(values.get(key, values.get(spec.ANY, {})))
    stands_for = ", ".join(f"`{name}: {plain(given)}`" for name, given in preset.items())
    return " ".join(f"{text}." for text in (stands_for, needs) if text)


def plain(value: Any) -> str:
    """A value as it is written in a document."""
    return value if isinstance(value, str) else json.dumps(value)


def types() -> dict[str, Any]:
    """The bundle with nothing but types: what a code generator understands.

    A section may be null where it is used, and not in itself. A setting of an engine has no default here: unset, it
    reads None also where llem sends something.
    """
    whole: dict[str, Any] = _types_only(deepcopy(spec.bundle()))
    whole["$defs"] = {name: node for name, node in whole["$defs"].items() if "type" in node or "anyOf" in node}
    for name, definition in whole["$defs"].items():
        if definition.get("type") == ["object", "null"]:
            definition["type"] = "object"
        for setting in definition.get("properties", {}).values() if name in spec.engines() else ():
            setting.pop("default", None)
    for name, setting in whole["properties"].items():
        if "$ref" in setting:
            definition = whole["$defs"][name]
            setting.update({key: definition.pop(key) for key in ("default",) if key in definition})
    whole["$id"] = identifier("types")
    return whole


TYPE_WORDS = {
    "$schema", "$id", "$defs", "$ref", "title", "description", "default", "type", "enum",
    "required", "properties", "additionalProperties", "anyOf", "items",
}  # fmt: skip


def _types_only(node: Any) -> Any:
    if isinstance(node, list):
        return [_types_only(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.items() if key in TYPE_WORDS}
    if node.get("additionalProperties") is True:  # any key at all: the type is that of a plain mapping
        kept.pop("properties", None)
    if "patternProperties" in node:
        kept["additionalProperties"] = {"anyOf": list(node["patternProperties"].values())}
    for key in ("properties", "$defs"):
        if key in kept:
            kept[key] = {name: _types_only(child) for name, child in kept[key].items()}
    for key in ("anyOf", "additionalProperties", "items"):
        if key in kept:
            kept[key] = _types_only(kept[key])
    return kept


def fields_page() -> str:
    """One table a section: setting, type, what llem sends when it is unset, meaning, and the calls that receive it."""
    lines = [f"<!-- {MARK} -->", "", "# Fields", ""]
    lines += ["Unset is absent or `null`. “Default” is what llem sends then; “–” leaves the choice to the library.", ""]
    for section in dict.fromkeys(field.path[:-1] for field in spec.fields()):
        title = f"`{'.'.join(section)}`" if section else "The document"
        note = str(spec.section(section).get("description", ""))
        lines += [
            f"## {title}",
            "",
            note,
            "",
            "| Field | Type | Default | Meaning | Goes to |",
            "|---|---|---|---|---|",
        ]
        for field in spec.fields():
            if field.path[:-1] == section:
                default = "–" if field.default in (None, {}) else f"`{json.dumps(field.default)}`".replace('"', "")
                cells = [
                    f"`{field.name}`",
                    introspection.kind(field.schema),
                    default,
                    field.description,
                    goes_to(field),
                ]
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines.append("")
    return "\n".join(lines)


def goes_to(field: spec.Field) -> str:
    """The calls that receive a setting, engine by engine."""
    parts = []
    for engine, entry in spec.engines().items():
        targets = [
            f"`{call}()`" if argument == "()" else f"`{call}({argument}=…)`".replace("(**=", "(**")
            for call, argument in field.targets(engine)
        ]
        if targets:
            parts.append(f"{entry['label']}: {', '.join(targets)}")
    return "; ".join(parts) or "–"


def rules_page() -> str:
    """Rules are errors; advice tells of settings without effect; preflight rules speak of the model too."""
    lines = [f"<!-- {MARK} -->", "", "# Rules", "", "A document that breaks one of these is refused.", ""]
    lines += _rules_table(spec.rules())
    lines += ["", "# Advice", "", "These documents are legal, but do not say what was probably meant.", ""]
    lines += _rules_table([rule for rule in spec.advice() if not rule.annotation.get("quiet")])
    lines += [
        "",
        "# Preflight",
        "",
        "`llem run` refuses these before anything is loaded: see [runs](../../docs/runs.md).",
        "",
    ]
    lines += _rules_table(spec.preflight())
    return "\n".join([*lines, ""])


def _rules_table(rules: Any) -> list[str]:
    lines = ["| Rule | Backend | Combination | Why | What to do |", "|---|---|---|---|---|"]
    for rule in rules:
        texts = [rule.annotation[key] for key in ("combination", "reason", "resolution")]
        lines.append(f"| `{rule.id}` | {rule.backend} | {' | '.join(texts)} |")
    return lines


def matrix_page() -> str:
    """What each engine can do, and what single values need."""
    lines = [f"<!-- {MARK} -->", "", "# Capabilities", "", introspection.get_capability_matrix_markdown(), ""]
    lines += ["# Requirements of values", "", "| Value | Needs |", "|---|---|"]
    lines += [f"| `{path}` | {text} |" for path, text in introspection.get_param_skip_conditions().items()]
    return "\n".join([*lines, ""])


def main() -> None:
    """Write what is stale below generated/, or, with --check, say what is and exit with 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--output", type=Path, default=ROOT / "generated", help="the folder to write (generated/)")
    options = parser.parse_args()
    wanted = outputs()
    stale = False
    for name, text in wanted.items():
        path = options.output / name
        old = path.read_text(encoding="utf-8") if path.is_file() else ""
        if old != text:
            stale = True
            if options.check:
                diff = difflib.unified_diff(
                    old.splitlines(), text.splitlines(), f"generated/{name}", "schema/", "", "", 1, ""
                )
                print(*list(diff)[:20], f"stale: generated/{name}. Run: {COMMAND}", sep="\n", file=sys.stderr)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                print(f"wrote generated/{name}")
    for path in sorted(options.output.rglob("*")) if options.output.is_dir() else ():
        name = path.relative_to(options.output).as_posix()
        if path.is_file() and name not in wanted and "__pycache__" not in name:
            stale = True
            if options.check:
                print(f"not generated any more: generated/{name}. Run: {COMMAND}", file=sys.stderr)
            else:
                path.unlink()
                print(f"removed generated/{name}")
    sys.exit(1 if options.check and stale else 0)


if __name__ == "__main__":
    main()
