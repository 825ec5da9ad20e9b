"""When to draw the next frame: soon after a change, at a limited rate."""

from __future__ import annotations

from typing import Final

FRAME: Final = 1 / 30
"""Minimum seconds between two frames; a key is shown at once."""

PATIENCE: Final = 0.01
"""Maximum seconds that a frame waits while the mailbox isn't empty."""

PATIENCE_WITH_INPUT: Final = 0.002
"""Maximum seconds that a frame waits if typed text is to be shown."""


class Pace:
    """Tracks since when the frame on the screen is out of date."""

    def __init__(self) -> None:
        self.urgent = False
        """Whether typed text is to be shown."""
        self._stale_since: float | None = None
        self._drawn = 0.0

    def note_change(self, now: float) -> None:
        """Record that the state may have changed."""
        if self._stale_since is None:
            self._stale_since = now

    def delay(self, now: float, *, more: bool, typed: bool) -> float | None:
        """Return the seconds until the next frame, 0 for now; None to draw none yet.

        Args:
            now: The time.
            more: Whether more messages wait; each calls this again.
            typed: Whether typed input is among them.
        """
        if self._stale_since is None:
            return None
        patience = PATIENCE_WITH_INPUT if self.urgent else PATIENCE
        if typed:
            # A person doesn't look at each of many keys, and a frame takes longer than
            # a key.
            patience = FRAME
        if more and now - self._stale_since < patience:
            return None
        left = FRAME - (now - self._drawn)
        if left <= 0 or self.urgent:
            return 0.0
        return None if more else left

    def begin(self) -> None:
        """Record that a frame with all changes is being drawn."""
        self._stale_since = None
        self.urgent = False

    def end(self, now: float) -> None:
        """Record that the frame is on the screen."""
        self._drawn = now
