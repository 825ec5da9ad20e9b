"""Tests a program around a task system with jobs that the test controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backburner.actors import Notification, TaskChanged, TaskEvent, TaskSystem
from backburner.actors.testing import FakeKind, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_queued_task_runs_when_another_has_failed(
    run_system: Callable[[TaskSystem], TaskSystem],
) -> None:
    fake = FakeKind(writes_output=True)
    system = run_system(TaskSystem(slots=1, kinds=[fake]))
    news: Recorder[Notification] = Recorder()
    system.subscribe(news)

    first = system.add("First", "fake")
    second = system.add("Second", "fake")
    fake.job(first.id).write(b"50%\n")
    half = news.wait_for(TaskChanged, lambda n: n.task.progress == 50)
    fake.job(first.id).fail("out of luck")
    fake.job(second.id).complete()
    system.wait(timeout=60)

    assert half.event is TaskEvent.PROGRESS
    changes = [(n.event, n.task.id) for n in news.of(TaskChanged)]
    ends = [change for change in changes if change[0] is not TaskEvent.PROGRESS]
    assert ends == [
        (TaskEvent.QUEUED, 1),
        (TaskEvent.RUNNING, 1),
        (TaskEvent.QUEUED, 2),
        (TaskEvent.FAILED, 1),
        (TaskEvent.RUNNING, 2),
        (TaskEvent.COMPLETE, 2),
    ]


def test_a_job_that_ignores_the_request_to_stop_is_killed(
    run_system: Callable[[TaskSystem], TaskSystem],
) -> None:
    fake = FakeKind(ignores={"stop"})
    system = run_system(TaskSystem(kinds=[fake], grace=0.05))
    task = system.add("Stubborn", "fake")
    job = fake.job(task.id)

    system.cancel(task.id)
    (ended,) = system.wait(task.id, timeout=60)

    assert ended.reason == "canceled"
    assert [step for step in job.asked.received if step != "look"] == ["stop", "kill"]


def test_a_real_process_leaves_nothing_behind(task_system: TaskSystem) -> None:
    task = task_system.add("Nap", "bash", "sleep 60 & sleep 60")

    task_system.cancel(task.id)
    (ended,) = task_system.wait(task.id, timeout=60)

    assert ended.status == "canceled"
