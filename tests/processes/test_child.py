from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import psutil
import pytest
from backburner.actors.processes import spawn
from backburner.actors.processes.child import ChildProcess, ExitStatus
from backburner.actors.processes.environment import GROUP, SLOT, Environment
from backburner.actors.processes.handle import GIVE_WAY
from backburner.actors.processes.popen_spawn import PopenSpawn
from backburner.actors.processes.posix_spawn import PosixSpawn
from backburner.actors.rules.outcome import Outcome
from conditions import until
from patience import PATIENCE
from process_ends import runs

Start = Callable[..., ChildProcess]

UNKNOWN = ExitStatus()
HERE = Environment(os.environ)
BEST = spawn.best()


@pytest.fixture(params=[BEST, PopenSpawn()], ids=["best", "popen"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start processes in the best way of this system, and in the portable way."""
    monkeypatch.setattr(spawn, "best", lambda: request.param)


@pytest.fixture
def output(lair: Path) -> Path:
    return lair / "1.log"


@pytest.fixture
def start(lair: Path, output: Path) -> Iterator[Start]:
    """Return a function that starts a bash script; it is ended with the test."""
    children: list[ChildProcess] = []

    def start(script: str, environment: Environment = HERE) -> ChildProcess:
        argv = ["bash", "-c", script]
        children.append(ChildProcess(argv, environment, output, lair))
        return children[-1]

    yield start
    for child in children:
        if child.exit_status() is None:
            child.signal_group(signal.SIGKILL)
            until(lambda child=child: child.exit_status() is not None)
        if child.exit_status() != UNKNOWN:
            child.reap()


def _end(child: ChildProcess) -> ExitStatus:
    until(lambda: child.exit_status() is not None)
    status = child.exit_status()
    assert status is not None
    return status


@pytest.mark.parametrize("code", [0, 1, 2, 127, 255])
def test_an_exit_code_is_reported(start: Start, code: int) -> None:
    assert _end(start(f"exit {code}")) == ExitStatus(code=code)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_is_reported(start: Start, number: int) -> None:
    status = _end(start(f"kill -{number:d} $$; sleep 600"))
    assert status == ExitStatus(signal=number)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (ExitStatus(code=0), Outcome.complete("exit status 0", 0)),
        (ExitStatus(code=2), Outcome.failed("exit status 2", 2)),
        (ExitStatus(signal=9), Outcome.failed("killed by signal 9 (SIGKILL)")),
        (ExitStatus(signal=40), Outcome.failed("killed by signal 40")),
        (
            UNKNOWN,
            Outcome.failed(
                "its exit status is unknown: another part of this program collected it"
            ),
        ),
    ],
)
def test_an_exit_status_decides_the_outcome_of_a_task(
    status: ExitStatus, outcome: Outcome
) -> None:
    assert status.outcome() == outcome


def test_a_running_child_has_no_exit_status(start: Start) -> None:
    child = start("sleep 600")
    assert child.exit_status() is None
    child.signal_group(signal.SIGSTOP)
    until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_STOPPED)
    assert child.exit_status() is None


def test_an_exit_status_stays_until_it_is_reaped(start: Start) -> None:
    child = start("exit 3")
    assert _end(child) == child.exit_status() == ExitStatus(code=3)
    assert psutil.pid_exists(child.pid)
    assert not child.reap()
    assert not psutil.pid_exists(child.pid)


def test_an_exit_status_reaped_elsewhere_is_unknown(start: Start) -> None:
    child = start("exit 3")
    os.waitpid(child.pid, 0)
    assert child.exit_status() == UNKNOWN
    assert not child.reap()


def test_output_and_errors_keep_their_order(start: Start, output: Path) -> None:
    _end(start("for i in {1..50}; do echo out $i; echo err $i >&2; done"))
    expected = [f"{name} {i}" for i in range(1, 51) for name in ("out", "err")]
    assert output.read_text().splitlines() == expected


def test_output_goes_to_a_new_private_file(start: Start, output: Path) -> None:
    _end(start("echo one; echo two >> /dev/stdout"))
    assert output.stat().st_mode & 0o777 == 0o600
    assert output.read_bytes() == b"one\ntwo\n"
    # An existing file is neither appended to nor removed.
    with pytest.raises(FileExistsError):
        start("echo three")
    assert output.read_bytes() == b"one\ntwo\n"
    output.unlink()
    output.symlink_to("elsewhere")
    with pytest.raises(FileExistsError):
        start("echo three")


def test_a_start_that_fails_leaves_no_file(output: Path) -> None:
    before = psutil.Process().children()
    with pytest.raises(FileNotFoundError):
        ChildProcess(["no-such-program"], HERE, output)
    with pytest.raises(OSError, match="Exec format error"):
        ChildProcess([str(_not_a_program(output))], HERE, output)
    with _ignoring(signal.SIGUSR1), pytest.raises(OSError, match="Exec format error"):
        ChildProcess([str(_not_a_program(output))], HERE, output)
    with pytest.raises(FileNotFoundError):
        ChildProcess(["true"], HERE, output, Path("/no/such/folder"))
    assert not output.exists()
    assert psutil.Process().children() == before


def _not_a_program(beside: Path) -> Path:
    path = beside.with_name("nothing")
    path.write_text("")
    path.chmod(0o700)
    path.write_bytes(b"\x7fELF")
    return path


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2)])
def test_output_is_kept_in_a_host_without_standard_streams(
    tmp_path: Path, closed: tuple[int, ...]
) -> None:
    code = """
import os, sys
from pathlib import Path
from backburner.actors.processes.child import ChildProcess
from backburner.actors.processes.environment import Environment
for fd in map(int, sys.argv[2:]):
    os.close(fd)
argv = ["bash", "-c", "echo out; echo err >&2; readlink /proc/self/fd/0"]
child = ChildProcess(argv, Environment(os.environ), Path(sys.argv[1]))
os._exit(os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1]))
"""
    output = tmp_path / "1.log"
    command = [sys.executable, "-c", code, str(output), *map(str, closed)]
    subprocess.run(command, check=True, timeout=PATIENCE)
    assert output.read_text() == "out\nerr\n/dev/null\n"


def test_output_is_kept_byte_for_byte(start: Start, output: Path) -> None:
    _end(start(r"head -c 300000 /dev/zero; printf '\xff\x1b[2J\r'"))
    assert output.read_bytes() == bytes(300000) + b"\xff\x1b[2J\r"


@pytest.fixture
def typed_ahead() -> Iterator[None]:
    """Give this process pending input that must not reach children."""
    read, write = os.pipe()
    os.write(write, b"secret\n")
    os.close(write)
    before = os.dup(0)
    os.dup2(read, 0)
    os.close(read)
    yield
    os.dup2(before, 0)
    os.close(before)


@pytest.mark.usefixtures("typed_ahead")
def test_input_is_empty(start: Start, output: Path) -> None:
    _end(start("cat; read line || echo none"))
    assert output.read_bytes() == b"none\n"


def test_a_child_leads_a_session_without_a_terminal(start: Start, output: Path) -> None:
    child = start("(: < /dev/tty) 2> /dev/null || echo none; sleep 600")
    assert os.getsid(child.pid) == os.getpgid(child.pid) == child.pid
    until(lambda: output.read_bytes() == b"none\n")


def test_a_child_inherits_only_its_given_environment_and_files(
    lair: Path, output: Path
) -> None:
    read, write = os.pipe()
    os.set_inheritable(write, True)  # noqa: FBT003 - the standard library's own
    script = 'echo "$GIVEN $HOME $PWD"; echo /proc/self/fd/*'
    environment = Environment({"GIVEN": "yes", "PATH": os.environ["PATH"]})
    child = ChildProcess(["bash", "-c", script], environment, output, lair)
    until(lambda: child.exit_status() is not None)
    child.reap()
    os.close(read)
    os.close(write)
    given, files = output.read_text().splitlines()
    assert given == f"yes  {lair}"
    assert len(files.split()) <= 4  # the fourth is the folder that bash lists


def test_a_signal_reaches_the_whole_group(start: Start, output: Path) -> None:
    child = start("sleep 600 & echo $!; sleep 600 & echo $!; wait")
    until(lambda: output.exists() and output.read_bytes().count(b"\n") == 2)
    group = [psutil.Process(int(pid)) for pid in output.read_text().split()]
    child.signal_group(signal.SIGTERM)
    assert _end(child) == ExitStatus(signal=signal.SIGTERM)
    until(lambda: not any(map(runs, group)))
    child.signal_group(signal.SIGTERM)


def test_remaining_processes_of_the_group_are_noticed(start: Start) -> None:
    child = start("sleep 600 &")
    _end(child)
    assert child.reap()


def test_a_process_that_left_the_group_does_not_belong_to_it(start: Start) -> None:
    # The pipe holds the child until it has left; a child in the group would be noticed.
    child = start("exec 3< <(exec setsid bash -c 'echo; exec sleep 600'); read -u 3")
    _end(child)
    assert not child.reap()


@contextlib.contextmanager
def _ignoring(*numbers: int) -> Generator[None]:
    before = [(it, signal.signal(it, signal.SIG_IGN)) for it in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@pytest.mark.parametrize("ignored", [(), (signal.SIGUSR1,)], ids=["", "ignoring"])
@pytest.mark.parametrize(
    ("argv", "environment", "number"),
    [
        (["no-such-program"], HERE, errno.ENOENT),
        (["/no/such/program"], HERE, errno.ENOENT),
        (["bash"], Environment({"PATH": "/no/such/folder"}), errno.ENOENT),
        (["/etc/passwd"], HERE, errno.EACCES),
        (["bash", "-c", "x" * 200_000], HERE, errno.E2BIG),
    ],
)
def test_a_program_that_cannot_be_started_is_named(
    output: Path,
    argv: list[str],
    environment: Environment,
    number: int,
    ignored: tuple[int, ...],
) -> None:
    before = psutil.Process().num_fds()
    with (
        _ignoring(*ignored),
        pytest.raises(OSError) as raised,  # noqa: PT011 - its number is compared
    ):
        ChildProcess(argv, environment, output)
    assert raised.value.errno == number
    assert raised.value.filename == argv[0]
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize(
    ("name", "error"), [("", FileExistsError), ("no/1.log", FileNotFoundError)]
)
def test_an_unwritable_output_file_is_named(
    tmp_path: Path, name: str, error: type[OSError]
) -> None:
    output = tmp_path / name
    with pytest.raises(error) as raised:
        ChildProcess(["true"], HERE, output)
    assert raised.value.filename == str(output)


def test_a_missing_working_directory_is_named(output: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        ChildProcess(["true"], HERE, output, Path("/no/such/folder"))
    assert str(raised.value.filename) == "/no/such/folder"


def test_a_nul_in_an_argument_is_an_error(output: Path) -> None:
    with pytest.raises(ValueError, match="null byte"):
        ChildProcess(["echo", "a\0b"], HERE, output)


def test_an_exited_process_is_left_for_its_owner_to_reap(
    start: Start, output: Path
) -> None:
    first = start("exit 3")
    until(lambda: first.exit_status() is not None)
    output.unlink()
    _end(start("exit 4"))
    assert first.exit_status() == ExitStatus(code=3)


def _sets(status: str) -> dict[str, int]:
    """Return the signals that a process blocks and ignores, read from the kernel."""
    # The C library reserves two signals above those for programs.
    lines = (line.split(":") for line in status.splitlines())
    return {name: int(value, 16) & 0x7FFFFFFF for name, value in lines}


REPORT = "grep -E '^Sig(Blk|Ign):' /proc/self/status"


def test_signals_that_python_ignores_are_not_ignored_by_a_child(
    start: Start, output: Path
) -> None:
    _end(start(REPORT))
    assert _sets(output.read_text()) == {"SigBlk": 0, "SigIgn": 0}


def test_signals_that_its_parent_ignores_are_not_ignored_by_a_child(
    start: Start, output: Path
) -> None:
    with _ignoring(signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1):
        child = start(REPORT)
    _end(child)
    assert _sets(output.read_text()) == {"SigBlk": 0, "SigIgn": 0}


def test_signals_that_the_starting_thread_blocks_are_not_blocked_in_a_child(
    start: Start, output: Path
) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        child = start(f"{REPORT}; sleep 600")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    until(lambda: output.exists() and output.read_bytes().count(b"\n") == 2)
    assert _sets(output.read_text()) == {"SigBlk": 0, "SigIgn": 0}
    child.signal_group(signal.SIGTERM)
    assert _end(child) == ExitStatus(signal=signal.SIGTERM)


def test_a_missing_program_is_named_while_signals_are_blocked(output: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        with pytest.raises(FileNotFoundError) as raised:
            ChildProcess(["no-such-program"], HERE, output)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert raised.value.filename == "no-such-program"


def test_no_actor_waits_for_the_start_of_another_process() -> None:
    assert sys.platform != "linux" or isinstance(BEST, PosixSpawn)


def test_a_child_gives_way_to_other_sessions(start: Start) -> None:
    child = start("sleep 600")
    group = Path(f"/proc/{child.pid}/autogroup")
    if not group.exists() or not group.read_text().startswith("/autogroup"):
        pytest.skip("the kernel does not share the processor out by session")
    child.give_way()
    assert group.read_text().split()[-2:] == ["nice", str(GIVE_WAY)]


def test_giving_way_ignores_an_ended_process(start: Start) -> None:
    child = start("exit 3")
    _end(child)
    child.reap()
    child.give_way()


def test_the_jobs_of_a_slot_share_an_environment() -> None:
    environment = Environment({"A": "1", GROUP: "outer"})

    first = environment.in_slot("gpu", 0)

    assert first is environment.in_slot("gpu", 0)
    assert dict(first.variables) == {"A": "1", GROUP: "gpu", SLOT: "0"}
    others = [environment.in_slot("gpu", slot) for slot in range(1, 200)]
    assert [it.get(SLOT, "") for it in others] == [str(it) for it in range(1, 200)]
    assert dict(environment.variables) == {"A": "1", GROUP: "outer"}
