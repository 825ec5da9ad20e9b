"""The book of schedules against a naive model that takes one time after the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from backburner.actors import TaskRequest, Terms
from backburner.actors.rules.rhythm import MOST_CAUGHT_UP, ON_TIME, CatchUp, Rhythm
from backburner.actors.rules.schedules import (
    MISSED,
    Schedule,
    ScheduleBook,
    UnknownScheduleError,
)
from backburner.actors.rules.variables import Variables
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

START = datetime(2026, 3, 28, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"
EVERY = ("90s", "15m", "7h", "*/10 * * * *", "30 2 * * *")
JOB = TaskRequest("Job", "fake")


@dataclass
class Naive:
    """One schedule whose times are handled one by one."""

    rhythm: Rhythm
    next_due: datetime
    catch_up: CatchUp
    overlap: bool
    paused: bool = False
    last: int | None = None
    runs: int = 0
    skipped: int = 0


@dataclass
class Queue:
    """Accepts tasks, and knows the unfinished ones."""

    ids: count[int] = field(default_factory=lambda: count(1))
    added: list[tuple[int, int, tuple[int, ...]]] = field(
        default_factory=list[tuple[int, int, tuple[int, ...]]]
    )
    open: set[int] = field(default_factory=set[int])
    refuses: bool = False

    def add(self, request: TaskRequest) -> int | str:
        if self.refuses:
            return "unknown kind"
        terms = request.terms or Terms()
        assert terms.schedule is not None
        task_id = next(self.ids)
        self.added.append((terms.schedule, task_id, terms.after_any))
        self.open.add(task_id)
        return task_id


class Pair(RuleBasedStateMachine):
    """Calls both and compares the results."""

    def __init__(self) -> None:
        super().__init__()
        self.book = ScheduleBook()
        self.naive: dict[int, Naive] = {}
        self.now = START
        self.real, self.model = Queue(), Queue()
        self.kept_back = False

    def pick(self, number: int) -> int | None:
        return sorted(self.naive)[number % len(self.naive)] if self.naive else None

    @rule(
        every=st.sampled_from(EVERY),
        catch_up=st.sampled_from(CatchUp),
        overlap=st.booleans(),
    )
    def add(self, every: str, catch_up: CatchUp, overlap: bool) -> None:  # noqa: FBT001
        if len(self.naive) >= 4:
            return
        made = self.book.add(
            JOB, every, BERLIN, self.now, catch_up=catch_up, overlap=overlap
        )
        rhythm = Rhythm(every, BERLIN)
        self.naive[made.id] = Naive(
            rhythm, rhythm.first_after(self.now), catch_up, overlap
        )

    @rule(number=st.integers(0, 9))
    def remove(self, number: int) -> None:
        if (schedule_id := self.pick(number)) is not None:
            self.book.remove(schedule_id)
            del self.naive[schedule_id]

    @rule(number=st.integers(0, 9), paused=st.booleans())
    def pause_or_resume(self, number: int, paused: bool) -> None:  # noqa: FBT001
        if (schedule_id := self.pick(number)) is not None:
            self.book.set_paused(schedule_id, paused=paused)
            self.naive[schedule_id].paused = paused

    @rule(kept_back=st.booleans())
    def keep_back(self, kept_back: bool) -> None:  # noqa: FBT001
        self.kept_back = kept_back
        if not kept_back:
            self.book.look_again()

    @rule(refuses=st.booleans())
    def refuse_or_take(self, refuses: bool) -> None:  # noqa: FBT001
        self.real.refuses = self.model.refuses = refuses

    @rule()
    def tasks_end(self) -> None:
        self.real.open.clear()
        self.model.open.clear()

    @rule(seconds=st.sampled_from([1, 59, 61, 600, 3600, 4 * 3600, 3 * 86400]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.book.run_due(
            self.now,
            add=self.real.add,
            is_open=self.real.open.__contains__,
            keeps_back=lambda _: self.kept_back,
        )
        if not self.kept_back:
            for schedule_id, naive in self.naive.items():
                self.run_naive(schedule_id, naive)

    def run_naive(self, schedule_id: int, naive: Naive) -> None:
        come: list[datetime] = []
        while not naive.paused and naive.next_due <= self.now:
            come.append(naive.next_due)
            naive.next_due = naive.rhythm.first_after(naive.next_due)
        if not come:
            return
        late = (self.now - come[-1]).total_seconds()
        wanted = {
            CatchUp.ONCE: 1,
            CatchUp.ALL: min(len(come), MOST_CAUGHT_UP),
            CatchUp.SKIP: int(late <= ON_TIME),
        }[naive.catch_up]
        queue, blocked = self.model, False
        if not naive.overlap and naive.last in queue.open:
            blocked = True
        if not wanted or blocked or queue.refuses:
            naive.skipped += 1
            return
        before: tuple[int, ...] = ()
        for _ in range(wanted):
            naive.last = next(queue.ids)
            queue.open.add(naive.last)
            queue.added.append((schedule_id, naive.last, before))
            naive.runs += 1
            before = () if naive.overlap else (naive.last,)

    @rule()
    def restart_program(self) -> None:
        if self.kept_back:
            return
        before = self.book
        self.book = ScheduleBook()
        self.book.restore(before.all(), {})

    @invariant()
    def runs_agree(self) -> None:
        def by_schedule(queue: Queue) -> list[tuple[int, int]]:
            # Of several simultaneously due schedules either may be the first.
            schedules = [it[0] for it in queue.added]
            return sorted((it, schedules.count(it)) for it in {*schedules})

        assert by_schedule(self.real) == by_schedule(self.model)
        for schedule_id, naive in self.naive.items():
            schedule = self.book.get(schedule_id)
            assert (schedule.runs, schedule.skipped, schedule.next_due) == (
                naive.runs,
                naive.skipped,
                naive.next_due,
            )
        for queue in (self.real, self.model):
            queue.added = [
                it for it in queue.added if it[0] in self.naive or it[2] != ()
            ]

    @invariant()
    def next_time_is_the_first(self) -> None:
        times = [it.next_due for it in self.naive.values() if not it.paused]
        if not self.kept_back:
            assert self.book.next_due() == (min(times) if times else None)


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def run(book: ScheduleBook, now: datetime, queue: Queue) -> list[Schedule]:
    ran = book.run_due(now, add=queue.add, is_open=queue.open.__contains__)
    return [after for _, after in ran]


def test_missed_runs_are_added_one_after_the_other() -> None:
    book, queue = ScheduleBook(), Queue()
    book.add(JOB, "1h", "UTC", START, catch_up=CatchUp.ALL)
    run(book, START + timedelta(hours=3), queue)
    assert queue.added == [(1, 1, ()), (1, 2, (1,)), (1, 3, (2,))]


def test_a_run_is_skipped_while_the_previous_run_is_unfinished() -> None:
    book, queue = ScheduleBook(), Queue()
    book.add(JOB, "1h", "UTC", START)
    run(book, START + timedelta(hours=1), queue)
    (late,) = run(book, START + timedelta(hours=2), queue)
    assert (late.runs, late.skipped, late.note) == (1, 1, "#1 had not ended")
    queue.open.clear()
    (again,) = run(book, START + timedelta(hours=3), queue)
    assert (again.runs, again.note) == (2, "")


def test_missed_runs_are_skipped_on_request() -> None:
    book, queue = ScheduleBook(), Queue()
    book.add(JOB, "0 3 * * *", "UTC", START, catch_up=CatchUp.SKIP)
    (missed,) = run(book, START + timedelta(days=1, hours=3), queue)
    assert (missed.runs, missed.note) == (0, MISSED)
    (on_time,) = run(book, datetime(2026, 3, 30, 3, 0, 30, tzinfo=UTC), queue)
    assert on_time.runs == 1


def test_a_resumed_schedule_catches_up_on_missed_runs() -> None:
    book, queue = ScheduleBook(), Queue()
    book.add(JOB, "1h", "UTC", START)
    book.set_paused(1, paused=True)
    assert run(book, START + timedelta(hours=5), queue) == []
    assert book.next_due() is None
    book.set_paused(1, paused=False)
    run(book, START + timedelta(hours=5), queue)
    assert len(queue.added) == 1


def test_each_run_has_the_environment_and_no_snapshot_shows_it() -> None:
    book = ScheduleBook()
    secret = Variables({"TOKEN": "secret"})
    request = TaskRequest("Job", "fake", environment=secret)
    schedule = book.add(request, "1h", "UTC", START)
    assert schedule.request.environment is None
    asked: list[TaskRequest] = []

    def add(request: TaskRequest) -> int:
        asked.append(request)
        return 1

    again = ScheduleBook()
    again.restore(book.all(), {1: secret})
    for it in (book, again):
        it.run_due(START + timedelta(hours=1), add=add, is_open=lambda _: False)
    assert [it.environment for it in asked] == [secret, secret]


def test_setting_the_clock_moves_times_of_day_but_not_intervals() -> None:
    book = ScheduleBook()
    book.add(JOB, "1h", "UTC", START)
    book.add(JOB, "0 14 * * *", "UTC", START)
    hour = timedelta(hours=1)
    book.clock_was_set(3600.0, START + hour)
    assert [it.next_due for it in book.all()] == [START + 2 * hour, START + 2 * hour]
    # Back by two days: the clock was wrong before.
    day = timedelta(days=1)
    book.clock_was_set(-2 * 86400.0, START + hour - 2 * day)
    assert [it.next_due for it in book.all()] == [
        START + 2 * hour - 2 * day,
        START + 2 * hour - 2 * day,
    ]


def test_ids_are_not_reused() -> None:
    book = ScheduleBook(first_id=4)
    assert book.add(JOB, "1h", "UTC", START).id == 4
    book.remove(4)
    assert book.add(JOB, "1h", "UTC", START).id == 5
    with pytest.raises(UnknownScheduleError, match="no schedule 4"):
        book.remove(4)


def test_a_schedule_in_an_unknown_time_zone_is_kept_and_adds_nothing() -> None:
    book = ScheduleBook()
    schedule = ScheduleBook().add(JOB, "1h", "UTC", START)
    book.restore([replace(schedule, zone="Mars/Base")], {})
    assert run(book, START + timedelta(days=1), Queue()) == []
    assert "Mars/Base" in book.get(1).note
    book.set_paused(1, paused=False)
    assert book.next_due() is None


def test_many_pauses_do_not_grow_the_heap() -> None:
    book = ScheduleBook()
    book.add(JOB, "1h", "UTC", START)
    for _ in range(5000):
        book.set_paused(1, paused=True)
        book.set_paused(1, paused=False)
    assert len(vars(book)["_heap"]) <= 1001
    queue = Queue()
    run(book, START + timedelta(hours=1), queue)
    assert len(queue.added) == 1
