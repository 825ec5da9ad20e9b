"""The mailboxes of actors: of one that shares threads, and of one with its own."""

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
"""Messages that an actor handles before others have their turn."""


class MailboxEmptyError(Exception):
    """No message waits, or the turn of the actor is over."""


class Scheduler(Protocol):
    """Gives actors their turns. Safe on any thread; nothing blocks."""

    def submit(self, turn: Callable[[], None]) -> None:
        """Queue a turn on one of the scheduler's threads.

        Raises:
            RuntimeError: If there is no thread, and none can be started.
        """
        ...

    def about_to_block(self, *, long: bool = False) -> None:
        """Let others go on while the turn that calls this does what takes a while.

        Args:
            long: Whether that is longer than it takes to start a process.
        """
        ...

    def about_to_start(self) -> None:
        """Let others go on while the turn that calls this starts a process, if need be.

        For a start that runs no code of others.
        """
        ...

    def nudge(self) -> None:
        """Tell that a message has come for an actor whose turn is coming anyway."""
        ...


class ThreadMailbox(queue.SimpleQueue[Any]):
    """The mailbox of an actor with a thread of its own.

    Half the price of the `queue.Queue` that Pykka takes, for each message.
    """

    current: Any = None
    """The envelope that `get` returned last."""

    def get(self, block: bool = True, timeout: float | None = None) -> Any:  # noqa: ANN401, FBT001, FBT002 - its own signature
        """Return the next message; block until there is one."""
        self.current = None  # what has been handled is not kept while nothing comes
        self.current = envelope = super().get(block, timeout)
        return envelope


class Mailbox:
    """Messages for one actor, which is given a turn whenever some wait.

    Turns of one actor never overlap. Safe on any thread.

    Args:
        scheduler: Gives the turns.
        turn: Handles messages, by calling `get` until it raises.
    """

    def __init__(self, scheduler: Scheduler, turn: Callable[[], None]) -> None:
        self._scheduler = scheduler
        self._turn = turn
        self._envelopes: deque[Any] = deque()
        # Locked during a turn, and by nobody else: who puts a message may be a main
        # thread that is interrupted in the middle of it.
        self._in_turn = threading.Lock()
        self._left = 0
        self._closed = False
        self.current: Any = None
        """The envelope that `get` returned last."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's own, and private
        """Take a message in its envelope. Never blocks.

        Raises:
            RuntimeError: If there is no thread for it, and none can be started.
        """
        self._envelopes.append(envelope)
        if self._closed:
            self._refuse_all()
        elif self._in_turn.locked():
            # At the end of the turn somebody looks for messages.
            self._scheduler.nudge()
        else:
            self._scheduler.submit(self._take_turn)

    def schedule(self) -> None:
        """Ask for a turn. Never blocks.

        Raises:
            RuntimeError: If there is no thread for it, and none can be started.
        """
        self._scheduler.submit(self._take_turn)

    def get(self) -> Any:  # noqa: ANN401 - Pykka's own, and private
        """Return the next message. Never blocks; for use within a turn only.

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
        """Tell whether no message waits."""
        return not self._envelopes

    def end_turn(self) -> None:
        """Let the turn end with the message that is being handled."""
        self._left = 0

    def prolong_turn(self) -> None:
        """Let the turn last until no message waits."""
        self._left = sys.maxsize

    def close(self) -> None:
        """Take no more messages: the actor has ended. Forgets it. Never blocks."""
        self._closed = True
        self._turn = _nothing
        self.current = None
        self._refuse_all()

    def _take_turn(self) -> None:
        # More turns may be asked for than are needed; the others find nothing to do.
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
        # Who asks a Pykka actor in the moment in which it ends waits in vain.
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
