"""One thread that waits for descriptors and for moments, and calls who asked for it."""

from __future__ import annotations

import heapq
import itertools
import select
import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

READ: Final = select.POLLIN
WRITE: Final = select.POLLOUT


class Timer:
    """Something that is to be called at a moment, unless it is canceled before."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Call nothing."""
        self._call = None

    def fire(self) -> None:
        """Call it, once."""
        call, self._call = self._call, None
        if call is not None:
            call()

    @property
    def waits(self) -> bool:
        """Whether it is still to be called."""
        return self._call is not None


class Loop:
    """Calls back on its only thread; no callback may block."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False

    def watch(self, fd: int, events: int, ready: Callable[[], None]) -> None:
        """Call `ready` whenever a descriptor is; its end and its failure count, too.

        Args:
            fd: The descriptor; what was asked for it before is replaced.
            events: `READ`, `WRITE`, or both.
            ready: Called again and again as long as the descriptor is ready.
        """
        self._callbacks[fd] = ready
        self._poll.register(fd, events)

    def unwatch(self, fd: int) -> None:
        """Forget a descriptor; to be called before it is closed."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call something after so many seconds."""
        timer = Timer(call)
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def stop(self) -> None:
        """Let `run` return as soon as the callback under way has."""
        self._stopped = True

    def run(self) -> None:
        """Wait and call back until `stop`."""
        while not self._stopped:
            for fd, _ in self._poll.poll(self._timeout()):
                # One before it may have unwatched it.
                ready = self._callbacks.get(fd)
                if ready is not None and not self._stopped:
                    ready()
            self._fire_timers()

    def _timeout(self) -> float | None:
        while self._timers and not self._timers[0][2].waits:
            heapq.heappop(self._timers)
        if not self._timers:
            return None
        return max(0.0, (self._timers[0][0] - time.monotonic()) * 1000 + 0.5)

    def _fire_timers(self) -> None:
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now and not self._stopped:
            heapq.heappop(self._timers)[2].fire()
