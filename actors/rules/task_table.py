"""The tasks of a session by id, in their current and in their committed state."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from .running_times import RunningTimes
from .status import TaskCounts, TaskFilter, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Container, Iterable, Iterator

    from .moment import Moment
    from .task import Task


class UnknownTaskError(LookupError):
    """The task doesn't exist, or was removed."""

    def __init__(self, task_id: int) -> None:
        super().__init__(f"no task {task_id}")
        self.task_id = task_id


class TaskTable:
    """All tasks of a session, in their current and in their committed state.

    A change of status becomes visible to others only after `note_written`.
    """

    def __init__(self) -> None:
        self.times = RunningTimes()
        """The durations of running tasks."""
        self._tasks: dict[int, Task] = {}
        self._keys: dict[str, int] = {}
        self._queued: set[int] = set()
        self._counts: dict[TaskStatus, int] = dict.fromkeys(TaskStatus, 0)
        # The committed states of tasks that changed since the last commit; None if new.
        self._before: dict[int, Task | None] = {}

    def restore(
        self, tasks: Iterable[Task], at: Moment | None, adopted: Container[int]
    ) -> None:
        """Load stored tasks; see `TaskBook.restore`."""
        # Few passes and no call per task, since a history may be long.
        self._tasks = {task.id: task for task in tasks}
        self._keys = {task.key: task.id for task in self._tasks.values() if task.key}
        statuses = [task.status for task in self._tasks.values()]
        left = len(statuses)
        for status in self._counts:  # stops counting when all are found
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
        """Replace a task by its new state; return it.

        Args:
            task: The new state.
            hidden: Whether to hide the change until it is committed, although the
                status is the same.
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
        """Remove a task that has ended; return it."""
        task = self._tasks.pop(task_id)
        self._keys.pop(task.key, None)
        self._counts[task.status] -= 1
        self._before.setdefault(task_id, task)
        return task

    def __contains__(self, task_id: object) -> bool:
        """Return whether there is a task with this id."""
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
        """Return the selected tasks by id; running ones with their current duration."""
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
        if len(self._queued) == len(self._tasks):  # common in a long queue
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
        """Return those ids whose tasks have ended, in the same order."""
        # No call per task, since a history may be long.
        unfinished = self._queued.union(self.times)
        return itertools.filterfalse(unfinished.__contains__, ids)

    def note_written(self) -> None:
        """Record that all changes so far are committed, which makes them visible."""
        self._before.clear()

    def is_written(self, task_id: int) -> bool:
        """Return whether the last change of a task is committed."""
        return task_id not in self._before

    def written_status(self, task_id: int) -> TaskStatus | None:
        """Return the committed status of a task; None if there is no such task."""
        task = self._before.get(task_id, self._tasks.get(task_id))
        return None if task is None else task.status

    def written(self, task_id: int, at: Moment) -> Task:
        """Return the committed state of a task; a running one with its duration now.

        Raises:
            UnknownTaskError: If there is none.
        """
        task = self._before.get(task_id, self._tasks.get(task_id))
        if task is None:
            raise UnknownTaskError(task_id)
        return self._as_of(task, at)

    def all_written(
        self, which: TaskFilter, at: Moment, ids: Collection[int] = ()
    ) -> tuple[Task, ...]:
        """Return the committed states of the selected tasks, by id; see `list`.

        With `ids`, only of these tasks; unknown ones are left out.
        """
        if ids:  # no pass over a long history
            tasks = {it: self._before.get(it, self._tasks.get(it)) for it in ids}
        elif not self._before:
            return self.list(which, at)
        else:
            tasks = {**self._tasks, **self._before}
        statuses = which.statuses
        return tuple(
            self._as_of(task, at)
            for task_id in sorted(tasks)
            if (task := tasks[task_id]) is not None and task.status in statuses
        )

    def counts(self) -> TaskCounts:
        """Return the number of tasks in each committed status."""
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
        # Avoids a pass over a long history, or over a long queue.
        if not self._counts[status]:
            return []
        if self._counts[status] == len(self._tasks):
            return [*self._tasks]
        return [task.id for task in self._tasks.values() if task.status is status]

    def _as_of(self, task: Task, at: Moment) -> Task:
        if task.status is not TaskStatus.RUNNING:
            return task
        return msgspec.structs.replace(task, duration=self.times.ran(task, at))
