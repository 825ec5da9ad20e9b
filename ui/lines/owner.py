"""What the LineActor reports, kept for the main thread, which waits for it."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..dialogue import owner
from ..dialogue.messages import LineReport, LinesTyped, WantsInput

if TYPE_CHECKING:
    from ..program.wakeup import Wakeup


class Owner(owner.Owner):
    """Takes the LineActor's reports and wakes the main thread for them."""

    def __init__(self, wakeup: Wakeup) -> None:
        super().__init__(wakeup)
        self._wants_input = True
        self.typed: deque[LinesTyped] = deque()

    def tell(self, report: LineReport, /) -> None:
        """Note a report; any thread may."""
        match report:
            case WantsInput():
                self._wants_input = True
            case LinesTyped():
                self.typed.append(report)
            case _:
                return self.note(report)
        return self.wake()

    def take_wish(self) -> bool:
        """Return whether input is wanted that was not wanted before."""
        wish, self._wants_input = self._wants_input, False
        return wish
