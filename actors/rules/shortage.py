"""Errors which say that the system, or a limit of this user, has nothing left to give.

They are nobody's fault and may be over soon: what can wait, waits.
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
"""For each such error number, what to wait for, in words that follow "waiting for"."""

_ADVICE: Final = {
    errno.EMFILE: "this program has reached its limit of open files; raise ulimit -n",
    errno.ENFILE: "the system has reached its limit of open files; close some programs",
    errno.EAGAIN: "the limit of processes and threads is reached; raise ulimit -u",
    errno.ENOMEM: "there is no memory left; close some programs, or raise ulimit -v",
}


def shortage_of(error: BaseException) -> str | None:
    """Return what is lacking if an error says so, and what to do, in one line.

    Args:
        error: Of a call to the system, of Python, or of a thread that can't be started.

    Returns:
        None for any other error.
    """
    if isinstance(error, MemoryError):
        return _ADVICE[errno.ENOMEM]
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        # Python does not say which of the two it is.
        return "no more threads can be started; raise ulimit -u, or ulimit -v"
    if isinstance(error, OSError) and error.errno is not None:
        return _ADVICE.get(error.errno)
    return None
