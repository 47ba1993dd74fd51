"""Where the command `llem` starts: files that are all fine are validated without loading a command-line library."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llem.checking import CannotOpen, Checked


def main() -> None:
    """Run the command line; a user's mistake never ends in a traceback."""
    try:
        done = _checked(sys.argv[1:])
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    if done is None or any(_has_something_to_say(file) for file in done):
        from llem import cli

        cli.main(done)
    else:
        sys.stderr.flush()
        os._exit(0)  # taking every module down in order would take a tenth of the time, for nothing


def _checked(words: Sequence[str]) -> list[Checked | CannotOpen] | None:
    """What `llem validate FILE…` found, None for another command, for options, or when there is nothing to check."""
    if len(words) < 2 or words[0] != "validate" or any(word.startswith("-") for word in words):
        return None
    from llem import checking

    wish, missing = checking.Wish(texts=sys.stdout.isatty()), list[checking.CannotOpen]()
    if len(words) == 2 and os.path.isdir(words[1]):  # noqa: PTH112 (Path.is_dir raises for an endless name)
        try:
            done = checking.check_folder(words[1], wish)
        except checking.CannotOpen:
            return None
    else:
        paths = checking.find(words[1:], missing.append)
        if missing:
            return None
        done = checking.check_all(paths, wish)
    if not any(_has_something_to_say(file) for file in done):
        count = sum(file.documents for file in done if isinstance(file, checking.Checked))
        print(checking.summary(count, 0), file=sys.stderr)  # noqa: T201
    return done


def _has_something_to_say(file: Checked | CannotOpen) -> bool:
    return isinstance(file, Exception) or bool(file.problems)
