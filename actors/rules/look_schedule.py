"""Whose output is looked at in which tick."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

LOOKS_PER_TICK: Final = 32
"""Jobs with news that are looked at in one tick; with more of them they take turns."""

QUIET_LOOKS_PER_TICK: Final = 16
"""The same for jobs that have had no news for a while."""

QUIET_TICKS: Final = 5
"""Ticks between two looks at a quiet job, if there are not too many of them."""


class LookSchedule:
    """Jobs under way in the order in which they are looked at next.

    A look wakes a thread, so those that hardly ever have news are looked at less often.
    """

    def __init__(self) -> None:
        self._lively: OrderedDict[int, None] = OrderedDict()
        self._quiet: OrderedDict[int, None] = OrderedDict()
        self._rest = 0  # of the last tick's share of the quiet ones

    def add(self, task_id: int) -> None:
        """Take in a job that has just been started; it is looked at first."""
        self._lively[task_id] = None
        # The first look tells what process it is, which must not wait long.
        self._lively.move_to_end(task_id, last=False)

    def remove(self, task_id: int) -> None:
        """Forget a job; does nothing if it is not known."""
        self._lively.pop(task_id, None)
        self._quiet.pop(task_id, None)

    def note(self, task_id: int, *, quiet: bool) -> None:
        """Note whether a job is quiet; does nothing if it is not known."""
        before, after = (self._lively, self._quiet)[:: 1 if quiet else -1]
        if task_id in before:
            del before[task_id]
            after[task_id] = None

    def pause(self) -> int:
        """Return in how many ticks somebody is to be looked at.

        With quiet jobs alone one tick does the work of several.
        """
        return 1 if self._lively else QUIET_TICKS

    def next_turns(self, ticks: int = 1) -> list[int]:
        """Return the jobs to look at now, so many ticks after the last time."""
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
