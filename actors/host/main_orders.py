"""What the main thread of a host is to do."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque

import msgspec

from .wire import StopHost


class Idle(msgspec.Struct, frozen=True):
    """The host may have had nothing to do for a while."""

    number: int


class KeeperDied(msgspec.Struct, frozen=True):
    """Nothing would go on with the jobs if this process died now."""


class Leave(msgspec.Struct, frozen=True):
    """Make room for another host, which goes on with the jobs.

    Attributes:
        settings: What that one is started with, as JSON.
    """

    settings: bytes


class Stopped(msgspec.Struct, frozen=True):
    """The task system has stopped."""


Order = StopHost | Idle | KeeperDied | Leave | Stopped


class Orders:
    """What the main thread is to do; a pipe wakes it, as a signal must too."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def wake_on_signals(self) -> None:
        """Wake the main thread for signals that any thread gets."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def put(self, order: Order) -> None:
        """Take an order, from any thread or signal handler. Never blocks."""
        self._waiting.append(order)
        with contextlib.suppress(BlockingIOError):  # a full pipe wakes it anyway
            os.write(self._write, b"\0")

    def get(self) -> Order:
        """Return the next order; block until there is one."""
        while True:
            try:
                return self._waiting.popleft()
            except IndexError:
                os.read(self._read, 4096)
