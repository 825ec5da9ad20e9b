"""The input of running jobs, and the output of jobs on terminals.

A job that requests input reads from a pipe or runs on its own pseudo-terminal. Output
to the terminal is appended unchanged to its output file, by one thread for all jobs.
Only that thread reads, writes and closes the descriptors; other threads put orders into
its queue, so nothing here blocks an actor.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ..own_files import open_own
from ..runtime.sending import logger
from .channel import Channel, set_size
from .pump import Pump

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Mapping
    from contextlib import AbstractContextManager

    from ..rules.task import Task


COLUMNS: Final = 80
"""The width of a terminal before a viewer sets it."""

ROWS: Final = 24
"""The height of a terminal before a viewer sets it."""

_PEER: Final = 0x5441  # TIOCGPTPEER
_PEER_FLAGS: Final = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
_FIRST: Final = 3  # the lowest descriptor that is not a standard stream


class Store(Protocol):
    """Keeps descriptors for the program that adopts the jobs of this one."""

    @property
    def held(self) -> Mapping[int, int]:
        """Descriptors of an earlier program, by the ids of their tasks."""
        ...

    def keep(self, task_id: int, fd: int) -> None:
        """Keep a copy of a descriptor in place of the task's last. Never blocks."""
        ...

    def drop(self, task_id: int) -> None:
        """Close the descriptor kept for a task. Never blocks."""
        ...


class Channels:
    """The channels of all jobs of one task system, and the thread that serves them.

    The thread starts with the first channel and ends with the last.

    Args:
        store: Keeps descriptors beyond the end of this process; None if nothing does.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._held: dict[int, int] = {} if store is None else dict(store.held)
        self._lock = threading.Lock()  # guards the start and end of the thread
        self._orders: deque[Callable[[Pump], object]] = deque()
        self._pump: Pump | None = None

    def opened(self, task: Task) -> AbstractContextManager[Channel | None]:
        """Open the input that a task requests, around the start of its process.

        Yields None if it requests none. Closes everything if the block raises.

        Raises:
            OSError: If it can't be opened.
        """
        wanted = None if task.terms is None else task.terms.input
        if wanted is None:
            return contextlib.nullcontext()
        return self._opened(task.id, terminal=wanted == "terminal")

    @contextlib.contextmanager
    def _opened(self, task_id: int, *, terminal: bool) -> Generator[Channel]:
        channel = self._open(task_id, terminal=terminal)
        try:
            yield channel
        except BaseException:
            self.drop(channel)
            channel.close()
            raise

    def adopt(self, task: Task) -> Channel | None:
        """Return the channel of a job of a killed program, if it has one."""
        fd = self._held.pop(task.id, None)
        if fd is None:
            return None
        end = -1
        try:
            if os.isatty(fd):
                end = fcntl.ioctl(fd, _PEER, _PEER_FLAGS)
            channel = Channel(self, task.id, fd, end)
            if channel.terminal and task.output_path is not None:
                flags = os.O_WRONLY | os.O_APPEND
                channel.output = open_own(Path(task.output_path), flags)
        except OSError as error:
            logger.error("Task %d has lost its terminal: %s", task.id, error.strerror)
            for each in {fd, end} - {-1}:
                os.close(each)
            return None
        return channel

    def forget_others(self, adopted: Container[int] = ()) -> None:
        """Close kept descriptors, except those of adopted tasks."""
        for task_id in [it for it in [*self._held] if it not in adopted]:
            os.close(self._held.pop(task_id))
            if self._store is not None:
                self._store.drop(task_id)

    def order(self, order: Callable[[Pump], object]) -> None:
        """Queue an order for the thread; orders run in sequence."""
        with self._lock:
            self._orders.append(order)
            if self._pump is None:
                self._pump = Pump(self)
                self._pump.start()
            self._pump.wake()

    def next_order(self, pump: Pump) -> Callable[[Pump], object] | None:
        """Return the next order; None if there is none.

        Called by the thread, which ends if it has no more channels.
        """
        with self._lock:
            if self._orders:
                return self._orders.popleft()
            if not pump.channels and self._pump is pump:
                self._pump = None
            return None

    def is_served_by(self, pump: Pump) -> bool:
        """Return whether that thread should keep running."""
        return self._pump is pump

    def drop(self, channel: Channel) -> None:
        """Discard the descriptor kept for a channel."""
        if self._store is not None:
            self._store.drop(channel.task_id)

    def close(self) -> None:
        """Close all channels: terminals hang up, pipes end. Blocks for a moment.

        Descriptors kept for another program are closed as well.
        """
        self.forget_others()
        with self._lock:
            pump = self._pump
        if pump is not None:
            self.order(lambda it: it.close_all())
            pump.join()

    def _open(self, task_id: int, *, terminal: bool) -> Channel:
        if terminal:
            master, end = os.openpty()
            fd, end = _above(master), _above(end)
            set_size(fd, COLUMNS, ROWS)
        else:
            end, fd = (_above(it) for it in os.pipe())
        os.set_blocking(fd, False)
        channel = Channel(self, task_id, fd, end)
        if (before := self._held.pop(task_id, None)) is not None:
            os.close(before)  # of a failed start
        if self._store is not None:
            # Before the start: if this process is killed during it, the job keeps
            # running.
            self._store.keep(task_id, fd)
        return channel


def _above(fd: int) -> int:
    """Replace a descriptor that may be that of a standard stream by a higher one."""
    if fd >= _FIRST:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST)
    os.close(fd)
    return moved
