"""The reports of a face's actor, kept for the main thread that waits for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from ...actors.host.events import HostBack, HostLost, SessionEnded
from ...actors.runtime.sending import post_if_alive
from .messages import Finished, Notice, ViewLost

if TYPE_CHECKING:
    from ...actors import Recipient
    from ...actors.host.events import HostEvent
    from ..program.wakeup import Wakeup


class Owner:
    """Records how a face has ended, and wakes the main thread for every report."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self.finished = False
        """Whether the face is done."""
        self.ends = False
        """Whether to end the session as well."""
        self.ended = ""
        """Why the session was ended from outside; empty if it was not."""
        self.lost: str | None = None
        """Why the view is lost; None if it is not."""

    def note(self, report: Finished | ViewLost) -> None:
        """Record that the actor has finished, or that its view is lost."""
        match report:
            case Finished(ends=ends):
                self.finished = True
                self.ends = ends
            case ViewLost(reason=reason):
                self.lost = reason
        self.wake()

    def session_ended(self, text: str) -> None:
        """Record that the session was ended from outside. Thread-safe."""
        if not self.finished:
            self.finished = True
            self.ended = text
            self.wake()

    def wake(self) -> None:
        """Wake the main thread."""
        self._wakeup.nudge()


class HostNews:
    """Receives the events of the session's host; shows a line, or ends the face.

    With `tells_end`, it shows the end as a line, too.
    """

    def __init__(
        self, face: Recipient[Notice], owner: Owner, *, tells_end: bool = False
    ) -> None:
        self._face = face
        self._owner = owner
        self._tells_end = tells_end

    def tell(self, event: HostEvent, /) -> None:
        """Receive an event. Thread-safe."""
        match event:
            case SessionEnded(text=text):
                # If this program asked for the end, it has finished and expects it.
                if self._tells_end and not self._owner.finished:
                    post_if_alive(self._face, Notice(text))
                self._owner.session_ended(text)
            case HostBack(text=text):
                post_if_alive(self._face, Notice(text, good=True))
            case HostLost(text=text):
                post_if_alive(self._face, Notice(text))
            case _:
                assert_never(event)
