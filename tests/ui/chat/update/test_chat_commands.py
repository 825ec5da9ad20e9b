"""Commands in the drawn chat: leaving, conversations, corrections."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from backburner.actors import AddTask, ChatMessage, Task, Terms, Transcript
from backburner.actors.rules.outcome import STILL_RUNNING
from backburner.ui.chat.model.state import Leaving
from backburner.ui.dialogue.effects import Leave
from backburner.ui.dialogue.entries import Problem
from backburner.ui.terminal.keys import Paste
from chat_driver import ChatDriver, ended, queued, requests, running
from msgspec.structs import replace

SERVING = replace(ended(1), reason=f"exit status 0{STILL_RUNNING}7 (server)")
"""A task that left a process running when it ended."""


def shown(chat: ChatDriver, name: str) -> list[object]:
    found = [c for c in chat.state.conversations.all if c.name == name]
    return [item.shown for item in found[0].transcript.items]


# Leaving


@pytest.mark.parametrize(
    "way", ["/quit", "/exit", "/q", "exit", "quit", " :q", ":wq", None]
)
@pytest.mark.parametrize("task", [None, queued(1), running(1), SERVING])
def test_every_way_to_leave_asks_if_it_would_end_tasks(
    way: str | None, task: Task | None
) -> None:
    chat = ChatDriver()
    if task is not None:
        chat.news(task)
    effects = chat.press("ctrl-d") if way is None else chat.enter(way)
    assert (Leave() in effects) is (task is None)
    assert isinstance(chat.state.overlay, Leaving) is (task is not None)
    if task is not None:
        chat.press("escape")
        assert not chat.state.leaving


HELD = replace(queued(2, "Held"), terms=Terms(held=True))
FOREIGN = replace(queued(2, "Foreign"), kind="unknown")


@pytest.mark.parametrize("task", [HELD, FOREIGN])
def test_leaving_does_not_ask_about_tasks_that_a_stored_session_keeps_as_they_are(
    task: Task,
) -> None:
    chat = ChatDriver()
    chat.state.remembers = True
    chat.news(task)
    assert Leave(ends=True) in chat.enter("/quit --end")
    chat = ChatDriver()
    chat.news(task)
    assert Leave(ends=True) not in chat.enter("/quit --end")
    assert "Queued tasks are dropped: #2" in chat.screen()


def test_the_question_says_what_happens_to_each_task() -> None:
    chat = ChatDriver()
    chat.state.remembers = True
    chat.news(running(1, "Build"), HELD, replace(FOREIGN, id=3))
    chat.enter("/quit --end")
    screen = " ".join(chat.screen().split())
    assert "1 task runs and will be ended: #1 Build." in screen
    assert "Held until /enqueue: #2 Held." in screen
    assert "Waiting for their kind: #3 Foreign." in screen


# Conversations by name


def test_an_unambiguous_prefix_opens_a_conversation() -> None:
    chat = ChatDriver()
    for name in ("deploy", "demo", "notes", "note"):
        chat.enter(f"/chat --new {name}")
    for typed, name in (("dep", "deploy"), ("dem", "demo"), ("note", "note")):
        chat.enter(f"/chat {typed}")
        assert chat.state.conversations.current.name == name
    chat.enter("/chat de")
    assert chat.state.conversations.current.name == "note"
    problem = shown(chat, "note")[-1]
    assert isinstance(problem, Problem)
    assert problem.text == "several conversations begin with de: deploy, demo"


def test_a_mistyped_name_starts_no_conversation_but_says_how_to() -> None:
    chat = ChatDriver()
    chat.enter("/chat wrok")
    assert [c.name for c in chat.state.conversations.all] == ["main"]
    assert chat.state.editor.offered == "/chat --new wrok"
    chat.press("tab")
    assert "to begin it: /chat --new wrok" in chat.screen()
    chat.press("enter")
    assert chat.state.conversations.current.name == "wrok"


def test_only_an_empty_conversation_can_be_removed() -> None:
    chat = ChatDriver()
    chat.enter("/chat --new typo")
    chat.enter("/tasks")
    chat.enter("/chat --new notes")
    chat.enter("milk")
    chat.enter("/chat --new builds")
    chat.start_task(1)
    for name, stays in (("typo", False), ("notes", True), ("builds", True)):
        chat.enter(f"/chat --close {name}")
        names = [c.name for c in chat.state.conversations.all]
        assert (name in names) is stays
        current = chat.state.conversations.current.name
        problem = isinstance(shown(chat, current)[-1], Problem)
        assert problem is stays
    chat.enter("/chat --new again")
    chat.enter("/chat --close")
    assert chat.state.conversations.current.name == "main"
    chat.enter("/chat --close")
    assert "main can't be removed" in chat.screen()
    chat.enter("/chat --close gone")
    assert "no conversation gone" in chat.screen()


def test_a_conversation_with_only_commands_is_not_restored() -> None:
    at = datetime.now(UTC)
    chat = ChatDriver()
    chat.tell(
        Transcript(
            (
                ChatMessage(at, "typo", "you", "/tasks", command=True),
                ChatMessage(at, "notes", "you", "/tasks", command=True),
                ChatMessage(at, "notes", "you", "milk"),
                ChatMessage(at, "main", "you", "/tasks", command=True),
            )
        )
    )
    assert [c.name for c in chat.state.conversations.all] == ["main", "notes"]


# Corrections of almost valid lines


@pytest.mark.parametrize(
    ("line", "corrected"),
    [
        ('/task "Run tests" make test', '/task "Run tests" bash make test'),
        ("/task 'a  b'  make 'x y'", "/task 'a  b' bash make 'x y'"),
        ("/task Run tests bash make test", '/task "Run tests" bash make test'),
        ("/task Nap sleeep 10s", "!Nap sleeep 10s"),
        ("/taks --all", "/tasks --all"),
    ],
)
def test_a_correction_of_an_almost_valid_line_is_offered(
    line: str, corrected: str
) -> None:
    chat = ChatDriver()
    assert not requests(chat.enter(line), AddTask)
    assert chat.state.editor.text == ""
    chat.press("tab")
    assert chat.state.editor.text == corrected
    assert chat.state.choice is None
    assert chat.press("enter")
    assert chat.state.editor.offered == ""


def test_text_typed_after_a_correction_is_not_appended_to_it() -> None:
    chat = ChatDriver()
    chat.enter('/task "Run tests" make test')
    assert not chat.press("enter")  # a correction that was not accepted is not sent
    chat.type("/tasks")
    assert chat.state.editor.text == "/tasks"


def test_a_correction_leaves_queued_lines_alone() -> None:
    chat = ChatDriver()
    chat.tell(Paste('/task "a" make x\n/wait\n/tasks'))
    chat.press("enter")
    assert chat.state.editor.text == ""
