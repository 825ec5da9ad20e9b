"""Sending requests to the queue from outside the actors, and waiting for answers."""

from __future__ import annotations

import abc
import os
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec.structs import replace

from ..messages import CloseQueue, OpenQueue, QueueReply, QueueRequest, Refused
from ..runtime.promise import Promise, check_timeout
from ..runtime.sending import DeadLetters, Recipient, post_if_alive
from .errors import RefusedError, TaskSystemError

if TYPE_CHECKING:
    from collections.abc import Callable

ReplyT = TypeVar("ReplyT")

NOT_STARTED: Final = "the task system is not started; call start() first"

ANSWER_TIMEOUT: Final = 10.0
"""Default seconds to wait for an answer."""


class Asking(abc.ABC):
    """Sends requests to a queue and waits for their answers."""

    dead_letters: DeadLetters
    on_long: Callable[[], None] | None = None
    """Called for each request that has waited three seconds for its answer."""
    _owner: int | None = None  # the id of the process that started it

    @property
    @abc.abstractmethod
    def queue(self) -> Recipient[QueueRequest]:
        """Accepts every `QueueRequest`: the QueueActor, or a proxy of it."""

    @abc.abstractmethod
    def is_own_thread(self) -> bool:
        """Return whether the caller runs on a thread that the answers depend on.

        Waiting for an answer there would be a deadlock, so blocking methods raise
        `RuntimeError`. A subscriber that is not an actor is called on such a thread.
        """

    def _is_forked(self) -> bool:
        """Return whether this process was forked after the start."""
        return self._owner not in {None, os.getpid()}

    def _refuse_in_a_fork(self) -> None:
        if self._is_forked():
            raise TaskSystemError(
                f"this task system belongs to process {self._owner}, the parent of this"
                f" one; create another {type(self).__name__} here"
            )

    def _refuse_to_wait(self, what: str) -> None:
        if self.is_own_thread():
            raise RuntimeError(
                f"{what} would wait on a thread of the actors that answer it; send a"
                " message to `queue`, or call this on another thread"
            )

    def _request(
        self,
        request: QueueRequest | OpenQueue | CloseQueue,
        answer: type[ReplyT],
        timeout: float = ANSWER_TIMEOUT,
    ) -> ReplyT:
        self._refuse_to_wait(type(request).__name__)
        return ask(
            self.queue, request, answer, timeout, self.dead_letters, self.on_long
        )


def ask(  # noqa: PLR0913, PLR0917 - each is one independent thing
    queue: Recipient[Any],
    request: QueueRequest | OpenQueue | CloseQueue,
    answer: type[ReplyT],
    timeout: float,
    dead_letters: DeadLetters,
    on_long: Callable[[], None] | None = None,
) -> ReplyT:
    """Send a request, and return its answer, which follows the commit.

    Args:
        queue: The recipient of the request.
        request: The request, without a `reply_to`.
        answer: The expected type of the answer.
        timeout: Seconds to wait for it.
        dead_letters: Counts the request if the queue is gone.
        on_long: Called if no answer arrives within three seconds.

    Raises:
        RefusedError: If the request was refused.
        TaskSystemError: If the queue is gone.
        TimeoutError: If there was no answer in time.
        TypeError: If `timeout` has a wrong type; the request is not sent.
        ValueError: If `timeout` is nan; the request is not sent.
    """
    check_timeout("answer_timeout", timeout)  # before the request is sent
    promise: Promise[QueueReply] = Promise()
    if not post_if_alive(queue, replace(request, reply_to=promise), dead_letters):
        raise TaskSystemError("the task system has stopped")
    reply = promise.get(timeout, on_long)
    if isinstance(reply, Refused):
        raise RefusedError(reply.text, reply.code)
    if not isinstance(reply, answer):
        raise TypeError(f"{type(request).__name__} was answered by {reply!r}")
    return reply
