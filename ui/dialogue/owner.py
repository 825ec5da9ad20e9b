"""What the actor of a face reports, kept for the main thread, which waits for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ...actors.host.events import HostBack, HostLost, SessionEnded
from .messages import Finished, Notice, ViewLost

if TYPE_CHECKING:
    from ...actors import Recipient
    from ...actors.host.events import HostEvent
    from ..program.wakeup import Wakeup


class Owner:
    """Keeps how a face has ended, and wakes the main thread for every report."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self.finished = False
        """Whether there is nothing more to do."""
        self.ends = False
        """Whether the session is to end as well."""
        self.ended = ""
        """Why somebody else has ended the session; empty if nobody has."""
        self.lost: str | None = None
        """Why nothing can be shown any more."""

    def note(self, report: Finished | ViewLost) -> None:
        """Note that the actor has finished, or can't show anything any more."""
        match report:
            case Finished(ends=ends):
                self.finished = True
                self.ends = ends
            case ViewLost(reason=reason):
                self.lost = reason
        self.wake()

    def session_ended(self, text: str) -> None:
        """Note that somebody else has ended the session; any thread may."""
        if not self.finished:
            self.finished = True
            self.ended = text
            self.wake()

    def wake(self) -> None:
        """Wake the main thread."""
        self._wakeup.nudge()


class HostNews:
    """Takes what becomes of the session's host: a line to show, or the end.

    Args:
        face: Shows the line.
        owner: Notes the end.
        tells_end: Whether the end is shown as a line too.
    """

    def __init__(
        self, face: Recipient[Notice], owner: Owner, *, tells_end: bool = False
    ) -> None:
        self._face = face
        self._owner = owner
        self._tells_end = tells_end

    def tell(self, event: HostEvent, /) -> None:
        """Take what has become of the host; any thread may."""
        match event:
            case SessionEnded(text=text):
                if self._tells_end:
                    self._face.tell(Notice(f"the session ended: {text}"))
                self._owner.session_ended(text)
            case HostBack(text=text):
                self._face.tell(Notice(text, good=True))
            case HostLost(text=text):
                self._face.tell(Notice(text))
            case _:
                assert_never(event)
