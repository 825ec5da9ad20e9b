"""A parser of server-sent events, as streamed by an endpoint."""

from __future__ import annotations

from typing import Final

LONGEST_EVENT: Final = 4 << 20
"""Maximum number of bytes of an event."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class TooLongError(Exception):
    """An event is longer than `LONGEST_EVENT`."""


class EventParser:
    """Parses bytes, split at any place, and returns complete data.

    Fields other than `data`, and comments, are skipped.

    Args:
        end: Data that is returned with its line, without waiting for the event's end.
    """

    def __init__(self, end: str = "[DONE]") -> None:
        self._end = end
        self._line = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._after_return = False
        self._first = True

    def feed(self, data: bytes) -> list[str]:
        """Add bytes; return the data of all events that they complete.

        Raises:
            TooLongError: If an event is too long.
        """
        found: list[str] = []
        if self._after_return and data:
            # A line feed after a carriage return belongs to the same line end.
            data = data.removeprefix(b"\n")
            self._after_return = False
        self._after_return = data.endswith(b"\r")
        *lines, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            self._line += line
            self._take_line(found)
        self._line += rest
        if len(self._line) + self._size > LONGEST_EVENT:
            raise TooLongError
        return found

    def finish(self) -> list[str]:
        """Return the last event, if the stream ended without an empty line."""
        found: list[str] = []
        if self._line:
            self._take_line(found)
        self._dispatch(found)
        return found

    def _take_line(self, found: list[str]) -> None:
        line = bytes(self._line)
        self._line.clear()
        if self._first:
            self._first = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            self._dispatch(found)
            return
        name, _, value = line.partition(b":")
        if name != b"data":
            return
        value = value.removeprefix(b" ")
        if not self._data and value.strip() == self._end.encode():
            found.append(self._end)
            return
        self._data.append(value)
        self._size += len(value)

    def _dispatch(self, found: list[str]) -> None:
        if self._data:
            found.append(b"\n".join(self._data).decode("utf-8", "replace"))
            self._data.clear()
            self._size = 0
