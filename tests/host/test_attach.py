"""The terminals of tasks on another terminal, with its input."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host.address import is_served
from conditions import until
from patience import PATIENCE
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from host_care import HostCare

    from tests.host.sessions import Shell

DETACH = "\x1d"


def _attach(
    shell: Shell, task_id: int = 1, *, columns: int = 100, rows: int = 30
) -> PtySession:
    return PtySession(shell.line("attach", str(task_id)), columns=columns, rows=rows)


def _needs(*programs: str) -> pytest.MarkDecorator:
    missing = [it for it in programs if shutil.which(it) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {missing}")


@_needs("vim")
def test_vim_survives_resize_detach_and_reattach(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "text"
    shell("add", "--pty", "--", f"vim -u NONE -N {file}")
    # Vim loses keys that arrive while the size changes, and attaching changes it: an
    # answer to Ctrl+G shows that vim reads keys. Later sizes are larger, so the redraw
    # shows the change.
    with _attach(shell, columns=80, rows=24) as first:
        first.press_until("\x07", "No lines in buffer")
        first.send("ihello\x1b")
        first.wait(lambda: first.lines[0] == "hello")
        first.resize(90, 26)
        first.wait(lambda: first.lines[24] == "~")
        first.send(DETACH)
        assert first.wait_exit() == 0
        assert "#1 keeps running" in first.text
    with _attach(shell) as second:
        second.wait(lambda: second.lines[0] == "hello")
        second.wait(lambda: second.lines[28] == "~")
        second.send(":wq\r")
        assert second.wait_exit() == 0
        assert "#1 complete: exit status 0" in second.text
        assert b"\x1b[?1049l" in second.raw
    assert file.read_text() == "hello\n"


@_needs("top")
def test_top_fills_the_screen_and_ends_on_its_key(shell: Shell) -> None:
    shell("add", "--pty", "--", "top -d 1")
    with _attach(shell) as session:
        session.wait("load average", "PID")
        session.send("q")
        assert session.wait_exit() == 0


@_needs("htop")
def test_htop_fills_the_screen_and_ends_on_its_key(shell: Shell) -> None:
    shell("add", "--pty", "--", "htop")
    with _attach(shell) as session:
        session.wait("Quit")
        session.send("q")
        assert session.wait_exit() == 0


@_needs("less")
def test_less_scrolls(shell: Shell) -> None:
    shell("add", "--pty", "--", "seq 500 | less")
    # `less` ignores a change of the size between its start and its prompt.
    until(lambda: ":" in shell("log", "1").stdout, "a prompt")
    with _attach(shell) as session:
        session.wait("\n28\n")
        # `less` loses a key that arrives with a change of the size, which interrupts
        # its read.
        session.press_until("G", "\n500\n")
        session.send("q")
        assert session.wait_exit() == 0


def test_the_python_prompt_accepts_lines_and_ends_on_ctrl_d(shell: Shell) -> None:
    shell("add", "--pty", "--", f"{sys.executable} -q")
    with _attach(shell) as session:
        session.wait(">>>")
        session.send("6*7\r")
        session.wait("\n42")
        session.send("while True: pass\r")
        session.wait("...")
        session.send("\r")
        # Ctrl+C discards input that hasn't been read yet.
        session.wait(lambda: not session.lines[session.cursor[0]].strip())
        session.send("\x03")
        # Text typed before the prompt isn't read as keys.
        session.wait(
            "KeyboardInterrupt",
            lambda: session.lines[session.cursor[0]].rstrip() == ">>>",
        )
        session.send("\x04")
        assert session.wait_exit() == 0


@_needs("gdb")
def test_the_gdb_prompt_accepts_commands(shell: Shell) -> None:
    shell("add", "--pty", "--", "gdb -q -nx")
    with _attach(shell) as session:
        session.wait("(gdb)")
        session.send("print 6*7\r")
        session.wait("$1 = 42")
        session.send("quit\r")
        assert session.wait_exit() == 0


def test_a_password_is_not_echoed(shell: Shell, tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text("import getpass; print(len(getpass.getpass()))")
    shell("add", "--pty", "--", f"{sys.executable} {script}")
    with _attach(shell) as session:
        session.wait("Password:")
        session.send("hunter2\r")
        assert session.wait_exit() == 0
        assert "\n7\n" in session.text
        assert "hunter2" not in session.text
    assert "hunter2" not in shell("log", "1").stdout


def test_a_progress_bar_stays_on_its_line(shell: Shell) -> None:
    bar = r"for i in 1 50 100; do printf '\r%3d%% [%s]' $i $i; sleep 0.2; done; read x"
    shell("add", "--pty", "--", bar)
    with _attach(shell) as session:
        session.wait("100% [100]")
        assert " 50% [50]" not in session.text
        session.send("\r")
        assert session.wait_exit() == 0


@pytest.mark.parametrize("verb", ["wait", "run"])
def test_wait_reports_that_the_task_waits_for_input(shell: Shell, verb: str) -> None:
    words = ["--pty", "--", "read -p 'Name: ' x; echo hi $x"]
    if verb == "wait":
        shell("add", *words)
        words = ["1"]
    with shell.start(verb, *words) as waiting:
        assert waiting.stderr is not None
        line = waiting.stderr.readline()
        assert "waits for input: Name:" in line
        where = f"--state-dir {shell.state}"
        advice = f"(backburner send {where} 1 TEXT or backburner attach {where} 1)"
        assert advice in line
        assert shell("send", "1", "Ann").returncode == 0
        assert waiting.wait(PATIENCE) == 0


def test_a_chat_reports_that_a_task_waits_for_input(shell: Shell) -> None:
    with PtySession(chat_command(shell.state, host=True)) as chat:
        chat.wait("/ commands")
        chat.send('/task --pty "Ask" bash read -p "Name: " x; echo hi $x; cat\r')
        chat.wait("#1 Ask waits for input: Name:", "/send 1 TEXT or /input 1")
        chat.wait("? #1  Ask", "waits for input: Name:")
        shown = chat.text.count("(/send 1 TEXT")
        assert shown == 1
        chat.send("/input 1\r")
        chat.wait("has the keys")
        chat.send("Ann\r")
        chat.wait("hi Ann")
        chat.send(DETACH)
        # The job reads again; the person who just left needs no notification.
        chat.wait("? #1  Ask", "waits for input: hi Ann")
        assert chat.text.count("(/send 1 TEXT") == shown


def test_several_clients_can_attach_at_once(shell: Shell) -> None:
    shell("add", "--pty", "--", "cat")
    with _attach(shell) as first, _attach(shell) as second:
        first.wait("has the keys")
        second.wait("has the keys")
        first.send("from first\r")
        first.wait("from first\nfrom first")
        second.wait("from first\nfrom first")
        second.send("from second\r")
        first.wait("from second\nfrom second")
        second.send(DETACH)
        assert second.wait_exit() == 0
        first.send("\x03")
        assert first.wait_exit() == 0
        assert "#1 failed: killed by signal 2" in first.text


def test_a_paste_arrives_complete_and_in_order(shell: Shell, tmp_path: Path) -> None:
    got = tmp_path / "got"
    shell("add", "--pty", "--", f"stty raw -echo; echo ready; head -c 300000 > {got}")
    text = "".join(f"{n:07}\n" for n in range(37500))
    with _attach(shell) as session:
        session.wait("ready")
        session.flood(text)
        assert session.wait_exit() == 0
    assert got.read_text() == text


def test_a_job_keeps_running_when_its_host_is_killed(
    shell: Shell, care: HostCare
) -> None:
    shell("add", "--pty", "--", "cat")
    with _attach(shell) as session:
        session.wait("has the keys")
        session.send("before\r")
        session.wait("before\nbefore")
        (host,) = care.hosts()
        host.kill()
        host.wait(PATIENCE)
        session.press_until("again\r", "again\nagain")
        session.send("\x04")
        assert session.wait_exit() == 0


def test_a_signal_restores_the_terminal(shell: Shell) -> None:
    shell("add", "--pty", "--", "stty raw; echo ready; exec sleep 600")
    with _attach(shell) as session:
        session.wait("ready")
        session.process.send_signal(signal.SIGTERM)
        assert session.wait_exit() == 128 + signal.SIGTERM
    assert "running" in shell("show", "1").stdout


def test_attaching_to_a_task_without_a_terminal_is_refused(shell: Shell) -> None:
    shell("add", "--", "exec sleep 600")
    done = shell("attach", "1")
    assert done.returncode == 1
    assert "#1 has no terminal; add it with --pty for one" in done.stderr
    shell("add", "--pty", "--", "true")
    shell("wait", "2")
    assert "#2 does not run (complete: exit status 0)" in shell("attach", "2").stderr
    shell("add", "--pty", "--", "exec sleep 600")
    done = shell("attach", "3")
    assert "attach needs a terminal" in done.stderr
    assert "no task 9" in shell("attach", "9").stderr
    until(lambda: "running" in shell("show", "1").stdout)
    done = shell("send", "1", "x")
    assert "task 1 takes no input" in done.stderr


def test_send_sends_lines_files_and_end_of_input(shell: Shell) -> None:
    shell("add", "--stdin", "--", "cat")
    assert shell("send", "1", "two", "words").returncode == 0
    subprocess.run(
        shell.line("send", "1", "--end"),
        input=b"x" * 200_000 + b"\n",
        check=True,
        timeout=PATIENCE,
    )
    assert shell("wait", "1").returncode == 0
    assert shell("log", "1").stdout == "two words\n" + "x" * 200_000 + "\n"


def test_an_open_task_shows_the_screen_of_its_terminal(
    shell: Shell, tmp_path: Path
) -> None:
    script = tmp_path / "draw.sh"
    script.write_text(
        r"""while now=$(stty size); do
            if [ "$now" != "$before" ]; then
                printf '\e[2J\e[H\e[32mten\rT\e[m\e[3;5H%s' "$now"
            fi
            before=$now
            sleep 0.05
        done"""
    )
    shell("add", "--pty", "--", f"bash {script}")
    with PtySession(chat_command(shell.state, host=True), columns=90) as chat:
        chat.wait("/ commands")

        def shows(columns: int) -> Callable[[], bool]:
            drawn = re.compile(rf"\nTen *\n *\n    \d+ {columns}\b")
            return lambda: drawn.search(chat.text) is not None

        chat.send("/show 1\r")
        # The terminal has the size of the view, and the screen keeps its layout.
        chat.wait(shows(90))
        chat.resize(80, 30)
        chat.wait(shows(80))
        chat.send("i")
        chat.wait("30 80")
        chat.send(DETACH)
        chat.wait(shows(80))


def test_an_ended_task_shows_the_last_screen_of_its_terminal(
    shell: Shell, tmp_path: Path
) -> None:
    script = tmp_path / "build.sh"
    script.write_text(
        r"""stty cols 50
        for ((it = 0; it < 300; it++)); do
            printf '\e[32mstep\rS\e[m\e[5G%s\n' $it
        done
        printf 'a: waits\nb: waits\n\e[2A\e[31ma: done \e[m\e[2B\r'
        printf '%060d\n' 0"""
    )
    shell("add", "--pty", "--", f"bash {script}")
    assert shell("wait", "1").returncode == 0
    with PtySession(chat_command(shell.state, host=True), columns=90) as chat:
        chat.wait("/ commands")
        chat.send("/show 1\r")
        # Lines of 60 characters wrap, as on a terminal of 50 columns.
        wide = f"{'0' * 50}\n{'0' * 10}\n"
        chat.wait(f"Step299\na: done\nb: waits\n{wide}", "following")
        # The scrollback shows the screen as it was.
        chat.send("\x1b[5~")
        chat.wait("Step286\nStep287", "% ──", lambda: "Step299" not in chat.text)
        chat.send("g")
        chat.wait("Step0\nStep1\n")
        chat.send("G")
        chat.wait(f"a: done\nb: waits\n{wide}", "following")


def test_the_chat_gives_its_terminal_to_a_task(shell: Shell) -> None:
    until(lambda: shell("host", "start").returncode == 0)
    assert is_served(shell.state / "main")
    with PtySession(chat_command(shell.state, host=True)) as chat:
        chat.wait("/ commands")
        chat.send('/task --pty "Ask" bash read -p "Name: " x; echo hi $x; cat\r')
        chat.wait("#1")
        chat.send("/show 1\r")
        chat.wait("its terminal")
        chat.send("i")
        chat.wait("#1 has the keys; Ctrl+] gives them back", "Name:")
        chat.send("Ann\r")
        chat.wait("hi Ann")
        chat.send(DETACH)
        chat.wait("its terminal")
        chat.send("\x1b")
        chat.wait("/ commands")
        chat.send("/send 1 more\r")
        chat.wait("sent a line to #1")
        chat.send("/input 1\r")
        chat.wait("hi Ann\nmore\nmore")
        chat.send("\x04")
        chat.wait("/ commands", "complete")
        chat.send("\x04")
        chat.wait_exit()
    assert re.search("more\r?\nmore", shell("log", "1").stdout)
