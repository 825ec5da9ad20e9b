"""Which commands the partner may run without asking, as the person has said."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Final

# All that makes more than one plain command of a line, or hides what it does.
_NOT_PLAIN: Final = re.compile(r"[;&|<>$`(){}\n\\!]|^\s*\w+=")


def covers(pattern: str, command: str) -> bool:
    """Tell whether a person who allowed a pattern has allowed a command.

    It has to be one plain command: no pattern covers a line with several, with
    redirections or substitutions.
    """
    return _NOT_PLAIN.search(command) is None and fnmatchcase(command, pattern)


class Trust:
    """What the person has allowed for good."""

    def __init__(self) -> None:
        self._patterns: set[str] = set()
        self._commands: set[str] = set()

    def add(self, *, pattern: str = "", command: str = "") -> None:
        """Note a pattern, or one command, letter by letter."""
        self._patterns |= {pattern} - {""}
        self._commands |= {command} - {""}

    def covers(self, command: str) -> bool:
        """Tell whether a command may run without asking."""
        return command in self._commands or any(
            covers(it, command) for it in self._patterns
        )
