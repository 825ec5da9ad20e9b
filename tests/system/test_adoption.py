"""A killed program's session, opened by a program that takes over its jobs."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Final

import psutil
import pytest
from backburner.actors import (
    GetTask,
    Notification,
    QueueReply,
    Subscribed,
    Task,
    TaskChanged,
    TaskFound,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.processes import notes, proc
from backburner.actors.testing import Recorder
from conditions import until
from kernel import TELLS_EXITS
from msgspec.structs import replace
from patience import PATIENCE

_PROGRAM: Final = """
import os, signal, sys, time
from backburner.actors import BashKind, SleepKind, TaskRequest, TaskStatus
from backburner.actors import TaskSystem, Terms
from backburner.actors.processes.child import ChildProcess
folder, how, *commands = sys.argv[1:]
how, _, until = how.partition(":")
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
class Bash(BashKind):
    def start(self, context):
        if how == "before start":
            die()
        return super().start(context)
if how == "while starting":
    # As if it were killed in the call: the process is there, its id is not known.
    from backburner.actors.processes.notes import ProcessNotes
    def started(notes, task_id, process):
        if until:
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        die()
    ProcessNotes.note = started
if how == "after collecting":
    collect = ChildProcess.reap
    ChildProcess.reap = lambda child: (collect(child), die())
class Old(BashKind):
    name = "old"
kinds = (Bash(), SleepKind(), Old())
# What is waited for must not be killed before on a busy machine.
grace = 600 if until else 0.3
system = TaskSystem(directory=folder, kinds=kinds, adopt=True, grace=grace)
system.start()
for command in commands:
    kind, _, text = command.partition(":")
    terms = Terms(timeout=600) if kind == "limited" else None
    kind = "bash" if kind == "limited" else kind
    environment = {**os.environ, "ONLY_HERE": "äß"}
    request = TaskRequest("A job", kind, (text,), terms=terms, environment=environment)
    system.add_request(request)
if how == "canceled":
    while system.get(1).last_line != "set":
        time.sleep(0.01)
    system.cancel(1)
    while until and not os.path.exists(until):
        time.sleep(0.01)
if how == "seen":
    while any(it.last_line != "set" for it in system.list() if it.kind == "bash"):
        time.sleep(0.01)
if how not in {"after collecting", "while starting"}:
    while any(it.status is TaskStatus.QUEUED for it in system.list()):
        time.sleep(0.01)
    die()
time.sleep(600)
"""


def _leave(folder: Path, ending: str, *commands: str) -> None:
    """Run a program that adds tasks and is killed."""
    argv = [sys.executable, "-c", _PROGRAM, folder, ending, *commands]
    done = subprocess.run(argv, check=False, cwd=folder.parent, timeout=PATIENCE)
    assert done.returncode == -signal.SIGKILL


def _open(folder: Path) -> TaskSystem:
    return TaskSystem(directory=folder, adopt=True, grace=0.3)


def _has_job(system: TaskSystem, task_id: int) -> bool:
    """Return whether a job has been taken over."""
    heard: Recorder[QueueReply] = Recorder()
    system.queue.tell(GetTask(task_id, heard))
    return heard.wait_for(TaskFound, timeout=PATIENCE).pid is not None


def _until_there(path: Path) -> str:
    return f"while ! [ -e {path} ]; do sleep 0.01; done"


def _waits(go_on: Path, then: str) -> str:
    return f"echo set; {_until_there(go_on)}; {then}"


@pytest.mark.parametrize("ending", ["seen", "at once"])
def test_adopted_jobs_keep_running_and_end_normally(lair: Path, ending: str) -> None:
    folder, go_on = lair / "main", lair / "go-on"
    _leave(
        folder,
        ending,
        f"bash:{_waits(go_on, 'echo 50%; exit 7')}",
        f"bash:{_waits(go_on, 'kill -USR1 $$')}",
        "sleep:600",
    )
    heard: Recorder[Notification] = Recorder()
    with _open(folder) as system:
        system.subscribe(heard)
        before = system.list()
        assert [it.status for it in before] == [TaskStatus.RUNNING] * 3
        assert all((it.duration or 0.0) > 0 for it in before)
        until(lambda: all(it.last_line == "set" for it in system.list()[:2]))
        go_on.touch()
        first, second = system.wait(1, 2, timeout=PATIENCE)
        third = system.cancel(3)

    assert (first.status, first.exit_code) == (TaskStatus.FAILED, 7)
    assert (first.last_line, first.progress) == ("50%", 50)
    assert first.output_path == f"{folder}/output/1.log"
    assert second.reason == "killed by signal 10 (SIGUSR1)"
    assert third.id == 3
    ends = [it.task.id for it in heard.of(TaskChanged) if it.task.status.is_final]
    assert sorted(ends) == [1, 2, 3]
    assert len(heard.of(Subscribed)) == 1


@pytest.mark.skipif(not TELLS_EXITS, reason="it takes Linux 6.15")
def test_a_job_that_ends_while_others_are_ended_keeps_its_exit_status(
    lair: Path,
) -> None:
    folder, go_on, end, ready, pid = (
        lair / it for it in ("main", "go-on", "end", "ready", "pid")
    )
    # The job's kind is unknown here, so the job is ended; that takes time.
    stays = f"trap '' TERM; touch {ready}; {_waits(end, 'exit 1')}"
    ends = f"echo $$ > {pid}; {_until_there(ready)}; {_waits(go_on, 'exit 7')}"
    _leave(folder, "seen", f"old:{stays}", f"bash:{ends}")
    system = TaskSystem(directory=folder, adopt=True, grace=PATIENCE)
    start = threading.Thread(target=system.start)
    start.start()
    until(lambda: bool(system.leftovers))
    go_on.touch()
    until(lambda: proc.stat(int(pid.read_text())) is None)
    end.touch()
    start.join()
    (ended,) = system.wait(2, timeout=PATIENCE)
    system.stop()
    assert ended.exit_code == 7, ended.reason


def test_an_adopted_job_holds_its_slot_and_is_canceled_with_its_children(
    lair: Path,
) -> None:
    folder = lair / "main"
    tree = "setsid sleep 600 & (setsid sleep 600 &); echo set; exec sleep 600"
    _leave(folder, "seen", f"bash:{tree}")
    with TaskSystem(directory=folder, adopt=True, slots=1, grace=30.0) as system:
        waiting = system.add("Next", "bash", "true")
        assert waiting.status is TaskStatus.QUEUED
        assert system.get(waiting.id).reason == "waiting for a slot (1 of 1 busy)"
        system.cancel(1)
        first, last = system.wait(1, waiting.id, timeout=PATIENCE)
        assert first.status is TaskStatus.CANCELED
        assert last.status is TaskStatus.COMPLETE
        until(lambda: not _sleeping(lair))


def _sleeping(folder: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for process in psutil.process_iter():
        try:
            if process.name() == "sleep" and Path(process.cwd()) == folder:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [it for it in found if it.status() != psutil.STATUS_ZOMBIE]


def test_a_cancel_in_progress_continues(lair: Path) -> None:
    folder = lair / "main"
    deaf = "trap '' TERM; echo set; while :; do sleep 0.01; done"
    _leave(folder, "canceled", f"bash:{deaf}")
    with _open(folder) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert (ended.status, ended.reason) == (TaskStatus.CANCELED, "canceled")


def test_a_job_that_ended_during_its_cancel_is_canceled(lair: Path) -> None:
    folder, gone = lair / "main", lair / "gone"
    slow = f"trap 'sleep 0.2; touch {gone}; exit 9' TERM; echo set"
    job = f"bash:{slow}; while :; do sleep 0.01; done"
    _leave(folder, f"canceled:{gone}", job)
    with _open(folder) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert (ended.status, ended.reason) == (TaskStatus.CANCELED, "canceled")


def _set_the_clock(monkeypatch: pytest.MonkeyPatch, years: int) -> None:
    """Make the stored dates of tasks those of a clock that was wrong by years."""
    load = SqliteJournal.load

    def wrong(task: Task) -> Task:
        assert task.started_at is not None
        began = task.started_at.replace(year=task.started_at.year + years)
        return replace(task, queued_at=began, started_at=began)

    def loaded(journal: SqliteJournal, *args: object, **named: object) -> object:
        memory = load(journal, *args, **named)  # type: ignore[arg-type]
        return replace(memory, tasks=tuple(map(wrong, memory.tasks)))

    monkeypatch.setattr(SqliteJournal, "load", loaded)


@pytest.mark.parametrize("years", [-1, 0, 1])
def test_a_timeout_counts_from_the_start_of_the_job(
    lair: Path, monkeypatch: pytest.MonkeyPatch, years: int
) -> None:
    _leave(lair / "main", "seen", "limited:echo set; exec sleep 600")
    _set_the_clock(monkeypatch, years)
    now = notes.ticks_now
    monkeypatch.setattr(notes, "ticks_now", lambda: now() + 600 * proc.TICKS)
    with _open(lair / "main") as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert (ended.status, ended.reason) == (TaskStatus.FAILED, "timed out after 10m")


def test_a_clock_that_was_set_forward_ends_no_job(
    lair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = lair / "go-on"
    _leave(lair / "main", "seen", f"limited:{_waits(go_on, 'exit 5')}")
    _set_the_clock(monkeypatch, -1)
    with _open(lair / "main") as system:
        go_on.touch()
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.reason == "exit status 5"
    assert ended.duration is not None
    assert 0 < ended.duration < 2 * PATIENCE


def test_a_task_that_never_started_is_started_once_with_its_environment(
    lair: Path,
) -> None:
    folder = lair / "main"
    _leave(folder, "before start", 'bash:printf %s "$ONLY_HERE"')
    with _open(folder) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.status is TaskStatus.COMPLETE
    assert (folder / "output/1.log").read_text() == "äß"


def test_a_daemon_is_not_mistaken_for_its_job_with_an_unrecorded_start(
    lair: Path,
) -> None:
    folder, go_on = lair / "main", lair / "go-on"
    daemon = f"setsid bash -c 'while ! [ -e {go_on} ]; do sleep 0.01; done'"
    _leave(folder, "while starting:ended", f"bash:{daemon} & exit 5")
    for _ in range(2):  # the next program must not trust the record either
        _leave(folder, "at once")
    with _open(folder) as system:
        assert system.get(1).status is TaskStatus.RUNNING
        go_on.touch()
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.status is TaskStatus.FAILED
    assert ended.reason.startswith("its exit status is unknown: the session's host")


def test_a_job_with_an_unrecorded_start_is_identified_by_its_command(
    lair: Path,
) -> None:
    folder, go_on = lair / "main", lair / "go-on"
    _leave(
        folder, "while starting", f"bash:setsid sleep 0.1 & {_waits(go_on, 'exit 5')}"
    )
    with _open(folder) as system:
        # Its command line can be read while it runs.
        until(lambda: _has_job(system, 1))
        go_on.touch()
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.exit_code == 5


def test_an_exit_that_was_seen_but_not_announced_is_not_lost(lair: Path) -> None:
    folder = lair / "main"
    _leave(folder, "after collecting", "bash:exit 41")
    with _open(folder) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.exit_code == 41


def test_processes_of_a_finished_task_keep_running_and_are_named(lair: Path) -> None:
    folder, go_on = lair / "main", lair / "go-on"
    server = f"echo set; (while ! [ -e {go_on} ]; do sleep 0.01; done) & exit 0"
    _leave(folder, "seen", f"bash:{server}", "bash:echo set; exec sleep 600")
    with _open(folder) as system:
        system.wait(1, timeout=PATIENCE)
        until(lambda: "still running" in system.get(1).reason)
        go_on.touch()
        until(lambda: system.get(1).reason == "exit status 0")


def test_without_adopt_jobs_are_ended_and_fail(lair: Path) -> None:
    folder = lair / "main"
    _leave(folder, "seen", "bash:echo set; exec sleep 600")
    with TaskSystem(directory=folder, grace=0.3) as system:
        (task,) = system.list()
        assert task.reason == "the session ended while it ran"
        assert not _sleeping(lair)


def test_a_copy_of_the_session_adopts_nothing(lair: Path) -> None:
    folder = lair / "main"
    _leave(folder, "seen", "bash:echo set; exec sleep 600")
    shutil.copytree(folder, lair / "copy")
    with _open(lair / "copy") as copy:
        (task,) = copy.list()
        assert task.status is TaskStatus.FAILED
        assert task.reason == (
            "its exit status is unknown: the session's folder was copied or moved while"
            " it ran"
        )
    with _open(folder) as system:
        (task,) = system.list()
        assert task.status is TaskStatus.RUNNING
        assert len(_sleeping(lair)) == 1


def test_a_fork_of_a_killed_program_does_not_lock_the_session(lair: Path) -> None:
    folder = lair / "main"
    program = (
        "import os, signal, sys, time\n"
        "from backburner.actors import TaskSystem\n"
        "TaskSystem(directory=sys.argv[1]).start()\n"
        # Like a job that is loading its program.
        "if os.fork():\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "time.sleep(0.2)\n"
        "os._exit(0)\n"  # an exec releases the lock as quickly
    )
    argv = [sys.executable, "-c", program, folder]
    subprocess.run(argv, check=False, timeout=PATIENCE)
    with _open(folder) as system:
        assert system.list() == ()


def test_the_process_table_is_read_twice_when_all_jobs_are_adopted(
    lair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = lair / "main"
    _leave(folder, "seen", "bash:echo set; exec sleep 600", "sleep:600")
    looks: list[int] = []
    stat = proc.stat

    def counted(pid: int) -> proc.Stat | None:
        looks.append(pid)
        return stat(pid)

    monkeypatch.setattr(proc, "stat", counted)
    with _open(folder) as system:
        count = looks.count(1)  # which always runs and belongs to no task
        assert [it.status for it in system.list()] == [TaskStatus.RUNNING] * 2
    assert count == 2


def test_a_job_outlives_several_programs(lair: Path) -> None:
    folder, go_on = lair / "main", lair / "go-on"
    _leave(folder, "seen", f"bash:{_waits(go_on, 'exit 5')}")
    for _ in range(3):
        _leave(folder, "at once")
    with _open(folder) as system:
        go_on.touch()
        (ended,) = system.wait(1, timeout=PATIENCE)
    assert ended.exit_code == 5
