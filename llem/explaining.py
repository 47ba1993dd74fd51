"""Prints a plan for people: the calls, where each argument comes from, what has no effect, what is left open."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from llem import script
from llem.asked import DEFAULT
from llem.planning import Plan


def explained(plan: Plan) -> str:
    """The plan as text, one argument a line."""
    lines = []
    for call in plan.calls:
        lines.append(f"{call.target}(")
        width = max((len(_argument(plan, key, one.value)) for key, one in call.arguments.items()), default=0)
        for key, one in call.arguments.items():
            source = f"{one.origin}: {one.path}" if one.path else one.origin
            lines.append(f"    {_argument(plan, key, one.value):<{min(width, 60)}}  # {source}")
        lines.append(")")
    lines += ["", "Not sent as it stands:" if plan.unsent else "Every setting is sent as it stands."]
    for setting in plan.unsent:
        instead = f", sent as {setting.sent!r}" if setting.sent is not None else ""
        lines.append(
            f"    {setting.path}: {setting.value!r} ({setting.origin}){instead}. {setting.reason} [{setting.rule}]"
        )
    rest = [row for row in plan.settings() if row.verdict == DEFAULT]
    known = [f"{row.path} ({json.dumps(row.effective)})" if row.effective is not None else row.path for row in rest]
    lines += ["", "Left to the library:" if rest else "Nothing is left to the library."]
    lines += textwrap.wrap(
        ", ".join(known), 110, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return "\n".join(lines)


def _argument(plan: Plan, key: str, value: Any) -> str:
    if key == "*":
        return f"{script.source(plan, value)},"
    if isinstance(value, dict) and "$call" in value:
        return f"{key}={plan.call(value['$call']).target}(…),"  # type: ignore[union-attr]
    return f"{key}={script.source(plan, value)},"
