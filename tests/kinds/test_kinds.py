from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, cast

import psutil
import pytest
from backburner.actors import (
    BashKind,
    InvalidRequestError,
    JobContext,
    JobEnd,
    Kinds,
    Outcome,
    ProcessKind,
    ShortageError,
    SleepKind,
    StartError,
    Task,
)
from backburner.actors.kinds.kind import WrongKindError, check
from backburner.actors.kinds.process_job import ProcessJob
from backburner.actors.kinds.sleep import parse_duration
from backburner.actors.processes import spawn
from backburner.actors.processes.exits import ExitWatcher, PidfdWatcher
from backburner.actors.processes.family import find_own
from backburner.actors.processes.marks import MARK
from backburner.actors.runtime.clock import Clock, SystemClock
from backburner.actors.runtime.dispatcher import Dispatcher
from backburner.actors.runtime.promise import Promise
from backburner.actors.testing import FakeKind, ManualClock, ManualExits
from conditions import until
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from patience import PATIENCE
from process_ends import runs

if TYPE_CHECKING:
    from backburner.actors.processes.handle import Process

OWN = f"kinds-{os.getpid():x}:3"


class _Here(BashKind):
    """Bash in a folder of the test's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def directory(self, task: Task) -> Path:
        del task
        return self._folder


class _Program(ProcessKind):
    """Runs its arguments as they are."""

    name = "program"
    usage = "PROGRAM ARGS…"
    summary = "run a program"

    def command(self, args: tuple[str, ...]) -> tuple[str, ...]:
        return args


def _context(
    output: Path | None,
    *args: str,
    clock: Clock | None = None,
    exits: ExitWatcher | None = None,
    looks: Promise[str] | None = None,
) -> JobContext:
    task = Task(
        id=3,
        description="a task",
        kind="any",
        args=args,
        directory=str(Path.cwd()),
        output_path=None if output is None else str(output),
        reason="starting",
        queued_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    requests: Promise[str] = looks or Promise()
    return JobContext(
        task=task,
        mark=OWN,
        clock=clock or ManualClock(),
        exits=exits or ManualExits(),
        look=lambda: requests.tell("look"),
    )


def _marked() -> list[Process]:
    return find_own(OWN)


# The registry


def test_a_kind_is_found_by_its_name() -> None:
    bash, sleep = BashKind(), SleepKind()
    kinds = Kinds((bash, sleep))
    assert kinds.find("bash") is bash
    assert list(kinds) == [bash, sleep]


@pytest.mark.parametrize("name", ["zsh", "", "Bash", "bash "])
def test_an_unknown_kind_is_refused_with_the_known_kinds(name: str) -> None:
    kinds = Kinds((SleepKind(), FakeKind(), BashKind()))
    with pytest.raises(InvalidRequestError) as raised:
        kinds.find(name)
    assert str(raised.value) == (
        f"unknown kind {name!r}; the kinds are: bash, fake, sleep"
    )


def test_a_long_name_is_quoted_partially() -> None:
    with pytest.raises(InvalidRequestError, match=r"^unknown kind 'x{40}…'; .* none$"):
        Kinds(()).find("x" * 10_000)


def test_a_check_that_refuses_without_a_reason_is_an_error() -> None:
    class Doubting(FakeKind):
        def check(self, args: tuple[str, ...]) -> None:
            return cast("None", not args)

    check(Doubting(), ())
    with pytest.raises(InvalidRequestError, match=r"check\(\) returned False; it must"):
        check(Doubting(), ("one",))


# Arguments of bash


@pytest.mark.parametrize("command", ["true", "echo 'a  b' | wc", "a\nb", "\x1b[", "é"])
def test_bash_takes_any_command_line(command: str) -> None:
    kind = BashKind()
    kind.check((command,))
    assert list(kind.command((command,)))[1:] == ["-c", command]


@pytest.mark.parametrize("word", ["--version", "-c", "+x", "--"])
def test_a_command_line_is_never_an_option_of_bash(word: str) -> None:
    argv = BashKind().command((f"{word} 2> /dev/null; echo $?",))
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("127\n", "")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        ((), "missing command"),
        (("",), "missing command"),
        (("  \n",), "missing command"),
        (("ls", "-l"), "bash takes one argument, the whole command line, not 2"),
        (("a\0b",), "a command can't hold a NUL character; remove it"),
    ],
)
def test_bash_refuses_invalid_arguments(args: tuple[str, ...], problem: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        BashKind().check(args)
    assert str(raised.value) == problem


# Obstacles to a start


@pytest.mark.parametrize("method", ["command", "directory", "environment"])
def test_an_error_of_a_process_kind_names_the_method(
    tmp_path: Path, method: str
) -> None:
    def fail(*_: object) -> NoReturn:
        raise KeyError("planted")

    kind = BashKind()
    vars(kind)[method] = fail
    with pytest.raises(WrongKindError) as raised:
        kind.start(_context(tmp_path, "true"))
    assert str(raised.value) == (
        f"bug in kind 'bash': {method}() raised KeyError('planted'); see the log"
    )


def _start_error(kind: ProcessKind, context: JobContext) -> str:
    with pytest.raises(StartError) as raised:
        kind.start(context)
    return str(raised.value)


def test_without_bash_the_start_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    error = _start_error(BashKind(), _context(tmp_path / "3.log", "true"))
    assert error == "bash: not found; install it, or put it on the PATH"


def test_output_that_is_a_folder_fails_the_start(tmp_path: Path) -> None:
    error = _start_error(BashKind(), _context(tmp_path, "true"))
    text = "it exists already; move it away"
    assert error == f"can't write its output file {tmp_path}: {text}"


def test_output_in_a_missing_folder_fails_the_start(tmp_path: Path) -> None:
    output = tmp_path / "no" / "3.log"
    error = _start_error(BashKind(), _context(output, "true"))
    assert error == f"can't write its output file {output}: No such file or directory"


def test_a_command_that_is_too_long_fails_the_start(tmp_path: Path) -> None:
    context = _context(tmp_path / "3.log", f"true {'x' * 200_000}")
    assert _start_error(BashKind(), context) == (
        "can't start bash: the command, or a variable of its environment, is too long;"
        " put it into a file"
    )


@pytest.mark.parametrize("command", ["a\0b", "a\ud800b"])
def test_text_that_no_process_accepts_fails_the_start(
    tmp_path: Path, command: str
) -> None:
    error = _start_error(BashKind(), _context(tmp_path / "3.log", command))
    assert error.startswith("can't start bash: ")


def test_a_missing_working_directory_fails_the_start(tmp_path: Path) -> None:
    error = _start_error(_Here(tmp_path / "no"), _context(tmp_path / "3.log", "true"))
    assert error == (
        f"its directory {tmp_path}/no does not exist; make it, and run it again"
    )


def test_a_program_without_execute_permission_fails_the_start(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.touch(0o600)
    error = _start_error(_Program(), _context(tmp_path / "3.log", str(program)))
    assert error == f"can't start {program}: Permission denied"


def test_a_process_needs_an_output_file() -> None:
    error = _start_error(BashKind(), _context(None, "true"))
    assert error == "bash jobs need an output file"


@pytest.mark.parametrize(
    ("number", "waits_for"),
    [
        (errno.EMFILE, "a free file descriptor: this program has as many as it may"),
        (errno.ENFILE, "a free file descriptor: the system has none left"),
        (errno.EAGAIN, "room for another process: there are as many as there may be"),
        (errno.ENOMEM, "free memory"),
    ],
)
def test_a_start_that_lacks_a_resource_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, waits_for: str
) -> None:
    class Refuses:
        makes_output = True

        def __call__(self, *_: object) -> int:
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(spawn, "best", Refuses)
    with pytest.raises(ShortageError) as raised:
        BashKind().start(_context(tmp_path / "3.log", "true"))
    assert str(raised.value) == waits_for


# Jobs that are processes


@pytest.fixture
def looks() -> Promise[str]:
    return Promise()


@pytest.fixture
def run(lair: Path, looks: Promise[str]) -> Iterator[Callable[[str], ProcessJob]]:
    """Start a real bash job; it is ended with the test."""
    clock, exits = SystemClock(), PidfdWatcher()
    dispatcher = Dispatcher("test", exits)
    dispatcher.submit(lambda: None)
    jobs: list[ProcessJob] = []

    def run(command: str) -> ProcessJob:
        context = _context(
            lair / "3.log", command, clock=clock, exits=exits, looks=looks
        )
        job = _Here(lair).start(context)
        assert isinstance(job, ProcessJob)
        jobs.append(job)
        return job

    yield run
    for job in jobs:
        if psutil.pid_exists(job.pid()):
            job.kill()
            until(lambda job=job: job.look() is not None)
    dispatcher.close()
    exits.close()
    clock.close()


Run = Callable[[str], ProcessJob]


def _end(job: ProcessJob, looks: Promise[str]) -> JobEnd:
    """Look whenever the job requests it, until its end."""
    while True:
        looks.get(PATIENCE)
        end = job.look()
        if end is not None:
            return end


def _output(lair: Path, text: str) -> None:
    until(lambda: (lair / "3.log").read_text() == text)


def _bare(end: JobEnd) -> JobEnd:
    """Return an end without the job's resource usage."""
    assert end.outcome.figures is not None
    return replace(end, outcome=replace(end.outcome, figures=None))


def test_a_job_ends_with_its_process(run: Run, looks: Promise[str], lair: Path) -> None:
    end = _bare(_end(run("exit 0"), looks))
    assert end == JobEnd(Outcome.complete("exit status 0", 0))
    (lair / "3.log").unlink()
    end = _bare(_end(run("exit 3"), looks))
    assert end == JobEnd(Outcome.failed("exit status 3", 3))


def test_a_job_runs_until_its_process_ends(run: Run) -> None:
    job = run("sleep 600")
    assert job.look() is None
    assert job.progress() is None
    assert psutil.Process(job.pid()).ppid() == os.getpid()


def test_a_process_knows_its_task_and_writes_at_once(
    run: Run, looks: Promise[str], lair: Path
) -> None:
    _end(run(f'echo "${MARK} $PYTHONUNBUFFERED"'), looks)
    assert (lair / "3.log").read_text() == f"{OWN} 1\n"


def test_processes_left_running_by_a_job_are_named(
    run: Run, looks: Promise[str]
) -> None:
    end = _end(run("sleep 600 & echo hi"), looks)
    assert end.outcome.exit_code == 0
    assert end.outcome.reason.startswith("exit status 0; still running: ")
    assert all(f"{p.pid} (" in end.outcome.reason for p in _marked())
    assert len(_marked()) == 1


def test_a_stopped_job_ends_in_its_own_way(
    run: Run, looks: Promise[str], lair: Path
) -> None:
    job = run("trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.01; done")
    _output(lair, "ready\n")
    job.stop()
    assert _end(job, looks).outcome.exit_code == 7
    assert (lair / "3.log").read_text().endswith("bye\n")


def test_a_stopped_job_ends_when_all_its_processes_have_ended(
    run: Run, lair: Path
) -> None:
    last = "sleep 0.1; echo last; exit"
    hidden = f"trap '{last}' TERM; echo ready; while :; do sleep 0.01; done"
    job = run(f'setsid bash -c "{hidden}" & wait')
    _output(lair, "ready\n")
    job.stop()
    until(lambda: job.look() is not None)
    assert "last" in (lair / "3.log").read_text()
    assert _marked() == []


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_killed_job_leaves_no_process(
    run: Run, looks: Promise[str], lair: Path, *, asked_first: bool
) -> None:
    deaf = "trap '' TERM; echo ready; while :; do sleep 600; done"
    job = run(f'setsid bash -c "{deaf}" & env -i setsid bash -c "{deaf}" & {deaf}')
    _output(lair, "ready\n" * 3)
    family = psutil.Process(job.pid()).children(recursive=True)
    if asked_first:
        job.stop()
        assert job.look() is None
    job.kill()
    end = _end(job, looks)
    assert end.leftover is None
    assert _bare(end).outcome == Outcome.failed("killed by signal 9 (SIGKILL)")
    until(lambda: not any(map(runs, family)))


def test_a_suspended_job_can_be_stopped(run: Run, looks: Promise[str]) -> None:
    job = run("trap 'exit 7' TERM; kill -STOP $$; sleep 600")
    until(lambda: psutil.Process(job.pid()).status() == psutil.STATUS_STOPPED)
    job.stop()
    assert _end(job, looks).outcome.exit_code == 7


# Durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("10s", 10.0),
        ("1m30s", 90.0),
        ("500ms", 0.5),
        ("1.5s", 1.5),
        ("2h", 7200.0),
        ("1h1m1s1ms", 3661.001),
        ("1m500ms", 60.5),
        ("0.5h", 1800.0),
        ("90m", 5400.0),
        ("10", 10.0),
        ("0.25", 0.25),
        ("0s", 0.0),
        (" 3s ", 3.0),
    ],
)
def test_durations_are_parsed(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)
    SleepKind().check((text,))


_number = st.none() | st.integers(0, 10**6)


@given(_number, _number, _number, _number)
def test_a_duration_is_the_sum_of_its_parts(
    hours: int | None, minutes: int | None, seconds: int | None, millis: int | None
) -> None:
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"), (millis, "ms"))
    text = "".join(f"{number}{unit}" for number, unit in parts if number is not None)
    if text:
        total = (hours or 0) * 3600 + (minutes or 0) * 60 + (seconds or 0)
        assert parse_duration(text) == pytest.approx(total + (millis or 0) / 1000)


@pytest.mark.parametrize(
    "text",
    [
        *("ten", "10x", "s", "-1s", "+1s", "1 s", "1s 2s", "10S", "1,5s", ".5s", "5.s"),
        *("1s1m", "1s1s", "1ms1s", "1mm", "1m s", "1e3s", "inf", "nan", "٣s", "²s"),
        *("1234567890s", "1.2.3s", "0x10s", "1s\n2s", "1w"),
    ],
)
def test_bad_durations_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError) as raised:
        SleepKind().check((text,))
    assert str(raised.value) == (
        f"bad duration {text!r}; write it like 10s, 1m30s or 500ms"
    )


@pytest.mark.parametrize("args", [(), ("",), ("  ",)])
def test_a_missing_duration_is_refused(args: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequestError, match=r"^missing duration$"):
        SleepKind().check(args)


# Jobs that sleep


def test_a_sleep_ends_when_its_time_has_passed(looks: Promise[str]) -> None:
    clock = ManualClock()
    job = SleepKind().start(_context(None, "10s", clock=clock, looks=looks))
    for seconds, progress in ((0.0, 0), (2.5, 25), (7.4, 99)):
        clock.advance(seconds)
        assert job.progress() == progress
        assert job.look() is None
    with pytest.raises(TimeoutError):
        looks.get(0)
    clock.advance(0.2)
    assert looks.get(0) == "look"
    assert job.look() == JobEnd(Outcome.complete("slept"))
    assert job.progress() == 100
    clock.advance(60.0)
    assert job.progress() == 100


def test_a_sleep_of_zero_seconds_ends_at_once() -> None:
    job = SleepKind().start(_context(None, "0s"))
    assert job.look() is not None
    assert job.progress() == 100


@pytest.mark.parametrize("step", ["stop", "kill"])
def test_a_sleep_can_be_ended(looks: Promise[str], step: str) -> None:
    clock = ManualClock()
    job = SleepKind().start(_context(None, "10s", clock=clock, looks=looks))
    clock.advance(4.0)
    job.stop() if step == "stop" else job.kill()
    assert looks.get(0) == "look"
    assert job.look() is not None
    assert job.progress() == 40
    assert clock.scheduled == 0
    assert job.pid() is None
