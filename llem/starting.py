"""Writes the documents to start from: the settings of a template among all others, which are commented out."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llem import introspection, reader, resolution, spec

HOW_TO_READ = "`#` without a space stands before what is unset, with the value that holds then: remove it to set it."
WIDTH = 100


def starter(template: str) -> str:
    """The document that `template` stands for, as text.

    Its settings stand below their descriptions, and beside them every other setting that its engine reads, commented
    out. A line that is no comment any more says what held before, until its value is changed.
    """
    entry = spec.templates()[template]
    meant = resolution.resolve(entry["settings"])
    lines = _section((), entry["settings"], meant)
    return "\n".join([*_prose(entry["about"]), *_prose(HOW_TO_READ), *lines, ""])


def modeline(file: Path) -> str:
    """The comment in which the YAML language server reads where the schema for `file` is.

    The path is relative, and so the same in every checkout, where file and schema lie below the working directory.
    """
    schema, folder, here = Path(spec.published("editor")).resolve(), file.resolve().parent, Path.cwd().resolve()
    address = schema.as_uri()
    if schema.is_relative_to(here) and folder.is_relative_to(here):
        relative = Path(os.path.relpath(schema, folder)).as_posix()
        address = address if set(relative) & set(" %") else relative  # neither can be said in a path
    return f"# yaml-language-server: $schema={address}\n"


def _section(path: spec.Path, settings: dict[str, Any], meant: resolution.Resolution) -> Iterator[str]:
    """The lines of the section at `path`, in the order of the schema."""
    for name, node in spec.section(path)["properties"].items():
        node, value, place = spec.follow(node), settings.get(name), (*path, name)
        if name.startswith("$") or (name in spec.engines() and name != meant.engine):
            continue
        if "properties" in node and not spec.is_setting(place):
            lines = list(_section(place, value or {}, meant))
            yield from ("", *_prose(node["description"]), f"{name}:" if value else f"#{name}:")
            yield from _inside(lines) if value else (f"#  {line.removeprefix('#')}" for line in lines)
        elif value is None:
            yield f"#{name}: {_written(resolution.get(meant.resolved, place))}  # {_allowed(node)}"
        else:
            yield from ("", *_prose(node["description"]), f"{name}: {_written(value)}")


def _inside(lines: list[str]) -> Iterator[str]:
    """Lines of a section as they stand below its name."""
    return (f"  {line}".rstrip() for line in (lines if lines[0] else lines[1:]))


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


def _allowed(node: spec.Schema) -> str:
    """What a setting may be, in a few words."""
    if "examples" in node:
        return f"for example {', '.join(map(_written, node['examples']))}"
    return introspection.kind(node).replace("`", "")


def _written(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, str) and reader.read(value.encode())[0].data == value:
        return value
    return json.dumps(value, ensure_ascii=False)
