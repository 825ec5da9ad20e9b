"""Messages about running tasks: their process, their output and their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..messages import (
    StopTask,
    TaskEnded,
    TaskEvent,
    TaskLeftRunning,
    TaskProcess,
    TaskProgressed,
    TaskWaits,
)
from ..rules.outcome import BEYOND_LIMIT, LOST, RESTARTED, Outcome
from ..rules.safe_text import safe_line, size_text
from ..rules.status import TaskFilter, TaskStatus
from ..rules.task import PAUSED, RUNNING
from ..rules.task_table import UnknownTaskError
from ..rules.terms import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..rules.output_news import OutputNews
    from ..rules.task import Task
    from .changes import Changes
    from .starts import Starts


class Running:
    """Handles messages about running tasks, and enforces the quota of output."""

    def __init__(
        self,
        changes: Changes,
        starts: Starts,
        output_limit: int,
        failed: Callable[[Task], object] = lambda _: None,
    ) -> None:
        self._failed = failed
        self._changes = changes
        self._book = changes.book
        self._starts = starts
        self._output_limit = output_limit
        self._pids: dict[int, int] = {}
        self.interruption: str | None = None
        """The reason of tasks that end with the session, if queued tasks are kept."""

    def pid(self, task_id: int) -> int | None:
        """Return the id of a task's first process, if it has one."""
        return self._pids.get(task_id)

    def runs_as(self, message: TaskProcess) -> None:
        """Record the process of a task."""
        process = message.process
        self._pids[process.task_id] = process.pid
        self._changes.journal.runs_as(process)

    def waits(self, message: TaskWaits) -> None:
        """Record why a task has not begun, or on which node it runs."""
        before = self._book.tasks.get(message.task_id)
        now, reason = self._changes.now(), message.why
        if before.is_paused:
            reason = PAUSED if reason is None else f"{PAUSED}; {reason}"
        elif reason is None:
            reason = before.attempt_text or RUNNING
        task = self._book.note_reason(message.task_id, reason, now, message.node)
        self._changes.changed(task, TaskEvent.PROGRESS)

    def left_running(self, message: TaskLeftRunning) -> None:
        """Record the background processes of a finished task."""
        try:
            before = self._book.tasks.get(message.task_id)
        except UnknownTaskError:
            return  # forgotten since then
        task = self._book.note_left_running(message.task_id, safe_line(message.names))
        if task != before:
            self._changes.changed(task, TaskEvent.PROGRESS)

    def progressed(self, message: TaskProgressed, *, quietly: bool) -> None:
        """Record the output of a task; `quietly` sends no notification."""
        before = self._book.tasks.get(message.task_id).output_size
        task = self._book.progress(message.task_id, message.news, self._changes.now())
        if not quietly:
            self._changes.changed(task, TaskEvent.PROGRESS)
        self._account(task, task.output_size - before)

    def ended(self, message: TaskEnded) -> None:
        """Record the end of a task, and start others in its slot."""
        self._starts.note_room(message.claims, self._book.engine(message.task_id))
        try:
            self._end(message)
        finally:
            self._starts.assign()

    def _end(self, message: TaskEnded) -> None:
        self._pids.pop(message.task_id, None)
        before = self._book.tasks.get(message.task_id).output_size
        task = self.end(message.task_id, message.outcome.made_safe(), message.news)
        self._account(task, task.output_size - before)

    def end(
        self,
        task_id: int,
        outcome: Outcome,
        news: OutputNews | None = None,
        *,
        again: bool = False,
    ) -> Task:
        """End a running task, or make it wait for its next attempt.

        Args:
            task_id: The id of the task.
            outcome: How the task or its attempt ended.
            news: The final state of its output, if it has any.
            again: Whether to repeat the same attempt.
        """
        terms = self._book.tasks.get(task_id).terms or PLAIN
        interrupted = outcome.reason == self.interruption and (
            outcome.status is TaskStatus.CANCELED
        )
        again |= interrupted and bool(terms.restart or terms.on_reboot == "again")
        now = self._changes.now()
        task = self._book.end_attempt(task_id, outcome, now, news, again=again)
        if task.status.is_final:
            self._changes.changed(task)
            if task.status is TaskStatus.FAILED:
                self._failed(task)
            return task
        reason = self._starts.reason_of(task_id)
        return self._changes.changed(
            self._book.waiting.wait(task_id, reason), TaskEvent.PROGRESS
        )

    def recover(self, lost: Mapping[int, Outcome] | None, *, rebooted: bool) -> None:
        """End the tasks that were running when the program died, or restart them.

        Args:
            lost: The outcomes of tasks. Running tasks without an outcome continue; if
                None, none continues.
            rebooted: Whether the machine has restarted.
        """
        for task in self._book.tasks.list(TaskFilter.RUNNING, self._changes.now()):
            if self._book.waiting.waits_to_run(task.id):
                continue  # between two attempts
            outcome = RESTARTED if rebooted else LOST
            if lost is not None:
                if task.id not in lost:
                    continue
                outcome = lost[task.id]
            wanted = (task.terms or PLAIN).on_reboot
            if wanted == "fail":
                self._book.let_end(task.id)
            self.end(task.id, outcome, again=wanted == "again")

    def _account(self, task: Task, growth: int) -> None:
        quota = self._changes.quota
        quota.grew(task, growth)
        if not quota.exceeded:
            return
        running = self._book.tasks.list(TaskFilter.RUNNING, self._changes.now())
        others = [it for it in running if it.id != task.id]
        if quota.is_within_limit((*others, task)):
            self._forget_for_room()
        elif not task.status.is_final:
            # Removing finished tasks would not free enough space.
            limit = size_text(self._output_limit)
            failed = Outcome.failed(f"the session's {BEYOND_LIMIT}{limit}")
            self._starts.stop(StopTask(task.id, failed, now=True))

    def _forget_for_room(self) -> None:
        # First the tasks whose own output exceeds the limit, to spare the others.
        for task_id in self._changes.quota.oversized:
            self._changes.forget(self._book.forget(task_id))
        while self._changes.quota.exceeded:
            if not self._changes.forget(self._book.forget_oldest()):
                return
