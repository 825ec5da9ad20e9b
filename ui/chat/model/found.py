"""The lines that a search of all outputs has found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ....actors.rules.record import ChangingRecord
from ...dialogue.output_search import Hit, Wanted

if TYPE_CHECKING:
    from ...dialogue.output_search import LinesFound


class Found(ChangingRecord):
    """What was found so far, and how far the search is.

    Attributes:
        wanted: What is searched for.
        hits: The lines, those of the newest task first.
        selected: Which of them is selected, from 0.
        done: Bytes that were searched.
        total: Bytes there are to search.
        ended: Whether the search is over.
        opening: The line at which a task is being opened.
    """

    wanted: Wanted
    hits: list[Hit] = msgspec.field(default_factory=list[Hit])
    selected: int = 0
    done: int = 0
    total: int = 0
    ended: bool = False
    opening: Hit | None = None

    def take(self, part: LinesFound) -> None:
        """Note a part of what the search has found."""
        self.hits += part.hits
        self.done, self.total, self.ended = part.done, part.total, part.ended

    def select(self, step: int) -> None:
        """Select the line that is so many further down, or up if negative."""
        self.selected = max(0, min(self.selected + step, len(self.hits) - 1))
