"""Waits for processes to exit, without a thread for each.

One thread waits on the pidfds of all processes at once. A process without a pidfd,
because few descriptors are free or the kernel has none, is polled ten times a second
instead.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from ..runtime.promise import Deadline
from ..runtime.sending import call_safely
from . import proc

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_FREE: Final = 8
"""Descriptors reserved for uses that have no alternative."""

LOOK_INTERVAL: Final = 0.1
"""Seconds between two polls of processes without a pidfd."""


EVENTS: Final = 64
"""Maximum number of exits per wait; each wait allocates space for them."""


_WAKE_TIMEOUT: Final = 0.1


class ExitWatcher(Protocol):
    """Calls back when a process has exited."""

    def watch(self, pid: int, on_exit: Callable[[], object]) -> None:
        """Call `on_exit` once the process `pid` has exited; it must not block.

        An exception of the call is logged. The watcher does not reap children; the code
        that started a child must not reap it before the call. Never blocks.

        Raises:
            OSError: If the watcher is closed.
        """
        ...

    def close(self) -> None:
        """Stop watching. Never blocks."""
        ...


class PidfdWatcher:
    """Waits for all watched processes, and for `wake`, at once.

    Several threads may wait. Each exit is reported on one of them.

    Raises:
        OSError: If the system lacks a resource.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], object]] = {}
        self._without_pidfd: dict[int, Callable[[], object]] = {}
        # One entry for each `wake` under way. A write to a closed descriptor may reach
        # another file that reuses its number. No lock: a signal handler that interrupts
        # a `wake` may wait for an actor that calls `wake` too.
        self._waking: deque[None] = deque()
        self._epoll = select.epoll()
        self._wakes = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Edge-triggered: each write is one event, and no thread needs to read it.
        self._epoll.register(self._wakes, select.EPOLLIN | select.EPOLLET)

    def watch(self, pid: int, on_exit: Callable[[], object]) -> None:
        """Call `on_exit` once the process has exited, on a waiting thread."""
        pidfd = open_pidfd(pid)
        if pidfd is None:
            self._without_pidfd[pid] = on_exit
            self.wake()  # a waiting thread has a timeout from before
            return
        self._calls[pidfd] = on_exit
        try:
            self._epoll.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        except (OSError, ValueError) as error:
            # A concurrent `close` may have closed this pidfd as well.
            if self._calls.pop(pidfd, None) is not None:
                os.close(pidfd)
            if isinstance(error, OSError):
                self._without_pidfd[pid] = on_exit
                self.wake()
                return
            raise OSError(errno.EBADF, "the exit watcher is closed") from error

    def wait(self, timeout: float | None) -> bool:
        """Report exits; block up to `timeout` seconds until an exit or a wake.

        Returns:
            Whether there was an exit.
        """
        if self._without_pidfd and (timeout is None or timeout > LOOK_INTERVAL):
            timeout = LOOK_INTERVAL
        events = self._epoll.poll(timeout, EVENTS)
        for fd, _ in events:
            on_exit = self._calls.pop(fd, None)
            if on_exit is not None:
                # A child that is being forked may hold a copy, which keeps it
                # registered for a moment; the call was removed, so the exit is not
                # reported twice.
                os.close(fd)
                call_safely(on_exit)
        return (bool(self._without_pidfd) and self._look()) or bool(events)

    def wake(self) -> None:
        """Make one waiting thread return, or the next that waits. Never blocks."""
        self._waking.append(None)
        try:
            if not self._epoll.closed:
                os.eventfd_write(self._wakes, 1)
        finally:
            self._waking.pop()

    def close(self) -> None:
        """Stop watching; no thread may wait afterwards. Never blocks.

        Reports pending exits first.
        """
        self.wait(0)
        self._epoll.close()
        deadline = Deadline(_WAKE_TIMEOUT)
        while self._waking and deadline.left() > 0:
            time.sleep(0)
        if not self._waking:
            # Else a signal handler calls this, which has interrupted a wake.
            os.close(self._wakes)
        for pidfd in self._calls:
            os.close(pidfd)
        self._calls.clear()
        self._without_pidfd.clear()

    def _look(self) -> bool:
        """Poll the processes without a pidfd; return whether one has exited."""
        exited = [pid for pid in [*self._without_pidfd] if _has_exited(pid)]
        calls = [self._without_pidfd.pop(pid, None) for pid in exited]
        for on_exit in filter(None, calls):
            call_safely(on_exit)
        return bool(exited)


def open_pidfd(pid: int) -> int | None:
    """Return a pidfd, or None if few descriptors would be free afterwards."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        # No free descriptor, no support in the kernel, or a sandbox forbids it. If the
        # process does not exist, the first poll finds out.
        return None
    # Descriptors get the lowest free number.
    if pidfd < resource.getrlimit(resource.RLIMIT_NOFILE)[0] - LAST_FREE:
        return pidfd
    os.close(pidfd)
    return None


def _has_exited(pid: int) -> bool:
    """Return whether a process has exited; needs no descriptor for a child."""
    try:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, pid, options) is not None
    except ChildProcessError:
        pass  # not a child, or reaped by another part of this program
    try:
        now = proc.stat(pid)
    except OSError:
        return False  # unknown for now
    return now is None or now.ended
