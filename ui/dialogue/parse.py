"""Making commands of what was typed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from .arguments import UsageError, split_word
from .commands import REGISTRY, Exit, Say
from .quoting import UnbalancedQuoteError
from .shell_blocks import BlockLine, may_go_on

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


def is_private(line: str) -> bool:
    """Tell whether a command concerns only the chat in which it was typed."""
    text = line.strip()
    name, _ = split_word(text)
    return text in _LEAVING or (name in REGISTRY and REGISTRY.find(name).private)


def bash_part(line: str) -> str | None:
    """Return the end of a line that bash gets; None if the line starts no bash job."""
    text = line.lstrip()
    if text.startswith("!"):
        return text[1:]
    name, rest = split_word(text)
    if name not in REGISTRY:
        return None
    return REGISTRY.find(name).bash_part(rest)


def block_lines(text: str) -> tuple[BlockLine, ...]:
    """Return the lines of an input about which bash is asked; none if it is not.

    It may be several commands: a person who pastes those means each of them. Or it may
    be a command for bash that goes on in a line that is not there yet.
    """
    lines = text.split("\n")
    written = [line for line in lines if line.strip()]
    if not written or not _begins_command(written[0]):
        return ()
    if len(written) == 1:
        shell = bash_part(written[0])
        if not shell or not may_go_on(shell.rstrip()):
            return ()
    return tuple(
        BlockLine(line, bash_part(line), _begins_command(line)) for line in lines
    )


def _begins_command(line: str) -> bool:
    """Tell whether a line is a command, or the first line of one for bash."""
    name, _ = split_word(line)
    if name.startswith("!"):
        return len(name) > 1  # alone it negates, in a script
    if name not in REGISTRY:
        return False
    if bash_part(line) is not None:
        return True
    import shlex  # noqa: PLC0415 - several lines at once are rare

    try:
        shlex.split(line)
    except ValueError:
        return False  # a quote or a backslash goes on in the next
    return True
