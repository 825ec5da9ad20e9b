"""What the limits of this process and its user mean for tasks that run at a time."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource
from typing import Final

from .exits import LAST_FREE

_M_ARENA_MAX: Final = -8  # of malloc.h, in glibc


def save_address_space() -> None:
    """Let all threads of this program share one heap if its address space is limited.

    Each would reserve up to 128 MiB for a heap of its own, even if it needs little. For
    a program at its start, not for a library: it changes the whole process.
    """
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        import ctypes  # noqa: PLC0415 - hardly ever needed

        # Another C library has no such function, and no such heaps.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)


NEEDED: Final = 13
"""Files that a task system has open, or opens for a moment."""


ADDRESS_SPACE: Final = 36 << 20
"""Bytes of it that a task system needs for its threads and what it loads."""


def require() -> None:
    """Make sure that a task system will find the files and the memory it needs.

    Raises:
        OSError: If not; found out later, it would be told in less clear words.
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
    """Return what a person should know who lets so many tasks run at a time.

    Returns:
        A line for each limit that has room for fewer.
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
