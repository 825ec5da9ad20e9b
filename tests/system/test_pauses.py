"""Paused tasks with real processes: all of them stop, and continue later."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import psutil
import pytest
from backburner.actors import (
    GroupPaused,
    RefusalCode,
    RefusedError,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.kinds.process_job import ProcessJob
from backburner.actors.processes import halting
from backburner.actors.testing import FakeKind, Recorder
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from backburner.actors.processes.handle import Process

RUNNING, COMPLETE, CANCELED, FAILED = (
    TaskStatus.RUNNING,
    TaskStatus.COMPLETE,
    TaskStatus.CANCELED,
    TaskStatus.FAILED,
)

_TREE: Final = """
counts() { echo $BASHPID >> pids; while :; do echo >> ticks; sleep 0.01; done; }
counts &
(counts) &
setsid bash -c "$(declare -f counts); counts" &
bash -c 'set -m; '"$(declare -f counts)"'; counts & wait' &
(setsid bash -c "$(declare -f counts); counts" &)
echo $$ >> pids
until [ $(wc -l < pids) = 6 ]; do sleep 0.01; done
echo set
wait
"""
"""Processes in the group, outside the group, outside the session, and orphaned."""

_COUNT: Final = 6


@pytest.fixture
def system(lair: Path) -> Iterator[TaskSystem]:
    with TaskSystem(directory=lair / "session", slots=2, grace=0.3) as system:
        yield system


def _states(folder: Path) -> dict[int, str]:
    """Return the states of the processes that have written their ids."""
    states: dict[int, str] = {}
    for pid in (folder / "pids").read_text().split():
        try:
            states[int(pid)] = psutil.Process(int(pid)).status()
        except psutil.NoSuchProcess:
            states[int(pid)] = "gone"
    return states


def _all_started(folder: Path) -> bool:
    pids = folder / "pids"
    return pids.exists() and len(pids.read_text().split()) == _COUNT


def _all_stopped(folder: Path) -> bool:
    return {*_states(folder).values()} == {psutil.STATUS_STOPPED}


def _none_stopped(folder: Path) -> bool:
    states = {*_states(folder).values()}
    return not states & {psutil.STATUS_STOPPED, "gone"}


def test_a_pause_stops_a_task_and_its_children(system: TaskSystem, lair: Path) -> None:
    task = system.add("Tree", "bash", _TREE, directory=lair)
    until(lambda: _all_started(lair))
    paused = system.pause_task(task.id)
    assert (paused.status, paused.reason, paused.is_paused) == (RUNNING, "paused", True)
    until(lambda: _all_stopped(lair))
    size = (lair / "ticks").stat().st_size
    assert (lair / "ticks").stat().st_size == size
    resumed = system.resume_task(task.id)
    assert (resumed.status, resumed.reason) == (RUNNING, "running")
    assert (resumed.paused_at, resumed.paused_for > 0) == (None, True)
    until(lambda: _none_stopped(lair))
    until(lambda: (lair / "ticks").stat().st_size > size)
    system.cancel(task.id)
    assert system.wait(task.id, timeout=PATIENCE)[0].status is CANCELED


def test_a_pause_stops_a_task_that_keeps_forking(
    system: TaskSystem, lair: Path
) -> None:
    """Each child has a session of its own, so no signal reaches all at once."""
    # Bounded in number per second, to leave the machine to other tests.
    again = 'sleep 0.01; setsid bash -c "$(declare -f storm); storm"'
    # The loop ends with this test, even if the test is killed.
    storm = f"storm() {{ kill -0 {os.getpid()} || exit; echo >> ticks; {again}; }}"
    task = system.add("Storm", "bash", f"{storm}; storm", directory=lair)
    ticks = lair / "ticks"
    until(lambda: ticks.exists() and ticks.stat().st_size > 2)
    system.pause_task(task.id)
    processes: dict[int, str] = {}

    def still() -> bool:
        before = dict(processes)
        processes.clear()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(lair):
                    processes[process.pid] = process.status()
        return before == processes and {*processes.values()} == {"stopped"}

    until(still)
    system.resume_task(task.id)
    size = ticks.stat().st_size
    until(lambda: ticks.stat().st_size > size)
    system.cancel(task.id, now=True)
    system.wait(task.id, timeout=PATIENCE)


def test_an_incomplete_pause_is_reported_until_it_is_complete(
    system: TaskSystem, lair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(halting, "SLOW", 0.01)
    task = system.add("Tree", "bash", _TREE, directory=lair)
    until(lambda: _all_started(lair))

    inside: Any = ProcessJob
    find = inside._find_family
    lacking = True

    def find_if_possible(job: ProcessJob) -> list[Process]:
        if lacking:
            raise OSError(errno.EMFILE, "Too many open files")
        return find(job)

    monkeypatch.setattr(ProcessJob, "_find_family", find_if_possible)
    system.pause_task(task.id)
    text = "paused; not all of its processes could be found: Too many open files"
    until(lambda: system.get(task.id).reason == text)
    assert system.get(task.id).is_paused
    lacking = False
    until(lambda: system.get(task.id).reason == "paused")
    # The signal is sent before the process is seen to have stopped.
    until(lambda: _all_stopped(lair))
    system.resume_task(task.id)
    until(lambda: _none_stopped(lair))
    assert system.get(task.id).reason == "running"
    system.cancel(task.id)
    assert system.wait(task.id, timeout=PATIENCE)[0].status is CANCELED


def test_a_paused_task_is_canceled_with_its_grace_period(lair: Path) -> None:
    command = (
        "trap 'echo cleaned up; exit 0' TERM; touch here; while :; do sleep 1; done"
    )
    # The wait is long enough for a busy machine.
    with TaskSystem(directory=lair / "session", grace=PATIENCE) as system:
        task = system.add("Trap", "bash", command, directory=lair)
        until((lair / "here").exists)
        system.pause_task(task.id)
        stopping = system.cancel(task.id)
        assert (stopping.reason, stopping.is_paused) == ("stopping, canceled", False)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert (ended.status, ended.last_line) == (CANCELED, "cleaned up")
        assert ended.paused_at is None


def test_an_immediate_cancel_kills_a_paused_tree(
    system: TaskSystem, lair: Path
) -> None:
    task = system.add("Tree", "bash", _TREE, directory=lair)
    until(lambda: _all_started(lair))
    system.pause_task(task.id)
    until(lambda: _all_stopped(lair))
    system.cancel(task.id, now=True)
    assert system.wait(task.id, timeout=PATIENCE)[0].status is CANCELED
    until(lambda: {*_states(lair).values()} <= {"gone", psutil.STATUS_ZOMBIE})


def test_a_task_can_be_paused_right_after_it_is_added(
    system: TaskSystem, lair: Path
) -> None:
    command = "until [ -e end ]; do sleep 0.01; done"
    tasks = [system.add("Job", "bash", command, directory=lair) for _ in range(2)]

    def is_stopped(task_id: int) -> bool:
        pid = system.look_up(task_id).pid
        return pid is not None and psutil.Process(pid).status() == "stopped"

    for task in tasks:
        system.pause_task(task.id)
    until(lambda: all(is_stopped(it.id) for it in tasks))
    (lair / "end").touch()
    assert [system.get(it.id).status for it in tasks] == [RUNNING, RUNNING]
    for task in tasks:
        system.resume_task(task.id)
    done = system.wait(*(it.id for it in tasks), timeout=PATIENCE)
    assert [it.status for it in done] == [COMPLETE, COMPLETE]


def test_pausing_a_queued_task_holds_it_and_resuming_releases_it(
    system: TaskSystem,
) -> None:
    blockers = [system.add("Job", "sleep", "1h") for _ in range(2)]
    waits = system.add("Job", "sleep", "0s")
    assert system.pause_task(waits.id).reason == "held"
    for blocker in blockers:
        system.cancel(blocker.id)
    system.wait(*(it.id for it in blockers), timeout=PATIENCE)
    assert system.get(waits.id).status is TaskStatus.QUEUED
    system.resume_task(waits.id)
    assert system.wait(waits.id, timeout=PATIENCE)[0].status is COMPLETE


def test_a_paused_task_keeps_its_slot(system: TaskSystem) -> None:
    first, second, third = (system.add("Job", "sleep", "1h") for _ in range(3))
    system.pause_task(first.id)
    assert [system.get(it.id).status for it in (second, third)] == [
        RUNNING,
        TaskStatus.QUEUED,
    ]


def test_the_whole_queue_can_be_paused_resumed_or_drained(system: TaskSystem) -> None:
    one = system.add("Job", "sleep", "1h")
    two = system.add("Job", "sleep", "1h", terms=Terms(group="builds"))
    waits = system.add("Job", "sleep", "0s")
    found = system.drain()
    assert (found.rules.paused, found.tasks) == (True, ())
    found = system.pause()
    assert (found.rules.paused, found.tasks) == (True, (one.id, two.id))
    assert system.pause("builds").tasks == ()
    found = system.resume()
    # The group's task is paused as long as the group is.
    assert (found.rules.paused, found.tasks) == (False, (one.id,))
    assert system.get(two.id).is_paused
    assert system.resume("builds").tasks == (two.id,)
    system.drain("builds")
    assert not system.get(two.id).is_paused
    system.cancel(one.id)
    assert system.wait(waits.id, timeout=PATIENCE)[0].status is COMPLETE


def test_pausing_an_unsuitable_task_is_refused(lair: Path) -> None:
    kind = FakeKind()
    kind.can_pause = False
    with TaskSystem(directory=lair / "session", kinds=[kind]) as system:
        runs = system.add("Job", "fake")
        with pytest.raises(RefusedError, match="its kind 'fake' can't") as refused:
            system.pause_task(runs.id)
        assert refused.value.code is RefusalCode.INVALID
        found = system.pause()
        assert (found.tasks, found.unpaused) == ((), (runs.id,))
        system.resume()
        kind.job(runs.id).complete()
        system.wait(runs.id, timeout=PATIENCE)
        with pytest.raises(RefusedError, match="already finished") as refused:
            system.pause_task(runs.id)
        assert refused.value.code is RefusalCode.FINISHED
        with pytest.raises(RefusedError, match="no task 9"):
            system.resume_task(9)


def test_a_stopping_task_is_not_paused(system: TaskSystem) -> None:
    task = system.add(
        "Job", "bash", "trap '' TERM; echo set; while :; do sleep 1; done"
    )
    system.cancel(task.id)
    with pytest.raises(RefusedError, match="is being stopped"):
        system.pause_task(task.id)
    system.wait(task.id, timeout=PATIENCE)


_PROGRAM: Final = """
import os, signal, sys, time
from backburner.actors import TaskSystem, Terms
folder, timeout, command = sys.argv[1:]
system = TaskSystem(directory=folder, adopt=True, grace=0.3)
system.start()
system.set_slots(5)
terms = Terms(timeout=float(timeout))
task = system.add("Tree", "bash", command, directory=os.getcwd(), terms=terms)
while system.get(task.id).last_line != "set":
    time.sleep(0.01)
system.pause_task(task.id)
if os.path.exists("resume"):
    system.resume_task(task.id)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _leave(lair: Path, timeout: float, command: str) -> None:
    """Run a program that pauses a task and is killed right after."""
    argv = [sys.executable, "-c", _PROGRAM, lair / "session", str(timeout), command]
    subprocess.run(argv, check=False, cwd=lair, timeout=PATIENCE)


def test_a_paused_task_is_still_paused_after_the_program_was_killed(lair: Path) -> None:
    _leave(lair, 600, _TREE)
    with TaskSystem(directory=lair / "session", adopt=True, grace=0.3) as system:
        task = system.get(1)
        assert (task.status, task.reason) == (RUNNING, "paused")
        assert system.set_slots() == 5
        until(lambda: _all_stopped(lair))
        duration = task.duration
        assert system.get(1).duration == duration
        assert system.resume_task(1).reason == "running"
        until(lambda: _none_stopped(lair))
        system.cancel(1)
        assert system.wait(1, timeout=PATIENCE)[0].status is CANCELED


def test_a_resumed_task_keeps_running_after_the_program_was_killed(lair: Path) -> None:
    (lair / "resume").touch()
    _leave(lair, 600, "echo set; until [ -e end ]; do sleep 0.01; done; exit 3")
    with TaskSystem(directory=lair / "session", adopt=True, grace=0.3) as system:
        task = system.get(1)
        assert (task.status, task.reason, task.paused_at) == (RUNNING, "running", None)
        (lair / "end").touch()
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.status is FAILED


def test_duration_and_timeout_exclude_pauses(system: TaskSystem) -> None:
    task = system.add("Job", "bash", "sleep 1000", terms=Terms(timeout=1.5))
    system.pause_task(task.id)
    time.sleep(1.7)  # longer than the timeout
    assert system.get(task.id).status is RUNNING
    system.resume_task(task.id)
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    assert (ended.status, ended.reason) == (FAILED, "timed out after 1.5s")
    assert ended.duration is not None
    assert ended.ended_at is not None
    assert ended.started_at is not None
    whole = (ended.ended_at - ended.started_at).total_seconds()
    assert 1.6 < ended.paused_for < whole
    assert ended.duration == pytest.approx(whole - ended.paused_for, abs=0.05)


# Groups that pause themselves


def test_a_failed_task_pauses_its_group_on_request(lair: Path) -> None:
    kind, news = FakeKind(), Recorder[object]("a subscriber")
    builds = Terms(group="builds")
    folder = lair / "session"
    with TaskSystem(directory=folder, kinds=[kind], slots=2, grace=0.2) as system:
        system.subscribe(news)
        rules = system.set_group("builds", 1, pause_on_failure=True)
        assert [it.pause_on_failure for it in rules.groups] == [True]
        first, second = (system.add("Build", "fake", terms=builds) for _ in range(2))
        other = system.add("Job", "fake")
        kind.job(other.id).fail()
        kind.job(first.id).fail("exit status 2", 2)
        announced = news.wait_for(
            lambda it: isinstance(it, GroupPaused), timeout=PATIENCE
        )
        assert isinstance(announced, GroupPaused)
        assert (announced.group, announced.task.id) == ("builds", first.id)
        why = f"group builds is paused: #{first.id} failed"
        assert system.get(second.id).reason == why
    with TaskSystem(directory=folder, kinds=[kind], slots=2, grace=0.2) as system:
        assert system.get(second.id).reason == why
        (group,) = system.rules().groups
        assert (group.slots, group.paused, group.pause_on_failure) == (1, True, True)
        (group,) = system.resume("builds").rules.groups
        assert (group.paused, group.why) == (False, "")
        kind.job(second.id).complete()
        assert system.wait(second.id, timeout=PATIENCE)[0].status is COMPLETE


@pytest.mark.parametrize("choice", [None, False])
def test_a_group_can_override_pause_on_failure(
    lair: Path, *, choice: bool | None
) -> None:
    kind = FakeKind()
    with TaskSystem(
        directory=lair / "session", kinds=[kind], pause_on_failure=True
    ) as system:
        if choice is not None:
            system.set_group("default", pause_on_failure=choice)
        task = system.add("Job", "fake")
        kind.job(task.id).fail()
        system.wait(task.id, timeout=PATIENCE)
        assert any(it.paused for it in system.rules().groups) is (choice is None)


def test_the_number_of_slots_is_remembered_until_it_is_reset(lair: Path) -> None:
    folder = lair / "session"
    with TaskSystem(directory=folder, slots=3) as system:
        assert system.set_slots(1) == 1
    with TaskSystem(directory=folder, slots=2) as system:
        assert system.set_slots() == 1
        first, second = (system.add("Job", "sleep", "1h") for _ in range(2))
        assert system.get(first.id).status is RUNNING
        assert system.get(second.id).reason == "waiting for a slot (1 of 1 busy)"
        assert system.set_slots(0) == 2
        assert system.get(second.id).status is RUNNING
        system.cancel_all()
    with TaskSystem(directory=folder, slots=2) as system:
        assert system.set_slots() == 2
