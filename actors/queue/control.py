"""Requests about existing tasks and the whole queue: order, holds, groups, cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import (
    CancelAccepted,
    CancelAll,
    CancelTask,
    EditTask,
    GroupPaused,
    HoldTask,
    MoveTask,
    PauseQueue,
    PauseTask,
    QueueReply,
    RefusalCode,
    Refused,
    RulesFound,
    SetGroup,
    StopTask,
    TaskAltered,
    TaskEvent,
)
from ..rules.outcome import STOPPING, Outcome
from ..rules.safe_text import brief, safe_line
from ..rules.status import TaskStatus
from ..rules.task import IllegalTransitionError, Task
from ..rules.terms import MOST, PLAIN, is_group_name
from .pauses import Pauses

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..kinds import Engine, Kinds
    from .admission import Admission
    from .changes import Changes
    from .starts import Starts


class Control:
    """Carries out requests about existing tasks, groups and the whole queue."""

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        changes: Changes,
        starts: Starts,
        admission: Admission,
        kinds: Kinds,
        *,
        engines: Mapping[str, Engine],
        pause_on_failure: bool = False,
    ) -> None:
        self._pause_on_failure = pause_on_failure
        self._changes = changes
        self._admission = admission
        self._book = changes.book
        self._settings = changes.book.settings
        self._waiting = changes.book.waiting
        self._starts = starts
        self._pauses = Pauses(changes, starts, kinds, engines)

    def alter(self, message: MoveTask | HoldTask | EditTask) -> QueueReply:
        """Move, hold or release a queued task, or edit a task.

        Raises:
            InvalidRequestError: If the request is invalid.
            UnknownTaskError: If there is no such task.
        """
        task_id = message.task_id
        try:
            reason = self._starts.waiting_reason(self._book.engine(task_id))
            match message:
                case MoveTask(first=first, before=before):
                    task = self._waiting.move(
                        task_id, reason, first=first, before=before
                    )
                case HoldTask(held=held):
                    task = self._waiting.set_held(task_id, reason, held=held)
                case EditTask(description=description, args=args):
                    self._admission.check_edit(self._book.tasks.get(task_id), message)
                    task = self._book.edit(task_id, description, args)
        except IllegalTransitionError as error:
            return _not_waiting(error.task)
        for other in self._waiting.take_replaced():
            self._changes.changed(other, TaskEvent.PROGRESS)
        edited = isinstance(message, EditTask)
        self._changes.changed(task, TaskEvent.PROGRESS, always=edited)
        self._starts.assign()
        return TaskAltered(self._book.tasks.get(task_id))

    def pause(self, message: PauseTask) -> QueueReply:
        """Pause or resume a running task, or hold or release a waiting one."""
        if self._waiting.waits_to_run(message.task_id):
            return self.alter(HoldTask(message.task_id, message.paused))
        return self._pauses.pause(message)

    def note_failure(self, task: Task) -> None:
        """Pause the group of a failed task, if it is configured so."""
        group = (task.terms or PLAIN).group
        pauses = self._settings.pause_on_failure(group)
        if pauses is False or (pauses is None and not self._pause_on_failure):
            return
        if any(it.name == group and it.paused for it in self._settings.rules.groups):
            return
        self._settings.set_paused(group, paused=True, why=f"#{task.id} failed")
        self._changes.ruled()
        self._changes.publish(GroupPaused(group, task))
        self._starts.renew_reasons()

    def rule(self, message: PauseQueue | SetGroup) -> QueueReply:
        """Change the settings of the queue and its groups."""
        group = message.name if isinstance(message, SetGroup) else message.group
        if group is not None and not is_group_name(group):
            text = f"{brief(group)!r} is not a group; use a short name without spaces"
            return Refused(text, RefusalCode.INVALID)
        tasks: tuple[int, ...] = ()
        unpaused: tuple[int, ...] = ()
        match message:
            case PauseQueue(paused=paused):
                self._settings.set_paused(group, paused=paused)
                if not message.drain:
                    tasks, unpaused = self._pauses.pause_running(group, paused=paused)
            case SetGroup(name=name, slots=slots, pause_on_failure=pauses):
                if slots is not None and not 0 <= slots <= MOST:
                    text = f"slots must be from 0 to {MOST}, not {slots}"
                    return Refused(text, RefusalCode.INVALID)
                if slots is not None:
                    self._settings.set_group(name, slots)
                if pauses is not None:
                    self._settings.set_pause_on_failure(name, pauses=pauses)
        self._changes.ruled()
        self._starts.assign()
        self._starts.renew_reasons()
        return RulesFound(self._settings.rules, None, tasks, unpaused)

    def cancel(self, message: CancelTask) -> QueueReply | None:
        """Cancel one task; return None if it has ended or is unknown."""
        task = self._book.tasks.find(message.task_id)
        if task is None or task.status.is_final:
            return None
        canceled = self._cancel(task, message.reason, now=message.now)
        return CancelAccepted((canceled,))

    def too_late(self, message: CancelTask) -> QueueReply:
        """Return the answer for a task that `cancel` couldn't cancel.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        task = self._book.tasks.written(message.task_id, self._changes.now())
        if task.status.is_final:
            text = f"task {task.id} has already finished ({task.status}: {task.reason})"
            if task.left_running:
                text += "; these processes end with the session at the latest"
            return Refused(text, RefusalCode.FINISHED)
        # Its end is not committed yet, so it must stay invisible.
        return CancelAccepted((task,))

    def cancel_all(self, message: CancelAll) -> QueueReply:
        """Cancel all tasks that have not ended."""
        # Queued tasks first, so that none starts in the slot of a canceled one.
        canceled = [
            self._cancel(self._book.tasks.get(task_id), message.reason, now=message.now)
            for task_id in reversed(self._book.tasks.open_ids())
        ]
        canceled.sort(key=lambda task: task.id)
        return CancelAccepted(tuple(canceled))

    def cancel_queued(self, reason: str) -> None:
        """Cancel all waiting tasks."""
        for task_id in self._book.tasks.open_ids():
            if self._waiting.waits_to_run(task_id):
                self._cancel(self._book.tasks.get(task_id), reason, now=False)

    def tell_dependents(self) -> None:
        """Cancel tasks that can never start; renew the reasons of released ones.

        In a chain, each task is canceled because of the one before it.
        """
        while hopeless := self._waiting.take_hopeless():
            for task_id, why in hopeless:
                self._changes.end(task_id, Outcome.canceled(f"can't start: {why}"))
        for task_id in self._waiting.take_released():
            self._starts.renew_reason(task_id)

    def _cancel(self, task: Task, reason: str, *, now: bool) -> Task:
        reason = safe_line(reason)
        if self._waiting.waits_to_run(task.id):
            return self._changes.end(task.id, Outcome.canceled(reason))
        self._book.let_end(task.id)
        # A paused task is resumed, so that it can handle SIGTERM.
        self._book.resume(task.id, self._changes.now())
        self._starts.stop(StopTask(task.id, Outcome.canceled(reason), now=now))
        stopping = self._book.note_reason(
            task.id, f"{STOPPING}{reason}", self._changes.now()
        )
        return self._changes.changed(stopping, TaskEvent.PROGRESS)


def _not_waiting(task: Task) -> Refused:
    text = f"task {task.id} no longer waits; it is {task.status}"
    if task.status is TaskStatus.QUEUED:
        text = f"task {task.id} can't start here: {task.reason}"
    code = RefusalCode.FINISHED if task.status.is_final else RefusalCode.INVALID
    return Refused(text, code)
