"""Find the word of a bash command at the cursor, and write a name in its place."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec

from .quoting import ESCAPED

_BLANKS: Final = " \t\n"
_BREAKS: Final = f"{_BLANKS};|&<>()="
_COMMAND_BREAKS: Final = ";|&(\n"
_SHELLS: Final = {"bash", "sh", "dash", "ksh", "zsh"}
_TAKES_SCRIPT: Final = re.compile(r"-\w*c")
_PLAIN: Final = re.compile(r"[\w./,:@%+=-]")


class ShellWord(msgspec.Struct, frozen=True):
    """The last word of a command that is being typed.

    Attributes:
        start: Its start in the command; it reaches to the end of the command.
        value: Its value after bash's quote removal.
        quote: The open quote; empty if there is none.
        is_command: Whether it names a program instead of an argument.
        expands: Whether a `~` at its start means a home folder.
        inner: The last word of the nested command, if the word is a command itself, as
            in `bash -c "ls /et`. `folder` and `name` are those of the nested word then.
    """

    start: int
    value: str
    quote: str = ""
    is_command: bool = False
    expands: bool = False
    inner: ShellWord | None = None

    @property
    def folder(self) -> str:
        """The folder part, with the trailing `/`; empty for the current folder."""
        path = self._path
        return path[: path.rfind("/") + 1]

    @property
    def name(self) -> str:
        """The start of a name in the folder."""
        path = self._path
        return path[path.rfind("/") + 1 :]

    @property
    def _path(self) -> str:
        return self.inner.folder + self.inner.name if self.inner else self.value


def last_word(command: str) -> ShellWord | None:
    """Find the word at the end of a command; it may be empty.

    Returns:
        The word; None if only bash knows its value, such as that of `$HOME`, or if it
        is part of a comment.
    """
    start, at = 0, 0
    value: list[str] = []
    quote = ""
    is_command, known, tilde = True, True, False
    before: list[str] = []  # the previous words of the same command
    while at < len(command):
        char = command[at]
        if not quote and char in _BREAKS:
            before += ["".join(value)] if value else []
            if char in _COMMAND_BREAKS:
                is_command = True
                before = []
            elif char in "<>=" or value or start < at:
                # An assignment before a command is a value, not an argument.
                is_command = False
            start, value, known, tilde = at + 1, [], True, False
        elif char == quote:
            quote = ""
        elif not quote and char in "\"'":
            quote = char
        elif quote == "'":
            value.append(char)
        elif char == "\\":
            following = command[at + 1 : at + 2]
            if not following:
                return None  # the escaped character is not typed yet
            if quote and following not in ESCAPED:
                value.append(char)
            else:
                value.append(following)
                at += 1
        elif char in "$`" or (not quote and char in "*?["):
            known = False
            value.append(char)
        elif char == "#" and not quote and start == at:
            end = command.find("\n", at)
            if end < 0:
                return None
            at = end - 1
            start = end
        else:
            tilde = tilde or (char == "~" and not quote and start == at)
            value.append(char)
        at += 1
    if not known:
        return None
    text = "".join(value)
    if quote and _takes_script(before, text):
        inner = last_word(text)
        return inner and ShellWord(
            start, text, quote, inner.is_command, inner.expands, inner
        )
    return ShellWord(start, text, quote, is_command, tilde)


def _takes_script(before: list[str], text: str) -> bool:
    """Return whether a quoted word is a command itself, by the words before it."""
    if not before:
        # The whole bash command, unless it is a program with a space in its path.
        return " " in text and text[0] not in "/~."
    shell = any(word.rpartition("/")[2] in _SHELLS for word in before)
    return shell and _TAKES_SCRIPT.fullmatch(before[-1]) is not None


def written(word: ShellWord, name: str) -> str | None:
    """Return a word with another name in its folder, as bash reads it.

    The name of a folder ends with `/`, and that of a file is followed by a space.

    Returns:
        The new word; None if the name can't be written inside the open quote.
    """
    if word.inner is not None:
        end = written(word.inner, name)
        whole = end and _quoted(word.value[: word.inner.start] + end, word.quote)
        return whole and f"{word.quote}{whole}"
    folder, home = word.folder, ""
    if word.expands:
        if not folder:
            return name
        # Inside quotes `~` would be an ordinary name.
        home, folder = folder[: folder.find("/") + 1], folder[folder.find("/") + 1 :]
    text = _quoted(f"{folder}{name}", word.quote)
    if text is None:
        return None
    # The path continues after a folder, inside the open quote.
    end = "" if name.endswith("/") else f"{word.quote} "
    return f"{home}{word.quote}{text}{end}"


def _quoted(text: str, quote: str) -> str | None:
    if not text.isprintable():
        if quote:
            return None
        data = os.fsencode(text)
        return f"$'{''.join(map(_escaped_byte, data))}'"
    if quote == "'":
        return text.replace("'", "'\\''")
    if quote:
        return "".join(f"\\{c}" if c in ESCAPED else c for c in text)
    return "".join(c if _PLAIN.match(c) else f"\\{c}" for c in text)


def _escaped_byte(byte: int) -> str:
    char = chr(byte)
    if char in "'\\":
        return f"\\{char}"
    return char if 32 <= byte < 127 else f"\\x{byte:02x}"  # noqa: PLR2004 - ASCII
