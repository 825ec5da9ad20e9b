"""A job that breaks its protocol, and an actor that is stopped from outside."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any, cast

import pykka
import pytest
from backburner.actors import JobEnd, Outcome, TaskStatus
from backburner.actors.messages import Look, SetPaused, Stop, TaskWaits
from backburner.actors.processes.ending import SECONDS
from backburner.actors.rules.safe_text import brief
from backburner.actors.testing import FakeKind, Step
from msgspec.structs import replace
from patience import PATIENCE

from tests.job.rig import CANCELED, LIMIT, Rig, StartActor, shortage

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors import JobContext
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
    start_actor: StartActor, count: int, act: Callable[[FakeJob, Rig], None]
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


_NO_END = "it must return a JobEnd, or None"


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("done", _NO_END),
        (Outcome.complete(), _NO_END),
        (JobEnd(cast("Any", "done")), "its outcome must be Outcome, not str"),
        (
            JobEnd(Outcome.complete(cast("Any", 5))),
            "its outcome.reason must be str, not int",
        ),
        (
            JobEnd(Outcome.complete("done", cast("Any", "0"))),
            "its outcome.exit_code must be int or None, not str",
        ),
        (
            JobEnd(Outcome.complete("done", 1 << 40)),
            "its outcome.exit_code must be int <= 4294967295",
        ),
        (
            JobEnd(Outcome.complete(), left=cast("Any", ("12",))),
            "its left[0] must be mapping, not str",
        ),
    ],
    ids=str,
)
def test_a_look_that_returns_nonsense_fails_the_task(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, end: object, says: str
) -> None:
    job = rig.begin()
    monkeypatch.setattr(job, "look", lambda: end)
    rig.tell(Look())
    rig.tell(Look())
    assert rig.end().outcome.reason == (
        f"bug in kind 'fake': look() returned {brief(repr(end))}; {says}"
    )


@pytest.mark.parametrize("number", ["12", 0, True], ids=repr)
def test_an_invalid_pid_fails_the_task(start_actor: StartActor, number: object) -> None:
    class OddKind(FakeKind):
        def start(self, context: JobContext) -> FakeJob:
            job = super().start(context)
            vars(job)["pid"] = lambda: number
            return job

    rig = start_actor(OddKind())
    rig.start()
    rig.tell(Look())
    assert rig.end().outcome.reason == (
        f"bug in kind 'fake': pid() returned {number!r}; it must return the"
        " id of a process, or None"
    )


@pytest.mark.parametrize("step", ["look", "progress", "pid", "pause", "resume", "stop"])
def test_an_error_of_a_job_names_its_kind_and_the_method(
    start_actor: StartActor, step: Step
) -> None:
    rig = start_actor(FakeKind(raises={step: RuntimeError("planted")}))
    job = rig.begin()
    pause, resume = SetPaused(paused=True), SetPaused(paused=False)
    for message in (pause, resume, Look(), Stop(CANCELED)):
        with contextlib.suppress(pykka.ActorDeadError):
            rig.tell(message)
    assert rig.end().outcome == Outcome.failed(
        f"bug in kind 'fake': {step}() raised RuntimeError('planted'); see the log"
    )
    assert "kill" in job.asked.received


def test_a_kill_that_raises_names_its_kind(start_actor: StartActor) -> None:
    rig = start_actor(FakeKind(raises={"kill": RuntimeError("planted")}))
    rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    ended = rig.end()
    assert ended.abandoned
    assert ended.outcome.reason == (
        "bug in kind 'fake': kill() raised RuntimeError('planted'); see the log"
    )


@pytest.mark.parametrize(
    ("job", "says"),
    [
        (None, "must return a job, not None"),
        ("job", "returned 'job'; it must return a job, which has a method look"),
    ],
)
def test_a_start_that_returns_no_job_names_its_kind(
    start_actor: StartActor, job: object, says: str
) -> None:
    class OddKind(FakeKind):
        def start(self, context: JobContext) -> FakeJob:
            del context
            return cast("FakeJob", job)

    rig = start_actor(OddKind())
    rig.start()
    ended = rig.end()
    assert ended.abandoned
    assert ended.outcome.reason == f"bug in kind 'fake': start() {says}"


def test_a_job_without_a_method_names_its_kind(start_actor: StartActor) -> None:
    class OnlyLooks:
        def look(self) -> None: ...

    class OddKind(FakeKind):
        def start(self, context: JobContext) -> FakeJob:
            del context
            return cast("FakeJob", OnlyLooks())

    rig = start_actor(OddKind())
    rig.start()
    rig.tell(Stop(CANCELED))
    ended = rig.end()
    assert ended.abandoned
    assert ended.outcome.reason.startswith(
        "bug in kind 'fake': stop() raised AttributeError("
    )


def test_a_job_that_cannot_be_paused_says_that_it_keeps_running(
    start_actor: StartActor,
) -> None:
    class Endless:
        def look(self) -> None: ...

    class OddKind(FakeKind):
        def start(self, context: JobContext) -> FakeJob:
            del context
            return cast("FakeJob", Endless())

    rig = start_actor(OddKind())
    rig.start()
    rig.tell(SetPaused(paused=True))
    assert rig.queue.wait_for(TaskWaits).why == (
        "bug in kind 'fake': it has can_pause, but its job has no pause and"
        " resume; the job keeps running"
    )
    rig.tell(SetPaused(paused=False))
    assert rig.queue.wait_for(TaskWaits).why is None


def test_a_job_that_survives_a_kill_is_abandoned(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    job = rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    job.asked.wait_for(lambda step: step == "kill")
    rig.clock.wait_until_scheduled()
    rig.clock.advance(SECONDS - 0.1)
    rig.tell(Stop(CANCELED, now=True))  # a second stop doesn't shorten the grace period
    rig.settle()
    assert rig.runner.received == ()
    rig.clock.advance(0.1)
    ended = rig.end()
    assert ended.abandoned
    assert ended.outcome == replace(
        CANCELED,
        error="could not be ended: bug in kind 'fake': kill() did not end its"
        " job within 2 s",
    )


def test_a_stopped_actor_ends_its_job_and_reports_it(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.actor.stop(timeout=PATIENCE)
    ended = rig.end()
    assert ended.outcome == Outcome.canceled("its actor was stopped")
    assert not ended.abandoned
    assert "kill" in job.asked.received


def test_a_stopped_actor_leaves_an_unkillable_job_to_the_runner(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    rig.begin()
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().abandoned


def test_an_actor_stopped_before_its_job_began_says_so(rig: Rig) -> None:
    rig.kind.raises = shortage("free memory")
    rig.start()
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().outcome == Outcome.canceled("its actor was stopped")


def test_an_actor_stopped_while_its_job_stops_keeps_the_outcome(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    rig.begin()
    rig.tell(Stop(CANCELED))
    rig.actor.stop(timeout=PATIENCE)
    assert rig.end().outcome == CANCELED
