"""The terminal is restored, however the chat ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import termios
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.ui.program.wakeup import ENDING_SIGNALS
from conditions import until
from patience import PATIENCE
from pty_session import ATTRIBUTES_ONLY, PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PLACEHOLDER = "A note to yourself"
MODES = (b"?1049", b"?1000", b"?1006", b"?2004", b"?1004")
KITTY: Final = {b"\x1b[?u": b"\x1b[?0u", **ATTRIBUTES_ONLY}
KEYBOARD_ON, KEYBOARD_OFF = b"\x1b[>5u", b"\x1b[<u"
ASKED = b"\x1b[?u\x1b[c"


def is_restored(raw: bytes) -> bool:
    return all(raw.rfind(mode + b"l") > raw.rfind(mode + b"h") > 0 for mode in MODES)


PATIENT = f"""
import sys
from backburner.ui import main as app
from backburner.ui.terminal import terminal
terminal.ANSWER_PATIENCE = {PATIENCE}
sys.exit(app.main())
"""
"""Waits as long for the answer of a terminal as a busy machine may need."""


@contextlib.contextmanager
def in_shell(
    folder: Path, answers: dict[bytes, bytes] | None = None, *, patient: bool = False
) -> Generator[PtySession]:
    command = ["bash", "--norc", "--noprofile", "-i"]
    environ = {"PS1": "shell> ", "HISTFILE": ""}
    with PtySession(command, environ=environ, answers=answers or {}) as session:
        session.wait("shell>")
        words = chat_command(folder / "state")
        if patient:
            script = folder / "patient.py"
            script.write_text(PATIENT)
            words[1:3] = [str(script)]
        session.send(f"{' '.join(words)}\r")
        session.wait(PLACEHOLDER, lambda: ASKED in session.raw)
        yield session


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_a_signal_restores_the_terminal_and_ends_the_jobs(
    tmp_path: Path, number: signal.Signals
) -> None:
    pid = tmp_path / "pid"
    with PtySession(chat_command(tmp_path), answers=KITTY) as chat:
        chat.wait(PLACEHOLDER, lambda: KEYBOARD_ON in chat.raw)
        chat.send(f"!echo $$ > {pid}; sleep 600\r")
        until(lambda: pid.exists() and pid.read_text().endswith("\n"))
        chat.process.send_signal(number)
        assert chat.wait_exit() == 128 + number
        assert is_restored(bytes(chat.raw))
        assert chat.raw.rfind(KEYBOARD_OFF) > chat.raw.rfind(KEYBOARD_ON)
        assert "left session main: 1 canceled" in chat.text
        assert not psutil.pid_exists(int(pid.read_text()))


FAILING = """
import sys
from backburner.ui import main as app
from backburner.ui.chat import main_thread
class Failing(main_thread.KeyDecoder):
    def feed(self, data):
        raise {error}("planted")
main_thread.KeyDecoder = Failing
sys.exit(app.main())
"""


@pytest.mark.parametrize("error", ["ValueError", "KeyboardInterrupt", "SystemExit"])
def test_an_unhandled_error_restores_the_terminal(tmp_path: Path, error: str) -> None:
    program = FAILING.format(error=error)
    options = ("--no-host", "--state-dir", str(tmp_path))
    command = [sys.executable, "-c", program, *options]
    with PtySession(command, answers=KITTY) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("x")
        assert chat.wait_exit() != 0
        assert is_restored(bytes(chat.raw))
        enabled, disabled = chat.raw.count(KEYBOARD_ON), chat.raw.count(KEYBOARD_OFF)
        assert enabled == disabled


def test_the_kitty_protocol_distinguishes_keys_where_it_is_supported(
    tmp_path: Path,
) -> None:
    with PtySession(chat_command(tmp_path), answers=KITTY) as chat:
        chat.wait(PLACEHOLDER, lambda: KEYBOARD_ON in chat.raw)
        chat.send("one\x1b[13;2utwo\x1b[1089::99;5u")  # Shift+Enter, Ctrl+C
        chat.wait(PLACEHOLDER)
        chat.send("\x1b[122;5u")  # Ctrl+Z without a shell, so the chat isn't stopped
        chat.wait(lambda: chat.raw.count(KEYBOARD_ON) == 2)
        assert chat.raw.count(KEYBOARD_OFF) == 1
        chat.send("\x1b[100;5u")
        assert chat.wait_exit() == 0
        assert chat.raw.count(KEYBOARD_OFF) == 2
        assert chat.raw.rfind(KEYBOARD_OFF) < chat.raw.rfind(b"?1049l")


def test_a_terminal_without_the_kitty_protocol_receives_none_of_it(
    tmp_path: Path,
) -> None:
    with PtySession(chat_command(tmp_path)) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("\x04")
        assert chat.wait_exit() == 0
        assert KEYBOARD_ON not in chat.raw
        assert KEYBOARD_OFF not in chat.raw


@pytest.mark.parametrize("key", ["\x04", "\x1a"])
def test_an_answer_that_arrives_after_leaving_is_not_typed_into_the_shell(
    tmp_path: Path, key: str
) -> None:
    with in_shell(tmp_path, patient=True) as bash:
        bash.send(key)
        if key == "\x04":
            bash.wait(lambda: is_restored(bytes(bash.raw)))
        bash.send("\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\\x1b[?62;22c")
        bash.wait("left session main" if key == "\x04" else "Stopped")
        bash.send("echo marked=$?\r")
        bash.wait(lambda: re.search(r"marked=\d", bash.text) is not None)
        assert "rgb:" not in bash.text
        assert "62;22c" not in bash.text


_DRAWS = b"\x1b[?1049h"


def is_cooked(chat: PtySession) -> bool:
    return bool(termios.tcgetattr(chat.master)[3] & termios.ICANON)


def _end_of_file_while_cooked(chat: PtySession) -> bool:
    """Stop a chat without a shell; type Ctrl+D before it continues.

    Returns:
        Whether that came in time. The chat draws itself again in any case.
    """
    times = chat.raw.count(_DRAWS)
    chat.send("\x1a")
    chat.wait(lambda: is_cooked(chat) or chat.raw.count(_DRAWS) > times)
    chat.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, chat.process.pid, os.WSTOPPED | os.WNOWAIT)
    in_time = is_cooked(chat)
    if in_time:
        # The driver reads input in order; echoed input has been read.
        at = len(chat.raw)
        chat.send("\x04a\x15")
        chat.wait(lambda: b"\b" in chat.raw[at:])
    chat.process.send_signal(signal.SIGCONT)
    chat.wait(lambda: chat.raw.count(_DRAWS) > times)
    return in_time


def test_input_while_the_terminal_is_restored_does_not_end_the_chat(
    tmp_path: Path,
) -> None:
    # Only a parent can wait until the chat has stopped.
    with PtySession(chat_command(tmp_path), start=True) as chat:
        chat.wait(PLACEHOLDER)
        for _ in range(3):
            while not _end_of_file_while_cooked(chat):
                pass  # the chat continued before the test could check
        chat.wait(PLACEHOLDER)
        chat.send("/quit\r")
        assert chat.wait_exit() == 0


def test_a_terminal_that_never_answers_can_be_left(tmp_path: Path) -> None:
    with in_shell(tmp_path) as bash:
        bash.send("\x04")
        bash.wait("left session main", "shell>")


INTERRUPTED = """
import os, signal, sys
from backburner.ui import main as app
from backburner.ui.program import wakeup
class Wakeup(wakeup.Wakeup):
    def __exit__(self, *args):
        super().__exit__(*args)
        os.kill(os.getpid(), int(sys.argv.pop()))
app.Wakeup = Wakeup
sys.argv, number = sys.argv[:-1], sys.argv[-1]
sys.argv.append(number)
arguments = sys.argv[1:-1]
sys.exit(app.main(arguments))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_an_interrupt_at_the_very_end_changes_nothing(
    tmp_path: Path, number: signal.Signals
) -> None:
    options = ("--no-host", "--state-dir", str(tmp_path))
    command = [sys.executable, "-c", INTERRUPTED, *options]
    with PtySession([*command, str(int(number))]) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("\x04")
        assert chat.wait_exit() == 0
    done = subprocess.run(
        [*command, "--plain", str(int(number))],
        stdin=subprocess.DEVNULL,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0


def test_ctrl_c_right_after_ctrl_d_leaves_cleanly(tmp_path: Path) -> None:
    for delay in (0.0, 0.02, 0.05, 0.08):
        with PtySession(chat_command(tmp_path)) as chat:
            chat.wait(PLACEHOLDER)
            chat.send("\x04")
            chat.read(delay)
            with contextlib.suppress(OSError):
                chat.send("\x03")
            assert chat.wait_exit() == 0
            assert os.WIFEXITED(0)
            assert "left session main" in chat.text


def test_the_mouse_can_be_handed_to_the_terminal_and_back(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path)) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("\x1bm")
        chat.wait("the mouse selects text", lambda: b"\x1b[?1000l" in chat.raw)
        chat.send("\x1bm")
        chat.wait("Shift+drag selects", lambda: chat.raw.count(b"\x1b[?1000h") == 2)
        chat.send("\x04")
        assert chat.wait_exit() == 0
        assert is_restored(bytes(chat.raw))


def test_an_unknown_background_gets_no_white_text(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path), answers={}) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("a note\r!true\r\t")
        chat.wait("you  a note", "#1 complete")
        assert not re.search(rb"38;5;(?:7|15|25[0-5]|23[1-9]|1[01]\d)m", chat.raw)
        assert not re.search(rb"48;5;", chat.raw)
