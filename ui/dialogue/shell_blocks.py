"""Whether a bash command goes on in the next line; bash itself is asked."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec

LONGEST: Final = 100_000
"""Bytes of the longest command; what is longer can't be given to a process."""

_TIMEOUT: Final = 5.0  # seconds for one question
_PLAIN: Final = re.compile(r"""(?:[\w \t./=:,@%+;|&>~*?-]|"[^"\\`$]*"|'[^']*')+""")
_OPENING: Final = {
    *("if", "then", "else", "elif", "for", "while", "until", "do", "case", "in"),
    *("select", "function", "time", "coproc"),
}
# Bounded: bash quotes the command, which may be one word of many kilobytes.
_EOF: Final = r".{0,200}?\S{1,100} line \d{1,9}: (?:syntax error: |warning: )?"
_HERE: Final = re.compile(
    rf"^{_EOF}here-document at line \d+ delimited by end-of-file \(wanted `(.*)'\)$",
    re.MULTILINE,
)
_PAIR: Final = re.compile(
    rf"^{_EOF}unexpected EOF while looking for matching `(.)'$", re.MULTILINE
)
_END: Final = re.compile(rf"^{_EOF}unexpected (?:EOF|end of file)\b.*$", re.MULTILINE)


class Missing(msgspec.Struct, frozen=True):
    """What a command lacks.

    Attributes:
        text: For people.
        line: The next line that can end it, if it is known as a whole.
        part: What the next line that can end it has to contain; empty if anything.
    """

    text: str
    line: str | None = None
    part: str = ""

    def may_end_with(self, line: str) -> bool:
        """Tell whether this line may be the last one."""
        if self.line is not None:
            return line.lstrip("\t") == self.line
        return self.part in line


def missing(command: str) -> Missing | None:
    """Return what a bash command lacks, or None if it is whole or just wrong.

    Asks bash, unless the command is so plain that nothing can be missing. Blocks for
    milliseconds, and for 5 s at most; then, and without a bash, nothing is missing.
    """
    if _is_plain(command):
        return None
    said = _said_by_bash(command)
    if here := _HERE.search(said):
        return Missing(f"the line {here[1]}", line=here[1])
    if pair := _PAIR.search(said):
        return Missing(f"a closing {pair[1]}", part=pair[1])
    if _END.search(said):
        return Missing("the rest of it")
    slashes = len(command) - len(command.rstrip("\\"))
    if slashes % 2 and _said_by_bash(f"{command[:-1]}'"):
        # Without it a quote opens there, so it is no part of a comment.
        return Missing("the line after the backslash")
    return None


def may_go_on(command: str) -> bool:
    """Tell whether a line looks as if it might lack something; bash knows.

    One that does and is not noticed fails, and bash says why.
    """
    return (
        command.endswith(("\\", "|", "&"))
        or any(command.count(quote) % 2 for quote in "\"'`")
        or any(command.count(a) > command.count(b) for a, b in ("()", "{}"))
        or "<<" in command
        or not _OPENING.isdisjoint(re.findall(r"\w+", command))
    )


def _is_plain(command: str) -> bool:
    if not _PLAIN.fullmatch(command) or command.rstrip().endswith(("|", "&")):
        return False
    return _OPENING.isdisjoint(re.findall(r"\w+", command))


def _said_by_bash(command: str) -> str:
    """Return what bash has against a command; it only reads it."""
    import subprocess  # noqa: PLC0415 - most commands are plain

    environment = {**os.environ, "LC_ALL": "C"}
    environment.pop("BASH_ENV", None)
    # It inherits the signals that this program blocks, and so it should: a Ctrl+Z or
    # Ctrl+C of the terminal, which reaches all of the group, would stop or end it, and
    # half a command would pass for a whole one. Nothing but SIGKILL has to end it.
    try:
        done = subprocess.run(
            ["bash", "-n", "-c", command],  # noqa: S607 - the one that runs it
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    return done.stderr.decode("utf-8", "replace")


class BlockLine(msgspec.Struct, frozen=True):
    """A line of an input that may be several commands.

    Attributes:
        text: It.
        shell: The part of it that bash gets; None if it begins no bash command.
        begins: Whether it can begin a command.
    """

    text: str
    shell: str | None
    begins: bool


def commands_of(lines: tuple[BlockLine, ...]) -> tuple[str, ...] | Missing | None:
    """Return the commands that the lines are; None if they are one as a whole.

    Blocks while bash is asked where each of its commands ends. If the last one goes on
    in a line that is not there yet, returns what it lacks.
    """
    joiner = Joiner()
    found: list[str] = []
    for line in lines:
        if joiner.missing is None:
            if not line.text.strip():
                continue
            if not line.begins:
                return _missing_of_script(lines)
        command = joiner.take(line.text, line.shell)
        if command is not None:
            found.append(command)
        elif joiner.too_long:
            return None
    return joiner.missing or tuple(found)


def _missing_of_script(lines: tuple[BlockLine, ...]) -> Missing | None:
    """Return what lines lack that are one command."""
    first = next(it for it in lines if it.text.strip())
    if first.shell is None:
        return None
    text = "\n".join(it.text for it in lines)
    return missing(text[text.index(first.shell) :])


class Joiner:
    """Joins the lines of bash commands that go on; takes one line after the other."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._missing: Missing | None = None

    @property
    def missing(self) -> Missing | None:
        """What the command that has begun lacks; none if none has."""
        return self._missing

    @property
    def first(self) -> str:
        """The first line of the command that has begun."""
        return self._lines[0] if self._lines else ""

    @property
    def too_long(self) -> bool:
        """Whether the command that has begun has become too long to run."""
        return self._size > LONGEST

    def take(self, line: str, shell: str | None) -> str | None:
        """Take a line, of which bash gets `shell`; blocks while bash is asked.

        Returns:
            The whole command, or None if it goes on.
        """
        if self._missing is None:
            if shell is None:
                return line
            self._lines, self._size = [], 0
            self._shell_start = len(line) - len(shell)
        self._lines.append(line)
        self._size += len(line.encode("utf-8", "replace")) + 1
        if self._missing is not None and (
            not self._missing.may_end_with(line) or self.too_long
        ):
            return None
        text = "\n".join(self._lines)
        self._missing = missing(text[self._shell_start :])
        return text if self._missing is None else None

    def drop(self) -> None:
        """Forget the command that has begun."""
        self._lines, self._size, self._missing = [], 0, None
