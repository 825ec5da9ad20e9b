"""Pauses of one running task, of those of a group, or of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import (
    PauseTask,
    QueueReply,
    RefusalCode,
    Refused,
    TaskAltered,
    TaskEvent,
)
from ..rules.outcome import STOPPING
from ..rules.status import TaskFilter
from ..rules.terms import PLAIN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kinds import Engine, Kinds
    from ..rules.task import Task
    from .changes import Changes
    from .starts import Starts


class Pauses:
    """Pauses and resumes running tasks."""

    def __init__(
        self,
        changes: Changes,
        starts: Starts,
        kinds: Kinds,
        engines: Mapping[str, Engine],
    ) -> None:
        self._engines = engines
        self._changes = changes
        self._book = changes.book
        self._starts = starts
        self._kinds = kinds

    def pause(self, message: PauseTask) -> QueueReply:
        """Pause or resume a task that doesn't wait.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        task_id = message.task_id
        task = self._book.tasks.get(task_id)
        if task.status.is_final:
            text = f"task {task_id} has already finished ({task.status}: {task.reason})"
            return Refused(text, RefusalCode.FINISHED)
        if task.reason.startswith(STOPPING):
            text = f"task {task_id} is being stopped"
            return Refused(text, RefusalCode.INVALID)
        if (problem := self._problem(task)) is not None:
            text = f"task {task_id} can't be paused: {problem}"
            return Refused(text, RefusalCode.INVALID)
        return TaskAltered(self._set(task, paused=message.paused))

    def pause_running(
        self, group: str | None, *, paused: bool
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Pause or resume the running tasks of a group, or all.

        When all are resumed, the tasks of a group that is itself paused stay paused.

        Returns:
            The ids of the changed tasks, and of the tasks that can't be paused.
        """
        changed: list[int] = []
        running_on: list[int] = []
        for task in self._book.tasks.list(TaskFilter.RUNNING, self._changes.now()):
            its_group = (task.terms or PLAIN).group
            if (
                (group is not None and group != its_group)
                or self._book.waiting.waits_to_run(task.id)
                or task.is_paused is paused
                or task.reason.startswith(STOPPING)
                or (not paused and self._book.settings.is_paused(its_group))
            ):
                continue
            if self._problem(task) is None:
                self._set(task, paused=paused)
                changed.append(task.id)
            else:
                running_on.append(task.id)
        return tuple(changed), tuple(running_on)

    def _set(self, task: Task, *, paused: bool) -> Task:
        if task.is_paused is paused:
            return task
        change = self._book.pause if paused else self._book.resume
        task = change(task.id, self._changes.now())
        self._starts.pause_job(task.id, paused=paused)
        return self._changes.changed(task, TaskEvent.PROGRESS)

    def _problem(self, task: Task) -> str | None:
        """Return why a running task can't be paused; None if it can."""
        engine = (task.terms or PLAIN).engine
        if engine and not getattr(self._engines.get(engine), "can_pause", False):
            return f"it runs on the engine {engine!r}"
        # An optional attribute, not part of the protocol of kinds.
        kind = self._kinds.find(task.kind) if task.kind in self._kinds else None
        if getattr(kind, "can_pause", False) is not True:
            return f"its kind {task.kind!r} can't"
        return None
