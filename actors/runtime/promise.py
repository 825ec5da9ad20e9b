"""Waiting for the answers of actors in code outside actors."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar, cast

import pykka

if TYPE_CHECKING:
    from collections.abc import Callable

_LONG: Final = 3.0

MessageT = TypeVar("MessageT")
AnswerT = TypeVar("AnswerT")


class Promise(Generic[MessageT]):
    """A recipient on which one thread waits for messages.

    Unlike the future of a Pykka `ask`, it can be the `reply_to` of a message, so that
    the answer comes after the commit; and it can receive several messages.
    """

    def __init__(self) -> None:
        self._messages: queue.SimpleQueue[MessageT] = queue.SimpleQueue()

    def tell(self, message: MessageT, /) -> None:
        """Add a message. Never blocks."""
        self._messages.put(message)

    def get(
        self, timeout: float, on_long: Callable[[], None] | None = None
    ) -> MessageT:
        """Return the next message; blocks up to `timeout` seconds.

        See `wait_in_halves` for a program that is suspended during the wait.

        Args:
            timeout: Any number; `math.inf` to wait without a limit.
            on_long: Called if no message arrives within three seconds.

        Raises:
            TimeoutError: If no message arrived.
            ValueError: If `timeout` is nan.
        """
        left = timeout
        if on_long is not None and timeout > _LONG:
            with contextlib.suppress(queue.Empty):
                return self._messages.get(timeout=_LONG)
            on_long()
            left -= _LONG
        try:
            return wait_in_halves(
                lambda seconds: self._messages.get(timeout=seconds), left, queue.Empty
            )
        except queue.Empty:
            raise _no_answer(timeout) from None


class Deadline:
    """One limit in seconds, or `math.inf`, for several consecutive waits.

    Raises:
        TypeError: If `seconds` has a wrong type.
        ValueError: If `seconds` is nan.
    """

    def __init__(self, seconds: float) -> None:
        check_timeout("timeout", seconds)
        # A larger int may be too large for a float.
        self._end = time.monotonic() + max(0, min(seconds, threading.TIMEOUT_MAX))

    def left(self) -> float:
        """Return the remaining seconds, from 0 to `threading.TIMEOUT_MAX`."""
        return min(max(0.0, self._end - time.monotonic()), threading.TIMEOUT_MAX)


def check_timeout(name: str, seconds: float) -> None:
    """Check the argument with this name.

    Raises:
        TypeError: If it has a wrong type.
        ValueError: If it is nan.
    """
    if not isinstance(cast("object", seconds), int | float):
        given = type(seconds).__name__
        raise TypeError(f"{name} must be a number, not {given}")
    if seconds != seconds:  # noqa: PLR0124 - `math.isnan` fails for a large int
        raise ValueError(f"{name} must be a number, not nan")


def answer_of(future: pykka.Future[AnswerT], timeout: float) -> AnswerT:
    """Return the answer of a Pykka actor; blocks up to `timeout` seconds.

    Like `future.get`, but with the timeout and the errors of `Promise.get`.

    Raises:
        TimeoutError: If there is no answer in time.
        ValueError: If `timeout` is nan.
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
    """Wait for an answer in two halves, in case the program is suspended meanwhile.

    If the program is stopped (Ctrl+Z), or its container or virtual machine is paused,
    the clock advances while no thread runs, and a single wait would time out on resume,
    before the answer can arrive. With two waits, one is spent running.

    Args:
        wait: Returns the answer; waits for the given number of seconds.
        timeout: Seconds for both waits; `math.inf` to wait without a limit.
        late: The exception of `wait` without an answer; raised after the second wait.

    Raises:
        ValueError: If `timeout` is nan.
    """
    half = Deadline(timeout).left() / 2
    try:
        return wait(half)
    except late:
        pass
    return wait(half)


def _no_answer(timeout: float) -> TimeoutError:
    return TimeoutError(f"no answer within {timeout:g} s")
