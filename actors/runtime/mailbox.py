"""The mailboxes of actors on shared threads, and of actors with their own thread."""

from __future__ import annotations

import queue
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Protocol

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable

TURN: Final = 64
"""Maximum number of messages that an actor handles in one turn."""


class MailboxEmptyError(Exception):
    """The mailbox is empty, or the turn of the actor is over."""


class Scheduler(Protocol):
    """Runs the turns of actors. Thread-safe; no method blocks."""

    def submit(self, turn: Callable[[], None]) -> None:
        """Queue a turn on one of the scheduler's threads.

        Raises:
            RuntimeError: If there is no thread, and none can be started.
        """
        ...

    def about_to_block(self, *, long: bool = False) -> None:
        """Run other turns on another thread while the calling turn blocks.

        Args:
            long: Whether it blocks for longer than starting a process takes.
        """
        ...

    def about_to_start(self) -> None:
        """Like `about_to_block`, but for starting a process, and only if needed.

        For a start that runs no embedder's code.
        """
        ...

    def nudge(self) -> None:
        """Note a message for an actor that is in its turn."""
        ...


class ThreadMailbox(queue.SimpleQueue[Any]):
    """The mailbox of an actor with a thread of its own.

    A message costs half as much as in the `queue.Queue` that Pykka uses.
    """

    current: Any = None
    """The envelope that `get` returned last."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ANN401, FBT001, FBT002 - its own signature
        """Return the next message; block until there is one."""
        self.current = None  # don't keep a handled message alive while waiting
        self.current = envelope = super().get(block, timeout)
        return envelope


class Mailbox:
    """The mailbox of an actor on shared threads; schedules a turn if it isn't empty.

    The turns of one actor never overlap. Thread-safe.

    Args:
        scheduler: Runs the turns.
        turn: Handles messages by calling `get` until it raises.
    """

    def __init__(self, scheduler: Scheduler, turn: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._turn = turn
        self._envelopes: deque[Any] = deque()
        # Held only during a turn, never by `put`, which a signal handler may interrupt.
        self._in_turn = threading.Lock()
        self._left = 0
        self._closed = False
        self.current: Any = None
        """The envelope that `get` returned last."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's own, and private
        """Add a message in its envelope. Never blocks.

        Raises:
            RuntimeError: If there is no thread for it, and none can be started.
        """
        self._envelopes.append(envelope)
        if self._closed:
            self._refuse_all()
        elif self._in_turn.locked():
            # The mailbox is checked at the end of the turn.
            self._scheduler.nudge()
        else:
            self._scheduler.submit(self._take_turn)

    def schedule(self) -> None:
        """Request a turn. Never blocks.

        Raises:
            RuntimeError: If there is no thread for it, and none can be started.
        """
        self._scheduler.submit(self._take_turn)

    def get(self) -> Any:  # noqa: ANN401 - Pykka's own, and private
        """Return the next message. Never blocks; only for use within a turn.

        Raises:
            MailboxEmptyError: If the turn is over.
        """
        if self._left > 0:
            self._left -= 1
            try:
                self.current = envelope = self._envelopes.popleft()
            except IndexError:
                pass
            else:
                return envelope
        self.current = None
        raise MailboxEmptyError

    def empty(self) -> bool:
        """Return whether the mailbox is empty."""
        return not self._envelopes

    def end_turn(self) -> None:
        """End the turn after the current message."""
        self._left = 0

    def prolong_turn(self) -> None:
        """Continue the turn until the mailbox is empty."""
        self._left = sys.maxsize

    def close(self) -> None:
        """Refuse all messages, and drop the actor, which has ended. Never blocks."""
        self._closed = True
        self._turn = _nothing
        self.current = None
        self._refuse_all()

    def _take_turn(self) -> None:
        # More turns may be requested than needed; superfluous ones do nothing.
        if not self._in_turn.acquire(blocking=False):
            return
        self._left = TURN
        try:
            self._turn()
        finally:
            self._in_turn.release()
            if self._envelopes:
                self.schedule()

    def _refuse_all(self) -> None:
        # Otherwise an `ask` of an actor that is just ending would never be answered.
        while self._envelopes:
            try:
                envelope = self._envelopes.popleft()
            except IndexError:
                return
            if envelope.reply_to is not None:
                gone = pykka.ActorDeadError("stopped before handling the message")
                envelope.reply_to.set_exception((type(gone), gone, None))


def _nothing() -> None:
    """Do nothing; replaces the turn of an actor that has stopped."""
