"""Errors that mean a shortage of system resources, or a limit of this user.

A shortage may be temporary, so operations that can wait are retried.
"""

from __future__ import annotations

import errno
from typing import Final

WAITS_FOR: Final = {
    errno.EMFILE: "a free file descriptor: this program has as many as it may",
    errno.ENFILE: "a free file descriptor: the system has none left",
    errno.EAGAIN: "room for another process: there are as many as there may be",
    errno.ENOMEM: "free memory",
}
"""What to wait for, by error number; follows "waiting for" in a reason."""

_ADVICE: Final = {
    errno.EMFILE: "this program has reached its limit of open files; raise ulimit -n",
    errno.ENFILE: "the system has reached its limit of open files; close some programs",
    errno.EAGAIN: "the limit of processes and threads is reached; raise ulimit -u",
    errno.ENOMEM: "there is no memory left; close some programs, or raise ulimit -v",
}


def shortage_of(error: BaseException) -> str | None:
    """Return the shortage that caused an error, and the remedy, in one line.

    Args:
        error: An error of a system call, of an allocation, or of starting a thread.

    Returns:
        The text; None for any other error.
    """
    if isinstance(error, MemoryError):
        return _ADVICE[errno.ENOMEM]
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        # Python doesn't report which of the two limits it is.
        return "no more threads can be started; raise ulimit -u, or ulimit -v"
    if isinstance(error, OSError) and error.errno is not None:
        return _ADVICE.get(error.errno)
    return None
