"""Tasks with their own terminal, and tasks that read input from a pipe."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import RefusalCode, RefusedError, Task, TaskSystem, Terms
from backburner.actors.processes import channel, spawn
from backburner.actors.processes.popen_spawn import PopenSpawn
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TERMINAL, PIPE = Terms(input="terminal"), Terms(input="pipe")


@pytest.fixture
def system(tmp_path: Path) -> Iterator[TaskSystem]:
    with TaskSystem(directory=tmp_path / "session", grace=0.5) as system:
        yield system


def _output(task: Task) -> bytes:
    assert task.output_path is not None
    path = Path(task.output_path)
    return path.read_bytes() if path.exists() else b""


def _end(system: TaskSystem, task: Task) -> Task:
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    return ended


def _refusal(call: Callable[[], object]) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        call()
    return refused.value


@pytest.fixture(params=["posix_spawn", "subprocess"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "subprocess":
        monkeypatch.setattr(spawn, "best", PopenSpawn)
    return request.param


@pytest.mark.usefixtures("way")
def test_a_job_has_its_own_terminal(
    system: TaskSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINES", "7")
    command = (
        "test -t 0 && test -t 1 && test -t 2 && echo all; echo err >&2;"
        "echo $TERM ${LINES-no} ${COLUMNS-no}; stty size;"
        "echo tty > /dev/tty; ps -o sid=,tpgid= $$ | tr -s ' '; echo $$"
    )
    ended = _end(system, system.add("Job", "bash", command, terms=TERMINAL))
    assert ended.reason == "exit status 0"
    *lines, session, pid = _output(ended).decode().split("\r\n")[:-1]
    assert lines == ["all", "err", "xterm-256color no no", "24 80", "tty"]
    assert session.split() == [pid, pid]  # it leads the session with the terminal


@pytest.mark.usefixtures("way")
def test_a_job_reads_the_input_sent_to_it(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "while read x; do echo got $x; done", terms=PIPE)
    until(lambda: system.get(task.id).status == "running")
    system.send_input(task.id, "one\n")
    system.send_input(task.id, b"two\n", end=True)
    ended = _end(system, task)
    assert _output(ended) == b"got one\ngot two\n"


def test_a_terminal_echoes_and_ends_its_input(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "echo ready; exec cat", terms=TERMINAL)
    until(lambda: b"ready" in _output(task))
    system.send_input(task.id, "hello\r")
    until(lambda: _output(task).endswith(b"hello\r\nhello\r\n"))
    system.send_input(task.id, end=True)
    assert _end(system, task).reason == "exit status 0"


def test_hidden_input_is_not_in_the_output(system: TaskSystem) -> None:
    command = "read -s -p 'Password: ' x; echo; echo ${#x}"
    task = system.add("Job", "bash", command, terms=TERMINAL)
    until(lambda: b"Password: " in _output(task))
    system.send_input(task.id, "hunter2\r")
    assert _output(_end(system, task)) == b"Password: \r\n7\r\n"


def test_control_c_reaches_the_job(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "echo ready; exec sleep 600", terms=TERMINAL)
    until(lambda: b"ready" in _output(task))
    system.send_input(task.id, b"\x03")
    assert _end(system, task).reason == "killed by signal 2 (SIGINT)"


def test_a_terminal_can_be_resized(system: TaskSystem) -> None:
    command = "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done"
    task = system.add("Job", "bash", command, terms=TERMINAL)
    until(lambda: b"ready" in _output(task))
    system.resize_terminal(task.id, 132, 50)
    ended = _end(system, task)
    assert _output(ended).endswith(b"50 132\r\n")
    # The terminal's size is kept for later views of the screen.
    assert ended.figures is not None
    assert ended.figures.terminal == (132, 50)


@pytest.mark.parametrize(
    ("command", "size"),
    [("true", (80, 24)), ("stty cols 100", (100, 24)), ("stty cols 2000", None)],
)
def test_the_size_of_a_terminal_is_kept(
    system: TaskSystem, command: str, size: tuple[int, int] | None
) -> None:
    ended = _end(system, system.add("Job", "bash", command, terms=TERMINAL))
    assert ended.figures is not None
    assert ended.figures.terminal == size


def test_the_size_of_a_terminal_is_kept_after_a_kill(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "stty rows 9; echo on; cat", terms=TERMINAL)
    until(lambda: b"on" in _output(task))
    system.cancel(task.id, now=True)
    ended = _end(system, task)
    assert ended.figures is not None
    assert ended.figures.terminal == (80, 9)


def test_all_output_is_kept(system: TaskSystem) -> None:
    ended = [
        _end(system, it)
        for it in [
            system.add("Job", "bash", "seq 200000; printf end", terms=TERMINAL)
            for _ in range(3)
        ]
    ]
    wanted = "".join(f"{n}\r\n" for n in range(1, 200001)).encode() + b"end"
    assert all(_output(it) == wanted for it in ended)
    assert [it.output_size for it in ended] == [len(wanted)] * 3


def test_a_job_ends_though_a_child_has_its_terminal(system: TaskSystem) -> None:
    command = (
        "trap '' HUP; sleep 600 & echo $!;"
        "until test $(ps -o comm= $!) = sleep; do :; done"
    )
    ended = _end(system, system.add("Job", "bash", command, terms=TERMINAL))
    assert "still running: " in ended.reason
    assert "(sleep)" in ended.reason
    os.kill(int(_output(ended)), signal.SIGKILL)


def test_the_output_limit_ends_a_flood(tmp_path: Path) -> None:
    with TaskSystem(directory=tmp_path, output_limit=1 << 20) as system:
        ended = _end(system, system.add("Job", "bash", "yes", terms=TERMINAL))
    assert ended.reason == "its output went beyond the limit of 1 MiB"


def test_unread_input_is_bounded(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "exec sleep 600", terms=PIPE)
    limit = channel.INPUT_LIMIT
    refused = None
    for _ in range(10):
        try:
            system.send_input(task.id, b"x" * limit)
        except RefusedError as error:
            refused = error
            break
    assert refused is not None
    assert refused.code is RefusalCode.BUSY
    assert "does not read its input: 64 KiB wait for it" in str(refused)


def test_invalid_input_is_refused(system: TaskSystem) -> None:
    plain = system.add("Plain", "bash", "exec sleep 600")
    pipe = system.add("Pipe", "bash", "exec sleep 600", terms=PIPE)
    until(lambda: all(it.status == "running" for it in system.list()))
    assert str(_refusal(lambda: system.send_input(plain.id, "x"))) == (
        "task 1 takes no input; it was added without a terminal or a pipe for it"
    )
    assert "task 2 has no terminal" in str(
        _refusal(lambda: system.resize_terminal(pipe.id, 80, 24))
    )
    assert "no task 9" in str(_refusal(lambda: system.send_input(9, "x")))
    assert "at most 65,536 bytes" in str(
        _refusal(lambda: system.send_input(pipe.id, b"x" * 65537))
    )
    assert "rows must be from 1 to 1000" in str(
        _refusal(lambda: system.resize_terminal(pipe.id, 80, 0))
    )
    system.send_input(pipe.id, end=True)
    assert "its input was ended" in str(
        _refusal(lambda: system.send_input(pipe.id, "x"))
    )
    system.cancel(plain.id)
    _end(system, plain)
    ended = _refusal(lambda: system.send_input(plain.id, "x"))
    assert (str(ended), ended.code) == (
        "task 1 is not running; it is canceled",
        RefusalCode.FINISHED,
    )
    with pytest.raises(RefusedError, match="sleep tasks take no input"):
        system.add("Sleep", "sleep", "1", terms=TERMINAL)


def test_a_second_attempt_has_a_new_terminal(system: TaskSystem) -> None:
    terms = Terms(input="terminal", retries=1, retry_delay=0.01)
    ended = _end(system, system.add("Job", "bash", "tty; exit 1", terms=terms))
    assert _output(ended).count(b"/dev/pts/") == 2


def test_terminals_leave_no_descriptor_or_thread(tmp_path: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    with TaskSystem(directory=tmp_path, grace=0.5) as system:
        done = [
            system.add("Job", "bash", "echo hi", terms=it) for it in (TERMINAL, PIPE)
        ]
        failed = [
            system.add("Job", "bash", "true", terms=it, directory=str(tmp_path / "no"))
            for it in (TERMINAL, PIPE)
        ]
        system.add("Job", "bash", "exec sleep 600", terms=TERMINAL)
        for task in (*done, *failed):
            _end(system, task)
    assert len([*Path("/proc/self/fd").iterdir()]) == before
    names = {it.name for it in threading.enumerate()}
    assert "backburner-channels" not in names
