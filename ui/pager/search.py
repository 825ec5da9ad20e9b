"""Search a file for a text, in bounded steps.

A step raises `OSError` if the file can't be read.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import safe_line
from .line_file import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .line_file import FileLook

STEP: Final = 1 << 17
"""Maximum bytes of one step."""

_COLOR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
# Text without any of these bytes is shown as it is in the file.
_NOT_SHOWN: Final = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


class Query:
    """A text to search for in shown lines; case is ignored if it has no capitals.

    Args:
        text: The text; not empty.
        within: Another query that a line must match, too.
    """

    def __init__(self, text: str, within: Query | None = None) -> None:
        self.text = text
        self._within = within
        self._ignores_case = text == text.lower()
        flags = re.IGNORECASE if self._ignores_case else re.NOFLAG
        self._pattern = re.compile(re.escape(text), flags)
        self._bytes = re.compile(re.escape(text.encode("utf-8", "replace")), flags)

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return the spans of the text in a line that is safe to show."""
        return [match.span() for match in self._pattern.finditer(line)]

    def count_in(self, data: bytes) -> int:
        """Count the text in a line of a file."""
        line = safe_line(decode_line(data))
        within = self._within
        if within is not None and not within._pattern.search(line):  # noqa: SLF001
            return 0
        return sum(1 for _ in self._pattern.finditer(line))

    def places_in(self, data: bytes) -> list[int] | None:
        """Return the positions of the text in many lines at once.

        None if each line must be converted to its shown form first.
        """
        plain = self._within is None and data.isascii() and self.text.isascii()
        if not plain or _NOT_SHOWN.search(data):
            return None
        return [match.start() for match in self._bytes.finditer(data)]

    def may_be_in(self, data: bytes) -> bool:
        """Return whether any of many lines may contain the text."""
        if not self.text.isascii():
            return True
        if self._within is not None and not self._within.may_be_in(data):
            return False
        shown = _COLOR.sub(b"", data) if b"\x1b" in data else data
        return bool(_NOT_SHOWN.search(shown) or self._bytes.search(shown))


class FileSearch:
    """A search through a file from a line on, which wraps around to it.

    Args:
        query: The text to search for.
        place: Forward: the first line to search. Backward: the line before which to
            begin. A place behind the end means the end.
        forward: The direction.
    """

    def __init__(self, query: Query, place: int, *, forward: bool) -> None:
        self._query = query
        self._origin = place
        self._place = place
        self.forward = forward
        """Whether the search goes forward."""
        self.went_round = False
        """Whether the search has wrapped around."""
        self.done = False
        """Whether the search is complete."""

    def step(self, look: FileLook) -> int | None:
        """Search the next `STEP` bytes; return the line of the first match in them."""
        if self.forward:
            return self._step_forward(look)
        return self._step_back(look)

    def _step_forward(self, look: FileLook) -> int | None:
        last = min(self._origin, look.size) if self.went_round else look.size
        start, end = self._place, min(self._place + STEP, last)
        if end < last:
            end = look.line_at(end)
        hit = next(self._hits(look, start, end), None)
        self._place = end
        if hit is None and end >= last:
            self._go_round(0, needed=self._origin > 0)
        return hit

    def _step_back(self, look: FileLook) -> int | None:
        first = min(self._origin, look.size) if self.went_round else 0
        end = min(self._place, look.size)
        start = max(first, end - STEP)
        if start > first:
            start = look.end_of(look.line_at(start))
        *_, hit = [None, *self._hits(look, start, end)]
        self._place = start
        if hit is None and start <= first:
            self._go_round(look.size, needed=self._origin < look.size)
        return hit

    def _go_round(self, place: int, *, needed: bool) -> None:
        """Continue at the other end, unless the whole file was searched."""
        self.done = self.went_round or not needed
        self.went_round = not self.done
        self._place = place

    def _hits(self, look: FileLook, start: int, end: int) -> Iterator[int]:
        """Find the lines with the text in a part of the file."""
        data = look.read(start, end)
        if not self._query.may_be_in(data):
            return
        lines = look.lines_between(start, end)
        for line, after in pairwise([*lines, end]):
            if self._query.count_in(data[line - start : after - start]):
                yield line


class MatchedLines:
    """The lines of a file that match, found from its start in bounded steps.

    Args:
        query: The text that lines must contain.
        limit: Maximum number of lines.
    """

    def __init__(self, query: Query, limit: int) -> None:
        self._query = query
        self._limit = limit
        self._lines = array("q")
        self._sums = array("q")  # matches up to and including each of these lines
        self._end = 0
        self._settled = 0  # the last line may still grow: it is searched again
        self._size = 1  # unknown; not 0, so that the search isn't done
        self.stopped = False
        """Whether the search was stopped."""

    @property
    def lines(self) -> int:
        """The number of lines found so far."""
        return len(self._lines)

    @property
    def matches(self) -> int:
        """The number of matches in these lines."""
        return self._sums[-1] if self._sums else 0

    @property
    def is_full(self) -> bool:
        """Whether the limit is reached, so that there may be more lines."""
        return len(self._lines) >= self._limit

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to search for now."""
        return self.stopped or self.is_full or self._end >= self._size

    @property
    def is_whole(self) -> bool:
        """Whether the whole file was searched."""
        return self._end >= self._size and not self.is_full

    @property
    def percent(self) -> int:
        """The percentage of the file that was searched."""
        return 100 * self._end // self._size if self._size else 100

    def line_at(self, place: int) -> int | None:
        """Return the last found line that begins at or before a place, or the first."""
        if not self._lines:
            return None
        return self._lines[max(0, bisect_right(self._lines, place) - 1)]

    def line_before(self, line: int) -> int | None:
        """Return the previous found line, or None at the first."""
        index = bisect_left(self._lines, line)
        return self._lines[index - 1] if index else None

    def line_after(self, line: int) -> int | None:
        """Return the next found line, or None at the last."""
        index = bisect_right(self._lines, line)
        return self._lines[index] if index < len(self._lines) else None

    def number_of(self, line: int, index: int) -> int | None:
        """Return the number of a match in the file, from 1; None if unknown yet."""
        at = bisect_left(self._lines, line)
        if at == len(self._lines) or self._lines[at] != line:
            return None
        return (self._sums[at - 1] if at else 0) + index + 1

    def step(self, look: FileLook) -> None:
        """Search the next `STEP` bytes."""
        if look.size < self._size:
            self._drop_from(0)
        elif look.size > self._size and self._end >= self._size:
            self._drop_from(self._settled)
        self._size = look.size
        if self.is_done:
            return
        start, end = self._end, min(self._end + STEP, look.size)
        if end < look.size:
            end = look.line_at(end)
        else:
            self._settled = look.line_at(look.size)
        self._find(look, start, end)
        self._end = end

    def _find(self, look: FileLook, start: int, end: int) -> None:
        data = look.read(start, end)
        if not self._query.may_be_in(data):
            return
        places = self._query.places_in(data)
        lines = look.lines_between(start, end)
        if places is None:
            for line, after in pairwise([*lines, end]):
                piece = data[line - start : after - start]
                if self._query.may_be_in(piece):
                    self._add(line, self._query.count_in(piece))
            return
        for place in places:
            index = bisect_right(lines, start + place) - 1
            if index >= 0:
                self._add(lines[index], 1)

    def _add(self, line: int, count: int) -> None:
        if not count:
            return
        if self._lines and self._lines[-1] == line:
            self._sums[-1] += count
        elif not self.is_full:
            self._sums.append(self.matches + count)
            self._lines.append(line)

    def _drop_from(self, place: int) -> None:
        index = bisect_left(self._lines, place)
        del self._lines[index:]
        del self._sums[index:]
        self._end = place
