"""A change of a task: in the book, in the journal, and in the notifications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..journal.outbox import Outbox
from ..journal.protocol import Everything
from ..journal.unshown import UnshownChanges
from ..messages import (
    Notification,
    RefusalCode,
    Refused,
    TaskChanged,
    TaskEvent,
    TasksForgotten,
)
from ..rules.attempts import may_run_again
from ..rules.shown import ShownTracker
from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..journal.protocol import Journal
    from ..rules.book import TaskBook
    from ..rules.outcome import Outcome
    from ..rules.output_news import OutputNews
    from ..rules.output_quota import OutputQuota
    from ..rules.task import Task
    from ..rules.variables import Variables
    from ..runtime.clock import Clock


class Changes:
    """Applies every change of a task, and queues its effects; see `QueueActor`."""

    def __init__(  # noqa: PLR0913 - the stored state of a session
        self,
        book: TaskBook,
        journal: Journal,
        clock: Clock,
        quota: OutputQuota,
        *,
        seq: int = 0,
        unshown: UnshownChanges | None = None,
        last_changes: dict[int, int] | None = None,
        released: Callable[[int, bool], object] | None = None,
    ) -> None:
        self.book = book
        self.journal = journal
        self.quota = quota
        self.outbox = Outbox()
        """The messages to send after the commit."""
        self.shown = ShownTracker()
        self.unshown = UnshownChanges() if unshown is None else unshown
        self.last_changes = {} if last_changes is None else last_changes
        self.seq = seq
        """The number of the last change."""
        self.told_seq = seq
        """The number of the last change that is committed and sent."""
        self.last_to_show = self.unshown.last
        self.written_rules = book.settings.rules
        """The committed settings of the queue."""
        self._is_ruled = False
        self.now = clock.now
        """Returns the current time."""
        self._doomed: list[Task] = []
        self._released = released
        self._ended: list[int] = []

    def everything(self) -> Everything:
        """Return the whole state, for a new journal in place of a damaged one."""
        return Everything(
            self.book.by_last_change(), self.unshown.up_to(), self.last_changes
        )

    def end(
        self, task_id: int, outcome: Outcome, news: OutputNews | None = None
    ) -> Task:
        """End a task; see `TaskBook.end`."""
        return self.changed(self.book.end(task_id, outcome, self.now(), news))

    def changed(
        self, task: Task, event: TaskEvent | None = None, *, always: bool = False
    ) -> Task:
        """Store a change of a task and notify the subscribers.

        Args:
            task: The task from the book, which is returned.
            event: The kind of the change; by default that the task has a new status.
            always: Whether to store the change even if it is only progress.
        """
        self.seq += 1
        changed = TaskChanged(self.seq, event or TaskEvent.of(task.status), task)
        environment = self._environment_of(task)
        self.journal.changed(changed, environment, always=always)
        if changed.event.is_of_status:
            self.last_changes[task.id] = self.last_to_show = self.seq
            self.unshown.add(changed)
            self.shown.note_told(self.seq)
        self.outbox.add(None, changed, tells_change=True)
        if task.status.is_final:
            self._ended.append(task.id)
            if oldest := self.book.clean_up():
                self.forget(oldest)
        elif task.attempt is not None and task.attempt.waits:
            self._ended.append(task.id)
        return task

    def ruled(self) -> None:
        """Store the changed settings of the queue."""
        self._is_ruled = True
        self.journal.ruled(self.book.settings.rules)

    def _environment_of(self, task: Task) -> Variables | None:
        """Return the environment of a task if it must be stored."""
        if task.status.is_final:
            return None
        if (
            task.status is TaskStatus.QUEUED
            # Until its process is known, another program may have to start it.
            or (self._released is not None and task.output_path is not None)
            or may_run_again(task.terms)
        ):
            return self.book.environment(task.id)
        return None

    def forget(self, tasks: tuple[Task, ...]) -> tuple[int, ...]:
        """Store and announce that the book has forgotten tasks; return their ids."""
        ids = tuple(task.id for task in tasks)
        self.journal.forgot(ids)
        self.journal.settled(self.unshown.forgot(ids))
        for task in tasks:
            self.last_changes.pop(task.id, None)
            self.quota.forgot(task)
            if task.output_path is not None:
                self._doomed.append(task)
        if ids:
            self.publish(TasksForgotten(self.seq, ids))
        return ids

    def take_doomed(self) -> list[Task]:
        """Return the forgotten tasks whose output must be deleted; each only once."""
        doomed, self._doomed = self._doomed, []
        return doomed

    def publish(self, notification: Notification) -> None:
        """Send a notification to all subscribers after the commit."""
        self.outbox.add(None, notification, tells_change=True)

    def note_written(self) -> None:
        """Record that all changes so far are committed."""
        self.book.tasks.note_written()
        self.told_seq = self.seq
        if self._is_ruled:
            self._is_ruled = False
            self.written_rules = self.book.settings.rules
        ended, self._ended = self._ended, []
        if self._released is not None:
            for task_id in ended:
                again = task_id in self.book.tasks
                again = again and not self.book.tasks.get(task_id).status.is_final
                self._released(task_id, again)

    def unknown(self, task_id: int) -> Refused:
        """Return the answer to a request for an unknown task."""
        is_old = 1 <= task_id <= self.book.newest_id
        if is_old and self.book.tasks.is_written(task_id):
            text = f"task {task_id} has left the history"
        else:
            text = f"no task {task_id}"
        return Refused(text, RefusalCode.UNKNOWN)
