"""A job that can't be started, or not yet."""

from __future__ import annotations

import pytest
from backburner.actors import Outcome, StartError, TaskStatus
from backburner.actors.messages import Look, Stop, TaskWaits
from backburner.actors.task_actor import FIRST_PAUSE, LONGEST_PAUSE
from backburner.actors.testing import FakeKind

from tests.job.rig import CANCELED, Rig, StartActor, shortage


def test_a_failed_start_says_why(start_actor: StartActor) -> None:
    rig = start_actor(FakeKind(raises={"start": StartError("no \x1b[31mbash\n")}))
    rig.start()
    assert rig.end().outcome == Outcome.failed("no bash ")
    assert rig.kind.jobs == ()


@pytest.mark.parametrize(
    "error", [ValueError("planted"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
def test_a_start_that_raises_anything_fails_the_task(
    start_actor: StartActor, error: BaseException
) -> None:
    rig, other = start_actor(FakeKind(raises={"start": error})), start_actor(FakeKind())
    rig.start()
    assert rig.end().outcome == Outcome.failed(
        f"bug in kind 'fake': start() raised {error!r}; see the log"
    )
    other.begin().complete()
    assert other.end().outcome.status is TaskStatus.COMPLETE


def test_a_job_that_lacks_a_resource_waits_for_it_and_starts(rig: Rig) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    assert rig.queue.wait_for(TaskWaits) == TaskWaits(1, "waiting for free memory")
    rig.clock.advance(FIRST_PAUSE)
    rig.settle()
    rig.kind.raises = {}
    rig.clock.advance(2 * FIRST_PAUSE)
    rig.kind.job(1).complete()
    assert rig.end().outcome == Outcome.complete()
    assert rig.queue.of(TaskWaits) == (
        TaskWaits(1, "waiting for free memory"),
        TaskWaits(1, None),
    )


def test_a_job_says_when_it_waits_for_something_else(rig: Rig) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    rig.settle()
    rig.kind.raises = {"start": MemoryError()}
    rig.clock.advance(FIRST_PAUSE)
    rig.settle()
    rig.kind.raises = shortage("a GPU\x1b[2J")
    rig.clock.advance(2 * FIRST_PAUSE)
    rig.settle()
    reasons = [message.why for message in rig.queue.of(TaskWaits)]
    assert reasons == ["waiting for free memory", "waiting for a GPU"]


def test_attempts_to_start_back_off(rig: Rig) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    pause = FIRST_PAUSE
    while pause < 2 * LONGEST_PAUSE:
        rig.settle()
        rig.clock.advance(min(pause, LONGEST_PAUSE) * 0.99)
        rig.settle()
        assert rig.clock.scheduled == 1
        rig.clock.advance(min(pause, LONGEST_PAUSE) * 0.01)
        pause *= 2


@pytest.mark.parametrize("now", [False, True])
def test_a_job_waiting_to_start_can_be_canceled(rig: Rig, *, now: bool) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    rig.tell(Look())
    rig.tell(Stop(CANCELED, now=now))
    assert rig.end().outcome == CANCELED
    rig.kind.raises = {}
    rig.clock.advance(LONGEST_PAUSE)
    assert rig.kind.jobs == ()
    assert rig.clock.scheduled == 0
