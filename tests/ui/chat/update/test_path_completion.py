"""Completion of file names in commands for bash."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.ui.chat.update.update import update
from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up
from backburner.ui.terminal.keys import Key
from chat_driver import ChatDriver

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "first page.md").touch()
    (tmp_path / "docs" / "second.md").touch()
    (tmp_path / "README.md").touch()
    (tmp_path / ".hidden").touch()
    return tmp_path


@pytest.mark.parametrize("begin", ["!cat ", '/task "Read it" bash cat ', "/run cat "])
def test_tab_completes_a_name_after_a_command_for_bash(begin: str) -> None:
    chat = ChatDriver()
    chat.type(f"{begin}REA")
    assert "README.md" in chat.screen()
    chat.press("tab")
    assert chat.state.editor.text == f"{begin}README.md "


@pytest.mark.parametrize(
    ("typed", "text"),
    [
        ('!bash -c "cat REA', '!bash -c "cat README.md '),
        ("!sh -ec 'make && cat docs/s", "!sh -ec 'make && cat docs/second.md "),
        (
            '!env A=1 /bin/bash -c "cat docs/f',
            '!env A=1 /bin/bash -c "cat docs/first\\\\ ',
        ),
        ("!bash -c 'cat docs/f", "!bash -c 'cat docs/first\\ page.md "),
        ('/task "Read it" bash "cat REA', '/task "Read it" bash "cat README.md '),
        ('!grep -c "cat REA', '!grep -c "cat REA'),
    ],
)
def test_tab_completes_a_name_in_a_command_between_quotes(
    typed: str, text: str
) -> None:
    chat = ChatDriver()
    chat.type(typed)
    chat.press("tab")
    assert chat.state.editor.text.startswith(text)


def test_folders_can_be_completed_further_and_names_are_quoted() -> None:
    chat = ChatDriver()
    chat.type("!cat do")
    chat.press("tab")
    assert chat.state.editor.text == "!cat docs/"
    assert "second.md" in chat.screen()
    chat.press("tab")
    assert chat.state.editor.text == "!cat docs/first\\ page.md "


def test_an_empty_word_gets_names_only_by_tab() -> None:
    chat = ChatDriver()
    chat.type("!cat ")
    assert "README.md" not in chat.screen()
    chat.press("tab")
    assert chat.state.editor.text == "!cat "
    screen = chat.screen()
    assert "README.md" in screen
    assert "docs/" in screen
    assert ".hidden" not in screen


def test_a_dot_shows_hidden_names() -> None:
    chat = ChatDriver()
    chat.type("!cat .")
    assert ".hidden" in chat.screen()


def test_tab_accepts_the_only_matching_name(here: Path) -> None:
    (here / "docs" / "second.md").unlink()
    chat = ChatDriver()
    chat.type("!cat docs/")
    chat.press("escape")
    chat.press("tab")
    assert chat.state.editor.text == "!cat docs/first\\ page.md "


def test_enter_sends_the_typed_text_despite_proposals() -> None:
    chat = ChatDriver()
    chat.type("!cat do")
    assert "docs/" in chat.screen()
    chat.press("enter")
    assert not chat.state.editor.text


def test_no_names_are_proposed_in_a_message() -> None:
    chat = ChatDriver()
    chat.type("read READ")
    assert "README.md" not in chat.screen()
    chat.press("tab")
    assert "nothing to complete here" in chat.screen()


def test_tab_on_a_missing_name_says_that_nothing_matches() -> None:
    chat = ChatDriver()
    chat.type("!cat nosuch")
    chat.press("tab")
    assert "nothing to complete here" in chat.screen()
    assert chat.state.editor.text == "!cat nosuch"


def test_new_files_are_proposed(here: Path) -> None:
    chat = ChatDriver()
    chat.type("!cat docs/")
    (here / "docs" / "third.md").touch()
    chat.now += 10
    chat.type("t")
    assert "third.md" in chat.screen()


def test_only_one_search_runs_and_the_latest_one_counts() -> None:
    chat = ChatDriver()
    found: list[LookUp] = []
    for char in "!cat docs/":
        name = "space" if char == " " else char
        effects = update(chat.state, Key(name, char), chat.now)
        found += [e for e in effects if isinstance(e, LookUp)]
    # The folder of the first search does not answer; typing continues.
    (first,) = found
    assert chat.state.editor.text == "!cat docs/"
    answer = LookedUp(first.number, look_up(first.wanted))
    effects = update(chat.state, answer, chat.now)
    (second,) = [e for e in effects if isinstance(e, LookUp)]
    update(chat.state, LookedUp(second.number, look_up(second.wanted)), chat.now)
    assert "second.md" in chat.screen()
