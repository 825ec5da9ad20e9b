"""Every way to end the program while tasks run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskEvent, TaskStatus, TaskSystem
from backburner.actors.testing import running
from conditions import until
from patience import PATIENCE

from tests.faults.program import COMMAND, SOAK, Program, soak_only

if TYPE_CHECKING:
    from pathlib import Path

_FOREVER: Final = "600"
"""A grace period in seconds that outlasts every test."""

_ROUNDS: Final = 20 if SOAK else 3

_DEAF: Final = "trap '' TERM; echo deaf; while :; do sleep 0.05; done"
_FAMILY: Final = "setsid sleep 600 & sleep 600 & echo there; wait"


def _start(program: Program, *commands: str) -> None:
    """Start commands, and wait until each has printed a line or ended."""
    program.send(*(f"!{command}" for command in commands))
    for task_id in range(1, len(commands) + 1):
        program.wait_for(
            lambda line, i=task_id: (
                line.task is not None
                and line.task.id == i
                and (bool(line.task.last_line) or line.task.status.is_final)
            )
        )


@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGHUP, marks=soak_only),
        pytest.param(signal.SIGINT, marks=soak_only),
    ],
)
def test_a_signal_ends_everything_in_order(state: Path, number: signal.Signals) -> None:
    with Program(state, "--parallel", "2") as program:
        _start(program, _FAMILY, f"trap 'echo bye; exit' TERM; {_FAMILY}")
        program.send("!echo queued")
        program.wait_for_event(TaskEvent.QUEUED, 3)
        program.signal(number)
        assert program.wait() == 128 + number, program.errors()
        assert program.left() == []
        states = program.last_states()
        assert [states[i].status for i in (1, 2, 3)] == [
            TaskStatus.CANCELED,
            TaskStatus.CANCELED,
            TaskStatus.QUEUED,
        ]
        assert states[1].reason == "the session ended"
        assert states[2].last_line == "bye"
        assert program.errors() == ""


def test_a_second_signal_does_not_wait_for_tasks_that_ignore_sigterm(
    state: Path,
) -> None:
    with Program(state, "--grace", _FOREVER) as program:
        _start(program, _DEAF, f"trap 'echo asked' TERM; {_DEAF}; :")
        program.signal(signal.SIGTERM)
        # Processes in the group get SIGTERM first, so the program is waiting for them.
        program.wait_for_event(TaskEvent.PROGRESS, 1)
        _signal_until_it_ends(program)
        assert program.left() == []
        assert program.last_states()[1].status is TaskStatus.CANCELED


def test_a_second_signal_does_not_wait_for_processes_left_running(state: Path) -> None:
    with Program(state, "--grace", _FOREVER) as program:
        _start(program, f'setsid bash -c "{_DEAF}" & sleep 0.2')
        program.wait_for_event(TaskEvent.COMPLETE, 1)
        program.signal(signal.SIGTERM)
        _signal_until_it_ends(program)
        assert program.left() == []


def test_a_signal_does_not_wait_for_processes_of_a_killed_program(state: Path) -> None:
    with Program(state) as program:
        _start(program, f"trap 'echo asked' TERM; {_DEAF.partition(';')[2]}")
        program.kill()
        with Program(state, "--grace", _FOREVER) as again:
            output = state / "main/output/1.log"
            until(lambda: "asked" in output.read_text())
            # The reason for the slow opening of the session is reported.
            until(lambda: "ending what was left running" in again.errors())
            _signal_until_it_ends(again)
            (line,) = again.errors().splitlines()
            named = re.findall(r"\d+(?= \()", line)
            assert len(set(named)) == len(named) > 0
        assert program.left() == []


def _signal_until_it_ends(program: Program) -> None:
    # The first signal's arrival is not visible from outside, and two signals that
    # arrive together count as one.
    while True:
        try:
            program.process.wait(0.2)
        except subprocess.TimeoutExpired:
            program.signal(signal.SIGTERM)
        else:
            break
    # The last signal may arrive after the program's end, with the same exit status.
    assert program.wait() in {128 + signal.SIGTERM, -signal.SIGTERM}


@pytest.mark.parametrize("way", ["/quit", signal.SIGTERM, signal.SIGHUP])
def test_changes_shown_at_the_end_are_not_shown_again(
    state: Path, way: str | signal.Signals
) -> None:
    for number in range(_ROUNDS):
        session = ("--session", f"s{number}")
        with Program(state, *session) as program:
            _start(program, "echo there; exec sleep 600")
            if isinstance(way, str):
                program.send(way)
            else:
                program.signal(way)
            program.wait()
            assert program.last_states()[1].status is TaskStatus.CANCELED
        with Program(state, *session) as again:
            again.send("!true")
            again.close_input()
            assert again.wait() == 0
            assert [*again.last_states()] == [2]


def test_quit_names_the_running_tasks_and_ends_them(state: Path) -> None:
    with Program(state) as program:
        _start(program, _FAMILY)
        program.send('/task "Nap" sleep 600s', "/quit")
        assert program.wait() == 1
        assert program.left() == []
        (left,) = [line for line in program.lines if line.event == "quit"]
        assert (left.ending, left.not_started) == ((1, 2), ())
        states = program.last_states()
        assert {task.status for task in states.values()} == {TaskStatus.CANCELED}


def test_the_end_of_input_waits_for_all_tasks(state: Path) -> None:
    with Program(state, "--parallel", "1") as program:
        program.send("!sleep 0.3; echo one", "!echo two")
        program.close_input()
        assert program.wait() == 0
        states = program.last_states()
        assert [states[i].last_line for i in (1, 2)] == ["one", "two"]


def test_closing_the_output_ends_the_program_in_order(state: Path) -> None:
    with Program(state, read=False) as program:
        program.send(f"!{_FAMILY}")
        assert program.process.stdout is not None
        program.process.stdout.readline()
        program.process.stdout.close()
        program.send("/tasks")
        assert program.process.wait(PATIENCE) == 1
        assert program.left() == []
        assert program.errors() == "backburner: can't write output: Broken pipe\n"


def test_head_ends_the_program(state: Path) -> None:
    script = f'{COMMAND} --plain --state-dir "$1" | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script, "bash", state],
        # As soon as head has ended, the next write fails.
        input=b"/help\n!sleep 600\n!sleep 0.5\n!sleep 1\n!sleep 2\n/wait\n",
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert done.stdout.decode().splitlines()[-1] == "1"
    assert done.stderr == b"backburner: can't write output: Broken pipe\n"


@soak_only
def test_the_program_ends_even_if_its_output_is_not_read(state: Path) -> None:
    with Program(state, "--grace", "0.5", read=False) as program:
        program.send(*["/help"] * 400, "!sleep 600")
        program.wait_until_full()
        program.signal(signal.SIGTERM)
        assert program.process.wait(PATIENCE) == 128 + signal.SIGTERM
        assert program.left() == []


@pytest.mark.parametrize(
    "closed",
    [
        pytest.param("<&-", marks=soak_only),
        pytest.param("<&- >&-", marks=soak_only),
        "<&- >&- 2>&-",
    ],
)
def test_closed_standard_streams_are_not_reused_for_another_file(
    state: Path, closed: str
) -> None:
    command = f'{COMMAND} --plain --json --state-dir "$1" {closed}'
    done = subprocess.run(
        ["bash", "-c", command, "bash", state],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout + done.stderr == b""


def test_a_nonblocking_output_receives_everything(state: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    lines = 400
    with subprocess.Popen(
        [COMMAND, "--plain", "--state-dir", state],
        stdin=subprocess.PIPE,
        stdout=writing,
    ) as process:
        os.close(writing)
        assert process.stdin is not None
        process.stdin.write(b"a note to myself\n" * lines + b"/help\n" * lines)
        process.stdin.close()
        with os.fdopen(reading, "rb") as output:
            assert output.read().count(b"a note to myself") == lines
        assert process.wait(PATIENCE) == 0


def test_exit_statuses_are_known_even_if_the_parent_ignores_sigchld(
    state: Path,
) -> None:
    ignoring = (
        "import os, signal, sys;"
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", ignoring, COMMAND, "--plain", "--state-dir", state],
        input=b"!exit 3\n",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert b"exit status 3" in done.stdout
    assert done.returncode == 1


def test_a_command_runs_as_typed_in_any_locale(state: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [COMMAND, "--plain", "--state-dir", state],
        input="!printf é > é; cat é\n".encode(),
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        cwd=state.parent,
        env={**os.environ, **ascii_only},
    )
    assert done.returncode == 0, done.stdout
    assert (state.parent / "é").read_text("utf-8") == "é"


def test_unreadable_input_is_reported(state: Path) -> None:
    command = f'{COMMAND} --plain --state-dir "$1" 0>"$1.input"'
    done = subprocess.run(
        ["bash", "-c", command, "bash", state],
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    assert b"can't read the input (Bad file descriptor)" in done.stdout
    assert (done.returncode, done.stderr) == (2, b"")


def test_a_second_program_reports_the_owner_of_the_session(state: Path) -> None:
    with Program(state) as program:
        _start(program, "echo here; sleep 600")
        with Program(state) as second:
            assert second.wait() == 2
            assert second.lines == []
            says = second.errors()
        assert (
            f"session 'main' is open already, in process {program.process.pid}" in says
        )
        assert "open another with --session NAME" in says
        with running(TaskSystem(directory=state / "other")):
            pass
        program.send("!echo still here")
        assert program.wait_for_event(TaskEvent.COMPLETE, 2).last_line == "still here"


def test_a_session_is_free_after_its_program_has_ended(state: Path) -> None:
    with Program(state) as program:
        _start(program, _FAMILY)
    with Program(state) as again:
        lost = again.wait_for_event(TaskEvent.FAILED, 1)
        assert lost.reason == "the session ended while it ran"
        assert program.left() == []
        again.send("/quit")
        again.wait()
