"""The QueueActor alone: recorders stand for all others."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import sqlite3
import threading
import weakref
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ChatMessage,
    ForgetFinished,
    Forgotten,
    GetTask,
    GetTranscript,
    InvalidRequestError,
    JournalTrouble,
    Kinds,
    ListTasks,
    MessageSaid,
    Notification,
    Outcome,
    QueueActor,
    QueueReply,
    RefusalCode,
    Refused,
    Shown,
    Subscribe,
    Subscribed,
    Task,
    TaskAdded,
    TaskChanged,
    TaskCounts,
    TaskEvent,
    TaskFilter,
    TaskFound,
    TaskList,
    TaskRequest,
    TasksForgotten,
    TaskStatus,
    Terms,
    Transcript,
    Unsubscribe,
    WriteDown,
)
from backburner.actors.journal import removal
from backburner.actors.journal.protocol import Everything, Journal
from backburner.actors.journal.removal import RemovalActor, remove_output
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.journal.sqlite_file import (
    BusyJournalError,
    DamagedJournalError,
    JournalError,
)
from backburner.actors.journal.unshown import UnshownChanges
from backburner.actors.journal.writer import BUSY, SHOWN_AFTER, WRITE_AGAIN
from backburner.actors.messages import (
    AwaitShown,
    ClaimTasks,
    CloseQueue,
    OpenQueue,
    QueueMessage,
    Requests,
    RunnerMessage,
    StartTask,
    StopTask,
    TaskEnded,
    TaskProcess,
    TaskProgressed,
)
from backburner.actors.queue.deletion import WIPE_AFTER
from backburner.actors.queue_actor import BATCH, QueueConfig
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, Recorder, no_leaks
from msgspec.structs import replace
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from backburner.actors.rules.variables import Variables


AnswerT = TypeVar("AnswerT")

DONE = Outcome.complete("exit status 0", 0)


class RecordingJournal(Journal):
    """Keeps in one list what is noted, committed and, by others, told."""

    def __init__(self) -> None:
        self.log: list[object] = []
        self.failure: str | JournalError | None = None
        self.patience: float | None = None
        self.damage: str | None = None
        self.closed: bool | None = None

    def changed(
        self,
        change: TaskChanged,
        environment: Variables | None = None,
        *,
        always: bool = False,
    ) -> None:
        del environment, always
        self.log.append(("noted", change.seq))

    def runs_as(self, process: ProcessRecord) -> None:
        self.log.append(process)

    def forgot(self, ids: Iterable[int]) -> None:
        self.log.append(("forgot", tuple(ids)))

    def said(self, message: ChatMessage, seq: int) -> None:
        self.log.append((message.text, seq))

    def shown(self, seq: int) -> None:
        self.log.append(("shown", seq))

    def commit(self) -> None:
        if isinstance(self.failure, JournalError):
            raise self.failure
        if self.failure is not None:
            raise JournalError(self.failure)
        if self.damage is not None:
            raise DamagedJournalError(self.damage)
        self.log.append("commit")

    def be_patient(self, seconds: float) -> None:
        self.patience = seconds

    def start_over(self, everything: Everything, why: DamagedJournalError) -> str:
        self.damage = None
        self.log.append(("started over", [task.id for task in everything.tasks]))
        return f"{why}; set aside"

    def transcript(self, limit: int) -> tuple[ChatMessage | TaskChanged, ...]:
        raise JournalError(f"can't read {limit} lines")

    def close(self, *, clean: bool) -> None:
        self.closed = clean


class Witness(Recorder[Any]):
    """A recorder that also notes in the journal's list what it is told."""

    def __init__(self, log: list[object]) -> None:
        super().__init__("the witness")
        self._log = log

    def tell(self, message: object, /) -> None:
        self._log.append(message)
        super().tell(message)


@dataclass
class Rig:
    """A QueueActor and what stands around it."""

    queue: pykka.ActorRef[QueueActor]
    clock: ManualClock
    kind: FakeKind
    dead_letters: DeadLetters
    output: Path
    runner: Recorder[RunnerMessage] = field(
        default_factory=lambda: Recorder[RunnerMessage]("the runner")
    )

    def tell(self, message: QueueMessage) -> None:
        self.queue.tell(message)

    def ask(self, message: QueueMessage, answer: type[AnswerT]) -> AnswerT:
        reply: object = self.queue.ask(message, timeout=PATIENCE)
        assert isinstance(reply, answer)
        return reply

    def add(self, description: str = "Build", *args: str) -> Task:
        request = TaskRequest(description, "fake", args)
        return self.ask(AddTask(request), TaskAdded).task

    def get(self, task_id: int) -> Task:
        return self.ask(GetTask(task_id), TaskFound).task

    def claim(self, count: int, slots: int = 8) -> None:
        self.tell(ClaimTasks(self.runner, count, slots))

    def end(
        self,
        task_id: int,
        outcome: Outcome = DONE,
        news: OutputNews | None = None,
    ) -> Task:
        self.tell(TaskEnded(task_id, outcome, news))
        return self.get(task_id)

    def subscribe(self, name: str = "the subscriber") -> Recorder[Notification]:
        subscriber: Recorder[Notification] = Recorder(name)
        self.ask(Subscribe(subscriber), Acknowledged)
        return subscriber

    def refusal(self, message: QueueMessage) -> Refused:
        return self.ask(message, Refused)


@pytest.fixture
def start_queue(tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def start(  # noqa: PLR0913 - each is one independent setting
        *,
        book: TaskBook | None = None,
        journal: Journal | None = None,
        output_limit: int = 1000,
        seq: int = 0,
        unshown: Iterable[TaskChanged] = (),
        writes_output: bool = True,
    ) -> Rig:
        clock, dead_letters = ManualClock(), DeadLetters()
        kind = FakeKind(writes_output=writes_output)
        config = QueueConfig(
            kinds=Kinds([kind]),
            output=tmp_path,
            output_limit=output_limit,
            clock=clock,
            dead_letters=dead_letters,
        )
        queue = QueueActor.start(
            config,
            book or TaskBook(),
            journal or Journal(),
            seq,
            UnshownChanges(unshown),
        )
        rigs.append(Rig(queue, clock, kind, dead_letters, tmp_path))
        return rigs[-1]

    with no_leaks():
        yield start
        for rig in rigs:
            rig.queue.stop(timeout=PATIENCE)


@pytest.fixture
def rig(start_queue: Callable[..., Rig]) -> Rig:
    return start_queue()


def _events(subscriber: Recorder[Notification]) -> list[tuple[int, str, int]]:
    return [
        (change.seq, change.event.value, change.task.id)
        for change in subscriber.of(TaskChanged)
    ]


def _statuses(tasks: Iterable[Task]) -> list[tuple[int, str]]:
    return [(task.id, task.status.value) for task in tasks]


# Requests and answers


def test_an_added_task_is_queued(rig: Rig) -> None:
    task = rig.add("Build", "a", "b")
    assert (task.id, task.status, task.args) == (1, TaskStatus.QUEUED, ("a", "b"))
    assert task.queued_at == rig.clock.now().wall
    assert task.output_path == str(rig.output / "1.log")
    assert rig.get(1) == task


def test_a_request_with_a_known_key_adds_no_other_task(rig: Rig) -> None:
    request = TaskRequest("Build", "fake", key="a1b2")
    first = rig.ask(AddTask(request), TaskAdded).task
    rig.claim(1)
    rig.end(first.id)

    again = rig.ask(AddTask(request, correlation_id=7), TaskAdded)

    assert (again.task.id, again.task.status, again.correlation_id) == (
        1,
        "complete",
        7,
    )
    assert rig.ask(AddTask(again.task.request), TaskAdded).task.id == 2
    rig.ask(ForgetFinished(), Forgotten)
    assert rig.ask(AddTask(request), TaskAdded).task.id == 3


def test_a_kind_without_output_has_no_output_file(
    start_queue: Callable[..., Rig],
) -> None:
    assert start_queue(writes_output=False).add().output_path is None


def test_a_running_task_is_found_with_its_duration_and_process(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.tell(TaskProcess(ProcessRecord(1, 4711, 0.0)))
    rig.clock.advance(3)
    found = rig.ask(GetTask(1), TaskFound)
    assert (found.pid, found.task.duration) == (4711, 3.0)
    rig.end(1)
    assert rig.ask(GetTask(1), TaskFound).pid is None


def test_lists_hold_what_was_asked_for_and_the_counts(rig: Rig) -> None:
    rig.claim(3)
    for _ in range(5):
        rig.add()
    rig.end(1)
    rig.end(2, Outcome.failed("exit status 2", 2))
    rig.ask(CancelTask(4), CancelAccepted)
    listed = rig.ask(ListTasks(), TaskList)
    assert _statuses(listed.tasks) == [
        (1, "complete"),
        (2, "failed"),
        (3, "running"),
        (4, "canceled"),
        (5, "queued"),
    ]
    assert listed.counts == TaskCounts(1, 1, 1, 1, 1)
    for which, ids in {
        TaskFilter.FINISHED: [1, 2, 4],
        TaskFilter.NOT_CANCELED: [1, 2, 3, 5],
        TaskFilter.QUEUED: [5],
    }.items():
        tasks = rig.ask(ListTasks(which), TaskList).tasks
        assert [task.id for task in tasks] == ids


@pytest.mark.parametrize(
    ("message", "answer"),
    [
        (AddTask(TaskRequest("Build", "fake")), TaskAdded),
        (GetTask(1), TaskFound),
        (ListTasks(), TaskList),
        (CancelTask(1), CancelAccepted),
        (CancelAll(), CancelAccepted),
        (ForgetFinished(), Forgotten),
        (Subscribe(Recorder()), Acknowledged),
        (Unsubscribe(Recorder()), Acknowledged),
        (GetTranscript(10), Transcript),
        (OpenQueue(), Acknowledged),
        (CloseQueue("the session ended"), Acknowledged),
        (GetTask(99), Refused),
        (CancelTask(99), Refused),
        (AddTask(TaskRequest("", "fake")), Refused),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else repr(value)[:12],
)
def test_every_request_is_answered_in_both_manners(
    start_queue: Callable[..., Rig],
    message: Any,  # noqa: ANN401 - any of the union, with all its fields
    answer: type[Any],
) -> None:
    asked, told = start_queue(), start_queue()
    asked.add()
    told.add()
    reply = asked.ask(replace(message, correlation_id="seven"), answer)
    assert reply.correlation_id == "seven"

    asker: Recorder[QueueReply] = Recorder("the asker")
    told.tell(replace(message, reply_to=asker, correlation_id=7))
    assert asker.wait_for(answer) == replace(reply, correlation_id=7)
    told.ask(ListTasks(), TaskList)
    assert len(asker.received) == 1


def test_an_ask_with_reply_to_is_answered_there_alone(rig: Rig) -> None:
    asker: Recorder[QueueReply] = Recorder("the asker")
    assert rig.queue.ask(GetTask(1, asker), timeout=PATIENCE) is None
    asker.wait_for(Refused)


# What is refused


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (
            TaskRequest("Build", "fax"),
            "unknown kind 'fax'; the kinds are: fake",
        ),
        (
            TaskRequest("  ", "fake"),
            "missing description",
        ),
        (
            TaskRequest("\ud800", "fake"),
            "the text is not valid UTF-8; correct it",
        ),
        (
            TaskRequest("Build", "fake", ("fine", "\udcff")),
            "the text is not valid UTF-8; correct it",
        ),
        (
            TaskRequest("Build", "fake", origin="\udcff"),
            "the text is not valid UTF-8; correct it",
        ),
    ],
    ids=str,
)
def test_a_request_that_makes_no_sense_is_refused_for_good(
    rig: Rig, request_: TaskRequest, text: str
) -> None:
    refused = rig.refusal(AddTask(request_))
    assert (refused.text, refused.code) == (text, RefusalCode.INVALID)
    assert rig.ask(ListTasks(), TaskList).tasks == ()


def test_a_kind_refuses_arguments_in_its_own_words(rig: Rig) -> None:
    rig.kind.raises["check"] = InvalidRequestError("give it a number")
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake", ("x",))))
    assert (refused.text, refused.code) == (
        "give it a number",
        RefusalCode.INVALID,
    )


def test_a_finished_task_cant_be_canceled(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.end(1)
    refused = rig.refusal(CancelTask(1))
    assert refused == Refused(
        "task 1 has already finished (complete: exit status 0)", RefusalCode.FINISHED
    )
    assert rig.get(1).status is TaskStatus.COMPLETE


@pytest.mark.parametrize("message", [GetTask(2), CancelTask(2)], ids=repr)
def test_an_unknown_id_is_told_from_a_forgotten_one(
    rig: Rig, message: GetTask | CancelTask
) -> None:
    unknown = "no task 2"
    rig.add()
    assert rig.refusal(message) == Refused(unknown, RefusalCode.UNKNOWN)
    rig.add()
    rig.ask(CancelTask(2), CancelAccepted)
    rig.ask(ForgetFinished(), Forgotten)
    assert rig.refusal(message).text == "task 2 has left the history"
    assert rig.refusal(replace(message, task_id=0)).text == unknown.replace("2", "0", 1)


def test_a_closed_queue_takes_no_new_tasks(rig: Rig) -> None:
    rig.ask(CloseQueue("the session ended"), Acknowledged)
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake")))
    assert refused.text == "the session is ending and takes no new tasks"
    assert refused.code is RefusalCode.CLOSING


@pytest.mark.parametrize(
    "error", [RuntimeError("planted"), SystemExit(3), KeyboardInterrupt()], ids=repr
)
def test_a_handler_that_fails_answers_nevertheless(
    rig: Rig, error: BaseException
) -> None:
    rig.kind.raises["check"] = error
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake"), correlation_id=5))
    assert refused.text == f"internal error: {error!r}; see the log"
    assert (refused.code, refused.correlation_id) == (RefusalCode.FAILED, 5)
    asker: Recorder[QueueReply] = Recorder("the asker")
    rig.tell(AddTask(TaskRequest("Build", "fake"), asker, 6))
    assert asker.wait_for(Refused).correlation_id == 6
    rig.kind.raises.clear()
    assert rig.add().id == 1


def test_requests_that_come_together_are_one_batch_and_each_has_its_answer(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(args: tuple[str, ...]) -> None:
        if args:
            raise ValueError(args[0])

    monkeypatch.setattr(rig.kind, "check", check)
    asker: Recorder[QueueReply] = Recorder("the asker")
    good, bad = TaskRequest("Build", "fake"), TaskRequest("Build", "fake", ("planted",))
    rig.tell(
        Requests(
            (
                AddTask(good, asker, 1),
                AddTask(bad, asker, 2),
                CancelTask(9, reply_to=asker, correlation_id=3),
                AddTask(good, asker, 4),
            )
        )
    )
    asker.wait_for_count(TaskAdded, 2)
    first, failed, refused, last = asker.received
    assert isinstance(first, TaskAdded)
    assert isinstance(failed, Refused)
    assert failed.text == "internal error: ValueError('planted'); see the log"
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.UNKNOWN
    assert isinstance(last, TaskAdded)
    assert [it.correlation_id for it in (first, failed, refused, last)] == [1, 2, 3, 4]
    assert (first.task.id, last.task.id) == (1, 2)


# Subscribers


def test_a_subscriber_first_gets_all_there_is(rig: Rig) -> None:
    rig.add()
    rig.add()
    subscriber = rig.subscribe()
    (first,) = subscriber.of(Subscribed)
    assert (first.seq, _statuses(first.tasks)) == (2, [(1, "queued"), (2, "queued")])
    assert first.unshown == ()
    rig.add()
    assert _events(subscriber) == [(3, "queued", 3)]
    assert subscriber.received[0] == first


def test_a_subscriber_may_subscribe_twice_and_hears_once(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.ask(Subscribe(subscriber), Acknowledged)
    rig.add()
    assert len(subscriber.of(Subscribed)) == 1
    assert len(subscriber.of(TaskChanged)) == 1


def test_what_was_said_is_in_the_past_or_is_told(
    start_queue: Callable[..., Rig], tmp_path: Path
) -> None:
    rig = start_queue(journal=SqliteJournal(tmp_path / "session.db"))

    def say(text: str) -> None:
        said = ChatMessage(rig.clock.now().wall, "main", "you", text)
        rig.ask(WriteDown(said), Acknowledged)

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


def test_who_unsubscribed_hears_nothing_more(rig: Rig) -> None:
    stays, leaves = rig.subscribe(), rig.subscribe()
    rig.add()
    rig.ask(Unsubscribe(leaves), Acknowledged)
    rig.ask(Unsubscribe(leaves), Acknowledged)
    rig.add()
    assert _events(leaves) == [(1, "queued", 1)]
    assert _events(stays) == [(1, "queued", 1), (2, "queued", 2)]


def test_a_dead_subscriber_is_dropped_and_harms_nobody(rig: Rig) -> None:
    dies, lives = rig.subscribe(), rig.subscribe()
    dies.die()
    rig.add()
    assert rig.dead_letters.count == 1
    rig.add()
    assert rig.dead_letters.count == 1
    assert _events(lives) == [(1, "queued", 1), (2, "queued", 2)]


@pytest.mark.parametrize("error", [SystemError, SystemExit, asyncio.CancelledError])
def test_a_subscriber_whose_tell_raises_is_dropped_and_harms_nobody(
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
    assert len(_events(lives)) == 2


def test_a_burst_reaches_every_subscriber_in_order_exactly_once(rig: Rig) -> None:
    subscribers = [rig.subscribe(f"subscriber {n}") for n in range(3)]
    for n in range(300):
        rig.tell(AddTask(TaskRequest(f"Task {n}", "fake")))
    rig.ask(ListTasks(), TaskList)
    wanted = [(n, "queued", n) for n in range(1, 301)]
    for subscriber in subscribers:
        assert _events(subscriber) == wanted


def test_numbers_go_on_where_the_session_stopped(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue(seq=41)
    subscriber = rig.subscribe()
    rig.add()
    assert subscriber.of(Subscribed)[0].seq == 41
    assert _events(subscriber) == [(42, "queued", 1)]


def test_every_change_of_a_life_is_one_notification(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.claim(1)
    rig.add()
    rig.clock.advance(1)
    rig.tell(TaskProgressed(1, OutputNews(10, "[1/2] cc", 50)))
    rig.clock.advance(1)
    rig.end(1, DONE, OutputNews(20, "[2/2] cc", 99))
    changes = subscriber.of(TaskChanged)
    assert _events(subscriber) == [
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


# Batches, and the order of writing down and telling


def test_what_waits_is_one_batch_and_one_commit(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
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
    # Two batches; the flush under way and each of them look once more at their end.
    assert journal.log.count("commit") <= 5
    assert len(_events(subscriber)) == BATCH + 11


def test_what_is_only_told_needs_no_commit_of_its_own(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    with subscriber.blocking():
        rig.tell(AddTask(TaskRequest("First", "fake")))
        subscriber.wait_for(TaskChanged)
        journal.log.clear()
        for n in range(BATCH + 10):
            rig.tell(AddTask(TaskRequest(f"Task {n}", "fake")))
    subscriber.wait_for(TaskChanged, lambda it: it.task.id == BATCH + 11)
    # Two batches; the flush under way and each of them look once more at their end.
    assert journal.log.count("commit") <= 5
    assert rig.get(BATCH + 11).status is TaskStatus.QUEUED


def test_a_refusal_that_nobody_waits_for_is_logged(
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


def test_what_was_only_told_is_kept_until_it_can_be_written_down(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    journal.failure = "the disk is full"
    rig.tell(AddTask(TaskRequest("Build", "fake")))
    subscriber.wait_for(JournalTrouble)
    assert not subscriber.of(TaskChanged)
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(TaskChanged).task.description == "Build"


def test_a_change_is_written_down_before_anybody_hears_of_it(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    witness = Witness(journal.log)
    rig.ask(Subscribe(witness), Acknowledged)
    rig.tell(ClaimTasks(witness, 2, 2))
    for _ in range(3):
        rig.tell(AddTask(TaskRequest("Build", "fake"), witness))
    rig.tell(TaskEnded(1, DONE))
    rig.tell(CancelTask(2, reply_to=witness))
    rig.ask(ListTasks(), TaskList)
    log = journal.log
    told = [change for change in log if isinstance(change, TaskChanged)]
    assert [change.seq for change in told] == list(range(1, len(told) + 1))
    assert len(told) >= 7
    for change in told:
        noted, heard = log.index(("noted", change.seq)), log.index(change)
        assert "commit" in log[noted:heard]
    for message in log:
        if isinstance(message, StartTask):
            started = [c for c in told if c.task == message.task]
            assert log.index(started[0]) < log.index(message)


def test_what_is_said_and_shown_is_noted(start_queue: Callable[..., Rig]) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.add()
    said = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    rig.tell(WriteDown(said))
    rig.tell(Shown(1))
    rig.tell(TaskProcess(ProcessRecord(1, 4711, 0.0)))
    rig.ask(ListTasks(), TaskList)
    for entry in (("hello", 1), ("shown", 1), ProcessRecord(1, 4711, 0.0)):
        assert entry in journal.log
    assert journal.log[-1] == "commit"


def test_what_is_said_is_told_to_the_others_who_show_it(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue()
    plain, speaker, listener = rig.subscribe(), _face(rig), _face(rig)
    said = ChatMessage(rig.clock.now().wall, "main", "you", "hello")
    rig.tell(WriteDown(said, shown_by=speaker))
    assert listener.wait_for(MessageSaid).message == said
    rig.ask(ListTasks(), TaskList)
    for other in (plain, speaker):
        assert other.of(MessageSaid) == ()


def test_what_somebody_has_to_read_is_refused_if_nobody_shows_it(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    said = ChatMessage(rig.clock.now().wall, "main", "agent", "may I?")
    question = WriteDown(said, only_if_shown=True, correlation_id=7)
    rig.subscribe()
    assert rig.refusal(question).correlation_id == 7
    assert not any(it == ("may I?", 0) for it in journal.log)
    viewer: Recorder[Notification] = Recorder("the viewer")
    rig.ask(Subscribe(viewer, shows=True), Acknowledged)
    assert rig.ask(question, Acknowledged).correlation_id == 7
    assert viewer.wait_for(MessageSaid).message == said


def test_what_a_chat_keeps_for_itself_is_told_to_nobody(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue()
    listener = _face(rig)
    at = rig.clock.now().wall
    news = ChatMessage(at, "main", "", "{}", form="news")
    rig.tell(WriteDown(news, private=True))
    rig.tell(WriteDown(ChatMessage(at, "main", "you", "hello")))
    assert listener.wait_for(MessageSaid).message.text == "hello"
    assert len(listener.of(MessageSaid)) == 1


def test_who_shows_changes_gets_those_that_nobody_was_shown(
    start_queue: Callable[..., Rig],
) -> None:
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


def test_shown_never_goes_back(start_queue: Callable[..., Rig]) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
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


def test_who_waits_is_answered_when_the_last_change_has_been_shown(rig: Rig) -> None:
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


def test_nobody_waits_for_those_who_show_nothing(rig: Rig) -> None:
    rig.subscribe()
    rig.add()
    assert _await_shown(rig).received == (Acknowledged(),)


@pytest.mark.parametrize("way", ["unsubscribes", "shows no more", "dies"])
def test_nobody_waits_for_a_face_that_leaves(rig: Rig, way: str) -> None:
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


def test_what_cant_be_told_yet_is_waited_for(start_queue: Callable[..., Rig]) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
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


def test_a_queue_that_was_closed_in_order_is_noted_as_clean(
    start_queue: Callable[..., Rig],
) -> None:
    for in_order in (True, False):
        journal = RecordingJournal()
        rig = start_queue(journal=journal)
        if in_order:
            rig.ask(CloseQueue("the session ended"), Acknowledged)
        rig.queue.stop(timeout=PATIENCE)
        assert journal.closed is in_order


# Claims


def test_a_claim_starts_one_task_each(rig: Rig) -> None:
    for _ in range(3):
        rig.add()
    rig.claim(2, slots=2)
    listed = rig.ask(ListTasks(TaskFilter.RUNNING), TaskList)
    assert _statuses(listed.tasks) == [(1, "running"), (2, "running")]
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


def test_a_runner_that_is_gone_fails_the_task_and_is_given_no_other(rig: Rig) -> None:
    rig.claim(3)
    rig.runner.die()
    rig.add()
    gone = rig.get(1)
    assert gone.status is TaskStatus.FAILED
    assert gone.reason == "could not be started: the runner is gone"
    rig.add()
    assert rig.get(2).status is TaskStatus.QUEUED


def test_the_end_of_a_task_starts_the_next_in_one_batch(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1, slots=1)
    rig.add("first")
    rig.add("second")
    commits = journal.log.count("commit")
    rig.tell(TaskEnded(1, DONE, claims=1))
    assert rig.runner.wait_for(StartTask, lambda it: it.task.id == 2)
    assert journal.log.count("commit") == commits + 1


def test_an_end_that_makes_no_sense_frees_its_slot(rig: Rig) -> None:
    rig.claim(1, slots=1)
    rig.add("first")
    rig.add("second")
    rig.tell(TaskEnded(99, DONE, claims=1))
    assert rig.runner.wait_for(StartTask, lambda it: it.task.id == 2)


def test_an_end_of_a_task_that_has_ended_changes_nothing(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.end(1)
    subscriber = rig.subscribe()
    after = rig.end(1, Outcome.failed("again"))
    assert after.reason == "exit status 0"
    rig.tell(TaskProgressed(1, OutputNews(5)))
    rig.tell(TaskEnded(99, DONE))
    rig.add()
    assert _events(subscriber) == [(4, "queued", 2)]


# Cancel


def test_a_queued_task_is_canceled_at_once_and_never_starts(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.add()
    rig.add()
    (canceled,) = rig.ask(CancelTask(1, "canceled by you"), CancelAccepted).tasks
    assert (canceled.status, canceled.reason) == ("canceled", "canceled by you")
    rig.claim(2)
    rig.get(1)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [2]
    assert (3, "canceled", 1) in _events(subscriber)
    assert rig.runner.of(StopTask) == ()


@pytest.mark.parametrize("now", [False, True])
def test_a_running_task_is_told_to_stop(rig: Rig, *, now: bool) -> None:
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
    assert _events(subscriber)[2:] == [(3, "progress", 1), (4, "canceled", 1)]


def test_a_reason_may_hold_anything_and_is_made_safe_to_write_down(rig: Rig) -> None:
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


def test_all_open_tasks_are_canceled_and_none_starts_instead(rig: Rig) -> None:
    rig.claim(1)
    for _ in range(4):
        rig.add()
    rig.ask(CancelTask(2), CancelAccepted)
    accepted = rig.ask(CancelAll("no more"), CancelAccepted)
    assert _statuses(accepted.tasks) == [
        (1, "running"),
        (3, "canceled"),
        (4, "canceled"),
    ]
    rig.claim(1)
    rig.end(1, Outcome.canceled("no more"))
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]
    assert rig.ask(CancelAll(), CancelAccepted).tasks == ()


def test_a_task_that_completes_while_it_is_stopped_is_complete(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.ask(CancelTask(1), CancelAccepted)
    assert rig.end(1, DONE).status is TaskStatus.COMPLETE


# History and output


def test_finished_tasks_are_forgotten_with_their_output(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.claim(2)
    for _ in range(3):
        rig.add()
    for n in (1, 2, 3):
        (rig.output / f"{n}.log").write_text("output")
    rig.end(1)
    assert rig.ask(ForgetFinished(), Forgotten).ids == (1,)
    assert sorted(path.name for path in rig.output.iterdir()) == ["2.log", "3.log"]
    assert subscriber.of(TasksForgotten) == (TasksForgotten(6, (1,)),)
    assert rig.ask(ForgetFinished(), Forgotten).ids == ()
    assert len(subscriber.of(TasksForgotten)) == 1


def test_an_output_that_cant_be_deleted_stops_nothing(rig: Rig) -> None:
    rig.claim(2)
    rig.add()
    rig.add()
    (rig.output / "1.log").mkdir()
    rig.end(1)
    rig.end(2)
    assert rig.ask(ForgetFinished(), Forgotten).ids == (1, 2)


class _SlowDisk:
    """Deletes files when it is told to, and not before."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go_on = threading.Event()
        self._begun = threading.Event()
        monkeypatch.setattr(removal, "remove_output", self._remove)

    def go_on(self) -> None:
        self._go_on.set()

    def wait_until_begun(self) -> None:
        assert self._begun.wait(PATIENCE)

    def _remove(self, paths: Iterable[str]) -> None:
        self._begun.set()
        assert self._go_on.wait(PATIENCE)
        remove_output(paths)


def _finish_many(rig: Rig, count: int = 30) -> None:
    rig.claim(count)
    for _ in range(count):
        task = rig.add()
        (rig.output / f"{task.id}.log").write_text("output")
        rig.end(task.id)


def test_the_queue_answers_while_many_files_are_deleted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _SlowDisk(monkeypatch)
    _finish_many(rig)
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    assert rig.add().id == 31
    # What was asked for is told when it is done.
    with pytest.raises(pykka.Timeout):
        forgotten.get(timeout=0)
    disk.go_on()
    assert forgotten.get(timeout=PATIENCE) == Forgotten(tuple(range(1, 31)))
    assert [*rig.output.iterdir()] == []
    assert rig.ask(ForgetFinished(), Forgotten).ids == ()


def test_much_output_is_deleted_by_another_as_well(
    start_queue: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = start_queue(output_limit=1 << 40)
    disk = _SlowDisk(monkeypatch)
    rig.claim(1)
    rig.add()
    (rig.output / "1.log").write_text("output")
    rig.end(1, news=OutputNews(1 << 30))
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    disk.go_on()
    assert forgotten.get(timeout=PATIENCE) == Forgotten((1,))


def test_the_end_of_the_queue_waits_for_what_is_being_deleted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _SlowDisk(monkeypatch)
    _finish_many(rig)
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    stopped = rig.queue.stop(block=False)
    disk.go_on()
    assert stopped.get(timeout=PATIENCE)
    assert [*rig.output.iterdir()] == []
    assert forgotten.get(timeout=0) == Forgotten(tuple(range(1, 31)))


def test_what_deletes_may_be_stopped_by_somebody(rig: Rig) -> None:
    for _ in range(2):
        _finish_many(rig)
        assert len(rig.ask(ForgetFinished(), Forgotten).ids) == 30
        assert [*rig.output.iterdir()] == []
        for it in pykka.ActorRegistry.get_by_class(RemovalActor):
            it.stop(timeout=PATIENCE)


def test_only_the_last_finished_tasks_are_kept(start_queue: Callable[..., Rig]) -> None:
    rig = start_queue(book=TaskBook(history=2))
    subscriber = rig.subscribe()
    for n in range(1, 6):
        rig.claim(1)
        rig.add()
        (rig.output / f"{n}.log").write_text("output")
        rig.end(n)
    listed = rig.ask(ListTasks(), TaskList)
    assert _statuses(listed.tasks) == [(4, "complete"), (5, "complete")]
    assert sorted(path.name for path in rig.output.iterdir()) == ["4.log", "5.log"]
    assert [f.ids for f in subscriber.of(TasksForgotten)] == [(1,), (2,), (3,)]
    assert listed.counts == TaskCounts(complete=2)


def test_too_much_output_forgets_the_oldest_finished_tasks(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue(output_limit=1000)
    rig.claim(9)
    for n in (1, 2, 3):
        rig.add()
        rig.end(n, DONE, OutputNews(300))
    rig.add()
    rig.tell(TaskProgressed(4, OutputNews(100)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 4
    rig.tell(TaskProgressed(4, OutputNews(500)))
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [3, 4]
    assert rig.runner.of(StopTask) == ()


def test_too_much_output_of_running_tasks_ends_the_one_that_writes(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue(output_limit=2048)
    rig.claim(2)
    rig.add()
    rig.add()
    rig.tell(TaskProgressed(1, OutputNews(2000)))
    rig.tell(TaskProgressed(2, OutputNews(40)))
    rig.get(1)
    assert rig.runner.of(StopTask) == ()
    rig.tell(TaskProgressed(2, OutputNews(49)))
    rig.get(1)
    (stop,) = rig.runner.of(StopTask)
    assert (stop.task_id, stop.now) == (2, True)
    assert stop.outcome == Outcome.failed(
        "the session's output went beyond the limit of 2 KiB"
    )


def test_a_task_that_has_no_room_even_alone_costs_no_other_its_output(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue(output_limit=1000)
    rig.claim(9)
    for n in (1, 2):
        rig.add()
        rig.end(n, DONE, OutputNews(300))
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(1100)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    assert [stop.task_id for stop in rig.runner.of(StopTask)] == [3]
    rig.end(3, Outcome.failed("too much"), OutputNews(1200))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    assert len(rig.runner.of(StopTask)) == 1
    # The next one that needs room gets that.
    rig.add()
    rig.tell(TaskProgressed(4, OutputNews(100)))
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [1, 2, 4]


def test_holes_of_a_sparse_file_take_no_room(start_queue: Callable[..., Rig]) -> None:
    limit = 8 << 20
    rig = start_queue(output_limit=limit)
    rig.claim(9)
    for n in (1, 2):
        rig.add()
        (rig.output / f"{n}.log").write_bytes(b"x" * 1000)
        os.truncate(rig.output / f"{n}.log", 100 * limit)
        rig.end(n, DONE, OutputNews(100 * limit))
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(limit - 100_000)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    rig.tell(TaskProgressed(3, OutputNews(limit)))
    # What they have on the disk counts nevertheless.
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [3]
    assert rig.runner.of(StopTask) == ()


def test_output_of_earlier_lives_counts(start_queue: Callable[..., Rig]) -> None:
    earlier = TaskBook()
    moment = ManualClock().now()
    for n in (1, 2):
        earlier.add(TaskRequest("Build", "fake"), moment, "waiting")
        earlier.start_next(moment)
        earlier.end(n, DONE, moment, OutputNews(400))
    book = TaskBook()
    book.restore(earlier.tasks.list(TaskFilter.ALL, moment))
    rig = start_queue(book=book, output_limit=1000)
    rig.ask(OpenQueue(), Acknowledged)
    rig.claim(1)
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(300)))
    assert [task.id for task in rig.ask(ListTasks(), TaskList).tasks] == [2, 3]


# The journal fails


def test_nothing_is_announced_that_cant_be_written_down(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.add("Before")
    subscriber = rig.subscribe()
    asker: Recorder[QueueReply] = Recorder("the asker")
    journal.failure = "disk full"
    rig.claim(1)
    rig.tell(AddTask(TaskRequest("Unlucky", "fake"), asker, 1))
    trouble = subscriber.wait_for(JournalTrouble)
    assert trouble.text == "disk full"

    rig.tell(AddTask(TaskRequest("Too late", "fake"), asker, 2))
    refused = asker.wait_for(Refused)
    assert refused.text == ("can't write to the journal (disk full); try again later")
    assert (refused.code, refused.correlation_id) == (RefusalCode.JOURNAL, 2)
    rig.ask(ListTasks(), TaskList)
    assert _events(subscriber) == []
    assert asker.of(TaskAdded) == ()
    assert rig.runner.received == ()

    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(JournalTrouble) == JournalTrouble(None)
    assert asker.wait_for(TaskAdded).correlation_id == 1
    rig.ask(ListTasks(), TaskList)
    assert _events(subscriber) == [(2, "running", 1), (3, "queued", 2)]
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]
    assert rig.add().id == 3


def test_trouble_is_told_once_and_tried_again_on_one_schedule(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    journal.failure = "disk full"
    for _ in range(5):
        rig.ask(ListTasks(), TaskList)
        assert rig.clock.scheduled == 1
    for _ in range(3):
        rig.clock.advance(WRITE_AGAIN)
        rig.ask(ListTasks(), TaskList)
        assert rig.clock.scheduled == 1
    assert subscriber.of(JournalTrouble) == (JournalTrouble("disk full"),)
    journal.failure = "disk on fire"
    rig.clock.advance(WRITE_AGAIN)
    rig.ask(ListTasks(), TaskList)
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    rig.ask(ListTasks(), TaskList)
    assert [t.text for t in subscriber.of(JournalTrouble)] == [
        "disk full",
        "disk on fire",
        None,
    ]
    assert rig.clock.scheduled == 0


def test_progress_is_not_kept_for_later_while_there_is_trouble(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1)
    rig.add()
    subscriber = rig.subscribe()
    journal.failure = "disk full"
    rig.ask(ListTasks(), TaskList)
    for size in range(1, 20):
        rig.tell(TaskProgressed(1, OutputNews(size)))
    rig.tell(TaskEnded(1, DONE))
    rig.ask(ListTasks(), TaskList)
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    rig.ask(ListTasks(), TaskList)
    assert _events(subscriber) == [(3, "complete", 1)]
    assert subscriber.of(TaskChanged)[0].task.output_size == 19


@pytest.mark.parametrize("manner", ["asked", "told"])
def test_nobody_sees_a_task_that_is_not_written_down(
    start_queue: Callable[..., Rig], manner: str
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1)
    journal.failure = "disk full"
    request = AddTask(TaskRequest("Unlucky", "fake"), correlation_id=7)
    asked = asker = None
    if manner == "asked":
        asked = rig.queue.ask(request, block=False)
    else:
        asker = Recorder[QueueReply]("the asker")
        rig.tell(replace(request, reply_to=asker))
    listed = rig.ask(ListTasks(), TaskList)
    assert (listed.tasks, listed.counts) == ((), TaskCounts())
    assert rig.refusal(GetTask(1)).text.startswith("no task 1")
    late = rig.subscribe()
    assert late.received == (Subscribed(0, ()), JournalTrouble("disk full"))
    assert rig.runner.received == ()
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    if asker is None:
        assert asked is not None
        answer = asked.get(timeout=PATIENCE)
    else:
        answer = asker.wait_for(TaskAdded)
    assert isinstance(answer, TaskAdded)
    assert (answer.task.id, answer.correlation_id) == (1, 7)
    assert _statuses(rig.ask(ListTasks(), TaskList).tasks) == [(1, "running")]
    assert _events(late) == [(1, "queued", 1), (2, "running", 1)]
    assert late.of(JournalTrouble)[-1] == JournalTrouble(None)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]


def test_nobody_sees_an_end_that_is_not_written_down(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1)
    rig.add()
    rig.add()
    journal.failure = "disk full"
    assert rig.end(1).status is TaskStatus.RUNNING
    asker: Recorder[QueueReply] = Recorder("the asker")
    rig.tell(CancelTask(2, reply_to=asker))
    # One that has just ended may still be canceled, as far as anybody can know.
    accepted = rig.ask(CancelTask(1), CancelAccepted)
    assert _statuses(accepted.tasks) == [(1, "running")]
    listed = rig.ask(ListTasks(), TaskList)
    assert _statuses(listed.tasks) == [(1, "running"), (2, "queued")]
    assert listed.counts == TaskCounts(queued=1, running=1)
    rig.tell(ForgetFinished(asker))
    assert _statuses(rig.ask(ListTasks(), TaskList).tasks) == _statuses(listed.tasks)
    assert asker.received == ()
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert asker.wait_for(Forgotten).ids == (1, 2)
    assert [type(it) for it in asker.received] == [CancelAccepted, Forgotten]
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    assert rig.refusal(GetTask(1)).text == "task 1 has left the history"


def test_each_subscriber_hears_of_trouble_after_its_first_message(
    start_queue: Callable[..., Rig],
) -> None:
    """And what was held back comes last, also for one that subscribes meanwhile."""
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.add()
    early = rig.subscribe("early")
    journal.failure = "disk full"
    rig.tell(AddTask(TaskRequest("Held back", "fake")))
    late, dead = rig.subscribe("late"), Recorder[Notification]("dead")
    dead.die()
    rig.ask(Subscribe(dead), Acknowledged)
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    rig.ask(ListTasks(), TaskList)
    for subscriber in (early, late):
        kinds = [type(message) for message in subscriber.received]
        assert kinds == [Subscribed, JournalTrouble, JournalTrouble, TaskChanged]
        assert [it.text for it in subscriber.of(JournalTrouble)] == ["disk full", None]
        assert _events(subscriber) == [(2, "queued", 2)]


def test_a_journal_that_others_hold_for_a_moment_is_no_trouble(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    assert journal.patience == 0
    journal.failure = BusyJournalError("in use")
    asked = rig.queue.ask(AddTask(TaskRequest("Late", "fake")), block=False)
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    attempts = 0
    while rig.clock.now().monotonic < BUSY / 2:
        rig.clock.advance(0.005)
        rig.ask(ListTasks(), TaskList)
        attempts += 1
    assert rig.clock.scheduled == 1
    journal.failure = None
    rig.clock.advance(BUSY / 2)
    answer = asked.get(timeout=PATIENCE)
    assert isinstance(answer, TaskAdded)
    assert subscriber.of(JournalTrouble) == ()
    assert _events(subscriber) == [(1, "queued", 1)]


def test_a_journal_that_others_hold_for_long_is_trouble(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    journal.failure = BusyJournalError("in use")
    rig.tell(AddTask(TaskRequest("Late", "fake")))
    for _ in range(100):
        rig.clock.advance(0.005)
        rig.ask(ListTasks(), TaskList)
    assert subscriber.of(JournalTrouble) == (JournalTrouble("in use"),)
    refused = rig.refusal(AddTask(TaskRequest("Later", "fake")))
    assert refused.text == "can't write to the journal (in use); try again later"
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(TaskChanged).task.description == "Late"


class JournalWithTraces(RecordingJournal):
    """Has something to wipe, once."""

    def __init__(self) -> None:
        super().__init__()
        self.traces = True

    @property
    def has_traces(self) -> bool:
        return self.traces

    def begin_wipe(self) -> Path:
        self.traces = False
        return Path("the journal")


def test_a_journal_that_is_being_wiped_is_no_trouble_however_long(
    start_queue: Callable[..., Rig], monkeypatch: pytest.MonkeyPatch
) -> None:
    wipes, go_on = threading.Event(), threading.Event()

    def wipe(path: Path) -> bool:
        assert path == Path("the journal")
        wipes.set()
        return go_on.wait(PATIENCE)

    monkeypatch.setattr(removal, "wipe", wipe)
    journal = JournalWithTraces()
    rig = start_queue(journal=journal)
    subscriber = rig.subscribe()
    rig.add()
    rig.clock.advance(WIPE_AFTER)
    assert wipes.wait(PATIENCE)
    journal.failure = BusyJournalError("in use")
    rig.tell(AddTask(TaskRequest("Late", "fake")))
    for _ in range(100):
        rig.clock.advance(0.005)
        assert len(rig.ask(ListTasks(), TaskList).tasks) == 1
    journal.failure = None
    go_on.set()
    rig.clock.advance(WRITE_AGAIN)
    subscriber.wait_for(TaskChanged, lambda it: it.task.description == "Late")
    assert subscriber.of(JournalTrouble) == ()


def test_a_running_task_can_be_canceled_while_the_journal_can_not_be_written(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1)
    rig.add()
    journal.failure = "disk full"
    accepted = rig.ask(CancelTask(1), CancelAccepted)
    assert [task.id for task in accepted.tasks] == [1]


def test_a_damaged_journal_is_replaced_by_what_is_known(
    start_queue: Callable[..., Rig],
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(2)
    for _ in range(3):
        rig.add()
    rig.end(2)
    subscriber = rig.subscribe()
    journal.damage = "torn"
    assert rig.add().id == 4
    # In the order in which they are to be taken over: what has ended comes first.
    assert ("started over", [2, 1, 3, 4]) in journal.log
    assert [t.text for t in subscriber.of(JournalTrouble)] == ["torn; set aside", None]
    assert rig.clock.scheduled == 0


def test_nothing_is_shown_before_it_is_told(start_queue: Callable[..., Rig]) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.add()
    rig.tell(Shown(1 << 70))
    rig.ask(ListTasks(), TaskList)
    assert ("shown", 1) in journal.log


def test_a_transcript_that_cant_be_read_is_refused(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue(journal=RecordingJournal())
    assert "can't read 10 lines" in rig.refusal(GetTranscript(10)).text


# Closing and opening


def test_a_session_that_is_forgotten_cancels_what_is_queued(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.add()
    rig.ask(CloseQueue("the session ended"), Acknowledged)
    assert rig.get(1).status is TaskStatus.RUNNING  # the runner drains it
    canceled = rig.get(2)
    assert (canceled.status, canceled.reason) == ("canceled", "the session ended")
    assert rig.runner.of(StopTask) == ()


def test_a_session_that_is_remembered_keeps_what_is_queued(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.add()
    rig.ask(CloseQueue("the session ended", keep_queued=True), Acknowledged)
    rig.end(1)
    rig.claim(1)
    assert rig.get(2).status is TaskStatus.QUEUED
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]


def test_what_an_earlier_life_left_is_put_in_order(
    start_queue: Callable[..., Rig],
) -> None:
    earlier = TaskBook()
    moment = ManualClock().now()
    for _ in range(4):
        earlier.add(TaskRequest("Build", "fake"), moment, "waiting")
    earlier.start_next(moment)
    earlier.start_next(moment)
    earlier.end(1, DONE, moment)
    book = TaskBook(history=1)
    book.restore(earlier.tasks.list(TaskFilter.ALL, moment))
    journal = RecordingJournal()
    rig = start_queue(book=book, journal=journal, seq=7)
    subscriber = rig.subscribe()
    rig.ask(OpenQueue(), Acknowledged)
    assert _events(subscriber) == [(8, "failed", 2)]
    lost = subscriber.of(TaskChanged)[0].task
    assert lost.reason == "the session ended while it ran"
    assert ("noted", 8) in journal.log
    assert subscriber.of(TasksForgotten) == (TasksForgotten(8, (1,)),)
    rig.claim(2)
    rig.get(2)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [3, 4]


def test_many_askers_at_once_all_get_their_own_answer(rig: Rig) -> None:
    ids: list[int] = []

    def add() -> None:
        ids.extend(rig.add().id for _ in range(25))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert sorted(ids) == list(range(1, 101))


def test_every_event_is_named_after_its_status() -> None:
    assert {status: TaskEvent.of(status).value for status in TaskStatus} == {
        status: status.value for status in TaskStatus
    }


class _Bare(pykka.ThreadingActor):
    """An actor that holds something, and nothing that holds it."""

    def __init__(self, held: object) -> None:
        super().__init__()
        self.held = held


def _stop(actor: pykka.ActorRef[Any]) -> None:
    name = actor.actor_class.__name__
    thread = next(it for it in threading.enumerate() if name in it.name)
    actor.stop(timeout=PATIENCE)
    thread.join(PATIENCE)


def test_what_a_queue_held_is_free_as_soon_as_it_has_stopped(
    start_queue: Callable[..., Rig],
) -> None:
    gc.disable()  # which would free it some time later
    try:
        book = TaskBook()
        held = weakref.ref(book)
        _stop(_Bare.start(book))
        del book
        if held() is not None:
            pytest.skip("an actor of this Pykka and its ref hold each other")
        book = TaskBook()
        held = weakref.ref(book)
        rig = start_queue(book=book)
        del book
        rig.add()
        _stop(rig.queue)
        assert held() is None
    finally:
        gc.enable()


def test_a_task_that_starts_at_once_starts_with_the_runner_if_there_was_none(
    start_queue: Callable[..., Rig],
) -> None:
    rig = start_queue()
    rig.add()
    request = TaskRequest("Now", "fake", terms=Terms(immediate=True))
    rig.ask(AddTask(request), TaskAdded)
    rig.claim(0, slots=1)
    rig.get(2)
    assert [it.task.id for it in rig.runner.of(StartTask)] == [2]


def _shown_in(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as db:
        (shown,) = db.execute("SELECT value FROM meta WHERE key = 'shown'").fetchone()
    return shown


def test_what_was_shown_is_written_with_what_comes_next_or_soon(
    tmp_path: Path, start_queue: Callable[..., Rig]
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
