"""What the LineActor reports, kept for the main thread, which waits for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..dialogue.messages import (
    Finished,
    LineReport,
    LinesTyped,
    ViewLost,
    WantsInput,
)

if TYPE_CHECKING:
    from ..program.wakeup import Wakeup


class Owner:
    """Takes the LineActor's reports and wakes the main thread for them.

    Args:
        wakeup: Wakes it.
    """

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self._wants_input = True
        self.finished = False
        self.ends = False
        self.ended = ""
        self.lost: str | None = None
        self.typed: deque[LinesTyped] = deque()

    def tell(self, report: LineReport, /) -> None:
        """Note a report; any thread may."""
        match report:
            case WantsInput():
                self._wants_input = True
            case Finished(ends=ends):
                self.finished = True
                self.ends = ends
            case LinesTyped():
                self.typed.append(report)
            case ViewLost(reason=reason):
                self.lost = reason
        self._wakeup.nudge()

    def session_ended(self, text: str) -> None:
        """Note that somebody else has ended the session."""
        if not self.finished:
            self.finished = True
            self.ended = text
            self._wakeup.nudge()

    def take_wish(self) -> bool:
        """Return whether input is wanted that was not wanted before."""
        wish, self._wants_input = self._wants_input, False
        return wish
