"""A scheduler that runs many actors on a few threads.

An actor works for microseconds and then waits. With one thread per actor, most of the
cost of a short job would be threads waking each other; here an actor with messages gets
a turn on a thread that is already awake. Idle threads wait for the system's events, so
the exit of a process is handled on the thread that it wakes.

One thread does nearly all of the work. A second one takes over while the first starts a
process on a busy machine, and more are started when threads are stuck. Blocking code in
an embedder's kind delays its own job, and the other actors until the next message from
another thread. While tasks run, the clock sends one at least twice a second.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from ..rules.shortage import shortage_of
from .promise import Deadline
from .sending import log_failure, logger

if TYPE_CHECKING:
    from collections.abc import Callable

KEPT: Final = 0.2
"""Seconds after which an idle thread ends; the first one stays."""

STUCK: Final = 0.02
"""Seconds after which a turn is considered stuck.

Starting a process takes up to a millisecond, or several on a busy machine.
"""

SLOW: Final = 0.008
"""Seconds from which the start of a process counts as slow, so the machine is busy.

Longer than the interpreter's switch interval.
"""

SLOW_STARTS: Final = 16
"""Number of starts after a slow one that are expected to be slow, too."""

_JOIN_TIMEOUT: Final = 1.0
_AFTER_FAILURE: Final = 0.1


class Events(Protocol):
    """The events for which idle threads wait. Thread-safe."""

    def wait(self, timeout: float | None) -> bool:
        """Handle the next events; blocks up to `timeout` seconds until there is one.

        Each event is handled by one of the waiting threads.

        Args:
            timeout: Seconds; None to wait without a limit.

        Returns:
            Whether there was an event or a `wake`.
        """
        ...

    def wake(self) -> None:
        """Make one current or the next `wait` return. Never blocks."""
        ...


class Dispatcher:
    """Runs the turns of actors on shared threads.

    Args:
        name: The prefix of the threads' names.
        events: External events, which are handled on the same threads.
        call_later: Makes a call after some seconds of real time, on another thread.
    """

    def __init__(
        self,
        name: str,
        events: Events,
        call_later: Callable[[float, Callable[[], object]], object] | None = None,
    ) -> None:
        self._name = name
        self._events = events
        self._call_later = call_later
        self._numbers = itertools.count(1)
        self._ready: deque[Callable[[], None]] = deque()
        self._own = threading.local()
        self._workers: list[_Worker] = []
        self._waiting = 0
        self._slow_starts = 0  # how many of the next starts are expected to be slow
        self._checks = False  # whether a call of `_check` is scheduled
        self._closed = False
        # Guards `_workers` and `_waiting`; reentrant because of signal handlers.
        self._lock = threading.RLock()

    def submit(self, turn: Callable[[], None]) -> None:
        """Queue a turn. Never blocks; an exception of the turn is logged.

        Raises:
            RuntimeError: If there is no thread, and none can be started.
        """
        self._ready.append(turn)
        # As `_own_worker`, but without the cost of a call.
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None or worker.blocks:
            try:
                self._wake_or_start_worker()
            except RuntimeError:
                # Of a signal handler, perhaps; then the turn may have been taken.
                with contextlib.suppress(ValueError):
                    self._ready.remove(turn)
                raise

    def nudge(self) -> None:
        """Start a thread if queued turns wait behind a stuck one. Never blocks."""
        if self._ready and self._own_worker() is None and self._all_stuck():
            self._wake_or_start_worker()

    def about_to_block(self, *, long: bool = False) -> None:
        """Hand over to another thread while this one blocks. Does not block itself.

        An actor calls this in its turn, before a slow operation; elsewhere it does
        nothing. No thread is started if another one will soon finish starting a
        process.

        Args:
            long: Whether the operation takes longer than starting a process.
        """
        worker = self._own_worker()
        if worker is None:
            return
        worker.blocks = True
        worker.stuck = long
        if self._waiting:
            if self._ready:
                self._events.wake()
        elif self._all_stuck(but=worker):
            self._start_worker()

    def about_to_start(self) -> None:
        """Hand over to another thread if starting a process is expected to be slow.

        Handing over costs more than most starts, so it is done only after a recent slow
        start; a start that hangs is detected `STUCK` seconds later. For a start that
        runs no embedder's code; use `about_to_block` otherwise.
        """
        worker = self._own_worker()
        if worker is None:
            return
        worker.starts = True
        if self._slow_starts or self._call_later is None:
            self.about_to_block()
        else:
            self._check_later()

    def is_own_thread(self) -> bool:
        """Return whether the caller runs in a turn of an actor that must not block.

        After `about_to_block` it may block, since another thread has taken over.
        """
        worker = self._own_worker()
        return worker is not None and not worker.blocks

    def close(self) -> None:
        """End the threads when no turn is queued; blocks up to a second for them."""
        with self._lock:
            self._closed = True
            workers = [*self._workers]
        deadline = Deadline(_JOIN_TIMEOUT)
        self._events.wake()
        for worker in workers:
            # A thread that is being started can't be joined; it ends at once.
            if worker is not self._own_worker() and worker.thread.ident is not None:
                worker.thread.join(deadline.left())

    def _own_worker(self) -> _Worker | None:
        return getattr(self._own, "worker", None)

    def _wake_or_start_worker(self) -> None:
        if self._waiting:
            self._events.wake()
        elif self._all_stuck():
            self._start_worker()

    def _check_later(self) -> None:
        if self._call_later is not None and not self._checks:
            self._checks = True
            self._call_later(STUCK, self._check)

    def _check(self) -> None:
        """Start a thread if turns or events wait behind a start that hangs."""
        self._checks = False
        if self._closed or (self._waiting and not self._ready):
            return
        if self._all_stuck():
            # If no thread can be started, the next message from outside retries.
            self._wake_or_start_worker()
        else:
            self._check_later()

    def _all_stuck(self, but: _Worker | None = None) -> bool:
        """Return whether all workers, except perhaps `but`, are stuck."""
        since = time.monotonic() - STUCK
        return all(it.stuck or it.began < since or it is but for it in [*self._workers])

    def _start_worker(self) -> None:
        worker = _Worker()
        worker.thread = threading.Thread(
            target=self._work,
            args=(worker,),
            name=f"{self._name}-{next(self._numbers)}",
            daemon=True,
        )
        with self._lock:
            self._workers.append(worker)
        try:
            worker.thread.start()
        except BaseException as error:
            with self._lock:
                if worker.thread.ident is None:
                    self._workers.remove(worker)
                alone = not self._workers
            if alone or not isinstance(error, RuntimeError):
                raise
            # Since Python 3.12 threads can't be started in an `atexit` function.
            expected = "interpreter shutdown" in str(error)
            level = logging.DEBUG if expected else logging.WARNING
            logger.log(level, "No thread can be started; the existing ones continue")

    def _work(self, worker: _Worker) -> None:
        self._own.worker = worker
        while True:
            try:
                turn = self._ready.popleft()
            except IndexError:
                if self._wait(worker):
                    continue
                return
            worker.began = time.monotonic()
            worker.blocks = worker.stuck = worker.starts = False
            try:
                turn()
            except BaseException as error:  # noqa: BLE001 - keeps the thread alive
                log_failure(turn, error)
            if worker.starts:
                slow = time.monotonic() - worker.began > SLOW
                self._slow_starts = (
                    SLOW_STARTS if slow else max(0, self._slow_starts - 1)
                )
            # The reference would keep a stopped actor alive.
            del turn

    def _wait(self, worker: _Worker) -> bool:
        """Wait for turns or events; return whether the thread keeps running."""
        with self._lock:
            if self._ready:
                return True
            if self._closed:
                self._workers.remove(worker)
                # Concurrent wakes may be merged, so wake the next thread.
                self._events.wake()
                return False
            self._waiting += 1
            timeout = None if self._workers[:1] == [worker] else KEPT
        # A turn queued before `_waiting` was incremented woke no thread.
        happened = bool(self._ready) or self._wait_for_events(timeout)
        worker.began = time.monotonic()
        with self._lock:
            self._waiting -= 1
            superfluous = not happened and self._waiting > 0
            if superfluous:
                self._workers.remove(worker)
        return not superfluous

    def _wait_for_events(self, timeout: float | None) -> bool:
        try:
            return self._events.wait(timeout)
        except (OSError, MemoryError) as error:
            # The thread must not end; the shortage of resources may be temporary.
            logger.error("Can't wait for events: %s", shortage_of(error) or error)
            time.sleep(_AFTER_FAILURE)
            return True


class _Worker:
    """A thread, and the start time and properties of its current turn."""

    thread: threading.Thread

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.blocks = False
        self.stuck = False
        self.starts = False
