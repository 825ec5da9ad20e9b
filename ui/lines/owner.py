"""The reports of the LineActor, kept for the main thread that waits for them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..dialogue import owner
from ..dialogue.messages import LineReport, LinesTyped, WantsInput

if TYPE_CHECKING:
    from ..program.wakeup import Wakeup


class Owner(owner.Owner):
    """Receives the LineActor's reports, and wakes the main thread for them."""

    def __init__(self, wakeup: Wakeup) -> None:
        super().__init__(wakeup)
        self._wants_input = True
        self.typed: deque[LinesTyped] = deque()

    def tell(self, report: LineReport, /) -> None:
        """Record a report. Thread-safe."""
        match report:
            case WantsInput():
                self._wants_input = True
            case LinesTyped():
                self.typed.append(report)
            case _:
                return self.note(report)
        return self.wake()

    def take_input_request(self) -> bool:
        """Return whether input was requested since the last call."""
        wish, self._wants_input = self._wants_input, False
        return wish
