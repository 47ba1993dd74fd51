"""Writes everything in generated/ from schema/. With --check it writes nothing and fails when something is stale."""

from __future__ import annotations

import argparse
import difflib
import json
import sys
import tempfile
from copy import deepcopy
from pathlib import Path
from typing import Any

from llem import introspection, spec

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
    return {
        "__init__.py": f'"""The specification in other forms. {MARK}"""\n',
        "llem.schema.json": json.dumps(spec.bundle(), indent=2, ensure_ascii=False) + "\n",
        "llem.advice.schema.json": json.dumps(spec.advice_schema(), indent=2, ensure_ascii=False) + "\n",
        "python/__init__.py": models(),
        "docs/fields.md": fields_page(),
        "docs/rules.md": rules_page(),
        "docs/matrix.md": matrix_page(),
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


def types() -> dict[str, Any]:
    """The bundle with nothing but types: what a code generator understands.

    A section may be null where it is used, and not in itself. A setting of an engine has no default here: unset, it
    reads None also where llem sends something.
    """
    whole: dict[str, Any] = _types_only(deepcopy(spec.bundle()))
    for name, definition in whole["$defs"].items():
        if definition.get("type") == ["object", "null"]:
            definition["type"] = "object"
        for setting in definition.get("properties", {}).values() if name in spec.engines() else ():
            setting.pop("default", None)
    for name, setting in whole["properties"].items():
        if "$ref" in setting:
            definition = whole["$defs"][name]
            setting.update({key: definition.pop(key) for key in ("default",) if key in definition})
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
    """Rules are errors; advice tells of settings without effect."""
    lines = [f"<!-- {MARK} -->", "", "# Rules", "", "A document that breaks one of these is refused.", ""]
    lines += _rules_table(spec.rules())
    lines += ["", "# Advice", "", "These documents are legal, but a setting in them has no effect as it stands.", ""]
    lines += _rules_table([rule for rule in spec.advice() if not rule.annotation.get("quiet")])
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
