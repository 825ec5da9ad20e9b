"""Messages and shown changes are stored, and waits for them answered."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    ChatMessage,
    GetTranscript,
    ListTasks,
    MessageSaid,
    Notification,
    QueueReply,
    Shown,
    Subscribe,
    Subscribed,
    Task,
    TaskChanged,
    TaskEvent,
    TaskList,
    Transcript,
    Unsubscribe,
    WriteDown,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.journal.writer import SHOWN_AFTER, WRITE_AGAIN
from backburner.actors.messages import (
    AwaitShown,
    CloseQueue,
    TaskProcess,
    TaskProgressed,
)
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.testing import ManualClock, Recorder
from patience import PATIENCE

from tests.queue.rig import RecordingJournal, Rig, StartQueue

if TYPE_CHECKING:
    from pathlib import Path


def test_messages_and_shown_changes_are_recorded(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.add()
    message = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    rig.tell(WriteDown(message))
    rig.tell(Shown(1))
    rig.tell(TaskProcess(ProcessRecord(1, 4711, 0.0)))
    rig.ask(ListTasks(), TaskList)
    for entry in (("hello", 1), ("shown", 1), ProcessRecord(1, 4711, 0.0)):
        assert entry in journal.log
    assert journal.log[-1] == "commit"


def test_a_message_is_delivered_to_the_other_chats(rig: Rig) -> None:
    plain, speaker, listener = rig.subscribe(), _face(rig), _face(rig)
    message = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    rig.tell(WriteDown(message, shown_by=speaker))
    assert listener.wait_for(MessageSaid).message == message
    rig.ask(ListTasks(), TaskList)
    for other in (plain, speaker):
        assert other.of(MessageSaid) == ()


def test_a_message_that_must_be_read_is_refused_if_no_chat_shows_it(
    rig: Rig, journal: RecordingJournal
) -> None:
    message = ChatMessage(rig.clock.now().wall, "main", "agent", "may I?")
    question = WriteDown(message, only_if_shown=True, correlation_id=7)
    rig.subscribe()
    assert rig.refusal(question).correlation_id == 7
    assert not any(it == ("may I?", 0) for it in journal.log)
    viewer: Recorder[Notification] = Recorder("the viewer")
    rig.ask(Subscribe(viewer, shows=True), Acknowledged)
    assert rig.ask(question, Acknowledged).correlation_id == 7
    assert viewer.wait_for(MessageSaid).message == message


def test_a_private_message_is_not_delivered(rig: Rig) -> None:
    listener = _face(rig)
    at = rig.clock.now().wall
    news = ChatMessage(at, "main", "", "{}", form="news")
    rig.tell(WriteDown(news, private=True))
    rig.tell(WriteDown(ChatMessage(at, "main", "you", "hello")))
    assert listener.wait_for(MessageSaid).message.text == "hello"
    assert len(listener.of(MessageSaid)) == 1


def test_a_chat_receives_the_unshown_changes(start_queue: StartQueue) -> None:
    task = Task(
        id=1,
        description="Earlier",
        kind="fake",
        reason="",
        queued_at=ManualClock().now().wall,
    )
    earlier = TaskChanged(3, TaskEvent.QUEUED, task)
    rig = start_queue(seq=3, unshown=[earlier])
    rig.add("Later")
    plain, face = rig.subscribe(), _face(rig)
    later = TaskChanged(4, TaskEvent.QUEUED, rig.get(1))
    assert plain.wait_for(Subscribed).unshown == ()
    assert face.wait_for(Subscribed).unshown == (earlier, later)
    rig.tell(Shown(3))
    assert _face(rig).wait_for(Subscribed).unshown == (later,)


def test_the_shown_mark_never_decreases(rig: Rig, journal: RecordingJournal) -> None:
    for _ in range(3):
        rig.add()
    for seq in (2, 1, 3):
        rig.tell(Shown(seq))
    rig.ask(ListTasks(), TaskList)
    assert [it for it in journal.log if it in {("shown", n) for n in (1, 2, 3)}] == [
        ("shown", 2),
        ("shown", 3),
    ]


def _await_shown(rig: Rig) -> Recorder[QueueReply]:
    answer: Recorder[QueueReply] = Recorder("who waits")
    rig.tell(AwaitShown(answer))
    rig.ask(ListTasks(), TaskList)
    return answer


def _face(rig: Rig) -> Recorder[Notification]:
    face: Recorder[Notification] = Recorder("a face")
    rig.ask(Subscribe(face, shows=True), Acknowledged)
    return face


def test_a_wait_is_answered_when_the_last_change_has_been_shown(rig: Rig) -> None:
    _face(rig)
    rig.claim(1)
    rig.add()
    rig.end(1)
    answer = _await_shown(rig)
    rig.tell(Shown(2))
    rig.ask(ListTasks(), TaskList)
    assert answer.received == ()
    rig.tell(Shown(3))
    answer.wait_for(Acknowledged)
    assert _await_shown(rig).received == (Acknowledged(),)


def test_progress_need_not_be_shown(rig: Rig) -> None:
    _face(rig)
    rig.claim(1)
    rig.add()
    rig.tell(Shown(2))
    rig.tell(TaskProgressed(1, OutputNews(5)))
    assert _await_shown(rig).received == (Acknowledged(),)


def test_a_wait_ignores_subscribers_that_show_nothing(rig: Rig) -> None:
    rig.subscribe()
    rig.add()
    assert _await_shown(rig).received == (Acknowledged(),)


@pytest.mark.parametrize("way", ["unsubscribes", "shows no more", "dies"])
def test_a_wait_ignores_a_face_that_leaves(rig: Rig, way: str) -> None:
    face = _face(rig)
    rig.add()
    answer = _await_shown(rig)
    assert answer.received == ()
    match way:
        case "unsubscribes":
            rig.tell(Unsubscribe(face))
        case "shows no more":
            rig.tell(Subscribe(face, shows=False))
        case _:
            face.die()
            rig.add()
    rig.ask(ListTasks(), TaskList)
    assert answer.received == (Acknowledged(),)
    hears = way == "shows no more"
    before = len(face.of(TaskChanged))
    rig.add()
    assert len(face.of(TaskChanged)) == before + hears


def test_a_wait_includes_changes_that_are_not_announced_yet(
    rig: Rig, journal: RecordingJournal
) -> None:
    face = _face(rig)
    rig.claim(1)
    rig.add()
    rig.tell(Shown(2))
    journal.failure = "disk full"
    rig.end(1)
    answer = _await_shown(rig)
    assert answer.received == ()
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    face.wait_for(TaskChanged, lambda it: it.event is TaskEvent.COMPLETE)
    rig.tell(Shown(3))
    answer.wait_for(Acknowledged)


def test_an_orderly_close_is_recorded_as_clean(start_queue: StartQueue) -> None:
    for in_order in (True, False):
        journal = RecordingJournal()
        rig = start_queue(journal=journal)
        if in_order:
            rig.ask(CloseQueue("the session ended"), Acknowledged)
        rig.queue.stop(timeout=PATIENCE)
        assert journal.closed is in_order


def _shown_in(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (shown,) = db.execute("SELECT value FROM meta WHERE key = 'shown'").fetchone()
    return shown


def test_the_shown_mark_is_written_with_the_next_change_or_soon(
    tmp_path: Path, start_queue: StartQueue
) -> None:
    path = tmp_path / "session.db"
    journal = SqliteJournal(path)
    journal.load()
    rig = start_queue(journal=journal)
    watcher = rig.subscribe()
    rig.add()
    watcher.wait_for(TaskChanged)
    rig.tell(Shown(1))
    rig.ask(ListTasks(), TaskList)
    assert _shown_in(path) == 0
    rig.add()
    assert _shown_in(path) == 1

    rig.tell(Shown(2))
    rig.ask(ListTasks(), TaskList)
    assert _shown_in(path) == 1
    shown = rig.ask(GetTranscript(10), Transcript).entries
    assert [it.seq for it in shown if isinstance(it, TaskChanged)] == [1, 2]
    rig.clock.advance(SHOWN_AFTER)
    rig.ask(ListTasks(), TaskList)
    rig.ask(ListTasks(), TaskList)
    assert _shown_in(path) == 2
