"""Searching a file for a text, a bounded step at a time."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ..actors.safe_text import safe_line
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
    """A search that goes through a file from one line on.

    Args:
        query: What for.
        place: Forward: the first line to look at. Backward: the line before which
            to begin.
        forward: Which way.
    """

    def __init__(self, query: Query, place: int, *, forward: bool) -> None:
        self._query = query
        self._place = place
        self._forward = forward
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
        start, end = self._place, min(self._place + STEP, look.size)
        if end < look.size:
            end = look.line_at(end)
        self._place = end
        self.done = end >= look.size
        hits = self._hits(look, start, end)
        return next(hits, None)

    def _step_back(self, look: FileLook) -> int | None:
        end = min(self._place, look.size)
        start = max(0, end - STEP)
        if start > 0:
            start = look.end_of(look.line_at(start))
        self._place = start
        self.done = start == 0
        *_, last = [None, *self._hits(look, start, end)]
        return last

    def _hits(self, look: FileLook, start: int, end: int) -> Iterator[int]:
        """Find the lines of a part of the file that have the text in them."""
        data = look.read(start, end)
        if not self._query.may_be_in(data):
            return
        lines = look.lines_between(start, end)
        for line, after in pairwise([*lines, end]):
            if self._query.is_in(data[line - start : after - start]):
                yield line
