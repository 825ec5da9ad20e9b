"""How much room the output of all tasks takes together, and who must go for it."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .task import Task

_LEAP: Final = 1 << 20
"""Bytes by which a file must have grown at once to be looked at for holes.

Writing does not leap like that between two looks as often as it would take to notice
the cost, and a program that makes a sparse file sets its size in one step.
"""

_BLOCK: Final = 512  # bytes; what st_blocks counts on every file system


class OutputQuota:
    """The room that output takes, in bytes, and its limit.

    A sparse file takes what it has on the disk, and not its length.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0
        self._oversized: set[int] = set()
        self._holes: dict[int, int] = {}

    @property
    def exceeded(self) -> bool:
        """Whether there is more than the limit."""
        return self._total > self._limit

    @property
    def oversized(self) -> tuple[int, ...]:
        """The finished tasks whose output is beyond the limit alone, by id."""
        return tuple(sorted(self._oversized))

    def begin_with(self, tasks: Iterable[Task]) -> None:
        """Take over the tasks of an earlier life, by the length of their output."""
        self._total = sum([task.output_size for task in tasks])

    def grew(self, task: Task, growth: int) -> None:
        """Note that a task's output has grown; looks at a file that grew by a leap.

        Or at one that had a hole and was cut.

        Args:
            task: The task, with its output as it is now.
            growth: By how many bytes; a file that was cut has a negative growth.
        """
        self._total += growth
        was_cut = growth < 0 and task.id in self._holes
        if (growth >= _LEAP or was_cut) and task.output_path is not None:
            with contextlib.suppress(OSError):
                found = os.stat(task.output_path, follow_symlinks=False)  # noqa: PTH116
                on_disk = found.st_blocks * _BLOCK
                self._set_hole(task.id, max(0, task.output_size - on_disk))
        if task.status.is_final and not self.has_room_for((task,)):
            self._oversized.add(task.id)

    def forgot(self, task: Task) -> None:
        """Note that a task's output is deleted."""
        self._set_hole(task.id, 0)
        self._oversized.discard(task.id)
        self._total -= task.output_size

    def has_room_for(self, tasks: Iterable[Task]) -> bool:
        """Tell whether the output of these tasks, and no other, is within the limit."""
        sizes = [task.output_size - self._holes.get(task.id, 0) for task in tasks]
        return sum(sizes) <= self._limit

    def _set_hole(self, task_id: int, size: int) -> None:
        self._total += self._holes.pop(task_id, 0) - size
        if size:
            self._holes[task_id] = size
