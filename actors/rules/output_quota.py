"""The disk usage of all output, and its limit."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .task import Task

_LEAP: Final = 1 << 20
"""Bytes of growth between two checks from which a file is checked for holes.

A program that creates a sparse file sets its size in one step, and ordinary output
rarely grows so fast, so the check costs little.
"""

_BLOCK: Final = 512  # bytes; the unit of st_blocks on every file system


class OutputQuota:
    """The total size of output in bytes, and its limit.

    A sparse file counts with its size on disk, not its length.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._total = 0
        self._oversized: set[int] = set()
        self._holes: dict[int, int] = {}

    @property
    def exceeded(self) -> bool:
        """Whether the limit is exceeded."""
        return self._total > self._limit

    @property
    def oversized(self) -> tuple[int, ...]:
        """The finished tasks whose own output exceeds the limit, by id."""
        return tuple(sorted(self._oversized))

    def begin_with(self, tasks: Iterable[Task]) -> None:
        """Add the stored tasks, with the lengths of their output."""
        self._total = sum([task.output_size for task in tasks])

    def grew(self, task: Task, growth: int) -> None:
        """Record that a task's output has grown or was truncated.

        Checks a file for holes if it grew much at once, or had a hole and was
        truncated.

        Args:
            task: The task, with the current size of its output.
            growth: Bytes; negative for a file that was truncated.
        """
        self._total += growth
        was_cut = growth < 0 and task.id in self._holes
        if (growth >= _LEAP or was_cut) and task.output_path is not None:
            with contextlib.suppress(OSError):
                found = os.stat(task.output_path, follow_symlinks=False)  # noqa: PTH116
                on_disk = found.st_blocks * _BLOCK
                self._set_hole(task.id, max(0, task.output_size - on_disk))
        if task.status.is_final and not self.is_within_limit((task,)):
            self._oversized.add(task.id)

    def forgot(self, task: Task) -> None:
        """Record that a task's output is deleted."""
        self._set_hole(task.id, 0)
        self._oversized.discard(task.id)
        self._total -= task.output_size

    def is_within_limit(self, tasks: Iterable[Task]) -> bool:
        """Return whether the output of only these tasks is within the limit."""
        sizes = [task.output_size - self._holes.get(task.id, 0) for task in tasks]
        return sum(sizes) <= self._limit

    def _set_hole(self, task_id: int, size: int) -> None:
        self._total += self._holes.pop(task_id, 0) - size
        if size:
            self._holes[task_id] = size
