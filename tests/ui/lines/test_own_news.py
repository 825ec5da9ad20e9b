"""A script on a shared session gets no news of other tasks."""

from __future__ import annotations

from backburner.actors import (
    AddTask,
    JournalTrouble,
    Refused,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TasksForgotten,
)
from backburner.ui.lines.own_news import OwnNews
from chat_driver import ended, queued, running

ADD = AddTask(TaskRequest("Job", "bash"), correlation_id=1)


def change(seq: int, event: TaskEvent, task_id: int) -> TaskChanged:
    make = {TaskEvent.QUEUED: queued, TaskEvent.RUNNING: running}.get(event, ended)
    return TaskChanged(seq, event, make(task_id))


def test_news_that_precede_the_answer_are_kept_until_it() -> None:
    own = OwnNews()
    own.note_request(ADD)
    mine = change(1, TaskEvent.QUEUED, 1)

    assert list(own.take(mine)) == []
    assert list(own.take(change(2, TaskEvent.QUEUED, 2))) == []
    assert list(own.take_reply(TaskAdded(queued(1), 1))) == [mine]
    later = change(3, TaskEvent.COMPLETE, 1)
    assert list(own.take(later)) == [later]
    assert list(own.take(change(4, TaskEvent.COMPLETE, 2))) == []


def test_a_refusal_drops_the_kept_news() -> None:
    own = OwnNews()
    own.note_request(ADD)
    own.take(change(1, TaskEvent.QUEUED, 1))

    assert list(own.take_reply(Refused("no", correlation_id=1))) == []
    assert list(own.take(change(2, TaskEvent.RUNNING, 1))) == []


def test_earlier_tasks_are_left_out_and_journal_trouble_is_passed_on() -> None:
    own = OwnNews()

    (first,) = own.take(
        Subscribed(7, (running(1),), (change(7, TaskEvent.RUNNING, 1),))
    )
    assert first == Subscribed(7, ())
    assert list(own.take(TasksForgotten(7, (1,)))) == []
    assert list(own.take(JournalTrouble("full"))) == [JournalTrouble("full")]


def test_the_forgetting_of_an_own_task_is_passed_on() -> None:
    own = OwnNews()
    own.note_request(ADD)
    own.take_reply(TaskAdded(queued(1), 1))
    assert list(own.take(TasksForgotten(7, (1, 2)))) == [TasksForgotten(7, (1,))]
