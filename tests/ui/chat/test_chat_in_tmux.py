"""The chat inside tmux: pastes, sizes, Ctrl+Z, and the screen afterwards."""

from __future__ import annotations

import os
import shutil
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from pty_session import chat_command
from tmux_session import TmuxSession

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")

PLACEHOLDER = "A note to yourself"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[TmuxSession]:
    with TmuxSession(tmp_path) as session:
        session.run(["echo", "before the chat"])
        session.run(chat_command(tmp_path / "state"))
        session.wait(PLACEHOLDER)
        yield session


def leave(tmux: TmuxSession) -> None:
    tmux.press("C-d")
    tmux.wait("before the chat", "backburner: left session main", gone="Ctrl+D leave")


def test_the_screen_is_as_it_was_after_leaving(tmux: TmuxSession) -> None:
    assert "before the chat" not in tmux.text
    leave(tmux)
    tmux.run(["echo", "typing", "is", "seen"])
    tmux.wait("$ echo typing is seen\ntyping is seen")


def test_a_pasted_line_break_sends_nothing(tmux: TmuxSession) -> None:
    tmux.paste("first line\nsecond line\n")
    tmux.wait("first line", "second line")
    assert "you  first" not in tmux.text
    tmux.press("Enter")
    tmux.wait("you  first line")
    leave(tmux)


def test_a_large_paste_is_folded_and_whole(tmux: TmuxSession) -> None:
    tmux.paste("".join(f"line {number}\n" for number in range(500)))
    tmux.wait("pasted 501 lines")
    tmux.press("Enter")
    tmux.wait("line 499")
    leave(tmux)


def test_a_window_of_any_size(tmux: TmuxSession) -> None:
    tmux.type("a draft")
    for columns, rows in ((20, 5), (3, 2), (120, 40), (90, 24)):
        tmux.resize(columns, rows)
    tmux.wait("a draft", "Ctrl+D leave")
    tmux.press("C-c")
    tmux.wait(PLACEHOLDER)
    leave(tmux)


def test_ctrl_z_and_fg_in_the_middle_of_a_draft(tmux: TmuxSession) -> None:
    tmux.type("a draft")
    tmux.wait("a draft")
    tmux.press("C-z")
    tmux.wait("before the chat", "Stopped", gone="a draft")
    tmux.run(["echo", "meanwhile"])
    tmux.wait("\nmeanwhile")
    tmux.run(["fg"])
    tmux.wait("a draft", "Ctrl+D leave", gone="meanwhile")
    tmux.press("C-c")
    tmux.wait(PLACEHOLDER)
    leave(tmux)


def test_a_signal_gives_the_screen_back(tmux: TmuxSession, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    (chat,) = (p for p in psutil.process_iter() if state in _arguments(p))
    tmux.type("!sleep 600")
    tmux.press("Enter")
    tmux.wait("1 running")
    os.kill(chat.pid, signal.SIGTERM)
    tmux.wait("before the chat", "1 canceled", gone="Ctrl+D leave")


def _arguments(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline() if process.name().startswith("python") else []
    except psutil.Error:
        return []
