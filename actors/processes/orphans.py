"""Collecting processes that became children of this one when their parents ended.

Linux hands orphans to the first process of a container, or to a subreaper. Nobody else
collects them there, and each that has ended would stay as a zombie.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from typing import Final

from . import proc
from .child import started

_PR_GET_CHILD_SUBREAPER: Final = 37


def gets_orphans() -> bool:
    """Tell whether orphans become children of this process."""
    if os.getpid() == 1:
        return True
    flag = ctypes.c_int(0)
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(flag), 0, 0, 0)
    return flag.value != 0


class OrphanCollector:
    """Collects orphans that have ended.

    Not what this process has started itself: jobs are known, and anything else that it
    starts stays in its session, which no job does.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def collect(self) -> None:
        """Collect those that had ended at the last call already. Never blocks.

        A job may end before it is known.

        Raises:
            OSError: If `/proc` can't be read just now.
        """
        ended = _ended_orphans() if _has_zombies() else set[int]()
        for pid in ended & self._seen:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = ended


def _ended_orphans() -> set[int]:
    own, session = os.getpid(), os.getsid(0)
    ours = started()
    children = (
        found
        for pid in proc.pids()
        if (found := proc.stat(pid)) is not None and found.parent == own
    )
    return {
        child.pid
        for child in children
        if child.ended and child.session != session and child.pid not in ours
    }


def _has_zombies() -> bool:
    with contextlib.suppress(ChildProcessError):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_ALL, 0, options) is not None
    return False
