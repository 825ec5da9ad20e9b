"""The waiting tasks: their order, their start times, and why each of them waits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from .attempts import LONGEST_PAUSE, pause_before
from .batches import Batches
from .moment import local_time
from .status import TaskStatus
from .task import IllegalTransitionError
from .terms import PLAIN

if TYPE_CHECKING:
    from collections.abc import Container

    from .moment import Moment
    from .places import Place
    from .scheduler import Scheduler
    from .task import Task
    from .task_table import TaskTable
    from .terms import Terms

_WAS: Final = {
    TaskStatus.COMPLETE: "is complete",
    TaskStatus.FAILED: "failed",
    TaskStatus.CANCELED: "was canceled",
}


class WaitingTasks:
    """The queued tasks, and the tasks that wait for their next attempt.

    Its methods raise `UnknownTaskError` if there is no such task.
    """

    def __init__(self, tasks: TaskTable, scheduler: Scheduler) -> None:
        self._tasks = tasks
        self._scheduler = scheduler
        self._held: set[int] = set()  # queued, but not in the scheduler
        self._hopeless: list[tuple[int, str]] = []
        self._released: list[int] = []  # their dependencies are met
        self._batches = Batches()
        self._replaced: list[Task] = []

    def restore(self) -> None:
        """Add the stored tasks of the session to the scheduler."""
        tasks = self._tasks
        queued = tasks.queued()
        waiting = {task.id: task.terms or PLAIN for task in queued}
        places = {it.id: it.place for it in queued if it.place is not None}
        dues: dict[int, float] = {}
        dependent: dict[int, Terms] = {}
        batched: list[int] = []
        ended: dict[int, TaskStatus] = {}
        # With few calls: a queue may be long.
        for task_id, terms in waiting.items():
            if terms.at is not None:
                dues[task_id] = terms.at.timestamp()
            if terms.max_fails is not None:
                batched.append(task_id)
            if not (terms.after or terms.after_failed or terms.after_any):
                continue
            dependent[task_id] = terms
            for other in terms.waits_for:
                if other in waiting:
                    continue
                if (before := tasks.find(other)) is None:
                    # It ended with the required status; otherwise this task would have
                    # been canceled.
                    dependent[task_id] = waiting[task_id] = _only(terms, tasks)
                elif before.status.is_final:
                    ended[other] = before.status
        for task_id, never in self._scheduler.begin_with(
            waiting, dependent, ended, dues=dues, places=places
        ):
            self._hopeless.append((task_id, f"#{never} {_WAS[ended[never]]}"))
        for task_id in tasks.times:
            task = tasks.get(task_id)
            terms = task.terms or PLAIN
            if task.waits_to_run:
                # Its dependencies were met before it began.
                self._let_wait(task_id, _only(terms, ()), task.place)
            else:
                self._scheduler.resume_running(task_id, terms, task.slot)
        for task in [
            *[it for it in tasks.begun() if it.terms and it.terms.max_fails],
            *map(tasks.get, batched),
        ]:
            self._batches.note(task)

    def add(self, task_id: int, terms: Terms | None) -> None:
        """Add a new task."""
        if terms is None:
            self._scheduler.add(task_id)
        else:
            self._let_wait(task_id, terms)

    def note_batch(self, task: Task) -> None:
        """Add a new task to its batch, if it has one."""
        if (why := self._batches.note(task)) is not None:
            self._give_up(task.id, why)

    def ended(self, task: Task) -> None:
        """Record the end of a task, whether it waited or ran."""
        self._held.discard(task.id)
        never = self._scheduler.ended(task.id, task.status)
        self._released += self._scheduler.take_released()
        self._hopeless += [(it, f"#{task.id} {_WAS[task.status]}") for it in never]
        others, why = self._batches.ended(task)
        for other in others:
            self._give_up(other, why)

    def take_hopeless(self) -> tuple[tuple[int, str], ...]:
        """Return the queued tasks that can never start, and why; each only once."""
        if not self._hopeless:  # the usual case
            return ()
        hopeless, self._hopeless = self._hopeless, []
        return tuple(
            it for it in hopeless if not self._tasks.get(it[0]).status.is_final
        )

    def take_released(self) -> tuple[int, ...]:
        """Return the queued tasks whose dependencies are now met; each only once."""
        if not self._released:
            return ()
        released, self._released = self._released, []
        return tuple(it for it in released if self._scheduler.is_waiting(it))

    def due(self, at: Moment) -> tuple[int, ...]:
        """Make the tasks whose start time has come wait for their turn; return them."""
        return self._scheduler.due(at.wall.timestamp())

    def shift_delays(self, seconds: float, at: Moment) -> list[Task]:
        """Keep delays unchanged after the wall clock was set; return the changed tasks.

        No task waits longer than it was to wait from the beginning.

        Args:
            seconds: By how much the clock was set forward, if known.
            at: The current time.
        """
        shifted: list[Task] = []
        for task_id in self._scheduler.timed():
            task = self._tasks.get(task_id)
            terms, attempt = task.terms or PLAIN, task.attempt
            if attempt is not None:
                due, planned = attempt.due, pause_before(terms, attempt.step, chance=1)
            else:
                due, planned = terms.at, terms.delay
            if due is None or planned is None:
                continue
            latest = at.wall + timedelta(seconds=planned)
            right = min(due + timedelta(seconds=seconds), latest)
            if right == due:
                continue
            self._scheduler.set_due(task_id, right.timestamp())
            if attempt is not None:
                attempt = msgspec.structs.replace(attempt, due=right)
                task = msgspec.structs.replace(task, attempt=attempt)
            else:
                terms = msgspec.structs.replace(terms, at=right)
                self._scheduler.change(task_id, terms)
                task = msgspec.structs.replace(task, terms=terms)
            shifted.append(self._tasks.replace(task))
        return shifted

    def reason(self, task_id: int, otherwise: str) -> str:
        """Return what a task waits for; `otherwise` if only for its turn."""
        task = self._tasks.get(task_id)
        waits_for = self._scheduler.waits_for(task_id) or otherwise
        attempt = task.attempt
        if attempt is None:
            return waits_for
        if attempt.due is not None and waits_for.startswith("starts at"):
            # Mostly it is due within minutes, so that the time of day is enough.
            day = ((task.terms or PLAIN).retry_delay or 0.0) > LONGEST_PAUSE
            waits_for = f"starts at {local_time(attempt.due.timestamp(), day=day)}"
            return f"{attempt.before}; {task.attempt_text} {waits_for}"
        return f"{attempt.before}; {task.attempt_text}: {waits_for}"

    def waiting_ids(self, task_id: int | None = None) -> tuple[int, ...]:
        """Return the sorted ids of all tasks in the scheduler, or only of `task_id`."""
        if task_id is None:
            return tuple(sorted(self._scheduler.waiting()))
        return (task_id,) if self._scheduler.is_waiting(task_id) else ()

    def set_held(self, task_id: int, reason: str, *, held: bool) -> Task:
        """Hold or release a queued task, and return it; see `reason`.

        Raises:
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
        """Move a queued task within the order, and return it.

        Args:
            task_id: The id of the task.
            reason: The reason of its wait if it waits only for its turn.
            first: Whether to move it before all others of its priority; otherwise after
                them.
            before: The queued task to move it before, if any; it gets the priority of
                that task.

        Raises:
            IllegalTransitionError: If one of the two tasks is not queued.
        """
        task = self._waiting_task(task_id)
        if before is not None:
            self._waiting_task(before)
            if before != task_id:
                others = self._scheduler.move_before(task_id, before)
                for other in others:
                    self._replaced.append(self._tasks.replace(self._with_place(other)))
        elif first:
            self._scheduler.move_first(task_id)
        else:
            self._scheduler.move_last(task_id)
        return self._on_terms(task, reason)

    def take_replaced(self) -> list[Task]:
        """Return the other tasks whose places a move has changed; each only once."""
        replaced, self._replaced = self._replaced, []
        return replaced

    def hold(self, task_id: int, reason: str) -> Task:
        """Take a queued task out of the scheduler, and return it.

        Only its end changes that, so this is for a task that can't start in this
        process.

        Raises:
            IllegalTransitionError: If it is not queued.
        """
        task = self.wait(task_id, reason)
        self._scheduler.remove(task_id)
        self._held.add(task_id)
        return task

    def wait(self, task_id: int, reason: str) -> Task:
        """Change the reason of a queued task, and return it.

        Raises:
            IllegalTransitionError: If it is not queued.
        """
        return self._tasks.replace(self._tasks.get(task_id).waiting(reason))

    def waits_to_run(self, task_id: int) -> bool:
        """Return whether a task waits for its start or its next attempt."""
        return self._scheduler.is_waiting(task_id) or task_id in self._held

    def _let_wait(self, task_id: int, terms: Terms, place: Place | None = None) -> None:
        ended = {
            other: self._tasks.get(other).status
            for other in terms.waits_for
            if self._tasks.get(other).status.is_final
        }
        attempt = (
            None if task_id not in self._tasks else self._tasks.get(task_id).attempt
        )
        at = terms.at if attempt is None else attempt.due
        due = None if at is None else at.timestamp()
        never = self._scheduler.add(task_id, terms, ended=ended, due=due, place=place)
        if never is not None:
            self._hopeless.append((task_id, f"#{never} {_WAS[ended[never]]}"))

    def _give_up(self, task_id: int, why: str) -> None:
        """Take a queued task out of the scheduler, and report it as hopeless."""
        if self._scheduler.is_waiting(task_id):
            self._scheduler.remove(task_id)
            self._held.add(task_id)
            self._hopeless.append((task_id, why))

    def _waiting_task(self, task_id: int) -> Task:
        task = self._tasks.get(task_id)
        if not self._scheduler.is_waiting(task_id):
            raise IllegalTransitionError(task, TaskStatus.QUEUED)
        return task

    def _with_place(self, task_id: int) -> Task:
        task = self._tasks.get(task_id)
        place = self._scheduler.place(task_id)
        return msgspec.structs.replace(
            task, place=None if place == (task_id, 0) else place
        )

    def _on_terms(self, task: Task, reason: str) -> Task:
        changed = task.on_terms(
            self._scheduler.terms(task.id), self._with_place(task.id).place, ""
        )
        self._tasks.replace(changed, hidden=True)
        return self._tasks.replace(changed.waiting(self.reason(task.id, reason)))


def _only(terms: Terms, known: Container[int]) -> Terms:
    """Return terms without dependencies on unknown tasks."""
    if all(it in known for it in terms.waits_for):
        return terms
    return msgspec.structs.replace(
        terms,
        after=tuple(it for it in terms.after if it in known),
        after_failed=tuple(it for it in terms.after_failed if it in known),
        after_any=tuple(it for it in terms.after_any if it in known),
    )
