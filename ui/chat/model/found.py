"""The results of a search through all outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ....actors.rules.record import ChangingRecord
from ...dialogue.output_search import FoundLine, Wanted

if TYPE_CHECKING:
    from ...dialogue.output_search import LinesFound


class Found(ChangingRecord):
    """The lines found so far, and the progress of the search.

    Attributes:
        wanted: The text or pattern to search for.
        hits: The lines, newest task first.
        selected: The index of the selected line, from 0.
        done: Bytes searched so far.
        total: Total bytes to search.
        ended: Whether the search is over.
        opening: The line at which a task is being opened.
    """

    wanted: Wanted
    hits: list[FoundLine] = msgspec.field(default_factory=list[FoundLine])
    selected: int = 0
    done: int = 0
    total: int = 0
    ended: bool = False
    opening: FoundLine | None = None

    def take(self, part: LinesFound) -> None:
        """Add a part of the results."""
        self.hits += part.hits
        self.done, self.total, self.ended = part.done, part.total, part.ended

    def select(self, step: int) -> None:
        """Move the selection down by `step` lines, or up if negative."""
        self.selected = max(0, min(self.selected + step, len(self.hits) - 1))
