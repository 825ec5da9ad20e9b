"""Limits of this process and its user that restrict how many tasks can run."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
from typing import Final

from .exits import LAST_FREE

_M_ARENA_MAX: Final = -8  # of malloc.h, in glibc


def save_address_space() -> None:
    """Make all threads share one heap if the address space is limited.

    Otherwise each reserves up to 128 MiB for a heap of its own. Changes the whole
    process, so only a program may call this, at its start, and not a library.
    """
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        import ctypes  # noqa: PLC0415 - hardly ever needed

        # Other C libraries have neither this function nor such heaps.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


NEEDED: Final = 13
"""Maximum number of files that a task system has open at a time."""


ADDRESS_SPACE: Final = 36 << 20
"""Bytes of address space that a task system needs for threads and libraries."""


def require() -> None:
    """Check that enough files and memory are available for a task system.

    Raises:
        OSError: If not; the text is clearer than that of a later failure.
    """
    opened: list[int] = []
    try:
        for _ in range(NEEDED):
            opened.append(os.open("/", os.O_PATH | os.O_CLOEXEC))  # noqa: PERF401
    finally:
        for fd in opened:
            os.close(fd)
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        mmap.mmap(-1, ADDRESS_SPACE, prot=mmap.PROT_READ).close()


def advice(slots: int) -> tuple[str, ...]:
    """Return warnings for a person who allows this many concurrent tasks.

    Returns:
        A line for each limit that allows fewer.
    """
    advice: list[str] = []
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    watched = max(0, files - LAST_FREE - _open_files())
    if watched < slots:
        advice.append(
            f"{slots} tasks at a time need more open files than the limit of {files}"
            f" allows: only {watched} are watched, and the end of others is noticed up"
            " to 0.1 s later; raise it with ulimit -n, or run fewer tasks at a time"
        )
    processes, _ = resource.getrlimit(resource.RLIMIT_NPROC)
    if processes != resource.RLIM_INFINITY and processes < slots and os.geteuid():
        advice.append(
            f"{slots} tasks at a time are more than the limit of {processes} processes"
            " allows: those that can't be started wait; raise it with ulimit -u, or run"
            " fewer tasks at a time"
        )
    return tuple(advice)


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as the rest of /proc
    except OSError:
        return 0
