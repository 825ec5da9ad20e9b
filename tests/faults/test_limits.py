"""A machine that runs out of descriptors, processes or memory loses no task."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.actors import TaskEvent, TaskStatus
from conditions import until
from patience import PATIENCE

from tests.faults.program import TAG, Program, tagged

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENOUGH: Final = 18
"""The number of files that the program must be able to open."""

# Processes that left the group and hide their mark are found only by a search.
_FAMILY: Final = (
    "setsid sleep 600 & env -i setsid sleep 600 & sleep 600 & echo up; wait"
)


def _limited(flag: str, limit: int) -> list[str]:
    return ["bash", "-c", f'ulimit {flag} {limit}; exec "$@"', "bash"]


def _files(limit: int) -> list[str]:
    return _limited("-n", limit)


def _start(program: Program, count: int) -> None:
    program.send(*[f"!{_FAMILY}"] * count)
    for task_id in range(1, count + 1):
        program.wait_for(
            lambda line, i=task_id: (
                line.task is not None
                and line.task.id == i
                and line.task.last_line == "up"
            )
        )


@pytest.mark.parametrize(
    ("limit", "count", "way"),
    [
        (_ENOUGH, 3, "cancel"),
        (20, 8, "cancel"),
        (20, 8, "quit"),
        (20, 8, "signal"),
        (64, 62, "cancel"),
        (64, 62, "signal"),
    ],
)
def test_the_program_ends_with_few_file_descriptors(
    state: Path, limit: int, count: int, way: str
) -> None:
    options = ("--parallel", str(count), "--grace", "60")
    with Program(state, *options, before=_files(limit)) as program:
        _start(program, count)
        if way == "cancel":
            program.send("/cancel --all")
            for task_id in range(1, count + 1):
                assert program.wait_for_end(task_id).status is TaskStatus.CANCELED
            assert program.left() == [psutil.Process(program.process.pid)]
            program.send("/quit")
        elif way == "quit":
            program.send("/quit")
        else:
            program.signal(signal.SIGTERM)
        status = program.wait()
        assert status == (128 + signal.SIGTERM if way == "signal" else 1)
        assert program.left() == []
        states = program.last_states()
        assert {it.status for it in states.values()} == {TaskStatus.CANCELED}
        assert {it.error for it in states.values()} == {None}
        assert program.errors() == ""


@pytest.mark.parametrize("limit", [_ENOUGH, 20, 64])
def test_tasks_have_their_true_ends_with_few_file_descriptors(
    state: Path, limit: int
) -> None:
    with Program(state, "--parallel", "20", before=_files(limit)) as program:
        program.send(*[f"!echo {n}; exit {n % 3}" for n in range(60)])
        program.close_input()
        assert program.wait() == 1
        ended = program.last_states()
        assert len(ended) == 60
        for task in ended.values():
            assert (task.exit_code, task.last_line) == (
                (task.id - 1) % 3,
                str(task.id - 1),
            )
        assert program.errors() == ""


def test_more_slots_than_file_descriptors_are_named_at_the_start(state: Path) -> None:
    with Program(state, "--parallel", "60", before=_files(64)) as program:
        line = program.wait_for(lambda it: "ulimit -n" in it.text)
        assert line.text.startswith("60 tasks at a time need more open files than the")
        program.send("/quit")
        assert program.wait() == 0
    with Program(state, "--parallel", "30", before=_files(64)) as program:
        program.send("/quit")
        assert program.wait() == 0
        assert not any("ulimit" in line.text for line in program.lines)


@pytest.mark.parametrize("limit", [8, 12, _ENOUGH - 1])
def test_too_few_file_descriptors_to_start_are_named(state: Path, limit: int) -> None:
    with Program(state, before=_files(limit)) as program:
        assert program.wait() == 2
        assert program.errors().startswith("backburner: ")
        assert program.errors().count("\n") == 1
        assert "ulimit -n" in program.errors()


@pytest.mark.parametrize("kibibytes", [60_000, 75_000, 120_000, 200_000, 260_000])
def test_little_memory_is_enough_or_gives_one_clear_line(
    state: Path, kibibytes: int
) -> None:
    with Program(state, before=_limited("-v", kibibytes)) as program:
        program.send("!echo hello", "!sleep 600 & true")
        program.close_input()
        status = program.wait()
        assert "Traceback" not in program.errors()
        assert program.left() == []
        if status == 0:
            assert program.errors() == ""
            ended = program.last_states()
            assert [ended[i].status for i in (1, 2)] == [TaskStatus.COMPLETE] * 2
        else:
            assert program.errors().startswith("backburner: ")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that another user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="backburner-test-") as name:
        yield Path(name)


@pytest.mark.skipif(os.getuid() != 0, reason="another user's limit: needs root")
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv")
def test_a_task_waits_when_no_process_can_be_created(open_folder: Path) -> None:
    # No other process has this user, so all its processes belong to this test.
    user = 1_000_000 + os.getpid()
    os.chown(open_folder, user, user)
    # The user may read every file, as Python can be anywhere; root has no such limit.
    caps = "+dac_override,+dac_read_search"
    as_user = ["setpriv", f"--reuid={user}", "--clear-groups"]
    as_user += [f"--inh-caps={caps}", f"--ambient-caps={caps}"]
    before = [*as_user, *_limited("-u", 11)]
    home = {"HOME": str(open_folder)}
    with Program(
        open_folder / "state", "--parallel", "12", before=before, environment=home
    ) as program:
        program.send(*["!exec sleep 600"] * 12)
        waiting = program.wait_for(
            lambda line: (
                line.task is not None
                and line.task.reason.startswith("waiting for room")
            )
        ).task
        assert waiting is not None
        assert waiting.status is TaskStatus.RUNNING
        program.send(f"/cancel {waiting.id}")
        canceled = program.wait_for_end(waiting.id)
        assert (canceled.status, canceled.error) == (TaskStatus.CANCELED, None)
        for line in list(program.lines):
            assert line.task is None or line.task.status is not TaskStatus.FAILED
        others = {it.id for it in program.last_states().values()} - {waiting.id}
        waits = {
            it.id for it in program.last_states().values() if "waiting" in it.reason
        }
        program.forget_lines()
        program.send(*[f"/cancel {it}" for it in others - waits])
        started = program.wait_for(
            lambda line: (
                line.task is not None
                and line.task.id in waits
                and line.task.reason == "running"
            )
        )
        assert started.event == TaskEvent.PROGRESS
        program.send("/quit")
        program.wait()
        assert program.left() == []


_HOST: Final = f"""
import contextlib, os, resource, sys, time
from pathlib import Path
from backburner.actors import TaskSystem
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
remembered = Path(sys.argv[1]) if sys.argv[2] == "remembered" else None
with TaskSystem(directory=remembered, slots=20, grace=60) as system:
    first = [system.add("Family", "bash", {_FAMILY!r}).id for _ in range(10)]
    while not all(task.last_line == "up" for task in system.list()):
        time.sleep(0.01)
    taken = []
    with contextlib.suppress(OSError):
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    later = [system.add("Later", "bash", "echo later").id for _ in range(10)]
    for task_id in first[:5]:
        system.cancel(task_id)
    for task in system.wait(*first[:5], *later, timeout={PATIENCE}):
        print(task.status, task.error, task.output_size)
    system.stop()
print(system.problems)
"""


@pytest.mark.parametrize("memory", ["remembered", "ephemeral"])
def test_a_host_that_takes_all_descriptors_leaves_no_process(
    tmp_path: Path, memory: str
) -> None:
    tag = f"limits-{os.getpid()}-{memory}"
    host = subprocess.run(
        [sys.executable, "-c", _HOST, str(tmp_path / "session"), memory],
        env={**os.environ, TAG: tag},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert host.stderr == ""
    lines = host.stdout.splitlines()
    assert lines[:5] == ["canceled None 3"] * 5
    assert lines[5:15] == ["complete None 6"] * 10
    assert lines[15:] == ["()"]
    until(lambda: not tagged(tag))
