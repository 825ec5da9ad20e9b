"""Batches, and the order of commits and notifications."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from backburner.actors import (
    Acknowledged,
    AddTask,
    CancelTask,
    JournalTrouble,
    ListTasks,
    QueueReply,
    Subscribe,
    TaskAdded,
    TaskChanged,
    TaskList,
    TaskRequest,
    TaskStatus,
)
from backburner.actors.journal.writer import WRITE_AGAIN
from backburner.actors.messages import ClaimTasks, StartTask, TaskEnded
from backburner.actors.queue_actor import BATCH
from backburner.actors.testing import Recorder

from tests.queue.rig import DONE, RecordingJournal, Rig, events

if TYPE_CHECKING:
    import pytest


class Witness(Recorder[Any]):
    """A recorder that also logs its messages in the journal's list."""

    def __init__(self, log: list[object]) -> None:
        super().__init__("the witness")
        self._log = log

    def tell(self, message: object, /) -> None:
        self._log.append(message)
        super().tell(message)


def test_waiting_messages_are_one_batch_and_one_commit(
    rig: Rig, journal: RecordingJournal
) -> None:
    subscriber = rig.subscribe()
    asker: Recorder[QueueReply] = Recorder("the asker")
    with subscriber.blocking():
        rig.tell(AddTask(TaskRequest("First", "fake")))
        subscriber.wait_for(TaskChanged)
        journal.log.clear()
        for n in range(BATCH + 10):
            rig.tell(AddTask(TaskRequest(f"Task {n}", "fake"), asker))
    asker.wait_for_count(TaskAdded, BATCH + 10)
    noted = [entry for entry in journal.log if entry != "commit"]
    assert len(noted) == BATCH + 10
    # Two batches; the current flush and each batch check once more at their end.
    assert journal.log.count("commit") <= 5
    assert len(events(subscriber)) == BATCH + 11


def test_told_requests_share_a_commit(rig: Rig, journal: RecordingJournal) -> None:
    subscriber = rig.subscribe()
    with subscriber.blocking():
        rig.tell(AddTask(TaskRequest("First", "fake")))
        subscriber.wait_for(TaskChanged)
        journal.log.clear()
        for n in range(BATCH + 10):
            rig.tell(AddTask(TaskRequest(f"Task {n}", "fake")))
    subscriber.wait_for(TaskChanged, lambda it: it.task.id == BATCH + 11)
    # Two batches; the current flush and each batch check once more at their end.
    assert journal.log.count("commit") <= 5
    assert rig.get(BATCH + 11).status is TaskStatus.QUEUED


def test_the_refusal_of_a_request_without_reply_is_logged(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        rig.refusal(AddTask(TaskRequest("Build", "asked")))
        rig.tell(AddTask(TaskRequest("Build", "to\x1bld")))
        rig.ask(ListTasks(), TaskList)
    assert "asked" not in caplog.text
    assert "AddTask: unknown kind" in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.records) == 1


def test_a_request_without_reply_is_kept_until_the_journal_can_be_written(
    rig: Rig, journal: RecordingJournal
) -> None:
    subscriber = rig.subscribe()
    journal.failure = "the disk is full"
    rig.tell(AddTask(TaskRequest("Build", "fake")))
    subscriber.wait_for(JournalTrouble)
    assert not subscriber.of(TaskChanged)
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(TaskChanged).task.description == "Build"


def test_a_change_is_written_before_it_is_announced(
    rig: Rig, journal: RecordingJournal
) -> None:
    witness = Witness(journal.log)
    rig.ask(Subscribe(witness), Acknowledged)
    rig.tell(ClaimTasks(witness, 2, 2))
    for _ in range(3):
        rig.tell(AddTask(TaskRequest("Build", "fake"), witness))
    rig.tell(TaskEnded(1, DONE))
    rig.tell(CancelTask(2, reply_to=witness))
    rig.ask(ListTasks(), TaskList)
    log = journal.log
    announced = [change for change in log if isinstance(change, TaskChanged)]
    assert [change.seq for change in announced] == list(range(1, len(announced) + 1))
    assert len(announced) >= 7
    for change in announced:
        noted, heard = log.index(("noted", change.seq)), log.index(change)
        assert "commit" in log[noted:heard]
    for message in log:
        if isinstance(message, StartTask):
            started = [c for c in announced if c.task == message.task]
            assert log.index(started[0]) < log.index(message)
