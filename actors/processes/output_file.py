"""A task's output file: detecting new output, and reading parts of it.

The task's processes write the file themselves; this module never holds more of it than
requested.
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

# Cursor movements to another line, and within a line.
_TO_LINE: Final = re.compile(rb"\x1b\[[0-9;]*[ABEFHdf]|\x1b[DEM]")
_ON_LINE: Final = re.compile(rb"\x1b\[[0-9]*[CGa`]")
_GAP: Final = re.compile(r"\s{3,}")

LAST_LINE_LIMIT: Final = 400
"""Maximum length in characters of the last line in a snapshot."""


class OutputMonitor:
    """Monitors a growing output file.

    Args:
        path: The file, which need not exist yet.
        terminal: Whether it has the output of a terminal.
    """

    def __init__(self, path: Path | str, *, terminal: bool = False) -> None:
        self._path = path
        self._terminal = terminal
        self._size = self._begin = 0
        self._last_line: str | None = None
        self.cut = 0
        """Bytes that existed at one look and were truncated before the next.

        A command that reopens its standard output truncates the file: `tee /dev/stderr`
        or `> /dev/stdout`.
        """

    def begin_after(self, title: str, rest: str) -> None:
        """Append a line to the file; new output starts after it.

        Terminates an incomplete last line first. If the last line begins with the same
        title, nothing is written: a program that was killed has done so.

        Args:
            title: The beginning of the line.
            rest: The rest of the line, without a newline.

        Raises:
            OSError: If that fails; the file may be gone.
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
        """Check the file; read at most `GLANCE` bytes of it.

        Returns:
            The news, or None if the file has not grown since the last look, or can't be
            read now.
        """
        try:
            return self._look()
        except OSError:
            return None

    def look_last(self) -> OutputNews | None:
        """Check the file of an ended job for the last time.

        Returns:
            The news. If the file can't be read, even after a retry, at least its size;
            None if it has not grown, or is gone.
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
        # Takes half the time of Path.stat.
        found = os.stat(self._path, follow_symlinks=False)  # noqa: PTH116
        return found.st_size if stat.S_ISREG(found.st_mode) else None


def open_output(path: Path | str) -> int:
    """Open a task's output file for reading; never blocks.

    Opens only regular files: a link could lead to any file that this user may read.

    Raises:
        OSError: If the file can't be read, or was replaced by something else.
    """
    # O_NONBLOCK, because opening a pipe would wait for a writer.
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
        OSError: If the file can't be read, or was replaced by something else.
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
    """Return the last line with visible text, made safe to show, or None.

    Invalid UTF-8 becomes replacement characters; an incomplete line counts.

    Args:
        output: The end of the output.
        terminal: Whether it was written to a terminal. Then a cursor movement to
            another line starts a new line, a movement along the line leaves a gap, and
            wide gaps are narrowed.
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
