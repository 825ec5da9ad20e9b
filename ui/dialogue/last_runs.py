"""Durations of the last runs of commands, and estimates of running ones."""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...actors import Task

RUNS: Final = 10
"""How many of the last runs of a command an estimate uses."""

_COMMANDS: Final = 5_000
_MINUTE: Final = 60.0
_HOUR: Final = 3600.0

_Command = tuple[str, tuple[str, ...], str | None]


class Estimate(msgspec.Struct, frozen=True):
    """How long a running task may take, estimated from the last runs of its command.

    Attributes:
        usual: The median duration of these runs, in seconds.
        left: Seconds until the task has run for that long; 0 if it has already.
        runs: The number of runs.
    """

    usual: float
    left: float
    runs: int

    def text(self) -> str:
        """Return the estimate for people, marked as one."""
        runs = "its last run" if self.runs == 1 else f"its last {self.runs} runs"
        if not self.left:
            return f"longer than usual: {rough_text(self.usual)}, by {runs}"
        return f"about {rough_text(self.left)} left, by {runs}"


class LastRuns:
    """The durations of the last complete runs of each command.

    Commands are the same if their kind, arguments and directory are.
    """

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        # With the ids, since the end of a task may be reported twice.
        self._durations: OrderedDict[_Command, deque[tuple[int, float]]] = OrderedDict()
        for task in tasks:
            self.add(task)

    def add(self, task: Task) -> None:
        """Record the duration of a task; ignore a task that is not complete."""
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
        """Return the durations of a command's last runs, oldest first, in seconds."""
        return tuple(it for _, it in self._durations.get(_command_of(task), ()))

    def estimate(self, task: Task, duration: float | None = None) -> Estimate | None:
        """Estimate how long a running task takes; return None without earlier runs.

        Also None for a task that reports progress, which is more precise. `duration` is
        how long it has run so far, in seconds; by default that of the task.
        """
        runs = self.durations(task)
        if not runs or task.status is not TaskStatus.RUNNING or task.waits_to_run:
            return None
        if task.progress is not None:
            return None
        from statistics import median  # noqa: PLC0415 - it takes 1/40 of a start

        usual = median(runs)
        ran = (task.duration or 0.0) if duration is None else duration
        return Estimate(usual, max(0.0, usual - ran), len(runs))


def rough_text(seconds: float) -> str:
    """Return a rounded duration: `40 s`, `3 min`, `1 h 20 min`."""
    if seconds < _MINUTE - 0.5:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if seconds < _HOUR - _MINUTE / 2:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h" + (f" {minutes} min" if minutes else "")


def _command_of(task: Task) -> _Command:
    return task.kind, task.args, task.directory
