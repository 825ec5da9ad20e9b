"""Lines of a file of any size, found from any position by reading nearby.

Long lines are split: a block, from one multiple of `BLOCK` bytes to the next, that
contains no line break ends with one. This depends only on the block, so the lines are
the same from both directions, and none is longer than two blocks.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Self

from ...actors.processes.output_file import open_output

if TYPE_CHECKING:
    from pathlib import Path

BLOCK: Final = 1 << 14
"""Size of a block, in bytes."""

_KEPT_BLOCKS: Final = 32
_LONGEST_TAIL: Final = 3  # continuation bytes of a UTF-8 character


class LineFile:
    """A file that may grow, shrink or vanish at any time, or not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blocks: OrderedDict[int, list[int]] = OrderedDict()
        self._size = 0
        self._identity: tuple[int, int] = (0, 0)

    def look(self) -> FileLook:
        """Open the file in its current state.

        Raises:
            OSError: If it can't be read, or is not a regular file.
        """
        fd = open_output(self._path)
        found = os.fstat(fd)
        identity = (found.st_dev, found.st_ino)
        if found.st_size < self._size or identity != self._identity:
            self._blocks.clear()
        self._size, self._identity = found.st_size, identity
        return FileLook(fd, found.st_size, self._blocks)


class FileLook:
    """An open file of `size` bytes; to be closed after use.

    A line is identified by the position of its first byte. The end of the file is not a
    line.
    """

    def __init__(self, fd: int, size: int, blocks: OrderedDict[int, list[int]]) -> None:
        self._fd = fd
        self.size = size
        self._whole_blocks = blocks
        self._last_blocks: dict[int, list[int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def line_at(self, place: int) -> int:
        """Return the line with the byte at a position, or the last line before it."""
        place = min(place, self.size - 1)
        for number in range(place // BLOCK, -1, -1):
            starts = self._starts(number)
            if index := bisect_right(starts, place):
                return starts[index - 1]
        return 0

    def line_before(self, line: int) -> int | None:
        """Return the line before another (or before the end), or None at the first."""
        return self.line_at(line - 1) if line > 0 else None

    def line_after(self, line: int) -> int | None:
        """Return the line after another, or None at the last."""
        end = self.end_of(line)
        return end if end < self.size else None

    def end_of(self, line: int) -> int:
        """Return the start of the next line, or the size of the file."""
        for number in range(line // BLOCK, self.size // BLOCK + 1):
            starts = self._starts(number)
            index = bisect_right(starts, line)
            if index < len(starts):
                return starts[index]
        return self.size

    def lines_between(self, start: int, end: int) -> list[int]:
        """Return the lines that begin from `start` on and before `end`."""
        lines: list[int] = []
        for number in range(start // BLOCK, min(end, self.size) // BLOCK + 1):
            starts = self._starts(number)
            lines += starts[bisect_left(starts, start) : bisect_left(starts, end)]
        return lines

    def read(self, start: int, end: int) -> bytes:
        """Read a part of the file; less if the file has shrunk.

        Raises:
            OSError: If the file can't be read.
        """
        return os.pread(self._fd, max(0, end - start), start)

    def text(self, line: int) -> str:
        """Return a line's text without its line break; invalid UTF-8 is replaced."""
        return decode_line(self.read(line, self.end_of(line)))

    def _starts(self, number: int) -> list[int]:
        """Return the starts of lines in a block."""
        known = self._whole_blocks.get(number)
        if known is not None:
            self._whole_blocks.move_to_end(number)
            return known
        if number in self._last_blocks:
            return self._last_blocks[number]
        starts = self._find_starts(number)
        # Don't cache a block that may still grow.
        if (number + 1) * BLOCK <= self.size:
            self._whole_blocks[number] = starts
            if len(self._whole_blocks) > _KEPT_BLOCKS:
                self._whole_blocks.popitem(last=False)
        else:
            self._last_blocks[number] = starts
        return starts

    def _find_starts(self, number: int) -> list[int]:
        begin = number * BLOCK
        block = self.read(begin, min(begin + BLOCK, self.size))
        starts: list[int] = []
        if number == 0:
            first = 0
        else:
            before = self.read(begin - BLOCK, begin)
            first = 0 if before.endswith(b"\n") else -1
            if b"\n" not in before:
                first = _tail_length(block)
        if 0 <= first < len(block):
            starts.append(begin + first)
        at = block.find(b"\n")
        while 0 <= at < len(block) - 1:
            starts.append(begin + at + 1)
            at = block.find(b"\n", at + 1)
        return starts


def decode_line(data: bytes) -> str:
    """Decode the bytes of a line; see `FileLook.text`."""
    return data.removesuffix(b"\n").decode("utf-8", "replace")


def _tail_length(block: bytes) -> int:
    """Count the bytes of a character that began in the previous block."""
    for length in range(min(_LONGEST_TAIL, len(block)) + 1):
        if length == len(block) or block[length] & 0xC0 != 0x80:  # noqa: PLR2004 - UTF-8
            return length
    return 0
