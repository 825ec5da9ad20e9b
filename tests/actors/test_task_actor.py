"""A TaskActor alone: recorders stand for the queue and the runner."""

from __future__ import annotations

import contextlib
import itertools
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    JobEnd,
    Outcome,
    ShortageError,
    StartError,
    Task,
    TaskActor,
    TaskStatus,
)
from backburner.actors.job.news import QUIET_AFTER
from backburner.actors.messages import (
    JobEnded,
    JobQuiet,
    Look,
    QueueMessage,
    RunnerMessage,
    Stop,
    TaskActorMessage,
    TaskProcess,
    TaskProgressed,
    TaskWaits,
)
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.task_actor import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    TaskActorConfig,
)
from backburner.actors.testing import (
    FakeKind,
    ManualClock,
    ManualExits,
    Recorder,
    Step,
    no_leaks,
)
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backburner.actors.testing import FakeJob

_KEY = f"rig-{os.getpid():x}"
"""Of this run alone: processes that carry the mark of a task are ended."""

GRACE = 5.0
LIMIT = 2048
CANCELED = Outcome.canceled("canceled by you")


@dataclass
class Rig:
    """A TaskActor and what stands around it."""

    kind: FakeKind
    task: Task
    clock: ManualClock = field(default_factory=ManualClock)
    queue: Recorder[QueueMessage] = field(
        default_factory=lambda: Recorder[QueueMessage]("the queue")
    )
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )
    actor: pykka.ActorRef[TaskActor] = field(init=False)

    def start(self) -> None:
        config = TaskActorConfig(
            clock=self.clock,
            exits=ManualExits(),
            dead_letters=DeadLetters(),
            session_key=_KEY,
            grace=GRACE,
            output_limit=LIMIT,
        )
        self.actor = TaskActor.start(
            self.task, self.kind, self.queue, self.runner, config
        )

    def tell(self, message: TaskActorMessage) -> None:
        self.actor.tell(message)

    def begin(self) -> FakeJob:
        self.start()
        return self.kind.job(self.task.id)

    def end(self) -> JobEnded:
        """Return how the job ended; the actor must have ended with that one message."""
        ended = self.runner.wait_for(JobEnded)
        assert self.actor.actor_stopped.wait(PATIENCE)
        assert self.runner.received == (ended,)
        assert ended.task_id == self.task.id
        return ended

    def settle(self) -> None:
        """Wait until the actor has handled what it was told."""
        self.actor.ask(Look(), timeout=PATIENCE)


@pytest.fixture
def start_actor(tmp_path: Path) -> Iterator[Callable[[FakeKind], Rig]]:
    rigs: list[Rig] = []

    def start(kind: FakeKind) -> Rig:
        output = str(tmp_path / "1.log") if kind.writes_output else None
        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        task = Task(
            id=1,
            description="Build",
            kind="fake",
            reason="waiting",
            queued_at=at,
            output_path=output,
        ).started(at)
        rigs.append(Rig(kind, task))
        return rigs[-1]

    with no_leaks():
        yield start
        for rig in rigs:
            rig.actor.stop(timeout=PATIENCE)


@pytest.fixture
def rig(start_actor: Callable[[FakeKind], Rig]) -> Rig:
    return start_actor(FakeKind(writes_output=True))


# The life of a job


def test_a_job_begins_and_completes(rig: Rig) -> None:
    job = rig.begin()
    assert job.context.task == rig.task
    job.complete("built", 0)
    assert rig.end().outcome == Outcome.complete("built", 0)
    assert job.asked.of(str) == ("look",)


def test_a_job_fails_with_its_own_reason(rig: Rig) -> None:
    rig.begin().fail("exit status 2", 2)
    assert rig.end().outcome == Outcome.failed("exit status 2", 2)


def test_an_end_that_was_not_announced_is_found_at_the_next_look(rig: Rig) -> None:
    job = rig.begin()
    job.end(JobEnd(Outcome.complete()), quietly=True)
    rig.tell(Look())
    assert rig.end().outcome.status is TaskStatus.COMPLETE


def test_output_and_progress_are_told_when_they_change(rig: Rig) -> None:
    job = rig.begin()
    job.write(b"[1/4] cc a.c\n")
    told = rig.queue.wait_for(TaskProgressed)
    assert (told.news.size, told.news.last_line) == (13, "[1/4] cc a.c")
    assert told.news.progress == 25
    rig.settle()
    rig.settle()
    assert len(rig.queue.of(TaskProgressed)) == 1
    job.write(b"[2/4] cc b.c\n")
    assert rig.queue.wait_for(TaskProgressed).news.progress == 50


def test_what_a_job_itself_knows_of_its_progress_counts_more(rig: Rig) -> None:
    job = rig.begin()
    job.advance_to(10)
    assert rig.queue.wait_for(TaskProgressed).news.progress == 10
    job.write(b"99%\n")
    news = rig.queue.wait_for(TaskProgressed).news
    assert (news.progress, news.last_line) == (10, "99%")


def test_a_job_without_output_has_progress_too(
    start_actor: Callable[[FakeKind], Rig],
) -> None:
    rig = start_actor(FakeKind())
    job = rig.begin()
    job.advance_to(40)
    assert rig.queue.wait_for(TaskProgressed).news.progress == 40
    job.complete()
    news = rig.end().news
    assert news is not None
    assert (news.progress, news.size) == (40, 0)


def test_the_last_news_come_with_the_end(rig: Rig) -> None:
    job = rig.begin()
    assert job.context.output is not None
    job.context.output.write_bytes(b"the last words\n")
    job.complete()
    news = rig.end().news
    assert news is not None
    assert (news.size, news.last_line) == (15, "the last words")


def test_output_that_was_cut_off_is_named_in_the_end(rig: Rig) -> None:
    job = rig.begin()
    output = Path(rig.task.output_path or "")
    output.write_bytes(b"a" * 1000)
    rig.tell(Look())
    rig.queue.wait_for(TaskProgressed)
    output.write_bytes(b"b\n")
    job.complete("exit status 0", 0)
    ended = rig.end()
    assert ended.outcome.reason == (
        "exit status 0; its command emptied its output file, and 998 B of output are"
        " gone"
    )
    assert ended.news == OutputNews(2, "b", None)


def test_a_job_without_a_process_has_none_noted(rig: Rig) -> None:
    rig.begin()
    rig.settle()
    assert rig.queue.of(TaskProcess) == ()


# What does not start


def test_a_job_is_quiet_when_it_has_had_no_news_for_a_while(rig: Rig) -> None:
    job = rig.begin()
    job.advance_to(10)
    rig.queue.wait_for(TaskProgressed)
    # Each of these is a look.
    for _ in range(QUIET_AFTER - 1):
        rig.settle()
    assert rig.runner.received == ()
    rig.settle()
    assert rig.runner.received == (JobQuiet(1, quiet=True),)
    rig.settle()
    job.advance_to(20)
    rig.queue.wait_for(TaskProgressed)
    rig.settle()
    assert rig.runner.received[1:] == (JobQuiet(1, quiet=False),)


def test_a_start_that_fails_says_why(start_actor: Callable[[FakeKind], Rig]) -> None:
    rig = start_actor(FakeKind(raises={"start": StartError("no \x1b[31mbash\n")}))
    rig.start()
    assert rig.end().outcome == Outcome.failed("no bash ")
    assert rig.kind.jobs == ()


@pytest.mark.parametrize(
    "error", [ValueError("planted"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
def test_a_start_that_raises_anything_fails_the_task(
    start_actor: Callable[[FakeKind], Rig], error: BaseException
) -> None:
    rig, other = start_actor(FakeKind(raises={"start": error})), start_actor(FakeKind())
    rig.start()
    assert rig.end().outcome == Outcome.failed(f"internal error: {error!r}")
    other.begin().complete()
    assert other.end().outcome.status is TaskStatus.COMPLETE


# Stopping


def test_a_job_that_is_stopped_becomes_what_was_imposed(rig: Rig) -> None:
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    assert rig.end().outcome == CANCELED
    assert job.asked.of(str) == ("look", "stop", "look")
    assert rig.clock.scheduled == 0


def test_the_exit_code_of_a_stopped_job_is_kept(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    job.fail("exit status 143", 143)
    assert rig.end().outcome == Outcome.canceled("canceled by you", 143)


def test_a_job_that_had_ended_by_itself_has_ended_by_itself(rig: Rig) -> None:
    job = rig.begin()
    job.end(JobEnd(Outcome.complete("built", 0)), quietly=True)
    rig.tell(Stop(CANCELED))
    assert rig.end().outcome == Outcome.complete("built", 0)
    assert "stop" not in job.asked.received


def test_a_job_that_does_not_stop_is_killed_after_the_grace_period(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    rig.clock.wait_until_scheduled()
    rig.clock.advance(GRACE - 0.1)
    rig.settle()
    assert "kill" not in job.asked.received
    rig.clock.advance(0.1)
    job.asked.wait_for(lambda step: step == "kill")
    assert rig.end().outcome == CANCELED


def test_a_second_stop_cuts_the_grace_period_short_if_it_says_so(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    rig.tell(Stop(Outcome.canceled("once more")))
    rig.settle()
    assert job.asked.received.count("stop") == 1
    rig.tell(Stop(Outcome.canceled("enough"), now=True))
    assert rig.end().outcome == CANCELED
    assert "kill" in job.asked.received
    assert rig.clock.scheduled == 0


def test_a_job_may_be_killed_at_once(rig: Rig) -> None:
    job = rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    assert rig.end().outcome == CANCELED
    assert "stop" not in job.asked.received


def test_what_could_not_be_ended_is_told(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    job = rig.begin()
    rig.tell(Stop(CANCELED, now=True))
    job.asked.wait_for(lambda step: step == "kill")
    job.end(JobEnd(Outcome.failed("killed"), "still alive: 12 (sleep)"))
    outcome = rig.end().outcome
    assert (outcome.status, outcome.error) == ("canceled", "still alive: 12 (sleep)")


def test_too_much_output_ends_the_job_as_failed(rig: Rig) -> None:
    job = rig.begin()
    job.write(b"x" * LIMIT)
    rig.queue.wait_for(TaskProgressed)
    job.write(b"x")
    ended = rig.end()
    assert ended.outcome.status is TaskStatus.FAILED
    assert ended.outcome.reason == "its output went beyond the limit of 2 KiB"
    assert ended.news is not None
    assert ended.news.size == LIMIT + 1
    assert job.asked.received.count("kill") == 1


def test_too_much_output_kills_once_and_then_waits(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"kill"})
    job = rig.begin()
    job.write(b"x" * (LIMIT + 1))
    job.asked.wait_for(lambda step: step == "kill")
    for _ in range(5):
        rig.settle()
    # Killing takes rounds; each new kill would begin them all over again.
    assert job.asked.received.count("kill") == 1
    job.fail("killed")
    assert rig.end().outcome.reason == "its output went beyond the limit of 2 KiB"


def test_too_much_output_of_a_job_that_is_stopping_ends_the_grace_period(
    rig: Rig,
) -> None:
    rig.kind.ignores = frozenset({"stop"})
    job = rig.begin()
    rig.tell(Stop(CANCELED))
    job.asked.wait_for(lambda step: step == "stop")
    job.write(b"x" * (LIMIT + 1))
    assert rig.end().outcome == CANCELED
    assert job.asked.received.count("kill") == 1


# What can't be started just now


def _shortage(what: str) -> dict[Step, BaseException]:
    return {"start": ShortageError(what)}


def test_a_job_that_lacks_something_waits_for_it_and_starts(rig: Rig) -> None:
    rig.kind.raises = _shortage("free memory")
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
    rig.kind.raises = _shortage("free memory")
    rig.start()
    rig.settle()
    rig.kind.raises = {"start": MemoryError()}
    rig.clock.advance(FIRST_PAUSE)
    rig.settle()
    rig.kind.raises = _shortage("a GPU\x1b[2J")
    rig.clock.advance(2 * FIRST_PAUSE)
    rig.settle()
    told = [message.why for message in rig.queue.of(TaskWaits)]
    assert told == ["waiting for free memory", "waiting for a GPU"]


def test_attempts_to_start_become_rarer(rig: Rig) -> None:
    rig.kind.raises = _shortage("free memory")
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
def test_a_job_that_waits_to_start_can_be_canceled(rig: Rig, *, now: bool) -> None:
    rig.kind.raises = _shortage("free memory")
    rig.start()
    rig.tell(Look())
    rig.tell(Stop(CANCELED, now=now))
    assert rig.end().outcome == CANCELED
    rig.kind.raises = {}
    rig.clock.advance(LONGEST_PAUSE)
    assert rig.kind.jobs == ()
    assert rig.clock.scheduled == 0


# Failures on the way


def test_progress_that_is_no_percentage_fails_the_task(rig: Rig) -> None:
    rig.begin().advance_to(150)
    outcome = rig.end().outcome
    assert outcome.status is TaskStatus.FAILED
    assert "a whole number from 0 to 100" in outcome.reason


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


# The actor is stopped by somebody else


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
    rig.kind.raises = _shortage("free memory")
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
