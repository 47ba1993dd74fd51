"""What `llem explain` says before a run, against the record after it."""

from __future__ import annotations

from collections.abc import Iterator

from llem import asked, validation
from llem.planning import Plan
from llem.running import Result

MAY_BE_SENT = {"pytorch.trust_remote_code"}
"""Whether there is something to read is not known before the model is."""


def disagreements(plan: Plan, result: Result) -> Iterator[str]:
    """Where the record of a finished run says otherwise than the plan did, and what no advice has explained."""
    before, after = plan.settings(), result.settings
    if [row.path for row in before] != [row.path for row in after]:
        yield "the tables have other rows"
    for said, became in zip(before, after, strict=False):
        as_said = (said.verdict, said.read) == (became.verdict, became.read) or said.path in MAY_BE_SENT
        if not as_said or (said.effective is not None and said.effective != became.effective):
            yield f"{said.path}: predicted {tuple(said[1:])}, became {tuple(became[1:])}"
        elif became.verdict == asked.CHANGED:
            yield f"{became.path}: changed to {became.effective!r}"
    for heard in result.unexplained:
        yield f"unexplained: {heard['message']}"
    if not validation.problems(plan.document, advice=True):
        for heard in result.content["effective"]["warnings"]:
            if "may be ignored" in heard["message"]:
                yield f"no advice: {heard['message']}"
