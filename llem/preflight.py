"""Finds what would stop a run, or make it another one, before anything is loaded or written.

What a machine must have stands beside the settings; what a model must be like, in the preflight schema.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from llem import datasets, machine, messages, planning, resolution, spec, verdict


class CannotRun(RuntimeError):
    """The experiment cannot start here, and nothing was written; one line for each reason says what to do."""


def check(plan: planning.Plan) -> str | None:
    """Find what would stop the run; returns the model's commit on the Hub (None for a local one).

    Raises CannotRun.
    """
    if plan.backend != "pytorch":
        raise CannotRun(f"llem does not run {plan.backend}: `llem explain --as python` prints the calls.")
    missing = [name for name in ("torch", "transformers", "accelerate") if find_spec(name) is None]
    if missing:
        raise CannotRun(f"{', '.join(missing)} cannot be imported: install them with `pip install 'llem[run]'`.")
    from llem import examining

    lacking = list(_lacking(plan))
    try:
        model = examining.examine(plan)
        found = [*lacking, *_against_the_model(plan, model)]
        if not found and model.refusal:
            found = [model.refusal]
        if not found:
            datasets.prompts(**plan.kwargs("prompts"))
    except ImportError as error:  # of a package that a value of a setting needs
        found = lacking or [str(error)]
    except (datasets.DatasetError, examining.CannotRead, ValueError, OSError) as error:
        found = [*lacking, str(error)]  # ValueError, OSError: a built-in model that is unknown, or cannot be made
    if found:
        raise CannotRun("\n".join(found))
    return model.commit


def reasons(plan: planning.Plan) -> list[str]:
    """Why the plan cannot run here, one line each; [] when it can."""
    try:
        check(plan)
    except CannotRun as error:
        return str(error).splitlines()
    return []


def _lacking(plan: planning.Plan) -> Iterator[str]:
    """What values of settings need that this machine does not have."""
    available, sent = machine.present(), resolution.resolve(plan.document).settled
    for field in spec.fields():
        value = resolution.get(sent, field.path)
        lack = "" if value is None else machine.lacks(field, value, available)
        if lack:
            yield f"{field.dotted}: {messages.shown(value)} {lack}"


def _against_the_model(plan: planning.Plan, model: Any) -> Iterator[str]:
    """What the rules of the preflight schema say of the document, the model and the machine together."""
    for path in model.absorbed:
        yield f"{path}: The model's configuration has this attribute and would absorb it without a word: remove it."
    known = {"document": resolution.resolve(plan.document).settled, **model.facts}
    found: dict[Any, str] = {}
    for one in (*verdict.preflight(known), *verdict.compared(known, spec.preflight_comparisons())):
        if one.rule is not None:
            text = f"{messages.dotted(one.path[1:])}: {one.rule.annotation['message']} [{one.rule.id}]"
            found.setdefault(one.path, text)
    yield from found.values()
