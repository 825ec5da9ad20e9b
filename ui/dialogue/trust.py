"""The commands that a person has allowed the partner to run without asking."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

# Syntax that makes a line more than one simple command, or hides its effect.
_NOT_PLAIN: Final = re.compile(r"[;&|<>$`(){}\n\\!]|^\s*\w+=")


def covers(pattern: str, command: str) -> bool:
    """Return whether an allowed pattern allows a command.

    It must be one simple command: no pattern covers a line with several commands,
    redirections or substitutions.
    """
    return _NOT_PLAIN.search(command) is None and fnmatchcase(command, pattern)


class Trust:
    """The patterns and commands that the person has allowed permanently."""

    def __init__(self) -> None:
        self._patterns: set[str] = set()
        self._commands: set[str] = set()

    def add(self, *, pattern: str = "", command: str = "") -> None:
        """Allow a pattern, or one exact command."""
        self._patterns |= {pattern} - {""}
        self._commands |= {command} - {""}

    def covers(self, command: str) -> bool:
        """Return whether a command may run without asking."""
        return command in self._commands or any(
            covers(it, command) for it in self._patterns
        )
