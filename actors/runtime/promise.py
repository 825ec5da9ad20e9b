"""A recipient for one thread that waits: how code outside the actors gets an answer."""

from __future__ import annotations

import math
import queue
import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable

MessageT = TypeVar("MessageT")
AnswerT = TypeVar("AnswerT")


class Promise(Generic[MessageT]):
    """Takes messages on any thread, and hands them to the one that waits.

    Unlike a Pykka `ask` it can be the `reply_to` of a message, so that the answer comes
    when what it says has been written down; and it takes more than one message.
    """

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[MessageT] = queue.SimpleQueue()

    def tell(self, message: MessageT, /) -> None:
        """Take a message. Never blocks."""
        self._messages.put(message)

    def get(self, timeout: float) -> MessageT:
        """Return the next message; blocks up to `timeout` seconds.

        At least half of them are waited for while this program runs, even if it stands
        still meanwhile.

        Args:
            timeout: Any number; `math.inf` to wait as long as it takes.

        Raises:
            TimeoutError: If none came.
            ValueError: If `timeout` is not a number.
        """
        try:
            return wait_in_halves(
                lambda seconds: self._messages.get(timeout=seconds),
                timeout,
                queue.Empty,
            )
        except queue.Empty:
            raise _no_answer(timeout) from None


class Deadline:
    """One limit in seconds, or `math.inf`, for several waits that follow each other.

    Raises:
        TypeError: If it is of a wrong type.
        ValueError: If it is not a number.
    """

    def __init__(self, seconds: float) -> None:
        if not isinstance(cast("object", seconds), int | float):
            given = type(seconds).__name__
            raise TypeError(f"a time to wait must be a number of seconds, not {given}")
        if math.isnan(seconds):
            raise ValueError("a time to wait must be a number of seconds, not nan")
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, or as many as the system can wait for.

        Returns 0 if it has passed.
        """
        return min(max(0.0, self._end - time.monotonic()), threading.TIMEOUT_MAX)


def answer_of(future: pykka.Future[AnswerT], timeout: float) -> AnswerT:
    """Return what a Pykka actor answers; blocks up to `timeout` seconds.

    What `future.get` does, but for `timeout` and the error the same as `Promise.get`.

    Raises:
        TimeoutError: If there is no answer in time.
        ValueError: If `timeout` is not a number.
    """
    try:
        return wait_in_halves(
            lambda seconds: future.get(timeout=seconds), timeout, pykka.Timeout
        )
    except pykka.Timeout:
        raise _no_answer(timeout) from None


def wait_in_halves(
    wait: Callable[[float], AnswerT], timeout: float, late: type[Exception]
) -> AnswerT:
    """Wait for an answer, and not less because this program stood still meanwhile.

    All its threads stand still together while it is stopped (Ctrl+Z), or its container
    or virtual machine is paused; the clock does not, and a single wait would give up
    in the moment in which they go on. Of two, one is spent running.

    Args:
        wait: Returns the answer; waits up to so many seconds for it.
        timeout: Seconds for both waits; `math.inf` to wait as long as it takes.
        late: What `wait` raises if no answer has come, and this after the second wait.

    Raises:
        ValueError: If `timeout` is not a number.
    """
    half = Deadline(timeout).left() / 2
    try:
        return wait(half)
    except late:
        pass
    return wait(half)


def _no_answer(timeout: float) -> TimeoutError:
    return TimeoutError(f"no answer within {timeout:g} s")
