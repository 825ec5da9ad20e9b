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


def test_leaving_restores_the_screen(tmux: TmuxSession) -> None:
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


def test_a_large_paste_is_folded_and_complete(tmux: TmuxSession) -> None:
    tmux.paste("".join(f"line {number}\n" for number in range(500)))
    tmux.wait("pasted 501 lines")
    tmux.press("Enter")
    tmux.wait("line 499")
    leave(tmux)


def test_the_chat_survives_any_window_size(tmux: TmuxSession) -> None:
    tmux.type("a draft")
    for columns, rows in ((20, 5), (3, 2), (120, 40), (90, 24)):
        tmux.resize(columns, rows)
    tmux.wait("a draft", "Ctrl+D leave")
    tmux.press("C-c")
    tmux.wait(PLACEHOLDER)
    leave(tmux)


def test_ctrl_z_and_fg_keep_the_draft(tmux: TmuxSession) -> None:
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


def test_a_signal_restores_the_screen(tmux: TmuxSession, tmp_path: Path) -> None:
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


def _give_keys(tmux: TmuxSession, command: str) -> None:
    tmux.type(f'/task --pty "Full screen" bash {command}')
    tmux.press("Enter")
    tmux.wait("#1 running")
    tmux.type("/input 1")
    tmux.press("Enter")


@pytest.mark.skipif(not shutil.which("vim"), reason="needs vim")
def test_an_editor_task_is_used_resized_detached_and_attached_again(
    tmux: TmuxSession,
) -> None:
    _give_keys(tmux, "vim -u NONE -N")
    tmux.wait("~\n~\n")
    tmux.type("i")
    # As a person does: vim may drop what was typed ahead while it starts.
    tmux.wait("-- INSERT --")
    tmux.type("hello")
    tmux.wait("hello", "-- INSERT --")
    tmux.resize(60, 16)
    tmux.wait("hello", "-- INSERT --")
    tmux.press("Escape", "C-]")
    tmux.wait(PLACEHOLDER)
    tmux.type("/input 1")
    tmux.press("Enter")
    tmux.wait("hello\n~\n")
    tmux.type(":q!")
    tmux.press("Enter")
    tmux.wait(PLACEHOLDER, "#1 complete")
    leave(tmux)
    # The output of the task is gone after leaving the chat.
    assert "hello" not in tmux.text
    assert "has the keys" not in tmux.text


@pytest.mark.skipif(not shutil.which("top"), reason="needs top")
def test_a_monitor_task_fills_the_screen_and_ends_by_its_key(tmux: TmuxSession) -> None:
    _give_keys(tmux, "top -d 1")
    tmux.wait("load average", "PID")
    tmux.press("q")
    tmux.wait(PLACEHOLDER, "#1 complete")
    leave(tmux)
    assert "load average" not in tmux.text
