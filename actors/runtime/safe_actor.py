"""The base class of all actors here: an exception affects only its message.

Pykka kills an actor whose handler raises on a message sent with `tell`, and stops every
actor of the process on `SystemExit`. A task system embedded in another program can't
afford either.
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
    """The base class of all actors here: an exception affects only its message.

    Subclasses implement `handle` instead of Pykka's `on_receive`, and `on_error` if an
    exception requires a reaction, such as an answer.

    Args:
        dead_letters: Counts messages to dead recipients; by default its own counter.
        scheduler: Runs its turns; without one it has a thread of its own.
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
            # An exception in it would end the actor, as in Pykka.
            raise TypeError(f"{cls.__name__} must define handle, not on_receive")

    def handle(self, message: MessageT) -> object:
        """Handle one message and return the answer to an `ask`. Must not block."""
        raise NotImplementedError

    def on_error(self, message: MessageT, error: BaseException) -> object:
        """React to an exception of `handle`, which has been logged.

        Returns:
            The answer to an `ask`. If None, the exception is raised at the sender.
        """
        del message, error
        return None

    @final
    def on_receive(self, message: Any) -> Any:  # noqa: ANN401 - Pykka's own signature
        """Handle one message; an exception affects nothing else.

        Raises:
            Exception: The exception of the handler, if the message was sent with `ask`:
                Pykka raises it at the sender, and this actor keeps running.
        """
        try:
            return self.handle(message)
        except BaseException as error:
            answer = self.make_good(message, error)
            if answer is None and self.is_asked():
                if isinstance(error, Exception):
                    raise
                # Pykka would stop all actors on any other `BaseException`.
                what = f"{type(self).__name__} failed on {type(message).__name__}"
                raise RuntimeError(f"{what}: {error!r}") from error
            return answer

    def make_good(self, message: MessageT, error: BaseException) -> object:
        """Log the exception of a message and call `on_error`; never raises.

        Also for one of several requests that arrived in one message.
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
        """Send a message; return whether the recipient took it. Never blocks."""
        return post_safely(recipient, message, self._dead_letters)

    def tell_self(self, message: MessageT) -> bool:
        """Put a message into the actor's own mailbox, from any thread. Never blocks.

        If the actor has ended, the message is dropped, not counted as a dead letter.

        Returns:
            Whether the actor took it.
        """
        return post_if_alive(self.actor_ref, message)

    def about_to_block(self, *, long: bool = False) -> None:
        """Run other actors on another thread while this one blocks.

        Does not block itself. Other actors handle the messages that this one has sent
        before.

        Args:
            long: Whether it blocks for longer than starting a process takes.
        """
        if self._scheduler is not None:
            self._scheduler.about_to_block(long=long)

    def about_to_start(self) -> None:
        """Like `about_to_block`, but for starting a process, and only if needed.

        For a start that runs no embedder's code.
        """
        if self._scheduler is not None:
            self._scheduler.about_to_start()

    def _log_failure(self, message: object, error: BaseException) -> None:
        actor, what = type(self).__name__, type(message).__name__
        if (lacking := shortage_of(error)) is not None:
            logger.error("%s failed on %s: %s", actor, what, lacking)
        else:
            logger.error("%s failed on %s", actor, what, exc_info=error)
