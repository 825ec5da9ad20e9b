"""The contract of engines: the same tests on each."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import (
    Notification,
    RefusedError,
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.testing import Recorder
from conditions import until
from patience import PATIENCE
from process_ends import pid_runs

from tests.cluster.clusters import ENGINES, Kept, make_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from backburner.actors.kinds import Engine


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[Engine | None]:
    made = make_engine(request.param)
    yield made
    if made is not None:
        made.close()


class Rig:
    def __init__(self, system: TaskSystem, engine: str, folder: Path) -> None:
        self.system = system
        self.engine = engine
        self.folder = folder

    def add(self, command: str, **terms: object) -> int:
        request = TaskRequest(
            command,
            "bash",
            (command,),
            directory=str(self.folder),
            environment={**os.environ, "BACKBURNER_SEND": "MINE", "MINE": "mine"},
            terms=Terms(engine=self.engine, **terms),  # type: ignore[arg-type]
        )
        return self.system.add_request(request).id

    def run(self, command: str, **terms: object) -> Task:
        (task,) = self.system.wait(self.add(command, **terms), timeout=PATIENCE)
        return task

    def printed(self, task: Task) -> str:
        assert task.output_path is not None
        return Path(task.output_path).read_text()

    def until_printed(self, task_id: int, text: str) -> None:
        path = self.system.get(task_id).output_path
        assert path is not None
        until(lambda: Path(path).exists() and text in Path(path).read_text())
        # The output may be written before the start is reported.
        until(lambda: not self.engine or self.system.get(task_id).node != "")


@pytest.fixture
def rig(engine: Engine | None, tmp_path: Path) -> Iterator[Rig]:
    engines = [] if engine is None else [Kept(engine)]
    name = "" if engine is None else engine.name
    with TaskSystem(engines=engines, grace=0.5, output_limit=1 << 20) as system:
        yield Rig(system, name, tmp_path)


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_status_is_reported(rig: Rig, code: int) -> None:
    task = rig.run(f"exit {code}")
    assert (task.exit_code, task.reason) == (code, f"exit status {code}")
    assert task.status is (TaskStatus.FAILED if code else TaskStatus.COMPLETE)


def test_the_signal_that_ended_a_job_is_reported(rig: Rig) -> None:
    assert rig.run("kill -SEGV $$").reason == "killed by signal 11 (SIGSEGV)"


def test_a_missing_program_gives_exit_status_127(rig: Rig) -> None:
    assert rig.run("no-such-program-here").exit_code == 127


def test_a_missing_directory_fails_the_start(rig: Rig) -> None:
    rig.folder = rig.folder / "gone"
    task = rig.run("true")
    assert task.status is TaskStatus.FAILED
    assert f"its directory {rig.folder} does not exist" in task.reason


def test_output_and_errors_keep_their_order(rig: Rig) -> None:
    task = rig.run("for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done")
    assert rig.printed(task) == "".join(f"out {i}\nerr {i}\n" for i in range(1, 6))


def test_binary_output_is_kept(rig: Rig) -> None:
    task = rig.run(r"printf '\000\377\r\nx'")
    assert task.output_path is not None
    assert Path(task.output_path).read_bytes() == b"\0\xff\r\nx"


def test_much_output_is_complete(rig: Rig) -> None:
    task = rig.run("head -c 1000000 /dev/zero | tr '\\0' x")
    assert rig.printed(task) == "x" * 1_000_000


def test_output_and_progress_arrive_while_the_job_runs(rig: Rig) -> None:
    task_id = rig.add("echo 40%; sleep 600")
    until(lambda: rig.system.get(task_id).progress == 40)
    running = rig.system.get(task_id)
    assert (running.status, running.last_line) == (TaskStatus.RUNNING, "40%")
    rig.system.cancel(task_id, now=True)


def test_the_last_line_is_reported(rig: Rig) -> None:
    assert rig.run("echo first; printf last").last_line == "last"


def test_too_much_output_ends_the_job(rig: Rig) -> None:
    task = rig.run("yes")
    assert task.status is TaskStatus.FAILED
    assert "output went beyond the limit of 1" in task.reason


def test_output_after_a_truncation_is_kept(rig: Rig) -> None:
    task = rig.run("echo before; sleep 0.3; : > /proc/self/fd/1; echo after")
    assert rig.printed(task).endswith("after\n")


def test_a_job_gets_the_grace_period(rig: Rig) -> None:
    task_id = rig.add(
        "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.01; done"
    )
    rig.until_printed(task_id, "up")
    rig.system.cancel(task_id)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert task.status is TaskStatus.CANCELED
    assert rig.printed(task).startswith("up\n")
    assert rig.printed(task).endswith("asked\n")
    assert task.exit_code == 3


def test_a_job_that_ignores_sigterm_is_killed(rig: Rig) -> None:
    task_id = rig.add("trap '' TERM; echo up; while :; do sleep 0.01; done")
    rig.until_printed(task_id, "up")
    rig.system.cancel(task_id)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert task.status is TaskStatus.CANCELED


def test_all_processes_of_a_job_end_with_it(rig: Rig) -> None:
    pids = rig.folder / "pids"
    task_id = rig.add(
        f"(setsid sleep 600 & echo $! >> {pids}); sleep 600 & echo $! >> {pids};"
        " echo up; wait"
    )
    rig.until_printed(task_id, "up")
    rig.system.cancel(task_id)
    rig.system.wait(task_id, timeout=PATIENCE)
    started = [int(it) for it in pids.read_text().split()]
    assert len(started) == 2
    assert [it for it in started if pid_runs(it)] == []


def test_a_timeout_ends_the_job(rig: Rig) -> None:
    task = rig.run("sleep 600", timeout=0.2)
    assert (task.status, task.reason[:16]) == (TaskStatus.FAILED, "timed out after ")


def test_another_attempt_appends_to_the_same_file(rig: Rig) -> None:
    flag = rig.folder / "flag"
    task = rig.run(
        f"echo try; test -e {flag} || {{ touch {flag}; exit 1; }}",
        retries=2,
        retry_delay=0.01,
    )
    assert task.status is TaskStatus.COMPLETE
    assert rig.printed(task).count("try\n") == 2


def test_a_job_runs_in_the_given_environment(rig: Rig) -> None:
    printed = rig.printed(rig.run("echo $MINE $BACKBURNER_GROUP; pwd; cat /dev/stdin"))
    assert printed == f"mine default\n{rig.folder}\n"


def test_many_jobs_run_at_once(rig: Rig) -> None:
    ids = [rig.add(f"echo {number}") for number in range(40)]
    tasks = rig.system.wait(*ids, timeout=PATIENCE)
    assert [rig.printed(task) for task in tasks] == [f"{n}\n" for n in range(40)]


def test_a_job_can_have_a_terminal(rig: Rig) -> None:
    command = "stty -echo; test -t 0 && test -t 1 && echo $TERM; stty size; exec cat"
    task_id = rig.add(command, input="terminal")
    rig.until_printed(task_id, "24 80\n")
    rig.system.send_input(task_id, "hello\n")
    rig.until_printed(task_id, "hello\n")
    rig.system.send_input(task_id, end=True)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert task.reason == "exit status 0"
    assert task.output_path is not None
    printed = Path(task.output_path).read_bytes()
    assert printed == b"xterm-256color\r\n24 80\r\nhello\r\n"


def test_a_terminal_is_resized_and_receives_ctrl_c(rig: Rig) -> None:
    # Without `trap - INT` bash survives a SIGINT that its command survives.
    command = "trap 'stty size' WINCH; trap 'trap - INT; kill -INT $$' INT"
    command += "; echo ready; while :; do sleep 0.01; done"
    task_id = rig.add(command, input="terminal")
    rig.until_printed(task_id, "ready")
    rig.system.resize_terminal(task_id, 132, 50)
    rig.until_printed(task_id, "50 132\n")
    rig.system.send_input(task_id, b"\x03")
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert task.reason == "killed by signal 2 (SIGINT)"


def test_input_arrives_in_order(rig: Rig) -> None:
    task_id = rig.add("echo ready; while read x; do echo got $x; done", input="pipe")
    rig.until_printed(task_id, "ready")
    for number in range(50):
        rig.system.send_input(task_id, f"{number}\n")
    rig.system.send_input(task_id, end=True)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    got = "".join(f"got {number}\n" for number in range(50))
    assert rig.printed(task) == f"ready\n{got}"


def test_unread_input_is_refused_until_there_is_room(rig: Rig) -> None:
    go = rig.folder / "go"
    command = f"echo ready; until test -e {go}; do sleep 0.01; done; exec wc -c"
    task_id = rig.add(command, input="pipe")
    rig.until_printed(task_id, "ready")
    piece = b"x" * 65536
    sent = 0

    def is_taken() -> bool:
        try:
            rig.system.send_input(task_id, piece)
        except RefusedError as error:
            if "it does not read its input" not in str(error):
                raise
            return False
        return True

    # A pipe buffers some input, so a refused piece may be accepted later.
    while is_taken():
        sent += 1
    assert 1 <= sent <= 4
    go.touch()
    until(is_taken)
    rig.system.send_input(task_id, end=True)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert rig.printed(task) == f"ready\n{(sent + 1) * 65536}\n"


def inputs(news: Recorder[Notification]) -> list[TaskChanged]:
    return [it for it in news.of(TaskChanged) if it.event is TaskEvent.INPUT]


def test_each_wait_for_input_is_reported_once(rig: Rig) -> None:
    news: Recorder[Notification] = Recorder()
    rig.system.subscribe(news)
    command = "read -p 'Name: ' x; read -p 'Age: ' y; sleep 600"
    task_id = rig.add(command, input="terminal")
    for number, answer in enumerate(("x", "1")):
        until(lambda: rig.system.get(task_id).awaits_input)
        assert rig.system.get(task_id).reason == "waits for input"
        rig.system.send_input(task_id, f"{answer}\r")
        until(lambda: not rig.system.get(task_id).awaits_input)
        assert len(inputs(news)) == number + 1
    assert [it.task.last_line for it in inputs(news)] == ["Name:", "Age:"]
    rig.system.cancel(task_id, now=True)


def test_a_paused_or_ended_job_does_not_wait_for_input(rig: Rig) -> None:
    task_id = rig.add("exec cat", input="pipe")
    until(lambda: rig.system.get(task_id).awaits_input)
    rig.system.pause_task(task_id)
    until(lambda: not rig.system.get(task_id).awaits_input)
    rig.system.resume_task(task_id)
    until(lambda: rig.system.get(task_id).awaits_input)
    rig.system.send_input(task_id, end=True)
    (ended,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert (ended.status, ended.awaits_input) == (TaskStatus.COMPLETE, False)


def states(pids: Path) -> set[str]:
    return {psutil.Process(int(it)).status() for it in pids.read_text().split()}


def test_a_pause_stops_all_processes_of_a_job(rig: Rig) -> None:
    pids = rig.folder / "pids"
    task_id = rig.add(
        f"setsid sleep 600 & echo $! >> {pids}; echo $$ >> {pids}; echo up; wait"
    )
    rig.until_printed(task_id, "up")
    rig.system.pause_task(task_id)
    until(lambda: states(pids) == {psutil.STATUS_STOPPED}, "the stop of all")
    assert rig.system.get(task_id).is_paused
    rig.system.resume_task(task_id)
    until(lambda: states(pids) == {psutil.STATUS_SLEEPING}, "that all go on")
    rig.system.pause_task(task_id)
    rig.system.cancel(task_id)
    (task,) = rig.system.wait(task_id, timeout=PATIENCE)
    assert task.status is TaskStatus.CANCELED
    assert not any(pid_runs(int(it)) for it in pids.read_text().split())


def test_too_much_memory_fails_the_job(rig: Rig) -> None:
    hog = f"exec {sys.executable} -c 'x = bytearray(400_000_000)'"
    task = rig.run(hog, memory=100 << 20)
    assert task.status is TaskStatus.FAILED
    assert task.figures is not None
    assert task.figures.limits.startswith("100 MiB of memory")


def test_an_existing_output_file_is_unchanged(rig: Rig) -> None:
    task = rig.run("true")
    assert task.output_path is not None
    foreign = Path(task.output_path).with_name(f"{task.id + 1}.log")
    foreign.write_text("mine")
    failed = rig.run("echo theirs")
    assert failed.status is TaskStatus.FAILED
    assert "can't write its output file" in failed.reason
    assert foreign.read_text() == "mine"
