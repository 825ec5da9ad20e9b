"""Sharing a few threads among many actors.

An actor works for microseconds and then waits. With a thread for each, most of what a
short job costs is one thread waking the next; here an actor with work gets a turn on a
thread that is awake already. Threads that have nothing to do wait for the system's
events, and so an exit is handled on the thread that was woken by it.

One thread does nearly all of the work. A second one takes over while it starts a
process on a busy machine, and more are started when threads are stuck: code of an
embedder's kind that blocks holds up its own job, and others until the next message from
outside. While tasks run the clock sends one at least twice a second.
"""

from __future__ import annotations

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
"""Seconds that a thread waits for something to do before it ends; the first stays."""

STUCK: Final = 0.02
"""Seconds after which a turn is taken for one that blocks.

A process starts within a millisecond, or within several on a busy machine.
"""

SLOW: Final = 0.008
"""Seconds after which the start of a process was slow: the machine is busy.

More than the interpreter lets one thread go on while another waits for its turn.
"""

WARY: Final = 16
"""Starts after a slow one that may be slow as well."""

_JOIN_TIMEOUT: Final = 1.0
_AFTER_FAILURE: Final = 0.1


class Events(Protocol):
    """What threads without work wait for. Safe on any thread."""

    def wait(self, timeout: float | None) -> bool:
        """Handle what has happened; block up to `timeout` seconds until something has.

        Each event reaches one of the threads that wait.

        Args:
            timeout: Seconds; None to wait as long as it takes.

        Returns:
            Whether there was something, if only a `wake`.
        """
        ...

    def wake(self) -> None:
        """Let one that waits, or the next that will, return. Never blocks."""
        ...


class Dispatcher:
    """Gives actors their turns, on threads that they share.

    Args:
        name: What the names of the threads begin with.
        events: What happens outside, handled on the same threads.
        call_later: Makes a call after so many seconds of real time, on another thread.
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
        self._wary = 0  # so many starts are expected to be slow
        self._looks = False  # whether a look is coming
        self._closed = False
        # Of the workers and how many wait; a signal handler may come here twice.
        self._lock = threading.RLock()

    def submit(self, turn: Callable[[], None]) -> None:
        """Queue a turn. Never blocks.

        If it fails, that is logged.

        Raises:
            RuntimeError: If there is no thread, and none can be started.
        """
        self._ready.append(turn)
        # As `_own_worker`, without a call for each message.
        worker: _Worker | None = getattr(self._own, "worker", None)
        if worker is None or worker.blocks:
            try:
                self._attend()
            except RuntimeError:
                self._ready.remove(turn)
                raise

    def nudge(self) -> None:
        """Look after turns that wait behind one that is stuck. Never blocks."""
        if self._ready and self._own_worker() is None and self._all_stuck():
            self._attend()

    def about_to_block(self, *, long: bool = False) -> None:
        """Let another thread go on while this one blocks. Does not block itself.

        Called by an actor in its turn, before it does what takes a while; does nothing
        elsewhere. If the others are just starting processes, one of them goes on in a
        moment.

        Args:
            long: Whether it is longer than it takes to start a process.
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
        """Let another thread go on while this one starts a process, if that is slow.

        Handing over costs more than most starts, so it is done only if one of the last
        starts was slow. If this one hangs, that is noticed a moment later. For a start
        that runs no code of others; otherwise as `about_to_block`.
        """
        worker = self._own_worker()
        if worker is None:
            return
        worker.starts = True
        if self._wary or self._call_later is None:
            self.about_to_block()
        else:
            self._look_later()

    def is_own_thread(self) -> bool:
        """Tell whether the caller runs in a turn of an actor that must not block.

        One that has said `about_to_block` may: another thread goes on meanwhile.
        """
        worker = self._own_worker()
        return worker is not None and not worker.blocks

    def close(self) -> None:
        """End the threads as soon as no turn waits; blocks up to a second for them."""
        with self._lock:
            self._closed = True
            workers = [*self._workers]
        deadline = Deadline(_JOIN_TIMEOUT)
        self._events.wake()
        for worker in workers:
            # One that is being started can't be joined yet; it ends at once.
            if worker is not self._own_worker() and worker.thread.ident is not None:
                worker.thread.join(deadline.left())

    def _own_worker(self) -> _Worker | None:
        return getattr(self._own, "worker", None)

    def _attend(self) -> None:
        if self._waiting:
            self._events.wake()
        elif self._all_stuck():
            self._start_worker()

    def _look_later(self) -> None:
        if self._call_later is not None and not self._looks:
            self._looks = True
            self._call_later(STUCK, self._look)

    def _look(self) -> None:
        """Look after turns and events behind a start that hangs."""
        self._looks = False
        if self._closed or (self._waiting and not self._ready):
            return
        if self._all_stuck():
            # If that finds no thread, the next message from outside tries again.
            self._attend()
        else:
            self._look_later()

    def _all_stuck(self, but: _Worker | None = None) -> bool:
        """Tell whether no worker, but one perhaps, can be expected to go on soon."""
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
            # From Python 3.12 on that is so when a host returns and `atexit` stops us.
            expected = "interpreter shutdown" in str(error)
            level = logging.DEBUG if expected else logging.WARNING
            logger.log(level, "No thread can be started; the others go on alone")

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
            except BaseException as error:  # noqa: BLE001 - the thread must outlive it
                log_failure(turn, error)
            if worker.starts:
                slow = time.monotonic() - worker.began > SLOW
                self._wary = WARY if slow else max(0, self._wary - 1)
            # What was called, an actor perhaps, must not live on because of it.
            del turn

    def _wait(self, worker: _Worker) -> bool:
        """Wait for something to do; return whether to go on."""
        with self._lock:
            if self._ready:
                return True
            if self._closed:
                self._workers.remove(worker)
                # Wakes that come together may count as one.
                self._events.wake()
                return False
            self._waiting += 1
            timeout = None if self._workers[:1] == [worker] else KEPT
        # What came before this thread was known to wait did not wake it.
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
            # A thread that ended here would be missed; the shortage may be over soon.
            logger.error("Can't wait for events: %s", shortage_of(error) or error)
            time.sleep(_AFTER_FAILURE)
            return True


class _Worker:
    """A thread, when it began what it does now, and what is known of that."""

    thread: threading.Thread

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.blocks = False
        self.stuck = False
        self.starts = False
