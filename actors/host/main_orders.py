"""Orders for the main thread of a host."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import deque

import msgspec

from .wire import StopHost


class Idle(msgspec.Struct, frozen=True):
    """The host may have been idle for its linger time."""

    number: int


class KeeperDied(msgspec.Struct, frozen=True):
    """The keeper has died: if this process died now, no host would adopt the jobs."""


class Leave(msgspec.Struct, frozen=True):
    """End this process, so that another host adopts the jobs.

    Attributes:
        settings: The settings of that host, as JSON.
    """

    settings: bytes


class Stopped(msgspec.Struct, frozen=True):
    """The task system has stopped."""


Order = StopHost | Idle | KeeperDied | Leave | Stopped


class Orders:
    """The orders for the main thread; a pipe wakes it, as signals must too."""

    def __init__(self) -> None:
        self._waiting: deque[Order] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)

    def wake_on_signals(self) -> None:
        """Wake the main thread for signals that any thread receives."""
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def put(self, order: Order) -> None:
        """Add an order, from any thread or signal handler. Never blocks."""
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
