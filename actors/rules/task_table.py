"""The tasks of a session by id, as they are and as they are written down."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from .running_times import RunningTimes
from .status import TaskCounts, TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator

    from .moment import Moment
    from .task import Task


class UnknownTaskError(LookupError):
    """No task has this id, or it has been forgotten."""

    def __init__(self, task_id: int) -> None:
        super().__init__(f"no task {task_id}")
        self.task_id = task_id


class TaskTable:
    """All tasks that are remembered, and what of them is written down.

    Others see a change of status no sooner than `note_written` follows it.
    """

    def __init__(self) -> None:
        self.times = RunningTimes()
        """How long the running ones have run."""
        self._tasks: dict[int, Task] = {}
        self._keys: dict[str, int] = {}
        self._queued: set[int] = set()
        self._counts: dict[TaskStatus, int] = dict.fromkeys(TaskStatus, 0)
        # What changed since all was written down last, as it was then; None if new.
        self._before: dict[int, Task | None] = {}

    def restore(
        self, tasks: Iterable[Task], at: Moment | None, adopted: Container[int]
    ) -> None:
        """Take over the tasks of an earlier life; see `TaskBook.restore`."""
        # Without a call, and with few looks, for each of a long history.
        self._tasks = {task.id: task for task in tasks}
        self._keys = {task.key: task.id for task in self._tasks.values() if task.key}
        statuses = [task.status for task in self._tasks.values()]
        left = len(statuses)
        for status in self._counts:  # what most are in comes first
            self._counts[status] = statuses.count(status) if left else 0
            left -= self._counts[status]
        self._queued = {*self._having(TaskStatus.QUEUED)}
        for task_id in self._having(TaskStatus.RUNNING):
            task = self._tasks[task_id]
            goes_on = task.waits_to_run or task_id in adopted
            self.times.restore(task, at if goes_on else None)

    def add(self, task: Task) -> None:
        """Add a new task, Queued."""
        self._tasks[task.id] = task
        if task.key:
            self._keys[task.key] = task.id
        self._queued.add(task.id)
        self._counts[task.status] += 1
        self._before[task.id] = None

    def replace(self, task: Task, *, hidden: bool = False) -> Task:
        """Let a task be what it has become; return it.

        Args:
            task: The task as it is now.
            hidden: Whether others see it no sooner than it is written down, although
                its status is the same.
        """
        before = self._tasks[task.id]
        self._tasks[task.id] = task
        if before.status is not task.status:
            self._queued.discard(task.id)
            self._counts[before.status] -= 1
            self._counts[task.status] += 1
            self._before.setdefault(task.id, before)
        elif hidden:
            self._before.setdefault(task.id, before)
        return task

    def drop(self, task_id: int) -> Task:
        """Forget a task that has ended; return it."""
        task = self._tasks.pop(task_id)
        self._keys.pop(task.key, None)
        self._counts[task.status] -= 1
        self._before.setdefault(task_id, task)
        return task

    def __contains__(self, task_id: object) -> bool:
        """Tell whether there is a task with this id."""
        return task_id in self._tasks

    @property
    def last_id(self) -> int:
        """The highest id of a task; 0 without any."""
        return next(reversed(self._tasks), 0)

    def find(self, task_id: int) -> Task | None:
        """Return the task with this id, or None if there is none."""
        return self._tasks.get(task_id)

    def get(self, task_id: int) -> Task:
        """Return the task with this id.

        Raises:
            UnknownTaskError: If there is none.
        """
        try:
            return self._tasks[task_id]
        except KeyError:
            raise UnknownTaskError(task_id) from None

    def find_key(self, key: str) -> Task | None:
        """Return the task whose request had this key; None for an empty key."""
        task_id = self._keys.get(key)
        return None if task_id is None else self._tasks[task_id]

    def __iter__(self) -> Iterator[Task]:
        """Iterate over the tasks by id."""
        return iter(self._tasks.values())

    def list(self, which: TaskFilter, at: Moment) -> tuple[Task, ...]:
        """Return the tasks of a kind by id; running ones with their duration now."""
        match which:
            case TaskFilter.ALL:
                tasks = [*self._tasks.values()]
            case TaskFilter.QUEUED:
                tasks = self.queued()
            case TaskFilter.RUNNING:
                tasks = self._by_id(self.times)
            case _:
                statuses = which.statuses
                tasks = [it for it in self._tasks.values() if it.status in statuses]
        if self.times:
            tasks = [self._as_of(task, at) for task in tasks]
        return tuple(tasks)

    def queued(self) -> list[Task]:
        """Return the queued tasks by id."""
        if len(self._queued) == len(self._tasks):  # as in a long queue
            return [*self._tasks.values()]
        return self._by_id(self._queued)

    def begun(self) -> list[Task]:
        """Return the tasks that are not queued, by id."""
        if len(self._queued) == len(self._tasks):
            return []
        queued = TaskStatus.QUEUED
        return [it for it in self._tasks.values() if it.status is not queued]

    def open_ids(self) -> tuple[int, ...]:
        """Return the ids of the running tasks, then of the queued ones."""
        return (*sorted(self.times), *sorted(self._queued))

    def finished(self, ids: Iterable[int]) -> Iterator[int]:
        """Return the ids of those of some tasks that have ended, in the same order."""
        # Without a call for each of a long history.
        unfinished = self._queued.union(self.times)
        return itertools.filterfalse(unfinished.__contains__, ids)

    def note_written(self) -> None:
        """Note that all changes so far are written down; others may see them now."""
        self._before.clear()

    def is_written(self, task_id: int) -> bool:
        """Tell whether the last change of a task is written down."""
        return task_id not in self._before

    def written_status(self, task_id: int) -> TaskStatus | None:
        """Return the status of a task as it is written down; None without a task."""
        task = self._before.get(task_id, self._tasks.get(task_id))
        return None if task is None else task.status

    def written(self, task_id: int, at: Moment) -> Task:
        """Return the task with this id as it is written down.

        A task that runs has its duration up to now.

        Raises:
            UnknownTaskError: If there is none.
        """
        task = self._before.get(task_id, self._tasks.get(task_id))
        if task is None:
            raise UnknownTaskError(task_id)
        return self._as_of(task, at)

    def all_written(self, which: TaskFilter, at: Moment) -> tuple[Task, ...]:
        """Return the tasks of a kind by id, as they are written down; see `list`."""
        if not self._before:
            return self.list(which, at)
        tasks = {**self._tasks, **self._before}
        statuses = which.statuses
        return tuple(
            self._as_of(task, at)
            for task_id in sorted(tasks)
            if (task := tasks[task_id]) is not None and task.status in statuses
        )

    def counts(self) -> TaskCounts:
        """Return how many tasks are in each status, as they are written down."""
        counts = dict(self._counts)
        for task_id, before in self._before.items():
            if (now := self._tasks.get(task_id)) is not None:
                counts[now.status] -= 1
            if before is not None:
                counts[before.status] += 1
        return TaskCounts(**{status.value: n for status, n in counts.items()})

    def _by_id(self, ids: Iterable[int]) -> list[Task]:
        return [self._tasks[task_id] for task_id in sorted(ids)]

    def _having(self, status: TaskStatus) -> list[int]:
        # Without a look at each of a long history, or of a long queue alone.
        if not self._counts[status]:
            return []
        if self._counts[status] == len(self._tasks):
            return [*self._tasks]
        return [task.id for task in self._tasks.values() if task.status is status]

    def _as_of(self, task: Task, at: Moment) -> Task:
        if task.status is not TaskStatus.RUNNING:
            return task
        return msgspec.structs.replace(task, duration=self.times.ran(task, at))
