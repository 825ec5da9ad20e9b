"""Searching a file for a text, a bounded step at a time."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import safe_line
from .line_file import decode_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .line_file import FileLook

STEP: Final = 1 << 17
"""Bytes that one step goes further at most."""

_COLOR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
# Where none of these is, the rest is shown as it is in the file.
_NOT_SHOWN: Final = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]")


class Query:
    """What is searched for: a text as it is shown; without capitals, in both cases.

    Args:
        text: Not empty.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._ignores_case = text == text.lower()
        flags = re.IGNORECASE if self._ignores_case else re.NOFLAG
        self._pattern = re.compile(re.escape(text), flags)
        self._bytes = re.compile(re.escape(text.encode("utf-8", "replace")), flags)

    def spans(self, line: str) -> list[tuple[int, int]]:
        """Return where in a line that is safe to show the text is."""
        return [match.span() for match in self._pattern.finditer(line)]

    def is_in(self, data: bytes) -> bool:
        """Tell whether the text is in a line of a file."""
        return bool(self._pattern.search(safe_line(decode_line(data))))

    def may_be_in(self, data: bytes) -> bool:
        """Tell, at once for many lines, whether the text may be in one of them."""
        if not self.text.isascii():
            return True
        shown = _COLOR.sub(b"", data) if b"\x1b" in data else data
        return bool(_NOT_SHOWN.search(shown) or self._bytes.search(shown))


class FileSearch:
    """A search that goes through a file from one line on, and round to it again.

    Args:
        query: What for.
        place: Forward: the first line to look at. Backward: the line before which
            to begin. What lies behind the end of the file is its end.
        forward: Which way.
    """

    def __init__(self, query: Query, place: int, *, forward: bool) -> None:
        self._query = query
        self._origin = place
        self._place = place
        self._forward = forward
        self.went_round = False
        """Whether it has passed the end of the file, or its start, and went on."""
        self.done = False
        """Whether there is nothing more to look at."""

    def step(self, look: FileLook) -> int | None:
        """Look at the next `STEP` bytes; return the line of the first hit in them.

        Raises:
            OSError: If the file can't be read.
        """
        if self._forward:
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
        """Go on at the other end, unless all of the file was looked at."""
        self.done = self.went_round or not needed
        self.went_round = not self.done
        self._place = place

    def _hits(self, look: FileLook, start: int, end: int) -> Iterator[int]:
        """Find the lines of a part of the file that have the text in them."""
        data = look.read(start, end)
        if not self._query.may_be_in(data):
            return
        lines = look.lines_between(start, end)
        for line, after in pairwise([*lines, end]):
            if self._query.is_in(data[line - start : after - start]):
                yield line
