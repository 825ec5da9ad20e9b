"""Pauses all processes of a job, and resumes them.

One search is not enough to stop them: a stopped process may have forked a moment
before, and the child runs. Once all are stopped, no process is added. Rounds don't
wait.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from . import proc
from .ending import INTERVAL
from .handle import Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROUNDS: Final = 50
"""Rounds after which a problem is reported; further rounds are less frequent."""

SLOW: Final = 1.0
"""Seconds between rounds after that."""

FASTER: Final = "it starts processes faster than they can be stopped; some still run"
"""The problem reported while rounds keep finding new processes."""

_AT_ONCE: Final = 4
_PASSES: Final = 50


class HaltRounds:
    """Rounds of SIGSTOP or SIGCONT for all processes of a job, until all have it.

    Args:
        search: Finds the running processes; if it raises an error because the system
            lacks a resource, the next round calls it again.
        signal_group: Signals all members of its process group atomically.
        is_in_group: Returns whether a process belongs to that group.
        number: SIGSTOP or SIGCONT.
    """

    def __init__(
        self,
        search: Callable[[], list[Process]],
        signal_group: Callable[[int], object],
        is_in_group: Callable[[Process], bool],
        number: int,
    ) -> None:
        self._search = search
        self._signal_group = signal_group
        self._is_in_group = is_in_group
        self._number = number
        self._rounds = 0
        self._signalled: set[Process] = set()
        self.problem: str | None = None
        """Why some processes have not received the signal, if that takes long."""

    def next_round(self) -> float | None:
        """Search, and signal the processes found.

        Returns:
            Seconds until the next round; None if all processes have the signal.
        """
        problem = FASTER
        for _ in range(_AT_ONCE):
            self._rounds += 1
            try:
                if not self._signal_once():
                    self.problem = None
                    return None
            except (OSError, MemoryError) as error:
                why = "out of memory"
                if isinstance(error, OSError):
                    why = error.strerror or type(error).__name__
                problem = f"not all of its processes could be found: {why}"
                break
        if self._rounds <= ROUNDS:
            return INTERVAL
        self.problem = problem
        return SLOW

    def _signal_once(self) -> bool:
        if self._number != signal.SIGSTOP:
            # The youngest first, so that no parent observes a stopped child.
            self._send(reversed(self._search()))
            self._signal_group(self._number)
            return False
        known = {*proc.pids()}
        self._signal_group(self._number)
        new = [it for it in self._search() if it not in self._signalled]
        self._send(new)
        self._signalled.update(new)
        if new:
            self._stop_children(known)
        return bool(new)

    def _stop_children(self, known: set[int]) -> None:
        """Stop the children that known processes started during the search.

        A search takes so long that a process which forks all the time stays ahead of
        it. Checking only new ids is fast enough.
        """
        parents = {it.pid for it in self._signalled}
        for _ in range(_PASSES):
            fresh = sorted({*proc.pids()} - known)
            known.update(fresh)
            found = False
            for pid in fresh:
                it = proc.stat(pid)
                if it is None or it.parent not in parents:
                    continue
                child = Process(pid, it.born)
                self._send([child])
                self._signalled.add(child)
                parents.add(pid)
                found = True
            if not found:
                return

    def _send(self, processes: Iterable[Process]) -> None:
        for process in processes:
            if not self._is_in_group(process):
                process.send(self._number)
