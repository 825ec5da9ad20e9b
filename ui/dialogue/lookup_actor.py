"""The LookupActor: runs lookups that may block, so that no face blocks."""

from __future__ import annotations

from ...actors import SafeActor
from .lookups import LookedUp, LookUp, LookUpFailed, look_up


class LookupActor(SafeActor[LookUp]):
    """Answers each `LookUp` with a `LookedUp`, in order.

    It has a thread of its own, since its lookups may block.
    """

    def handle(self, message: LookUp) -> None:
        """Run the lookup. Blocks."""
        if message.reply_to is not None:
            result = look_up(message.wanted)
            self.post(message.reply_to, LookedUp(message.number, result))

    def on_error(self, message: LookUp, error: BaseException) -> None:
        """Answer with the error, so that the request does not stay pending."""
        if message.reply_to is not None:
            failed = LookUpFailed(f"internal error: {error!r}; see the log")
            self.post(message.reply_to, LookedUp(message.number, failed))
