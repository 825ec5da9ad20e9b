"""Notifications, awaited tasks, and leaving."""

from __future__ import annotations

import pytest
from backburner.actors import (
    BashKind,
    JournalTrouble,
    Outcome,
    Refused,
    SleepKind,
    Subscribed,
    Task,
    TaskAdded,
    TaskEvent,
    TaskFound,
    TasksForgotten,
    Terms,
)
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.context import BY_YOU
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.open_tasks import OpenTasks
from backburner.ui.text.theme import UNICODE_ICONS
from msgspec.structs import replace

from tests.ui.dialogue.talk import Samples, ask, ended_with, tell, texts_of


def test_every_notification_is_shown_once(dialogue: Dialogue, samples: Samples) -> None:
    running = samples[Status.RUNNING]
    assert tell(dialogue, running) == ["#2 running"]
    assert tell(dialogue, running, TaskEvent.PROGRESS) == ["#2 progress"]
    done = ended_with(running, Outcome.complete())
    assert tell(dialogue, done) == ["#2 complete"]


def test_awaited_tasks_are_those_that_have_not_ended(
    dialogue: Dialogue, samples: Samples
) -> None:
    queued, running = samples[Status.QUEUED], samples[Status.RUNNING]
    tell(dialogue, running)
    tell(dialogue, queued)
    assert dialogue.context.open.awaited == (queued, running)
    assert dialogue.context.open.is_any_awaited
    stopping = replace(running, reason="stopping")
    tell(dialogue, stopping, TaskEvent.PROGRESS)
    assert dialogue.context.open.awaited == (queued, stopping)
    tell(dialogue, ended_with(running, Outcome.complete()))
    assert dialogue.context.open.awaited == (queued,)
    assert dialogue.context.open.is_any_awaited
    tell(dialogue, replace(queued, terms=Terms(held=True)), TaskEvent.QUEUED)
    assert dialogue.context.open.awaited == ()
    assert not dialogue.context.open.is_any_awaited


def test_is_any_awaited_does_not_check_every_task(
    dialogue: Dialogue, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    can_end = OpenTasks.can_end

    def noted(tasks: OpenTasks, task: Task) -> bool:
        looked.append(task.id)
        return can_end(tasks, task)

    monkeypatch.setattr(OpenTasks, "can_end", noted)
    tell(dialogue, replace(samples[Status.RUNNING], id=1))
    for task_id in range(2, 100):
        tell(dialogue, replace(samples[Status.QUEUED], id=task_id))
    assert dialogue.context.open.is_any_awaited
    assert looked == [1]  # a script checks this after each notification


def test_earlier_tasks_are_known_but_not_shown_as_news(
    dialogue: Dialogue, samples: Samples
) -> None:
    before = Subscribed(9, tuple(samples.values()))
    assert dialogue.take_notification(before) == []
    assert [task.id for task in dialogue.context.open.awaited] == [1, 2]
    assert not dialogue.unsuccessful
    assert dialogue.take_notification(TasksForgotten(9, (3, 4))) == []


@pytest.mark.parametrize(
    ("outcome", "unsuccessful"),
    [
        (Outcome.complete(), False),
        (Outcome.failed("exit status 1", 1), True),
        (Outcome.canceled(BY_YOU), True),
    ],
)
def test_a_session_is_unsuccessful_if_any_task_failed(
    dialogue: Dialogue, samples: Samples, outcome: Outcome, *, unsuccessful: bool
) -> None:
    running = samples[Status.RUNNING]
    tell(dialogue, running)
    assert not dialogue.unsuccessful
    tell(dialogue, ended_with(running, outcome))
    assert dialogue.unsuccessful is unsuccessful
    tell(dialogue, replace(samples[Status.COMPLETE], id=3))
    assert dialogue.unsuccessful is unsuccessful


def test_wait_without_open_tasks_says_that_all_have_finished(
    dialogue: Dialogue,
) -> None:
    assert texts_of(dialogue.take_line("/wait")) == [
        "> /wait",
        "all tasks have finished",
    ]
    assert not dialogue.busy


def test_waiting_for_all_ends_with_the_last_task(
    dialogue: Dialogue, samples: Samples
) -> None:
    queued, running = samples[Status.QUEUED], samples[Status.RUNNING]
    dialogue.take_notification(Subscribed(2, (queued, running)))
    assert texts_of(dialogue.take_line("/wait")) == ["> /wait"]
    tell(dialogue, running, TaskEvent.PROGRESS)
    assert tell(dialogue, ended_with(running, Outcome.failed("no"))) == ["#2 failed"]
    assert dialogue.busy
    later = replace(queued, id=9)
    tell(dialogue, later)
    tell(dialogue, later.ended(Outcome.canceled(BY_YOU), later.queued_at))
    assert dialogue.busy
    end = queued.ended(Outcome.canceled(BY_YOU), queued.queued_at)
    assert tell(dialogue, end) == [
        "#1 canceled",
        "all tasks have finished; failed: #2; canceled: #1",
    ]
    assert not dialogue.busy


def test_only_the_first_of_many_failed_tasks_are_named(
    dialogue: Dialogue, samples: Samples
) -> None:
    tasks = [replace(samples[Status.RUNNING], id=number) for number in range(1, 9)]
    dialogue.take_notification(Subscribed(2, tuple(tasks)))
    dialogue.take_line("/wait")
    lines: list[str] = []
    for task in tasks:
        lines = tell(dialogue, ended_with(task, Outcome.failed("no")))
    assert lines[-1] == (
        "all tasks have finished; failed: #1, #2, #3, #4, #5 and 3 more"
    )


def test_waiting_ignores_tasks_added_later(
    dialogue: Dialogue, samples: Samples
) -> None:
    running = samples[Status.RUNNING]
    tell(dialogue, running)
    dialogue.take_line("/wait")
    tell(dialogue, replace(running, id=3))
    tell(dialogue, ended_with(running, Outcome.complete()))
    assert not dialogue.busy


def test_waiting_for_one_task_ends_with_it(
    dialogue: Dialogue, samples: Samples
) -> None:
    running = samples[Status.RUNNING]
    other, still_running = replace(running, id=3), replace(running, id=4)
    dialogue.take_notification(Subscribed(2, (running, other, still_running)))
    assert ask(dialogue, "/wait 2", TaskFound(running)) == []
    assert dialogue.busy
    assert tell(dialogue, ended_with(other, Outcome.complete())) == ["#3 complete"]
    assert dialogue.busy
    assert tell(dialogue, ended_with(running, Outcome.complete())) == [
        "#2 complete",
        "#2 has finished",
    ]
    assert not dialogue.busy


def test_waiting_for_a_task_that_has_finished_ends_at_once(
    dialogue: Dialogue, samples: Samples
) -> None:
    for status, says in (
        (Status.COMPLETE, "#3 has finished"),
        (Status.FAILED, "#4 has failed"),
        (Status.CANCELED, "#5 was canceled"),
    ):
        found = TaskFound(samples[status])
        assert ask(dialogue, f"/wait {found.task.id}", found) == [says]
        assert not dialogue.busy


def test_waiting_for_a_missing_task_is_refused(dialogue: Dialogue) -> None:
    assert ask(dialogue, "/wait 9", Refused("no task 9")) == ["! no task 9"]
    assert not dialogue.busy


def test_wait_returns_while_the_journal_cannot_be_written(
    dialogue: Dialogue, samples: Samples
) -> None:
    tell(dialogue, samples[Status.RUNNING])
    dialogue.take_line("/wait")
    assert dialogue.busy
    dialogue.take_notification(JournalTrouble("disk full"))
    assert not dialogue.busy
    dialogue.take_line("/clear")
    assert not dialogue.busy
    dialogue.take_notification(JournalTrouble(None))
    assert dialogue.busy


def test_a_task_whose_request_got_no_answer_is_unsuccessful(dialogue: Dialogue) -> None:
    dialogue.take_line("/tasks")
    dialogue.take_line('/task "Run\x1b[2J tests" bash "make test"')
    dialogue.take_notification(JournalTrouble("database is locked"))
    assert not dialogue.unsuccessful
    (text,) = texts_of(dialogue.take_end())
    assert text.startswith("! Run tests: could not be stored before")
    assert dialogue.unsuccessful


def test_answered_requests_are_not_reported_at_the_end(
    dialogue: Dialogue, samples: Samples
) -> None:
    assert ask(dialogue, "!make", TaskAdded(samples[Status.RUNNING])) == []
    assert dialogue.take_end() == []
    assert not dialogue.unsuccessful


def test_quitting_without_open_tasks_leaves_at_once(dialogue: Dialogue) -> None:
    assert texts_of(dialogue.take_line("/quit")) == ["> /quit", "(leaves)"]


def test_quitting_a_session_without_a_journal_drops_queued_tasks(
    samples: Samples,
) -> None:
    kinds = (BashKind(), SleepKind())
    dialogue = Dialogue(kinds, UNICODE_ICONS, grace=5.0, remembers=False)
    tell(dialogue, samples[Status.QUEUED])
    assert "dropping #1 Deploy" in texts_of(dialogue.take_line("/quit"))


def test_quitting_names_the_tasks_it_ends(dialogue: Dialogue, samples: Samples) -> None:
    tell(dialogue, replace(samples[Status.RUNNING], description="Bu\x1b[2Jild\n"))
    tell(dialogue, samples[Status.QUEUED])
    assert texts_of(dialogue.take_line("/quit")) == [
        "> /quit",
        "ending #2 Build; killed in 5 s at most",
        "starting next time: #1 Deploy",
        "(leaves)",
    ]


def test_quitting_names_paused_tasks_as_ending_and_held_ones_as_held(
    dialogue: Dialogue, samples: Samples
) -> None:
    running, queued = samples[Status.RUNNING], samples[Status.QUEUED]
    tell(dialogue, replace(running, paused_at=running.started_at))
    tell(dialogue, replace(queued, terms=Terms(held=True)))
    assert texts_of(dialogue.take_line("/quit")) == [
        "> /quit",
        f"ending #2 {running.description}; killed in 5 s at most",
        "held until /enqueue: #1 Deploy",
        "(leaves)",
    ]
