"""An event loop on one thread, for descriptors and timers."""

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
    """A callback that is due at a time, unless it is canceled."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = call

    def cancel(self) -> None:
        """Cancel the callback."""
        self._call = None

    def fire(self) -> None:
        """Call back, at most once."""
        call, self._call = self._call, None
        if call is not None:
            call()

    @property
    def waits(self) -> bool:
        """Whether the callback is pending."""
        return self._call is not None


class Loop:
    """Runs callbacks on its only thread; no callback may block."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._stopped = False

    def watch(self, fd: int, events: int, ready: Callable[[], None]) -> None:
        """Call `ready` while a descriptor is ready, including hang-ups and errors.

        Args:
            fd: The descriptor; an earlier registration is replaced.
            events: `READ`, `WRITE`, or both.
            ready: Called repeatedly as long as the descriptor is ready.
        """
        self._callbacks[fd] = ready
        self._poll.register(fd, events)

    def unwatch(self, fd: int) -> None:
        """Unregister a descriptor; call this before closing it."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def call_later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Schedule a call after this many seconds."""
        timer = Timer(call)
        due = time.monotonic() + seconds
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def stop(self) -> None:
        """Make `run` return after the current callback."""
        self._stopped = True

    def run(self) -> None:
        """Run callbacks until `stop`."""
        while not self._stopped:
            for fd, _ in self._poll.poll(self._timeout()):
                # An earlier callback may have unregistered it.
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
