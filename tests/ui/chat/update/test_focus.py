"""Focus: no job is canceled or rerun by accident, and no typed word is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddTask,
    CancelTask,
    GetTask,
    TaskFound,
    TasksForgotten,
    TaskStatus,
)
from backburner.ui.chat.model.keymap import Binding, Keymap
from backburner.ui.chat.model.messages import Beat, Resized
from backburner.ui.chat.model.panel import Panel
from backburner.ui.chat.model.state import Detail, Focus
from backburner.ui.chat.update.questions import PATIENCE
from backburner.ui.chat.update.task_list import TASK_PANEL
from backburner.ui.chat.views.layout import measured
from backburner.ui.dialogue.effects import Leave
from backburner.ui.pager.pager import Pager
from backburner.ui.terminal.keys import Click, Paste
from backburner.ui.terminal.terminal import Size
from backburner.ui.text.rows import Row, Span
from backburner.ui.text.theme import UNICODE_SIGNS
from chat_driver import READING, ChatDriver, ended, open_task, requests, running

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.ui.chat.model.effects import Effect
    from backburner.ui.chat.model.state import ChatState

SENTENCES = (
    "fix the tests later",
    "extra note",
    "run it again",
    "x-ray",
    "X marks the spot",
    "xx",
    "rr",
    "brr, cold",
    "grr",
    "quit smoking",
    "next week",
    "just now",
    "kill the lights",
    "wrong",
    "go on",
    "Grand plan",
    "bug",
    "?huh",
    "!make test",
)
PROMPT = UNICODE_SIGNS.prompt
QUICK = 0.1
"""Seconds between two letters at normal typing speed."""


def in_the_list() -> ChatDriver:
    chat = ChatDriver()
    chat.news(running(1, "Deploy"))
    chat.press("tab")
    return chat


def in_an_open_task(tmp_path: Path) -> ChatDriver:
    (tmp_path / "1.log").write_text("line\n" * 200)
    chat = ChatDriver()
    chat.news(running(1, "Deploy"))
    open_task(chat, Detail(1, None, Pager(tmp_path / "1.log")))
    return chat


def type_quickly(chat: ChatDriver, text: str) -> list[Effect]:
    effects: list[Effect] = []
    for char in text:
        effects += chat.type(char)
        chat.now += QUICK
    return effects


@pytest.mark.parametrize("sentence", SENTENCES)
@pytest.mark.parametrize("place", ["list", "task"])
def test_a_sentence_typed_in_the_task_panel_goes_to_the_input(
    sentence: str, place: str, tmp_path: Path
) -> None:
    chat = in_the_list() if place == "list" else in_an_open_task(tmp_path)
    effects = type_quickly(chat, sentence)
    assert not requests(effects, CancelTask)
    assert not requests(effects, AddTask)
    if sentence not in {"xx", "rr", "grr"}:  # still ambiguous
        assert chat.state.editor.text == sentence
        assert chat.state.focus is Focus.INPUT
        assert f"{PROMPT} {sentence}" in chat.screen()
        return
    type_quickly(chat, " large")
    assert chat.state.editor.text == f"{sentence} large"


def test_the_effects_of_single_letters_are_undone_when_they_become_a_word(
    tmp_path: Path,
) -> None:
    chat = in_an_open_task(tmp_path)
    detail = chat.state.detail
    assert detail is not None
    assert detail.pager is not None
    before = detail.pager.place
    type_quickly(chat, "fw")
    assert detail.pager.place != before
    type_quickly(chat, "d")
    assert detail.pager.place == before
    assert chat.state.editor.text == "fwd"
    assert chat.state.detail is detail


def test_a_single_letter_acts_as_its_key(tmp_path: Path) -> None:
    chat = in_an_open_task(tmp_path)
    detail = chat.state.detail
    assert detail is not None
    assert detail.pager is not None
    chat.press("w")
    chat.now += READING
    assert not detail.pager.status.wrap
    chat.press("f")
    chat.now += READING
    assert not detail.pager.status.following
    chat.press("q")
    chat.now += READING
    assert chat.state.detail is None
    chat.type("hello")
    assert chat.state.editor.text == "hello"


def test_letters_that_move_the_selection_do_not_form_a_word() -> None:
    chat = ChatDriver()
    chat.news(*(running(number) for number in range(1, 9)))
    chat.press("tab")
    type_quickly(chat, "jjjjjk")
    assert chat.state.focus is Focus.PANEL
    assert chat.state.tasks.selected == 5
    assert requests(chat.press_and_confirm("x"), CancelTask)[0].task_id == 5


def test_a_job_is_canceled_or_rerun_only_after_enter() -> None:
    for key in ("x", "X", "r"):
        chat = in_the_list()
        assert not chat.press(key)
        assert "#1" in chat.screen().splitlines()[-2]
        assert "Deploy" in chat.screen()
        chat.now += READING
        assert not chat.press(key)
        chat.now += READING
        sent = chat.press("enter")
        assert requests(sent, AddTask if key == "r" else CancelTask)
        assert chat.state.overlay is None


@pytest.mark.parametrize("key", ["escape", "ctrl-c", "up", "j", "r", "X"])
def test_any_other_key_closes_the_question(key: str) -> None:
    chat = in_the_list()
    chat.press("x")
    chat.now += READING
    assert not chat.press(key)
    chat.now += READING
    assert "Cancel #1?" not in chat.screen()
    assert not requests(chat.press("escape", "enter"), CancelTask)


def test_a_click_focuses_the_clicked_part() -> None:
    chat = in_the_list()
    parts, _ = measured(chat.state)
    top = parts.header + parts.header_rule
    chat.tell(Click(0, top + parts.body - 1))
    assert chat.state.focus is Focus.PANEL
    chat.tell(Click(0, top + parts.body))
    assert chat.state.focus is Focus.INPUT
    open_task(chat, Detail(1, None, None))
    chat.tell(Click(0, top + parts.body))
    assert chat.state.focus is Focus.INPUT
    chat.tell(Click(0, top - 1))
    assert chat.state.focus is Focus.INPUT
    chat.tell(Click(0, top))
    assert chat.state.focus is Focus.TASK


@pytest.mark.parametrize(("rest", "taken"), [("", True), ("  ", True), (" x", False)])
def test_enter_accepts_a_proposal_only_at_the_end_of_a_line(
    rest: str, *, taken: bool
) -> None:
    chat = ChatDriver()
    chat.type(f"/tas{rest}")
    chat.press(*["left"] * len(rest))
    chat.frame()
    assert chat.state.choice is not None
    chat.press("enter")
    assert ("unknown command" in chat.screen()) is not taken


def test_a_question_closes_after_a_while_or_by_a_click() -> None:
    chat = in_the_list()
    chat.settle()
    chat.press("x")
    chat.frame()
    assert chat.next_beat() == PATIENCE
    chat.now += PATIENCE
    chat.tell(Beat())
    assert chat.state.overlay is None
    assert not requests(chat.press("enter"), CancelTask)
    chat.press("escape", "tab", "x")
    assert "Cancel #1?" in chat.screen()
    chat.tell(Click(0, 23))
    chat.now += READING
    assert "Cancel #1?" not in chat.screen()
    assert not requests(chat.press("enter"), CancelTask)


def test_a_held_key_does_not_answer_a_question_at_once() -> None:
    chat = in_the_list()
    for _ in range(4):
        assert not requests(chat.press("x"), CancelTask)
        assert not requests(chat.press("enter"), CancelTask)
        chat.now += 0.03
    assert "Cancel #1?" in chat.screen()


@pytest.mark.parametrize("word", ["xx", "rr", "grr", "brr", "XXX", "fx", "wr"])
@pytest.mark.parametrize("pause", [QUICK, 0.25, 0.5, 0.9, 1.5, 3.0])
@pytest.mark.parametrize("place", ["list", "task"])
def test_a_slowly_typed_word_never_cancels_or_reruns_a_job(
    word: str, pause: float, place: str, tmp_path: Path
) -> None:
    chat = in_the_list() if place == "list" else in_an_open_task(tmp_path)
    for char in word:
        effects = chat.type(char)
        assert not requests(effects, CancelTask)
        assert not requests(effects, AddTask)
        chat.now += pause
    if pause < 1.0:
        # Enter ends the word, as in the input.
        effects = chat.press("enter")
        assert not requests(effects, CancelTask)
        assert not requests(effects, AddTask)


def test_a_question_closes_when_its_task_ends_or_is_forgotten() -> None:
    for news in (ended(1), TasksForgotten(2, (1,))):
        chat = in_the_list()
        chat.press("x")
        if isinstance(news, TasksForgotten):
            chat.tell(news)
        else:
            chat.news(news)
        assert "Cancel #1?" not in chat.screen()


def test_no_question_is_asked_about_an_ended_task() -> None:
    chat = ChatDriver()
    chat.news(ended(1, status=TaskStatus.FAILED))
    chat.press("tab", "x")
    assert chat.state.overlay is None
    assert "#1 has already ended" in chat.screen()


def test_no_question_is_asked_where_it_would_not_be_visible() -> None:
    chat = ChatDriver(80, 2)
    chat.news(running(1))
    open_task(chat, Detail(1, None, None))
    chat.tell(Resized(Size(80, 1)))
    chat.press("x")
    chat.now += READING
    assert not requests(chat.press("enter"), CancelTask)


def test_the_prompt_shows_the_focus(tmp_path: Path) -> None:
    chat = in_an_open_task(tmp_path)
    assert chat.screen().splitlines()[-2].startswith(f"#1 {PROMPT}")
    assert chat.frame().cursor is None
    chat.press("/")
    assert chat.screen().splitlines()[-2].startswith("search #1 /")
    assert chat.frame().cursor is not None
    chat.press("escape", "&")
    assert chat.screen().splitlines()[-2].startswith("lines of #1 &")
    chat.press("escape", "tab")
    assert chat.screen().splitlines()[-2].startswith(f"{PROMPT} ")
    chat.press("escape", "escape", "tab")
    assert chat.screen().splitlines()[-2].startswith(f"tasks {PROMPT}")
    chat.press("/")
    assert chat.screen().splitlines()[-2].startswith("filter tasks /")


def test_an_open_task_stays_visible_while_typing(tmp_path: Path) -> None:
    chat = in_an_open_task(tmp_path)
    chat.tell(Paste("a note"))
    assert "#1 running" in chat.screen()
    assert f"{PROMPT} a note" in chat.screen()
    chat.press("escape")
    assert chat.state.focus is Focus.TASK
    chat.press("tab", "enter")
    assert chat.state.detail is None
    assert "you  a note" in chat.screen()


def test_a_task_that_opens_late_does_not_take_the_focus_from_a_draft() -> None:
    chat = ChatDriver()
    chat.news(running(1))
    (look,) = requests(chat.enter("/show 1"), GetTask)
    chat.type("half a sent")
    chat.tell(TaskFound(running(1), None, look.correlation_id))
    chat.type("ence")
    assert chat.state.editor.text == "half a sentence"
    assert chat.state.detail is not None


@pytest.mark.parametrize("word", ["yes we can", "no way", "quite so", "Yet another"])
def test_a_word_does_not_answer_the_question_whether_to_leave(word: str) -> None:
    chat = ChatDriver()
    chat.news(running(1))
    chat.press("ctrl-c")
    assert Leave() not in type_quickly(chat, word)
    assert chat.state.editor.text == word


def test_y_and_enter_leave() -> None:
    chat = ChatDriver()
    chat.press("ctrl-c", "y")
    assert "Enter leaves" in chat.screen()
    assert Leave() in chat.press("enter")


def test_a_panel_can_be_added_as_one_value() -> None:
    pressed: list[str] = []

    def rows(state: ChatState, columns: int, height: int) -> list[Row]:
        del state, columns
        return [(Span("Weather"),), (Span("sunny"),)][:height]

    def act(state: ChatState, action: str) -> list[Effect]:
        del state
        pressed.append(action)
        return []

    keys = Keymap("Weather", (Binding(("u",), "update", "u", "look again", "update"),))
    weather = Panel("weather", lambda _, limit: min(2, limit), rows, keys, act)
    chat = ChatDriver()
    chat.state.panels = (TASK_PANEL, weather)
    chat.news(running(1))
    lines = chat.screen().splitlines()
    assert lines[-5:-3] == ["Weather", "sunny"]
    chat.press("tab")
    assert chat.screen().splitlines()[-2].startswith(f"tasks {PROMPT}")
    chat.press("tab")
    assert chat.screen().splitlines()[-2].startswith(f"weather {PROMPT}")
    assert "u update" in chat.screen().splitlines()[-1]
    chat.press("u")
    assert pressed[-1] == "update"
    chat.press("f1")
    assert "look again" in chat.screen()
    chat.press("escape", "tab")
    assert chat.state.focus is Focus.INPUT
    chat.press("tab", "tab", "shift-tab")
    assert chat.screen().splitlines()[-2].startswith(f"tasks {PROMPT}")
    for keys in (("tab", "escape"), ("escape",), ("q",), ("shift-tab",)):
        chat.press("tab", *keys)
        assert chat.state.focus is Focus.INPUT


def test_tab_skips_an_empty_panel() -> None:
    nothing = Panel(
        "nothing",
        lambda _, __: 0,
        lambda _, __, ___: [],
        Keymap("", ()),
        lambda _, __: [],
    )
    chat = ChatDriver()
    chat.news(ended(1))
    chat.settle()
    chat.state.panels = (nothing, TASK_PANEL, nothing)
    chat.press("tab")
    assert chat.screen().splitlines()[-2].startswith(f"tasks {PROMPT}")
    chat.press("tab")
    assert chat.state.focus is Focus.INPUT
    assert not chat.state.notice


def test_the_footer_explains_the_slash(tmp_path: Path) -> None:
    chat = in_the_list()
    assert "/ filter tasks" in chat.screen().splitlines()[-1]
    chat.press("escape")
    assert "/ commands" in chat.screen().splitlines()[-1]
    chat = in_an_open_task(tmp_path)
    assert "/ search output" in chat.screen().splitlines()[-1]
    assert "? keys" in chat.screen().splitlines()[-1]


@pytest.mark.parametrize("where", ["task", "list", "input"])
def test_escape_arriving_with_the_next_key_is_read_as_both_keys(where: str) -> None:
    chat = ChatDriver()
    chat.news(running(1))
    if where == "task":
        open_task(chat, Detail(1, None, None))
    elif where == "list":
        chat.press("tab")
    chat.press("alt-/")
    chat.type("show")
    assert chat.state.detail is None
    assert chat.state.focus is Focus.INPUT
    assert chat.state.editor.text == "/show"
