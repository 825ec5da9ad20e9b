"""The task book: all tasks of a session, their order and their changes.

A plain class without threads: the QueueActor is the only one who holds it, so that
nothing in here needs a lock, and its rules are tested without an actor.
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
    """Every task of one session, and the only code that changes one.

    Args:
        first_id: The id of the next task. An id is never given twice.
        history: How many finished tasks are kept; the oldest are forgotten first.
        resources: The named resources and how much there is of each.
    """

    def __init__(
        self,
        first_id: int = 1,
        history: int = 1000,
        *,
        resources: Mapping[str, float] | None = None,
    ) -> None:
        if history < 0:
            raise ValueError("history can't be negative")
        self._next_id = first_id
        self._history = history
        self.tasks = TaskTable()
        """The tasks by id, and what of them is written down."""
        self.scheduler = Scheduler(resources)
        """Which task starts next. Others only ask it."""
        self.waiting = WaitingTasks(self.tasks, self.scheduler)
        """The tasks that wait, and how their order changes."""
        self._last_attempts: set[int] = set()  # no other follows, however they end
        self._same_work: SameWork | None = None
        self._finished: deque[int] = deque()
        self._environments = SharedVariables()  # of tasks that have not ended

    @property
    def settings(self) -> QueueSettings:
        """The settings of the queue."""
        return self.scheduler.settings

    def restore(  # noqa: PLR0913 - what is remembered of a session
        self,
        tasks: Iterable[Task],
        order: Iterable[int] | None = None,
        environments: Mapping[int, Variables] | None = None,
        rules: QueueRules | None = None,
        at: Moment | None = None,
        *,
        adopted: Container[int] = (),
    ) -> None:
        """Take over the tasks of an earlier life of the session, into an empty book.

        Args:
            tasks: By id.
            order: Their ids in the order of their last changes; that of the tasks by
                default.
            environments: Those of queued tasks, by the ids of the tasks.
            rules: The settings of the queue.
            at: The time of the change.
            adopted: Those running tasks that go on. Durations of these and of those
                between two attempts count on from then.
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
            request: What is to be done; its kind and arguments are not checked here.
            at: The time of the change.
            reason: Why it does not run yet, if it waits for nothing but its turn.
            output_folder: Where its output goes, into `<id>.log`; None for a task
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
        """Make the task run whose turn it is, here or on an engine; None if none may.

        Or let it make its next attempt, if it has begun before.
        """
        task_id = self.scheduler.take(engine)
        return None if task_id is None else self._begin(task_id, at)

    def start_immediate(self, at: Moment) -> Task | None:
        """Make a task run that is to start without a slot; None if there is none."""
        task_id = self.scheduler.take_immediate()
        return None if task_id is None else self._begin(task_id, at)

    def progress(self, task_id: int, news: OutputNews, at: Moment) -> Task:
        """Note what a running task's output told, and return the task.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(task.progressed(news, self.tasks.times.ran(task, at)))

    def note_reason(
        self, task_id: int, reason: str, at: Moment, node: str = ""
    ) -> Task:
        """Note what a running task does or waits for, and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(
            task.with_reason(reason, self.tasks.times.ran(task, at), node)
        )

    def note_awaits_input(self, task_id: int, *, awaits: bool, at: Moment) -> Task:
        """Note whether a running task waits for input, and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.tasks.get(task_id)
        return self.tasks.replace(
            task.with_awaits_input(awaits, self.tasks.times.ran(task, at))
        )

    def pause(self, task_id: int, at: Moment) -> Task:
        """Note that the processes of a running task are stopped; return the task.

        Its duration stands still from now on.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it does not run, or waits for another attempt.
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
        """Note that a task goes on, if it is paused; return the task.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        task = self.tasks.get(task_id)
        if task.paused_at is None:
            return task
        self.tasks.times.resume(task_id, at)
        return self.tasks.replace(task.resumed(at.wall))

    def note_left_running(self, task_id: int, names: str) -> Task:
        """Note what a finished task has left running by now, and return the task.

        Raises:
            UnknownTaskError: If there is no such task.
        """
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
        """Let a running task wait for another attempt, or end it; return it.

        Args:
            task_id: The id of the task.
            outcome: How its attempt ended.
            at: The time of the change.
            news: The last look at its output, if it has any.
            again: Whether another attempt is to follow in any case, at once, that
                counts as the same.

        Raises:
            UnknownTaskError: If there is no such task.
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
        """Return where a task is to run, by name; empty for this machine."""
        task = self.tasks.find(task_id)
        return "" if task is None or task.terms is None else task.terms.engine

    def let_end(self, task_id: int) -> None:
        """Let no attempt of a task follow the one that it makes now."""
        self._last_attempts.add(task_id)

    def end(
        self, task_id: int, outcome: Outcome, at: Moment, news: OutputNews | None = None
    ) -> Task:
        """Give a task its final status and return it.

        Raises:
            UnknownTaskError: If there is no such task.
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
        """Drop finished tasks but for the last `keep`; return those dropped."""
        forgotten: list[Task] = []
        while len(self._finished) > keep:
            forgotten.append(self.tasks.drop(self._finished.popleft()))
        return tuple(forgotten)

    def forget(self, task_id: int) -> tuple[Task, ...]:
        """Drop a finished task; return it, or nothing if there is no such task."""
        task = self.tasks.find(task_id)
        if task is None or not task.status.is_final:
            return ()
        self._finished.remove(task_id)
        return (self.tasks.drop(task_id),)

    def forget_oldest(self) -> tuple[Task, ...]:
        """Drop the task that finished first; return it, or nothing if there is none."""
        return self.forget_finished(keep=max(0, len(self._finished) - 1))

    def clean_up(self) -> tuple[Task, ...]:
        """Drop the finished tasks beyond the history limit; return those dropped."""
        return self.forget_finished(self._history)

    def find_queued(self, request: TaskRequest) -> Task | None:
        """Return a queued task that does the same in the same directory, if any.

        The first call looks at every queued and running task.
        """
        if self._same_work is None:
            # Made when it is asked for: most sessions never need it.
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
        """Give a task another description, or a queued one other arguments.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is to get other arguments and is not queued.
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
        """Return the environment of a task that has not ended; None if not known."""
        return self._environments.get(task_id)

    def by_last_change(self) -> tuple[Task, ...]:
        """Return all tasks as `restore` takes them: in the order in which they ended.

        Those that have not ended come last, by id.
        """
        finished = [self.tasks.get(task_id) for task_id in self._finished]
        final = frozenset(self._finished)
        return (*finished, *(it for it in self.tasks if it.id not in final))

    @property
    def newest_id(self) -> int:
        """The id given last; one less than the first if none was given yet."""
        return self._next_id - 1

    def _next_attempt(
        self, task: Task, outcome: Outcome, at: Moment, *, again: bool
    ) -> Attempt | None:
        if task.id in self._last_attempts:
            return None
        if again:
            return again_after(task.attempt, outcome)
        if task.terms is None:  # as of most
            return None
        return next_attempt(
            task.terms,
            task.attempt,
            outcome,
            at,
            ran=self.tasks.times.attempt_ran(task.id, at),
            # `random` would be loaded for this alone.
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
