"""The model behind a view into a task's output: any size of file, a page at a time.

Nothing here reads more than a page, or a step of a search, at once, whatever the file
holds and however long its lines are.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec.structs import replace

from ...actors.rules.safe_text import safe_line
from ..text.ansi import sgr_row, sgr_row_and_style
from ..text.cells import cut_row, slice_row, width
from ..text.rows import PLAIN, Row, Span, Style
from .line_file import LineFile
from .search import FileSearch, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .line_file import FileLook

T = TypeVar("T")

_FARTHEST: Final = 10_000
_BEHIND_END: Final = 1 << 62  # of any file
_LOOK_BACK: Final = 4096  # bytes before the page that may have set its colours


class PagerStatus(msgspec.Struct, frozen=True):
    """Where the view is; for the line below it.

    Attributes:
        percent: How much of the file is above the last row shown, from 0 to 100.
        size: Bytes of the file.
        following: Whether the view stays at the end as the file grows.
        wrap: Whether long lines go on in the next row.
        column: The first column shown, when lines do not wrap.
        query: What is searched for; empty if nothing was.
        searching: Whether a search is under way: call `step` until it is not.
        message: What became of the last search, or why the file can't be read.
    """

    percent: int
    size: int
    following: bool
    wrap: bool
    column: int
    query: str
    searching: bool
    message: str


class _Place(msgspec.Struct, frozen=True, order=True):
    """A row of the file: the line it belongs to, and its number in that, from 0."""

    line: int
    row: int


_START = _Place(0, 0)


class Pager:
    """A view into a file that may grow, shrink or vanish at any time.

    It starts at the end and follows it. No method raises for what the file does; the
    status says what is wrong.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path)
        self._top = _START
        self._columns = 80
        self._height = 1
        self._following = True
        self._wrap = True
        self._column = 0
        self._size = 0
        self._percent = 100
        self._query: Query | None = None
        self._search: FileSearch | None = None
        self._hit: int | None = None
        self._message = ""
        self._trouble = ""

    @property
    def status(self) -> PagerStatus:
        """Where the view was when `rows` was called last."""
        return PagerStatus(
            percent=self._percent,
            size=self._size,
            following=self._following,
            wrap=self._wrap,
            column=self._column,
            query=self._query.text if self._query else "",
            searching=self._search is not None,
            message=self._trouble or self._message,
        )

    def rows(self, columns: int, height: int) -> tuple[Row, ...]:
        """Read what is to be seen now, and return at most `height` rows of it.

        Hits of the search are shown in reverse. Reads a page's worth of the file.
        """
        self._columns, self._height = max(1, columns), max(1, height)
        return self._look(self._page, ())

    def scroll(self, count: int) -> None:
        """Move by rows: down, or up if negative. Moving up ends following."""
        if count < 0:
            self._following = False
        if not self._following:
            self._look(lambda look: self._move(look, count), None)

    def page(self, count: int) -> None:
        """Move by pages, of the height that was drawn last."""
        # A row of the page before stays in view.
        self.scroll(count * max(1, self._height - 1))

    def home(self) -> None:
        """Go to the start of the file."""
        self._following = False
        self._hit = None
        self._top = _START

    def end(self) -> None:
        """Go to the end of the file, and follow it."""
        self._hit = None
        self._following = True

    def toggle_follow(self) -> None:
        """Follow the end of the file, or stop doing so and stay here."""
        self._following = not self._following

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them off at the edge."""
        self._wrap = not self._wrap
        self._column = 0
        self._top = _Place(self._top.line, 0)

    def scroll_sideways(self, columns: int) -> None:
        """Move right, or left if negative; only when lines do not wrap."""
        if not self._wrap:
            self._column = max(0, self._column + columns)

    def search(self, query: str, *, forward: bool = True) -> None:
        """Begin to search from the row at the top; `step` does the work.

        Backward, a view that follows the file is searched from the end of that: what
        is seen is found too. A query without capitals finds both cases. An empty one
        ends the search.
        """
        query = safe_line(query)
        self._query = Query(query) if query else None
        self._search = None
        self._hit = None
        self._message = ""
        if self._query:
            from_end = self._following and not forward
            place = _BEHIND_END if from_end else self._top.line
            self._search = FileSearch(self._query, place, forward=forward)

    def search_again(self, *, forward: bool) -> None:
        """Begin to search for the same after (or before) the last hit: `n` and `N`."""
        if not self._query:
            return
        self._message = ""
        place = self._top.line if self._hit is None else self._hit
        if forward:
            place = self._look(lambda look: look.end_of(place), place)
        self._search = FileSearch(self._query, place, forward=forward)

    def cancel_search(self) -> None:
        """Stop a search that is under way; the view stays where it is."""
        self._search = None

    def step(self) -> bool:
        """Search a bounded step further. When it hits, the view goes there.

        Returns:
            Whether the search is still under way.
        """
        search, query = self._search, self._query
        if search is None or query is None:
            return False
        hit = self._look(search.step, None)
        if hit is not None:
            self._search = None
            self._hit = hit
            if search.went_round:
                self._message = "went round to the other end of the output"
            self._look(lambda look: self._go_to(look, hit, query), None)
        elif search.done or self._trouble:
            self._search = None
            self._message = "" if self._trouble else f"not found: {query.text}"
        return self._search is not None

    def _look(self, act: Callable[[FileLook], T], otherwise: T) -> T:
        """Do something with the file as it is now, or note why it can't be read."""
        try:
            with self._file.look() as look:
                self._size = look.size
                result = act(look)
        except OSError as error:
            self._trouble = f"can't read the output: {error.strerror}"
            return otherwise
        self._trouble = ""
        return result

    def _page(self, look: FileLook) -> tuple[Row, ...]:
        """Draw a page, and put the top where it then is."""
        if look.size == 0:
            self._top, self._percent = _START, 100
            return ()
        last = self._last_page(look)
        self._top = last if self._following else min(self._valid_top(look), last)
        rows: list[Row] = []
        line: int | None = self._top.line
        style = self._style_before(look, self._top.line)
        while line is not None and len(rows) < self._height:
            more, style = self._rows_and_style(look, line, style)
            rows += more[self._top.row :] if line == self._top.line else more
            self._percent = 100 * look.end_of(line) // look.size
            line = look.line_after(line)
        return tuple(rows[: self._height])

    def _valid_top(self, look: FileLook) -> _Place:
        """Return the top, or what is nearest to it if the file or the width changed."""
        line = look.line_at(self._top.line)
        if line != self._top.line:
            return _Place(line, 0)
        return _Place(line, min(self._top.row, self._row_count(look, line) - 1))

    def _last_page(self, look: FileLook) -> _Place:
        """Return where the page begins that ends with the file."""
        line = look.line_at(look.size)
        rows = self._row_count(look, line)
        while rows < self._height and (before := look.line_before(line)) is not None:
            line = before
            rows += self._row_count(look, line)
        return _Place(line, max(0, rows - self._height))

    def _move(self, look: FileLook, count: int) -> None:
        if look.size == 0:
            return
        place = self._valid_top(look)
        line, row = place.line, place.row + max(-_FARTHEST, min(count, _FARTHEST))
        while row < 0:
            before = look.line_before(line)
            if before is None:
                row = 0
                break
            line = before
            row += self._row_count(look, line)
        while row >= (rows := self._row_count(look, line)):
            after = look.line_after(line)
            if after is None:
                row = rows - 1
                break
            line = after
            row -= rows
        self._top = _Place(line, row)

    def _go_to(self, look: FileLook, line: int, query: Query) -> None:
        """Bring a hit into view, with some rows above it."""
        self._following = False
        row = sgr_row(look.text(line))
        text = "".join(span.text for span in row)
        start = next((start for start, _ in query.spans(text)), 0)
        number = 0
        if self._wrap:
            *full, _ = cut_row(row, self._columns)
            ends = accumulate(sum(len(span.text) for span in part) for part in full)
            number = sum(end <= start for end in ends)
        else:
            cells = width(text[: start + len(query.text)])
            if not self._column < cells <= self._column + self._columns:
                self._column = max(0, cells - self._columns * 2 // 3)
        self._top = _Place(line, number)
        self._move(look, -(self._height // 3))

    def _row_count(self, look: FileLook, line: int) -> int:
        return len(self._rows_of(look, line)) if self._wrap else 1

    def _rows_of(self, look: FileLook, line: int) -> list[Row]:
        rows, _ = self._rows_and_style(look, line, PLAIN)
        return rows

    def _rows_and_style(
        self, look: FileLook, line: int, style: Style
    ) -> tuple[list[Row], Style]:
        row, style = sgr_row_and_style(look.text(line), style)
        if self._query:
            row = _highlighted(row, self._query)
        if self._wrap:
            return cut_row(row, self._columns), style
        return [slice_row(row, self._column, self._columns)], style

    @staticmethod
    def _style_before(look: FileLook, line: int) -> Style:
        """Return what the lines before one have switched on and not off again."""
        before: list[int] = []
        earlier = look.line_before(line)
        while earlier is not None and line - earlier <= _LOOK_BACK:
            before.append(earlier)
            earlier = look.line_before(earlier)
        style = PLAIN
        for earlier in reversed(before):
            _, style = sgr_row_and_style(look.text(earlier), style)
        return style


def _highlighted(row: Row, query: Query) -> Row:
    """Show what is searched for in reverse."""
    hits = query.spans("".join(span.text for span in row))
    if not hits:
        return row
    edges = sorted({edge for hit in hits for edge in hit})
    spans: list[Span] = []
    at = 0
    for span in row:
        end = at + len(span.text)
        inner = [edge for edge in edges if at < edge < end]
        for start, stop in pairwise([at, *inner, end]):
            style = span.style
            if any(first <= start < last for first, last in hits):
                style = replace(style, reverse=not style.reverse)
            spans.append(Span(span.text[start - at : stop - at], style))
        at = end
    return tuple(spans)
