"""The RunnerActor and its TaskActors: a recorder stands for the queue."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    JobEnd,
    Kinds,
    Outcome,
    RunnerActor,
    SafeActor,
    StartError,
    Task,
    TaskActor,
)
from backburner.actors.job.config import TaskActorConfig
from backburner.actors.messages import (
    Begin,
    ClaimTasks,
    Drain,
    Drained,
    JobEnded,
    JobQuiet,
    QueueMessage,
    RunnerMessage,
    StartTask,
    StopTask,
    TaskActorMessage,
    TaskEnded,
    TaskProgressed,
    TickRunner,
)
from backburner.actors.processes import marks
from backburner.actors.processes.ending import INTERVAL
from backburner.actors.processes.marks import MARK
from backburner.actors.rules.look_schedule import LOOKS_PER_TICK, QUIET_TICKS
from backburner.actors.runner_actor import TICK
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import (
    FakeKind,
    ManualClock,
    ManualExits,
    Recorder,
    no_leaks,
)
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from backburner.actors.testing import FakeJob

_KEY = f"rig-{os.getpid():x}"
"""Unique to this run, because processes with the mark of a task are killed."""

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
CANCELED = Outcome.canceled("canceled by you")


def _task(task_id: int, kind: str = "fake") -> Task:
    return Task(
        id=task_id, description="Build", kind=kind, reason="waiting", queued_at=AT
    ).started(AT)


@dataclass
class Rig:
    """A RunnerActor and its surroundings."""

    slots: int
    kind: FakeKind = field(default_factory=FakeKind)
    clock: ManualClock = field(default_factory=ManualClock)
    queue: Recorder[QueueMessage] = field(
        default_factory=lambda: Recorder[QueueMessage]("the queue")
    )
    dead_letters: DeadLetters = field(default_factory=DeadLetters)
    runner: pykka.ActorRef[RunnerActor] = field(init=False)

    def __post_init__(self) -> None:
        config = TaskActorConfig(
            clock=self.clock,
            exits=ManualExits(),
            dead_letters=self.dead_letters,
            session_key=_KEY,
            grace=5.0,
            output_limit=1000,
        )
        self.runner = RunnerActor.start(
            self.queue, Kinds([self.kind]), self.slots, config
        )

    def tell(self, message: RunnerMessage) -> None:
        self.runner.tell(message)

    def settle(self) -> None:
        """Wait until the runner has handled its messages."""
        self.runner.ask(StopTask(0, CANCELED), timeout=PATIENCE)

    def start(self, *task_ids: int) -> list[FakeJob]:
        for task_id in task_ids:
            self.tell(StartTask(_task(task_id)))
        return [self.kind.job(task_id) for task_id in task_ids]

    def ended(self) -> list[tuple[int, str, str]]:
        return [
            (end.task_id, end.outcome.status.value, end.outcome.reason)
            for end in self.queue.of(TaskEnded)
        ]

    def claimed(self) -> list[int]:
        """Return the claims, including those sent with the end of a task."""
        claims = [
            it.count if isinstance(it, ClaimTasks) else it.claims
            for it in self.queue.received
            if isinstance(it, ClaimTasks | TaskEnded)
        ]
        return [claim for claim in claims if claim]

    def wait_a_while(self) -> None:
        """Let two seconds pass."""
        self.settle()
        self.clock.advance(2.0)
        self.settle()

    def tick(self) -> None:
        self.clock.advance(TICK)
        self.settle()


@pytest.fixture
def start_runner() -> Iterator[Callable[[int], Rig]]:
    rigs: list[Rig] = []

    def start(slots: int) -> Rig:
        rigs.append(Rig(slots))
        return rigs[-1]

    with no_leaks():
        yield start
        for rig in rigs:
            rig.runner.stop(timeout=PATIENCE)


@pytest.fixture
def rig(start_runner: Callable[[int], Rig]) -> Rig:
    return start_runner(4)


@pytest.fixture
def die_silently(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function that ends the only TaskActor without a last message."""

    def die() -> None:
        (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
        with monkeypatch.context() as patched:
            patched.setattr(TaskActor, "on_stop", SafeActor[TaskActorMessage].on_stop)
            ref.stop(timeout=PATIENCE)

    return die


# Slots and claims


def test_a_runner_claims_all_its_slots_and_one_more_for_every_end(rig: Rig) -> None:
    rig.tell(Begin())
    claim = rig.queue.wait_for(ClaimTasks)
    assert (claim.runner, claim.count, claim.slots) == (rig.runner, 4, 4)
    first, second = rig.start(1, 2)
    rig.settle()
    assert rig.claimed() == [4]
    first.complete("built")
    assert rig.queue.wait_for(TaskEnded).outcome == Outcome.complete("built")
    second.fail("exit status 2", 2)
    rig.queue.wait_for(TaskEnded)
    rig.settle()
    assert rig.claimed() == [4, 1, 1]
    assert rig.ended() == [(1, "complete", "built"), (2, "failed", "exit status 2")]


def test_news_of_a_job_reach_the_queue(rig: Rig) -> None:
    (job,) = rig.start(1)
    job.advance_to(30)
    assert rig.queue.wait_for(TaskProgressed).news.progress == 30
    job.complete()
    news = rig.queue.wait_for(TaskEnded).news
    assert news is not None
    assert news.progress == 30


# Ticks


def test_ticks_are_sent_only_while_tasks_run(rig: Rig) -> None:
    rig.tell(Begin())
    rig.settle()
    assert rig.clock.scheduled == 0
    (job,) = rig.start(1)
    rig.settle()
    for _ in range(3):
        assert rig.clock.scheduled == 1
        rig.tick()
    job.asked.wait_for_count(str, 3)
    job.complete()
    rig.queue.wait_for(TaskEnded)
    rig.tick()
    assert rig.clock.scheduled == 0
    rig.start(2)
    rig.settle()
    assert rig.clock.scheduled == 1


def test_an_unannounced_end_is_found_at_a_tick(rig: Rig) -> None:
    (job,) = rig.start(1)
    job.end(JobEnd(Outcome.complete("built")), quietly=True)
    rig.settle()
    assert rig.ended() == []
    rig.tick()
    assert rig.queue.wait_for(TaskEnded).outcome.reason == "built"


def test_many_jobs_are_polled_in_turn(start_runner: Callable[[int], Rig]) -> None:
    count = LOOKS_PER_TICK + 8
    rig = start_runner(count)
    jobs = rig.start(*range(1, count + 1))
    rig.settle()
    rig.tick()
    for job in jobs[-LOOKS_PER_TICK:]:
        job.asked.wait_for(str)
    assert all(job.asked.received == () for job in jobs[:-LOOKS_PER_TICK])
    rig.tick()
    for job in jobs[:-LOOKS_PER_TICK]:
        job.asked.wait_for(str)
    looks = sorted(len(job.asked.wait_for_count(str, 1)) for job in jobs)
    assert looks[-1] <= 2
    jobs[0].complete()
    rig.queue.wait_for(TaskEnded)
    rig.tick()
    rig.tick()
    jobs[1].asked.wait_for_count(str, 2)


def test_a_quiet_job_is_polled_less_often(rig: Rig) -> None:
    quiet, lively = rig.start(1, 2)
    rig.tell(JobQuiet(1, quiet=True))
    for _ in range(QUIET_TICKS):
        rig.settle()
        rig.tick()
    lively.asked.wait_for_count(str, QUIET_TICKS)
    quiet.asked.wait_for(str)
    rig.settle()
    assert len(quiet.asked.received) == 1


def test_a_job_that_starts_does_not_delay_the_ticks_of_others(rig: Rig) -> None:
    (first,) = rig.start(1)
    rig.settle()
    rig.clock.advance(TICK / 2)
    rig.start(2)
    rig.settle()
    looks = len(first.asked.received)
    rig.clock.advance(TICK / 2)
    first.asked.wait_for_count(str, looks + 1)


def test_ticks_get_rare_when_all_jobs_are_quiet_and_come_back(rig: Rig) -> None:
    (job,) = rig.start(1)
    rig.tell(JobQuiet(1, quiet=True))
    rig.settle()
    rig.tick()  # in the mailbox already
    looks = len(job.asked.received)
    for _ in range(QUIET_TICKS - 1):
        rig.tick()
    rig.settle()
    assert len(job.asked.received) == looks
    rig.tick()
    job.asked.wait_for_count(str, looks + 1)
    rig.tell(JobQuiet(1, quiet=False))
    rig.settle()
    rig.tick()
    job.asked.wait_for_count(str, looks + 2)


# Failed starts


def test_a_task_that_cannot_be_started_fails_and_frees_its_slot(rig: Rig) -> None:
    rig.kind.raises["start"] = StartError("bash: not found")
    rig.tell(StartTask(_task(1)))
    assert rig.queue.wait_for(TaskEnded).claims == 1
    assert rig.ended() == [(1, "failed", "bash: not found")]


def test_a_task_of_an_unknown_kind_fails_without_other_effects(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.tell(StartTask(_task(1, kind="fax")))
    assert rig.queue.wait_for(TaskEnded).claims == 1
    (job,) = rig.start(2)
    job.complete()
    rig.queue.wait_for(TaskEnded, lambda end: end.task_id == 2)
    reason = "could not be started: unknown kind 'fax'; the kinds are: fake"
    assert rig.ended()[0] == (1, "failed", reason)
    assert caplog.records == []


def test_a_thread_that_cannot_be_started_fails_the_task(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name.startswith("TaskActor"):
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        rig.tell(StartTask(_task(1)))
        assert rig.queue.wait_for(TaskEnded).claims == 1
    ((_, status, reason),) = rig.ended()
    assert status == "failed"
    assert "can't start new thread" in reason
    (job,) = rig.start(2)
    job.complete()
    assert rig.queue.wait_for(TaskEnded, lambda end: end.task_id == 2)
    rig.tick()
    assert rig.clock.scheduled == 0


# Cancel


def test_a_task_is_stopped_with_the_requested_outcome(rig: Rig) -> None:
    job, other = rig.start(1, 2)
    rig.tell(StopTask(1, CANCELED))
    assert rig.queue.wait_for(TaskEnded).outcome == CANCELED
    assert "stop" in job.asked.received
    assert "stop" not in other.asked.received


def test_an_ended_task_is_not_stopped(rig: Rig) -> None:
    (job,) = rig.start(1)
    job.complete()
    rig.queue.wait_for(TaskEnded)
    rig.tell(StopTask(1, CANCELED))
    rig.tell(StopTask(99, CANCELED))
    rig.settle()
    assert rig.ended() == [(1, "complete", "done")]
    assert rig.dead_letters.count == 0


# Lost actors


def test_processes_of_an_actor_that_died_silently_are_ended_once(
    rig: Rig, die_silently: Callable[[], None]
) -> None:
    rig.start(1)
    rig.settle()
    die_silently()
    rig.tick()
    rig.tick()
    assert rig.ended() == [(1, "failed", "its actor died")]
    rig.wait_a_while()
    assert rig.claimed() == [1]
    assert rig.clock.scheduled == 0


def test_the_pending_last_message_of_a_dead_actor_decides_its_end(rig: Rig) -> None:
    job, other = rig.start(1, 2)
    rig.settle()
    with rig.queue.blocking():
        other.complete()
        rig.queue.wait_for(TaskEnded)
        # The runner is blocked; a tick arrives first, then the last message.
        rig.clock.advance(TICK)
        job.complete("built")
        for ref in pykka.ActorRegistry.get_by_class(TaskActor):
            assert ref.actor_stopped.wait(PATIENCE)
    rig.settle()
    rig.tick()
    assert rig.ended() == [(2, "complete", "done"), (1, "complete", "built")]
    assert rig.claimed() == [1, 1]


def test_a_last_message_after_the_reported_end_is_ignored(rig: Rig) -> None:
    (job,) = rig.start(1)
    rig.settle()
    (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
    with job.asked.blocking():
        stopped = ref.stop(block=False)
        job.asked.wait_for(lambda step: step == "kill")
        assert not ref.is_alive()
        rig.tick()
        rig.settle()
    stopped.get(timeout=PATIENCE)
    rig.wait_a_while()
    assert rig.ended() == [(1, "failed", "its actor died")]
    assert rig.claimed() == [1]


def test_the_end_of_an_unknown_task_is_ignored(rig: Rig) -> None:
    rig.tell(JobEnded(7, Outcome.complete()))
    rig.settle()
    assert rig.queue.received == ()


# Draining


def test_a_drain_ends_all_tasks_and_accepts_no_more(rig: Rig) -> None:
    rig.start(1, 2)
    drained: Recorder[Drained] = Recorder("who drains")
    rig.tell(Drain("the session ended", reply_to=drained))
    drained.wait_for(Drained)
    assert sorted(rig.ended()) == [
        (1, "canceled", "the session ended"),
        (2, "canceled", "the session ended"),
    ]
    rig.tell(StartTask(_task(3)))
    rig.settle()
    assert rig.ended()[-1] == (3, "canceled", "the session ended")
    assert sorted(job.context.task.id for job in rig.kind.jobs) == [1, 2]
    assert rig.claimed() == []
    assert len(drained.received) == 1


def test_a_drain_without_tasks_is_answered_at_once(rig: Rig) -> None:
    drained: Recorder[Drained] = Recorder("who drains")
    rig.tell(Drain("the session ended", reply_to=drained))
    drained.wait_for(Drained)


@pytest.mark.parametrize("hurried", [False, True])
def test_a_drain_waits_for_the_grace_period_unless_it_is_hurried(
    rig: Rig, *, hurried: bool
) -> None:
    rig.kind.ignores = frozenset({"stop"})
    (job,) = rig.start(1)
    drained: Recorder[Drained] = Recorder("who drains")
    rig.tell(Drain("the session ended", reply_to=drained))
    job.asked.wait_for(lambda step: step == "stop")
    rig.settle()
    assert rig.ended() == []
    if hurried:
        rig.tell(Drain("quick", now=True))
    else:
        rig.clock.wait_until_scheduled(2)
        rig.clock.advance(5.0)
    drained.wait_for(Drained)
    assert rig.ended() == [(1, "canceled", "the session ended")]
    assert len(drained.received) == 1


def test_a_drain_may_kill_at_once(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    (job,) = rig.start(1)
    drained: Recorder[Drained] = Recorder("who drains")
    rig.tell(Drain("the session ended", now=True, reply_to=drained))
    drained.wait_for(Drained)
    assert "stop" not in job.asked.received


# Stops from outside, and failures


def test_a_stopped_runner_ends_its_jobs_and_reports_it(rig: Rig) -> None:
    rig.kind.ignores = frozenset({"stop"})
    jobs = rig.start(1, 2)
    rig.runner.stop(timeout=PATIENCE)
    assert rig.ended() == [
        (1, "failed", "the runner was stopped while it ran"),
        (2, "failed", "the runner was stopped while it ran"),
    ]
    for job in jobs:
        job.asked.wait_for(lambda step: step == "kill")


def test_a_stopped_runner_waits_for_no_job(rig: Rig) -> None:
    (job,) = rig.start(1)
    with job.asked.blocking():
        rig.runner.stop(timeout=PATIENCE)
        job.asked.wait_for(lambda step: step == "kill")
    assert rig.ended() == [(1, "failed", "the runner was stopped while it ran")]


@pytest.fixture
def left(written: Callable[[], None], lair: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Return a process with the mark of task 1 that is killed at the end."""
    script = "echo up > up; exec sleep 600"
    environment = {**os.environ, MARK: marks.mark(_KEY, 1)}
    with subprocess.Popen(
        ["bash", "-c", script], env=environment, cwd=lair, start_new_session=True
    ) as child:
        written()
        yield child
        child.kill()


@pytest.fixture
def written(lair: Path) -> Callable[[], None]:
    return lambda: until((lair / "up").exists)


@pytest.mark.parametrize("dies", [False, True])
def test_processes_left_by_an_actor_are_ended_before_its_task(
    rig: Rig,
    left: subprocess.Popen[bytes],
    die_silently: Callable[[], None],
    *,
    dies: bool,
) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    rig.start(1)
    rig.settle()
    if dies:
        die_silently()
        rig.tick()
    else:
        (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
        ref.stop(timeout=PATIENCE)
    assert left.wait(PATIENCE) == -signal.SIGKILL
    while not rig.ended():
        rig.settle()
        rig.clock.advance(INTERVAL)
    reason = ("failed", "its actor died") if dies else ("canceled", _STOPPED)
    assert rig.ended() == [(1, *reason)]


def test_a_stopped_runner_reports_the_end_of_processes_left_by_an_actor(
    rig: Rig, left: subprocess.Popen[bytes]
) -> None:
    rig.kind.ignores = frozenset({"stop", "kill"})
    rig.start(1)
    rig.settle()
    (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
    ref.stop(timeout=PATIENCE)
    rig.settle()
    rig.runner.stop(timeout=PATIENCE)
    assert rig.ended() == [(1, "canceled", _STOPPED)]
    assert left.wait(PATIENCE) == -signal.SIGKILL


_STOPPED = "its actor was stopped"


def test_a_stopped_actor_ends_its_task(rig: Rig) -> None:
    rig.start(1)
    rig.settle()
    (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
    ref.stop(timeout=PATIENCE)
    rig.queue.wait_for(TaskEnded)
    assert rig.ended() == [(1, "canceled", "its actor was stopped")]
    rig.wait_a_while()
    assert rig.claimed() == [1]


def test_ticks_continue_after_a_failed_tick(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = rig.start(1)
    rig.settle()

    def fail(_: object) -> None:
        raise RuntimeError("planted")

    with monkeypatch.context() as patched:
        patched.setattr(RunnerActor, "_tick", fail)
        rig.tell(TickRunner())
        rig.settle()
    looks = len(job.asked.received)
    rig.tick()
    job.asked.wait_for_count(str, looks + 1)


def test_a_dead_queue_does_not_affect_jobs(rig: Rig) -> None:
    (job,) = rig.start(1)
    rig.queue.die()
    job.advance_to(50)
    job.complete()
    (ref,) = pykka.ActorRegistry.get_by_class(TaskActor)
    assert ref.actor_stopped.wait(PATIENCE)
    rig.settle()
    assert rig.dead_letters.count == 1
