"""The task book: all tasks of a session, their order and their changes.

A plain class without threads: the QueueActor is the only one who holds it, so that
nothing in here needs a lock, and its rules are tested without an actor.
"""

from __future__ import annotations

import random
import weakref
from collections import deque
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from .attempts import again_after, may_run_again, next_attempt
from .batches import Batches
from .moment import local_time
from .same_work import SameWork
from .scheduler import Scheduler, Waiting
from .status import (
    TaskCounts,
    TaskFilter,
    TaskStatus,
)
from .task import (
    IllegalTransitionError,
    Task,
    is_running,
)
from .terms import PLAIN, QueueRules, Terms
from .variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Mapping

    from .attempts import Attempt
    from .moment import Moment
    from .outcome import Outcome
    from .output_news import OutputNews
    from .places import Place
    from .request import TaskRequest

LARGEST: Final = (1 << 53) - 1
"""The largest number that a session writes down, and that it reads."""

LAST_OPENED: Final = LARGEST - (1 << 16)
"""Beyond it a session is not opened: opening and closing it takes numbers as well."""

ROOM_FOR_MORE: Final = LARGEST - (1 << 32)
"""Beyond it a session takes no new task: all that it has can still be counted."""


_WAS: Final = {
    TaskStatus.COMPLETE: "is complete",
    TaskStatus.FAILED: "failed",
    TaskStatus.CANCELED: "was canceled",
}


class UnknownTaskError(LookupError):
    """No task has this id, or it has been forgotten."""

    def __init__(self, task_id: int) -> None:
        super().__init__(f"no task {task_id}")
        self.task_id = task_id


class TaskBook:
    """Every task of one session, and the only code that changes one.

    Args:
        first_id: The id of the next task. An id is never given twice.
        history: How many finished tasks are kept; the oldest are forgotten first.
        resources: The named resources and how much there is of each.
        chance: Returns a number from 0 to 1, at random.
    """

    def __init__(
        self,
        first_id: int = 1,
        history: int = 1000,
        *,
        resources: Mapping[str, float] | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if history < 0:
            raise ValueError("history can't be negative")
        self._next_id = first_id
        self._history = history
        self._tasks: dict[int, Task] = {}
        self._keys: dict[str, int] = {}
        self._scheduler = Scheduler(resources)
        self._chance = chance
        self.slots: int | None = None
        """How many tasks run at a time, if that was set."""
        self._last_attempts: set[int] = set()  # no other follows, however they end
        # When the attempts of running tasks began, on the monotonic clock.
        self._attempts_began: dict[int, float] = {}
        self._held: set[int] = set()  # queued, but not to be started
        self._hopeless: list[tuple[int, str]] = []
        self._batches = Batches()
        self._same_work: SameWork | None = None
        self._replaced: list[Task] = []
        # On the monotonic clock; none if it ran in an earlier life, and does no more.
        # Pauses are added to it when they end.
        self._started: dict[int, float | None] = {}
        self._paused: dict[int, float] = {}  # since when, on the same clock
        self._finished: deque[int] = deque()
        # Of tasks that have not ended; equal ones are one object.
        self._environments: dict[int, Variables] = {}
        self._equals: weakref.WeakKeyDictionary[Variables, weakref.ref[Variables]] = (
            weakref.WeakKeyDictionary()
        )
        self._counts: dict[TaskStatus, int] = dict.fromkeys(TaskStatus, 0)
        # What changed since all was written down last, as it was then; None if new.
        self._before: dict[int, Task | None] = {}

    def restore(
        self,
        tasks: Iterable[Task],
        order: Iterable[int] | None = None,
        environments: Mapping[int, Variables] | None = None,
        rules: QueueRules | None = None,
        at: Moment | None = None,
    ) -> None:
        """Take over the tasks of an earlier life of the session, into an empty book.

        Args:
            tasks: By id.
            order: Their ids in the order of their last changes; that of the tasks by
                default.
            environments: Those of queued tasks, by the ids of the tasks.
            rules: What is set for the whole queue.
            at: When, if running tasks go on: their durations count on from here.
        """
        if rules is not None:
            for group in rules.groups:
                self.set_group(group.name, group.slots)
                self.set_paused(group.name, paused=group.paused, why=group.why)
                pauses = group.pause_on_failure
                self.set_pause_on_failure(group.name, pauses=pauses)
            self.slots = rules.slots
            self.set_paused(None, paused=rules.paused)
        # Without a call, and with few looks, for each of a long history.
        self._tasks = {task.id: task for task in tasks}
        self._keys = {task.key: task.id for task in self._tasks.values() if task.key}
        statuses = [task.status for task in self._tasks.values()]
        self._counts = {status: statuses.count(status) for status in TaskStatus}
        queued = self._having(TaskStatus.QUEUED)
        self._restore_order(queued)
        self._started = dict.fromkeys(self._having(TaskStatus.RUNNING))
        for task_id in self._started:
            task = self._tasks[task_id]
            if at is not None:
                self._started[task_id] = at.monotonic - (task.duration or 0.0)
                if task.is_paused:
                    self._paused[task_id] = at.monotonic
            if task.waits_to_run:
                # What it waited for before it began is met.
                self._let_wait(task_id, _only(task.terms or PLAIN, ()), task.place)
            else:
                terms = task.terms or PLAIN
                self._scheduler.resume_running(task_id, terms, task.slot)
        for task in [
            it
            for it in self._tasks.values()
            if (terms := it.terms) is not None and terms.max_fails is not None
        ]:
            self._batches.note(task)
        unfinished = {*queued, *self._started}
        finished = self._tasks if order is None else order
        self._finished.extend([it for it in finished if it not in unfinished])
        self._next_id = max(self._next_id, next(reversed(self._tasks), 0) + 1)
        # What many tasks share is looked up once.
        environments = environments or {}
        shared = {id(it): it for it in environments.values()}
        shared = {it: self._shared(environment) for it, environment in shared.items()}
        self._environments |= {
            task_id: shared[id(it)] for task_id, it in environments.items()
        }

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
            at: When.
            reason: Why it does not run yet.
            output_folder: Where its output goes, into `<id>.log`; none for a task
                without output.
        """
        task_id = self._next_id
        self._next_id += 1
        task = Task.of(
            request,
            id=task_id,
            reason=reason,
            queued_at=at.wall,
            output_path=output_folder and f"{output_folder}/{task_id}.log",
        )
        if request.environment is not None:
            environment = Variables.of(request.environment)
            self._environments[task_id] = self._shared(environment)
        if request.terms is None:
            self._scheduler.add(task_id)
        else:
            self._let_wait(task_id, request.terms)
        self._tasks[task_id] = task
        if self._same_work is not None:
            self._same_work.add(task)
        if task.key:
            self._keys[task.key] = task_id
        if (why := self._batches.note(task)) is not None:
            self._give_up(task_id, why)
        self._counts[task.status] += 1
        self._before[task_id] = None
        return task

    def start_next(self, at: Moment, engine: str = "") -> Task | None:
        """Make the task run whose turn it is; return none if none may start.

        Or let it make its next attempt, if it has begun before.

        Args:
            at: When.
            engine: Where it is to run; by default on this machine.
        """
        task_id = self._scheduler.take(engine)
        return None if task_id is None else self._begin(task_id, at)

    @property
    def has_immediate(self) -> bool:
        """Whether a task waits that is to start without a slot."""
        return self._scheduler.has_immediate

    def start_immediate(self, at: Moment) -> Task | None:
        """Make a task run that is to start without a slot; None if there is none."""
        task_id = self._scheduler.take_immediate()
        return None if task_id is None else self._begin(task_id, at)

    def never_enough(self, terms: Terms) -> str | None:
        """Say which resource is smaller than what is needed; None if all suffice."""
        return self._scheduler.never_enough(terms.local_needs)

    def take_hopeless(self) -> tuple[tuple[int, str], ...]:
        """Return the queued tasks that can never start, and why; once each."""
        if not self._hopeless:  # as after nearly every message
            return ()
        hopeless, self._hopeless = self._hopeless, []
        return tuple(it for it in hopeless if not self._tasks[it[0]].status.is_final)

    def take_released(self) -> tuple[int, ...]:
        """Return the queued tasks that wait for no other task any more; once each."""
        if not (released := self._scheduler.take_released()):
            return ()
        return tuple(it for it in released if self._scheduler.is_waiting(it))

    @property
    def rules(self) -> QueueRules:
        """What is set for the whole queue."""
        return msgspec.structs.replace(self._scheduler.rules, slots=self.slots)

    def set_paused(self, group: str | None, *, paused: bool, why: str = "") -> None:
        """Start no task of a group, or none at all, until that is undone.

        Args:
            group: Which; `None` for all.
            paused: Whether to start none, or some again.
            why: Why a group is paused, if nobody asked for it.
        """
        if paused:
            self._scheduler.pause(group, why)
        else:
            self._scheduler.resume(group)

    def pause_on_failure(self, group: str) -> bool | None:
        """Tell whether a group is paused when one fails; `None` if not said."""
        return self._scheduler.pause_on_failure(group)

    def set_pause_on_failure(self, group: str, *, pauses: bool | None) -> None:
        """Say whether a group is paused when one of its tasks fails."""
        self._scheduler.set_pause_on_failure(group, pauses=pauses)

    def is_paused(self, group: str) -> bool:
        """Tell whether no task of a group may start."""
        return self._scheduler.is_paused(group)

    def set_group(self, name: str, slots: int) -> None:
        """Set how many tasks of a group run at a time; 0 for no limit of its own."""
        self._scheduler.set_group(name, slots)

    def due(self, at: Moment) -> tuple[int, ...]:
        """Let the tasks whose time has come wait for their turn; return them."""
        return self._scheduler.due(at.wall.timestamp())

    def next_due(self) -> float | None:
        """Return when the time of a task comes next, in seconds of the wall clock."""
        return self._scheduler.next_due()

    def shift_delays(self, seconds: float) -> list[Task]:
        """Keep delays what they were although the wall clock was set; return them."""
        shifted: list[Task] = []
        for task_id in self._scheduler.timed():
            task = self._tasks[task_id]
            terms = task.terms
            attempt = task.attempt
            if attempt is not None and attempt.due is not None:
                due = attempt.due + timedelta(seconds=seconds)
                attempt = msgspec.structs.replace(attempt, due=due)
                self._scheduler.set_due(task_id, due.timestamp())
                task = msgspec.structs.replace(task, attempt=attempt)
                shifted.append(self._replace(task))
                continue
            if terms is not None and terms.at is not None and terms.delay is not None:
                at = terms.at + timedelta(seconds=seconds)
                terms = msgspec.structs.replace(terms, at=at)
                self._scheduler.change(task_id, terms)
                self._scheduler.set_due(task_id, at.timestamp())
                shifted.append(self._on_terms(task, task.reason))
        return shifted

    def waits_for(self, task_id: int, otherwise: str) -> str:
        """Say what a task waits for before it starts, or makes its next attempt.

        Args:
            task_id: Which.
            otherwise: Why it waits, if it waits for nothing but its turn.
        """
        task = self.get(task_id)
        waits_for = self._scheduler.waits_for(task_id) or otherwise
        attempt = task.attempt
        if attempt is None:
            return waits_for
        if attempt.due is not None and waits_for.startswith("starts at"):
            # It is due within minutes: the time of day is enough.
            waits_for = f"starts at {local_time(attempt.due.timestamp(), day=False)}"
            return f"{attempt.before}; {task.attempt_text} {waits_for}"
        return f"{attempt.before}; {task.attempt_text}: {waits_for}"

    def waiting_ids(self, task_id: int | None = None) -> tuple[int, ...]:
        """Return the ids of the queued tasks that could run here, in their order.

        Args:
            task_id: Only this, if it is one of them.
        """
        if task_id is None:
            return tuple(sorted(self._scheduler.waiting()))
        return (task_id,) if self._scheduler.is_waiting(task_id) else ()

    def set_held(self, task_id: int, reason: str, *, held: bool) -> Task:
        """Let a queued task wait until it is released, or release it; return it.

        Args:
            task_id: Which.
            reason: Why it waits then, if it waits for nothing but its turn.
            held: Whether it is to wait.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not queued, or can't start at all.
        """
        task = self._waiting_task(task_id)
        terms = msgspec.structs.replace(task.terms or PLAIN, held=held)
        self._scheduler.change(task_id, terms)
        return self._on_terms(task, reason)

    def move(
        self,
        task_id: int,
        reason: str,
        *,
        first: bool = False,
        before: int | None = None,
    ) -> Task:
        """Put a queued task elsewhere in the order, and return it.

        Args:
            task_id: Which.
            reason: Why it waits then, if it waits for nothing but its turn.
            first: Whether before all others of its priority, or behind them.
            before: Another queued task that is to start right after it, if any; it gets
                the priority of that one.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it, or the other one, is not queued.
        """
        task = self._waiting_task(task_id)
        if before is not None:
            self._waiting_task(before)
            if before != task_id:
                others = self._scheduler.move_before(task_id, before)
                for other in others:
                    self._replaced.append(self._replace(self._with_place(other)))
        elif first:
            self._scheduler.move_first(task_id)
        else:
            self._scheduler.move_last(task_id)
        return self._on_terms(task, reason)

    def take_replaced(self) -> list[Task]:
        """Return the tasks whose places a move has written anew; once each."""
        replaced, self._replaced = self._replaced, []
        return replaced

    def hold(self, task_id: int, reason: str) -> Task:
        """Let a queued task wait, and others go past it; return the task.

        Nothing but its end takes it out of that wait: hold what can't start as long as
        this book lives.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not queued.
        """
        task = self.wait(task_id, reason)
        self._scheduler.remove(task_id)
        self._held.add(task_id)
        return task

    def wait(self, task_id: int, reason: str) -> Task:
        """Give a queued task another reason for its wait, and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not queued.
        """
        return self._replace(self.get(task_id).waiting(reason))

    def progress(self, task_id: int, news: OutputNews, at: Moment) -> Task:
        """Note what a running task's output told, and return the task.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.get(task_id)
        return self._replace(task.progressed(news, self._ran(task, at)))

    def note_reason(
        self, task_id: int, reason: str, at: Moment, node: str = ""
    ) -> Task:
        """Note what a running task does or waits for, and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.get(task_id)
        return self._replace(task.with_reason(reason, self._ran(task, at), node))

    def note_awaits_input(self, task_id: int, *, awaits: bool, at: Moment) -> Task:
        """Note whether a running task waits for input, and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is not running.
        """
        task = self.get(task_id)
        return self._replace(task.with_awaits_input(awaits, self._ran(task, at)))

    def pause(self, task_id: int, at: Moment) -> Task:
        """Note that the processes of a running task are stopped; return the task.

        Its duration stands still from now on.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it does not run, or waits for another attempt.
        """
        task = self.get(task_id)
        if not is_running(task):
            raise IllegalTransitionError(task, TaskStatus.RUNNING)
        if task.is_paused:
            return task
        duration = self._ran(task, at)
        self._paused[task_id] = at.monotonic
        return self._replace(task.paused(at.wall, duration))

    def resume(self, task_id: int, at: Moment) -> Task:
        """Note that a task goes on, if it is paused; return the task.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        task = self.get(task_id)
        if not task.is_paused:
            return task
        took = at.monotonic - self._paused.pop(task_id, at.monotonic)
        for clock in (self._started, self._attempts_began):
            if (began := clock.get(task_id)) is not None:
                clock[task_id] = began + took
        return self._replace(task.resumed(at.wall))

    def note_left_running(self, task_id: int, names: str) -> Task:
        """Note what a finished task has left running by now, and return the task.

        Raises:
            UnknownTaskError: If there is no such task.
        """
        return self._replace(self.get(task_id).with_left_running(names))

    def end_attempt(
        self,
        task_id: int,
        outcome: Outcome,
        at: Moment,
        news: OutputNews | None = None,
        *,
        again: bool = False,
    ) -> Task:
        """Let a running task wait for another attempt, or give it its final status.

        Args:
            task_id: Which.
            outcome: How its attempt ended.
            at: When.
            news: The last look at its output, if it has any.
            again: Whether another attempt is to follow in any case, at once, that
                counts as the same.

        Returns:
            The task: Running as before if another attempt follows.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: See `end`.
        """
        task = self.resume(task_id, at)
        attempt = self._next_attempt(task, outcome, at, again=again)
        if attempt is None or task.status is not TaskStatus.RUNNING:
            return self.end(task_id, outcome, at, news)
        waiting = task.between_attempts(attempt, self._ran(task, at), news)
        self._before.setdefault(task_id, task)
        self._replace(waiting)
        self._attempts_began.pop(task_id, None)
        due = None if attempt.due is None else attempt.due.timestamp()
        self._scheduler.again(task_id, due)
        return waiting

    def engine(self, task_id: int) -> str:
        """Return where a task is to run, by name; empty for this machine."""
        task = self._tasks.get(task_id)
        return "" if task is None or task.terms is None else task.terms.engine

    def let_end(self, task_id: int) -> None:
        """Let no attempt of a task follow the one that it makes now."""
        self._last_attempts.add(task_id)

    def waits_to_run(self, task_id: int) -> bool:
        """Tell whether a task waits for its start, or its next attempt."""
        return self._scheduler.is_waiting(task_id) or task_id in self._held

    def end(
        self,
        task_id: int,
        outcome: Outcome,
        at: Moment,
        news: OutputNews | None = None,
    ) -> Task:
        """Give a task its final status and return it.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If the state machine does not allow it: the task
                has ended already, or it is queued and the outcome is not Canceled.
        """
        task = self.resume(task_id, at)
        duration = None if task.started_at is None else self._ran(task, at)
        ended = self._replace(task.ended(outcome, at.wall, duration, news))
        self._started.pop(task_id, None)
        self._attempts_began.pop(task_id, None)
        self._last_attempts.discard(task_id)
        self._held.discard(task_id)
        never = self._scheduler.ended(task_id, ended.status)
        self._hopeless += [(it, f"#{task_id} {_WAS[ended.status]}") for it in never]
        others, why = self._batches.ended(ended)
        for other in others:
            self._give_up(other, why)
        self._environments.pop(task_id, None)
        self._finished.append(task_id)
        if self._same_work is not None:
            self._same_work.drop(ended)
        return ended

    def forget_finished(self, keep: int = 0) -> tuple[Task, ...]:
        """Drop finished tasks but for the last `keep`; return those dropped."""
        forgotten: list[Task] = []
        while len(self._finished) > keep:
            forgotten.append(self._drop(self._finished.popleft()))
        return tuple(forgotten)

    def forget(self, task_id: int) -> tuple[Task, ...]:
        """Drop a finished task; return it, or nothing if there is no such task."""
        task = self._tasks.get(task_id)
        if task is None or not task.status.is_final:
            return ()
        self._finished.remove(task_id)
        return (self._drop(task_id),)

    def forget_oldest(self) -> tuple[Task, ...]:
        """Drop the task that finished first; return it, or nothing if there is none."""
        return self.forget_finished(keep=max(0, len(self._finished) - 1))

    def clean_up(self) -> tuple[Task, ...]:
        """Drop the finished tasks beyond the history limit; return those dropped."""
        return self.forget_finished(self._history)

    def knows(self, task_id: int) -> bool:
        """Tell whether there is a task with this id."""
        return task_id in self._tasks

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
        """Return the task whose request had this key; none for an empty one."""
        task_id = self._keys.get(key)
        return None if task_id is None else self._tasks[task_id]

    def find_queued(self, request: TaskRequest) -> Task | None:
        """Return a queued task that does the same in the same directory, if any.

        The first call looks at every queued and running task.
        """
        if self._same_work is None:
            # Made when it is asked for: most sessions never need it.
            self._same_work = SameWork(self._tasks[it] for it in self.open_ids())
        for task_id in self._same_work.find(request):
            if self._scheduler.is_waiting(task_id):
                return self._tasks[task_id]
        return None

    def edit(
        self, task_id: int, description: str | None, args: tuple[str, ...] | None
    ) -> Task:
        """Give a task another description, or a queued one other arguments.

        Args:
            task_id: Which.
            description: What it is called from now on; None for what it is.
            args: What its kind is told; None for what it was told.

        Raises:
            UnknownTaskError: If there is no such task.
            IllegalTransitionError: If it is to get other arguments and is not queued.
        """
        task = self.get(task_id)
        if args is not None:
            task = task.waiting(task.reason)
        changed = msgspec.structs.replace(
            task,
            description=task.description if description is None else description,
            args=task.args if args is None else args,
        )
        self._before.setdefault(task_id, task)
        if self._same_work is not None and not task.status.is_final:
            self._same_work.drop(task)
            self._same_work.add(changed)
        return self._replace(changed)

    def environment(self, task_id: int) -> Variables | None:
        """Return the environment of a task that has not ended; none if not known."""
        return self._environments.get(task_id)

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

    def list(self, which: TaskFilter, at: Moment) -> tuple[Task, ...]:
        """Return the tasks of a kind by id; running ones with their duration now."""
        if which is TaskFilter.ALL:
            tasks = [*self._tasks.values()]
        else:
            statuses = which.statuses
            tasks = [it for it in self._candidates(which) if it.status in statuses]
        if self._started:
            tasks = [self._as_of(task, at) for task in tasks]
        return tuple(tasks)

    def by_last_change(self) -> tuple[Task, ...]:
        """Return all tasks as `restore` takes them: in the order in which they ended.

        Those that have not ended come last, by id.
        """
        finished = [self._tasks[task_id] for task_id in self._finished]
        final = frozenset(self._finished)
        return (*finished, *(it for it in self._tasks.values() if it.id not in final))

    def open_ids(self) -> tuple[int, ...]:
        """Return the ids of the running tasks, then of the queued ones."""
        return (
            *(task.id for task in self._candidates(TaskFilter.RUNNING)),
            *(task.id for task in self._waiting()),
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

    @property
    def newest_id(self) -> int:
        """The id given last; one less than the first if none was given yet."""
        return self._next_id - 1

    def _shared(self, environment: Variables) -> Variables:
        """Return an equal environment of another task, if one has it already."""
        known = self._equals.setdefault(environment, weakref.ref(environment))
        return known() or environment

    def _candidates(self, which: TaskFilter) -> Iterable[Task]:
        match which:
            case TaskFilter.QUEUED:
                return self._waiting()
            case TaskFilter.RUNNING:
                return [self._tasks[task_id] for task_id in sorted(self._started)]
            case _:
                return self._tasks.values()

    def _waiting(self) -> Iterable[Task]:
        waiting = {*self._scheduler.waiting(), *self._held} - self._started.keys()
        return [self._tasks[task_id] for task_id in sorted(waiting)]

    def _having(self, status: TaskStatus) -> list[int]:
        # Without a look at each where there is none: a history is long.
        if not self._counts[status]:
            return []
        return [task.id for task in self._tasks.values() if task.status is status]

    def _as_of(self, task: Task, at: Moment) -> Task:
        if task.status is not TaskStatus.RUNNING:
            return task
        return msgspec.structs.replace(task, duration=self._ran(task, at))

    def _ran(self, task: Task, at: Moment) -> float:
        started = self._started.get(task.id)
        if started is None:
            return task.duration or 0.0
        return max(0.0, self._paused.get(task.id, at.monotonic) - started)

    def _restore_order(self, queued: list[int]) -> None:
        """Let the queued tasks of an earlier life wait as they did."""
        tasks = self._tasks
        ended: dict[int, TaskStatus] = {}
        waiting: list[Waiting] = []
        for task_id in queued:
            task = tasks[task_id]
            if (terms := task.terms) is None:
                waiting.append((task_id, PLAIN, None, task.place))
                continue
            if terms.after or terms.after_failed or terms.after_any:
                for other in terms.waits_for:
                    if (before := tasks.get(other)) is None:
                        # It has ended as it should; else this task would have been
                        # canceled.
                        terms = _only(terms, tasks)
                    elif before.status.is_final:
                        ended[other] = before.status
            due = None if terms.at is None else terms.at.timestamp()
            waiting.append((task_id, terms, due, task.place))
        for task_id, never in self._scheduler.begin_with(waiting, ended):
            self._hopeless.append((task_id, f"#{never} {_WAS[ended[never]]}"))

    def _next_attempt(
        self, task: Task, outcome: Outcome, at: Moment, *, again: bool
    ) -> Attempt | None:
        if task.id in self._last_attempts:
            return None
        if again:
            return again_after(task.attempt, outcome)
        began = self._attempts_began.get(task.id)
        return next_attempt(
            task.terms,
            task.attempt,
            outcome,
            at,
            ran=0.0 if began is None else at.monotonic - began,
            chance=self._chance(),
        )

    def _let_wait(self, task_id: int, terms: Terms, place: Place | None = None) -> None:
        ended = {
            other: self._tasks[other].status
            for other in terms.waits_for
            if self._tasks[other].status.is_final
        }
        attempt = None if task_id not in self._tasks else self._tasks[task_id].attempt
        at = terms.at if attempt is None else attempt.due
        due = None if at is None else at.timestamp()
        never = self._scheduler.add(task_id, terms, ended=ended, due=due, place=place)
        if never is not None:
            self._hopeless.append((task_id, f"#{never} {_WAS[ended[never]]}"))

    def _give_up(self, task_id: int, why: str) -> None:
        """Let a queued task start no more, until it is taken as hopeless."""
        if self._scheduler.is_waiting(task_id):
            self._scheduler.remove(task_id)
            self._held.add(task_id)
            self._hopeless.append((task_id, why))

    def _begin(self, task_id: int, at: Moment) -> Task:
        task = self._tasks[task_id]
        if self._started.get(task_id) is None:
            # It may have begun before the session was opened.
            self._started[task_id] = at.monotonic - (task.duration or 0.0)
        if may_run_again(task.terms):
            self._attempts_began[task_id] = at.monotonic
            self._before.setdefault(task_id, task)
        slot = self._scheduler.slot(task_id)
        return self._replace(task.started(at.wall, slot))

    def _waiting_task(self, task_id: int) -> Task:
        task = self.get(task_id)
        if not self._scheduler.is_waiting(task_id):
            raise IllegalTransitionError(task, TaskStatus.QUEUED)
        return task

    def _with_place(self, task_id: int) -> Task:
        task = self._tasks[task_id]
        place = self._scheduler.place(task_id)
        return msgspec.structs.replace(
            task, place=None if place == (task_id, 0) else place
        )

    def _on_terms(self, task: Task, reason: str) -> Task:
        changed = task.on_terms(
            self._scheduler.terms(task.id),
            self._with_place(task.id).place,
            "",
        )
        self._before.setdefault(task.id, task)
        self._replace(changed)
        return self._replace(changed.waiting(self.waits_for(task.id, reason)))

    def _replace(self, task: Task) -> Task:
        before = self._tasks[task.id]
        self._tasks[task.id] = task
        if before.status is not task.status:
            self._counts[before.status] -= 1
            self._counts[task.status] += 1
            self._before.setdefault(task.id, before)
        return task

    def _drop(self, task_id: int) -> Task:
        task = self._tasks.pop(task_id)
        self._keys.pop(task.key, None)
        self._counts[task.status] -= 1
        self._before.setdefault(task_id, task)
        return task


def _only(terms: Terms, known: Container[int]) -> Terms:
    """Return terms that wait for no tasks but those that are known."""
    if all(it in known for it in terms.waits_for):
        return terms
    return msgspec.structs.replace(
        terms,
        after=tuple(it for it in terms.after if it in known),
        after_failed=tuple(it for it in terms.after_failed if it in known),
        after_any=tuple(it for it in terms.after_any if it in known),
    )
