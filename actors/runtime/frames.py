"""Frames: messages in a stream of bytes.

A frame is the length of the payload as 4 bytes in big-endian order, followed by the
payload, one JSON object in UTF-8.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER: Final = struct.Struct(">I")

LONGEST_TO_HOST: Final = 16 << 20
"""Maximum bytes of a payload that a host accepts."""

LONGEST_FROM_HOST: Final = 1 << 30
"""Maximum bytes of a payload that a client accepts: a list of all tasks is long."""


class FrameError(Exception):
    """The bytes are not valid frames; the text is the reason, in one line."""


def frame(payload: bytes) -> bytes:
    """Return the payload as a frame."""
    return _HEADER.pack(len(payload)) + payload


class FrameReader:
    """Extracts payloads of at most `limit` bytes from a stream."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Add bytes, and yield the payloads that are now complete.

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
