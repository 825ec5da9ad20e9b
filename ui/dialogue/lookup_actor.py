"""The LookupActor: looks up what may block, so that no face of the program waits."""

from __future__ import annotations

from ...actors import SafeActor
from .lookups import LookedUp, LookUp, LookUpFailed, look_up


class LookupActor(SafeActor[LookUp]):
    """Answers each `LookUp` with a `LookedUp`, one after the other.

    It has a thread of its own, and is the one actor that may block.
    """

    def handle(self, message: LookUp) -> None:
        """Look it up; blocks as long as that takes."""
        if message.reply_to is not None:
            result = look_up(message.wanted)
            self.post(message.reply_to, LookedUp(message.number, result))

    def on_error(self, message: LookUp, error: BaseException) -> None:
        """Answer all the same."""
        if message.reply_to is not None:
            failed = LookUpFailed(f"internal error: {error!r}; see the log")
            self.post(message.reply_to, LookedUp(message.number, failed))
