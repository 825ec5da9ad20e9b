"""Requests to the queue, its answers and its refusals."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    CancelAccepted,
    CancelAll,
    CancelTask,
    ForgetFinished,
    Forgotten,
    GetTask,
    GetTranscript,
    InvalidRequestError,
    ListTasks,
    Outcome,
    QueueReply,
    RefusalCode,
    Refused,
    Subscribe,
    TaskAdded,
    TaskCounts,
    TaskEvent,
    TaskFilter,
    TaskFound,
    TaskList,
    TaskRequest,
    TaskStatus,
    Transcript,
    Unsubscribe,
)
from backburner.actors.messages import CloseQueue, OpenQueue, Requests, TaskProcess
from backburner.actors.queue import admission
from backburner.actors.rules.process_record import ProcessRecord
from backburner.actors.testing import Recorder
from msgspec.structs import replace
from patience import PATIENCE

from tests.queue.rig import Rig, StartQueue, statuses


def test_an_added_task_is_queued(rig: Rig) -> None:
    task = rig.add("Build", "a", "b")
    assert (task.id, task.status, task.args) == (1, TaskStatus.QUEUED, ("a", "b"))
    assert task.queued_at == rig.clock.now().wall
    assert task.output_path == str(rig.output / "1.log")
    assert rig.get(1) == task


def test_a_request_with_a_known_key_adds_no_task(rig: Rig) -> None:
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


def test_a_kind_without_output_has_no_output_file(start_queue: StartQueue) -> None:
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


def test_lists_hold_the_requested_tasks_and_the_counts(rig: Rig) -> None:
    rig.claim(3)
    for _ in range(5):
        rig.add()
    rig.end(1)
    rig.end(2, Outcome.failed("exit status 2", 2))
    rig.ask(CancelTask(4), CancelAccepted)
    listed = rig.ask(ListTasks(), TaskList)
    assert statuses(listed.tasks) == [
        (1, "complete"),
        (2, "failed"),
        (3, "running"),
        (4, "canceled"),
        (5, "queued"),
    ]
    assert listed.counts == TaskCounts(1, 1, 1, 1, 1)
    for selection, ids in {
        TaskFilter.FINISHED: [1, 2, 4],
        TaskFilter.NOT_CANCELED: [1, 2, 3, 5],
        TaskFilter.QUEUED: [5],
    }.items():
        tasks = rig.ask(ListTasks(selection), TaskList).tasks
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
def test_every_request_works_with_and_without_reply(
    start_queue: StartQueue,
    message: Any,  # noqa: ANN401 - any of the union, with all its fields
    answer: type[Any],
) -> None:
    asked, telling = start_queue(), start_queue()
    asked.add()
    telling.add()
    reply = asked.ask(replace(message, correlation_id="seven"), answer)
    assert reply.correlation_id == "seven"

    asker: Recorder[QueueReply] = Recorder("the asker")
    telling.tell(replace(message, reply_to=asker, correlation_id=7))
    assert asker.wait_for(answer) == replace(reply, correlation_id=7)
    telling.ask(ListTasks(), TaskList)
    assert len(asker.received) == 1


def test_an_ask_with_reply_to_is_answered_only_there(rig: Rig) -> None:
    asker: Recorder[QueueReply] = Recorder("the asker")
    assert rig.queue.ask(GetTask(1, asker), timeout=PATIENCE) is None
    asker.wait_for(Refused)


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (TaskRequest("Build", "fax"), "unknown kind 'fax'; the kinds are: fake"),
        (TaskRequest("  ", "fake"), "missing description"),
        (
            TaskRequest("\ud800", "fake"),
            "description is not valid UTF-8; correct it",
        ),
        (
            TaskRequest("Build", "fake", ("fine", "\udcff")),
            "args[1] is not valid UTF-8; correct it",
        ),
        (
            TaskRequest("Build", "fake", origin="\udcff"),
            "origin is not valid UTF-8; correct it",
        ),
    ],
    ids=str,
)
def test_an_invalid_request_is_refused_permanently(
    rig: Rig, request_: TaskRequest, text: str
) -> None:
    refused = rig.refusal(AddTask(request_))
    assert (refused.text, refused.code) == (text, RefusalCode.INVALID)
    assert rig.ask(ListTasks(), TaskList).tasks == ()


def test_a_kind_words_its_refusal_of_arguments(rig: Rig) -> None:
    rig.kind.raises["check"] = InvalidRequestError("give it a number")
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake", ("x",))))
    assert (refused.text, refused.code) == ("give it a number", RefusalCode.INVALID)


def test_a_finished_task_cannot_be_canceled(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.end(1)
    refused = rig.refusal(CancelTask(1))
    assert refused == Refused(
        "task 1 has already finished (complete: exit status 0)", RefusalCode.FINISHED
    )
    assert rig.get(1).status is TaskStatus.COMPLETE


@pytest.mark.parametrize("message", [GetTask(2), CancelTask(2)], ids=repr)
def test_an_unknown_id_differs_from_a_forgotten_one(
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
def test_a_failing_handler_still_answers(
    rig: Rig, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(admission, "check", fails)
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake"), correlation_id=5))
    assert refused.text == f"internal error: {error!r}; see the log"
    assert (refused.code, refused.correlation_id) == (RefusalCode.FAILED, 5)
    asker: Recorder[QueueReply] = Recorder("the asker")
    rig.tell(AddTask(TaskRequest("Build", "fake"), asker, 6))
    assert asker.wait_for(Refused).correlation_id == 6
    monkeypatch.undo()
    assert rig.add().id == 1


@pytest.mark.parametrize("error", [ValueError("planted"), SystemExit(3)], ids=repr)
def test_a_kind_whose_check_fails_is_named(rig: Rig, error: BaseException) -> None:
    rig.kind.raises["check"] = error
    refused = rig.refusal(AddTask(TaskRequest("Build", "fake")))
    assert refused.text == (
        f"bug in kind 'fake': check() raised {error!r}; see the log"
    )
    assert refused.code is RefusalCode.INVALID


def test_an_invalid_message_is_refused_with_the_accepted_requests(rig: Rig) -> None:
    for message, says in (
        ("junk", "str is not a request; send one, such as ListTasks()"),
        (None, "None is not a request; send one, such as ListTasks()"),
        (ListTasks, "ListTasks is a class, not a message; send ListTasks()"),
        (GetTask(1, reply_to=cast("Any", 5)), "reply_to must have a method tell; int"),
    ):
        refused = rig.queue.ask(cast("Any", message), timeout=PATIENCE)
        assert isinstance(refused, Refused)
        assert refused.text.startswith(says)
        assert refused.code is RefusalCode.INVALID


def test_simultaneous_requests_are_one_batch_with_separate_answers(
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
    assert "check() raised ValueError('planted')" in failed.text
    assert isinstance(refused, Refused)
    assert refused.code is RefusalCode.UNKNOWN
    assert isinstance(last, TaskAdded)
    assert [it.correlation_id for it in (first, failed, refused, last)] == [1, 2, 3, 4]
    assert (first.task.id, last.task.id) == (1, 2)


def test_concurrent_askers_each_get_their_own_answer(rig: Rig) -> None:
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
