"""Which jobs are checked in which tick."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

LOOKS_PER_TICK: Final = 32
"""Maximum number of lively jobs checked in one tick; more of them take turns."""

QUIET_LOOKS_PER_TICK: Final = 16
"""Maximum number of quiet jobs checked in one tick; more of them take turns."""

QUIET_TICKS: Final = 5
"""Ticks between two checks of a quiet job."""


class LookSchedule:
    """Running jobs in the order of their next checks.

    A check wakes a thread, so jobs without new output are checked less often.
    """

    def __init__(self) -> None:
        self._lively: OrderedDict[int, None] = OrderedDict()
        self._quiet: OrderedDict[int, None] = OrderedDict()
        self._rest = 0  # remainder of the last tick's share of quiet jobs

    def add(self, task_id: int) -> None:
        """Add a job that has just been started; it is checked first."""
        self._lively[task_id] = None
        # The first check records its process, which must not be delayed.
        self._lively.move_to_end(task_id, last=False)

    def remove(self, task_id: int) -> None:
        """Remove a job; does nothing if it is unknown."""
        self._lively.pop(task_id, None)
        self._quiet.pop(task_id, None)

    def note(self, task_id: int, *, quiet: bool) -> None:
        """Record whether a job is quiet; does nothing if it is unknown."""
        before, after = (self._lively, self._quiet)[:: 1 if quiet else -1]
        if task_id in before:
            del before[task_id]
            after[task_id] = None

    def pause(self) -> int:
        """Return the number of ticks until the next check.

        If all jobs are quiet, one tick does the work of several.
        """
        return 1 if self._lively else QUIET_TICKS

    def next_turns(self, ticks: int = 1) -> list[int]:
        """Return the jobs to check now, `ticks` ticks after the last call."""
        share, self._rest = divmod(self._rest + len(self._quiet) * ticks, QUIET_TICKS)
        return [
            *_take(self._lively, LOOKS_PER_TICK),
            *_take(self._quiet, min(share, QUIET_LOOKS_PER_TICK * ticks)),
        ]


def _take(turns: OrderedDict[int, None], count: int) -> list[int]:
    taken = [task_id for task_id, _ in zip(turns, range(count), strict=False)]
    for task_id in taken:
        turns.move_to_end(task_id)
    return taken
