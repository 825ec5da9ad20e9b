"""Waiting for processes to exit, without a thread for each.

One thread waits on the pidfds of all processes at once. A process that gets no
pidfd, because only the last free descriptors are left or the kernel has none, is looked
at ten times a second instead.
"""

from __future__ import annotations

import errno
import os
import resource
import select
import threading
from typing import TYPE_CHECKING, Final, Protocol

from ..runtime.sending import call_safely
from . import proc

if TYPE_CHECKING:
    from collections.abc import Callable

LAST_FREE: Final = 8
"""Descriptors that are left to others, for what they can't do without."""

LOOK_INTERVAL: Final = 0.1
"""Seconds between two looks at processes without a pidfd."""


EVENTS: Final = 64
"""Exits that are taken at once; room for them must be found for each wait."""


class ExitWatcher(Protocol):
    """Calls when a process has exited."""

    def watch(self, pid: int, on_exit: Callable[[], object]) -> None:
        """Call `on_exit` once the process `pid` has exited; it must not block.

        If the call fails that is logged. A child is left to be reaped by the one
        that started it, and must not be reaped before the call. Never blocks.

        Raises:
            OSError: If the watcher is closed.
        """
        ...

    def close(self) -> None:
        """Stop watching. Never blocks."""
        ...


class PidfdWatcher:
    """Waits for all watched processes, and for a wake, at once.

    Several threads may wait. Each exit is reported on one of them.

    Raises:
        OSError: If the system lacks what it takes.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], object]] = {}
        self._without_pidfd: dict[int, Callable[[], object]] = {}
        # What is written to a file that is closed may reach somebody else's. A signal
        # handler that sends a message may come here twice.
        self._open = threading.RLock()
        self._epoll = select.epoll()
        self._wakes = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Edge-triggered: each write is one event, and nobody needs to read it.
        self._epoll.register(self._wakes, select.EPOLLIN | select.EPOLLET)

    def watch(self, pid: int, on_exit: Callable[[], object]) -> None:
        """Call `on_exit` once the process has exited, on a thread that waits."""
        pidfd = open_pidfd(pid)
        if pidfd is None:
            self._without_pidfd[pid] = on_exit
            self.wake()  # who waits does not know yet how long
            return
        self._calls[pidfd] = on_exit
        try:
            self._epoll.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        except (OSError, ValueError) as error:
            # If it is just being closed, that may have closed this one too.
            if self._calls.pop(pidfd, None) is not None:
                os.close(pidfd)
            if isinstance(error, OSError):
                self._without_pidfd[pid] = on_exit
                self.wake()
                return
            raise OSError(errno.EBADF, "the exit watcher is closed") from error

    def wait(self, timeout: float | None) -> bool:
        """Report exits; block up to `timeout` seconds until there is one, or a wake.

        Returns:
            Whether there was one.
        """
        if self._without_pidfd and (timeout is None or timeout > LOOK_INTERVAL):
            timeout = LOOK_INTERVAL
        events = self._epoll.poll(timeout, EVENTS)
        for fd, _ in events:
            on_exit = self._calls.pop(fd, None)
            if on_exit is not None:
                # A child just being forked may have a copy, so that it stays
                # registered for a moment; but it has been reported for good.
                os.close(fd)
                call_safely(on_exit)
        return (bool(self._without_pidfd) and self._look()) or bool(events)

    def wake(self) -> None:
        """Let one thread that waits, or the next that will, return. Never blocks."""
        with self._open:
            if not self._epoll.closed:
                os.eventfd_write(self._wakes, 1)

    def close(self) -> None:
        """Forget what is still watched; nobody may wait any more. Never blocks.

        Exits that nobody has waited for are reported first.
        """
        self.wait(0)
        with self._open:
            self._epoll.close()
            os.close(self._wakes)
        for pidfd in self._calls:
            os.close(pidfd)
        self._calls.clear()
        self._without_pidfd.clear()

    def _look(self) -> bool:
        """Report exits of those without a pidfd; return whether there was one."""
        exited = [pid for pid in [*self._without_pidfd] if _has_exited(pid)]
        calls = [self._without_pidfd.pop(pid, None) for pid in exited]
        for on_exit in filter(None, calls):
            call_safely(on_exit)
        return bool(exited)


def open_pidfd(pid: int) -> int | None:
    """Return a pidfd, or None if it would be one of the last free descriptors."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        # None is free, the kernel has none, or a sandbox forbids them. If there is no
        # such process, the first look tells.
        return None
    # It is the lowest number that was free.
    if pidfd < resource.getrlimit(resource.RLIMIT_NOFILE)[0] - LAST_FREE:
        return pidfd
    os.close(pidfd)
    return None


def _has_exited(pid: int) -> bool:
    """Tell whether a process has exited; for a child that needs no descriptor."""
    try:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, pid, options) is not None
    except ChildProcessError:
        pass  # somebody else's child, or collected by another part of this program
    try:
        now = proc.stat(pid)
    except OSError:
        return False  # nobody can tell just now
    return now is None or now.ended
