"""Frames: how messages follow each other in a stream of bytes.

A frame is the length of its payload, 4 bytes with the most significant first, and the
payload: one JSON object in UTF-8.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER: Final = struct.Struct(">I")

LONGEST_TO_HOST: Final = 16 << 20
"""Bytes of the longest payload that a host takes."""

LONGEST_FROM_HOST: Final = 1 << 30
"""Bytes of the longest payload that a client takes: a list of all tasks is long."""


class FrameError(Exception):
    """The bytes are not frames; the text says why, in one line."""


def frame(payload: bytes) -> bytes:
    """Return the payload as a frame."""
    return _HEADER.pack(len(payload)) + payload


class FrameReader:
    """Takes bytes, and returns the complete payloads, of at most `limit` bytes each."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the payloads that are complete with these bytes.

        Raises:
            FrameError: If a frame is longer than the limit.
        """
        buffer = self._rest
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= _HEADER.size:
                (length,) = _HEADER.unpack_from(buffer, start)
                if length > self._limit:
                    raise FrameError(
                        f"a frame of {length} bytes is longer than {self._limit} bytes"
                    )
                end = start + _HEADER.size + length
                if len(buffer) < end:
                    break
                payload = bytes(memoryview(buffer)[start + _HEADER.size : end])
                start = end
                yield payload
        finally:
            del buffer[:start]
