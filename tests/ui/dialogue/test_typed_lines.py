"""Typed lines: messages, commands and invalid input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    CancelAll,
    CancelTask,
    ForgetFinished,
    GetTask,
    ListTasks,
    QueueRequest,
    SetSlots,
    TaskFilter,
    TaskFound,
    TaskRequest,
)
from backburner.actors import TaskStatus as Status
from backburner.ui.dialogue.commands import REGISTRY
from backburner.ui.dialogue.commands.creation import TASK
from backburner.ui.dialogue.context import BY_YOU
from backburner.ui.dialogue.effects import Leave
from backburner.ui.dialogue.entries import Said
from backburner.ui.dialogue.lookups import LookedUp, LookUp, LookUpFailed
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.ui.dialogue.talk import (
    Samples,
    entries_of,
    new_dialogue,
    number_of,
    requests_in,
    texts_of,
    the_request,
)

if TYPE_CHECKING:
    from backburner.ui.dialogue.dialogue import Dialogue


@pytest.mark.parametrize("line", ["", "  ", "\t\r\n"])
def test_a_blank_line_has_no_effect(dialogue: Dialogue, line: str) -> None:
    assert dialogue.take_line(line) == []


def test_a_message_appears_in_the_transcript(dialogue: Dialogue) -> None:
    effects = dialogue.take_line("hello, world\n")
    (entry,) = entries_of(effects)
    assert isinstance(entry, Said)
    assert (entry.who, entry.text, entry.command) == ("you", "hello, world", False)
    assert not dialogue.busy


def test_a_command_appears_as_it_was_typed(dialogue: Dialogue) -> None:
    (entry,) = entries_of(dialogue.take_line("  /tasks  --all "))
    assert isinstance(entry, Said)
    assert (entry.who, entry.text, entry.command) == ("you", "/tasks  --all", True)


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
    assert texts_of(effects) == [f"> {line}"]
    assert the_request(effects) == request_
    assert dialogue.busy


def test_an_invalid_line_is_shown_with_its_problem(dialogue: Dialogue) -> None:
    assert texts_of(dialogue.take_line("/taks")) == [
        "> /taks",
        "! unknown command /taks; did you mean /tasks?",
    ]
    assert dialogue.misunderstood
    assert not dialogue.unsuccessful
    assert not dialogue.busy


def test_an_unreadable_line_counts_as_misunderstood(dialogue: Dialogue) -> None:
    assert texts_of(dialogue.take_bad_line("line 3 is not valid UTF-8")) == [
        "! line 3 is not valid UTF-8"
    ]
    assert dialogue.misunderstood


def test_an_internal_error_is_shown(dialogue: Dialogue) -> None:
    (text,) = texts_of(dialogue.take_failure(ValueError("a\x1b[2Jb\nc")))
    assert text.startswith("! internal error: ValueError(")
    assert text.isprintable()


def test_problems_are_safe_to_show(dialogue: Dialogue) -> None:
    for effects in (
        dialogue.take_line("/\x1b]0;title\x07x\x9b\u202e"),
        dialogue.take_bad_line("a\nb\x9b"),
    ):
        assert texts_of(effects)[-1].isprintable()


def test_help_is_answered_at_once(dialogue: Dialogue) -> None:
    texts = texts_of(dialogue.take_line("/help"))
    assert "KIND sleep DURATION: wait for a time, such as 10s or 1m30s" in texts
    assert not dialogue.busy
    assert any(
        "--finished" in text for text in texts_of(dialogue.take_line("/help tasks"))
    )


def test_a_task_of_an_unknown_kind_says_what_to_type(dialogue: Dialogue) -> None:
    assert texts_of(dialogue.take_line('/task "Run tests" make test'))[1:] == [
        ('! unknown kind make; to run it with bash: /task "Run tests" bash make test')
    ]
    assert dialogue.misunderstood
    assert not dialogue.busy


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        (
            '/task "Tests" Bash make',
            'unknown kind Bash; to run it with bash: /task "Tests" bash make',
        ),
        (
            '/task "Tests" -- make',
            'unknown kind --; to run it with bash: /task "Tests" bash make',
        ),
        ('/task bash "make test"', 'missing description; try: !"make test"'),
        ('/task bash "make', 'missing description; try: !"make'),
        (
            "/task --pty bash make test",
            f"missing description; the form is: {TASK.heading}",
        ),
        (
            "/task --pty \u201cRun tests\u201d bash \u201cmake test\u201d",
            '\u201c doesn\'t quote; try: /task --pty "Run tests" bash "make test"',
        ),
    ],
)
def test_a_wrong_word_in_place_of_the_kind_is_corrected(
    dialogue: Dialogue, typed: str, text: str
) -> None:
    assert texts_of(dialogue.take_line(typed))[1:] == [f"! {text}"]


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
        (
            "/task --pty Build it --timeout 5s bash echo hi",
            '/task --pty --timeout 5s "Build it" bash echo hi',
        ),
        (
            '/task --pty "Build" bash --timeout 5s "echo hi"',
            '/task --pty --timeout 5s "Build" bash "echo hi"',
        ),
        (
            "/task --label Build bash --timeout=5s make",
            "/task --label Build --timeout=5s bash make",
        ),
    ],
)
def test_options_after_the_description_are_moved(
    dialogue: Dialogue, typed: str, corrected: str
) -> None:
    (text,) = texts_of(dialogue.take_line(typed))[1:]
    assert text == f"! options stand before the description: {corrected}"


def test_an_unknown_option_after_the_description_is_named(dialogue: Dialogue) -> None:
    (text,) = texts_of(dialogue.take_line('/task "Ask" --ptty bash cat'))[1:]
    assert text == "! unknown option --ptty; did you mean --pty?"


def test_exit_words_of_other_programs_explain_how_to_leave(dialogue: Dialogue) -> None:
    notice, hint = texts_of(dialogue.take_line("exit"))
    assert notice == "> exit"
    assert "/quit ends running tasks" in hint
    assert not dialogue.misunderstood


def test_an_exit_word_leaves_a_session_that_keeps_running(dialogue: Dialogue) -> None:
    dialogue.context.detaches = True
    assert Leave(ends=False) in dialogue.take_line("exit")


def test_rerun_repeats_a_task_unchanged(dialogue: Dialogue, samples: Samples) -> None:
    failed = replace(samples[Status.FAILED], directory="/srv/shop")
    look = the_request(dialogue.take_line("/rerun 4", "work"))
    assert isinstance(look, GetTask)
    found = TaskFound(failed, correlation_id=number_of(look))
    add = the_request(dialogue.take_reply(found))
    assert isinstance(add, AddTask)
    assert add.request == replace(failed.request, origin="work")
    assert add.request.directory == "/srv/shop"
    assert dialogue.busy


_TYPED = (*(it.name for it in REGISTRY), "!ls", "/show 1", "/find x")


@given(st.lists(st.text() | st.sampled_from(_TYPED)))
def test_requests_and_lookups_have_unique_numbers(lines: list[str]) -> None:
    dialogue = new_dialogue()
    effects = [effect for line in lines for effect in dialogue.take_line(line)]
    requests = list(map(number_of, requests_in(effects)))
    looked_up = [it.number for it in effects if isinstance(it, LookUp)]
    numbers = requests + looked_up
    assert len(set(numbers)) == len(numbers)
    assert dialogue.busy == bool(numbers)
    for number in requests:
        dialogue.take_reply(Acknowledged(number))
    for number in looked_up:
        dialogue.take_lookup(LookedUp(number, LookUpFailed("Not now.")))
    assert not dialogue.busy
