"""Waiting for processes to exit, without a thread for each.

On Linux whoever waits does so on the pidfds of all processes at once; elsewhere, and on
kernels without pidfds, each process costs a small thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import select
import threading
from typing import TYPE_CHECKING, Protocol

from ..runtime.sending import call_safely

if TYPE_CHECKING:
    from collections.abc import Callable


class ExitWatcher(Protocol):
    """Calls when a child process has exited."""

    def watch(self, pid: int, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` once the child `pid` has exited; it must not block.

        If the call fails that is logged. The child is left to be reaped by whoever
        started it, and must not be reaped before the call. Never blocks.

        Raises:
            OSError: If the process can't be watched.
        """
        ...

    def close(self) -> None:
        """Stop watching. Never blocks."""
        ...


class PidfdWatcher:
    """Waits for all watched processes, and for a wake, at once.

    Several threads may wait. Each exit is reported on one of them.
    """

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        # What is written to a file that is closed may reach somebody else's. A signal
        # handler that sends a message may come here twice.
        self._open = threading.RLock()
        self._epoll = select.epoll()
        self._wakes = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        # Edge-triggered: each write is one event, and nobody needs to read it.
        self._epoll.register(self._wakes, select.EPOLLIN | select.EPOLLET)

    def watch(self, pid: int, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` once the child has exited, on a thread that waits."""
        pidfd = os.pidfd_open(pid)
        self._calls[pidfd] = on_exit
        try:
            self._epoll.register(pidfd, select.EPOLLIN | select.EPOLLONESHOT)
        except (OSError, ValueError) as error:
            # If it is just being closed, that may have closed this one too.
            if self._calls.pop(pidfd, None) is not None:
                os.close(pidfd)
            if isinstance(error, OSError):
                raise
            raise OSError(errno.EBADF, "the exit watcher is closed") from error

    def wait(self, timeout: float | None) -> bool:
        """Report exits; block up to `timeout` seconds until there is one, or a wake.

        Returns:
            Whether there was one.
        """
        events = self._epoll.poll(timeout)
        for fd, _ in events:
            on_exit = self._calls.pop(fd, None)
            if on_exit is not None:
                # A child just being forked may have a copy, so that it stays
                # registered for a moment; but it has been reported for good.
                os.close(fd)
                call_safely(on_exit)
        return bool(events)

    def wake(self) -> None:
        """Let one thread that waits, or the next that will, return. Never blocks."""
        with self._open:
            if not self._epoll.closed:
                os.eventfd_write(self._wakes, 1)

    def close(self) -> None:
        """Forget what is still watched; nobody may wait any more. Never blocks."""
        with self._open:
            self._epoll.close()
            os.close(self._wakes)
        for pidfd in self._calls:
            os.close(pidfd)
        self._calls.clear()


class ThreadWatcher:
    """One thread for each watched process; for systems without pidfds."""

    def __init__(self) -> None:
        # A signal handler may wake in the midst of a wake, which a lock would not take.
        self._wakes: queue.SimpleQueue[None] = queue.SimpleQueue()

    def watch(self, pid: int, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` on a thread of its own once the child has exited."""

        def wait() -> None:
            with contextlib.suppress(ChildProcessError):
                os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            call_safely(on_exit)

        thread = threading.Thread(
            target=wait, name=f"backburner-exit-{pid}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:
            raise OSError(errno.EAGAIN, str(error)) from error

    def wait(self, timeout: float | None) -> bool:
        """Block up to `timeout` seconds until there is a wake; return whether."""
        try:
            self._wakes.get(timeout=timeout)
        except queue.Empty:
            return False
        return True

    def wake(self) -> None:
        """Let one thread that waits, or the next that will, return. Never blocks."""
        self._wakes.put(None)

    def close(self) -> None:
        """Do nothing: each thread ends with its process."""


def make_exit_watcher() -> PidfdWatcher | ThreadWatcher:
    """Return the best watcher that this system supports."""
    if not hasattr(os, "pidfd_open"):
        return ThreadWatcher()
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError as error:
        if error.errno not in {errno.ENOSYS, errno.EPERM}:
            raise
        return ThreadWatcher()
    return PidfdWatcher()
