"""Parse typed lines into commands."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import brief
from .arguments import UsageError, split_word, task_id
from .commands import REGISTRY, SEND, Exit, Say
from .quoting import UnbalancedQuoteError
from .shell_blocks import BlockLine, may_be_unfinished

if TYPE_CHECKING:
    from .registry import Command


_LEAVING: Final = {"exit", "quit", "logout", ":q", ":q!", ":wq", ":x"}
"""Words that leave other programs."""
_FAREWELLS: Final = {"q", "bye", "leave"}
# Compiled on first use: compiling it at import would slow down each start.
_SHELL_STATE: Final = r"\s*!\s*(?:cd|export|alias|source)\b[^;&|\n]*"
"""A command that only changes the shell in which it runs."""


def parse(line: str) -> Command:
    """Parse a typed line into a command.

    Text that starts with neither `/` nor `!` is a chat message, except for words that
    leave other programs. Text that starts with a path is a message, too, and text that
    starts with `//`, without the first slash.

    Raises:
        UsageError: If the line is invalid.
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
    """Return whether a command concerns only the chat in which it was typed."""
    text = line.strip()
    name, _ = split_word(text)
    return text in _LEAVING or (name in REGISTRY and REGISTRY.find(name).private)


def sends_input(text: str) -> bool:
    """Return whether a line of a typed text sends input to a task."""
    names = (split_word(line.lstrip())[0] for line in text.split("\n"))
    return any(name in REGISTRY and REGISTRY.find(name) is SEND for name in names)


def without_input(text: str) -> str:
    """Return a command as it is stored: without input for a task, maybe a password."""
    name, rest = split_word(text)
    if not rest or not sends_input(name):
        return text
    task, sent = split_word(rest)
    try:
        task_id(task)
    except UsageError:
        return f"{name} …"  # its id was forgotten
    return f"{name} {task} …" if sent else text


def line_hint(line: str, *, notes: bool) -> str:
    """Return a hint if a line was probably meant as something else; else empty.

    `notes` means that messages are only notes, since there is no partner.
    """
    words = line.lower().split()
    if re.fullmatch(_SHELL_STATE, line):
        return (
            "this affects no other job: each has its own shell; use !cd DIR && COMMAND"
        )
    is_note = words and not line.lstrip().startswith(("/", "!"))
    if not notes or not is_note or line.strip() in _LEAVING:
        return ""
    name = "/quit" if words[0] in _FAREWELLS else f"/{words[0]}"
    if len(words) == 1 and name in REGISTRY:
        return f"kept as a note; the command is {name}"
    from shutil import which  # noqa: PLC0415 - most chats don't need it

    runs = "/" not in words[0] and which(line.split(maxsplit=1)[0]) is not None
    return f"kept as a note; to run it: !{brief(line.strip())}" if runs else ""


def bash_part(line: str) -> str | None:
    """Return the end of a line that bash gets; None if the line has no bash job."""
    text = line.lstrip()
    if text.startswith("!"):
        return text[1:]
    name, rest = split_word(text)
    if name not in REGISTRY:
        return None
    return REGISTRY.find(name).bash_part(rest)


def block_lines(text: str) -> tuple[BlockLine, ...]:
    """Return the lines of an input that bash has to check; empty if it needn't.

    The input may be several commands, such as a paste, each of which is to run. Or it
    may be a bash command that continues in a line that is not typed yet.
    """
    lines = text.split("\n")
    written = [line for line in lines if line.strip()]
    if not written or not _begins_command(written[0]):
        return ()
    if len(written) == 1:
        shell = bash_part(written[0])
        if not shell or not may_be_unfinished(shell.rstrip()):
            return ()
    return tuple(
        BlockLine(line, bash_part(line), _begins_command(line)) for line in lines
    )


def _begins_command(line: str) -> bool:
    """Return whether a line is a command, or the first line of a bash command."""
    name, _ = split_word(line)
    if name.startswith("!"):
        return len(name) > 1  # a lone ! negates a command in a script
    if name not in REGISTRY:
        return False
    if bash_part(line) is not None:
        return True
    import shlex  # noqa: PLC0415 - several lines at once are rare

    try:
        shlex.split(line)
    except ValueError:
        return False  # a quote or a backslash continues in the next line
    return True
