"""The task book: all tasks of a session, their order and their changes.

A plain class without threads: only the QueueActor uses it, so it needs no lock, and its
rules can be tested without an actor.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from .attempts import again_after, may_run_again, next_attempt
from .same_work import SameWork
from .scheduler import Scheduler
from .status import TaskStatus
from .task import IllegalTransitionError, Task, is_running
from .task_table import TaskTable
from .terms import PLAIN
from .variables import SharedVariables, Variables
from .waiting_tasks import WaitingTasks

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from .attempts import Attempt
    from .moment import Moment
    from .outcome import Outcome
    from .output_news import OutputNews
    from .queue_settings import QueueSettings
    from .request import TaskRequest
    from .terms import QueueRules


class TaskBook:
    """All tasks of one session, and the only code that changes them.

    Its methods raise `UnknownTaskError` if there is no such task.

    Args:
        first_id: The id of the next task. Ids are never reused.
        history: How many finished tasks are kept; the oldest are removed first.
        resources: The named resources and their amounts.
    """

    def __init__(
        self,
        first_id: int = 1,
        history: int = 1000,
        *,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        if history < 0:
            raise ValueError("history must be 0 or more tasks")
        self._next_id = first_id
        self._history = history
        self.tasks = TaskTable()
        """The tasks by id, and which of their states are committed."""
        self.scheduler = Scheduler(resources)
        """Determines which task starts next. Other code only reads it."""
        self.waiting = WaitingTasks(self.tasks, self.scheduler)
        """The waiting tasks, and the changes of their order."""
        self._last_attempts: set[int] = set()  # no further attempt, however they end
        self._same_work: SameWork | None = None
        self._finished: deque[int] = deque()
        self._environments = SharedVariables()  # of tasks that have not ended

    @property
    def settings(self) -> QueueSettings:
        """The settings of the queue."""
        return self.scheduler.settings

    def restore(  # noqa: PLR0913 - the stored state of a session
        self,
        tasks: Iterable[Task],
        order: Iterable[int] | None = None,
        environments: Mapping[int, Variables] | None = None,
        rules: QueueRules | None = None,
        at: Moment | None = None,
        *,
        adopted: Container[int] = (),
    ) -> None:
        """Load the stored tasks of the session into an empty book.

        Args:
            tasks: The tasks, sorted by id.
            order: Their ids in the order of their last changes; by default the order of
                `tasks`.
            environments: The environments of queued tasks, by id.
            rules: The settings of the queue.
            at: The time of the change.
            adopted: The running tasks that keep running. Their durations, and those of
                tasks between two attempts, continue from `at`.
        """
        if rules is not None:
            self.settings.restore(rules)
        self.tasks.restore(tasks, at, adopted)
        self.waiting.restore()
        ids = [task.id for task in self.tasks] if order is None else order
        self._finished.extend(self.tasks.finished(ids))
        self._next_id = max(self._next_id, self.tasks.last_id + 1)
        self._environments.restore(environments or {})

    def add(
        self,
        request: TaskRequest,
        at: Moment,
        reason: str,
        output_folder: str | None = None,
    ) -> Task:
        """Put a task at the end of the queue and return it.

        Args:
            request: The request; its kind and arguments are not checked here.
            at: The time of the change.
            reason: The reason of the wait if the task waits only for its turn.
            output_folder: The directory of its output file `<id>.log`; None for a task
                without output.
        """
        task_id = self._next_id
        self._next_id += 1
        self.waiting.add(task_id, request.terms)
        try:
            task = Task.of(
                request,
                id=task_id,
                reason=self.scheduler.waits_for(task_id) or reason,
                queued_at=at.wall,
                output_path=output_folder and f"{output_folder}/{task_id}.log",
            )
        except ValueError:
            self.scheduler.remove(task_id)
            raise
        if request.environment is not None:
            self._environments.add(task_id, request.environment)
        self.tasks.add(task)
        if task.terms is not None:
            self.waiting.note_batch(task)
        if self._same_work is not None:
            self._same_work.add(task)
        return task

    def start_next(self, at: Moment, engine: str = "") -> Task | None:
        """Start the next task, or its next attempt, here or on an engine.

        Returns:
            The task; None if none may start.
        """
        task_id = self.scheduler.take(engine)
        return None if task_id is None else self._begin(task_id, at)

    def start_immediate(self, at: Moment) -> Task | None:
        """Start a task that needs no slot and return it; None if there is none."""
        task_id = self.scheduler.take_immediate()
        return None if task_id is None else self._begin(task_id, at)

    def progress(self, task_id: int, news: OutputNews, at: Moment) -> Task:
        """Record the output and progress of a running task, and return the task.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(task.progressed(news, self.tasks.times.ran(task, at)))

    def note_reason(
        self, task_id: int, reason: str, at: Moment, node: str = ""
    ) -> Task:
        """Record the reason and the node of a running task, and return the task.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(
            task.with_reason(reason, self.tasks.times.ran(task, at), node)
        )

    def note_awaits_input(self, task_id: int, *, awaits: bool, at: Moment) -> Task:
        """Record whether a running task waits for input, and return the task.

        Raises:
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(
            task.with_awaits_input(awaits, self.tasks.times.ran(task, at))
        )

    def pause(self, task_id: int, at: Moment) -> Task:
        """Record that a running task is paused, as is its duration; return the task.

        Raises:
            IllegalTransitionError: If it isn't running, or waits for another attempt.
        """
        task = self.tasks.get(task_id)
        if not is_running(task):
            raise IllegalTransitionError(task, TaskStatus.RUNNING)
        if task.is_paused:
            return task
        duration = self.tasks.times.ran(task, at)
        self.tasks.times.pause(task_id, at)
        return self.tasks.replace(task.paused(at.wall, duration))

    def resume(self, task_id: int, at: Moment) -> Task:
        """Record that a task is resumed, if it is paused; return the task."""
        task = self.tasks.get(task_id)
        if task.paused_at is None:
            return task
        self.tasks.times.resume(task_id, at)
        return self.tasks.replace(task.resumed(at.wall))

    def note_left_running(self, task_id: int, names: str) -> Task:
        """Record the background processes of a finished task, and return the task."""
        return self.tasks.replace(self.tasks.get(task_id).with_left_running(names))

    def end_attempt(
        self,
        task_id: int,
        outcome: Outcome,
        at: Moment,
        news: OutputNews | None = None,
        *,
        again: bool = False,
    ) -> Task:
        """End an attempt: the task waits for another one, or ends. Return the task.

        Args:
            task_id: The id of the task.
            outcome: How its attempt ended.
            at: The time of the change.
            news: The final state of its output, if it has any.
            again: Whether to repeat this attempt at once in any case; the repetition
                has the same number.

        Raises:
            IllegalTransitionError: See `end`.
        """
        task = self.resume(task_id, at)
        attempt = self._next_attempt(task, outcome, at, again=again)
        if attempt is None or task.status is not TaskStatus.RUNNING:
            return self.end(task_id, outcome, at, news)
        self.tasks.times.end_attempt(task, at)
        waiting = task.between_attempts(attempt, self.tasks.times.ran(task, at), news)
        self.tasks.replace(waiting, hidden=True)
        due = None if attempt.due is None else attempt.due.timestamp()
        self.scheduler.again(task_id, due)
        return waiting

    def engine(self, task_id: int) -> str:
        """Return the name of the engine that runs a task; empty for this machine."""
        task = self.tasks.find(task_id)
        return "" if task is None else (task.terms or PLAIN).engine

    def let_end(self, task_id: int) -> None:
        """Allow no further attempt of a task after the current one."""
        self._last_attempts.add(task_id)

    def end(
        self, task_id: int, outcome: Outcome, at: Moment, news: OutputNews | None = None
    ) -> Task:
        """Give a task its final status and return it.

        Raises:
            IllegalTransitionError: If the state machine does not allow it: the task
                has ended already, or it is queued and the outcome is not Canceled.
        """
        task = self.resume(task_id, at)
        duration = None if task.started_at is None else self.tasks.times.ran(task, at)
        ended = self.tasks.replace(task.ended(outcome, at.wall, duration, news))
        self.tasks.times.end(task_id)
        self._last_attempts.discard(task_id)
        self.waiting.ended(ended)
        self._environments.drop(task_id)
        self._finished.append(task_id)
        if self._same_work is not None:
            self._same_work.drop(ended)
        return ended

    def forget_finished(self, keep: int = 0) -> tuple[Task, ...]:
        """Remove finished tasks except the last `keep`; return the removed ones."""
        forgotten: list[Task] = []
        while len(self._finished) > keep:
            forgotten.append(self.tasks.drop(self._finished.popleft()))
        return tuple(forgotten)

    def forget(self, task_id: int) -> tuple[Task, ...]:
        """Remove a finished task; return it, or nothing if it doesn't exist."""
        task = self.tasks.find(task_id)
        if task is None or not task.status.is_final:
            return ()
        self._finished.remove(task_id)
        return (self.tasks.drop(task_id),)

    def forget_oldest(self) -> tuple[Task, ...]:
        """Remove the task that finished first; return it, or nothing if none."""
        return self.forget_finished(keep=max(0, len(self._finished) - 1))

    def clean_up(self) -> tuple[Task, ...]:
        """Remove finished tasks beyond the history limit; return the removed ones."""
        return self.forget_finished(self._history)

    def find_queued(self, request: TaskRequest) -> Task | None:
        """Return a queued task with the same command and directory, if any.

        The first call indexes all queued and running tasks.
        """
        if self._same_work is None:
            # Created lazily, since most sessions never need it.
            self._same_work = SameWork(
                self.tasks.get(it) for it in self.tasks.open_ids()
            )
        for task_id in self._same_work.find(request):
            if self.scheduler.is_waiting(task_id):
                return self.tasks.get(task_id)
        return None

    def edit(
        self, task_id: int, description: str | None, args: tuple[str, ...] | None
    ) -> Task:
        """Change the description of a task, or the arguments of a queued one.

        Raises:
            IllegalTransitionError: If `args` is given and the task is not queued.
        """
        task = self.tasks.get(task_id)
        if args is not None:
            task = task.waiting(task.reason)
        changed = msgspec.structs.replace(
            task,
            description=task.description if description is None else description,
            args=task.args if args is None else args,
        )
        if self._same_work is not None and not task.status.is_final:
            self._same_work.drop(task)
            self._same_work.add(changed)
        return self.tasks.replace(changed, hidden=True)

    def environment(self, task_id: int) -> Variables | None:
        """Return the environment of a task that has not ended; None if unknown."""
        return self._environments.get(task_id)

    def by_last_change(self) -> tuple[Task, ...]:
        """Return all tasks as `restore` expects them: in the order of their ends.

        Tasks that have not ended come last, sorted by id.
        """
        finished = [self.tasks.get(task_id) for task_id in self._finished]
        final = frozenset(self._finished)
        return (*finished, *(it for it in self.tasks if it.id not in final))

    @property
    def newest_id(self) -> int:
        """The last id used; if none was used, one less than the first."""
        return self._next_id - 1

    def _next_attempt(
        self, task: Task, outcome: Outcome, at: Moment, *, again: bool
    ) -> Attempt | None:
        if task.id in self._last_attempts:
            return None
        if again:
            return again_after(task.attempt, outcome)
        if task.terms is None:  # the usual case
            return None
        return next_attempt(
            task.terms,
            task.attempt,
            outcome,
            at,
            ran=self.tasks.times.attempt_ran(task.id, at),
            # Avoids loading `random` only for this.
            chance=int.from_bytes(os.urandom(4)) / (1 << 32),
        )

    def _begin(self, task_id: int, at: Moment) -> Task:
        task = self.tasks.get(task_id)
        times, again = self.tasks.times, may_run_again(task.terms)
        times.begin(task, at)
        if again:
            times.begin_attempt(task_id, at)
        slot = self.scheduler.slot(task_id)
        return self.tasks.replace(task.started(at.wall, slot), hidden=again)
