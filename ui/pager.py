"""The model behind a view into a task's output: any size of file, a page at a time.

Nothing here reads more than `STEP` bytes at once, whatever the file holds. A line that
is longer than `BLOCK` bytes is broken at multiples of `BLOCK` in the file, so that its
parts are the same from whichever side one comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

    from .rows import Row

BLOCK: Final = 1 << 14
"""Bytes: lines longer than this are broken."""

STEP: Final = 1 << 18
"""Bytes that one step of a search reads at most."""


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


class Pager:
    """A view into a file that may grow, shrink or vanish at any time.

    It starts at the end and follows it. No method raises for what the file does; the
    status says what is wrong.

    Args:
        path: The file; it need not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        raise NotImplementedError

    @property
    def status(self) -> PagerStatus:
        """Where the view was when `rows` was called last."""
        raise NotImplementedError

    def rows(self, columns: int, height: int) -> tuple[Row, ...]:
        """Read what is to be seen now, and return at most `height` rows of it.

        Hits of the search are shown in reverse. Reads a page's worth of the file.
        """
        raise NotImplementedError

    def scroll(self, count: int) -> None:
        """Move by rows: down, or up if negative. Moving up ends following."""
        raise NotImplementedError

    def page(self, count: int) -> None:
        """Move by pages, of the height that was drawn last."""
        raise NotImplementedError

    def home(self) -> None:
        """Go to the start of the file."""
        raise NotImplementedError

    def end(self) -> None:
        """Go to the end of the file, and follow it."""
        raise NotImplementedError

    def toggle_follow(self) -> None:
        """Follow the end of the file, or stop doing so and stay here."""
        raise NotImplementedError

    def toggle_wrap(self) -> None:
        """Wrap long lines, or cut them off at the edge."""
        raise NotImplementedError

    def scroll_sideways(self, columns: int) -> None:
        """Move right, or left if negative; only when lines do not wrap."""
        raise NotImplementedError

    def search(self, query: str, *, forward: bool = True) -> None:
        """Begin to search from the row at the top; `step` does the work.

        A query without capitals finds both cases. An empty one ends the search.
        """
        raise NotImplementedError

    def search_again(self, *, forward: bool) -> None:
        """Begin to search for the same after (or before) the last hit: `n` and `N`."""
        raise NotImplementedError

    def cancel_search(self) -> None:
        """Stop a search that is under way; the view stays where it is."""
        raise NotImplementedError

    def step(self) -> bool:
        """Search at most `STEP` bytes further. When it hits, the view goes there.

        Returns:
            Whether the search is still under way.
        """
        raise NotImplementedError
