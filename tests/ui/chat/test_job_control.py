"""The chat as a job of a shell: background, stop and foreground."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
from typing import TYPE_CHECKING

import psutil
import pytest
from conditions import until
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

PLACEHOLDER = "A note to yourself"
PROMPT = "shell>"
ROUNDS = 6


@contextlib.contextmanager
def shell() -> Generator[PtySession]:
    command = ["bash", "--norc", "--noprofile", "-i"]
    with PtySession(command, environ={"PS1": f"{PROMPT} ", "HISTFILE": ""}) as session:
        session.wait(PROMPT)
        yield session


def chats(state: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            arguments = process.cmdline()
            if str(state) in arguments and "python" in process.name():
                found.append(process)
    return found


def stopped(state: Path) -> Callable[[], bool]:
    return lambda: any(p.status() == psutil.STATUS_STOPPED for p in chats(state))


def wait_stopped(bash: PtySession, state: Path) -> None:
    """Wait until the chat has stopped and the shell can continue it."""
    # No answers of the terminal, which the shell would read.
    bash.wait(stopped(state))
    while "Stopped" not in bash.text:
        bash.send("jobs\r")
        bash.read(0.1)


def exit_statuses(session: PtySession) -> list[str]:
    return re.findall(r"status=(\d+)", session.text)


def test_a_chat_started_in_the_background_is_drawn_once_in_the_foreground(
    tmp_path: Path,
) -> None:
    command = shlex.join(chat_command(tmp_path))
    with shell() as bash:
        for _ in range(ROUNDS):
            bash.send(f"{command} &\r")
            wait_stopped(bash, tmp_path)
            bash.send("clear; fg\r")
            bash.wait(PLACEHOLDER)
            bash.send("\x04")
            bash.wait("left session main", PROMPT)
            bash.send("clear; echo status=$?\r")
            bash.wait(lambda: exit_statuses(bash) == ["0"])
    assert b"internal error" not in bash.raw


@pytest.mark.parametrize("ever_in_front", [False, True])
def test_a_stopped_chat_can_be_ended(tmp_path: Path, *, ever_in_front: bool) -> None:
    command = shlex.join(chat_command(tmp_path))
    with shell() as bash:
        if ever_in_front:
            bash.send(f"{command}\r")
            bash.wait(PLACEHOLDER)
            bash.send("\x1a")
        else:
            bash.send(f"{command} &\r")
        wait_stopped(bash, tmp_path)
        bash.send("kill %1\r")
        bash.wait(lambda: not chats(tmp_path))
        bash.send("echo typing is seen\r")
        bash.wait("typing is seen")
        # The shell reports the stop before its next prompt.
        bash.press_until("\r", f"Exit {128 + signal.SIGTERM}")


def test_a_stopped_chat_that_is_ended_and_continued_at_once_ends(
    tmp_path: Path,
) -> None:
    # The number of the signal is greater than that of SIGCONT.
    number = signal.SIGXCPU
    with shell() as bash:
        bash.send(f"{shlex.join(chat_command(tmp_path))}\r")
        bash.wait(PLACEHOLDER)
        bash.send("\x1a")
        wait_stopped(bash, tmp_path)
        (chat,) = chats(tmp_path)
        os.kill(chat.pid, number)
        os.kill(chat.pid, signal.SIGCONT)
        bash.wait(lambda: not chats(tmp_path))


def test_a_chat_in_the_background_leaves_the_terminal_alone(tmp_path: Path) -> None:
    command = shlex.join(chat_command(tmp_path))
    with shell() as bash:
        bash.send(f"{command}\r")
        bash.wait(PLACEHOLDER)
        bash.send("a draft")
        bash.wait("a draft")
        bash.send("\x1a")
        wait_stopped(bash, tmp_path)
        drawn = bytes(bash.raw).count(b"?1049h")
        bash.send("clear; bg\r")
        bash.wait("&")
        wait_stopped(bash, tmp_path)
        bash.send("echo typing is seen\r")
        bash.wait("typing is seen")
        assert bytes(bash.raw).count(b"?1049h") == drawn
        bash.send("fg\r")
        bash.wait("a draft", "Ctrl+D leave")


def test_quitting_a_stopped_chat_ends_its_jobs(tmp_path: Path) -> None:
    command = shlex.join(chat_command(tmp_path))
    pid = tmp_path / "pid"
    with shell() as bash:
        bash.send(f"{command}\r")
        bash.wait(PLACEHOLDER)
        bash.send(f"!echo $$ > {pid}; sleep 600\r")
        bash.wait("1 running")
        until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        bash.send("\x1a")
        wait_stopped(bash, tmp_path)
        (chat,) = chats(tmp_path)
        # As from a keyboard before the shell has answered.
        os.kill(chat.pid, signal.SIGQUIT)
        bash.send("fg\r")
        bash.wait(lambda: not chats(tmp_path))
        assert not psutil.pid_exists(int(pid.read_text()))
        bash.send("echo status=$?\r")
        bash.wait(lambda: exit_statuses(bash)[-1:] == [str(128 + signal.SIGQUIT)])
