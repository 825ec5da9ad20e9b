"""Schedules in a queue whose clock the test drives."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddSchedule,
    CatchUp,
    ListSchedules,
    ListTasks,
    PauseQueue,
    PauseSchedule,
    RefusalCode,
    Refused,
    RemoveSchedule,
    Schedule,
    SchedulesChanged,
    SchedulesFound,
    Subscribe,
    Subscribed,
    Task,
    TaskList,
    TaskRequest,
    Terms,
)
from backburner.actors.journal.errors import JournalError
from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.kinds import Kinds
from backburner.actors.messages import (
    ClaimTasks,
    CloseQueue,
    OpenQueue,
    QueueReply,
    RunnerMessage,
    StartTask,
    TaskEnded,
)
from backburner.actors.queue.config import QueueConfig
from backburner.actors.queue.times import LOOK_AGAIN
from backburner.actors.queue_actor import QueueActor
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.outcome import Outcome
from backburner.actors.rules.schedules import ScheduleBook
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, Recorder
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pykka
    from backburner.actors.messages import QueueRequest

HOUR = 3600.0
START = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)


@dataclass
class Rig:
    """A QueueActor with many slots, whose tasks end when the test says so."""

    folder: Path
    clock: ManualClock
    journal: Journal = field(default_factory=Journal)
    tasks: TaskBook = field(default_factory=TaskBook)
    schedules: ScheduleBook = field(default_factory=ScheduleBook)
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )

    def __post_init__(self) -> None:
        config = QueueConfig(
            Kinds([FakeKind()]), self.folder, 1000, self.clock, DeadLetters()
        )
        self.queue: pykka.ActorRef[QueueActor] = QueueActor.start(
            config, self.tasks, self.journal, schedules=self.schedules
        )
        self.queue.ask(OpenQueue(), timeout=PATIENCE)
        self.queue.tell(ClaimTasks(self.runner, 1000, 1000))

    def ask(self, request: QueueRequest) -> QueueReply:
        reply: object = self.queue.ask(request, timeout=PATIENCE)
        assert isinstance(reply, QueueReply)
        return reply

    def schedule(
        self,
        every: str,
        *,
        zone: str = "UTC",
        catch_up: CatchUp = CatchUp.ONCE,
        overlap: bool = False,
        terms: Terms | None = None,
    ) -> Schedule:
        request = TaskRequest("Job", "fake", terms=terms)
        reply = self.ask(AddSchedule(request, every, zone, catch_up, overlap))
        assert isinstance(reply, SchedulesFound), reply
        return reply.schedules[0]

    def all(self) -> tuple[Schedule, ...]:
        reply = self.ask(ListSchedules())
        assert isinstance(reply, SchedulesFound)
        return reply.schedules

    def runs(self) -> tuple[Task, ...]:
        reply = self.ask(ListTasks())
        assert isinstance(reply, TaskList)
        return reply.tasks

    def end_all(self) -> None:
        for task in self.runs():
            if task.status == "running":
                self.queue.tell(TaskEnded(task.id, Outcome.complete()))

    def passes(self, seconds: float, *, ending: bool = True) -> int:
        """Let time pass in steps, so that the queue can check the clock.

        Returns:
            The number of tasks after that.
        """
        while True:
            if ending:
                self.end_all()
            count = len(self.runs())
            if seconds <= 0:
                return count
            step = min(seconds, LOOK_AGAIN)
            self.clock.advance(step)
            seconds -= step


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    rig = Rig(tmp_path, ManualClock(START))
    yield rig
    rig.queue.stop(timeout=PATIENCE)


def test_each_run_is_a_separate_ordinary_task(rig: Rig) -> None:
    schedule = rig.schedule("15m", terms=Terms(priority=3))
    assert rig.passes(15 * 60 - 1) == 0
    assert rig.passes(2) == 1
    assert rig.passes(HOUR) == 5
    terms = rig.runs()[0].terms
    assert terms == Terms(priority=3, schedule=schedule.id)
    assert rig.runs()[0].request.terms == Terms(priority=3)
    (now,) = rig.all()
    assert (now.runs, now.last_task, now.skipped) == (5, 5, 0)


def test_a_cron_expression_uses_its_time_zone(rig: Rig) -> None:
    schedule = rig.schedule("30 9 * * *", zone="America/New_York")
    assert schedule.next_due == datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
    assert rig.passes(11.5 * HOUR - 1) == 0
    assert rig.passes(1) == 1


def test_no_run_is_added_while_the_previous_run_is_unfinished(rig: Rig) -> None:
    rig.schedule("1h")
    assert rig.passes(3 * HOUR + 60, ending=False) == 1
    (schedule,) = rig.all()
    assert (schedule.skipped, schedule.note) == (2, "#1 had not ended")
    rig.end_all()
    assert rig.passes(HOUR) == 2


def test_runs_overlap_on_request(rig: Rig) -> None:
    rig.schedule("1h", overlap=True)
    assert rig.passes(3 * HOUR + 60, ending=False) == 3


@pytest.mark.parametrize(
    ("catch_up", "runs"), [(CatchUp.ONCE, 1), (CatchUp.ALL, 5), (CatchUp.SKIP, 0)]
)
def test_runs_missed_while_suspended_are_caught_up_as_requested(
    rig: Rig, catch_up: CatchUp, runs: int
) -> None:
    rig.schedule("1h", catch_up=catch_up)
    rig.clock.suspend(5.5 * HOUR)
    assert rig.passes(LOOK_AGAIN) == runs
    assert rig.passes(HOUR / 2 + LOOK_AGAIN) == runs + 1


@pytest.mark.parametrize("jump", [HOUR, -HOUR, 30 * 86400.0, -30 * 86400.0])
def test_setting_the_clock_changes_no_interval(rig: Rig, jump: float) -> None:
    rig.schedule("2h")
    assert rig.passes(HOUR) == 0
    rig.clock.set_wall(jump)
    assert rig.passes(HOUR - 60) == 0
    assert rig.passes(60 + LOOK_AGAIN) == 1


def test_a_clock_set_back_a_little_repeats_no_run(rig: Rig) -> None:
    rig.schedule("30 3 * * *")
    assert rig.passes(HOUR) == 1
    rig.clock.set_wall(-HOUR)
    assert rig.passes(2 * HOUR) == 1
    assert rig.passes(23 * HOUR) == 2


def test_correcting_a_clock_by_a_month_delays_no_run(rig: Rig) -> None:
    rig.schedule("30 3 * * *")
    rig.clock.set_wall(-30 * 86400.0)
    assert rig.passes(HOUR) == 1


def test_setting_the_clock_forward_makes_skipped_times_due(rig: Rig) -> None:
    rig.schedule("30 4 * * *")
    rig.clock.set_wall(2 * HOUR)
    assert rig.passes(LOOK_AGAIN) == 1


def test_setting_the_clock_while_idle_does_not_move_a_later_delay(rig: Rig) -> None:
    rig.schedule("1h")
    rig.ask(RemoveSchedule(1))
    rig.clock.set_wall(HOUR)
    rig.schedule("1h")
    assert rig.passes(HOUR - 1) == 0
    assert rig.passes(1) == 1


def test_a_removed_schedule_adds_nothing_and_keeps_its_tasks(rig: Rig) -> None:
    rig.schedule("1h")
    assert rig.passes(HOUR) == 1
    reply = rig.ask(RemoveSchedule(1))
    assert isinstance(reply, SchedulesFound)
    assert reply.schedules[0].runs == 1
    assert rig.passes(5 * HOUR) == 1
    assert rig.all() == ()
    assert rig.schedule("1h").id == 2
    refused = rig.ask(RemoveSchedule(1))
    assert isinstance(refused, Refused)
    assert (refused.text, refused.code) == ("no schedule 1", "unknown")


def test_a_paused_schedule_adds_nothing_until_it_is_resumed(rig: Rig) -> None:
    rig.schedule("1h")
    rig.ask(PauseSchedule(1))
    assert rig.passes(3.5 * HOUR) == 0
    assert rig.clock.scheduled == 0
    rig.ask(PauseSchedule(1, paused=False))
    assert rig.passes(LOOK_AGAIN) == 1
    assert rig.passes(HOUR) == 2


@pytest.mark.parametrize("group", [None, "builds"])
def test_missed_runs_are_caught_up_after_a_pause(rig: Rig, group: str | None) -> None:
    rig.schedule("1h", overlap=True, terms=Terms(group="builds"))
    rig.ask(PauseQueue(group))
    assert rig.passes(3.5 * HOUR) == 0
    rig.ask(PauseQueue(group, paused=False))
    assert rig.passes(LOOK_AGAIN) == 1


def test_an_invalid_schedule_is_refused(rig: Rig) -> None:
    def refusal(
        every: str = "1h",
        zone: str = "UTC",
        kind: str = "fake",
        terms: Terms | None = None,
    ) -> str:
        request = TaskRequest("Job", kind, terms=terms)
        reply = rig.ask(AddSchedule(request, every, zone))
        assert isinstance(reply, Refused)
        assert reply.code == "invalid"
        return reply.text

    assert "not a schedule" in refusal("now and then")
    assert "no time zone" in refusal(zone="Mars/Base")
    assert "unknown kind" in refusal(kind="nothing")
    for terms in (Terms(held=True), Terms(delay=60.0), Terms(at=START)):
        assert "can't wait" in refusal(terms=terms)
    wrong = rig.ask(AddSchedule(TaskRequest("Job", "fake"), 3))  # pyright: ignore[reportArgumentType]
    assert wrong == Refused("every must be str, not int", RefusalCode.INVALID)
    assert rig.all() == ()


def test_a_subscriber_receives_schedule_changes(rig: Rig) -> None:
    rig.schedule("1h")
    heard: Recorder[object] = Recorder("a subscriber")
    rig.ask(Subscribe(heard))
    first = heard.wait_for(Subscribed, lambda _: True)
    assert [it.id for it in first.schedules] == [1]
    rig.passes(HOUR)
    ran = heard.wait_for(SchedulesChanged, lambda it: it.schedules[0].runs == 1)
    assert ran.removed == ()
    rig.ask(RemoveSchedule(1))
    heard.wait_for(SchedulesChanged, lambda it: it.removed == (1,))


def test_a_stopping_queue_adds_no_runs(rig: Rig) -> None:
    rig.schedule("1h")
    rig.ask(CloseQueue("the end"))  # pyright: ignore[reportArgumentType]
    rig.clock.advance(HOUR)
    assert rig.runs() == ()
    refused = rig.ask(AddSchedule(TaskRequest("Job", "fake"), "1h"))
    assert isinstance(refused, Refused)
    assert refused.code == "closing"


# The journal


class FailingJournal(Journal):
    """Fails to commit while the test says so."""

    def __init__(self) -> None:
        self.fails = threading.Event()

    def commit(self) -> None:
        if self.fails.is_set():
            raise JournalError("the disk is full")


def test_no_run_is_added_without_a_journal_entry(tmp_path: Path) -> None:
    journal = FailingJournal()
    rig = Rig(tmp_path, ManualClock(START), journal)
    try:
        rig.schedule("1h")
        rig.passes(HOUR - 1)
        journal.fails.set()
        # The commit with the run fails, so no notification is sent.
        assert rig.passes(3 * HOUR) == 0
        journal.fails.clear()
        assert 1 <= rig.passes(2 * LOOK_AGAIN) <= 2
    finally:
        rig.queue.stop(timeout=PATIENCE)


def reopened(folder: Path, clock: ManualClock) -> Rig:
    journal = SqliteJournal(folder / "session.db")
    memory = journal.load()
    tasks = TaskBook(memory.next_id)
    tasks.restore(memory.tasks, memory.order, memory.environments, memory.rules)
    schedules = ScheduleBook(memory.next_schedule)
    schedules.restore(memory.schedules, memory.schedule_environments)
    return Rig(folder, clock, journal, tasks, schedules)


def test_a_schedule_continues_when_the_session_is_reopened(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    clock = ManualClock(START)
    first = reopened(tmp_path, clock)
    first.schedule("1h")
    first.schedule("30 9 * * *", catch_up=CatchUp.SKIP)
    first.ask(PauseSchedule(2))
    first.schedule("1h")
    first.ask(RemoveSchedule(3))
    assert first.passes(HOUR) == 1
    before = first.all()
    first.queue.stop(timeout=PATIENCE)
    later = ManualClock(START)
    later.advance(5.5 * HOUR)
    second = reopened(tmp_path, later)
    try:
        assert second.all() == before
        assert second.passes(LOOK_AGAIN) == 2  # four runs were missed
        assert second.schedule("1h").id == 4
    finally:
        second.queue.stop(timeout=PATIENCE)


def test_a_run_and_its_schedule_are_written_in_one_transaction(tmp_path: Path) -> None:
    """A kill at any moment neither loses nor repeats a run."""
    tmp_path.chmod(0o700)
    clock = ManualClock(START)
    rig = reopened(tmp_path, clock)
    try:
        rig.schedule("1h")
        for hour in range(1, 4):
            rig.passes(HOUR)
            journal = SqliteJournal(tmp_path / "session.db")
            seen = journal.load()
            journal.release()
            assert len(seen.tasks) == seen.schedules[0].runs == hour
    finally:
        rig.queue.stop(timeout=PATIENCE)


def test_the_runner_receives_the_start_of_a_scheduled_task(rig: Rig) -> None:
    rig.schedule("1h")
    rig.passes(HOUR, ending=False)
    assert rig.runner.wait_for(StartTask, lambda it: it.task.id == 1)
