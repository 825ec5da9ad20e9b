"""Tasks that wait for a time: the wall clock is set, and the machine is suspended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import AddTask, GetTask, Task, TaskAdded, TaskFound, TaskRequest
from backburner.actors import Terms as On
from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.kinds import Kinds
from backburner.actors.messages import ClaimTasks, OpenQueue, RunnerMessage, TaskEnded
from backburner.actors.queue.config import QueueConfig
from backburner.actors.queue.times import LOOK_AGAIN
from backburner.actors.queue_actor import QueueActor
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.outcome import Outcome
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, Recorder
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pykka

HOUR = 3600.0


@dataclass
class Rig:
    """A QueueActor with room for tasks, on a clock that the test drives."""

    queue: pykka.ActorRef[QueueActor]
    clock: ManualClock
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )

    def add(self, terms: On) -> Task:
        self.queue.tell(ClaimTasks(self.runner, 1, 1))
        request = TaskRequest("Job", "fake", terms=terms)
        reply: object = self.queue.ask(AddTask(request), timeout=PATIENCE)
        assert isinstance(reply, TaskAdded)
        return reply.task

    def starts_within(self, seconds: float) -> bool:
        """Let time pass in steps, so that the queue can check the clock."""
        while True:
            reply: object = self.queue.ask(GetTask(1), timeout=PATIENCE)
            assert isinstance(reply, TaskFound)
            # Its start may be unwritten, while the data of a killed program is wiped.
            if not reply.task.waits_to_run or reply.task.reason.endswith("starting"):
                return True
            if seconds <= 0:
                return False
            step = min(seconds, LOOK_AGAIN)
            self.clock.advance(step)
            seconds -= step


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    clock = ManualClock()
    config = QueueConfig(Kinds([FakeKind()]), tmp_path, 1000, clock, DeadLetters())
    queue = QueueActor.start(config, TaskBook(), Journal())
    yield Rig(queue, clock)
    queue.stop(timeout=PATIENCE)


def _opened(folder: Path, clock: ManualClock) -> Rig:
    """Open a stored session, whose last program was killed if there was one."""
    journal = SqliteJournal(folder / "session.db")
    memory = journal.load()
    book = TaskBook(memory.next_id)
    book.restore(memory.tasks, memory.order, memory.environments, at=clock.now())
    config = QueueConfig(Kinds([FakeKind()]), folder, 1000, clock, DeadLetters())
    rig = Rig(QueueActor.start(config, book, journal), clock)
    rig.queue.ask(OpenQueue(), timeout=PATIENCE)
    rig.queue.tell(ClaimTasks(rig.runner, 1, 1))
    return rig


def test_a_delay_passes(rig: Rig) -> None:
    task = rig.add(On(delay=300.0))
    assert task.reason.startswith("starts at 2026-01-02 ")
    assert not rig.starts_within(299.9)
    assert rig.starts_within(0.1)
    assert rig.clock.scheduled == 0


@pytest.mark.parametrize("jump", [HOUR, -HOUR])
def test_setting_the_clock_changes_no_delay(rig: Rig, jump: float) -> None:
    rig.add(On(delay=300.0))
    assert not rig.starts_within(150)
    rig.clock.set_wall(jump)
    assert not rig.starts_within(149)
    assert rig.starts_within(1 + LOOK_AGAIN)


def test_a_time_of_day_follows_the_clock(rig: Rig) -> None:
    at = rig.clock.now().wall + timedelta(hours=1)
    rig.add(On(at=at))
    assert not rig.starts_within(HOUR / 2)
    rig.clock.set_wall(-HOUR)
    assert not rig.starts_within(HOUR / 2)
    rig.clock.set_wall(HOUR)
    assert rig.starts_within(LOOK_AGAIN)


def test_time_while_the_machine_is_suspended_counts(rig: Rig) -> None:
    rig.add(On(delay=300.0))
    rig.clock.suspend(299)
    assert not rig.starts_within(0.9)
    rig.clock.suspend(HOUR)
    assert rig.starts_within(LOOK_AGAIN)


def test_a_time_in_the_past_is_due_now(rig: Rig) -> None:
    rig.add(On(at=rig.clock.now().wall - timedelta(hours=1)))
    assert rig.starts_within(1)


@pytest.mark.parametrize(
    ("days", "noticed"), [(-2, True), (2, True), (-2, False)], ids=str
)
@pytest.mark.parametrize(
    "terms", [On(delay=300.0), On(retries=1, retry_delay=300.0)], ids=["delay", "retry"]
)
def test_a_wait_continues_after_a_kill_though_the_clock_was_set(
    tmp_path: Path, terms: On, days: int, *, noticed: bool
) -> None:
    tmp_path.chmod(0o700)
    first = _opened(tmp_path, ManualClock())
    first.add(terms)
    if terms.retries:
        first.queue.tell(TaskEnded(1, Outcome.failed("exit status 1", 1)))
    assert not first.starts_within(100)
    first.clock.set_wall(days * 86400.0)
    if noticed:
        assert not first.starts_within(LOOK_AGAIN)
    first.queue.stop(timeout=PATIENCE)
    second = _opened(tmp_path, first.clock)
    try:
        if noticed:
            assert not second.starts_within(100)
        # A retry is due up to a tenth early or late.
        assert second.starts_within(230 if noticed else 330 + LOOK_AGAIN)
    finally:
        second.queue.stop(timeout=PATIENCE)
