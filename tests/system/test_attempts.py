"""Further attempts: retries, and restarts after a reboot or an end."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    RefusedError,
    Task,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.rules.attempts import pause_before
from backburner.actors.testing import FakeKind, ManualClock, Recorder, running
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from backburner.actors.testing.fake_kind import FakeJob


COMPLETE, FAILED, CANCELED, RUNNING = (
    TaskStatus.COMPLETE,
    TaskStatus.FAILED,
    TaskStatus.CANCELED,
    TaskStatus.RUNNING,
)


class Driven:
    """A system with a hand-driven clock, and jobs that end when the test says so."""

    def __init__(self, directory: Path, slots: int = 1) -> None:
        self.directory = directory
        self.slots = slots
        self.clock = ManualClock()
        self.open()

    def open(self, **options: object) -> None:
        self.kind = FakeKind()
        self.system = TaskSystem(
            slots=self.slots,
            grace=0.2,
            kinds=[self.kind],
            directory=self.directory,
            clock=self.clock,
            **options,  # pyright: ignore[reportArgumentType]
        )
        self.news: Recorder[object] = Recorder("a subscriber")
        self.system.start([self.news])

    def add(self, **terms: object) -> int:
        asked = Terms(**terms) if terms else None  # pyright: ignore[reportArgumentType]
        return self.system.add("Job", "fake", terms=asked).id

    def job(self, number: int) -> FakeJob:
        """Wait for the `number`th job that was started, and return it."""
        self.kind.wait_for_jobs(number, timeout=PATIENCE)
        return self.kind.jobs[number - 1]

    def fail(self, number: int, exit_code: int | None = 1) -> None:
        self.job(number).fail(f"exit status {exit_code}", exit_code)

    def until(self, matches: Callable[[Task], bool]) -> Task:
        found = self.news.wait_for(
            lambda it: isinstance(it, TaskChanged) and matches(it.task)
        )
        assert isinstance(found, TaskChanged)
        return found.task

    def until_attempt(self, number: int, *, waits: bool = True) -> Task:
        return self.until(
            lambda it: (
                it.attempt is not None
                and (it.attempt.number, it.attempt.waits) == (number, waits)
            )
        )

    def events(self, task_id: int) -> list[TaskEvent]:
        return [
            it.event
            for it in self.news.received
            if isinstance(it, TaskChanged) and it.task.id == task_id
        ]


@pytest.fixture
def driven(tmp_path: Path) -> Iterator[Driven]:
    driven = Driven(tmp_path / "session")
    yield driven
    driven.system.stop()


def test_a_failing_task_makes_the_given_number_of_attempts(driven: Driven) -> None:
    task_id = driven.add(retries=2)
    driven.fail(1)
    waits = driven.until_attempt(2)
    assert waits.status is RUNNING
    assert waits.reason.startswith("exit status 1; attempt 2 of 3 starts at ")
    driven.clock.advance(2.3)
    driven.fail(2)
    driven.until_attempt(3)
    driven.clock.advance(4.5)
    assert driven.until_attempt(3, waits=False).reason == "attempt 3 of 3"
    driven.fail(3, 7)

    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)

    assert (ended.status, ended.exit_code) == (FAILED, 7)
    assert ended.reason == "exit status 7 (attempt 3 of 3)"
    assert ended.error == "exit status 7"
    changes = [it for it in driven.events(task_id) if it is not TaskEvent.PROGRESS]
    assert changes == [TaskEvent.QUEUED, TaskEvent.RUNNING, TaskEvent.FAILED]


def test_no_attempt_follows_one_that_succeeds(driven: Driven) -> None:
    task_id = driven.add(retries=5)
    driven.fail(1)
    driven.until_attempt(2)
    driven.clock.advance(2.3)
    driven.job(2).complete()
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert (ended.status, ended.reason) == (COMPLETE, "done (attempt 2 of 6)")


def test_the_backoff_doubles_up_to_five_minutes_with_jitter() -> None:
    terms = Terms(retries=99)
    assert [pause_before(terms, it, 0.5) for it in range(1, 5)] == [2.0, 4.0, 8.0, 16.0]
    assert pause_before(terms, 90, 0.5) == 300.0
    assert pause_before(Terms(retries=1, retry_delay=10.0), 1, 0.0) == 9.0
    assert pause_before(Terms(retries=1, retry_delay=10.0), 1, 1.0) == 11.0
    assert pause_before(Terms(retries=1, retry_delay=299.0), 1 << 40, 0.5) == 300.0
    for step in (1, 2, 1 << 40):
        assert pause_before(Terms(retries=1, retry_delay=3600.0), step, 0.5) == 3600.0


def test_a_waiting_attempt_holds_no_slot(driven: Driven) -> None:
    first = driven.add(retries=1)
    second = driven.add()
    driven.fail(1)
    driven.job(2)
    assert driven.system.get(second).status is RUNNING
    driven.clock.advance(2.3)
    waits = driven.until(
        lambda it: it.id == first and "waiting for a slot" in it.reason
    )
    assert waits.reason == (
        "exit status 1; attempt 2 of 2: waiting for a slot (1 of 1 busy)"
    )
    driven.job(2).complete()
    driven.job(3).complete()
    (ended,) = driven.system.wait(first, timeout=PATIENCE)
    assert ended.status is COMPLETE


def test_a_cancel_ends_a_task_between_attempts_at_once(driven: Driven) -> None:
    task_id = driven.add(retries=3)
    driven.fail(1)
    driven.until_attempt(2)
    canceled = driven.system.cancel(task_id, reason="canceled by you")
    assert canceled.status is CANCELED
    assert canceled.reason == "canceled by you (before attempt 2 of 4)"
    driven.clock.advance(60)
    assert len(driven.kind.jobs) == 1


def test_a_failure_during_a_cancel_is_not_retried(driven: Driven) -> None:
    driven.kind.ignores = frozenset({"stop", "kill"})
    task_id = driven.add(retries=3)
    job = driven.job(1)
    driven.system.cancel(task_id)
    job.fail("exit status 1", 1)
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert ended.status.is_final


def test_only_the_named_exit_statuses_are_retried(driven: Driven) -> None:
    task_id = driven.add(retries=3, retry_on=(1, 75))
    driven.fail(1, 75)
    driven.until_attempt(2)
    driven.clock.advance(2.3)
    driven.fail(2, 2)
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert ended.reason == "exit status 2 (attempt 2 of 4)"


def test_each_attempt_has_the_full_timeout(driven: Driven) -> None:
    task_id = driven.add(retries=1, timeout=10.0, retry_on=(124,))
    driven.job(1)
    driven.clock.wait_until_scheduled(2)
    driven.clock.advance(9.0)
    assert driven.system.get(task_id).attempt is None
    driven.clock.advance(1.5)
    assert driven.until_attempt(2).reason.startswith("timed out after 10s; attempt 2")
    driven.clock.advance(2.3)
    driven.job(2)
    driven.clock.wait_until_scheduled(2)
    driven.clock.advance(9.0)
    assert driven.system.get(task_id).status is RUNNING
    driven.clock.advance(1.5)
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert ended.reason == "timed out after 10s (attempt 2 of 2)"


def test_a_task_with_restart_always_restarts_after_any_end(driven: Driven) -> None:
    task_id = driven.add(restart="always")
    driven.job(1).complete()
    assert driven.until_attempt(2).reason.startswith("done; run 2 starts at ")
    driven.clock.advance(2.3)
    driven.fail(2)
    driven.until_attempt(3)
    driven.clock.advance(2.3)
    assert len(driven.kind.jobs) == 2  # the delays grow
    driven.clock.advance(2.3)
    driven.job(3)
    driven.system.cancel(task_id)
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert ended.status is CANCELED


def test_a_long_run_resets_the_restart_delay(driven: Driven) -> None:
    driven.add(restart="on-failure")
    for number in (1, 2, 3):
        driven.fail(number)
        driven.until_attempt(number + 1)
        driven.clock.advance(9.0)
    driven.job(4)
    driven.clock.advance(400.0)
    driven.fail(4)
    driven.until_attempt(5)
    driven.clock.advance(2.3)
    driven.job(5).complete()
    ended = driven.until(lambda it: it.status.is_final)
    assert (ended.status, ended.reason) == (COMPLETE, "done (run 5)")


def test_a_waiting_attempt_survives_a_reopening(driven: Driven) -> None:
    task_id = driven.add(retries=2, priority=3)
    driven.fail(1)
    before = driven.until_attempt(2)
    driven.system.stop()
    driven.open()
    after = driven.system.get(task_id)
    assert after.attempt == before.attempt
    assert after.status is RUNNING
    driven.clock.advance(2.3)
    driven.job(1).complete()
    (ended,) = driven.system.wait(task_id, timeout=PATIENCE)
    assert ended.reason == "done (attempt 2 of 3)"
    assert before.duration is not None
    assert ended.duration == pytest.approx(before.duration + 2.3)


def test_the_end_of_the_session_only_interrupts_a_task_with_restart_always(
    driven: Driven,
) -> None:
    stays = driven.add(restart="always")
    driven.job(1)
    driven.system.stop()
    driven.open()
    driven.job(1)
    task = driven.until_attempt(1, waits=False)
    assert (task.id, task.reason) == (stays, "once more")
    driven.system.cancel(stays)


def test_a_pause_holds_further_attempts(driven: Driven) -> None:
    driven.add(retries=1)
    driven.fail(1)
    driven.until_attempt(2)
    driven.system.pause()
    driven.clock.advance(2.3)
    driven.until(lambda it: it.reason.endswith("attempt 2 of 2: everything is paused"))
    driven.system.resume()
    driven.job(2).complete()


def test_setting_the_clock_changes_no_backoff(driven: Driven) -> None:
    driven.add(retries=1)
    driven.fail(1)
    before = driven.until_attempt(2).attempt
    driven.clock.set_wall(-3600)
    driven.clock.advance(2.3)
    driven.job(2).fail()
    assert before is not None
    driven.until(lambda it: it.status.is_final)


def test_suspended_time_counts_towards_the_backoff(driven: Driven) -> None:
    driven.add(retries=1, retry_delay=200.0)
    driven.fail(1)
    driven.until_attempt(2)
    driven.clock.suspend(250.0)
    driven.clock.advance(15.0)  # when it checks the clock again
    driven.job(2).complete()


@pytest.mark.parametrize(
    ("on_reboot", "status"), [(None, FAILED), ("fail", FAILED), ("again", RUNNING)]
)
def test_a_task_runs_again_after_a_reboot_on_request(
    tmp_path: Path, on_reboot: str | None, status: TaskStatus
) -> None:
    driven = Driven(tmp_path / "session")
    task_id = driven.add(on_reboot=on_reboot)
    driven.job(1)
    # The state that a killed program would leave.
    left = tmp_path / "left"
    shutil.copytree(driven.directory, left)
    driven.system.stop()
    with sqlite3.connect(left / "session.db") as db:
        db.execute("UPDATE meta SET value = 'another boot' WHERE key = 'boot'")
    db.close()
    driven.directory = left
    driven.open()
    task = driven.system.get(task_id)
    assert task.status is status
    if status is FAILED:
        assert task.reason == "the machine restarted while it ran"
    else:
        again = driven.until_attempt(1)
        assert again.reason.startswith("the machine restarted while it ran; once more")
        driven.job(1).complete()
    driven.system.stop()


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (Terms(retries=-1), "retries must be a number from 0"),
        (Terms(retry_delay=1.0), "retry-delay needs a number of retries"),
        (Terms(retry_on=(1,)), "retry-on needs a number of retries"),
        (Terms(retries=1, restart="always"), "not both"),
        (Terms(retries=1, retry_delay=0.0), "more than 0"),
    ],
)
def test_invalid_attempts_are_refused(
    driven: Driven, terms: Terms, problem: str
) -> None:
    with pytest.raises(RefusedError, match=problem):
        driven.system.add("Job", "fake", terms=terms)


# With real processes


def test_attempts_share_one_output_file_with_separators() -> None:
    command = "echo run; printf half; exit 75"
    terms = Terms(retries=2, retry_delay=0.01, retry_on=(75,))
    with running(TaskSystem()) as system:
        task = system.add("Flaky", "bash", command, terms=terms)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        lines = [*system.output(task.id)]
        assert ended.reason == "exit status 75 (attempt 3 of 3)"
        assert [it[:44] for it in lines] == [
            "run",
            "half",
            "--- exit status 75; attempt 2 of 3 at "[:44] + lines[2][38:44],
            "run",
            "half",
            "--- exit status 75; attempt 3 of 3 at "[:44] + lines[5][38:44],
            "run",
            "half",
        ]
        assert ended.output_size == sum(len(it) + 1 for it in lines) - 1
        assert ended.last_line == "half"


def test_a_new_attempt_starts_without_progress(tmp_path: Path) -> None:
    marker = tmp_path / "second"
    command = f"[ -e {marker} ] && exec sleep 600; touch {marker}; echo 90%; exit 1"
    with running(TaskSystem(grace=0.1)) as system:
        news: Recorder[object] = Recorder("a subscriber")
        system.subscribe(news)
        task = system.add(
            "Flaky", "bash", command, terms=Terms(retries=1, retry_delay=0.01)
        )
        news.wait_for(
            lambda it: (
                isinstance(it, TaskChanged) and it.task.reason == "attempt 2 of 2"
            )
        )
        assert system.get(task.id).progress is None
        system.cancel(task.id)
        system.wait(task.id, timeout=PATIENCE)


def test_a_job_knows_its_group_and_its_unique_slot(tmp_path: Path) -> None:
    command = f"cd {tmp_path}; echo $BACKBURNER_GROUP $BACKBURNER_SLOT; exec sleep 600"
    with running(TaskSystem(grace=0.1)) as system:
        for _ in range(2):
            system.add("Job", "bash", command, terms=Terms(group="gpus"))
        other = system.add("Job", "bash", "echo $BACKBURNER_GROUP $BACKBURNER_SLOT")
        system.wait(other.id, timeout=PATIENCE)
        assert [*system.output(other.id)] == ["default 0"]
        first = [next(iter(system.output(it, follow=True))) for it in (1, 2)]
        assert first == ["gpus 0", "gpus 1"]
        system.cancel(1)
        system.wait(1, timeout=PATIENCE)
        again = system.add("Job", "bash", command, terms=Terms(group="gpus"))
        assert next(iter(system.output(again.id, follow=True))) == "gpus 0"
        system.cancel_all()


# Resources


def test_tasks_wait_for_the_resources_they_need(tmp_path: Path) -> None:
    driven = Driven(tmp_path / "session", slots=8)
    driven.system.stop()
    driven.open(resources={"gpu": 2, "memory": "16G"})
    for _ in range(2):
        driven.add(needs=(("gpu", 1.0),))
    waits = driven.system.add("Job", "fake", terms=Terms(needs=(("gpu", 1.0),)))
    assert waits.reason == "needs gpu=1; 0 of 2 free"
    big = driven.system.add(
        "Job", "fake", terms=Terms(needs=(("memory", 16.0 * 2**30),))
    )
    assert driven.system.get(big.id).status is RUNNING
    small = driven.system.add("Job", "fake", terms=Terms(needs=(("memory", 1024.0),)))
    assert small.reason == "needs memory=1K; 0 of 16G free"
    driven.kind.job(1).complete()
    driven.kind.job(waits.id)
    with pytest.raises(RefusedError, match="gpu=3 is more than the total of 2"):
        driven.add(needs=(("gpu", 3.0),))
    with pytest.raises(
        RefusedError, match="unknown resource fpga; the resources are: gpu, memory"
    ):
        driven.add(needs=(("fpga", 1.0),))
    driven.system.stop()


def test_a_task_waits_for_a_resource_that_is_no_longer_set(tmp_path: Path) -> None:
    driven = Driven(tmp_path / "session", slots=8)
    driven.system.stop()
    driven.open(resources={"gpu": 1})
    driven.add(needs=(("gpu", 1.0),))
    waits = driven.add(needs=(("gpu", 1.0),))
    driven.system.stop()
    driven.open()
    task = driven.system.get(waits)
    assert (task.status, task.reason) == (
        TaskStatus.QUEUED,
        "needs gpu=1; the total is 0",
    )
    driven.system.stop()


@pytest.mark.parametrize(
    ("resources", "problem"),
    [
        ({"two words": 1}, "can't be the name"),
        ({"gpu": 0}, "the amount must be from"),
        ({"gpu": "many"}, "bad amount 'many'"),
        ({"gpu": float("nan")}, "the amount must be from"),
    ],
)
def test_invalid_resources_are_refused(
    resources: dict[str, float | str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        TaskSystem(resources=resources)
