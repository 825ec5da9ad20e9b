"""All that is Pykka's own and private, and that actors here use or override.

Pykka promises nothing about these names. They stand in this file alone, and a test
names each of them, so that a new release of Pykka which renames one is noticed there:

- of an actor: `_start_actor_loop`, `_actor_loop_setup`, `_actor_loop_running`,
  `_actor_loop_teardown` and `_stop`; and `_actor_ref`, which its `__init__` sets, with
  `actor_urn`, `actor_inbox` and `actor_stopped`, and nothing else;
- of an envelope, which is what a mailbox holds: `message` and `reply_to`.
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
    """What Pykka wants of a mailbox, and `PykkaActor`. Safe on any thread."""

    current: Any
    """The envelope that `get` returned last."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's own, and private
        """Take a message in its envelope. Never blocks."""
        ...

    def get(self) -> Any:  # noqa: ANN401 - the same
        """Return the next one; blocks until there is one."""
        ...

    def empty(self) -> bool:
        """Tell whether no message waits."""
        ...


class LateAnswer:
    """Who asked, as somebody who can be told the answer later, once."""

    def __init__(self, future: pykka.Future[Any]) -> None:
        self._future = future

    def tell(self, answer: object, /) -> None:
        """Give the answer. Never blocks."""
        self._future.set(answer)


class PykkaActor(pykka.ThreadingActor):
    """An actor that takes turns on shared threads, and may answer an ask later."""

    # A crash of the main thread must end the process, not leave it hanging.
    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, scheduler: Scheduler | None) -> None:
        # In place of Pykka's own, whose name for an actor is random: a call of the
        # system for each, after which it waits for the interpreter again.
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
        """Make the mailbox of an actor with a thread of its own."""
        return ThreadMailbox()

    def is_asked(self) -> bool:
        """Tell whether the sender of the message being handled waits for an answer."""
        envelope = self._envelope()
        return envelope is not None and envelope.reply_to is not None

    def answer_later(self) -> LateAnswer | None:
        """Return the sender of the message being handled, to be answered later.

        What the handler returns is no answer any more. Returns None if nobody waits.
        """
        envelope = self._envelope()
        if envelope is None or envelope.reply_to is None:
            return None
        asker, envelope.reply_to = envelope.reply_to, None
        return LateAnswer(asker)

    def end_turn(self) -> None:
        """Let others have their turn after this message, which took one in itself."""
        if self._mailbox is not None:
            self._mailbox.end_turn()

    def stop_self(self) -> None:
        """Stop when this message is handled; does nothing if stopped.

        For use in a handler. Messages that wait already are dropped.
        """
        if not self.actor_stopped.is_set():
            self._stop()

    def _envelope(self) -> Any:  # noqa: ANN401 - Pykka's own, and private
        inbox: Any = self.actor_inbox
        return inbox.current

    def _start_actor_loop(self) -> None:
        # Pykka registers the actor first; without a thread it would look alive.
        try:
            if self._mailbox is None:
                super()._start_actor_loop()
            else:
                self._mailbox.schedule()
        except RuntimeError:
            self._unregister()
            raise

    def _take_turn(self) -> None:
        """Do what Pykka's own loop does, as long as there is something to do."""
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
        except BaseException:  # noqa: BLE001 - ends this actor alone
            # Not the handler's failure but one of the loop around it: each further
            # turn would fail in the same way.
            logger.exception("%s can't go on, and is stopped", type(self).__name__)
            if not self.actor_stopped.is_set():
                self._unregister()
                call_safely(self.on_stop)
        mailbox.close()

    def _unregister(self) -> None:
        pykka.ActorRegistry.unregister(self.actor_ref)
        self.actor_stopped.set()
