"""llem: a configuration specification for LLM inference experiments, and the thin runtime that does what it says."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llem.planning import Plan, plan
    from llem.running import run
    from llem.validation import InvalidDocument, Problem, load_document, problems, validate

__version__ = "0.1.0"

__all__ = ["InvalidDocument", "Plan", "Problem", "load_document", "plan", "problems", "run", "validate"]

_HOMES = {"plan": "planning", "Plan": "planning", "run": "running"}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are first used: validating a document loads what validating needs."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"llem.{_HOMES.get(name, 'validation')}"), name)
