"""Keys and the mouse in the output of an opened task with a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskFound, Terms
from backburner.ui.chat.model.state import Detail
from backburner.ui.pager.terminal_view import KEPT
from backburner.ui.terminal.keys import Wheel
from chat_driver import ChatDriver, ended, open_task, row_text
from msgspec.structs import replace

if TYPE_CHECKING:
    from pathlib import Path

LINES = KEPT + 100
SIZE = (20, 4)


@pytest.fixture
def chat(tmp_path: Path) -> ChatDriver:
    return _chat(tmp_path / "3.log", LINES)


def _chat(output: Path, lines: int) -> ChatDriver:
    output.write_bytes(b"".join(b".\r%d\r\n" % it for it in range(lines)))
    task = replace(ended(3), terms=Terms(input="terminal"), output_path=str(output))
    chat = ChatDriver()
    chat.news(task)
    open_task(chat, Detail.of(TaskFound(task, None)))
    return chat


def _detail(chat: ChatDriver) -> Detail:
    assert chat.state.detail is not None
    return chat.state.detail


def _first(chat: ChatDriver) -> str:
    """Draw the output as the actor does; return its first row."""
    detail = _detail(chat)
    assert detail.pager is not None
    rows = detail.pager.rows(*SIZE)
    if detail.screen is not None:
        rows = detail.screen.rows(*SIZE) or rows
    return row_text(rows[0])


def test_scrolling_back_past_the_screen_shows_the_lines(chat: ChatDriver) -> None:
    assert _first(chat) == f"{LINES - 3}"
    for keys, row in (
        (("up",), LINES - 4),
        (("pgup",), LINES - 7),
        (("pgdn", "down"), LINES - 3),
        (("pgup", "end"), LINES - 3),
    ):
        chat.press(*keys)
        assert _first(chat) == f"{row}"
        assert _detail(chat).screen is not None
    screen = _detail(chat).screen
    assert screen is not None
    screen.home()
    before = int(_first(chat))
    chat.press("pgup")
    assert _detail(chat).screen is None
    # The lines continue at the first line of the screen.
    assert int(_first(chat)) == before - 3 == LINES - KEPT - 3 - 3
    chat.press("up")
    assert int(_first(chat)) == before - 4
    chat.press("home")
    assert _first(chat) == "0"
    chat.press("end")
    assert _first(chat) == f"{LINES - 3}"
    assert _detail(chat).screen is not None


def test_the_wheel_scrolls_the_screen(chat: ChatDriver) -> None:
    _first(chat)
    chat.tell(Wheel(up=True, x=2, y=12))
    assert _first(chat) == f"{LINES - 6}"
    assert _detail(chat).screen is not None


def test_f_switches_between_the_screen_and_the_lines(chat: ChatDriver) -> None:
    _first(chat)
    chat.press("up", "f")
    assert _first(chat) == f"{LINES - 3}"
    chat.press("f")
    assert _detail(chat).screen is None
    chat.press("f")
    assert _detail(chat).screen is not None


def test_a_search_shows_the_lines(chat: ChatDriver) -> None:
    _first(chat)
    chat.type("/17")
    chat.press("enter")
    pager = _detail(chat).pager
    assert pager is not None
    while pager.step():
        pass
    assert _detail(chat).screen is None


def test_a_short_output_fits_on_the_screen(tmp_path: Path) -> None:
    chat = _chat(tmp_path / "3.log", 9)
    assert _first(chat) == "6"
    chat.press("home")
    assert _first(chat) == "0"
    chat.press("pgup", "up")
    assert _first(chat) == "0"
    assert _detail(chat).screen is not None


def test_typing_a_word_does_not_move_the_screen(chat: ChatDriver) -> None:
    _first(chat)
    chat.press("up")
    before = _first(chat)
    chat.type("bbz")
    assert chat.state.editor.text == "bbz"
    assert _first(chat) == before
