"""Reaps orphans: processes that this one has inherited when their parents ended.

Linux hands orphans to the first process of a container, or to a subreaper. They have to
be reaped there, or each stays as a zombie.
"""

from __future__ import annotations

import contextlib
import os
from typing import Final

from . import proc
from .child import started, starting

_PR_GET_CHILD_SUBREAPER: Final = 37


def gets_orphans() -> bool:
    """Return whether this process inherits orphans."""
    if os.getpid() == 1:
        return True
    import ctypes  # noqa: PLC0415 - it takes longer to load than all of this room

    flag = ctypes.c_int(0)
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(flag), 0, 0, 0)
    return flag.value != 0


class OrphanCollector:
    """Reaps orphans that have ended.

    Children of this process are not reaped: jobs are known, and other children stay in
    its session, which no job does.
    """

    def __init__(self) -> None:
        self._seen: dict[int, frozenset[object]] = {}

    def collect(self) -> None:
        """Reap the orphans that had already ended at an earlier call. Never blocks.

        A process that ended during the start of a job may be that job: it is left until
        the start is over, and the job known.

        Raises:
            OSError: If `/proc` can't be read now.
        """
        ended = _ended_children() if _has_zombies() else set[int]()
        under_way = starting()
        seen = {
            pid: self._seen.get(pid, under_way) & under_way for pid in ended - started()
        }
        for pid in [it for it in seen if it in self._seen and not seen[it]]:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        self._seen = seen


def _ended_children() -> set[int]:
    own, session = os.getpid(), os.getsid(0)
    children = (
        found
        for pid in proc.pids()
        if (found := proc.stat(pid)) is not None and found.parent == own
    )
    return {it.pid for it in children if it.ended and it.session != session}


def _has_zombies() -> bool:
    with contextlib.suppress(ChildProcessError):
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_ALL, 0, options) is not None
    return False
