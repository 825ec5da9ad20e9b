"""Reading the lines of a task's output file, which may be growing."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from ..processes.output_file import open_output, read_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK: Final = 1 << 16


class OutputLines:
    """Reads an output file line by line; buffers at most one line and one chunk.

    Args:
        path: The file, which may not exist yet. None for a task without output.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._place = 0
        self._begun = b""

    def skip(self, place: int) -> None:
        """Begin at this offset of the file."""
        self._place = place

    def new(self) -> Iterator[str]:
        """Return the lines completed since the last call.

        Raises:
            OSError: While iterating, if the file can't be read.
        """
        while data := self._read():
            *lines, last = data.split(b"\n")
            if not lines:
                self._begun += last
                continue
            lines[0] = self._begun + lines[0]
            self._begun = last
            yield from map(_text, lines)

    def all(self) -> Iterator[str]:
        """Return all unread lines, including a last line without a line feed.

        Raises:
            OSError: While iterating, if the file can't be read.
        """
        yield from self.new()
        if self._begun:
            begun, self._begun = self._begun, b""
            yield _text(begun)

    def _read(self) -> bytes:
        if self._path is None:
            return b""
        try:
            size = self._path.lstat().st_size
            if size < self._place:
                # The command has truncated the file; start again.
                self._place, self._begun = 0, b""
            data = read_part(self._path, self._place, _CHUNK)
        except FileNotFoundError:
            return b""  # the task has no output yet, or was forgotten
        self._place += len(data)
        return data


def last_lines(path: Path, count: int) -> tuple[str, ...]:
    """Return the last lines of a file; no lines if there is no such file.

    Raises:
        OSError: If the file can't be read.
    """
    try:
        start = place_of_last(path, count)
    except FileNotFoundError:
        return ()
    lines = OutputLines(path)
    lines.skip(start)
    return tuple(lines.all())


def place_of_last(path: Path, count: int) -> int:
    """Return the offset at which the last lines of a file begin.

    Raises:
        FileNotFoundError: If there is no such file.
        OSError: If it can't be read.
    """
    fd = open_output(path)
    try:
        end = place = os.fstat(fd).st_size
        found = 0
        while place > 0 and count > 0:
            start = max(0, place - _CHUNK)
            data = os.pread(fd, place - start, start)
            at = len(data)
            # A line feed at the very end doesn't begin a line.
            while (at := data.rfind(b"\n", 0, at)) >= 0:
                if start + at != end - 1:
                    found += 1
                if found == count:
                    return start + at + 1
            place = start
        return 0 if count > 0 else end
    finally:
        os.close(fd)


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace")
