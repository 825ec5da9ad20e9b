"""Claims, ends and cancels of tasks."""

from __future__ import annotations

import pytest
from backburner.actors import (
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ListTasks,
    Outcome,
    TaskAdded,
    TaskChanged,
    TaskFilter,
    TaskList,
    TaskRequest,
    TaskStatus,
    Terms,
)
from backburner.actors.messages import StartTask, StopTask, TaskEnded, TaskProgressed
from backburner.actors.rules.output_news import OutputNews

from tests.queue.rig import DONE, RecordingJournal, Rig, events, statuses


def test_each_claim_starts_one_task(rig: Rig) -> None:
    for _ in range(3):
        rig.add()
    rig.claim(2, slots=2)
    listed = rig.ask(ListTasks(TaskFilter.RUNNING), TaskList)
    assert statuses(listed.tasks) == [(1, "running"), (2, "running")]
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1, 2]
    rig.claim(1, slots=2)
    rig.claim(1, slots=2)
    assert rig.get(3).status is TaskStatus.RUNNING
    rig.add()
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1, 2, 3, 4]
    rig.add()
    assert rig.get(5).status is TaskStatus.QUEUED


def test_a_queued_task_says_what_it_waits_for(rig: Rig) -> None:
    assert rig.add().reason == "waiting for the runner"
    rig.claim(2, slots=2)
    subscriber = rig.subscribe()
    assert rig.add().reason == "starting"
    assert rig.add().reason == "waiting for a slot (2 of 2 busy)"
    assert subscriber.of(TaskChanged)[1].task.reason == "running"


def test_a_dead_runner_fails_its_task_and_gets_no_other(rig: Rig) -> None:
    rig.claim(3)
    rig.runner.die()
    rig.add()
    gone = rig.get(1)
    assert gone.status is TaskStatus.FAILED
    assert gone.reason == "could not be started: the runner is gone"
    rig.add()
    assert rig.get(2).status is TaskStatus.QUEUED


def test_the_end_of_a_task_starts_the_next_in_one_batch(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.claim(1, slots=1)
    rig.add("first")
    rig.add("second")
    commits = journal.log.count("commit")
    rig.tell(TaskEnded(1, DONE, claims=1))
    assert rig.runner.wait_for(StartTask, lambda it: it.task.id == 2)
    assert journal.log.count("commit") == commits + 1


def test_an_invalid_end_frees_its_slot(rig: Rig) -> None:
    rig.claim(1, slots=1)
    rig.add("first")
    rig.add("second")
    rig.tell(TaskEnded(99, DONE, claims=1))
    assert rig.runner.wait_for(StartTask, lambda it: it.task.id == 2)


def test_a_second_end_of_a_task_changes_nothing(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.end(1)
    subscriber = rig.subscribe()
    after = rig.end(1, Outcome.failed("again"))
    assert after.reason == "exit status 0"
    rig.tell(TaskProgressed(1, OutputNews(5)))
    rig.tell(TaskEnded(99, DONE))
    rig.add()
    assert events(subscriber) == [(4, "queued", 2)]


def test_a_canceled_queued_task_never_starts(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.add()
    rig.add()
    (canceled,) = rig.ask(CancelTask(1, "canceled by you"), CancelAccepted).tasks
    assert (canceled.status, canceled.reason) == ("canceled", "canceled by you")
    rig.claim(2)
    rig.get(1)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [2]
    assert (3, "canceled", 1) in events(subscriber)
    assert rig.runner.of(StopTask) == ()


@pytest.mark.parametrize("now", [False, True])
def test_the_runner_receives_the_stop_of_a_running_task(rig: Rig, *, now: bool) -> None:
    subscriber = rig.subscribe()
    rig.claim(1)
    rig.add()
    (stopping,) = rig.ask(CancelTask(1, "canceled by you", now), CancelAccepted).tasks
    assert (stopping.status, stopping.reason) == (
        "running",
        "stopping, canceled by you",
    )
    canceled = Outcome.canceled("canceled by you")
    assert rig.runner.of(StopTask) == (StopTask(1, canceled, now),)
    rig.end(1, canceled)
    assert events(subscriber)[2:] == [(3, "progress", 1), (4, "canceled", 1)]


def test_a_reason_with_any_characters_is_made_safe_for_the_journal(rig: Rig) -> None:
    hostile, safe = "no \x1b[31m\udcff", "no \N{REPLACEMENT CHARACTER}"
    rig.claim(1)
    rig.add()
    rig.add()
    (canceled,) = rig.ask(CancelTask(2, hostile), CancelAccepted).tasks
    assert canceled.reason == safe
    (stopping,) = rig.ask(CancelTask(1, hostile), CancelAccepted).tasks
    assert stopping.reason == f"stopping, {safe}"
    failed = rig.end(1, Outcome.failed(hostile, 2))
    assert (failed.reason, failed.error, failed.exit_code) == (safe, safe, 2)


def test_canceling_all_open_tasks_starts_no_other(rig: Rig) -> None:
    rig.claim(1)
    for _ in range(4):
        rig.add()
    rig.ask(CancelTask(2), CancelAccepted)
    accepted = rig.ask(CancelAll("no more"), CancelAccepted)
    assert statuses(accepted.tasks) == [
        (1, "running"),
        (3, "canceled"),
        (4, "canceled"),
    ]
    rig.claim(1)
    rig.end(1, Outcome.canceled("no more"))
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]
    assert rig.ask(CancelAll(), CancelAccepted).tasks == ()


def test_a_task_that_completes_while_stopping_is_complete(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.ask(CancelTask(1), CancelAccepted)
    assert rig.end(1, DONE).status is TaskStatus.COMPLETE


def test_a_task_to_start_at_once_starts_when_a_runner_arrives(rig: Rig) -> None:
    rig.add()
    request = TaskRequest("Now", "fake", terms=Terms(immediate=True))
    rig.ask(AddTask(request), TaskAdded)
    rig.claim(0, slots=1)
    rig.get(2)
    assert [it.task.id for it in rig.runner.of(StartTask)] == [2]
