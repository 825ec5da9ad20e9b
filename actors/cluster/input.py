"""The session's side of the input of a job on another machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..processes.channel import INPUT_LIMIT
from ..rules.safe_text import size_text
from .wire import Give, Resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.terms import Input
    from .wire import Intake, ToEngine


WAITS: Final = "it waits to start"
LOST: Final = "the process of its engine is being started again; try it again"


class RemoteChannel:
    """The input of one job; see `InputChannel` and `InputWatch`."""

    def __init__(
        self, job: str, wanted: Input, send: Callable[[ToEngine], object]
    ) -> None:
        self._job = job
        self._is_terminal = wanted == "terminal"
        self._send = send
        self._given = 0  # bytes; changed only by the job's actor
        self.refused = WAITS
        """Why it accepts no more input; empty while it does."""
        self.passed = 0
        """Bytes that the job has read, as reported by the engine."""
        self.waits = False
        """Whether the job waited for input at the last check."""
        self.is_new = False
        """See `InputWatch`."""
        self._said: Intake | None = None

    def begin(self) -> None:
        """Accept input: the job has begun."""
        if self.refused in {WAITS, LOST}:
            self.refused = ""

    def lose(self) -> None:
        """Accept no input for now: the engine's process is gone, with pending input."""
        self.refused = self.refused or LOST
        self._given = self.passed

    def took(self, intake: Intake) -> None:
        """Record the state of the input reported by the engine."""
        self._said = intake
        self.passed = intake.passed
        # Input sent by an earlier program was not counted here.
        self._given = max(self._given, intake.passed)
        self.refused = self.refused or intake.refused

    def look(self, now: float, *, news: bool) -> bool:
        """Use the last report of the engine; return whether `waits` has changed."""
        del now, news  # the agent on the node checks the job
        before, said = self.waits, self._said
        if said is not None:
            self.waits, self.is_new = said.awaits, said.is_new
        return self.waits is not before

    @property
    def waiting(self) -> int:
        """Bytes of input that the job has not read yet."""
        return self._given - self.passed

    def send(self, data: bytes) -> str:
        """Send input to the job; see `Channel.send`."""
        if self.refused:
            return self.refused
        if self.waiting + len(data) > INPUT_LIMIT:
            return f"it does not read its input: {size_text(self.waiting)} wait for it"
        self._given += len(data)
        self._send(Give(self._job, data))
        return ""

    def end_input(self) -> str:
        """Signal the end of the input; see `Channel.end_input`."""
        if self.refused:
            return self.refused
        if not self._is_terminal:
            self.refused = "its input was ended"
        self._send(Give(self._job, ends=True))
        return ""

    def resize(self, columns: int, rows: int) -> str:
        """Set the size of the terminal; see `Channel.resize`."""
        if not self._is_terminal:
            return "it has no terminal"
        self._send(Resize(self._job, columns, rows))
        return ""
