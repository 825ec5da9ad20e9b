"""Making commands of what was typed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from .arguments import UsageError, split_word
from .commands import REGISTRY, Exit, Say
from .quoting import UnbalancedQuoteError

if TYPE_CHECKING:
    from .registry import Command


_LEAVING: Final = {"exit", "quit", "logout", ":q", ":q!", ":wq", ":x"}
"""What people type to leave other programs."""


def parse(line: str) -> Command:
    """Make a command of what was typed.

    What starts with neither `/` nor `!` is a chat message, but for a word with which
    one leaves other programs. So is what starts with a path instead of a command, and
    what starts with `//`, without the first slash.

    Raises:
        UsageError: If it makes no sense.
    """
    text = line.strip("\r\n").lstrip()
    try:
        if text.startswith("//"):
            return Say(text[1:].rstrip())
        if text.startswith("!"):
            return REGISTRY.parse("!", text[1:])
        if text.startswith("/"):
            name, rest = split_word(text)
            if _is_path(name):
                return Say(text.rstrip())
            return REGISTRY.parse(name, rest)
    except UnbalancedQuoteError as error:
        raise UsageError(f"{error}; add it") from error
    if text.rstrip() in _LEAVING:
        return Exit()
    return Say(text.rstrip())


def _is_path(word: str) -> bool:
    if word in REGISTRY or len(word) == 1:
        return False
    return "/" in word[1:] or os.path.lexists(word)


def bash_part(line: str) -> str | None:
    """Return the end of a line that bash gets; none if the line starts no bash job."""
    text = line.lstrip()
    if text.startswith("!"):
        return text[1:]
    name, rest = split_word(text)
    if name not in REGISTRY:
        return None
    return REGISTRY.find(name).bash_part(rest)


def split_commands(text: str) -> list[str]:
    """Return the commands of an input that is nothing but commands, one a line.

    Whoever pastes several means each of them; any other input of several lines is one
    message, or one command with a script.
    """
    lines = [line for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 1 and all(map(_is_command, lines)) else [text]


def _is_command(line: str) -> bool:
    """Tell whether a line is a command, whole by itself."""
    import shlex  # noqa: PLC0415 - several lines at once are rare

    try:
        shlex.split(line)
    except ValueError:
        return False  # a quote or a backslash goes on in the next
    if "<<" in line:
        return False
    name, _ = split_word(line)
    if name.startswith("!"):
        return len(name) > 1  # alone it negates, in a script
    return name in REGISTRY
