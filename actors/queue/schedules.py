"""Requests about schedules, and adding their due tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..kinds import InvalidRequestError
from ..messages import (
    AddSchedule,
    PauseSchedule,
    QueueReply,
    RefusalCode,
    Refused,
    RemoveSchedule,
    SchedulesChanged,
    SchedulesFound,
)
from ..rules.schedules import UnknownScheduleError
from ..rules.terms import PLAIN
from ..runtime.zones import zone_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.request import TaskRequest
    from ..rules.schedules import Schedule, ScheduleBook
    from ..rules.task import Task
    from .admission import Admission
    from .changes import Changes


class Schedules:
    """Carries out requests about schedules, and adds their due tasks."""

    def __init__(
        self, changes: Changes, book: ScheduleBook, admission: Admission
    ) -> None:
        self._changes = changes
        self._tasks = changes.book.tasks
        self._settings = changes.book.settings
        self._book = book
        self._admission = admission
        # The schedules that changed since the last commit, as they were; None if new.
        self._before: dict[int, Schedule | None] = {}

    def change(
        self, message: AddSchedule | RemoveSchedule | PauseSchedule
    ) -> QueueReply:
        """Create, remove, pause or resume a schedule."""
        try:
            match message:
                case AddSchedule():
                    found = self._make(message)
                case RemoveSchedule(schedule_id=schedule_id):
                    found = self._remove(schedule_id)
                case PauseSchedule(schedule_id=schedule_id, paused=paused):
                    before = self._book.get(schedule_id)
                    found = self._book.set_paused(schedule_id, paused=paused)
                    self._note(found, before)
        except UnknownScheduleError as error:
            return Refused(str(error), RefusalCode.UNKNOWN)
        except (InvalidRequestError, ValueError) as error:
            return Refused(str(error), RefusalCode.INVALID)
        return SchedulesFound((found,))

    def all_written(self) -> tuple[Schedule, ...]:
        """Return the committed states of all schedules, by id."""
        schedules = {it.id: it for it in self._book.all()} | self._before
        found = (schedules[it] for it in sorted(schedules))
        return tuple(it for it in found if it is not None)

    def note_written(self) -> None:
        """Record that all changes so far are committed, which makes them visible."""
        self._before.clear()

    def next_due(self) -> float | None:
        """Return when the next run is due, in seconds of the wall clock."""
        due = self._book.next_due()
        return None if due is None else due.timestamp()

    def run_due(self, add: Callable[[TaskRequest], Task]) -> None:
        """Add the due tasks; see `ScheduleBook.run_due`."""

        def added(request: TaskRequest) -> int | str:
            try:
                return add(request).id
            except InvalidRequestError as error:
                return str(error)

        for before, schedule in self._book.run_due(
            self._changes.now().wall,
            add=added,
            is_open=self._is_open,
            keeps_back=lambda it: self._settings.is_paused(
                (it.request.terms or PLAIN).group
            ),
        ):
            self._note(schedule, before)

    def look_again(self) -> None:
        """Check the schedules again that were kept back by a pause."""
        self._book.look_again()

    def clock_was_set(self, seconds: float) -> None:
        """Adjust the schedules to a clock that was set; see `ScheduleBook`."""
        now = self._changes.now().wall
        for before, schedule in self._book.clock_was_set(seconds, now):
            self._note(schedule, before)

    def _make(self, message: AddSchedule) -> Schedule:
        request, _ = self._admission.admit(replace(message.request, key=""))
        terms = request.terms
        if terms is not None and (terms.waits_for or terms.at or terms.held):
            raise InvalidRequestError(
                "a schedule can't wait for a time or for other tasks as well"
            )
        made = self._book.add(
            request,
            message.every,
            zone_for(message.every, message.zone),
            self._changes.now().wall,
            catch_up=message.catch_up,
            overlap=message.overlap,
        )
        self._note(made, None)
        return made

    def _remove(self, schedule_id: int) -> Schedule:
        removed = self._book.remove(schedule_id)
        self._before.setdefault(schedule_id, removed)
        self._changes.journal.unscheduled(schedule_id)
        self._changes.publish(SchedulesChanged((), (schedule_id,)))
        return removed

    def _note(self, schedule: Schedule, before: Schedule | None) -> None:
        self._before.setdefault(schedule.id, before)
        environment = self._book.environment(schedule.id)
        self._changes.journal.scheduled(schedule, environment)
        self._changes.publish(SchedulesChanged((schedule,)))

    def _is_open(self, task_id: int) -> bool:
        tasks = self._tasks
        return task_id in tasks and not tasks.get(task_id).status.is_final
