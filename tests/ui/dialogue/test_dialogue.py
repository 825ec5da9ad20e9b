from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    AddSchedule,
    AddTask,
    BashKind,
    CancelAccepted,
    CancelAll,
    CancelTask,
    EditTask,
    ForgetFinished,
    Forgotten,
    GetTask,
    JournalTrouble,
    ListTasks,
    Outcome,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    Schedule,
    SchedulesChanged,
    SchedulesFound,
    SetSlots,
    SleepKind,
    Slots,
    SlotsChanged,
    Subscribed,
    Task,
    TaskAdded,
    TaskAltered,
    TaskChanged,
    TaskCounts,
    TaskEvent,
    TaskFilter,
    TaskFound,
    TaskList,
    TaskRequest,
    TasksForgotten,
    Terms,
)
from backburner.actors import TaskStatus as Status
from backburner.actors.runtime import zones
from backburner.actors.testing import make_task
from backburner.ui.dialogue.commands import REGISTRY
from backburner.ui.dialogue.context import BY_YOU, Context
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import Effect, Leave, Send, Show
from backburner.ui.dialogue.entries import Entry, Problem, Reply, Said, TaskNews
from backburner.ui.dialogue.lookups import LookedUp, LookUp, LookUpFailed
from backburner.ui.text.theme import UNICODE_ICONS
from hypothesis import given
from hypothesis import strategies as st
from lookups import with_lookups
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

Samples = Mapping[Status, Task]


@pytest.fixture
def dialogue() -> Dialogue:
    return _new_dialogue()


def _new_dialogue() -> Dialogue:
    return Dialogue((BashKind(), SleepKind()), UNICODE_ICONS, grace=5.0)


def _entries(effects: list[Effect]) -> list[Entry]:
    return [effect.entry for effect in effects if isinstance(effect, Show)]


def _requests(effects: list[Effect]) -> list[QueueRequest]:
    """Return the requests that are to be answered."""
    sent = [effect.request for effect in effects if isinstance(effect, Send)]
    return [request for request in sent if hasattr(request, "correlation_id")]


def _request(effects: list[Effect]) -> QueueRequest:
    (request,) = _requests(effects)
    return request


def _number(request: QueueRequest) -> int:
    number: object = getattr(request, "correlation_id", None)
    assert isinstance(number, int)
    return number


def _texts(effects: list[Effect]) -> list[str]:
    """Return what is shown: `> typed`, `reply`, `! problem`, `#3 event`."""
    texts: list[str] = []
    for effect in effects:
        match effect:
            case Show(entry=Said(text=text)):
                texts.append(f"> {text}")
            case Show(entry=Reply(lines=lines)):
                texts.extend(lines)
            case Show(entry=Problem(text=text)):
                texts.append(f"! {text}")
            case Show(entry=TaskNews(change=change)):
                texts.append(f"#{change.task.id} {change.event}")
            case Leave():
                texts.append("(leaves)")
            case _:
                pass
    return texts


def _ask(dialogue: Dialogue, line: str, answer: QueueReply) -> list[str]:
    """Type a line that becomes one request, answer it, and return what is shown."""
    number = _number(_request(dialogue.take_line(line)))
    effects = dialogue.take_reply(replace(answer, correlation_id=number))
    return _texts(with_lookups(dialogue, effects))


def _tell(dialogue: Dialogue, task: Task, event: TaskEvent | None = None) -> list[str]:
    change = TaskChanged(1, event or TaskEvent.of(task.status), task)
    return _texts(dialogue.take_notification(change))


def _ended(task: Task, outcome: Outcome) -> Task:
    return task.ended(outcome, task.queued_at, 1.0)


# What somebody types


@pytest.mark.parametrize("line", ["", "  ", "\t\r\n"])
def test_a_blank_line_is_nothing(dialogue: Dialogue, line: str) -> None:
    assert dialogue.take_line(line) == []


def test_a_message_appears_in_the_transcript(dialogue: Dialogue) -> None:
    effects = dialogue.take_line("hello, world\n")
    (said,) = _entries(effects)
    assert isinstance(said, Said)
    assert (said.who, said.text, said.command) == ("you", "hello, world", False)
    assert not dialogue.busy


def test_a_command_appears_as_it_was_typed(dialogue: Dialogue) -> None:
    (said,) = _entries(dialogue.take_line("  /tasks  --all "))
    assert isinstance(said, Said)
    assert (said.who, said.text, said.command) == ("you", "/tasks  --all", True)


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("!ls -l", AddTask(TaskRequest("ls -l", "bash", ("ls -l",)), None, 1)),
        ("/task Nap sleep 1s", AddTask(TaskRequest("Nap", "sleep", ("1s",)), None, 1)),
        ("/tasks", ListTasks(TaskFilter.NOT_CANCELED, None, 1)),
        ("/tasks --failed", ListTasks(TaskFilter.FAILED, None, 1)),
        ("/cancel 3", CancelTask(3, BY_YOU, reply_to=None, correlation_id=1)),
        ("/cancel 3 --now", CancelTask(3, BY_YOU, now=True, correlation_id=1)),
        ("/cancel --all", CancelAll(BY_YOU, reply_to=None, correlation_id=1)),
        ("/cancel --all --now", CancelAll(BY_YOU, now=True, correlation_id=1)),
        ("/show 3", GetTask(3, None, 1)),
        ("/output #3", GetTask(3, None, 1)),
        ("/wait 3", GetTask(3, None, 1)),
        ("/clear", ForgetFinished(None, 1)),
        ("/parallel 3", SetSlots(3, None, 1)),
    ],
)
def test_a_command_becomes_a_request(
    dialogue: Dialogue, line: str, request_: QueueRequest
) -> None:
    effects = dialogue.take_line(line)
    assert _texts(effects) == [f"> {line}"]
    assert _request(effects) == request_
    assert dialogue.busy


def test_a_line_that_makes_no_sense_is_shown_with_its_problem(
    dialogue: Dialogue,
) -> None:
    assert _texts(dialogue.take_line("/taks")) == [
        "> /taks",
        "! unknown command /taks; did you mean /tasks?",
    ]
    assert dialogue.misunderstood
    assert not dialogue.unsuccessful
    assert not dialogue.busy


def test_a_line_that_could_not_be_read_counts_as_misunderstood(
    dialogue: Dialogue,
) -> None:
    assert _texts(dialogue.take_bad_line("line 3 is not valid UTF-8")) == [
        "! line 3 is not valid UTF-8"
    ]
    assert dialogue.misunderstood


def test_an_internal_error_is_told(dialogue: Dialogue) -> None:
    (text,) = _texts(dialogue.take_failure(ValueError("a\x1b[2Jb\nc")))
    assert text.startswith("! internal error: ValueError(")
    assert text.isprintable()


def test_problems_are_safe_to_show(dialogue: Dialogue) -> None:
    for effects in (
        dialogue.take_line("/\x1b]0;title\x07x\x9b\u202e"),
        dialogue.take_bad_line("a\nb\x9b"),
    ):
        assert _texts(effects)[-1].isprintable()


def test_help_is_answered_at_once(dialogue: Dialogue) -> None:
    texts = _texts(dialogue.take_line("/help"))
    assert "KIND sleep DURATION: wait for a time, such as 10s or 1m30s" in texts
    assert not dialogue.busy
    assert any(
        "--finished" in text for text in _texts(dialogue.take_line("/help tasks"))
    )


def test_a_task_of_an_unknown_kind_says_what_to_type(dialogue: Dialogue) -> None:
    assert _texts(dialogue.take_line('/task "Run tests" make test'))[1:] == [
        ('! unknown kind make; to run it with bash: /task "Run tests" bash make test')
    ]
    assert dialogue.misunderstood
    assert not dialogue.busy


@pytest.mark.parametrize(
    ("typed", "corrected"),
    [
        (
            '/task "Ask" --pty bash read -p "Sure? "',
            '/task --pty "Ask" bash read -p "Sure? "',
        ),
        ("/task Ask --pty bash cat", "/task --pty Ask bash cat"),
        (
            "/task --after 3 'Go on' --timeout=5m --pty bash make",
            "/task --after 3 --timeout=5m --pty 'Go on' bash make",
        ),
    ],
)
def test_options_after_the_description_are_moved(
    dialogue: Dialogue, typed: str, corrected: str
) -> None:
    (said,) = _texts(dialogue.take_line(typed))[1:]
    assert said == f"! options stand before the description: {corrected}"


def test_what_is_no_option_after_the_description_is_named(dialogue: Dialogue) -> None:
    (said,) = _texts(dialogue.take_line('/task "Ask" --ptty bash cat'))[1:]
    assert said.startswith("! unknown option --ptty; the options are: --")


def test_a_word_of_other_programs_says_how_to_leave(dialogue: Dialogue) -> None:
    said, how = _texts(dialogue.take_line("exit"))
    assert said == "> exit"
    assert "/quit ends running tasks" in how
    assert not dialogue.misunderstood


def test_a_task_is_run_again_as_it_was(dialogue: Dialogue, samples: Samples) -> None:
    failed = replace(samples[Status.FAILED], directory="/srv/shop")
    look = _request(dialogue.take_line("/rerun 4", "work"))
    assert isinstance(look, GetTask)
    found = TaskFound(failed, correlation_id=_number(look))
    add = _request(dialogue.take_reply(found))
    assert isinstance(add, AddTask)
    assert add.request == replace(failed.request, origin="work")
    assert add.request.directory == "/srv/shop"
    assert dialogue.busy


# Answers


def test_each_answer_goes_to_its_own_question(
    dialogue: Dialogue, samples: Samples
) -> None:
    first = _number(_request(dialogue.take_line("/clear")))
    second = _number(_request(dialogue.take_line("/cancel --all")))
    assert first != second
    running = (samples[Status.RUNNING],)
    assert _texts(dialogue.take_reply(CancelAccepted(running, second))) == [
        "stopping #2; killed in 5 s at most"
    ]
    assert dialogue.busy
    assert _texts(dialogue.take_reply(Forgotten((1,), first))) == [
        "forgot 1 finished task with the output; what you typed stays in the chat"
    ]
    assert not dialogue.busy


def test_an_answer_that_nobody_waits_for_is_left_out(dialogue: Dialogue) -> None:
    number = _number(_request(dialogue.take_line("/clear")))
    for answer in (
        Forgotten((1,)),
        Forgotten((1,), "1"),
        Forgotten((1,), 99),
        Refused("no", RefusalCode.INVALID, 99),
    ):
        assert dialogue.take_reply(answer) == []
    assert dialogue.busy
    assert not dialogue.misunderstood
    assert _texts(dialogue.take_reply(Forgotten((), number))) != []
    assert dialogue.take_reply(Forgotten((), number)) == []


def test_a_refusal_is_shown_and_ends_the_question(dialogue: Dialogue) -> None:
    assert _ask(dialogue, "/show 9", Refused("no task 9")) == ["! no task 9"]
    assert not dialogue.busy
    assert not dialogue.misunderstood


@pytest.mark.parametrize(
    ("line", "refusal", "hint"),
    [
        (
            "/show 9",
            Refused("no task 9", RefusalCode.UNKNOWN),
            "; /tasks --all lists those there are",
        ),
        ("/show 9", Refused("task 9 has left the history", RefusalCode.UNKNOWN), ""),
        (
            "/unschedule 9",
            Refused("no schedule 9", RefusalCode.UNKNOWN),
            "; /schedules lists those there are",
        ),
        (
            "/pause --schedule 9",
            Refused("no schedule 9", RefusalCode.UNKNOWN),
            "; /schedules lists those there are",
        ),
        (
            "/cancel 9",
            Refused("task 9 has already finished", RefusalCode.FINISHED),
            "; /show 9 tells more",
        ),
        (
            "/cancel 9",
            Refused("ended; that is ended at the latest", RefusalCode.FINISHED),
            "",
        ),
        (
            '/task "Nap" sleep',
            Refused("missing duration", RefusalCode.INVALID),
            '; try: /task "Nap" sleep 10s',
        ),
        ('/task "Nap" sleep', Refused("bad duration", RefusalCode.INVALID), ""),
    ],
    ids=str,
)
def test_a_refusal_is_shown_with_the_command_that_helps(
    dialogue: Dialogue, line: str, refusal: Refused, hint: str
) -> None:
    assert _ask(dialogue, line, refusal) == [f"! {refusal.text}{hint}"]


def test_only_a_request_that_makes_no_sense_was_misunderstood(
    dialogue: Dialogue,
) -> None:
    answer = Refused("a duration is missing", RefusalCode.INVALID)
    assert _ask(dialogue, "/task A sleep", answer) == [f"! {answer.text}"]
    assert dialogue.misunderstood


@pytest.mark.parametrize(
    "line", ["/tasks", "/cancel 3", "/cancel --all", "/show 3", "/wait 3", "/clear"]
)
def test_an_answer_of_the_wrong_kind_ends_the_question(
    dialogue: Dialogue, line: str
) -> None:
    assert _ask(dialogue, line, Acknowledged()) == []
    assert not dialogue.busy


def test_a_task_is_announced_by_its_notification_alone(
    dialogue: Dialogue, samples: Samples
) -> None:
    assert _ask(dialogue, "!ls", TaskAdded(samples[Status.QUEUED])) == []
    assert _tell(dialogue, samples[Status.QUEUED]) == ["#1 queued"]


def test_a_list_is_shown(dialogue: Dialogue, samples: Samples) -> None:
    answer = TaskList((samples[Status.FAILED],), TaskCounts(failed=1))
    assert _ask(dialogue, "/tasks --failed", answer) == [
        "  ID  Progress  Duration  Description  Result",
        "✗ #4         -     42.0s  Lint         exit status 1",
        "Running: 0 | Queued: 0 | Completed: 0 | Failed: 1 | Canceled: 0",
    ]
    assert _ask(dialogue, "/tasks --queued", TaskList((), TaskCounts()))[0] == (
        "No queued tasks."
    )


def test_canceling_tells_of_those_that_take_time(
    dialogue: Dialogue, samples: Samples
) -> None:
    canceled, running = samples[Status.CANCELED], samples[Status.RUNNING]
    assert _ask(dialogue, "/cancel 5", CancelAccepted((canceled,))) == []
    assert _ask(dialogue, "/cancel 2 --now", CancelAccepted((running,))) == [
        "stopping #2; killed at once"
    ]
    both = CancelAccepted((canceled, running))
    assert _ask(dialogue, "/cancel --all", both) == [
        "stopping #2; killed in 5 s at most"
    ]
    assert _ask(dialogue, "/cancel --all", CancelAccepted(())) == [
        "nothing to cancel: no task is queued or running"
    ]


def test_several_tasks_are_canceled_one_by_one(dialogue: Dialogue) -> None:
    requests = _requests(dialogue.take_line("/cancel 3 4 --now"))
    assert [type(request) for request in requests] == [CancelTask, CancelTask]
    assert len(set(map(_number, requests))) == 2
    for request in requests:
        assert dialogue.busy
        refused = Refused("no such task", correlation_id=_number(request))
        dialogue.take_reply(refused)
    assert not dialogue.busy


def test_a_new_number_of_slots_is_told_once_to_everybody(dialogue: Dialogue) -> None:
    assert _ask(dialogue, "/parallel", Slots(8)) == ["up to 8 tasks run at a time"]
    assert _ask(dialogue, "/parallel 1", Slots(1)) == []
    (shown,) = dialogue.take_notification(SlotsChanged(1))
    assert isinstance(shown, Show)
    assert isinstance(shown.entry, Reply)
    assert shown.entry.lines == ("up to 1 task runs at a time",)


def test_forgetting_tells_how_many(dialogue: Dialogue) -> None:
    assert _ask(dialogue, "/clear", Forgotten(())) == ["forgot 0 finished tasks"]
    assert _ask(dialogue, "/clear", Forgotten((1, 2))) == [
        "forgot 2 finished tasks with the output; what you typed stays in the chat"
    ]


def test_details_are_shown(dialogue: Dialogue, samples: Samples) -> None:
    texts = _ask(dialogue, "/show 2", TaskFound(samples[Status.RUNNING], pid=4711))
    assert texts[0] == "#2 Build"
    assert "  process    4711" in texts


def test_output_is_shown_or_why_not(
    dialogue: Dialogue, samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "2.log"
    path.write_bytes(b"one\n\x1b[2Jtwo\n")
    task = replace(samples[Status.RUNNING], output_path=str(path), output_size=12)
    assert _ask(dialogue, "/output 2", TaskFound(task)) == ["one", "two"]
    path.unlink()
    assert _ask(dialogue, "/output 2", TaskFound(task)) == [
        f"! can't read the output of #2, {path}: No such file or directory"
    ]
    assert not dialogue.misunderstood


# The task added last


@pytest.mark.parametrize(
    "line",
    ["/show last", "/output last", "/cancel last", "/task --after last Run bash ls"],
)
def test_without_tasks_there_is_no_last_one(dialogue: Dialogue, line: str) -> None:
    effects = dialogue.take_line(line)
    assert _requests(effects) == []
    assert _texts(effects)[1].startswith("! there is no task yet; /help /task")
    assert not dialogue.busy


def _adding(dialogue: Dialogue, line: str) -> int | str | None:
    request = _request(dialogue.take_line(line))
    assert isinstance(request, AddTask)
    return request.correlation_id


def test_the_last_task_is_the_one_that_is_just_being_added(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    first, second = _adding(dialogue, "!a"), _adding(dialogue, "!b")
    assert _requests(dialogue.take_line("/cancel last", "tests")) == []
    task = replace(samples[Status.QUEUED], id=6)
    assert dialogue.take_reply(TaskAdded(task, first)) == []
    effects = dialogue.take_reply(TaskAdded(replace(task, id=7), second))
    cancel = _request(effects)
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 7
    assert [it.where for it in effects if isinstance(it, Send)] == ["tests"]


def test_the_last_task_is_none_that_was_typed_later(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    first = _adding(dialogue, "!a")
    assert _requests(dialogue.take_line("/cancel last")) == []
    second = _adding(dialogue, "!b")
    task = replace(samples[Status.QUEUED], id=6)
    cancel = _request(dialogue.take_reply(TaskAdded(task, first)))
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 6
    assert dialogue.take_reply(TaskAdded(replace(task, id=7), second)) == []


def test_the_last_task_is_no_earlier_one_if_none_was_added(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    adding = _adding(dialogue, "!a")
    assert _requests(dialogue.take_line("/cancel last")) == []
    effects = dialogue.take_reply(Refused("no room", correlation_id=adding))
    assert _requests(effects) == []
    assert _texts(effects)[-1] == "! no task was added; give a number"
    assert not dialogue.busy


def test_a_chain_can_be_typed_ahead(dialogue: Dialogue, samples: Samples) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    number = _adding(dialogue, "/task Build bash make")
    for option in ("--after last", "--after 2,last", "--after-any=last"):
        assert _requests(dialogue.take_line(f"/task {option} Next bash make")) == []
    assert _requests(dialogue.take_line("/cancel last")) == []
    task = replace(samples[Status.QUEUED], id=6)
    for expected in (
        Terms(after=(6,)),
        Terms(after=(2, 7)),
        Terms(after_any=(8,)),
    ):
        request = _request(dialogue.take_reply(TaskAdded(task, number)))
        assert isinstance(request, AddTask)
        assert request.request.terms == expected
        number, task = request.correlation_id, replace(task, id=task.id + 1)
    cancel = _request(dialogue.take_reply(TaskAdded(task, number)))
    assert isinstance(cancel, CancelTask)
    assert cancel.task_id == 9


def test_a_chain_ends_where_a_task_is_refused(
    dialogue: Dialogue, samples: Samples
) -> None:
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    number = _adding(dialogue, "/task Build bash make")
    for _ in range(2):
        dialogue.take_line("/task --after last Next bash make")
    dialogue.take_line("/cancel last")
    effects = dialogue.take_reply(Refused("no room", correlation_id=number))
    assert _requests(effects) == []
    assert _texts(effects) == [
        "! no room",
        *["! no task was added; give a number"] * 3,
    ]
    assert dialogue.unsuccessful
    assert not dialogue.busy


def test_the_last_task_is_the_one_added_last(
    dialogue: Dialogue, samples: Samples
) -> None:
    def last() -> int:
        request = _request(dialogue.take_line("/show last"))
        assert isinstance(request, GetTask)
        dialogue.take_reply(Refused("", correlation_id=request.correlation_id))
        return request.task_id

    queued = samples[Status.QUEUED]
    dialogue.take_notification(Subscribed(7, tuple(samples.values())))
    assert last() == 5
    _ask(dialogue, "!ls", TaskAdded(replace(queued, id=6)))
    assert last() == 6
    _tell(dialogue, replace(queued, id=7))
    assert last() == 7
    _tell(dialogue, samples[Status.RUNNING])
    assert last() == 7
    _tell(dialogue, replace(samples[Status.COMPLETE], id=7))
    assert last() == 7


# Notifications


def test_every_notification_is_shown_once(dialogue: Dialogue, samples: Samples) -> None:
    running = samples[Status.RUNNING]
    assert _tell(dialogue, running) == ["#2 running"]
    assert _tell(dialogue, running, TaskEvent.PROGRESS) == ["#2 progress"]
    done = _ended(running, Outcome.complete())
    assert _tell(dialogue, done) == ["#2 complete"]


def test_awaited_tasks_are_those_that_have_not_ended(
    dialogue: Dialogue, samples: Samples
) -> None:
    queued, running = samples[Status.QUEUED], samples[Status.RUNNING]
    _tell(dialogue, running)
    _tell(dialogue, queued)
    assert dialogue.awaited_tasks == (queued, running)
    assert dialogue.awaits_tasks
    stopping = replace(running, reason="stopping")
    _tell(dialogue, stopping, TaskEvent.PROGRESS)
    assert dialogue.awaited_tasks == (queued, stopping)
    _tell(dialogue, _ended(running, Outcome.complete()))
    assert dialogue.awaited_tasks == (queued,)
    assert dialogue.awaits_tasks
    _tell(dialogue, replace(queued, terms=Terms(held=True)), TaskEvent.QUEUED)
    assert dialogue.awaited_tasks == ()
    assert not dialogue.awaits_tasks


def test_that_a_task_is_awaited_is_known_without_a_look_at_all(
    dialogue: Dialogue, samples: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    can_end = Context.can_end

    def noted(context: Context, task: Task) -> bool:
        looked.append(task.id)
        return can_end(context, task)

    monkeypatch.setattr(Context, "can_end", noted)
    _tell(dialogue, replace(samples[Status.RUNNING], id=1))
    for task_id in range(2, 100):
        _tell(dialogue, replace(samples[Status.QUEUED], id=task_id))
    assert dialogue.awaits_tasks
    assert looked == [1]  # it is asked after each news of a script


def test_what_was_there_before_is_known_but_not_news(
    dialogue: Dialogue, samples: Samples
) -> None:
    before = Subscribed(9, tuple(samples.values()))
    assert dialogue.take_notification(before) == []
    assert [task.id for task in dialogue.awaited_tasks] == [1, 2]
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
def test_a_session_is_unsuccessful_if_one_task_was(
    dialogue: Dialogue, samples: Samples, outcome: Outcome, *, unsuccessful: bool
) -> None:
    running = samples[Status.RUNNING]
    _tell(dialogue, running)
    assert not dialogue.unsuccessful
    _tell(dialogue, _ended(running, outcome))
    assert dialogue.unsuccessful is unsuccessful
    _tell(dialogue, replace(samples[Status.COMPLETE], id=3))
    assert dialogue.unsuccessful is unsuccessful


# Waiting


def test_with_nothing_to_wait_for_all_have_finished(dialogue: Dialogue) -> None:
    assert _texts(dialogue.take_line("/wait")) == ["> /wait", "all tasks have finished"]
    assert not dialogue.busy


def test_waiting_for_all_ends_with_the_last_of_them(
    dialogue: Dialogue, samples: Samples
) -> None:
    queued, running = samples[Status.QUEUED], samples[Status.RUNNING]
    dialogue.take_notification(Subscribed(2, (queued, running)))
    assert _texts(dialogue.take_line("/wait")) == ["> /wait"]
    _tell(dialogue, running, TaskEvent.PROGRESS)
    assert _tell(dialogue, _ended(running, Outcome.failed("no"))) == ["#2 failed"]
    assert dialogue.busy
    later = replace(queued, id=9)
    _tell(dialogue, later)
    _tell(dialogue, later.ended(Outcome.canceled(BY_YOU), later.queued_at))
    assert dialogue.busy
    end = queued.ended(Outcome.canceled(BY_YOU), queued.queued_at)
    assert _tell(dialogue, end) == [
        "#1 canceled",
        "all tasks have finished; failed: #2; canceled: #1",
    ]
    assert not dialogue.busy


def test_of_many_that_failed_the_first_are_named(
    dialogue: Dialogue, samples: Samples
) -> None:
    tasks = [replace(samples[Status.RUNNING], id=number) for number in range(1, 9)]
    dialogue.take_notification(Subscribed(2, tuple(tasks)))
    dialogue.take_line("/wait")
    told: list[str] = []
    for task in tasks:
        told = _tell(dialogue, _ended(task, Outcome.failed("no")))
    assert told[-1] == (
        "all tasks have finished; failed: #1, #2, #3, #4, #5 and 3 more"
    )


def test_tasks_that_come_later_are_not_waited_for(
    dialogue: Dialogue, samples: Samples
) -> None:
    running = samples[Status.RUNNING]
    _tell(dialogue, running)
    dialogue.take_line("/wait")
    _tell(dialogue, replace(running, id=3))
    _tell(dialogue, _ended(running, Outcome.complete()))
    assert not dialogue.busy


def test_waiting_for_one_task_ends_with_it(
    dialogue: Dialogue, samples: Samples
) -> None:
    running = samples[Status.RUNNING]
    other, still_running = replace(running, id=3), replace(running, id=4)
    dialogue.take_notification(Subscribed(2, (running, other, still_running)))
    assert _ask(dialogue, "/wait 2", TaskFound(running)) == []
    assert dialogue.busy
    assert _tell(dialogue, _ended(other, Outcome.complete())) == ["#3 complete"]
    assert dialogue.busy
    assert _tell(dialogue, _ended(running, Outcome.complete())) == [
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
        assert _ask(dialogue, f"/wait {found.task.id}", found) == [says]
        assert not dialogue.busy


def test_waiting_for_a_task_that_is_not_there_is_refused(dialogue: Dialogue) -> None:
    assert _ask(dialogue, "/wait 9", Refused("no task 9")) == ["! no task 9"]
    assert not dialogue.busy


# When the journal can't be written


def test_nobody_is_kept_waiting_while_the_journal_cant_be_written(
    dialogue: Dialogue, samples: Samples
) -> None:
    _tell(dialogue, samples[Status.RUNNING])
    dialogue.take_line("/wait")
    assert dialogue.busy
    dialogue.take_notification(JournalTrouble("disk full"))
    assert not dialogue.busy
    dialogue.take_line("/clear")
    assert not dialogue.busy
    dialogue.take_notification(JournalTrouble(None))
    assert dialogue.busy


def test_a_task_whose_request_was_never_answered_did_not_complete(
    dialogue: Dialogue,
) -> None:
    dialogue.take_line("/tasks")
    dialogue.take_line('/task "Run\x1b[2J tests" bash "make test"')
    dialogue.take_notification(JournalTrouble("database is locked"))
    assert not dialogue.unsuccessful
    (text,) = _texts(dialogue.take_end())
    assert text.startswith("! Run tests: could not be written down before")
    assert dialogue.unsuccessful


def test_nothing_is_told_of_requests_that_were_answered(
    dialogue: Dialogue, samples: Samples
) -> None:
    assert _ask(dialogue, "!make", TaskAdded(samples[Status.RUNNING])) == []
    assert dialogue.take_end() == []
    assert not dialogue.unsuccessful


# Leaving


def test_quitting_with_nothing_to_end_just_leaves(dialogue: Dialogue) -> None:
    assert _texts(dialogue.take_line("/quit")) == ["> /quit", "(leaves)"]


def test_quitting_a_session_that_is_not_remembered_drops_what_is_queued(
    samples: Samples,
) -> None:
    kinds = (BashKind(), SleepKind())
    dialogue = Dialogue(kinds, UNICODE_ICONS, grace=5.0, remembers=False)
    _tell(dialogue, samples[Status.QUEUED])
    assert "dropping #1 Deploy" in _texts(dialogue.take_line("/quit"))


def test_quitting_names_what_it_ends(dialogue: Dialogue, samples: Samples) -> None:
    _tell(dialogue, replace(samples[Status.RUNNING], description="Bu\x1b[2Jild\n"))
    _tell(dialogue, samples[Status.QUEUED])
    assert _texts(dialogue.take_line("/quit")) == [
        "> /quit",
        "ending #2 Build; killed in 5 s at most",
        "starting next time: #1 Deploy",
        "(leaves)",
    ]


_TYPED = (*(it.name for it in REGISTRY), "!ls", "/show 1", "/find x")


@given(st.lists(st.text() | st.sampled_from(_TYPED)))
def test_any_lines_give_effects_with_numbers_of_their_own(lines: list[str]) -> None:
    dialogue = _new_dialogue()
    effects = [effect for line in lines for effect in dialogue.take_line(line)]
    requests = list(map(_number, _requests(effects)))
    looked_up = [it.number for it in effects if isinstance(it, LookUp)]
    numbers = requests + looked_up
    assert len(set(numbers)) == len(numbers)
    assert dialogue.busy == bool(numbers)
    for number in requests:
        dialogue.take_reply(Acknowledged(number))
    for number in looked_up:
        dialogue.take_lookup(LookedUp(number, LookUpFailed("Not now.")))
    assert not dialogue.busy


# Schedules

_MADE = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _schedule(**changes: object) -> Schedule:
    schedule = Schedule(
        id=1,
        request=TaskRequest("Look \x1b[31maround", "bash", ("ls",)),
        every="15m",
        zone="UTC",
        made_at=_MADE,
        since=_MADE,
        next_due=datetime.now(UTC) + timedelta(seconds=252.5),
    )
    return replace(schedule, **changes)


def test_a_schedule_is_made_in_the_time_zone_of_the_program(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zones, "local_zone", lambda: "Europe/Berlin")
    asked = _request(
        dialogue.take_line('/task --every "0 9 * * *" Look bash ls', where="notes")
    )
    assert isinstance(asked, AddSchedule)
    assert (asked.every, asked.zone) == ("0 9 * * *", "Europe/Berlin")
    assert asked.request == TaskRequest("Look", "bash", ("ls",), "notes")
    (line,) = _texts(
        dialogue.take_reply(SchedulesFound((_schedule(),), _number(asked)))
    )
    assert line.startswith("schedule 1: Look around, every 15m, next in 4m ")


def test_a_time_zone_without_a_name_has_to_be_given(
    dialogue: Dialogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nameless() -> str:
        raise ValueError("can't find out the local time zone; give one")

    monkeypatch.setattr(zones, "local_zone", nameless)
    line = '/task --every "0 9 * * *" Look bash ls'
    *_, problem = _texts(dialogue.take_line(line))
    assert problem == ("! can't find out the local time zone; give one: --zone NAME")
    assert _requests(dialogue.take_line("/task --every 15m Look bash ls"))


def test_schedules_are_listed_and_removed(dialogue: Dialogue) -> None:
    cron = _schedule(
        id=2,
        every="0 9 * * *",
        zone="Europe/Berlin",
        paused=True,
        last_task=7,
        runs=3,
        skipped=1,
        note="#7 had not ended",
    )
    header, first, second = _ask(
        dialogue, "/schedules", SchedulesFound((_schedule(), cron))
    )
    assert header.startswith("ID  Every ")
    assert header.endswith(" Last  Runs  Description")
    assert first.split()[:5] == ["1", "15m", "in", "4m", "13s"]
    assert second.startswith("2   0 9 * * * Europe/Berlin  paused ")
    assert second.endswith("#7    3     Look around  1 skipped: #7 had not ended")
    assert _ask(dialogue, "/schedules", SchedulesFound(())) == ["No schedules."]
    gone = SchedulesFound((cron,))
    assert _ask(dialogue, "/unschedule 2", gone) == [
        "removed schedule 2: Look around, every 0 9 * * * Europe/Berlin, paused"
    ]
    assert _ask(dialogue, "/pause --schedule 2", gone)[0].endswith(", paused")


def test_the_schedules_are_known_for_completion(dialogue: Dialogue) -> None:
    first, second = _schedule(), _schedule(id=2)
    dialogue.take_notification(Subscribed(0, (), schedules=(first,)))
    assert dialogue.take_notification(SchedulesChanged((second,))) == []
    assert dialogue.schedules == (first, second)
    dialogue.take_notification(SchedulesChanged((), (1,)))
    assert dialogue.schedules == (second,)


# Batches, and what is changed


def _added(effects: list[Effect]) -> list[AddTask]:
    return [it for it in _requests(effects) if isinstance(it, AddTask)]


def test_a_batch_is_a_task_for_each_value(dialogue: Dialogue) -> None:
    line = "/task --each 08..10 --max-fails 1 --timeout 1m 'Part {}' bash make {}.o {}"
    asked = [it.request for it in _added(dialogue.take_line(line))]
    assert [it.description for it in asked] == ["Part 08", "Part 09", "Part 10"]
    assert asked[1].args == ("make 09.o 09",)
    (terms,) = {it.terms for it in asked}
    assert terms is not None
    assert (terms.max_fails, terms.timeout) == (1, 60.0)
    assert terms.batch
    other = _added(dialogue.take_line("/task --each a,'b P bash echo {}"))
    assert [it.request.args for it in other] == [("echo a",), ("""echo ''"'"'b'""",)]


def test_the_lines_of_a_file_are_a_batch(dialogue: Dialogue, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("one\n\n# no\n two words \n")
    line = f"/task --batch {file} --unless-queued '{{}}' bash cat {{}}"
    asked = _added(with_lookups(dialogue, dialogue.take_line(line)))
    assert [it.request.description for it in asked] == ["one", "two words"]
    assert [it.request.args for it in asked] == [("cat one",), ("cat 'two words'",)]
    assert all(it.unless_queued for it in asked)
    whole = _added(
        with_lookups(dialogue, dialogue.take_line(f"/task --batch {file} X bash {{}}"))
    )
    assert [it.request.args for it in whole] == [("one",), ("two words",)]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "can't read {}: No such file or directory"),
        (b"# nothing\n", "{}: there is nothing to add: every line is empty or"),
        (b"\xff\n", "{} is not valid UTF-8"),
        (b"x\n" * 1001, "{}: a batch has at most 1000 tasks, not 1001"),
        (b"x" * (1 << 21), "{} is too long; 1 MiB can be read"),
    ],
)
def test_a_file_that_lists_nothing_is_named(
    dialogue: Dialogue, tmp_path: Path, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "list"
    if content is not None:
        file.write_bytes(content)
    effects = dialogue.take_line(f"/task --batch {file} X bash {{}}")
    *_, shown = _texts(with_lookups(dialogue, effects))
    assert shown.startswith(f"! {problem.format(file)}")


def test_a_task_that_is_queued_already_is_named(
    dialogue: Dialogue, samples: Samples
) -> None:
    task = samples[Status.QUEUED]
    line = "/task --unless-queued Look bash ls"
    *_, shown = _ask(dialogue, line, TaskAdded(task, existed=True))
    assert shown == f"#{task.id} is queued already: {task.description}"


def test_a_queued_task_comes_back_to_be_edited(
    dialogue: Dialogue, samples: Samples
) -> None:
    task = replace(
        samples[Status.QUEUED],
        id=3,
        description='Say "hi"',
        kind="bash",
        args=('"quoted" whole',),
    )
    again = replace(task, args=("'all of it'",))
    for it, line in (
        (task, '/edit 3 "Say \\"hi\\"" bash "quoted" whole'),
        (again, """/edit 3 "Say \\"hi\\"" bash "'all of it'\""""),
    ):
        number = _number(_request(dialogue.take_line("/edit 3")))
        shown = _texts(dialogue.take_reply(TaskFound(it, None, number)))
        assert shown == [line]
        number = _number(_request(dialogue.take_line(line)))
        (edit,) = _requests(dialogue.take_reply(TaskFound(it, None, number)))
        assert isinstance(edit, EditTask)
        assert (edit.description, edit.args) == ('Say "hi"', it.args)
    number = _number(_request(dialogue.take_line("/edit 3 X sleep 5")))
    (shown,) = _texts(dialogue.take_reply(TaskFound(task, None, number)))
    form = '/edit 3 "Description" bash ARGS...'
    assert shown == f"! #3 keeps the kind bash; the form is: {form}"
    number = _number(_request(dialogue.take_line("/edit 3")))
    ended = replace(samples[Status.COMPLETE], id=3)
    (shown,) = _texts(dialogue.take_reply(TaskFound(ended, None, number)))
    assert shown == "! #3 is complete; only a queued task can be edited"


def test_a_task_is_renamed(dialogue: Dialogue, samples: Samples) -> None:
    task = replace(samples[Status.QUEUED], id=3, description="New", reason="held")
    number = _number(request := _request(dialogue.take_line("/rename 3 New")))
    assert request == EditTask(3, "New", None, None, number)
    said = _texts(dialogue.take_reply(TaskAltered(task, number)))
    assert said == ["#3 is now called New"]


def test_an_edit_says_what_has_changed(dialogue: Dialogue, samples: Samples) -> None:
    task = replace(
        samples[Status.QUEUED], id=3, description="Job", kind="bash", args=("make",)
    )
    changed = replace(task, description="Tests", args=("make test",))
    for line, now, said in (
        (
            '/edit 3 "Tests" bash make test',
            changed,
            ["#3 was: bash make", "#3 is:  bash make test", "#3 is now called Tests"],
        ),
        (
            '/edit 3 "Job" bash make test',
            replace(changed, description="Job"),
            ["#3 was: bash make", "#3 is:  bash make test"],
        ),
        ('/edit 3 "Job" bash make', task, ["#3 stays as it was"]),
    ):
        number = _number(_request(dialogue.take_line(line)))
        (edit,) = _requests(dialogue.take_reply(TaskFound(task, None, number)))
        answer = dialogue.take_reply(TaskAltered(now, _number(edit)))
        assert "\n".join(_texts(answer)).splitlines() == said


def test_tasks_are_listed_by_group_and_label(dialogue: Dialogue) -> None:
    tasks = tuple(
        make_task(number, description=name, terms=terms)
        for number, (name, terms) in enumerate(
            (
                ("Build all", Terms(group="ci")),
                ("Build one", None),
                ("Test", Terms(group="ci")),
            ),
            1,
        )
    )
    answer = TaskList(tasks, TaskCounts(queued=3))

    def ids(line: str) -> list[str]:
        return re.findall(r"#(\d)", "\n".join(_ask(dialogue, line, answer)))

    assert ids("/tasks --group ci") == ["1", "3"]
    assert ids("/tasks --label build") == ["1", "2"]
    assert ids("/tasks --label BUILD --group ci") == ["1"]
    assert ids("/tasks --group default") == ["2"]
