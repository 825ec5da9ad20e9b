"""When the next frame is drawn: soon after something has changed, but not too often."""

from __future__ import annotations

from typing import Final

FRAME: Final = 1 / 30
"""Seconds between two frames at least; a key that was pressed is shown at once."""

PATIENCE: Final = 0.01
"""Seconds for which a frame waits while the mailbox never gets empty."""

PATIENCE_WITH_INPUT: Final = 0.002
"""The same while somebody waits to see what was typed."""


class Pace:
    """Knows since when the frame on the screen is out of date."""

    def __init__(self) -> None:
        self.urgent = False
        """Whether somebody waits to see what was typed."""
        self._stale_since: float | None = None
        self._drawn = 0.0

    def note_change(self, now: float) -> None:
        """Note that something may have changed."""
        if self._stale_since is None:
            self._stale_since = now

    def delay(self, now: float, *, more: bool, typed: bool) -> float | None:
        """Return after how many seconds to draw, 0 for now; None to wait for more.

        Args:
            now: The time.
            more: Whether more messages wait, each of which asks again.
            typed: Whether some of them were typed.
        """
        if self._stale_since is None:
            return None
        patience = PATIENCE_WITH_INPUT if self.urgent else PATIENCE
        if typed:
            # Nobody looks at each of so many keys; a frame takes longer than a key.
            patience = FRAME
        if more and now - self._stale_since < patience:
            return None
        left = FRAME - (now - self._drawn)
        if left <= 0 or self.urgent:
            return 0.0
        return None if more else left

    def begin(self) -> None:
        """Note that a frame is drawn now, of all that has changed."""
        self._stale_since = None
        self.urgent = False

    def end(self, now: float) -> None:
        """Note that the frame is on the screen."""
        self._drawn = now
