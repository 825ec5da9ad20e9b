"""The private parts of Pykka that actors here use or override.

Pykka guarantees nothing about these names. Only this file uses them, and a test checks
each of them, so that it fails if a new release of Pykka renames one:

- of an actor: `_start_actor_loop`, `_actor_loop_setup`, `_actor_loop_running`,
  `_actor_loop_teardown` and `_stop`; and `_actor_ref`, which its `__init__` sets, with
  `actor_urn`, `actor_inbox` and `actor_stopped`, and nothing else;
- of an envelope, the item of a mailbox: `message` and `reply_to`.
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

import pykka

from .mailbox import Mailbox, MailboxEmptyError, ThreadMailbox
from .sending import call_safely, logger

if TYPE_CHECKING:
    from .mailbox import Scheduler


_numbers: Final = itertools.count(1)


class Inbox(Protocol):
    """The mailbox that Pykka and `PykkaActor` expect. Thread-safe."""

    current: Any
    """The envelope that `get` returned last."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's own, and private
        """Add a message in its envelope. Never blocks."""
        ...

    def get(self) -> Any:  # noqa: ANN401 - Pykka's own, and private
        """Return the next envelope; blocks until there is one."""
        ...

    def empty(self) -> bool:
        """Return whether the mailbox is empty."""
        ...


class LateAnswer:
    """The sender of an `ask`, as a recipient for one later answer."""

    def __init__(self, future: pykka.Future[Any]) -> None:
        self._future = future

    def tell(self, answer: object, /) -> None:
        """Set the answer. Never blocks."""
        self._future.set(answer)


class PykkaActor(pykka.ThreadingActor):
    """An actor that takes turns on shared threads, and may answer an ask later."""

    # A crash of the main thread must end the process, not leave it hanging.
    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, scheduler: Scheduler | None) -> None:
        # Replaces Pykka's own, which draws a random URN: a system call per actor that
        # releases the interpreter lock.
        self.actor_urn = f"urn:backburner:actor:{next(_numbers)}"
        self.actor_stopped = threading.Event()
        self._mailbox: Mailbox | None = None
        self._begun = False
        if scheduler is not None:
            self._mailbox = Mailbox(scheduler, self._take_turn)
        self.actor_inbox = self._mailbox or self.make_inbox()
        self._actor_ref = pykka.ActorRef(self)

    @staticmethod
    def make_inbox() -> Inbox:
        """Create the mailbox of an actor with a thread of its own."""
        return ThreadMailbox()

    def is_asked(self) -> bool:
        """Return whether the current message was sent with `ask`."""
        envelope = self._envelope()
        return envelope is not None and envelope.reply_to is not None

    def answer_later(self) -> LateAnswer | None:
        """Return the sender of the current `ask`, to be answered later.

        The return value of the handler is then ignored. Returns None if the message
        was not sent with `ask`.
        """
        envelope = self._envelope()
        if envelope is None or envelope.reply_to is None:
            return None
        asker, envelope.reply_to = envelope.reply_to, None
        return LateAnswer(asker)

    def end_turn(self) -> None:
        """End the turn after this message, because handling it takes long."""
        if self._mailbox is not None:
            self._mailbox.end_turn()

    def stop_self(self) -> None:
        """Stop after the current message; does nothing if already stopped.

        For use in a handler. Messages in the mailbox are dropped.
        """
        if not self.actor_stopped.is_set():
            self._stop()

    def _envelope(self) -> Any:  # noqa: ANN401 - Pykka's own, and private
        inbox: Any = self.actor_inbox
        return inbox.current

    def _start_actor_loop(self) -> None:
        # Pykka has registered the actor; without a thread it would seem alive.
        try:
            if self._mailbox is None:
                super()._start_actor_loop()
            else:
                self._mailbox.schedule()
        except RuntimeError:
            self._unregister()
            raise

    def _take_turn(self) -> None:
        """Run Pykka's actor loop until the mailbox is empty or the turn is over."""
        mailbox = self._mailbox
        if mailbox is None:
            return
        try:
            if not self._begun:
                self._begun = True
                self._actor_loop_setup()
            try:
                self._actor_loop_running()
            except MailboxEmptyError:
                return
            mailbox.prolong_turn()
            self._actor_loop_teardown()
        except BaseException:  # noqa: BLE001 - ends only this actor
            # A failure of the loop, not of a handler, would repeat in every turn.
            logger.exception("%s failed and is stopped", type(self).__name__)
            if not self.actor_stopped.is_set():
                self._unregister()
                call_safely(self.on_stop)
        mailbox.close()

    def _unregister(self) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
