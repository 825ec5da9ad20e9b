"""The base of every actor here: a handler that fails harms only its message.

Pykka kills an actor whose handler raises on a told message, and stops every actor of
the process on `SystemExit`. A task system inside somebody else's program can afford
neither.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol

import pykka

from .mailbox import Mailbox, MailboxEmptyError, ThreadMailbox
from .sending import (
    DeadLetters,
    MessageT,
    MessageT_contra,
    Recipient,
    logger,
    post,
    post_if_alive,
)

if TYPE_CHECKING:
    from .mailbox import Scheduler


class Inbox(Protocol):
    """What Pykka wants of a mailbox. Safe on any thread."""

    def put(self, envelope: Any, /) -> None:  # noqa: ANN401 - Pykka's own, and private
        """Take a message in its envelope. Never blocks."""
        ...

    def get(self) -> Any:  # noqa: ANN401 - the same
        """Return the next one; blocks until there is one."""
        ...

    def empty(self) -> bool:
        """Tell whether no message waits."""
        ...


class SafeActor(pykka.ThreadingActor, Generic[MessageT]):
    """The base of every actor here: a handler that fails harms only its message.

    Subclasses implement `handle`, and `on_error` if a failed handler owes somebody
    a word.

    Args:
        dead_letters: Counts what reaches nobody.
        scheduler: Gives it its turns; without one it has a thread of its own.
    """

    # A crash of the main thread must end the process, not leave it hanging.
    use_daemon_thread: ClassVar[bool] = True

    def __init__(
        self, dead_letters: DeadLetters, scheduler: Scheduler | None = None
    ) -> None:
        super().__init__()
        self._dead_letters = dead_letters
        self._scheduler = scheduler
        self._mailbox: Mailbox | None = None
        self._begun = False
        if scheduler is not None:
            self._mailbox = Mailbox(scheduler, self._take_turn)
            self.actor_inbox = self.actor_ref.actor_inbox = self._mailbox

    def handle(self, message: MessageT) -> object:
        """Handle one message and return what an asker is to get. Must not block."""
        raise NotImplementedError

    def on_error(self, message: MessageT, error: BaseException) -> object:
        """Make good for a handler that raised; the error has been logged already.

        Returns:
            What an asker is to get instead of the answer.
        """
        del message, error
        return None

    def on_receive(self, message: Any) -> Any:  # noqa: ANN401 - Pykka's own signature
        """Handle one message, whatever its handler does."""
        try:
            return self.handle(message)
        except BaseException as error:  # noqa: BLE001 - SystemExit would stop all actors
            self._log_failure(message, error)
            try:
                return self.on_error(message, error)
            except BaseException as second:  # noqa: BLE001 - the same
                self._log_failure(message, second)
                return None

    def post(
        self, recipient: Recipient[MessageT_contra], message: MessageT_contra
    ) -> bool:
        """Send a message and tell whether the recipient took it. Never blocks.

        Whatever the recipient raises harms nobody else: what an actor has to say to
        others must not be lost with it.
        """
        try:
            return post(recipient, message, self._dead_letters)
        except BaseException:  # noqa: BLE001 - logged here
            logger.exception(
                "%r could not be told %s", recipient, type(message).__name__
            )
            self._dead_letters.add(recipient, message)
            return False

    def is_asked(self) -> bool:
        """Tell whether the sender of the message being handled waits for an answer.

        With a mailbox that can't tell, it may.
        """
        return getattr(self.actor_inbox, "asked", True)

    def tell_self(self, message: MessageT) -> None:
        """Put a message into the own mailbox, from any thread. Never blocks.

        If the actor has ended meanwhile the message is of no use to anybody, and so
        not counted as a dead letter.
        """
        post_if_alive(self.actor_ref, message)

    def about_to_block(self, *, long: bool = False) -> None:
        """Let other actors go on while this one does what takes longer than usual.

        Never blocks itself. What an actor has told others before it blocks reaches them
        meanwhile.

        Args:
            long: Whether that is longer than it takes to start a process.
        """
        if self._scheduler is not None:
            self._scheduler.about_to_block(long=long)

    def stop_self(self) -> None:
        """Stop after the messages that wait already; does nothing if stopped."""
        with contextlib.suppress(pykka.ActorDeadError):
            self.stop()

    def _log_failure(self, message: object, error: BaseException) -> None:
        logger.error(
            "%s failed on %s",
            type(self).__name__,
            type(message).__name__,
            exc_info=(type(error), error, error.__traceback__),
        )

    @staticmethod
    def _create_actor_inbox() -> Inbox:
        return ThreadMailbox()

    def _start_actor_loop(self) -> None:
        # Pykka registers the actor first; without a thread it would look alive.
        try:
            if self._mailbox is None:
                super()._start_actor_loop()
            else:
                self._mailbox.schedule()
        except RuntimeError:
            pykka.ActorRegistry.unregister(self.actor_ref)
            self.actor_stopped.set()
            raise

    def _take_turn(self) -> None:
        """Do what Pykka's own loop does, as long as there is something to do."""
        if not self._begun:
            self._begun = True
            self._actor_loop_setup()
        try:
            self._actor_loop_running()
        except MailboxEmptyError:
            return
        if self._mailbox is not None:
            self._mailbox.prolong_turn()
            self._actor_loop_teardown()
            self._mailbox.close()
