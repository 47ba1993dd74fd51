"""Listens to what the libraries say while they work, and passes it on as before: nothing is hidden or said twice."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from llem import spec

Heard = dict[str, Any]


@contextmanager
def listening(heard: list[Heard]) -> Iterator[None]:
    """Add to `heard` each warning that a library logs or gives: its `message`, its `logger`, what it is `explained_by`.

    Messages that differ in their numbers only are heard once.
    """
    known: set[tuple[str, str]] = set()

    def hear(logger: str, message: str) -> None:
        key = logger, re.sub("[0-9]+", "0", message)
        if key not in known:
            known.add(key)
            heard.append({"message": message, "logger": logger, "explained_by": explained_by(message)})

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        module = _module(filename)
        for_developers = issubclass(category, DeprecationWarning | PendingDeprecationWarning)
        if module.partition(".")[0] != __package__ and not for_developers:
            hear(module, str(message))
        shown(message, category, filename, lineno, file, line)

    handler = _Handler(hear)
    loggers = [logging.getLogger(name) for name in spec.warnings()["loggers"]]
    with warnings.catch_warnings():
        shown, warnings.showwarning = warnings.showwarning, show
        for logger in loggers:
            logger.addHandler(handler)
        try:
            yield
        finally:
            for logger in loggers:
                logger.removeHandler(handler)


def explained_by(message: str) -> str | None:
    """The entry of schema/warnings.json that explains the message of a library; None when there is none."""
    for entry in spec.warnings()["explained"]:
        if re.search(entry["pattern"], message):
            return str(entry["id"])
    return None


class _Handler(logging.Handler):
    """Hears records at the loggers it is added to."""

    def __init__(self, hear: Any) -> None:
        super().__init__(logging.WARNING)
        self.hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        self.hear(record.name, record.getMessage())
        logger: logging.Logger | None = logging.getLogger(record.name)
        while logger is not None:
            if any(handler is not self for handler in logger.handlers):
                return
            logger = logger.parent if logger.propagate else None
        if logging.lastResort:  # Python prints what no handler is there for, and that is so again without this one
            logging.lastResort.handle(record)


def _module(filename: str) -> str:
    """The dotted name of the module in a file."""
    parts = Path(filename).with_suffix("").parts
    for home in ("site-packages", "dist-packages"):
        if home in parts:
            return ".".join(parts[parts.index(home) + 1 :])
    here = Path(__file__).parent
    return f"{__package__}.{parts[-1]}" if Path(filename).is_relative_to(here) else parts[-1]
