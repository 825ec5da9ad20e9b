"""Tests of a program that uses a task system, with a manual clock and without one."""

from __future__ import annotations

from backburner.actors import (
    Notification,
    Task,
    TaskChanged,
    TaskEvent,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import ManualClock, Recorder, make_task, no_leaks

SECONDS_OF_AN_HOUR = 3600.0


def in_one_line(task: Task) -> str:
    """Return the line that the program shows for an ended task."""
    return f"{task.description}: {task.status} ({task.reason})"


def test_an_ended_task_is_shown_in_one_line() -> None:
    task = make_task(7, TaskStatus.FAILED, description="Build", reason="exit status 2")

    assert in_one_line(task) == "Build: failed (exit status 2)"


def test_an_hour_takes_no_time() -> None:
    clock = ManualClock()
    news: Recorder[Notification] = Recorder()
    system = TaskSystem(clock=clock)
    # Threads of asyncio's pool live as long as the process.
    with no_leaks([system], ignore=["asyncio_*"]), system:
        system.subscribe(news)
        nap = system.add("Nap", "sleep", "1h")
        clock.wait_until_scheduled(2)  # the end of the nap, and the look at all jobs
        news.wait_for(TaskChanged, lambda it: it.event is TaskEvent.RUNNING)
        assert news.events() == ((nap.id, "queued"), (nap.id, "running"))
        news.clear()

        clock.advance(SECONDS_OF_AN_HOUR)
        (ended,) = system.wait(nap.id, timeout=60)

        assert ended.duration == SECONDS_OF_AN_HOUR
        news.wait_for(TaskChanged)
        assert news.events() == ((nap.id, "complete"),)
    assert not system.dead_letters.last
