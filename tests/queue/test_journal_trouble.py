"""A queue whose journal can't be written."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from backburner.actors import (
    Acknowledged,
    AddSchedule,
    AddTask,
    CancelAccepted,
    CancelTask,
    ForgetFinished,
    Forgotten,
    GetRules,
    GetTask,
    GetTranscript,
    JournalTrouble,
    ListSchedules,
    ListTasks,
    Notification,
    PauseQueue,
    PauseSchedule,
    QueueReply,
    RefusalCode,
    Refused,
    RulesFound,
    SchedulesFound,
    SetGroup,
    SetSlots,
    Shown,
    Slots,
    Subscribe,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskCounts,
    TaskList,
    TaskRequest,
    TaskStatus,
)
from backburner.actors.journal import removal
from backburner.actors.journal.errors import BusyJournalError
from backburner.actors.journal.writer import BUSY, WRITE_AGAIN
from backburner.actors.messages import StartTask, TaskEnded, TaskProgressed
from backburner.actors.queue.deletion import WIPE_AFTER
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.testing import Recorder
from msgspec.structs import replace
from patience import PATIENCE

from tests.queue.rig import DONE, RecordingJournal, Rig, StartQueue, events, statuses


def test_a_change_that_was_not_written_is_not_announced(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.add("Before")
    subscriber = rig.subscribe()
    asker: Recorder[QueueReply] = Recorder("the asker")
    journal.failure = "disk full"
    rig.tell(AddTask(TaskRequest("Unlucky", "fake"), asker, 1))
    trouble = subscriber.wait_for(JournalTrouble)
    assert trouble.text == "disk full"
    rig.claim(1)

    rig.tell(AddTask(TaskRequest("Too late", "fake"), asker, 2))
    refused = asker.wait_for(Refused)
    assert refused.text == ("can't write to the journal (disk full); try again later")
    assert (refused.code, refused.correlation_id) == (RefusalCode.JOURNAL, 2)
    rig.ask(ListTasks(), TaskList)
    assert events(subscriber) == []
    assert asker.of(TaskAdded) == ()
    assert rig.runner.received == ()

    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert subscriber.wait_for(JournalTrouble) == JournalTrouble(None)
    assert asker.wait_for(TaskAdded).correlation_id == 1
    rig.ask(ListTasks(), TaskList)
    changes = [(2, "queued", 2), (3, "running", 1), (4, "progress", 2)]
    assert events(subscriber) == changes
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]
    assert rig.add().id == 3


def test_trouble_is_announced_once_and_retried_on_one_schedule(
    rig: Rig, journal: RecordingJournal
) -> None:
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


def test_progress_is_dropped_while_the_journal_is_in_trouble(
    rig: Rig, journal: RecordingJournal
) -> None:
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
    assert events(subscriber) == [(3, "complete", 1)]
    assert subscriber.of(TaskChanged)[0].task.output_size == 19


@pytest.mark.parametrize("manner", ["asked", "told"])
def test_an_unwritten_task_is_not_visible(
    rig: Rig, journal: RecordingJournal, manner: str
) -> None:
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
    assert late.received == (Subscribed(0, (), slots=8), JournalTrouble("disk full"))
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
    assert statuses(rig.ask(ListTasks(), TaskList).tasks) == [(1, "running")]
    assert events(late) == [(1, "queued", 1), (2, "running", 1)]
    assert late.of(JournalTrouble)[-1] == JournalTrouble(None)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]


def test_an_unwritten_end_is_not_visible(rig: Rig, journal: RecordingJournal) -> None:
    rig.claim(1)
    rig.add()
    rig.add()
    journal.failure = "disk full"
    assert rig.end(1).status is TaskStatus.RUNNING
    asker: Recorder[QueueReply] = Recorder("the asker")
    rig.tell(CancelTask(2, reply_to=asker))
    # A task that has just ended can be canceled until its end is stored.
    accepted = rig.ask(CancelTask(1), CancelAccepted)
    assert statuses(accepted.tasks) == [(1, "running")]
    listed = rig.ask(ListTasks(), TaskList)
    assert statuses(listed.tasks) == [(1, "running"), (2, "queued")]
    assert listed.counts == TaskCounts(queued=1, running=1)
    rig.tell(ForgetFinished(asker))
    assert statuses(rig.ask(ListTasks(), TaskList).tasks) == statuses(listed.tasks)
    assert asker.received == ()
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    assert asker.wait_for(Forgotten).ids == (1, 2)
    assert [type(it) for it in asker.received] == [CancelAccepted, Forgotten]
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    assert rig.refusal(GetTask(1)).text == "task 1 has left the history"


def test_settings_and_schedules_are_shown_as_written_while_the_journal_fails(
    start_queue: StartQueue,
) -> None:
    journal = RecordingJournal()
    rig = start_queue(journal=journal)
    rig.claim(1)
    rig.ask(SetGroup("ci", 2), RulesFound)
    rig.ask(AddSchedule(TaskRequest("Nightly", "fake"), "1h"), SchedulesFound)
    journal.failure = "disk full"
    asker: Recorder[QueueReply] = Recorder("the asker")
    rig.tell(PauseQueue("ci", reply_to=asker))
    rig.tell(SetSlots(3, reply_to=asker))
    rig.tell(PauseSchedule(1, reply_to=asker))
    (group,) = rig.ask(GetRules(), RulesFound).rules.groups
    (schedule,) = rig.ask(ListSchedules(), SchedulesFound).schedules
    assert (group.slots, group.paused, schedule.paused) == (2, False, False)
    assert asker.received == ()
    journal.failure = None
    rig.clock.advance(WRITE_AGAIN)
    asker.wait_for(SchedulesFound)
    assert [type(it) for it in asker.received] == [RulesFound, Slots, SchedulesFound]
    found = rig.ask(GetRules(), RulesFound).rules
    (schedule,) = rig.ask(ListSchedules(), SchedulesFound).schedules
    assert (found.groups[0].paused, found.slots, schedule.paused) == (True, 3, True)


def test_each_subscriber_receives_trouble_after_its_first_message(
    rig: Rig, journal: RecordingJournal
) -> None:
    """Delayed changes come last, even for subscribers that join in between."""
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
        assert events(subscriber) == [(2, "queued", 2)]


def test_a_briefly_locked_journal_is_no_trouble(
    rig: Rig, journal: RecordingJournal
) -> None:
    subscriber = rig.subscribe()
    assert journal.patience == 0
    journal.failure = BusyJournalError("in use")
    asked = rig.queue.ask(AddTask(TaskRequest("Late", "fake")), block=False)
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    while rig.clock.now().monotonic < BUSY / 2:
        rig.clock.advance(0.005)
        rig.ask(ListTasks(), TaskList)
    assert rig.clock.scheduled == 1
    journal.failure = None
    rig.clock.advance(BUSY / 2)
    answer = asked.get(timeout=PATIENCE)
    assert isinstance(answer, TaskAdded)
    assert subscriber.of(JournalTrouble) == ()
    assert events(subscriber) == [(1, "queued", 1)]


def test_a_journal_that_stays_locked_is_trouble(
    rig: Rig, journal: RecordingJournal
) -> None:
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
    """Has something to overwrite, once."""

    def __init__(self) -> None:
        super().__init__()
        self.traces = True

    @property
    def has_traces(self) -> bool:
        return self.traces

    def begin_wipe(self) -> Path:
        self.traces = False
        return Path("the journal")


def test_a_long_wipe_of_the_journal_is_no_trouble(
    start_queue: StartQueue, monkeypatch: pytest.MonkeyPatch
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


def test_a_running_task_can_be_canceled_while_the_journal_fails(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.claim(1)
    rig.add()
    journal.failure = "disk full"
    accepted = rig.ask(CancelTask(1), CancelAccepted)
    assert [task.id for task in accepted.tasks] == [1]


def test_a_damaged_journal_is_rebuilt_from_memory(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.claim(2)
    for _ in range(3):
        rig.add()
    rig.end(2)
    subscriber = rig.subscribe()
    journal.damage = "torn"
    assert rig.add().id == 4
    # In the order of the adoption: ended tasks first.
    assert ("started over", [2, 1, 3, 4]) in journal.log
    assert [t.text for t in subscriber.of(JournalTrouble)] == ["torn; set aside", None]
    assert rig.clock.scheduled == 0


def test_an_unannounced_change_does_not_count_as_shown(
    rig: Rig, journal: RecordingJournal
) -> None:
    rig.add()
    rig.tell(Shown(1 << 70))
    rig.ask(ListTasks(), TaskList)
    assert ("shown", 1) in journal.log


def test_reading_an_unreadable_transcript_is_refused(start_queue: StartQueue) -> None:
    rig = start_queue(journal=RecordingJournal())
    assert "can't read 10 lines" in rig.refusal(GetTranscript(10)).text
