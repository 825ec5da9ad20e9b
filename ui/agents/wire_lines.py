"""The lines of JSON that an MCP client and its server exchange."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from .loop import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

LONGEST_LINE: Final = 4 << 20
"""Bytes of the longest message that is taken."""

BACKLOG: Final = 4 << 20
"""Bytes that may wait for a client before nothing more is read from it."""

_CHUNK: Final = 1 << 16
_PIECE: Final = 4096  # what a pipe that is ready for writing takes without blocking


class LineReader:
    """Takes bytes as they come, and returns the lines that are complete."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Return the lines that are complete with these bytes.

        Returns:
            The lines without their ends and without empty ones; None stands for one
            that is longer than allowed, of which nothing is kept.
        """
        lines: list[bytes | None] = []
        *complete, last = data.split(b"\n")
        for piece in complete:
            self._take(piece, lines)
            if self._skipping:
                self._skipping = False
            elif line := bytes(self._rest).strip():
                lines.append(line)
            self._rest.clear()
        self._take(last, lines)
        return lines

    def _take(self, piece: bytes, lines: list[bytes | None]) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(piece) > self._longest:
            self._rest.clear()
            self._skipping = True
            lines.append(None)
            return
        self._rest += piece


class ClientStream:
    """Reads the lines of a client, and writes lines to it, without ever blocking.

    A client that does not read what it is told is not listened to.

    Args:
        loop: Says when there is something to read, or room to write.
        source: The descriptor to read; its owner closes both.
        target: The descriptor to write to.
        take: Called with each line; None for one that was too long.
        ended: Called once, when the client has closed its end, or takes nothing more.
        longest: Bytes of the longest line that is taken.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        loop: Loop,
        source: int,
        target: int,
        take: Callable[[bytes | None], None],
        ended: Callable[[], None],
        *,
        longest: int = LONGEST_LINE,
    ) -> None:
        self._loop = loop
        self._source = source
        self._target = target
        self._take = take
        self._ended = ended
        self._lines = LineReader(longest)
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._open = True
        self._broken = False
        loop.watch(source, READ, self._read)

    @property
    def size(self) -> int:
        """Bytes that wait for the client."""
        return self._size

    @property
    def is_behind(self) -> bool:
        """Whether so much waits that what it can do without should be left out."""
        return self._size > BACKLOG

    def write(self, line: bytes) -> None:
        """Send a line after all those before it."""
        if self._broken:
            return
        if not self._waiting:
            self._loop.watch(self._target, WRITE, self._write)
        data = memoryview(line + b"\n")
        for start in range(0, len(data), _PIECE):
            self._waiting.append(bytes(data[start : start + _PIECE]))
        self._size += len(data)
        if self._open and self.is_behind:
            self._loop.unwatch(self._source)

    def _read(self) -> None:
        try:
            data = os.read(self._source, _CHUNK)
        except OSError:
            data = b""
        if not data:
            self._end()
            return
        for line in self._lines.feed(data):
            if self._open:
                self._take(line)

    def _write(self) -> None:
        piece = self._waiting[0]
        try:
            written = os.write(self._target, piece)
        except BlockingIOError:
            return
        except OSError:
            self._waiting.clear()
            self._size = 0
            self._broken = True
            self._loop.unwatch(self._target)
            self._end()
            return
        self._size -= written
        if written < len(piece):
            self._waiting[0] = piece[written:]
            return
        self._waiting.popleft()
        if not self._waiting:
            self._loop.unwatch(self._target)
        if self._open and not self.is_behind:
            self._loop.watch(self._source, READ, self._read)

    def close(self) -> None:
        """Read and write nothing more, and tell nobody."""
        self._open, self._broken = False, True
        self._waiting.clear()
        self._size = 0
        self._loop.unwatch(self._source)
        self._loop.unwatch(self._target)

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._loop.unwatch(self._source)
            self._ended()
