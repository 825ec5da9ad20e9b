"""Lines of JSON exchanged by an MCP client and its server."""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Final

from .loop import READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loop import Loop

LONGEST_LINE: Final = 4 << 20
"""Maximum number of bytes of a message."""

BACKLOG: Final = 4 << 20
"""Bytes of pending output above which nothing more is read from a client."""

_CHUNK: Final = 1 << 16
_PIECE: Final = 4096  # bytes that a writable pipe accepts without blocking


class LineReader:
    """Splits received bytes into complete lines."""

    def __init__(self, longest: int = LONGEST_LINE) -> None:
        self._longest = longest
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes | None]:
        """Add bytes, and return the lines that they complete.

        Returns:
            The lines without line ends, skipping empty ones; None stands for a line
            that was too long and is discarded.
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
    """Reads the lines of a client, and writes lines to it, without blocking.

    While a client does not read its output, nothing is read from it.

    Args:
        loop: Reports when the descriptors are readable or writable.
        source: The descriptor to read from; the owner closes both.
        target: The descriptor to write to.
        take: Called with each line; None for one that was too long.
        ended: Called once, when the client has closed its end, or stopped reading.
        longest: Maximum number of bytes of a line.
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
        """Bytes of pending output."""
        return self._size

    @property
    def is_behind(self) -> bool:
        """Whether too much output is pending for optional messages."""
        return self._size > BACKLOG

    def write(self, line: bytes) -> None:
        """Send a line after all earlier ones."""
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
        """Stop reading and writing, without a callback."""
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
