"""The task board: the last known state of every task, in the order of the panel.

No operation of a frame depends on the total number of tasks, only on the number shown:
there may be ten thousand, and a frame is due thirty times a second.
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import Task, TaskCounts, TaskStatus
from ....actors.rules.rounds import HeldTasks
from ...dialogue.chains import chain_order, waits_for

if TYPE_CHECKING:
    from collections.abc import Iterable

LINGER: Final = 3.0
"""Seconds for which the panel keeps showing a task that has ended."""

_LINGERING: Final = 8


class Seen(msgspec.Struct, frozen=True):
    """A task, and when it was received, in seconds of the monotonic clock."""

    task: Task
    at: float

    def duration(self, now: float) -> float | None:
        """Return how long the task has run at a later time of the same clock."""
        running = self.task.status is TaskStatus.RUNNING and not self.task.is_paused
        if self.task.duration is None or not running:
            return self.task.duration
        return self.task.duration + max(0.0, now - self.at)


class TaskBoard:
    """All known tasks."""

    def __init__(self) -> None:
        self._seen: dict[int, Seen] = {}
        self._ids: dict[TaskStatus, dict[int, None]] = {s: {} for s in TaskStatus}
        self._ended: deque[int] = deque(maxlen=_LINGERING)
        self._left: dict[int, None] = {}
        self._after: dict[int, None] = {}  # queued tasks that wait for others
        self._held = HeldTasks()
        self._order = 0
        self._listed: tuple[tuple[int, str], list[int]] | None = None

    def apply(self, task: Task, at: float, *, old: bool = False) -> None:
        """Record the state of a task, received at a time of the monotonic clock.

        An `old` state was reached before the chat opened, and does not linger.
        """
        before = self._seen.get(task.id)
        self._seen[task.id] = Seen(task, at)
        if waits_for(task) and task.status is TaskStatus.QUEUED:
            self._after[task.id] = None
        else:
            self._after.pop(task.id, None)
        self._held.note(task)
        if before is not None and before.task.status is task.status:
            if not task.left_running:
                self._left.pop(task.id, None)
            return
        if before is not None:
            del self._ids[before.task.status][task.id]
        self._ids[task.status][task.id] = None
        self._order += 1
        if task.status.is_final and not old:
            self._ended.append(task.id)
            if task.left_running:
                self._left[task.id] = None

    def forget(self, task_ids: Iterable[int]) -> None:
        """Remove tasks that have left the history."""
        for task_id in task_ids:
            seen = self._seen.pop(task_id, None)
            if seen is not None:
                self._held.drop(task_id)
                del self._ids[seen.task.status][task_id]
                self._order += 1

    def find(self, task_id: int) -> Seen | None:
        """Return a task, or None if it is unknown."""
        return self._seen.get(task_id)

    @property
    def newest(self) -> Iterable[Seen]:
        """All tasks, newest first."""
        return (self._seen[task_id] for task_id in reversed(self._seen))

    @property
    def counts(self) -> TaskCounts:
        """The number of tasks in each status."""
        return TaskCounts(**{s.value: len(ids) for s, ids in self._ids.items()})

    @property
    def running(self) -> Iterable[Seen]:
        """The running tasks."""
        return (self._seen[task_id] for task_id in self._ids[TaskStatus.RUNNING])

    @property
    def queued(self) -> Iterable[Seen]:
        """The queued tasks."""
        return (self._seen[task_id] for task_id in self._ids[TaskStatus.QUEUED])

    def are_all_held(self) -> bool:
        """Return whether all open tasks are held or paused."""
        running, queued = self._ids[TaskStatus.RUNNING], self._ids[TaskStatus.QUEUED]
        return self._held.are_all(
            self.open_count, lambda it: it in running or it in queued
        )

    @property
    def open_count(self) -> int:
        """The number of tasks that have not ended."""
        return len(self._ids[TaskStatus.RUNNING]) + len(self._ids[TaskStatus.QUEUED])

    @property
    def left_running(self) -> Iterable[int]:
        """The tasks that ended in this session while processes of theirs kept running.

        Includes forgotten tasks, whose processes may have ended since.
        """
        return self._left.keys()

    def is_moving(self, now: float) -> bool:
        """Return whether the shown tasks change as time passes."""
        running = (self._seen[it].task for it in self._ids[TaskStatus.RUNNING])
        return not all(it.is_paused for it in running) or bool(self._lingering(now))

    def live_count(self, now: float) -> int:
        """Return the number of tasks of which `live` returns the first."""
        return self.open_count + len(self._lingering(now))

    def live(self, limit: int, now: float) -> tuple[list[Seen], int]:
        """Return at most `limit` tasks: running or just ended ones, then queued ones.

        Returns:
            The first of these tasks, and their total number.
        """
        queued = self._ids[TaskStatus.QUEUED]
        running = sorted(self._ids[TaskStatus.RUNNING])
        lingering = self._lingering(now)
        # Without enough room, ended tasks give way to running ones, the oldest end
        # first.
        room = max(0, limit - len(running))
        moving = sorted([*running[:limit], *lingering[max(0, len(lingering) - room) :]])
        if room > len(lingering):
            moving.extend(islice(queued, room - len(lingering)))
        moving = chain_order(moving, self.waits_for)
        total = self.open_count + len(lingering)
        return [self._seen[i] for i in moving], total

    def waits_for(self, task_id: int) -> tuple[int, ...]:
        """Return the ids of the tasks that a task waits for."""
        seen = self._seen.get(task_id)
        return () if seen is None else waits_for(seen.task)

    def list_ids(self, words: str = "") -> list[int]:
        """Return the ids of all tasks that match: running, queued, then newest ended.

        A task that waits for another comes below it.

        Args:
            words: Words that the id, status, kind, group or description must contain;
                case is ignored.
        """
        key = (self._order, words)
        if self._listed is None or self._listed[0] != key:
            self._listed = (key, list(self._select(words.lower().split())))
        return self._listed[1]

    def _select(self, words: list[str]) -> Iterable[int]:
        open_ids = [
            *sorted(self._ids[TaskStatus.RUNNING]),
            *self._ids[TaskStatus.QUEUED],
        ]
        ended = sorted(
            (
                task_id
                for status, ids in self._ids.items()
                if status.is_final
                for task_id in ids
            ),
            reverse=True,
        )
        if words:
            open_ids = [it for it in open_ids if self._matches(it, words)]
            ended = [it for it in ended if self._matches(it, words)]
        if self._after:
            open_ids = chain_order(open_ids, self.waits_for)
        yield from (*open_ids, *ended)

    def _matches(self, task_id: int, words: list[str]) -> bool:
        task = self._seen[task_id].task
        group = "" if task.terms is None else task.terms.group
        text = f"#{task.id} {task.status} {task.kind} {group} {task.description}"
        return all(word in text.lower() for word in words)

    def _lingering(self, now: float) -> list[int]:
        return [
            task_id
            for task_id in self._ended
            if (seen := self._seen.get(task_id)) is not None and now - seen.at < LINGER
        ]
