"""Threads that are used again: starting one costs more than most messages."""

from __future__ import annotations

import contextlib
import itertools
import queue
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

from .supervision import call_safely

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT: Final = 0.2
"""Seconds that a thread waits for something to do before it ends."""


class ReusedThreads:
    """Makes each call on a thread of its own, one that has become free if possible.

    For calls that last, such as the loop of an actor. Safe on any thread.

    Args:
        name: What the names of the threads begin with.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._numbers = itertools.count(1)
        self._free: deque[_Worker] = deque()
        self._closed = False

    def run(self, call: Callable[[], None]) -> None:
        """Make a call on a thread of its own. Never blocks.

        If the call fails, that is logged.

        Raises:
            RuntimeError: If no thread can be started.
        """
        try:
            worker = self._free.pop()
        except IndexError:
            worker = _Worker(self)
            name = f"{self._name}-{next(self._numbers)}"
            threading.Thread(target=worker.run, name=name, daemon=True).start()
        worker.calls.put(call)

    def close(self) -> None:
        """End the threads that are free, and the others as soon as they are.

        Never blocks.
        """
        self._closed = True
        with contextlib.suppress(IndexError):
            while True:
                self._free.pop().calls.put(None)

    def add(self, worker: _Worker) -> None:
        """Take back a worker that has become free."""
        self._free.append(worker)
        # Looked at last: `close` looks for free workers after it has set this.
        if self._closed:
            self.close()

    def give_up(self, worker: _Worker) -> bool:
        """Tell whether a worker may end: it may not if a call is on its way to it."""
        try:
            self._free.remove(worker)
        except ValueError:
            return False
        return True


class _Worker:
    """One thread, and the calls that it is given, one after the other."""

    def __init__(self, home: ReusedThreads) -> None:
        self.calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._home = home

    def run(self) -> None:
        while True:
            try:
                call = self.calls.get(timeout=KEPT)
            except queue.Empty:
                if self._home.give_up(self):
                    return
                continue
            if call is None:
                return
            call_safely(call)
            # What was called, an actor perhaps, must not live on because of it.
            del call
            self._home.add(self)
