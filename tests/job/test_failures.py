"""A job that breaks its protocol, and an actor that is stopped by somebody else."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import Outcome, TaskStatus
from backburner.actors.messages import Look, Stop
from backburner.actors.testing import FakeKind, Step
from patience import PATIENCE

from tests.job.rig import CANCELED, LIMIT, Rig, shortage

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors.testing import FakeJob


STEPS: tuple[Step, ...] = ("pid", "look", "progress", "stop", "kill")


def _complete(job: FakeJob, rig: Rig) -> None:
    del rig
    job.complete()


def _cancel(job: FakeJob, rig: Rig) -> None:
    del job
    with contextlib.suppress(pykka.ActorDeadError):
        rig.tell(Stop(CANCELED))


def _kill(job: FakeJob, rig: Rig) -> None:
    del job
    with contextlib.suppress(pykka.ActorDeadError):
        rig.tell(Stop(CANCELED, now=True))


def _overflow(job: FakeJob, rig: Rig) -> None:
    del rig
    job.write(b"x" * (LIMIT + 1))


def _stop_the_actor(job: FakeJob, rig: Rig) -> None:
    del job
    rig.actor.stop(block=False)


@pytest.mark.parametrize("act", [_complete, _cancel, _kill, _overflow, _stop_the_actor])
@pytest.mark.parametrize("count", [1, 2, len(STEPS)])
def test_a_task_ends_exactly_once_when_any_method_of_its_job_raises(
    start_actor: Callable[[FakeKind], Rig],
    count: int,
    act: Callable[[FakeJob, Rig], None],
) -> None:
    for steps in itertools.combinations(STEPS, count):
        errors: dict[Step, BaseException] = {step: SystemExit(step) for step in steps}
        rig = start_actor(FakeKind(writes_output=True, raises=errors))
        job = rig.begin()
        act(job, rig)
        status = rig.end().outcome.status
        if act is _complete and not {"pid", "look"} & set(steps):
            assert status is TaskStatus.COMPLETE
        if "look" in steps and act is not _stop_the_actor:
            assert status is TaskStatus.FAILED


def test_a_look_that_returns_nonsense_fails_the_task(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = rig.begin()
    monkeypatch.setattr(job, "look", lambda: "done")
    rig.tell(Look())
    rig.tell(Look())
    assert rig.end().outcome.reason.startswith("internal error: AttributeError")


def test_a_job_whose_look_raises_is_killed(rig: Rig) -> None:
    job = rig.begin()
    job.raises["look"] = RuntimeError("planted")
    rig.tell(Look())
    assert rig.end().outcome == Outcome.failed(
        "internal error: RuntimeError('planted')"
    )
    assert "kill" in job.asked.received


def test_an_actor_that_is_stopped_ends_its_job_and_says_so(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.actor.stop(timeout=PATIENCE)
    ended = rig.end()
    assert ended.outcome == Outcome.canceled("its actor was stopped")
    assert not ended.abandoned
    assert "kill" in job.asked.received


def test_an_actor_that_is_stopped_leaves_what_does_not_die_to_the_runner(
    rig: Rig,
) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    rig.begin()
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().abandoned


def test_an_actor_that_is_stopped_before_its_job_began_says_so(rig: Rig) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().outcome == Outcome.canceled("its actor was stopped")


def test_an_actor_that_is_stopped_while_its_job_stops_keeps_the_outcome(
    rig: Rig,
) -> None:
    rig.kind.ignores = frozenset({"stop"})
    rig.begin()
    rig.tell(Stop(CANCELED))
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().outcome == CANCELED
