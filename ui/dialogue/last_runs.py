"""How long commands took the last times, and what that says of one that runs now."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors import Task

RUNS: Final = 10
"""How many of the last runs of a command count."""

_COMMANDS: Final = 5_000
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0

_Command = tuple[str, tuple[str, ...], str | None]


class Estimate(msgspec.Struct, frozen=True):
    """How long a running task may take, by the last runs of the same command.

    Attributes:
        usual: Seconds that half of these runs took at most.
        left: Seconds until it has taken as long; 0 if it has already.
        runs: How many runs there were.
    """

    usual: float
    left: float
    runs: int

    def text(self) -> str:
        """Say so for people; it is marked as an estimate."""
        runs = "its last run" if self.runs == 1 else f"its last {self.runs} runs"
        if not self.left:
            return f"longer than usual: {rough_text(self.usual)}, by {runs}"
        return f"about {rough_text(self.left)} left, by {runs}"


class LastRuns:
    """The durations of the last complete runs of each command.

    A command is what the same kind was told in the same directory.
    """

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        # With the ids: an end may be told twice.
        self._durations: OrderedDict[_Command, deque[tuple[int, float]]] = OrderedDict()
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Take in a task; one that is not complete says nothing."""
        if task.status is not TaskStatus.COMPLETE or task.duration is None:
            return
        command = _command_of(task)
        durations = self._durations.setdefault(command, deque(maxlen=RUNS))
        if all(task.id != known for known, _ in durations):
            durations.append((task.id, task.duration))
        self._durations.move_to_end(command)
        if len(self._durations) > _COMMANDS:
            self._durations.popitem(last=False)

    def durations(self, task: Task) -> tuple[float, ...]:
        """Return the seconds of the last runs of a task's command, the oldest first."""
        return tuple(it for _, it in self._durations.get(_command_of(task), ()))

    def estimate(self, task: Task, duration: float | None = None) -> Estimate | None:
        """Estimate how long a running task takes; None if nothing tells.

        One that tells its progress says more itself.

        Args:
            task: The task.
            duration: Seconds that it has run by now; by default what it says.
        """
        runs = self.durations(task)
        if not runs or task.status is not TaskStatus.RUNNING or task.waits_to_run:
            return None
        if task.progress is not None:
            return None
        from statistics import median  # noqa: PLC0415 - it takes a fortieth of a start

        usual = median(runs)
        ran = (task.duration or 0.0) if duration is None else duration
        return Estimate(usual, max(0.0, usual - ran), len(runs))


def rough_text(seconds: float) -> str:
    """Write a duration as people say it: `40 s`, `3 min`, `1 h 20 min`."""
    if seconds < _MINUTE - 0.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if seconds < _HOUR - _MINUTE / 2:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def _command_of(task: Task) -> _Command:
    return task.kind, task.args, task.directory
