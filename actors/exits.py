"""Waiting for processes to exit, without a thread for each.

On Linux one thread waits on the pidfds of all processes at once; elsewhere, and on
kernels without pidfds, each process costs a small thread.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import threading
from typing import TYPE_CHECKING, Protocol

from .supervision import call_safely

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
    """One thread, sleeping on the pidfds of all watched processes."""

    def __init__(self) -> None:
        self._calls: dict[int, Callable[[], None]] = {}
        self._epoll = select.epoll()
        self._closing = os.eventfd(0, os.EFD_CLOEXEC)
        self._epoll.register(self._closing, select.EPOLLIN)
        threading.Thread(target=self._run, name="backburner-exits", daemon=True).start()

    def watch(self, pid: int, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` on the watcher's thread once the child has exited."""
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

    def close(self) -> None:
        """Stop watching; what is still watched is forgotten. Never blocks."""
        os.eventfd_write(self._closing, 1)

    def _run(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if fd == self._closing:
                    self._release()
                    return
                on_exit = self._calls.pop(fd)
                # A child just being forked may have a copy, so that it stays
                # registered for a moment; but it has been reported for good.
                os.close(fd)
                call_safely(on_exit)

    def _release(self) -> None:
        self._epoll.close()
        for fd in (self._closing, *self._calls):
            os.close(fd)
        self._calls.clear()


class ThreadWatcher:
    """One thread for each watched process; for systems without pidfds."""

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

    def close(self) -> None:
        """Do nothing: each thread ends with its process."""


def make_exit_watcher() -> ExitWatcher:
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
