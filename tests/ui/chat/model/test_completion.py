from __future__ import annotations

from datetime import UTC, datetime

import pytest
from backburner.actors import (
    CancelTask,
    ListTasks,
    Schedule,
    SchedulesChanged,
    TaskRequest,
    TaskStatus,
)
from backburner.ui.chat.model.completion import words_of
from backburner.ui.dialogue.commands import FILTERS, REGISTRY
from chat_driver import ChatDriver, ended, of_conversation, queued, requests, running


def labels(chat: ChatDriver) -> list[str]:
    choice = chat.state.choice
    return [p.label for p in choice.popup.proposals] if choice else []


def test_a_slash_lists_every_command_with_its_help() -> None:
    chat = ChatDriver()
    chat.type("/")
    names = [spec.heading for spec in REGISTRY if spec.name.startswith("/")]
    assert labels(chat) == names
    assert "stop running tasks, drop queued ones" in chat.screen()


def test_text_and_two_slashes_have_no_popup() -> None:
    for text in ("hello /t", "//ta", "!ls"):
        chat = ChatDriver()
        chat.type(text)
        assert chat.state.choice is None


def test_tab_completes_a_command_and_then_proposes_its_arguments() -> None:
    chat = ChatDriver()
    chat.news(queued(1, "Deploy"), running(2, "Run tests"), ended(3, "Lint"))
    chat.type("/can")
    chat.press("tab")
    assert chat.state.editor.text == "/cancel "
    assert labels(chat) == ["#2 running", "#1 queued", "--all", "--now"]
    assert "Run tests" in chat.screen()


def test_enter_completes_an_unfinished_command_before_sending() -> None:
    chat = ChatDriver()
    chat.type("/ca")
    assert not chat.press("enter")
    assert chat.state.editor.text == "/cancel "


def test_enter_on_a_complete_command_sends_it() -> None:
    chat = ChatDriver()
    chat.type("/tasks")
    chat.press("enter")
    assert chat.state.editor.text == ""


def test_enter_runs_a_command_without_arguments_at_once() -> None:
    chat = ChatDriver()
    chat.type("/chats"[:-1])
    chat.press("down", "enter")
    assert chat.state.editor.text == ""
    assert len(chat.state.conversations.current.transcript.items) == 2


def test_arrows_choose_a_proposal_and_enter_accepts_it() -> None:
    chat = ChatDriver()
    chat.news(ended(1), ended(2, status=TaskStatus.FAILED))
    chat.type("/show ")
    chat.press("down", "enter")
    assert chat.state.editor.text == "/show 1"
    assert chat.state.choice is None


def test_enter_on_a_missing_argument_accepts_the_first_proposal_and_sends_nothing() -> (
    None
):
    chat = ChatDriver()
    chat.news(running(7))
    chat.type("/cancel ")
    assert not chat.press("enter")
    assert chat.state.editor.text == "/cancel 7"


@pytest.mark.parametrize(
    ("typed", "taken"),
    [
        ("/tasks --fa", "/tasks --failed"),
        ("/show lin", "/show 3"),
        ("/cancel dep", "/cancel 1"),
        ("/cancel 1 --n", "/cancel 1 --now"),
        ("/help ca", "/help cancel"),
        ('/task "Wait" sl', '/task "Wait" sleep '),
    ],
)
def test_enter_completes_an_unfinished_argument_before_sending(
    typed: str, taken: str
) -> None:
    chat = ChatDriver()
    chat.news(queued(1, "Deploy"), running(2, "Run tests"), ended(3, "Lint"))
    chat.type(typed)
    assert not chat.press("enter")
    assert chat.state.editor.text == taken


@pytest.mark.parametrize(
    "typed", ["/tasks --failed", "/show 1", "/show #1", "/show 99", "/help /cancel"]
)
def test_enter_on_a_complete_argument_sends_it(typed: str) -> None:
    chat = ChatDriver()
    chat.news(ended(1), ended(10), ended(12))
    chat.type(typed)
    chat.press("enter")
    assert chat.state.editor.text == ""


def test_a_new_name_may_start_like_an_existing_conversation() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new notes")
    chat.type("/chat --new no")
    chat.press("enter")
    assert chat.state.conversations.current.name == "no"


def test_enter_in_the_middle_of_a_line_sends_it_unchanged() -> None:
    for steps in range(len("/cancel 3")):
        chat = ChatDriver()
        chat.news(running(3), running(4))
        chat.type("/cancel 3")
        chat.press(*["left"] * steps)
        (cancel,) = requests(chat.press("enter"), CancelTask)
        assert cancel.task_id == 3


def test_there_is_no_popup_in_the_middle_of_a_word() -> None:
    chat = ChatDriver()
    chat.type("/tasks")
    chat.press("left")
    assert chat.state.choice is None


def test_escape_closes_the_popup_until_the_text_before_the_cursor_changes() -> None:
    for keys in (("left", "right"), ("a",)):
        chat = ChatDriver()
        chat.type("/t")
        chat.press("escape")
        assert chat.state.choice is None
        chat.press("end")
        assert chat.state.choice is None
        chat.press(*keys)
        assert chat.state.choice is not None


def test_tasks_are_found_by_their_description() -> None:
    chat = ChatDriver()
    chat.news(ended(1, "Deploy"), ended(2, "Run tests"))
    chat.type("/show dep")
    assert labels(chat) == ["#1 complete"]
    chat.press("tab")
    assert chat.state.editor.text == "/show 1"


def test_kinds_are_proposed_after_the_description() -> None:
    chat = ChatDriver()
    chat.type('/task "Run tests')
    assert labels(chat) == []
    assert "KIND ARGS" in chat.screen()
    chat.type('" ')
    assert labels(chat) == ["bash COMMAND", "sleep DURATION"]
    chat.type("sl")
    chat.press("tab")
    assert chat.state.editor.text == '/task "Run tests" sleep '


def test_kinds_are_proposed_after_a_label_and_other_quoted_values() -> None:
    chat = ChatDriver()
    chat.type('/task --at "tomorrow 9:00" --label "Run tests" ')
    assert labels(chat) == ["bash COMMAND", "sleep DURATION"]
    chat.type("sl")
    chat.press("tab")
    assert chat.state.editor.text.endswith('--label "Run tests" sleep ')


def test_options_of_a_task_are_proposed_before_the_description() -> None:
    chat = ChatDriver()
    chat.type("/task --after")
    assert labels(chat) == ["--after 3,5", "--after-failed 3,5", "--after-any 3,5"]
    chat.type(" 3 --ti")
    assert labels(chat) == ["--timeout 10m"]
    chat.press("tab")
    chat.type(" 10m Tests ba")
    assert labels(chat) == ["bash COMMAND"]


def test_unread_conversations_are_proposed_first_and_the_current_one_last() -> None:
    chat = ChatDriver()
    for name in ("notes", "deploy", "work"):
        chat.enter(f"/chat --new {name}")
    chat.news(*of_conversation("deploy", running(1), ended(1)))
    chat.type("/chat ")
    assert labels(chat) == ["deploy", "main", "notes", "work", "--new", "--close"]
    assert "1 unread" in chat.screen()
    chat.press("enter", "enter")
    assert chat.state.conversations.current.name == "deploy"


def test_every_option_is_proposed_with_help() -> None:
    chat = ChatDriver()
    words = words_of(chat.state)
    found: dict[str, list[str]] = {}
    for spec in REGISTRY:
        for option in spec.complete("--", words).proposals:
            rest = {
                "--now": " --all",
                "--new": " notes",
                "--group": " builds",
                "--schedule": " 1",
                "--label": " x",
                "--regex": " x",
                "--force": " x",
                "--parallel": " 2",
                "--pause-on-failure": " on",
            }.get(option.text, "")
            if spec.name in {"/task", "/run"}:
                value = (
                    option.label.removeprefix(option.text)
                    .replace("HOST:PORT", "h:1")
                    .replace("NAME", "n")
                    .replace("N", "1")
                )
                rest = f"{value} Tests bash make"
            name = {"/group": "builds ", "/allow": "1 "}.get(spec.name, "")
            if option.text in {"--zone", "--catch-up", "--overlap"}:
                name = "--every 1h "
            if option.text == "--max-fails":
                name = "--each 1..2 "
            if spec.name == "/task":
                rest += " {}"
            spec.parse(name + option.text + rest)
            assert option.summary
            found.setdefault(spec.name, []).append(option.text)
    assert found["/tasks"] == [*FILTERS, "--group", "--label"]
    assert found["/cancel"] == ["--all", "--now"]
    chat.type("/cancel --")
    assert "kill at once" in chat.screen()


def test_filters_commands_and_conversations_are_proposed() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new work")
    for typed, expected in (
        ("/tasks --f", ["--failed", "--finished"]),
        ("/help ca", ["/cancel"]),
        ("/chat w", ["work"]),
    ):
        chat.press("ctrl-c")
        chat.state.overlay = None
        chat.type(typed)
        assert labels(chat) == expected


def test_an_input_from_the_history_opens_no_popup_so_up_keeps_browsing() -> None:
    chat = ChatDriver(history=("/tasks", "/help"))
    chat.press("up")
    assert chat.state.editor.text == "/help"
    assert chat.state.choice is None
    chat.press("up")
    assert chat.state.editor.text == "/tasks"


def test_a_synonym_is_proposed_when_no_command_matches() -> None:
    chat = ChatDriver()
    chat.news(running(3))
    chat.type("/kil")
    assert labels(chat) == ["/kill ID... | --all"]
    assert "same as /cancel --now" in chat.screen()
    chat.press("enter")
    assert labels(chat) == ["#3 running", "--all", "--now"]
    chat.press("enter")
    (cancel,) = requests(chat.press("enter"), CancelTask)
    assert (cancel.task_id, cancel.now) == (3, True)


def test_enter_on_a_complete_synonym_sends_it() -> None:
    chat = ChatDriver()
    chat.type("/ps")
    assert requests(chat.press("enter"), ListTasks)


@pytest.mark.parametrize("command", ["/rerun", "/retry", "/output", "/log", "/show"])
def test_ids_are_proposed_with_the_description_of_their_tasks(command: str) -> None:
    chat = ChatDriver()
    chat.news(ended(1, "Deploy"), ended(12, "Run tests"))
    chat.type(f"{command} ")
    assert labels(chat) == ["#12 complete", "#1 complete"]
    assert "Run tests" in chat.screen()


def test_the_ids_of_schedules_are_proposed() -> None:
    chat = ChatDriver()
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    request = TaskRequest("Look around", "bash", ("ls",))
    made = Schedule(
        id=3,
        request=request,
        every="15m",
        zone="UTC",
        made_at=moment,
        since=moment,
        next_due=moment,
    )
    chat.tell(SchedulesChanged((made,)))
    for line in ("/unschedule ", "/pause --schedule ", "/unschedule around"):
        chat.type(line)
        assert labels(chat) == ["3 15m"]
        chat.press("tab")
        assert chat.state.editor.text.endswith(" 3")
        chat.press("ctrl-u")
