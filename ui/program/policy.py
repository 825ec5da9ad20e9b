"""Matches commands against patterns of the configuration."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_BETWEEN: Final = re.compile(r"&&|\|\||[;&|\n(){}`]|\$\(")
_ASSIGNMENTS: Final = re.compile(r"(?:[A-Za-z_]\w*=\S*\s+)+")


def matching(patterns: Iterable[str], command: str) -> str | None:
    """Return the first pattern that matches a command line or a command in it.

    Only a guard against mistakes: a command can be written in a way that no pattern
    matches.

    Args:
        patterns: Shell patterns with `*` and `?`, for a whole command: `git push*`.
        command: A command line for `bash -c`.
    """
    commands = {command.strip()}
    for part in _BETWEEN.split(command):
        plain = " ".join(part.split())
        commands.add(plain)
        # Only at the start: a search takes a minute for a word of 200 kB.
        if (before := _ASSIGNMENTS.match(plain)) is not None:
            commands.add(plain[before.end() :])
    for pattern in patterns:
        if any(fnmatchcase(it, pattern) for it in commands):
            return pattern
    return None
