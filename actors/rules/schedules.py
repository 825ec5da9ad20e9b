"""Schedules, which add ordinary tasks at their times.

A plain class without threads, like the task book; `rhythm` calculates the times.
"""

from __future__ import annotations

import heapq
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from .moment import is_plausible
from .request import TaskRequest
from .rhythm import CatchUp, Due, Rhythm
from .terms import PLAIN
from .tidy import tidy
from .variables import Variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_Id = Annotated[int, msgspec.Meta(ge=1, le=(1 << 53) - 1)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]

MISSED: Final = "its time was missed"
"""The note of a schedule that skips missed runs, after a missed run."""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An immutable snapshot of a schedule.

    Attributes:
        id: A small number, never reused in the same session.
        request: The request of each run, without the environment.
        every: An interval, or a cron expression.
        zone: The name of the time zone of a cron expression.
        catch_up: How missed runs are handled.
        overlap: Whether to add a run while the previous one has not ended.
        paused: Whether it is paused.
        made_at: When it was created (UTC).
        since: When its times were last checked (UTC).
        next_due: When the next run is due (UTC).
        last_task: The task added last; None before the first.
        runs: The number of tasks it has added.
        skipped: How many times no task was added, because the previous run had not
            ended or the task was refused.
        note: Why no task was added when it was last due; empty if one was added.
    """

    id: _Id
    request: TaskRequest
    every: str
    zone: str
    catch_up: CatchUp = CatchUp.ONCE
    overlap: bool = False
    paused: bool = False
    made_at: datetime
    since: datetime
    next_due: datetime
    last_task: _Id | None = None
    runs: _Count = 0
    skipped: _Count = 0
    note: str = ""

    def __post_init__(self) -> None:
        """Check the dates.

        Raises:
            ValueError: If a date is invalid.
        """
        for at in (self.made_at, self.since, self.next_due):
            if not is_plausible(at):
                raise ValueError(f"schedule {self.id} can't have the date {at}")


class UnknownScheduleError(LookupError):
    """The schedule doesn't exist, or no longer exists."""

    def __init__(self, schedule_id: int) -> None:
        super().__init__(f"no schedule {schedule_id}")
        self.schedule_id = schedule_id


class ScheduleBook:
    """All schedules of one session, and the only code that changes them.

    Each change costs O(log n).

    Args:
        first_id: The id of the next schedule. Ids are never reused.
    """

    def __init__(self, first_id: int = 1) -> None:
        self._next_id = first_id
        self._schedules: dict[int, Schedule] = {}
        self._rhythms: dict[int, Rhythm] = {}
        self._environments: dict[int, Variables] = {}
        self._heap: list[tuple[datetime, int]] = []
        self._kept_back: list[int] = []

    def restore(
        self, schedules: Iterable[Schedule], environments: Mapping[int, Variables]
    ) -> None:
        """Load the stored schedules of the session.

        A schedule whose time zone is unknown on this machine adds no tasks; its note
        is the error.
        """
        self._environments.update(environments)
        for it in schedules:
            self._next_id = max(self._next_id, it.id + 1)
            try:
                self._rhythms[it.id] = Rhythm(it.every, it.zone)
            except ValueError as error:
                self._put(msgspec.structs.replace(it, note=str(error)))
            else:
                self._put(it)

    def add(  # noqa: PLR0913 - each is one independent thing
        self,
        request: TaskRequest,
        every: str,
        zone: str,
        now: datetime,
        *,
        catch_up: CatchUp = CatchUp.ONCE,
        overlap: bool = False,
    ) -> Schedule:
        """Create a schedule, and return it; see `Schedule`.

        Raises:
            ValueError: If `every` is invalid, or the zone is unknown.
        """
        rhythm = Rhythm(every, zone)
        schedule = Schedule(
            id=self._next_id,
            request=msgspec.structs.replace(request, environment=None),
            every=" ".join(every.split()),
            zone=zone,
            catch_up=catch_up,
            overlap=overlap,
            made_at=now,
            since=now,
            next_due=rhythm.first_after(now),
        )
        self._next_id += 1
        self._rhythms[schedule.id] = rhythm
        if request.environment is not None:
            self._environments[schedule.id] = Variables.of(request.environment)
        return self._put(schedule)

    def remove(self, schedule_id: int) -> Schedule:
        """Remove a schedule, and return it; the tasks it has added remain.

        Raises:
            UnknownScheduleError: If there is none.
        """
        schedule = self.get(schedule_id)
        del self._schedules[schedule_id]
        self._rhythms.pop(schedule_id, None)
        self._environments.pop(schedule_id, None)
        return schedule

    def get(self, schedule_id: int) -> Schedule:
        """Return the schedule with this id.

        Raises:
            UnknownScheduleError: If there is none.
        """
        try:
            return self._schedules[schedule_id]
        except KeyError:
            raise UnknownScheduleError(schedule_id) from None

    def environment(self, schedule_id: int) -> Variables | None:
        """Return the environment of its tasks; None if unknown."""
        return self._environments.get(schedule_id)

    def all(self) -> tuple[Schedule, ...]:
        """Return all schedules, sorted by id."""
        return tuple(self._schedules[it] for it in sorted(self._schedules))

    def set_paused(self, schedule_id: int, *, paused: bool) -> Schedule:
        """Pause or resume a schedule, and return it.

        Raises:
            UnknownScheduleError: If there is none.
        """
        schedule = self.get(schedule_id)
        return self._put(msgspec.structs.replace(schedule, paused=paused))

    def next_due(self) -> datetime | None:
        """Return the time of the next run of all schedules; None if there is none.

        Schedules that were kept back don't count.
        """
        while self._heap:
            at, schedule_id = self._heap[0]
            if self._stands(at, schedule_id):
                return at
            heapq.heappop(self._heap)
        return None

    def run_due(
        self,
        now: datetime,
        *,
        add: Callable[[TaskRequest], int | str],
        is_open: Callable[[int], bool],
        keeps_back: Callable[[Schedule], bool] = lambda _: False,
    ) -> list[tuple[Schedule, Schedule]]:
        """Add the due tasks; return their schedules before and after.

        Args:
            now: The current time (UTC).
            add: Adds a task, and returns its id, or the reason of a refusal.
            is_open: Returns whether a task has not ended.
            keeps_back: Returns whether to keep a schedule back. It stays due, and
                `look_again` makes `run_due` check it again.
        """
        return [
            (schedule, self._run(schedule, due, now, add, is_open))
            for schedule, due in self._due(now, keeps_back)
        ]

    def _due(
        self, now: datetime, keeps_back: Callable[[Schedule], bool]
    ) -> list[tuple[Schedule, Due]]:
        found: dict[int, tuple[Schedule, Due]] = {}
        while (at := self.next_due()) is not None and at <= now:
            _, schedule_id = heapq.heappop(self._heap)
            schedule = self._schedules[schedule_id]
            if keeps_back(schedule):
                self._kept_back.append(schedule_id)
            else:  # the heap may contain it twice
                due = self._rhythms[schedule_id].due(at, now, schedule.catch_up)
                found[schedule_id] = (schedule, due)
        return [*found.values()]

    def look_again(self) -> None:
        """Return the schedules that were kept back to the due ones."""
        kept_back, self._kept_back = self._kept_back, []
        for schedule_id in kept_back:
            if schedule_id in self._schedules:
                self._put(self._schedules[schedule_id])

    def _run(
        self,
        schedule: Schedule,
        due: Due,
        now: datetime,
        add: Callable[[TaskRequest], int | str],
        is_open: Callable[[int], bool],
    ) -> Schedule:
        last, runs = schedule.last_task, 0
        note = "" if due.runs else MISSED
        if due.runs and last is not None and not schedule.overlap and is_open(last):
            note = f"#{last} had not ended"
        while runs < due.runs and not note:
            # Runs that are added together run one by one, unless they may overlap.
            before = last if runs and not schedule.overlap else None
            added = add(self._request(schedule, before))
            if isinstance(added, str):
                note = added
            else:
                last, runs = added, runs + 1
        return self._put(
            msgspec.structs.replace(
                schedule,
                since=now,
                next_due=due.next_due,
                last_task=last,
                runs=schedule.runs + runs,
                skipped=schedule.skipped + bool(note),
                note=note,
            )
        )

    def _request(self, schedule: Schedule, before: int | None) -> TaskRequest:
        terms = msgspec.structs.replace(
            schedule.request.terms or PLAIN,
            schedule=schedule.id,
            after_any=() if before is None else (before,),
        )
        return msgspec.structs.replace(
            schedule.request, environment=self.environment(schedule.id), terms=terms
        )

    def clock_was_set(
        self, seconds: float, now: datetime
    ) -> list[tuple[Schedule, Schedule]]:
        """Adjust the schedules to a clock that was set; return them before and after.

        The next run of an interval moves with the clock. A cron expression follows the
        new time of day; if the clock was wrong by hours, it restarts from `now`.

        Args:
            seconds: By how much the clock was set forward, if known.
            now: The current time (UTC).
        """
        changed: list[tuple[Schedule, Schedule]] = []
        for schedule in self.all():
            rhythm = self._rhythms.get(schedule.id)
            if rhythm is None:
                continue
            next_due = schedule.next_due
            if rhythm.interval is not None:
                next_due += timedelta(seconds=seconds)
            corrected = rhythm.corrected(next_due, schedule.since, now)
            since = schedule.since if corrected is None else now
            next_due = corrected or next_due
            if (next_due, since) != (schedule.next_due, schedule.since):
                right = msgspec.structs.replace(
                    schedule, next_due=next_due, since=since
                )
                changed.append((schedule, self._put(right)))
        return changed

    def _put(self, schedule: Schedule) -> Schedule:
        self._schedules[schedule.id] = schedule
        if not schedule.paused:
            heapq.heappush(self._heap, (schedule.next_due, schedule.id))
            tidy(self._heap, len(self._schedules), lambda it: self._stands(*it))
        return schedule

    def _stands(self, at: datetime, schedule_id: int) -> bool:
        schedule = self._schedules.get(schedule_id)
        return (
            schedule is not None
            and schedule_id in self._rhythms
            and not schedule.paused
            and schedule.next_due == at
        )
