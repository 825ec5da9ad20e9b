"""A recipient for one thread that waits: how code outside the actors gets an answer."""

from __future__ import annotations

import math
import queue
import threading
import time
from typing import Generic, TypeVar

MessageT = TypeVar("MessageT")


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

        Args:
            timeout: Any number; `math.inf` to wait as long as it takes.

        Raises:
            TimeoutError: If none came.
            ValueError: If `timeout` is not a number.
        """
        seconds = Deadline(timeout).left()
        try:
            return self._messages.get(timeout=seconds)
        except queue.Empty:
            raise TimeoutError(f"no answer within {timeout:g} s") from None


class Deadline:
    """One limit for several waits that follow each other.

    Args:
        seconds: How long all of them may take together; `math.inf` for no limit.

    Raises:
        ValueError: If it is not a number.
    """

    def __init__(self, seconds: float) -> None:
        if math.isnan(seconds):
            raise ValueError("nan is no time to wait; give a number of seconds")
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, or as many as the system can wait for.

        Returns 0 if it has passed.
        """
        return min(max(0.0, self._end - time.monotonic()), threading.TIMEOUT_MAX)
