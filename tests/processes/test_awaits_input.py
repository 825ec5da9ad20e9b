"""Whether a job waits for input, as its processes show."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from backburner.actors import Task, Terms
from backburner.actors.processes import awaits_input, proc
from backburner.actors.processes.awaits_input import SILENCE, InputWatch
from backburner.actors.processes.channels import Channels
from backburner.actors.processes.child import ChildProcess
from backburner.actors.processes.environment import Environment
from conditions import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backburner.actors.processes.channel import Channel

    StartJob: TypeAlias = "Callable[..., _Job]"

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/syscall").exists(),
    reason="the kernel does not say in which call a process is",
)

_GETPASS = "import getpass; getpass.getpass()"
_SHELL = ("env", "PS1=ready>", "bash", "--norc", "-i")
_REPL = "import sys; sys.ps1 = 'ready>'"
_HIDDEN = (
    "import os, sys, termios; mode = termios.tcgetattr(0); mode[3] &= ~termios.ECHO;"
    "termios.tcsetattr(0, termios.TCSANOW, mode); print('ready', flush=True);"
    "os.read(0, 1)"
)
_EVENT_LOOP = (
    "import asyncio, sys\n"
    "async def main():\n"
    "    asyncio.get_running_loop().add_reader(0, lambda: None)\n"
    "    print('ready', flush=True)\n"
    "    await asyncio.Event().wait()\n"
    "asyncio.run(main())"
)
_SERVER = (
    "import select, socket, sys; s = socket.create_server(('127.0.0.1', 0));"
    "print('ready', flush=True); select.{}"
)
_ON_BOTH = "select([0, s], [], [])"


class _Job:
    """A running job, and its watch."""

    def __init__(self, folder: Path, terms: Terms, command: tuple[str, ...]) -> None:
        task = Task(
            id=1,
            description="Job",
            kind="bash",
            reason="starting",
            queued_at=datetime.now(UTC),
            terms=terms,
        )
        self.output = folder / "1.log"
        self.channels = Channels()
        with self.channels.opened(task) as channel:
            assert channel is not None
            self.channel: Channel = channel
            environment = channel.prepare(Environment(dict(os.environ)))
            self.child = ChildProcess(
                command, environment, self.output, folder, channel=channel
            )
        self.watch = InputWatch(channel, self.child.pid)
        channel.begin(bool)

    def end(self) -> None:
        os.killpg(self.child.pid, signal.SIGKILL)
        os.waitpid(self.child.pid, 0)
        self.channels.close()

    def shows(self, text: bytes) -> bool:
        return self.output.exists() and text in self.output.read_bytes()

    def looks(self) -> bool:
        """Look until the watch has decided, and return whether the job waits."""
        self.watch.look(0.0, news=True)
        for count in range(1, 4):
            self.watch.look(count * SILENCE, news=False)
        return self.watch.waits

    def runs(self, name: str) -> bool:
        """Return whether its foreground process has executed a program and sleeps."""
        return any(
            it.sleeps and proc.name(it.pid) == name
            for it in awaits_input.processes_of(self.child.pid)
        )


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartJob]:
    with contextlib.ExitStack() as jobs:

        def make(*command: str, pipe: bool = False) -> _Job:
            job = _Job(tmp_path, Terms(input="pipe" if pipe else "terminal"), command)
            jobs.callback(job.end)
            return job

        yield make


def _python(code: str, *options: str) -> tuple[str, ...]:
    return (sys.executable, *options, "-c", code)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        pytest.param(("bash", "-c", "echo ready; cat"), b"ready", id="cat"),
        pytest.param(_SHELL, b"ready>", id="shell"),
        pytest.param(("bash", "-c", "read -p Name: x; exit"), b"Name:", id="read"),
        pytest.param(_python(_REPL, "-q", "-i"), b"ready>", id="python"),
        pytest.param(_python(_GETPASS), b"Password:", id="password"),
        pytest.param(_python(_EVENT_LOOP), b"ready", id="event loop"),
        pytest.param(("gdb", "-q"), b"(gdb)", id="gdb"),
        pytest.param(("less", "/etc/services"), b"\x1b[7m", id="less"),
        pytest.param(("bash", "-c", "cat | cat; exit"), b"", id="pipeline"),
        pytest.param(
            ("setsid", "-w", sys.executable, "-iqc", _REPL), b"ready>", id="own session"
        ),
    ],
)
def test_a_job_that_reads_its_terminal_waits(
    start: StartJob, command: tuple[str, ...], shown: bytes
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    job = start(*command)
    until(lambda: job.shows(shown))
    until(job.looks)
    assert job.watch.is_new


@pytest.mark.parametrize(
    ("command", "name"),
    [
        pytest.param(("bash", "-c", "sleep 600; exit"), "sleep", id="sleep"),
        pytest.param(("bash", "-ic", "sleep 600; exit"), "sleep", id="shell waits"),
        pytest.param(("bash", "-c", "sleep 600 | cat; exit"), "cat", id="pipe within"),
        pytest.param(
            ("bash", "-c", "cat < /dev/null; exec sleep 600"), "sleep", id="no input"
        ),
        pytest.param(("top", "-d", "600"), "top", id="top"),
        pytest.param(
            ("bash", "-c", "while ! read -t 600; do :; done"), "bash", id="a time limit"
        ),
        pytest.param(
            ("script", "-qc", "sleep 600", "/dev/null"), "sleep", id="terminal within"
        ),
    ],
)
def test_a_working_job_does_not_wait(
    start: StartJob, command: tuple[str, ...], name: str
) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    job = start(*command)
    until(lambda: job.runs(name))
    assert not any(job.looks() for _ in range(20))


def test_a_server_that_also_polls_its_input_does_not_wait(start: StartJob) -> None:
    job = start(*_python(_SERVER.format(_ON_BOTH)))
    until(lambda: job.shows(b"ready"))
    assert not any(job.looks() for _ in range(20))


def test_a_job_in_the_background_of_its_terminal_does_not_wait(start: StartJob) -> None:
    # The shell stops a reading background job; it reads again in the foreground.
    code = (
        "import os, signal, time; p = os.fork();"
        "signal.signal(signal.SIGTTOU, signal.SIG_IGN);"
        "p or (os.setpgid(0, 0), os.tcsetpgrp(0, os.getpid()), os.read(0, 1));"
        "time.sleep(0.1); print('ready', flush=True);"
        "os.tcsetpgrp(0, os.getpgid(0)); time.sleep(600)"
    )
    job = start(*_python(code))
    until(lambda: job.shows(b"ready"))
    until(lambda: os.tcgetpgrp(job.channel.fd) == job.child.pid)
    assert not any(job.looks() for _ in range(20))


def test_a_job_that_reads_its_pipe_waits(start: StartJob) -> None:
    job = start("bash", "-c", "read x; sleep 600 < /dev/null; exit", pipe=True)
    until(job.looks)
    job.channel.send(b"go\n")
    until(lambda: job.runs("sleep"))
    assert not job.looks()


@pytest.mark.parametrize("pipe", [False, True])
def test_a_job_that_polls_its_input_waits_even_after_a_pause(
    start: StartJob, *, pipe: bool
) -> None:
    code = (
        "import select; inputs = select.poll(); inputs.register(0, select.POLLIN);"
        "print('ready', flush=True); inputs.poll()"
    )
    job = start(*_python(code), pipe=pipe)
    until(lambda: job.shows(b"ready"))
    until(job.looks)
    os.killpg(job.child.pid, signal.SIGSTOP)
    until(lambda: not any(it.sleeps for it in awaits_input.processes_of(job.child.pid)))
    os.killpg(job.child.pid, signal.SIGCONT)
    until(job.looks)


def test_a_wait_is_new_only_after_input(start: StartJob) -> None:
    job = start("bash", "-c", "cat; exit", pipe=True)
    until(job.looks)
    assert job.watch.is_new
    until(job.looks)  # the job has printed a line and still reads
    assert not job.watch.is_new
    job.channel.send(b"more\n")
    until(job.looks)
    assert job.watch.is_new


def test_a_busy_job_that_also_reads_does_not_wait(start: StartJob) -> None:
    code = (
        "import sys, threading;"
        "threading.Thread(target=sys.stdin.read, daemon=True).start();"
        "print('ready', flush=True)\nwhile True: pass"
    )
    job = start(*_python(code))
    until(lambda: job.shows(b"ready"))

    def has_worked() -> float:
        found = proc.stat(job.child.pid)
        assert found is not None
        return found.cpu

    for _ in range(3):
        before = has_worked()
        job.watch.look(0.0, news=True)
        job.watch.look(2 * SILENCE, news=False)
        until(lambda before=before: has_worked() > before + 0.1)
        job.watch.look(3 * SILENCE, news=False)
        assert not job.watch.waits


@pytest.mark.parametrize(
    ("command", "waits"),
    [
        pytest.param(("bash", "-c", "echo ready; cat"), True, id="reads"),
        pytest.param(_python(_HIDDEN), True, id="password"),
        pytest.param(("bash", "-c", "echo ready; sleep 600"), False, id="sleeps"),
    ],
)
def test_a_job_whose_system_calls_are_hidden_is_judged_by_the_rest(
    start: StartJob,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    *,
    waits: bool,
) -> None:
    read = proc.contents
    hidden = ("/syscall", *(("/wchan",) if _HIDDEN in command else ()))

    def found(path: str) -> bytes | None:
        return None if path.endswith(hidden) else read(path)

    monkeypatch.setattr(proc, "contents", found)
    job = start(*command)
    until(lambda: job.shows(b"ready"))
    if waits:
        until(job.looks)
    else:
        until(lambda: job.runs("sleep"))
        assert not any(job.looks() for _ in range(20))
