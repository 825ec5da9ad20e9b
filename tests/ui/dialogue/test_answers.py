"""Answers to requests are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    CancelAccepted,
    CancelTask,
    Forgotten,
    GroupRules,
    QueueRules,
    RefusalCode,
    Refused,
    RulesFound,
    Slots,
    SlotsChanged,
    TaskAdded,
    TaskCounts,
    TaskFound,
    TaskList,
)
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.effects import Show
from backburner.ui.dialogue.entries import Reply
from msgspec.structs import replace

from tests.ui.dialogue.talk import (
    Samples,
    ask,
    number_of,
    requests_in,
    tell,
    texts_of,
    the_request,
)

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.ui.dialogue.dialogue import Dialogue


def test_each_answer_goes_to_its_own_question(
    dialogue: Dialogue, samples: Samples
) -> None:
    first = number_of(the_request(dialogue.take_line("/clear")))
    second = number_of(the_request(dialogue.take_line("/cancel --all")))
    assert first != second
    running = (samples[Status.RUNNING],)
    assert texts_of(dialogue.take_reply(CancelAccepted(running, second))) == [
        "stopping #2; killed in 5 s at most"
    ]
    assert dialogue.busy
    assert texts_of(dialogue.take_reply(Forgotten((1,), first))) == [
        "forgot 1 finished task with the output; what you typed stays in the chat"
    ]
    assert not dialogue.busy


def test_an_unexpected_answer_is_ignored(dialogue: Dialogue) -> None:
    number = number_of(the_request(dialogue.take_line("/clear")))
    for answer in (
        Forgotten((1,)),
        Forgotten((1,), "1"),
        Forgotten((1,), 99),
        Refused("no", RefusalCode.INVALID, 99),
    ):
        assert dialogue.take_reply(answer) == []
    assert dialogue.busy
    assert not dialogue.misunderstood
    assert texts_of(dialogue.take_reply(Forgotten((), number))) != []
    assert dialogue.take_reply(Forgotten((), number)) == []


def test_a_refusal_is_shown_and_ends_the_question(dialogue: Dialogue) -> None:
    assert ask(dialogue, "/show 9", Refused("no task 9")) == ["! no task 9"]
    assert not dialogue.busy
    assert not dialogue.misunderstood


@pytest.mark.parametrize(
    ("line", "refusal", "hint"),
    [
        (
            "/show 9",
            Refused("no task 9", RefusalCode.UNKNOWN),
            "; /tasks --all lists all tasks",
        ),
        ("/show 9", Refused("task 9 has left the history", RefusalCode.UNKNOWN), ""),
        (
            "/unschedule 9",
            Refused("no schedule 9", RefusalCode.UNKNOWN),
            "; /schedules lists all schedules",
        ),
        (
            "/pause --schedule 9",
            Refused("no schedule 9", RefusalCode.UNKNOWN),
            "; /schedules lists all schedules",
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
    assert ask(dialogue, line, refusal) == [f"! {refusal.text}{hint}"]


def test_only_an_invalid_request_counts_as_misunderstood(dialogue: Dialogue) -> None:
    answer = Refused("a duration is missing", RefusalCode.INVALID)
    assert ask(dialogue, "/task A sleep", answer) == [f"! {answer.text}"]
    assert dialogue.misunderstood


@pytest.mark.parametrize(
    "line", ["/tasks", "/cancel 3", "/cancel --all", "/show 3", "/wait 3", "/clear"]
)
def test_an_answer_of_the_wrong_kind_ends_the_question(
    dialogue: Dialogue, line: str
) -> None:
    assert ask(dialogue, line, Acknowledged()) == []
    assert not dialogue.busy


def test_a_new_task_is_shown_only_by_its_notification(
    dialogue: Dialogue, samples: Samples
) -> None:
    assert ask(dialogue, "!ls", TaskAdded(samples[Status.QUEUED])) == []
    assert tell(dialogue, samples[Status.QUEUED]) == ["#1 queued"]


def test_a_list_is_shown(dialogue: Dialogue, samples: Samples) -> None:
    answer = TaskList((samples[Status.FAILED],), TaskCounts(failed=1))
    assert ask(dialogue, "/tasks --failed", answer) == [
        "  ID  Progress  Duration  Description  Result",
        "✗ #4         -     42.0s  Lint         exit status 1",
        "Running: 0 | Queued: 0 | Completed: 0 | Failed: 1 | Canceled: 0",
    ]
    assert ask(dialogue, "/tasks --queued", TaskList((), TaskCounts()))[0] == (
        "No queued tasks."
    )


def test_cancel_names_tasks_that_are_still_stopping(
    dialogue: Dialogue, samples: Samples
) -> None:
    canceled, running = samples[Status.CANCELED], samples[Status.RUNNING]
    assert ask(dialogue, "/cancel 5", CancelAccepted((canceled,))) == []
    assert ask(dialogue, "/cancel 2 --now", CancelAccepted((running,))) == [
        "stopping #2; killed at once"
    ]
    both = CancelAccepted((canceled, running))
    assert ask(dialogue, "/cancel --all", both) == [
        "stopping #2; killed in 5 s at most"
    ]
    assert ask(dialogue, "/cancel --all", CancelAccepted(())) == [
        "nothing to cancel: no task is queued or running"
    ]


def test_several_tasks_are_canceled_one_by_one(dialogue: Dialogue) -> None:
    requests = requests_in(dialogue.take_line("/cancel 3 4 --now"))
    assert [type(request) for request in requests] == [CancelTask, CancelTask]
    assert len(set(map(number_of, requests))) == 2
    for request in requests:
        assert dialogue.busy
        refused = Refused("no such task", correlation_id=number_of(request))
        dialogue.take_reply(refused)
    assert not dialogue.busy


def test_a_new_number_of_slots_is_shown_once_in_every_chat(dialogue: Dialogue) -> None:
    assert ask(dialogue, "/parallel", Slots(8)) == ["up to 8 tasks run at a time"]
    assert ask(dialogue, "/parallel 1", Slots(1)) == []
    (shown,) = dialogue.take_notification(SlotsChanged(1))
    assert isinstance(shown, Show)
    assert isinstance(shown.entry, Reply)
    assert shown.entry.lines == ("up to 1 task runs at a time",)


def test_forget_says_how_many_tasks_were_removed(dialogue: Dialogue) -> None:
    assert ask(dialogue, "/clear", Forgotten(())) == ["forgot 0 finished tasks"]
    assert ask(dialogue, "/clear", Forgotten((1, 2))) == [
        "forgot 2 finished tasks with the output; what you typed stays in the chat"
    ]


def test_details_are_shown(dialogue: Dialogue, samples: Samples) -> None:
    texts = ask(dialogue, "/show 2", TaskFound(samples[Status.RUNNING], pid=4711))
    assert texts[0] == "#2 Build"
    assert "  process    4711" in texts


def test_output_or_an_error_is_shown(
    dialogue: Dialogue, samples: Samples, tmp_path: Path
) -> None:
    path = tmp_path / "2.log"
    path.write_bytes(b"one\n\x1b[2Jtwo\n")
    task = replace(samples[Status.RUNNING], output_path=str(path), output_size=12)
    assert ask(dialogue, "/output 2", TaskFound(task)) == ["one", "two"]
    path.unlink()
    assert ask(dialogue, "/output 2", TaskFound(task)) == [
        f"! can't read the output of #2, {path}: No such file or directory"
    ]
    assert not dialogue.misunderstood


def test_resume_says_that_nothing_is_paused_beside_the_limits_of_groups(
    dialogue: Dialogue,
) -> None:
    limit, paused = GroupRules("builds", slots=1), GroupRules("docs", paused=True)
    ended = RulesFound(QueueRules(groups=(limit,)))
    assert ask(dialogue, "/resume", ended) == [
        "nothing is paused",
        "group builds: 1 at a time",
    ]
    assert ask(dialogue, "/group builds --parallel 1", ended) == [
        "group builds: 1 at a time"
    ]
    partly = RulesFound(QueueRules(groups=(limit, paused)))
    assert ask(dialogue, "/resume", partly) == [
        "group builds: 1 at a time",
        "group docs: paused",
    ]
