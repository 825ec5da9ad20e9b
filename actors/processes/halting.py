"""Stopping all processes of a job for a while, and letting them go on.

One search is not enough to stop them: what is stopped may have forked a moment ago, and
that child goes on. Once all are stopped, none is added. No round waits.
"""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .handle import Process

ROUNDS: Final = 50
"""Rounds after which no more is searched for: something forks faster than that."""

FASTER: Final = "it starts processes faster than they can be stopped; some still run"
"""Said of a job that nothing but an end of all its processes stops."""

_AT_ONCE: Final = 4


class HaltRounds:
    """Rounds of SIGSTOP, or one of SIGCONT, for all processes of a job.

    Args:
        search: Finds those that are alive; raises an error if the system lacks
            something, and is called again in the next round then.
        signal_group: Signals its process group, all members at the same moment.
        is_in_group: Tells whether a process gets that.
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
        """Why some processes may not have the signal, once that is given up."""

    def go_on(self) -> bool:
        """Search, and signal what is found; return whether another round is needed."""
        for _ in range(_AT_ONCE):
            self._rounds += 1
            try:
                if not self._go_on():
                    return False
            except (OSError, MemoryError) as error:
                if self._rounds <= ROUNDS:
                    return True
                why = "out of memory"
                if isinstance(error, OSError):
                    why = error.strerror or type(error).__name__
                self.problem = f"not all of its processes could be found: {why}"
                return False
            if self._rounds > ROUNDS:
                self.problem = FASTER
                return False
        return True

    def _go_on(self) -> bool:
        if self._number != signal.SIGSTOP:
            # The youngest first, so that no parent sees a child that is stopped.
            self._send(reversed(self._search()))
            self._signal_group(self._number)
            return False
        self._signal_group(self._number)
        new = [it for it in self._search() if it not in self._signalled]
        self._send(new)
        self._signalled.update(new)
        return bool(new)

    def _send(self, processes: Iterable[Process]) -> None:
        for process in processes:
            if not self._is_in_group(process):
                process.send(self._number)
