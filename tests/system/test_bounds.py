"""Limits of one task with real processes, by control groups or other means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import Task, TaskRequest, TaskStatus, TaskSystem, Terms
from backburner.actors.processes import bounds, cgroup
from conditions import until
from patience import PATIENCE
from process_ends import runs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 1 << 20

# Uses so many MiB in each of so many processes, then reports it and waits.
USES = """
import os, sys, time
size, count = map(int, sys.argv[1:])
for _ in range(count - 1):
    if os.fork() == 0:
        break
held = bytearray(size << 20)
print("set", flush=True)
time.sleep(600)
"""


def _uses(size: int, count: int = 1) -> str:
    return f"exec {sys.executable} -c '{USES}' {size} {count}"


@pytest.fixture
def without_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide control groups, as in an ordinary login over SSH."""
    monkeypatch.setattr(cgroup, "base", lambda: None)
    monkeypatch.setattr(bounds, "_base_if_known", lambda: None)


@pytest.fixture
def system(lair: Path) -> Iterator[TaskSystem]:
    with TaskSystem(directory=lair / "state", grace=0.3) as system:
        yield system


def _need_group_with(controller: str) -> None:
    base = cgroup.base()
    if base is None or controller not in base.controllers:
        pytest.skip(f"no control group with {controller} can be made here")


def _run(system: TaskSystem, command: str, lair: Path, terms: Terms) -> Task:
    request = TaskRequest("A job", "bash", (command,), directory=str(lair), terms=terms)
    task = system.add_request(request)
    return system.wait(task.id, timeout=PATIENCE)[0]


@pytest.mark.usefixtures("without_groups")
def test_a_process_that_allocates_too_much_fails(
    system: TaskSystem, lair: Path
) -> None:
    task = _run(system, _uses(400), lair, Terms(memory=100 * MIB))
    assert task.status is TaskStatus.FAILED
    assert task.exit_code == 1  # Python's MemoryError
    assert task.figures is not None
    assert "100 MiB of memory (rlimit" in task.figures.limits


@pytest.mark.usefixtures("without_groups")
def test_processes_that_together_use_too_much_are_killed_with_the_reason(
    system: TaskSystem, lair: Path
) -> None:
    task = _run(system, _uses(60, 4), lair, Terms(memory=100 * MIB))
    assert task.status is TaskStatus.FAILED
    assert task.reason.startswith("killed: used ")
    assert task.reason.endswith("of 100 MiB")
    assert task.error == task.reason


@pytest.mark.usefixtures("without_groups")
def test_shared_memory_counts_once(system: TaskSystem, lair: Path) -> None:
    script = USES.replace("held =", "pass #").replace(
        "for _", "held = bytearray(size << 20)\nfor _"
    )
    command = f"{sys.executable} -c '{script}' 60 4 & wait"
    terms = Terms(memory=150 * MIB)
    request = TaskRequest("A job", "bash", (command,), directory=str(lair), terms=terms)
    task = system.add_request(request)
    # The job is looked at several times; the first look comes within half a second.
    until(lambda: (system.get(task.id).duration or 0) > 1.5)
    assert system.get(task.id).status is TaskStatus.RUNNING
    system.cancel(task.id, now=True)


@pytest.mark.usefixtures("without_groups")
def test_too_many_processes_are_killed_with_the_reason(
    system: TaskSystem, lair: Path
) -> None:
    task = _run(
        system, "for i in {1..20}; do sleep 600 & done; wait", lair, Terms(pids=10)
    )
    assert task.status is TaskStatus.FAILED
    assert re.fullmatch(r"killed: had \d+ of 10 processes", task.reason)


@pytest.mark.usefixtures("without_groups")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor alone")
def test_affinity_limits_the_processors(system: TaskSystem, lair: Path) -> None:
    before = os.sched_getaffinity(0)
    task = _run(system, "nproc", lair, Terms(cpus=0.5))
    assert task.last_line == "1"
    assert task.figures is not None
    assert "0.5 CPUs (by 1 of " in task.figures.limits
    assert os.sched_getaffinity(0) == before


@pytest.mark.usefixtures("without_groups")
def test_a_limit_that_cannot_be_enforced_is_reported(
    system: TaskSystem, lair: Path
) -> None:
    task = _run(system, "true", lair, Terms(cpus=9000.0))
    assert task.status is TaskStatus.COMPLETE
    assert task.figures is not None
    assert task.figures.limits == (
        "9000 CPUs (not enforced: there are no more processors)"
    )


def test_a_program_that_is_missing_fails_as_without_limits(
    system: TaskSystem, lair: Path
) -> None:
    task = _run(system, "no-such-program", lair, Terms(memory=100 * MIB))
    assert (task.status, task.exit_code) == (TaskStatus.FAILED, 127)
    assert not [*cgroup.of_session(cgroup.base(), _key(system))]


def _key(system: TaskSystem) -> str:
    task = system.add("Mark", "bash", "echo $BACKBURNER_TASK")
    (task,) = system.wait(task.id, timeout=PATIENCE)
    mark = task.last_line or ""
    return mark.rpartition(":")[0].rpartition("-")[2]


def test_hidden_processes_are_ended_by_the_control_group(
    system: TaskSystem, lair: Path
) -> None:
    if cgroup.base() is None:
        pytest.skip("no control group can be made here")
    pid_file = lair / "hidden"
    # In a session of its own, without a mark and without a parent.
    hides = f"env -i setsid bash -c 'echo $$ >{pid_file}; exec sleep 600' &"
    command = f"({hides}); sleep 600"
    request = TaskRequest(
        "Hides", "bash", (command,), directory=str(lair), terms=Terms(pids=100)
    )
    task = system.add_request(request)
    until(lambda: pid_file.exists() and bool(pid_file.read_text().strip()))
    hidden = psutil.Process(int(pid_file.read_text()))
    system.cancel(task.id, now=True)
    (task,) = system.wait(task.id, timeout=PATIENCE)
    assert task.status is TaskStatus.CANCELED
    assert not runs(hidden)


_DIES = """
import os, signal, sys, time
from backburner.actors import BashKind, TaskRequest, TaskSystem, Terms
system = TaskSystem(directory=sys.argv[1], kinds=(BashKind(),), adopt=True)
system.start()
request = TaskRequest("A job", "bash", (sys.argv[2],), terms=Terms(pids=10))
system.add_request(request)
while system.get(1).last_line != "set":
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_limits_outlive_the_program_that_set_them(lair: Path) -> None:
    go_on, folder = lair / "go_on", lair / "main"
    command = f"echo set; until [ -e {go_on} ]; do sleep 0.05; done;"
    command += "for i in {1..20}; do sleep 600 & done; wait"
    argv = [sys.executable, "-c", _DIES, folder, command]
    done = subprocess.run(argv, check=False, cwd=lair, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL
    with TaskSystem(directory=folder, adopt=True, grace=0.3) as system:
        assert system.get(1).status is TaskStatus.RUNNING
        go_on.touch()
        (task,) = system.wait(1, timeout=PATIENCE)
        left = [*cgroup.of_session(cgroup.base(), _key(system))]
    assert task.status is TaskStatus.FAILED
    assert "of 10 processes" in task.reason or "more than 10 pro" in task.reason
    assert not left


def test_the_kernel_limits_the_memory_of_a_control_group(
    system: TaskSystem, lair: Path
) -> None:
    _need_group_with("memory")
    task = _run(system, _uses(60, 4), lair, Terms(memory=100 * MIB))
    assert task.reason == "killed: used 100 MiB of 100 MiB"
    assert task.figures is not None
    assert task.figures.limits == "100 MiB of memory (cgroup)"


def test_the_kernel_limits_the_processes_of_a_control_group(
    system: TaskSystem, lair: Path
) -> None:
    _need_group_with("pids")
    task = _run(
        system, "for i in {1..20}; do sleep 1 & done; wait", lair, Terms(pids=10)
    )
    assert task.reason.endswith("it could not have more than 10 processes")


def test_a_control_group_is_removed_with_its_task(
    system: TaskSystem, lair: Path
) -> None:
    base = cgroup.base()
    if base is None:
        pytest.skip("no control group can be made here")
    _run(system, "true", lair, Terms(pids=100))
    assert not [*cgroup.of_session(base, _key(system))]


def test_the_end_of_a_task_reports_its_resource_usage(system: TaskSystem) -> None:
    burns = "import time; held = bytearray(150 << 20)\n"
    burns += "while time.process_time() < 0.3: pass"
    command = f"{sys.executable} -c '{burns}'"
    task = system.add("Burns", "bash", command)
    (task,) = system.wait(task.id, timeout=PATIENCE)
    figures = task.figures
    assert figures is not None
    assert 0.3 <= figures.cpu < PATIENCE
    assert (figures.peak_memory or 0) >= 150 * MIB
    assert not figures.limits
