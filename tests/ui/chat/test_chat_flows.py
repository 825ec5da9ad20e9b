"""The whole program on a real terminal."""

from __future__ import annotations

import re
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import Notification, Subscribed, TaskSystem
from backburner.actors.testing import Recorder, running
from backburner.ui.program.exit_status import EXIT_FAILURE
from conditions import until
from host_care import HostCare
from process_ends import wait_ends
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ENTER = "\r"
ESC = "\x1b"
UP, DOWN = "\x1b[A", "\x1b[B"
PLACEHOLDER = "A note to yourself"


@pytest.fixture(params=[False, True], ids=["alone", "host"])
def chat(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PtySession]:
    """Return a chat, once with its own session and once on the session's host."""
    with HostCare() as care:
        command = chat_command(tmp_path, host=request.param)
        with PtySession(command, environ=care.environ) as session:
            session.wait(PLACEHOLDER)
            yield session


@pytest.fixture(params=[False, True], ids=["alone", "host"])
def started(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[PtySession]:
    """Return the same chat, started instead of forked."""
    with HostCare() as care:
        command = chat_command(tmp_path, host=request.param)
        with PtySession(command, environ=care.environ, start=True) as session:
            session.wait(PLACEHOLDER)
            yield session


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[PtySession]:
    """Return a chat whose session ends with it."""
    with PtySession(chat_command(tmp_path)) as session:
        session.wait(PLACEHOLDER)
        yield session


def leave(chat: PtySession) -> int:
    chat.send("\x04")
    return chat.wait_exit()


def test_a_first_task_runs(started: PtySession) -> None:
    started.send('/task "Say hello" bash "echo hello"\r')
    started.wait("✓ #1 complete  Say hello")
    assert leave(started) == 0
    assert "left session main: 1 complete" in started.text


def test_a_running_task_is_shown_and_its_end_reported(
    chat: PtySession, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    chat.send(f"!echo 30%; until [ -e {go_on} ]; do sleep 0.01; done\r")
    chat.wait("── Tasks", "━━━", "30%", "1 running")
    go_on.touch()
    chat.wait("✓ #1 complete")
    chat.wait("idle")


def test_the_popup_completes_commands(chat: PtySession) -> None:
    chat.send("/ca")
    chat.wait("stop running tasks, drop queued ones")
    chat.send("\t")
    chat.wait("/cancel ", "--all")
    chat.send(ESC)
    chat.wait_gone("--now")


def test_history_is_kept_and_searched(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path)) as first:
        first.wait(PLACEHOLDER)
        first.send("remember the milk\rand the bread\r")
        first.wait("you  and the bread")
        assert leave(first) == 0
    with PtySession(chat_command(tmp_path)) as second:
        second.wait(PLACEHOLDER)
        second.send(UP + UP)
        second.wait("remember the milk")
        second.send("\x03")
        second.wait(PLACEHOLDER)
        second.send("\x12brea")
        second.wait("and the bread")
        second.send(ENTER + ENTER)
        second.wait("you  and the bread")


def test_a_key_cancels_a_task(chat: PtySession) -> None:
    chat.send("!sleep 600\r")
    chat.wait("1 running")
    chat.send("\t")
    chat.wait("x cancel")
    chat.send("x")
    chat.wait("Cancel #1?", "Enter: yes")
    chat.press_until(ENTER, "⊘ #1 canceled", "canceled by you")


def test_an_open_task_follows_searches_and_closes(chat: PtySession) -> None:
    chat.send("!for i in $(seq 300); do echo line $i; done; sleep 600\r")
    chat.wait("1 running", "line 300")
    chat.send("\t" + ENTER)
    chat.wait("#1 running", "following", "line 299", "line 300")
    chat.send("/line 77\r")
    chat.wait("line 77", "line 78")
    chat.wait_gone("following")
    chat.send("f")
    chat.wait("following", "line 300")
    chat.send(ESC)
    chat.wait_gone("following")


def test_a_conversation_shows_its_own_tasks(chat: PtySession, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    chat.send("/chat --new work\r")
    chat.wait("backburner · work")
    chat.send(f"!until [ -e {go_on} ]; do sleep 0.01; done\r")
    chat.wait("#1 running")
    chat.send("/chat main\r")
    chat.wait("backburner · main")
    go_on.touch()
    chat.wait("● work 1", "idle")
    chat.send("/chats\r")
    chat.wait("> main", "work", "unread")
    chat.send("/chat --new work\r")
    chat.wait("✓ #1 complete")


def _told(text: str, sign: str) -> int:
    """Return the number of tasks that a screen reports with this end."""
    many = sum(map(int, re.findall(rf"{sign} (\d+)", text)))
    return many + len(re.findall(rf"{sign} #\d+ ", text))


def test_a_burst_is_one_line(chat: PtySession) -> None:
    lines = [
        f'/task "Job {number}" bash "exit $(({number} % 20 == 7))"'
        for number in range(60)
    ]
    chat.send("\r".join(lines) + ENTER)

    def told() -> bool:
        news = chat.text.partition("── Tasks ")[0]
        return (_told(news, "✓"), _told(news, "✗")) == (57, 3)

    chat.wait(told)
    # On a busy machine, tasks that end a second later get another line.
    signs = re.findall("[✓✗] #?[0-9]+ ", chat.text.partition("── Tasks ")[0])
    assert len(signs) < 10


def _jobs(chat: PtySession) -> list[psutil.Process]:
    """Return the processes of the jobs; they appear shortly after "1 running"."""
    program = psutil.Process(chat.process.pid)
    until(lambda: bool(program.children()))
    return program.children(recursive=True)


def test_quit_names_running_tasks_and_leaves_no_process_behind(
    alone: PtySession,
) -> None:
    chat = alone
    chat.send('/task "Forever" bash "sleep 600"\r')
    chat.wait("1 running")
    children = _jobs(chat)
    chat.send("/quit\r")
    chat.wait("Leave?")
    chat.send("\r")
    chat.wait("ending #1 Forever")
    assert chat.wait_exit() == 0
    wait_ends(children)
    assert "1 canceled" in chat.text


@pytest.mark.parametrize("way", ["\x03", signal.SIGTERM])
def test_ctrl_c_or_another_signal_kills_tasks_that_do_not_end(
    tmp_path: Path, way: str | signal.Signals
) -> None:
    with PtySession(chat_command(tmp_path, "--grace", "600")) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("!trap '' TERM; echo deaf; sleep 600\r")
        chat.wait("1 running", "  deaf")
        chat.send("/quit\r")
        chat.wait("Leave?")
        chat.send("\r")
        chat.wait("ending #1")
        if isinstance(way, str):
            chat.send(way)
        else:
            chat.process.send_signal(way)
        assert chat.wait_exit() == 0


SIGNAL_AT_THE_END = """
import os, signal
from backburner.ui.dialogue.owner import Owner
from backburner.ui.start import main

wake = Owner.wake

def wake_later(owner):
    if owner.finished:
        os.kill(os.getpid(), signal.SIGTERM)
    wake(owner)

Owner.wake = wake_later
raise SystemExit(main())
"""


def test_a_signal_during_the_end_kills_the_tasks(tmp_path: Path) -> None:
    options = chat_command(tmp_path, "--grace", "600")[3:]
    with PtySession([sys.executable, "-c", SIGNAL_AT_THE_END, *options]) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("!trap '' TERM; echo deaf; sleep 600\r")
        chat.wait("1 running", "  deaf")
        chat.send("/quit\r")
        chat.wait("Leave?")
        chat.send("\r")
        assert chat.wait_exit() == 0


def test_ctrl_c_asks_and_escape_stays(chat: PtySession) -> None:
    chat.send("draft\x03")
    chat.wait(PLACEHOLDER)
    chat.send("\x03")
    chat.wait("Leave?")
    chat.send(ESC)
    chat.wait_gone("Leave?")
    chat.send("\x03\x03")
    assert chat.wait_exit() == 0


def test_leaving_restores_the_terminal(chat: PtySession) -> None:
    assert leave(chat) == 0
    raw = bytes(chat.raw)
    for enabled, disabled in (
        (b"?1049h", b"?1049l"),
        (b"?2004h", b"?2004l"),
        (b"?1000h", b"?1000l"),
    ):
        assert raw.rfind(disabled) > raw.rfind(enabled) > 0
    assert raw.rfind(b"\x1b[?25h") > raw.rfind(b"\x1b[?25l")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_the_session_cleanly(
    alone: PtySession, number: signal.Signals
) -> None:
    alone.send("!sleep 600\r")
    alone.wait("1 running")
    alone.process.send_signal(number)
    assert alone.wait_exit() == 128 + number
    assert "1 canceled" in alone.text


@pytest.mark.parametrize("way", ["/quit", signal.SIGTERM])
def test_changes_shown_while_leaving_are_not_shown_again(
    tmp_path: Path, way: str | signal.Signals
) -> None:
    with PtySession(chat_command(tmp_path)) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("!sleep 600\r")
        chat.wait("1 running")
        if isinstance(way, str):
            chat.send(f"{way}\r")
            chat.wait("Leave?")
            chat.send("\r")
        else:
            chat.process.send_signal(way)
        chat.wait_exit()
    with running(TaskSystem(directory=tmp_path / "main")) as system:
        face: Recorder[Notification] = Recorder("another face")
        system.subscribe(face, shows=True)
        assert face.wait_for(Subscribed).unshown == ()


def test_hostile_output_and_input_never_reach_the_terminal(chat: PtySession) -> None:
    chat.send(
        "\x1b[200~!printf '\\033]52;c;aGk=\\007\\033[5mevil\\033]0;x\\007'\x1b[201~\r"
    )
    chat.wait("✓ #1 complete")
    chat.send("\x1b[200~\x1b]52;c;aGk=\x07note\x1b[201~\r")
    chat.wait("note")
    chat.send("/show 1\r")
    chat.wait("evil")
    assert b"\x1b]52" not in chat.raw
    assert b"\x1b[5m" not in chat.raw


def test_a_resize_redraws_everything(chat: PtySession) -> None:
    chat.send("a draft")
    chat.wait("a draft")
    for columns, rows in ((40, 10), (5, 3), (1, 1), (120, 40)):
        chat.resize(columns, rows)
        chat.process.send_signal(signal.SIGWINCH)
    chat.wait("a draft", lambda: chat.cursor[0] == 38)


def test_a_briefly_shrunk_window_is_redrawn(chat: PtySession) -> None:
    # A terminal that is resized twice at once may report only the last size.
    chat.screen.reset()
    chat.process.send_signal(signal.SIGWINCH)
    chat.wait("backburner", PLACEHOLDER, "Ctrl+D leave")


CRASHING = """
import sys
from backburner.ui import main as app
from backburner.ui.terminal import key_decoder
class Crashing(key_decoder.KeyDecoder):
    def feed(self, data):
        if b"!" in data:
            raise RuntimeError("planted")
        return super().feed(data)
from backburner.ui.chat import main_thread
main_thread.KeyDecoder = Crashing
sys.exit(app.main())
"""


def test_a_crash_restores_the_terminal_and_is_reported(tmp_path: Path) -> None:
    options = ("--no-host", "--state-dir", str(tmp_path))
    command = [sys.executable, "-c", CRASHING, *options]
    with PtySession(command) as chat:
        chat.wait(PLACEHOLDER)
        chat.send('/task "Forever" bash "sleep 600"\r')
        chat.wait("1 running")
        children = _jobs(chat)
        chat.send("!")
        assert chat.wait_exit() == EXIT_FAILURE
        assert bytes(chat.raw).rfind(b"?1049l") > bytes(chat.raw).rfind(b"?1049h")
        assert "internal error: RuntimeError('planted'); the log is" in chat.text
        wait_ends(children)
    assert "Traceback" in (tmp_path / "main" / "chat.log").read_text()


def test_an_idle_chat_writes_nothing(chat: PtySession) -> None:
    chat.send("a note\r")
    chat.wait("you  a note")
    while chat.read(0.3, drain=True):
        pass
    before = len(chat.raw)
    cpu = psutil.Process(chat.process.pid).cpu_times()
    while chat.read(1.0, drain=True):
        pass
    after = psutil.Process(chat.process.pid).cpu_times()
    assert len(chat.raw) == before
    assert after.user + after.system == cpu.user + cpu.system


def test_a_reopened_session_shows_each_message_in_its_conversation(
    tmp_path: Path,
) -> None:
    with PtySession(chat_command(tmp_path)) as first:
        first.wait(PLACEHOLDER)
        first.send("/chat --new work\r")
        first.wait("backburner · work")
        first.send("!echo for work\r")
        first.wait("✓ #1 complete")
        first.send("/chat main\r")
        first.wait("backburner · main")
        first.send("remember the milk\r")
        first.wait("you  remember the milk")
        assert leave(first) == 0
    with PtySession(chat_command(tmp_path)) as second:
        second.wait("you  remember the milk")
        assert "#1 complete" not in second.text
        second.send("/chat --new work\r")
        second.wait("✓ #1 complete  echo for work")
