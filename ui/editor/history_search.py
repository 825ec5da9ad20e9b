"""Incremental search in the history, as Ctrl+R does."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class HistorySearch:
    """A search that follows its query as it is typed, from the newest input back.

    A query without capitals ignores case.
    """

    def __init__(self, history: Sequence[str]) -> None:
        self._history = history
        self._index = len(history)
        self.query = ""
        """The text to search for."""
        self.failed = False
        """Whether the last step found nothing; the previous hit remains."""

    @property
    def hit(self) -> str | None:
        """The found input; None before the first hit."""
        if self._index < len(self._history):
            return self._history[self._index]
        return None

    @property
    def position(self) -> int:
        """The position of the query in the hit."""
        hit = self.hit or ""
        return min(max(0, self._find(hit)), len(hit))

    def type(self, text: str) -> None:
        """Extend the query; the hit stays while it still matches."""
        self.query += text
        newest = min(self._index, len(self._history) - 1)
        self._go_to_first(range(newest, -1, -1))

    def rub_out(self) -> None:
        """Delete the last character of the query, and restart from the newest input."""
        self.query = self.query[:-1]
        self._index = len(self._history)
        self.failed = False
        if self.query:
            self._go_to_first(range(len(self._history) - 1, -1, -1))

    def older(self) -> None:
        """Go to the next older hit with another text."""
        self._go_to_first(range(self._index - 1, -1, -1))

    def newer(self) -> None:
        """Go to the next newer hit with another text."""
        self._go_to_first(range(self._index + 1, len(self._history)))

    def _go_to_first(self, indices: Iterable[int]) -> None:
        now = self.hit
        for index in indices:
            text = self._history[index]
            another = index == self._index or text != now
            if self.query and another and self._find(text) >= 0:
                self._index = index
                self.failed = False
                return
        self.failed = bool(self.query)

    def _find(self, text: str) -> int:
        if self.query != self.query.lower():
            return text.find(self.query)
        return text.lower().find(self.query)
