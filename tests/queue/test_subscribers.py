"""A subscriber receives every change once, in order."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelTask,
    ChatMessage,
    GetTranscript,
    ListTasks,
    MessageSaid,
    Notification,
    QueueReply,
    Subscribe,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskList,
    TaskRequest,
    Transcript,
    Unsubscribe,
    WriteDown,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.journal.writer import WRITE_AGAIN
from backburner.actors.messages import Requests, TaskProgressed
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.testing import Recorder
from msgspec.structs import replace

from tests.queue.rig import DONE, Rig, StartQueue, events, statuses

if TYPE_CHECKING:
    from pathlib import Path


def test_a_subscriber_first_receives_the_current_state(rig: Rig) -> None:
    rig.add()
    rig.add()
    subscriber = rig.subscribe()
    (first,) = subscriber.of(Subscribed)
    assert (first.seq, statuses(first.tasks)) == (2, [(1, "queued"), (2, "queued")])
    assert first.unshown == ()
    rig.add()
    assert events(subscriber) == [(3, "queued", 3)]
    assert subscriber.received[0] == first


def test_a_subscriber_of_one_task_receives_nothing_of_the_others(rig: Rig) -> None:
    for _ in range(3):
        rig.add()
    subscriber: Recorder[Notification] = Recorder("the subscriber")
    rig.ask(Subscribe(subscriber, task_ids=(2, 7)), Acknowledged)
    (first,) = subscriber.of(Subscribed)
    assert statuses(first.tasks) == [(2, "queued")]
    rig.claim(3)
    rig.get(3)
    assert events(subscriber) == [(5, "running", 2)]


def test_a_second_subscription_gives_no_duplicates(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.ask(Subscribe(subscriber), Acknowledged)
    rig.add()
    assert len(subscriber.of(Subscribed)) == 1
    assert len(subscriber.of(TaskChanged)) == 1


def test_messages_sent_during_an_interruption_are_delivered_once(
    start_queue: StartQueue, tmp_path: Path
) -> None:
    rig = start_queue(journal=SqliteJournal(tmp_path / "session.db"))
    begun = rig.clock.now().wall
    messages = [
        ChatMessage(begun + timedelta(seconds=number), "main", "you", text)
        for number, text in enumerate(("before", "private", "missed"), -1)
    ]
    for it in messages:
        rig.ask(WriteDown(it, private=it.text == "private"), Acknowledged)
    # The host may have been killed before or after the write.
    for private in (False, True):
        it = messages[1 if private else 2]
        rig.ask(WriteDown(it, private=private, again=True), Acknowledged)
    rig.ask(WriteDown(replace(messages[2], text="new"), again=True), Acknowledged)

    subscriber: Recorder[Notification] = Recorder("the subscriber")
    rig.ask(Subscribe(subscriber, shows=True, said_since=begun), Acknowledged)
    (first,) = subscriber.of(Subscribed)
    assert [it.text for it in first.said] == ["missed", "new"]
    past = rig.ask(GetTranscript(10), Transcript)
    assert [it.text for it in past.entries if isinstance(it, ChatMessage)] == [
        "before",
        "private",
        "missed",
        "new",
    ]


def test_each_message_is_in_the_history_or_delivered(
    start_queue: StartQueue, tmp_path: Path
) -> None:
    rig = start_queue(journal=SqliteJournal(tmp_path / "session.db"))

    def say(text: str) -> None:
        message = ChatMessage(rig.clock.now().wall, "main", "you", text)
        rig.ask(WriteDown(message), Acknowledged)

    say("before")
    subscriber: Recorder[Notification] = Recorder("the subscriber")
    subscribe = Subscribe(subscriber, shows=True, past=10, correlation_id="past")
    past = rig.ask(subscribe, Transcript)
    say("after")
    assert [it.text for it in past.entries if isinstance(it, ChatMessage)] == ["before"]
    assert [it.message.text for it in subscriber.of(MessageSaid)] == ["after"]
    again = rig.ask(replace(subscribe, past=1), Transcript)
    assert [it.text for it in again.entries if isinstance(it, ChatMessage)] == ["after"]
    assert len(subscriber.of(Subscribed)) == 1


@pytest.mark.parametrize("private", [False, True])
def test_messages_of_the_same_batch_are_in_the_history(
    start_queue: StartQueue, tmp_path: Path, *, private: bool
) -> None:
    rig = start_queue(journal=SqliteJournal(tmp_path / "session.db"))
    subscriber: Recorder[Notification] = Recorder("the subscriber")
    asker: Recorder[QueueReply] = Recorder("the asker")
    message = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    subscribe = Subscribe(subscriber, shows=True, past=10, reply_to=asker)
    rig.tell(Requests((WriteDown(message, private=private), subscribe)))
    kept = replace(message, private=private)
    assert asker.wait_for(Transcript).entries == (kept,)
    rig.ask(ListTasks(), TaskList)
    assert subscriber.of(MessageSaid) == ()


def test_messages_that_a_locked_journal_missed_are_delivered(
    start_queue: StartQueue, tmp_path: Path
) -> None:
    path = tmp_path / "session.db"
    rig = start_queue(journal=SqliteJournal(path))
    rig.add()
    subscriber: Recorder[Notification] = Recorder("the subscriber")
    message = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        rig.tell(WriteDown(message))
        subscribe = Subscribe(subscriber, shows=True, past=10)
        past = rig.ask(subscribe, Transcript)
        assert message not in past.entries
        assert subscriber.of(MessageSaid) == ()
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(MessageSaid).message == message


def test_an_unsubscribed_actor_receives_no_notifications(rig: Rig) -> None:
    stays, leaves = rig.subscribe(), rig.subscribe()
    rig.add()
    rig.ask(Unsubscribe(leaves), Acknowledged)
    rig.ask(Unsubscribe(leaves), Acknowledged)
    rig.add()
    assert events(leaves) == [(1, "queued", 1)]
    assert events(stays) == [(1, "queued", 1), (2, "queued", 2)]


def test_a_dead_subscriber_is_dropped(rig: Rig) -> None:
    dies, lives = rig.subscribe(), rig.subscribe()
    dies.die()
    rig.add()
    assert rig.dead_letters.count == 1
    rig.add()
    assert rig.dead_letters.count == 1
    assert events(lives) == [(1, "queued", 1), (2, "queued", 2)]


@pytest.mark.parametrize("error", [SystemError, SystemExit, asyncio.CancelledError])
def test_a_subscriber_whose_tell_raises_is_dropped(
    rig: Rig, error: type[BaseException]
) -> None:
    class Broken:
        def tell(self, message: Notification, /) -> None:
            raise error(message)

    rig.ask(Subscribe(Broken()), Acknowledged)
    lives = rig.subscribe()
    rig.add()
    rig.add()
    assert rig.dead_letters.count == 1
    assert len(events(lives)) == 2


def test_a_burst_reaches_every_subscriber_in_order_exactly_once(rig: Rig) -> None:
    subscribers = [rig.subscribe(f"subscriber {n}") for n in range(3)]
    for n in range(300):
        rig.tell(AddTask(TaskRequest(f"Task {n}", "fake")))
    rig.ask(ListTasks(), TaskList)
    wanted = [(n, "queued", n) for n in range(1, 301)]
    for subscriber in subscribers:
        assert events(subscriber) == wanted


def test_sequence_numbers_continue_in_a_reopened_session(
    start_queue: StartQueue,
) -> None:
    rig = start_queue(seq=41)
    subscriber = rig.subscribe()
    rig.add()
    assert subscriber.of(Subscribed)[0].seq == 41
    assert events(subscriber) == [(42, "queued", 1)]


def test_every_change_of_a_task_is_one_notification(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.claim(1)
    rig.add()
    rig.clock.advance(1)
    rig.tell(TaskProgressed(1, OutputNews(10, "[1/2] cc", 50)))
    rig.clock.advance(1)
    rig.end(1, DONE, OutputNews(20, "[2/2] cc", 99))
    changes = subscriber.of(TaskChanged)
    assert events(subscriber) == [
        (1, "queued", 1),
        (2, "running", 1),
        (3, "progress", 1),
        (4, "complete", 1),
    ]
    last = changes[-1].task
    assert changes[2].task.progress == 50
    assert (last.output_size, last.last_line, last.progress) == (20, "[2/2] cc", 100)
    assert (last.duration, last.exit_code, last.reason) == (2.0, 0, "exit status 0")


def test_a_notification_comes_before_the_answer(rig: Rig) -> None:
    both: Recorder[object] = Recorder("both")
    rig.ask(Subscribe(both), Acknowledged)
    rig.tell(AddTask(TaskRequest("Build", "fake"), both))
    rig.tell(CancelTask(1, reply_to=both))
    both.wait_for(CancelAccepted)
    kinds = [type(message) for message in both.received]
    assert kinds == [Subscribed, TaskChanged, TaskAdded, TaskChanged, CancelAccepted]
