"""Find out, with bash itself, whether a bash command continues in the next line."""

from __future__ import annotations

import os
import re
from typing import Final

import msgspec

LONGEST: Final = 100_000
"""Maximum length of a command, in bytes; a longer one can't be passed to a process."""

_TIMEOUT: Final = 5.0  # seconds for one run of bash
_PLAIN: Final = re.compile(r"""(?:[\w \t./=:,@%+;|&>~*?-]|"[^"\\`$]*"|'[^']*')+""")
_OPENING: Final = {
    *("if", "then", "else", "elif", "for", "while", "until", "do", "case", "in"),
    *("select", "function", "time", "coproc"),
}
# Bounded, since bash quotes the command, which may be one word of many kilobytes.
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
    """The missing end of a command.

    Attributes:
        text: A description for people.
        line: The only line that can end the command, if known.
        part: A text that the ending line must contain; may be empty.
    """

    text: str
    line: str | None = None
    part: str = ""

    def may_end_with(self, line: str) -> bool:
        """Return whether a line may end the command."""
        if self.line is not None:
            return line.lstrip("\t") == self.line
        return self.part in line


def missing(command: str) -> Missing | None:
    """Return the missing end of a bash command; None if it is complete or invalid.

    Runs bash, except for simple commands that can't be incomplete. Blocks for
    milliseconds, at most 5 s. Returns None after this timeout, and without bash.
    """
    if _is_plain(command):
        return None
    said = _errors_of_bash(command)
    if here := _HERE.search(said):
        return Missing(f"the line {here[1]}", line=here[1])
    if pair := _PAIR.search(said):
        return Missing(f"a closing {pair[1]}", part=pair[1])
    if _END.search(said):
        return Missing("the rest of it")
    slashes = len(command) - len(command.rstrip("\\"))
    if slashes % 2 and _errors_of_bash(f"{command[:-1]}'"):
        # Without the backslash a quote opens there, so it isn't in a comment.
        return Missing("the line after the backslash")
    return None


def may_be_unfinished(command: str) -> bool:
    """Return whether a line may be incomplete, by a quick check without bash.

    An incomplete line that passes the check fails with an error of bash.
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


def _errors_of_bash(command: str) -> str:
    """Return the errors of `bash -n`, which only parses a command."""
    import subprocess  # noqa: PLC0415 - most commands are plain

    environment = {**os.environ, "LC_ALL": "C"}
    environment.pop("BASH_ENV", None)
    # bash must inherit the blocked signals of this program: Ctrl+Z or Ctrl+C, which the
    # terminal sends to the whole group, would stop or end it, and an incomplete command
    # would pass as complete. The timeout ends it with SIGKILL.
    try:
        done = subprocess.run(
            ["bash", "-n", "-c", command],  # noqa: S607 - the bash that runs it
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
        text: The line.
        shell: The end of the line that bash gets; None if it begins no bash command.
        begins: Whether the line can begin a command.
    """

    text: str
    shell: str | None
    begins: bool


def commands_of(lines: tuple[BlockLine, ...]) -> tuple[str, ...] | Missing | None:
    """Split lines into commands; return None if all lines are one command.

    Blocks while bash checks where each bash command ends. If the last command is
    incomplete, return its missing end.
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
    """Return the missing end of lines that are one command."""
    first = next(it for it in lines if it.text.strip())
    if first.shell is None:
        return None
    text = "\n".join(it.text for it in lines)
    return missing(text[text.index(first.shell) :])


class Joiner:
    """Joins the lines of bash commands that continue over several lines."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._size = 0
        self._missing: Missing | None = None

    @property
    def missing(self) -> Missing | None:
        """The missing end of the unfinished command; None if there is none."""
        return self._missing

    @property
    def first(self) -> str:
        """The first line of the unfinished command."""
        return self._lines[0] if self._lines else ""

    @property
    def too_long(self) -> bool:
        """Whether the unfinished command has become too long to run."""
        return self._size > LONGEST

    def take(self, line: str, shell: str | None) -> str | None:
        """Add a line, of which bash gets `shell`. Blocks while bash checks it.

        Return the complete command, or None if it continues.
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
        """Discard the unfinished command."""
        self._lines, self._size, self._missing = [], 0, None
