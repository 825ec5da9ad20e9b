"""Line mode on a terminal that can't draw, with a person at it."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE
from programs import run_program
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

READY = "/help explains all commands"
EDITS = termios.ICANON | termios.ECHO


@contextlib.contextmanager
def opened(state: Path, term: str = "xterm") -> Generator[PtySession]:
    command = chat_command(state, "--plain")
    with PtySession(command, environ={"TERM": term}) as chat:
        chat.wait(READY, lambda: not modes(chat) & EDITS)
        yield chat


def modes(chat: PtySession) -> int:
    flags: int = termios.tcgetattr(chat.master)[3]
    return flags


def start_job(chat: PtySession, gate: Path) -> None:
    """Start a job that ends when the gate is opened."""
    chat.send(f"!mkfifo {gate}; read x < {gate}\n")
    chat.wait("running")
    chat.wait(gate.exists)


def open_gate(gate: Path) -> None:
    gate.write_text("go\n")


def test_line_mode_starts_with_a_banner_and_does_not_repeat_typed_lines(
    tmp_path: Path,
) -> None:
    with PtySession(chat_command(tmp_path), environ={"TERM": "dumb"}) as chat:
        chat.wait("backburner: session main; /help explains all commands")
        chat.send("tag the release\n")
        chat.send("!echo printed; exit 3\n")
        chat.wait("#1 failed    echo printed; exit 3  exit status 3", "  printed")
        assert chat.text.count("tag the release") == 1
        assert chat.text.count("!echo") == 1
        chat.send("\x04")
        assert chat.wait_exit() == 1


def test_line_mode_says_how_to_run_what_was_kept_as_a_note(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as chat:
        chat.send("help\n")
        chat.wait("kept as a note; the command is /help")
        chat.send("ls -la\n")
        chat.wait("kept as a note; to run it: !ls -la")
        chat.send("\n  \nexit\n")
        chat.wait("to leave: ")
        chat.send("bye\n")
        chat.wait("kept as a note; the command is /quit")
        assert chat.text.count("kept as a note") == 3
        assert "error" not in chat.text


def test_line_mode_ends_silently_without_standard_input(tmp_path: Path) -> None:
    command = chat_command(tmp_path, "--plain")
    done = run_program("bash", "-c", 'exec "$@" <&-', "-", *command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_news_start_on_their_own_line_and_the_typed_text_stays(
    tmp_path: Path, term: str
) -> None:
    with opened(tmp_path / "state", term) as chat:
        start_job(chat, tmp_path / "gate")
        chat.send("!echo printX")
        chat.wait("!echo printX")
        open_gate(tmp_path / "gate")
        chat.wait("complete", lambda: chat.lines[chat.cursor[0]] == "!echo printX")
        (news,) = [row for row in chat.lines if "complete" in row]
        assert "printX" not in news
        assert chat.text.count("!echo printX") == (1 if term == "xterm" else 2)
        chat.send("\x7fed\n")
        chat.wait("#2 complete", "printed")


def test_a_command_of_several_lines_continues_after_news(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as chat:
        start_job(chat, tmp_path / "gate")
        chat.send("!cat <<EOF\n")
        chat.wait("\n>")
        chat.send("one\tt")
        chat.wait("> one   t")
        open_gate(tmp_path / "gate")
        chat.wait("complete", lambda: chat.lines[chat.cursor[0]] == "> one   t")
        chat.send("wo\nEOF\n")
        chat.wait("> one   two\n> EOF\n", "#2 complete")


def test_ctrl_c_drops_an_unfinished_command_before_it_ends_line_mode(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "state") as chat:
        chat.send("!echo 'open\n")
        chat.wait("\n>")
        chat.send("more")
        chat.wait("> more")
        chat.send("\x03")
        chat.wait(lambda: not chat.lines[chat.cursor[0]])
        chat.send("!echo closed\n")
        chat.wait("#1 complete  echo closed")
        chat.send("\x03")
        assert chat.wait_exit() == 128 + signal.SIGINT


def test_a_long_paste_arrives_completely(tmp_path: Path) -> None:
    lines = 3000
    with opened(tmp_path / "state") as chat:
        text = "".join(f"line {n} of what was pasted\n" for n in range(lines))
        got = tmp_path / "got"
        chat.flood(f"!cat > {got} <<'EOF'\n{text}EOF\n")
        chat.wait(lambda: got.exists() and got.read_text() == text)


def test_a_line_longer_than_the_terminal_driver_allows_arrives_completely(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "state") as chat:
        got = tmp_path / "got"
        chat.flood(f"!printf %s {'x' * 20_000} > {got}\n")
        chat.wait(lambda: got.exists() and got.read_text() == "x" * 20_000)


def test_text_typed_after_quit_goes_to_the_shell(tmp_path: Path) -> None:
    program = chat_command(tmp_path / "state", "--plain")
    with PtySession(
        ["sh", "-c", '"$@"; read x; echo "shell got $x"', "-", *program]
    ) as sh:
        sh.wait(READY, lambda: not modes(sh) & EDITS)
        sh.send("/quit\nls\n")
        sh.wait("shell got ls")
        sh.wait_exit()


@pytest.mark.parametrize(
    ("keys", "status"),
    [
        ("/quit\n", 0),
        ("\x04", 0),
        ("unfinished\x03", 128 + signal.SIGINT),
        ("unfinished\x1c", 128 + signal.SIGQUIT),
    ],
)
def test_the_terminal_is_restored(tmp_path: Path, keys: str, status: int) -> None:
    program = chat_command(tmp_path / "state", "--plain")
    command = ["sh", "-c", 'trap : INT QUIT; "$@"; echo "status=$?"; read x', "-"]
    with PtySession([*command, *program]) as sh:
        before = modes(sh)
        sh.wait(READY, lambda: not modes(sh) & EDITS)
        sh.send(keys)
        sh.wait(f"status={status}")
        assert modes(sh) == before
        assert [row for row in sh.lines if "status=" in row] == [f"status={status}"]
        assert all("unfinished" not in row or row == "unfinished" for row in sh.lines)


def test_closing_the_terminal_ends_the_session(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as chat:
        chat.send("unfinished")
        chat.wait("unfinished")
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, chat.master)
        os.close(nothing)
        assert chat.process.wait(PATIENCE) == 128 + signal.SIGHUP


def test_line_mode_follows_the_job_control_of_the_shell(tmp_path: Path) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    program = " ".join(chat_command(tmp_path / "state", "--plain"))
    with PtySession(shell, environ={"PS1": "shell> ", "HISTFILE": ""}) as bash:
        bash.send(f"{program}\n")
        bash.wait(READY, lambda: not modes(bash) & EDITS)
        bash.send("!echo printX")
        bash.wait("!echo printX")
        bash.send("\x1a")
        bash.wait("Stopped")
        bash.send("clear; fg\n")
        bash.wait(lambda: bash.lines[bash.cursor[0]] == "!echo printX")
        bash.wait(lambda: not modes(bash) & EDITS)
        bash.send("\x7fed\n")
        bash.wait("#1 complete", "printed")
        bash.send("/quit\n")
        bash.wait("shell>")


def test_line_mode_continued_in_the_background_leaves_the_keys_to_the_shell(
    tmp_path: Path,
) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    program = " ".join(chat_command(tmp_path / "state", "--plain"))
    environ = {"PS1": "shell> ", "HISTFILE": ""}
    with PtySession(shell, environ=environ, cwd=tmp_path) as bash:
        bash.send(f"{program}\n")
        bash.wait(READY, lambda: not modes(bash) & EDITS)
        bash.send("!until [ -e go ]; do sleep 0.1; done; echo wo''rked\n")
        bash.wait("#1 running")
        bash.send("half a li")
        bash.wait("half a li")
        bash.send("\x1a")
        bash.wait("Stopped")
        bash.send("bg\n")
        bash.wait("&")
        # The second line waits to be read while the shell runs the first.
        bash.send("sleep 1; touch go\necho the she''ll\n")
        bash.wait("the shell", "#1 complete", "worked")
        bash.send("fg\n")
        bash.wait(lambda: not modes(bash) & EDITS)
        bash.send("ne\n")
        bash.wait(lambda: "half a line" in bash.lines)
        bash.send("/quit\n")
        bash.wait("shell>")


def test_line_mode_started_in_the_background_reads_once_in_the_foreground(
    tmp_path: Path,
) -> None:
    shell = ["bash", "--norc", "--noprofile", "-i"]
    program = " ".join(chat_command(tmp_path / "state", "--plain"))
    with PtySession(shell, environ={"PS1": "shell> ", "HISTFILE": ""}) as bash:
        bash.send(f"{program} &\n")
        bash.wait(READY)
        bash.send("fg\n")
        bash.send("!echo printed\n")
        bash.wait("#1 complete", "printed")
        bash.send("/quit\n")
        bash.wait("shell>")


def test_a_terminal_without_echo_is_left_unchanged(tmp_path: Path) -> None:
    program = chat_command(tmp_path / "state", "--plain")
    command = ["sh", "-c", 'stty -echo; exec "$@"', "-", *program]
    with PtySession(command) as chat:
        chat.wait(READY)
        before = modes(chat)
        chat.send("!cat <<EOF\n")
        chat.wait("\n>")
        chat.send("text\nEOF\n")
        chat.wait("#1 complete")
        assert modes(chat) == before
        assert "!cat" not in chat.text.split("#1")[0]
