"""Turns Ctrl-C and a request to end into one KeyboardInterrupt, raised where it loses nothing."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Python ends with a signal after a plain KeyboardInterrupt that went through `exec`, even when it was caught."""


class Interruption:
    """While it is open (`with Interruption() as interruption`), signals are only noted, and but once.

    Inside `allowed()` a signal raises KeyboardInterrupt at once; inside `held()`, nested in it, at its end. In a thread
    other than the main one, where no signal arrives, it does nothing.
    """

    def __init__(self) -> None:
        self.asked = False
        self._open = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def never_mind(self) -> None:
        """From here on to the end of the process, ignore signals: everything is written already."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)
        self._before = {}

    def _note(self, *_: object) -> None:
        if not self.asked:
            self.asked = True
            if self._open:
                raise Interrupted

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let a signal, also one that came before, raise KeyboardInterrupt."""
        with self._set(True):
            yield

    @contextmanager
    def held(self) -> Iterator[None]:
        """Do what is inside to its end first."""
        with self._set(False):
            yield

    @contextmanager
    def _set(self, value: bool) -> Iterator[None]:
        before, self._open = self._open, value
        try:
            if value and self.asked:
                raise Interrupted
            yield
        finally:
            asked_inside = self.asked and before and not value
            self._open = before
        if asked_inside:
            raise Interrupted
