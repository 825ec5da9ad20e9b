"""Several chats on the host of a session."""

from __future__ import annotations

import re
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskStatus
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from conditions import until
from patience import PATIENCE
from process_ends import wait_ends
from programs import run_program
from pty_session import PtySession, chat_command

from tests.host.clients import waits_for

if TYPE_CHECKING:
    from pathlib import Path

    import psutil
    from host_care import HostCare

pytestmark = pytest.mark.usefixtures("care")

PLACEHOLDER = "A note to yourself"
LOST_FOCUS = "\x1b[O"
CALL = re.compile(rb"\x1b\](?:9; |777;notify;)backburner")


def opened(state: Path, *options: str) -> PtySession:
    return PtySession(chat_command(state, *options, host=True))


def settings_of(state: Path) -> HostSettings:
    return HostSettings(directory=str(state / "main"))


def test_other_chats_show_the_messages_and_actions_of_a_chat_once(
    tmp_path: Path, care: HostCare
) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.wait(PLACEHOLDER)
        other.wait(PLACEHOLDER)
        assert len(care.hosts()) == 1
        other.send("a draft")
        other.wait("a draft")
        one.send("good morning\r")
        other.wait("you  good morning", "a draft")
        one.send("!exec sleep 600\r")
        other.wait("#1 running", "1 running")
        one.wait("#1 running")
        assert one.text.count("you  good morning") == 1
        assert other.text.count("you  good morning") == 1
        # Each chat shows its own current conversation.
        one.send("/chat --new work\r")
        one.wait(lambda: "work" in one.lines[0])
        assert "work" not in other.lines[0]
        other.send("\x15/cancel 1\r")
        one.wait("idle")
        other.wait("#1 canceled")


def test_views_and_leaving_of_a_chat_are_private(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.wait(PLACEHOLDER)
        other.wait(PLACEHOLDER)
        # The first frame is drawn before the chat's first request.
        other.send("I am here\r")
        one.wait("you  I am here")
        one.send("/tasks --all\r/help quit\r/parallel 3\rgood morning\r")
        one.wait("you  good morning")
        other.wait("you  good morning", "/parallel 3", "up to 3 tasks")
        assert "/tasks" not in other.text
        assert "/help" not in other.text
        one.send("/quit\r")
        one.wait_exit()
        with opened(tmp_path) as third:
            third.wait(PLACEHOLDER)
            third.send("good night\r")
            other.wait("you  good night")
        assert "/quit" not in other.text


@pytest.mark.parametrize("options", [(), ("--plain",)], ids=["drawn", "lines"])
def test_other_chats_show_a_mistake_with_its_answer_or_not_at_all(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with opened(tmp_path, *options) as one, opened(tmp_path) as other:
        one.wait("main")
        other.wait(PLACEHOLDER)
        other.send("I am here\r")
        one.wait("you  I am here")
        one.send("/tsaks\r")
        one.wait("did you mean")
        one.send("/cancel 7\r")
        one.wait("no task 7")
        other.wait("/cancel 7", "no task 7")
        assert "/tsaks" not in other.text
        assert "did you mean" not in other.text
        one.send("/quit\r")
        one.wait_exit()
        with opened(tmp_path) as third:
            third.wait(PLACEHOLDER, "/cancel 7", "no task 7")
            # A restored mistake includes its answer.
            assert third.text.count("you  /tsaks") == third.text.count("did you mean")
            assert third.text.count("no task 7") == 1


def test_only_one_chat_notifies_of_the_end_of_a_task(tmp_path: Path) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:

        def calls() -> int:
            for chat in (one, other):
                chat.read(0)
            return sum(len(CALL.findall(bytes(it.raw))) for it in (one, other))

        for chat in (one, other):
            chat.wait(PLACEHOLDER)
        one.send("hello\r")
        for chat in (one, other):
            chat.wait("you  hello")  # so the session knows that the chat is visible
        with RemoteSystem(settings_of(tmp_path)) as system:
            # No chat notifies while one of them is visible. The session knows that a
            # chat has lost the focus once it has stored a message sent after that.
            other.send(f"{LOST_FOCUS}nobody looks at me\r")
            one.wait("you  nobody looks at me")
            system.wait(system.add("first", "bash", "true").id, timeout=PATIENCE)
            for chat in (one, other):
                chat.wait("complete  first")
            one.send(f"{LOST_FOCUS}nor at me\r")
            other.wait("you  nor at me")
            for number, name in enumerate(("second", "third", "fourth"), 1):
                system.wait(system.add(name, "bash", "true").id, timeout=PATIENCE)
                for chat in (one, other):
                    chat.wait(f"complete  {name}", lambda it=number: calls() >= it)
            one.process.kill()
            system.wait(system.add("fifth", "bash", "true").id, timeout=PATIENCE)
            other.wait("complete  fifth", lambda: calls() >= 4)
        assert calls() == 4
        assert b"first complete" not in bytes(one.raw) + bytes(other.raw)


def test_jobs_survive_a_lost_terminal_and_a_new_chat_shows_them(
    tmp_path: Path, care: HostCare
) -> None:
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("remember this\r!exec sleep 600\r")
        chat.wait("1 running")
        # A lost connection closes the terminal, which sends SIGHUP.
        chat.process.send_signal(signal.SIGHUP)
        assert chat.wait_exit() == 128 + signal.SIGHUP
    (host,) = care.hosts()
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER, "you  remember this", "#1 running", "1 running")
        assert care.hosts() == [host]


@pytest.mark.parametrize("options", [(), ("--plain",)], ids=["drawn", "lines"])
def test_closing_a_terminal_keeps_the_jobs_and_the_host(
    tmp_path: Path, care: HostCare, options: tuple[str, ...]
) -> None:
    def jobs() -> list[psutil.Process]:
        return [it for it in care.left() if it.cmdline() == ["sleep", "600"]]

    with opened(tmp_path, *options) as chat:
        chat.wait("main")
        chat.send("remember this\r!exec sleep 600\r")
        chat.wait("#1 running")
        chat.hang_up()
        # The terminal may report its end before the signal arrives.
        assert chat.process.wait(PATIENCE) in {1, 128 + signal.SIGHUP}
    (host,) = care.hosts()
    until(lambda: bool(jobs()))  # bash calls exec a moment later
    (job,) = jobs()
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER, "you  remember this", "#1 running", "1 running")
        assert care.hosts() == [host]
        assert job.is_running()


def test_a_killed_chat_affects_neither_jobs_nor_other_chats(
    tmp_path: Path, care: HostCare
) -> None:
    with opened(tmp_path) as one, opened(tmp_path) as other:
        one.wait(PLACEHOLDER)
        other.wait(PLACEHOLDER)
        one.send("!exec sleep 600\r")
        other.wait("1 running")
        one.process.kill()
        one.wait_exit()
        other.send("!echo still here\r")
        other.wait("✓ #2 complete", "1 running")
    assert len(care.hosts()) == 1


def test_leaving_names_the_running_tasks_and_the_command_to_return(
    tmp_path: Path,
) -> None:
    with opened(tmp_path, "--session", "work") as chat:
        chat.wait(PLACEHOLDER)
        chat.send('/task "Long" bash "exec sleep 600"\r')
        chat.wait("1 running")
        chat.send("\x04")
        assert chat.wait_exit() == 0
        words = " ".join(chat.lines).split()
    text = " ".join(words)
    assert "left session work: 1 still running (#1 Long)" in text
    assert "come back with: backburner --session work --state-dir" in text


def test_ctrl_c_keeps_tasks_running_and_quit_end_ends_them(
    tmp_path: Path, care: HostCare
) -> None:
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER)
        chat.send('/task "Long" bash "exec sleep 600"\r')
        chat.wait("1 running")
        chat.send("\x03")
        chat.wait("Leave?", "1 task keeps running", "/quit --end ends the session")
        chat.send("\x1b")
        chat.wait_gone("Leave?")
        chat.send("/quit --end\r")
        chat.wait("End the session?", "#1 Long")
        chat.send("\r")
        assert chat.wait_exit() == 0
        assert "left session main: 1 canceled" in chat.text
        assert "come back" not in chat.text
    wait_ends(care.left())
    assert care.left() == []


def test_the_end_of_the_session_closes_other_chats_with_the_reason(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER)
        chat.send("!exec sleep 600\r")
        chat.wait("1 running")
        with RemoteSystem(settings_of(tmp_path)) as other:
            other.end("ended by a test")
        assert chat.wait_exit() == 0
        assert "session main ended (ended by a test): 1 canceled" in chat.text


def test_a_chat_continues_with_a_new_host_when_its_host_is_killed(
    tmp_path: Path, care: HostCare
) -> None:
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER)
        go_on = tmp_path / "go-on"
        chat.send(f"!{waits_for(go_on)}\r")
        chat.wait("1 running")
        (host,) = care.hosts()
        host.kill()
        chat.wait(
            f"the host of session 'main' (process {host.pid}) is gone",
            "serves session 'main' now; tasks keep running",
            "1 running",
        )
        go_on.touch()
        chat.wait("✗ #1 failed", "exit status 7", "idle")
        chat.send("!echo again\r")
        chat.wait("✓ #2 complete")


def test_unseen_changes_are_shown_once_to_the_next_chat(tmp_path: Path) -> None:
    with RemoteSystem(settings_of(tmp_path)) as script:
        task = script.add("Unseen", "bash", "true")
        script.wait(task.id, timeout=PATIENCE)
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER, "✓ #1 complete  Unseen")
        chat.send("\x04")
        chat.wait_exit()
    with opened(tmp_path) as chat:
        chat.wait(PLACEHOLDER, "#1 complete  Unseen")
        assert chat.text.count("#1 complete") == 1


def test_a_chat_uses_a_host_by_default(tmp_path: Path, care: HostCare) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text("[host]\nenabled = false\n")
    for options in (("--no-host",), ("--ephemeral",), ("--config", str(settings))):
        with PtySession(chat_command(tmp_path, *options, host=None)) as chat:
            chat.wait(PLACEHOLDER)
            assert care.hosts() == [], options
            chat.send("\x04")
            assert chat.wait_exit() == 0
    with PtySession(chat_command(tmp_path, host=None)) as chat:
        chat.wait(PLACEHOLDER)
        assert len(care.hosts()) == 1


def test_a_chat_shows_the_grace_period_of_its_host(tmp_path: Path) -> None:
    with opened(tmp_path, "--grace", "2") as first:
        first.wait(PLACEHOLDER)
        first.send("\x04")
        assert first.wait_exit() == 0
    with opened(tmp_path, "--grace", "9") as chat:
        chat.wait(PLACEHOLDER, "gives tasks 2 s to end, not 9 s")
        chat.send("!exec sleep 600\r")
        chat.wait("1 running")
        chat.send("/cancel 1\r")
        chat.wait("stopping #1; killed in 2 s at most")


def test_the_number_of_slots_belongs_to_the_session_and_all_chats(
    tmp_path: Path,
) -> None:
    with opened(tmp_path) as one:
        one.wait(PLACEHOLDER)
        one.send("hello\r")
        one.wait("you  hello")  # so it has subscribed
        with opened(tmp_path, "--parallel", "2") as other:
            other.wait(PLACEHOLDER, "you  hello")  # it has subscribed too
            one.wait("up to 2 tasks run at a time")
            one.send("/parallel 3\r")
            other.wait("up to 3 tasks run at a time")
            one.wait("up to 3 tasks run at a time")
            assert one.text.count("up to 3 tasks run at a time") == 1


def test_a_session_opened_by_another_program_is_refused_in_one_line(
    tmp_path: Path, care: HostCare
) -> None:
    with PtySession(chat_command(tmp_path)) as alone:
        alone.wait(PLACEHOLDER)
        with opened(tmp_path) as chat:
            assert chat.wait_exit() == 2
            text = "".join(chat.lines)
        assert f"is open already, in process {alone.process.pid}" in text
        assert "or open another with --session NAME" in text
    # The refused host may still be ending.
    wait_ends(care.hosts())
    assert care.hosts() == []


def script(state: Path, lines: str, *options: str) -> subprocess.CompletedProcess[str]:
    return run_program(*chat_command(state, *options, host=True), input=lines)


def test_a_script_joins_the_host_and_waits_only_for_its_own_tasks(
    tmp_path: Path, care: HostCare
) -> None:
    with RemoteSystem(settings_of(tmp_path)) as session:
        other = session.add("Long", "bash", "exec sleep 600")
        done = script(tmp_path, '/task "Good" bash "true"\n')
        assert done.returncode == 0
        assert "Good" in done.stdout
        assert "Long" not in done.stdout
        assert script(tmp_path, '/task "Bad" bash "false"\n').returncode == 1
        assert script(tmp_path, "/nonsense\n").returncode == 2
        assert session.get(other.id).status is TaskStatus.RUNNING
        assert len(care.hosts()) == 1


def test_a_script_without_a_host_opens_the_session_itself(
    tmp_path: Path, care: HostCare
) -> None:
    assert script(tmp_path, '/task "Good" bash "true"\n').returncode == 0
    assert care.hosts() == []


def test_a_signal_to_a_script_ends_only_its_own_tasks(tmp_path: Path) -> None:
    with RemoteSystem(settings_of(tmp_path)) as session:
        other = session.add("Other", "bash", "exec sleep 600")
        with subprocess.Popen(
            chat_command(tmp_path, host=True),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            program.stdin.write('/task "Own" bash "exec sleep 600"\n')
            program.stdin.flush()
            line = ""
            while "running" not in line:
                line = program.stdout.readline()
                assert line
            assert "Own" in line
            program.send_signal(signal.SIGTERM)
            rest = program.stdout.read()
            assert program.wait(PATIENCE) == 128 + signal.SIGTERM
        assert "canceled" in rest
        assert session.get(2).status is TaskStatus.CANCELED
        assert session.get(other.id).status is TaskStatus.RUNNING


def test_line_mode_at_a_terminal_detaches_like_the_chat(
    tmp_path: Path, care: HostCare
) -> None:
    command = chat_command(tmp_path, "--plain", host=True)
    with PtySession(command) as lines:
        lines.wait("session main")
        lines.send('/task "Long" bash "exec sleep 600"\n')
        lines.wait("#1 running")
        lines.send("/quit\n")
        assert lines.wait_exit() == 0
        lines_text = "".join(lines.lines)
    assert "left session main; still running: #1 Long" in lines_text
    assert len(care.hosts()) == 1
    with PtySession(command) as lines:
        lines.wait("session main")
        lines.send("/quit --end\n")
        lines.wait("#1 canceled")
        lines.wait_exit()
        assert "error" not in lines.text
    wait_ends(care.left())
    assert care.left() == []
