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
from .search import FileSearch, MatchedLines, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .line_file import FileLook

T = TypeVar("T")

_FARTHEST: Final = 10_000
_BEHIND_END: Final = 1 << 62  # of any file
MOST_COUNTED: Final = 100_000
"""Lines in which matches are counted; a file may have millions."""

MOST_LINES: Final = 1_000_000
"""Lines that a filter shows at most; finding them all would take memory."""

_LOOK_BACK: Final = 4096  # bytes before the page that may have set its colours


class PagerStatus(msgspec.Struct, frozen=True):
    """Where the view is; for the line above it.

    Attributes:
        percent: How much of the file is above the last row shown, from 0 to 100.
        size: Bytes of the file.
        following: Whether the view stays at the end as the file grows.
        wrap: Whether long lines go on in the next row.
        column: The first column shown, when lines do not wrap.
        query: What is searched for; empty if nothing was.
        match: Which match is the current one, from 1; 0 if there is none, or if that
            is not known yet.
        matches: How many were counted.
        counted: Whether these are all of them.
        only: What the lines that are shown have to match; empty to show all.
        lines: How many lines match that, as far as is known.
        finding: Whether a match is looked for now.
        searching: Whether a search is under way: call `step` until it is not.
        looked_at: Percent of the file in which was counted, or lines were looked for.
        message: What became of the last search, or why the file can't be read.
    """

    percent: int
    size: int
    following: bool
    wrap: bool
    column: int
    query: str
    match: int
    matches: int
    counted: bool
    only: str
    lines: int
    finding: bool
    searching: bool
    looked_at: int
    message: str


class _Place(msgspec.Struct, frozen=True, order=True):
    """A row of the file: the line it belongs to, and its number in that, from 0."""

    line: int
    row: int


_START = _Place(0, 0)


class PagerPlace(msgspec.Struct, frozen=True):
    """Where a view was, to go back to it."""

    top: _Place
    following: bool
    wrap: bool
    column: int


class _Hit(msgspec.Struct, frozen=True):
    """A match: the line it is in, and which one it is in that, from 0."""

    line: int
    index: int


class _Lines:
    """The lines of a file, or those of them that a filter lets through.

    Args:
        look: The file as it is now.
        only: Those that are let through; none for all.
    """

    def __init__(self, look: FileLook, only: MatchedLines | None) -> None:
        self.file = look
        self._only = only
        self.is_empty = look.size == 0 if only is None else only.lines == 0

    def line_at(self, place: int) -> int:
        if self._only is None:
            return self.file.line_at(place)
        return self._only.line_at(place) or 0

    def line_before(self, line: int) -> int | None:
        lines = self.file if self._only is None else self._only
        return lines.line_before(line)

    def line_after(self, line: int) -> int | None:
        lines = self.file if self._only is None else self._only
        return lines.line_after(line)


class Pager:
    """A view into a file that may grow, shrink or vanish at any time.

    It starts at the end and follows it. No method raises for what the file does; the
    status says what is wrong.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
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
        self._hit: _Hit | None = None
        self._counted: MatchedLines | None = None
        self._only: Query | None = None
        self._lines: MatchedLines | None = None
        self._current = Style(reverse=True, bold=True, underline=True)
        self._message = ""
        self._trouble = ""

    @property
    def status(self) -> PagerStatus:
        """Where the view was when `rows` was called last."""
        counted, lines, hit = self._counted, self._lines, self._hit
        number = counted.number_of(hit.line, hit.index) if counted and hit else None
        scan = self._scan
        return PagerStatus(
            percent=self._percent,
            size=self._size,
            following=self._following,
            wrap=self._wrap,
            column=self._column,
            query=self._query.text if self._query else "",
            match=number or 0,
            matches=counted.matches if counted else 0,
            counted=bool(counted and counted.is_whole),
            only=self._only.text if self._only else "",
            lines=lines.lines if lines else 0,
            finding=self._search is not None,
            searching=(self._search or scan) is not None and not self._trouble,
            looked_at=scan.percent if scan else 100,
            message=self._trouble or self._message,
        )

    @property
    def place(self) -> PagerPlace:
        """Where the view is, for `go_back_to`."""
        return PagerPlace(self._top, self._following, self._wrap, self._column)

    def go_back_to(self, place: PagerPlace) -> None:
        """Show again what was shown there."""
        self._top, self._following = place.top, place.following
        self._wrap, self._column = place.wrap, place.column

    @property
    def _scan(self) -> MatchedLines | None:
        """What has to be looked through still: for the filter, then to count."""
        found = (it for it in (self._lines, self._counted) if it and not it.is_done)
        return next(found, None)

    def rows(
        self, columns: int, height: int, current: Style | None = None
    ) -> tuple[Row, ...]:
        """Read what is to be seen now, and return at most `height` rows of it.

        Matches are shown in reverse. Reads a page's worth of the file.

        Args:
            columns: How wide a row may be.
            height: How many rows there may be.
            current: How the current match looks.
        """
        self._columns, self._height = max(1, columns), max(1, height)
        self._current = current or self._current
        return self._look(self._page, ())

    def scroll(self, count: int) -> None:
        """Move by rows: down, or up if negative. Moving up ends following."""
        if count < 0:
            self._following = False
        if not self._following:
            self._look(lambda lines: self._move(lines, count), None)

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
        self._query = Query(query, self._only) if query else None
        self._search = None
        self._hit = None
        self._message = ""
        self._counted = None
        if self._query:
            self._counted = MatchedLines(self._query, MOST_COUNTED)
            from_end = self._following and not forward
            place = _BEHIND_END if from_end else self._top.line
            self._search = FileSearch(self._query, place, forward=forward)

    def search_again(self, *, forward: bool) -> None:
        """Go on to the next match, or back to the one before: `n` and `N`."""
        query, hit = self._query, self._hit
        if not query:
            return
        self._message = ""
        if hit is not None and self._step_in_line(query, hit, 1 if forward else -1):
            return
        place = self._top.line if hit is None else hit.line
        if forward and hit is not None:
            place = self._look(lambda lines: lines.file.end_of(place), place)
        self._search = FileSearch(query, place, forward=forward)

    def show_only(self, text: str) -> None:
        """Show only the lines that match; all of them for an empty text.

        `step` looks for them; those that were found are shown meanwhile.
        """
        text = safe_line(text)
        self._only = Query(text) if text else None
        self._lines = MatchedLines(self._only, MOST_LINES) if self._only else None
        self._message = ""
        if self._query:
            query, hit = self._query.text, self._hit
            self.search(query)
            self._search, self._hit = None, hit
        self._look(lambda lines: lines.file, None)

    def cancel_search(self) -> None:
        """Stop what is under way; the view stays where it is."""
        self._search = None
        for scan in (self._lines, self._counted):
            if scan is not None and not scan.is_done:
                scan.stopped = True

    def step(self) -> bool:
        """Search a bounded step further. When it hits, the view goes there.

        Returns:
            Whether something is still under way.
        """
        search, query = self._search, self._query
        if search is None or query is None:
            self._look(self._scan_further, None)
            return self._scan is not None and not self._trouble
        line = self._look(lambda lines: search.step(lines.file), None)
        if line is not None:
            self._search = None
            if search.went_round:
                self._message = "search wrapped around"
            self._look(lambda lines: self._hit_in(lines, line, query, search), None)
        elif search.done or self._trouble:
            self._search = None
            self._message = "" if self._trouble else f"not found: {query.text}"
        under_way = self._search is not None or self._scan is not None
        return under_way and not self._trouble

    def _scan_further(self, lines: _Lines) -> None:
        if (scan := self._scan) is not None:
            scan.step(lines.file)

    def _hit_in(
        self, lines: _Lines, line: int, query: Query, search: FileSearch
    ) -> None:
        index = 0
        if not search.forward:
            index = len(query.spans(_shown(lines.file, line))) - 1
        self._go_to(lines, _Hit(line, max(0, index)), query)

    def _step_in_line(self, query: Query, hit: _Hit, step: int) -> bool:
        """Go to another match of the same line; tell whether there is one."""

        def go(lines: _Lines) -> bool:
            count = len(query.spans(_shown(lines.file, hit.line)))
            index = hit.index + step
            if not 0 <= index < count:
                return False
            self._go_to(lines, _Hit(hit.line, index), query)
            return True

        return self._look(go, otherwise=False)

    def _look(self, act: Callable[[_Lines], T], otherwise: T) -> T:
        """Do something with the file as it is now, or note why it can't be read."""
        try:
            with self._file.look() as look:
                self._size = look.size
                for scan in (self._lines, self._counted):
                    if scan is not None and scan.is_done:
                        scan.step(look)  # what was added since
                result = act(_Lines(look, self._lines))
        except OSError as error:
            self._trouble = f"can't read the output: {error.strerror}"
            return otherwise
        self._trouble = ""
        return result

    def _page(self, lines: _Lines) -> tuple[Row, ...]:
        """Draw a page, and put the top where it then is."""
        if lines.is_empty:
            self._percent = 100
            self._top = _START if self._lines is None else self._top
            return ()
        last = self._last_page(lines)
        self._top = last if self._following else min(self._valid_top(lines), last)
        rows: list[Row] = []
        line: int | None = self._top.line
        style = self._style_before(lines.file, self._top.line)
        while line is not None and len(rows) < self._height:
            more, style = self._rows_and_style(lines.file, line, style)
            rows += more[self._top.row :] if line == self._top.line else more
            self._percent = 100 * lines.file.end_of(line) // max(1, self._size)
            line = lines.line_after(line)
        return tuple(rows[: self._height])

    def _valid_top(self, lines: _Lines) -> _Place:
        """Return the top, or what is nearest to it if the file or the width changed."""
        line = lines.line_at(self._top.line)
        if line != self._top.line:
            return _Place(line, 0)
        count = self._row_count(lines.file, line)
        return _Place(line, min(self._top.row, count - 1))

    def _last_page(self, lines: _Lines) -> _Place:
        """Return where the page begins that ends with the file."""
        line = lines.line_at(lines.file.size)
        rows = self._row_count(lines.file, line)
        while rows < self._height and (before := lines.line_before(line)) is not None:
            line = before
            rows += self._row_count(lines.file, line)
        return _Place(line, max(0, rows - self._height))

    def _move(self, lines: _Lines, count: int) -> None:
        if lines.is_empty:
            return
        place = self._valid_top(lines)
        line, row = place.line, place.row + max(-_FARTHEST, min(count, _FARTHEST))
        while row < 0:
            before = lines.line_before(line)
            if before is None:
                row = 0
                break
            line = before
            row += self._row_count(lines.file, line)
        while row >= (rows := self._row_count(lines.file, line)):
            after = lines.line_after(line)
            if after is None:
                row = rows - 1
                break
            line = after
            row -= rows
        self._top = _Place(line, row)

    def _go_to(self, lines: _Lines, hit: _Hit, query: Query) -> None:
        """Make a match the current one, with some rows above it in view."""
        self._hit = hit
        self._following = False
        row = sgr_row(lines.file.text(hit.line))
        text = "".join(span.text for span in row)
        spans = query.spans(text)
        start = spans[min(hit.index, len(spans) - 1)][0] if spans else 0
        number = 0
        if self._wrap:
            *full, _ = cut_row(row, self._columns)
            ends = accumulate(sum(len(span.text) for span in part) for part in full)
            number = sum(end <= start for end in ends)
        else:
            cells = width(text[: start + len(query.text)])
            if not self._column < cells <= self._column + self._columns:
                self._column = max(0, cells - self._columns * 2 // 3)
        self._top = _Place(hit.line, number)
        self._move(lines, -(self._height // 3))

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
            hit = self._hit
            current = hit.index if hit is not None and hit.line == line else None
            row = _highlighted(row, self._query, current, self._current)
        elif self._only:
            row = _highlighted(row, self._only)
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


def _shown(look: FileLook, line: int) -> str:
    return "".join(span.text for span in sgr_row(look.text(line)))


def _highlighted(
    row: Row, query: Query, current: int | None = None, mark: Style = PLAIN
) -> Row:
    """Show what is searched for in reverse, and the current match as it is marked."""
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
            found = (i for i, (first, last) in enumerate(hits) if first <= start < last)
            index = next(found, None)
            if index is not None and index == current:
                style = mark
            elif index is not None:
                style = replace(style, reverse=not style.reverse)
            spans.append(Span(span.text[start - at : stop - at], style))
        at = end
    return tuple(spans)
