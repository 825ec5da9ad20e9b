"""The base of every actor here: a handler that fails harms only its message.

Pykka kills an actor whose handler raises on a told message, and stops every actor of
the process on `SystemExit`. A task system inside somebody else's program can afford
neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, final

from ..rules.shortage import shortage_of
from .pykka_actor import PykkaActor
from .sending import (
    DeadLetters,
    MessageT,
    MessageT_contra,
    Recipient,
    logger,
    post_if_alive,
    post_safely,
)

if TYPE_CHECKING:
    from .mailbox import Scheduler


class SafeActor(PykkaActor, Generic[MessageT]):
    """The base of every actor here: a handler that fails harms only its message.

    Subclasses implement `handle` instead of Pykka's `on_receive`, and `on_error` if a
    failed handler owes somebody a word.

    Args:
        dead_letters: Counts what reaches nobody; by default its own.
        scheduler: Gives it its turns; without one it has a thread of its own.
    """

    def __init__(
        self,
        dead_letters: DeadLetters | None = None,
        scheduler: Scheduler | None = None,
    ) -> None:
        super().__init__(scheduler)
        self._dead_letters = DeadLetters() if dead_letters is None else dead_letters
        self._scheduler = scheduler

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "on_receive" in vars(cls):
            # An error in it would end the actor, as in Pykka.
            raise TypeError(f"{cls.__name__} must define handle, not on_receive")

    def handle(self, message: MessageT) -> object:
        """Handle one message and return what an asker is to get. Must not block."""
        raise NotImplementedError

    def on_error(self, message: MessageT, error: BaseException) -> object:
        """Make good for a handler that raised; the error has been logged already.

        Returns:
            What an asker is to get instead of the answer. With None the error is
            raised where it was asked.
        """
        del message, error
        return None

    @final
    def on_receive(self, message: Any) -> Any:  # noqa: ANN401 - Pykka's own signature
        """Handle one message; an error of its handler harms nothing else.

        Raises:
            Exception: What the handler raised, if somebody waits for the answer: Pykka
                raises it there, and this actor goes on.
        """
        try:
            return self.handle(message)
        except BaseException as error:
            answer = self.make_good(message, error)
            if answer is None and self.is_asked():
                if isinstance(error, Exception):
                    raise
                # Anything else Pykka would take for an order to stop all actors.
                what = f"{type(self).__name__} failed on {type(message).__name__}"
                raise RuntimeError(f"{what}: {error!r}") from error
            return answer

    def make_good(self, message: MessageT, error: BaseException) -> object:
        """Log what a message has raised, and do what is left to do; see `on_error`.

        For a message that came with others in one; never raises.
        """
        self._log_failure(message, error)
        try:
            return self.on_error(message, error)
        except BaseException as second:  # noqa: BLE001 - SystemExit would stop all actors
            self._log_failure(message, second)
            return None

    def post(
        self, recipient: Recipient[MessageT_contra], message: MessageT_contra
    ) -> bool:
        """Send a message and tell whether the recipient took it. Never blocks."""
        return post_safely(recipient, message, self._dead_letters)

    def tell_self(self, message: MessageT) -> bool:
        """Put a message into the own mailbox, from any thread. Never blocks.

        If the actor has ended meanwhile the message is of no use to anybody, and so
        not counted as a dead letter.

        Returns:
            Whether the actor took it.
        """
        return post_if_alive(self.actor_ref, message)

    def about_to_block(self, *, long: bool = False) -> None:
        """Let other actors go on while this one does what takes longer than usual.

        Never blocks itself. What an actor has told others before it blocks reaches them
        meanwhile.

        Args:
            long: Whether that is longer than it takes to start a process.
        """
        if self._scheduler is not None:
            self._scheduler.about_to_block(long=long)

    def about_to_start(self) -> None:
        """Let other actors go on while this one starts a process, if that is slow.

        Never blocks itself. For a start that runs no code of others.
        """
        if self._scheduler is not None:
            self._scheduler.about_to_start()

    def _log_failure(self, message: object, error: BaseException) -> None:
        actor, what = type(self).__name__, type(message).__name__
        if (lacking := shortage_of(error)) is not None:
            logger.error("%s failed on %s: %s", actor, what, lacking)
        else:
            logger.error("%s failed on %s", actor, what, exc_info=error)
