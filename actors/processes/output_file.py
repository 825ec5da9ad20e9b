"""A task's output file: what is new in it, and any part of it.

The task's processes write the file themselves; nothing here ever holds more of it than
it was asked for.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from pathlib import Path
from typing import Final

from ..own_files import open_own
from ..rules.output_news import OutputNews
from ..rules.progress import parse_progress
from ..rules.safe_text import safe_line
from .spare import SPARES

GLANCE: Final = 4096
"""Bytes read from the end of a file that grew, for progress and the last line."""

_LAST_TRIES: Final = 3

# A cursor that moves to another line, and along its line.
_TO_LINE: Final = re.compile(rb"\x1b\[[0-9;]*[ABEFHdf]|\x1b[DEM]")
_ON_LINE: Final = re.compile(rb"\x1b\[[0-9]*[CGa`]")
_GAP: Final = re.compile(r"\s{3,}")

LAST_LINE_LIMIT: Final = 400
"""Characters of the last line that a snapshot keeps."""


class OutputMonitor:
    """Looks at a growing output file and tells what is new.

    Args:
        path: The file; it need not exist yet.
        terminal: Whether it has what was written to a terminal.
    """

    def __init__(self, path: Path | str, *, terminal: bool = False) -> None:
        self._path = path
        self._terminal = terminal
        self._size = self._begin = 0
        self._last_line: str | None = None
        self.cut = 0
        """Bytes that were there at one look, and cut off before the next.

        A job does that whose command opens its standard output anew, by `tee
        /dev/stderr` or `> /dev/stdout`.
        """

    def begin_after(self, title: str, rest: str) -> None:
        """Write a line at the end of the file; what is new comes after it.

        What the last line before has left open is ended first. If that line begins with
        the same title, nothing is written: a program that was killed has done so.

        Args:
            title: How the line begins.
            rest: How it goes on, without a line end.

        Raises:
            OSError: If that fails: the file may be gone.
        """
        path, flags = Path(self._path), os.O_RDWR | os.O_APPEND
        fd = SPARES.use(lambda: open_own(path, flags))
        try:
            size = os.fstat(fd).st_size
            line = f"{title}{rest}\n".encode()
            before = b"\n" + os.pread(fd, len(line), max(0, size - len(line)))
            if not before.endswith(b"\n"):
                line = b"\n" + line
            if b"\n" + title.encode() not in before:
                os.write(fd, line)
            self._begin = self._size = os.fstat(fd).st_size
        finally:
            os.close(fd)

    def look(self) -> OutputNews | None:
        """Look at the file; read at most `GLANCE` bytes of it.

        Returns:
            What is new, or None if the file has not grown since the last look, or
            can't be read just now.
        """
        try:
            return self._look()
        except OSError:
            return None

    def look_last(self) -> OutputNews | None:
        """Look at the file of a job that has ended; there will be no other look.

        Returns:
            What is new. If the file can't be read, even when tried again, its size at
            least; None if it has not grown, or is gone.
        """
        for _ in range(_LAST_TRIES):
            with contextlib.suppress(OSError):
                return self._look()
        try:
            size = self._find_size()
        except OSError:
            return None
        return None if size is None else OutputNews(size, self._last_line)

    def _look(self) -> OutputNews | None:
        size = self._find_size()
        if size is None or size == self._size:
            return None
        begin = self._begin if size > self._begin else 0
        tail = read_part(self._path, max(begin, size - GLANCE), GLANCE)
        self.cut += max(0, self._size - size)
        self._size = size
        self._last_line = last_line(tail, terminal=self._terminal)
        return OutputNews(size, self._last_line, parse_progress(tail))

    def _find_size(self) -> int | None:
        # Half the cost of Path.
        found = os.stat(self._path, follow_symlinks=False)  # noqa: PTH116
        return found.st_size if stat.S_ISREG(found.st_mode) else None


def open_output(path: Path | str) -> int:
    """Open a task's output file for reading; never blocks.

    Only a file itself is opened: a link could lead to anything that this user may read.

    Raises:
        OSError: If the file can't be read, or something else has taken its place.
    """
    # Opening a pipe would wait for somebody who writes into it.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY
    try:
        fd = SPARES.use(lambda: os.open(path, flags))
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a symbolic link", str(path)) from error
        raise
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is not a file any more", str(path))
    return fd


def read_part(path: Path | str, start: int, length: int) -> bytes:
    """Read `length` bytes of a file from `start`; fewer at its end.

    Raises:
        OSError: If the file can't be read, or something else has taken its place.
    """
    fd = open_output(path)
    try:
        parts: list[bytes] = []
        while length > 0 and (part := os.pread(fd, length, start)):
            parts.append(part)
            start += len(part)
            length -= len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def read_tail(path: Path, limit: int) -> tuple[bytes, int]:
    """Read at most the last `limit` bytes of a file.

    Returns:
        The bytes, and where in the file they start.

    Raises:
        OSError: If the file can't be read.
    """
    start = max(0, path.lstat().st_size - limit)
    return read_part(path, start, limit), start


def last_line(output: bytes, *, terminal: bool = False) -> str | None:
    """Return the last line with something to see on it, made safe, or None.

    Invalid UTF-8 becomes replacement characters, a partly written line counts.

    Args:
        output: The end of what was written.
        terminal: Whether it was written to a terminal. What moves the cursor to another
            line begins one then, what moves it on leaves a gap, and wide gaps are
            narrow.
    """
    if terminal:
        output = _ON_LINE.sub(b"  ", _TO_LINE.sub(b"\n", output))
    for line in reversed(output.replace(b"\r", b"\n").split(b"\n")):
        if line and not line.isspace():
            text = safe_line(line.decode("utf-8", "replace")).strip()
            if terminal:
                text = _GAP.sub("  ", text)
            if text:
                return text[:LAST_LINE_LIMIT]
    return None
