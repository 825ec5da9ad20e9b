"""A whole TaskSystem, with real actors and, where needed, real processes."""

from __future__ import annotations

import hashlib
import os
import pickle
import random
import shutil
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pykka
import pytest
from backburner.actors import (
    BashKind,
    Notification,
    ProcessKind,
    RefusalCode,
    RefusedError,
    SessionInUseError,
    Shown,
    SlotsChanged,
    Subscribe,
    Subscribed,
    Task,
    TaskChanged,
    TaskEvent,
    TaskFilter,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
)
from backburner.actors.processes import exits
from backburner.actors.session import shutdown as shutdown_module
from backburner.actors.session.asking import Asking
from backburner.actors.testing import FakeKind, Recorder, no_leaks, running
from conditions import until
from patience import PATIENCE
from process_ends import alive, pids_in
from standstill import TOO_SHORT, call_after_standstill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@pytest.fixture
def system() -> Iterator[TaskSystem]:
    with running(TaskSystem(slots=4, grace=0.2)) as system:
        yield system


def _run(system: TaskSystem, command: str) -> Task:
    task = system.add("Run", "bash", command)
    (ended,) = system.wait(task.id, timeout=PATIENCE)
    return ended


def _output(task: Task) -> bytes:
    assert task.output_path is not None
    return Path(task.output_path).read_bytes()


def _statuses(tasks: Iterable[Task]) -> list[str]:
    return [task.status.value for task in tasks]


# Start and stop


def test_a_started_system_runs_a_task_at_once() -> None:
    kind = FakeKind()
    with running(TaskSystem(kinds=[kind])) as system:
        task = system.add("Build", "fake")
        # The runner's claim is known, so nothing waits for a tick or a barrier.
        assert task.reason == "starting"
        kind.job(task.id)


def test_a_system_that_was_not_started_says_so() -> None:
    system = TaskSystem()
    with pytest.raises(RuntimeError, match="not started"):
        system.add("Build", "bash", "make")
    system.stop()
    with running(system):
        with pytest.raises(RuntimeError, match="started already"):
            system.start()
        assert system.list() == ()
    with pytest.raises(RuntimeError, match="not started"):
        system.list()


def test_a_system_may_be_started_again() -> None:
    system = TaskSystem()
    for _ in range(2):
        with running(system):
            assert _run(system, "echo hi").status is TaskStatus.COMPLETE


def test_invalid_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="slots must be 1 to 1,000,000, not 0"):
        TaskSystem(slots=0)
    with pytest.raises(ValueError, match="grace"):
        TaskSystem(grace=-1)
    for name in ("", "a/b", "../x", ".hidden", "x" * 65, "a b"):
        with pytest.raises(ValueError, match="bad session name"):
            TaskSystem(name=name)


def test_a_stop_ends_and_announces_all_tasks() -> None:
    kind = FakeKind()
    subscriber: Recorder[Notification] = Recorder()
    with running(TaskSystem(kinds=[kind], slots=2)) as system:
        system.subscribe(subscriber)
        for _ in range(4):
            system.add("Build", "fake")
        kind.job(2)
        system.stop("the window was closed")
    last = {change.task.id: change.task for change in subscriber.of(TaskChanged)}
    assert _statuses(last.values()) == ["canceled"] * 4
    assert {task.reason for task in last.values()} == {"the window was closed"}
    assert sorted(job.context.task.id for job in kind.jobs) == [1, 2]


def test_an_exception_in_the_block_stops_the_system() -> None:
    def fail(system: TaskSystem) -> None:
        with system:
            system.add("Wait", "bash", "sleep 600")
            raise ZeroDivisionError

    with no_leaks(), pytest.raises(ZeroDivisionError):
        fail(TaskSystem())


def test_a_job_that_cannot_be_ended_does_not_delay_a_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shutdown_module, "STOP_TIMEOUT", 0.1)
    monkeypatch.setattr(shutdown_module, "_KILLED_TIMEOUT", 0.1)
    kind = FakeKind(ignores={"stop", "kill"})
    subscriber: Recorder[Notification] = Recorder()
    with running(TaskSystem(kinds=[kind], grace=600), dead_letters=True) as system:
        system.subscribe(subscriber)
        kind.job(system.add("Build", "fake").id)
        system.stop(timeout=0.1)
    last = subscriber.of(TaskChanged)[-1].task
    assert (last.status, last.reason) == (
        "failed",
        "the runner was stopped while it ran",
    )


def test_a_stop_can_be_hurried() -> None:
    kind = FakeKind(ignores={"stop"})
    with running(TaskSystem(kinds=[kind], grace=600)) as system:
        job = kind.job(system.add("Build", "fake").id)
        stopping = threading.Thread(target=system.stop)
        stopping.start()
        job.asked.wait_for(lambda step: step == "stop")
        system.hurry()
        stopping.join(PATIENCE)
        assert not stopping.is_alive()
    assert "kill" in job.asked.received


def test_the_output_of_a_session_that_is_not_remembered_is_deleted() -> None:
    with running(TaskSystem()) as system:
        output = _run(system, "echo hi").output_path
        assert output is not None
        assert Path(output).read_bytes() == b"hi\n"
    assert not Path(output).parent.exists()


def test_no_file_stays_open() -> None:
    with running(TaskSystem()) as system:
        _run(system, "echo hi")
    before = psutil.Process().num_fds()
    for _ in range(3):
        with running(TaskSystem()) as system:
            _run(system, "echo hi")
    assert psutil.Process().num_fds() == before


# Several systems


def test_one_system_may_be_stopped_while_another_runs() -> None:
    systems = TaskSystem(grace=0.2), TaskSystem(grace=0.2)
    stops, stays = systems
    with no_leaks(systems), stays:
        with stops:
            ids = [
                system.add("Wait", "bash", "echo $$; sleep 600").id
                for system in systems
            ]
            until(lambda: all(system.get(1).last_line for system in systems))
            pids = [int(system.get(1).last_line or "") for system in systems]
            assert ids == [1, 1]
        assert alive(pids) == [pids[1]]
        assert stays.get(1).status is TaskStatus.RUNNING
        assert _run(stays, "echo still here").status is TaskStatus.COMPLETE
    assert alive(pids) == []


# The blocking calls


def test_the_synchronous_calls_return_tasks(system: TaskSystem) -> None:
    good = system.add("Good", "bash", "echo fine")
    bad = system.add("Bad", "bash", "exit 3")
    ended = system.wait(good.id, bad.id, timeout=PATIENCE)
    assert [(task.id, task.status.value, task.exit_code) for task in ended] == [
        (1, "complete", 0),
        (2, "failed", 3),
    ]
    assert [task.id for task in system.list(TaskFilter.FAILED)] == [2]
    assert system.get(1).last_line == "fine"
    long = system.add("Long", "bash", "sleep 600")
    assert system.cancel(long.id, reason="by me").status is TaskStatus.RUNNING
    (canceled,) = system.wait(long.id, timeout=PATIENCE)
    assert (canceled.status, canceled.reason) == ("canceled", "by me")
    assert sorted(system.forget_finished()) == [1, 2, 3]
    assert system.list() == ()


def test_waiting_without_ids_waits_for_all_open_tasks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kind = FakeKind()
    with running(TaskSystem(kinds=[kind], slots=4)) as system:
        for _ in range(4):
            system.add("Build", "fake")
        kind.job(1).complete()
        system.wait(1, timeout=PATIENCE)
        # Ended tasks are not waited for, so all must run until the wait begins.
        waits = threading.Event()
        send: Any = vars(Asking)["_request"]

        def note(message: object, *given: object) -> object:
            answer = send(system, message, *given)
            if isinstance(message, Subscribe):
                waits.set()
            return answer

        def end() -> None:
            assert waits.wait(PATIENCE)
            for task_id in (4, 2, 3):
                kind.job(task_id).complete()

        monkeypatch.setattr(system, "_request", note)
        ending = threading.Thread(target=end)
        ending.start()
        assert [task.id for task in system.wait(timeout=PATIENCE)] == [2, 3, 4]
        ending.join(PATIENCE)
        assert system.wait(timeout=PATIENCE) == ()


def test_all_may_be_canceled(system: TaskSystem) -> None:
    for _ in range(6):
        system.add("Wait", "bash", "sleep 600")
    canceled = system.cancel_all(reason="enough")
    assert len(canceled) == 6
    system.wait(timeout=PATIENCE)
    assert _statuses(system.list()) == ["canceled"] * 6


def test_errors_name_what_is_wrong(system: TaskSystem) -> None:
    for ask in (
        lambda: system.get(7),
        lambda: system.cancel(7),
        lambda: system.wait(7, timeout=PATIENCE),
    ):
        with pytest.raises(RefusedError, match=r"^no task 7$") as unknown:
            ask()
        assert unknown.value.code is RefusalCode.UNKNOWN
        assert str(pickle.loads(pickle.dumps(unknown.value))) == "no task 7"  # noqa: S301
    with pytest.raises(RefusedError, match="unknown kind 'fax'; the kinds are: bash"):
        system.add("Build", "fax")
    with pytest.raises(RefusedError, match="missing command"):
        system.add("Build", "bash", " ")
    _run(system, "true")
    with pytest.raises(RefusedError, match=r"already finished \(complete"):
        system.cancel(1)
    task = system.add("Wait", "bash", "sleep 600")
    with pytest.raises(TimeoutError, match=r"task 2 has not ended within 0\.01 s"):
        system.wait(task.id, timeout=0.01)
    more = [system.add("Wait", "bash", "sleep 600").id for _ in range(2)]
    with pytest.raises(TimeoutError, match="tasks 2, 3, 4 have not ended within 0 s"):
        system.wait(task.id, *more, timeout=0)
    for _ in range(3):
        system.add("Wait", "bash", "sleep 600")
    with pytest.raises(TimeoutError, match="6 tasks have not ended within 0 s"):
        system.wait(timeout=0)


def test_a_wait_for_tasks_survives_a_stall() -> None:
    """Even if other tasks end before the awaited ones."""
    kind = FakeKind()
    with running(TaskSystem(kinds=[kind])) as system:
        for _ in range(2):
            system.add("Build", "fake")
        first, second = kind.job(1), kind.job(2)

        def go_on() -> None:
            first.advance_to(50)
            threading.Timer(0.05, second.complete).start()

        call_after_standstill(go_on)
        (ended,) = system.wait(2, timeout=TOO_SHORT)
        assert ended.status is TaskStatus.COMPLETE


# Output


def test_a_task_that_leaves_a_process_is_complete_at_once(tmp_path: Path) -> None:
    with running(TaskSystem(grace=0.2)) as system:
        task = _run(system, f"sleep 600 & echo $! > {tmp_path}/left; echo hi")
        assert task.status is TaskStatus.COMPLETE
        assert task.reason.startswith("exit status 0; still running: ")
        assert str(pids_in(tmp_path / "left")[0]) in task.left_running
        with pytest.raises(
            RefusedError, match="these processes end with the session at the latest"
        ):
            system.cancel(task.id)
        assert _output(task) == b"hi\n"
        assert alive(pids_in(tmp_path / "left")) == pids_in(tmp_path / "left")
    assert alive(pids_in(tmp_path / "left")) == []


def _until_nothing_is_left(news: Recorder[Notification], task_id: int) -> Task:
    change = news.wait_for(
        TaskChanged,
        lambda it: (
            it.task.id == task_id
            and it.task.status.is_final
            and not it.task.left_running
        ),
        timeout=PATIENCE,
    )
    assert change.event is TaskEvent.PROGRESS
    return change.task


@pytest.mark.parametrize("watched", [True, False])
def test_left_running_is_reported_only_while_the_process_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, watched: bool
) -> None:
    if not watched:
        monkeypatch.setattr(exits, "LAST_FREE", 1 << 30)
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(grace=0.2)) as system:
        system.subscribe(news)
        first, second = (f"sleep 600 & echo $! >> {tmp_path}/left" for _ in range(2))
        task = _run(system, f"{first}; {second}; exit 3")
        assert task.reason.startswith("exit status 3; still running: ")
        one, other = pids_in(tmp_path / "left")
        os.kill(one, signal.SIGTERM)
        news.wait_for(
            TaskChanged,
            lambda it: it.task.left_running == f"{other} (sleep)",
            timeout=PATIENCE,
        )
        assert system.get(task.id).left_running == f"{other} (sleep)"
        os.kill(other, signal.SIGTERM)
        assert _until_nothing_is_left(news, task.id).reason == "exit status 3"
        assert system.get(task.id).error == task.error


def test_a_replacement_of_a_process_left_running_is_reported(tmp_path: Path) -> None:
    news: Recorder[Notification] = Recorder()
    worker = f"echo $BASHPID >> {tmp_path}/left; exec sleep 600"
    with running(TaskSystem(grace=0.2)) as system:
        system.subscribe(news)
        task = _run(system, f"(sleep 0.3; ({worker}) & exec sleep 0.1) & true")
        assert task.left_running
        news.wait_for(
            TaskChanged,
            # It may be listed before it has executed `sleep`.
            lambda it: any(
                it.task.left_running.startswith(f"{pid} (")
                for pid in pids_in(tmp_path / "left")
            ),
            timeout=PATIENCE,
        )
        (last,) = pids_in(tmp_path / "left")
        os.kill(last, signal.SIGTERM)
        _until_nothing_is_left(news, task.id)


def test_left_running_is_cleared_when_the_session_ends(tmp_path: Path) -> None:
    with running(TaskSystem(directory=tmp_path, grace=0.2)) as system:
        task = _run(system, "sleep 600 & true")
        assert task.left_running
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(directory=tmp_path)) as system:
        assert system.get(task.id).reason == "exit status 0"
        system.subscribe(news, shows=True)
        subscribed = news.wait_for(Subscribed)
        assert {it.task.left_running for it in subscribed.unshown} == {""}
        system.queue.tell(Shown(subscribed.seq))


def test_a_task_can_be_stopped_though_its_host_blocks_signals() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    try:
        with running(TaskSystem(grace=600)) as system:
            task = system.add("Nap", "bash", "sleep 600")
            system.cancel(task.id)
            (ended,) = system.wait(task.id, timeout=PATIENCE)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    assert ended.status is TaskStatus.CANCELED


def test_a_program_with_an_undecodable_name_may_be_left_running(
    system: TaskSystem, tmp_path: Path
) -> None:
    shutil.copy("/bin/sleep", tmp_path / "copy")
    task = _run(
        system,
        f"cd {tmp_path}; n=$(printf 'x\\377y'); mv copy $n; ./$n 600 & sleep 0.05",
    )
    assert task.status is TaskStatus.COMPLETE
    assert "still running" in task.reason
    task.reason.encode()


def test_stdout_and_stderr_stay_in_their_true_order(system: TaskSystem) -> None:
    task = _run(system, "for i in {1..500}; do echo out $i; echo err $i >&2; done")
    wanted = "".join(f"out {n}\nerr {n}\n" for n in range(1, 501))
    assert _output(task).decode() == wanted


def test_binary_output_is_kept_as_it_is(system: TaskSystem, tmp_path: Path) -> None:
    data = random.Random(7).randbytes(100_000)  # noqa: S311 - only noise is needed
    (tmp_path / "data").write_bytes(data)
    task = _run(system, f"cat {tmp_path}/data")
    assert _output(task) == data
    assert task.output_size == len(data)


def test_a_very_long_line_is_kept_whole(system: TaskSystem) -> None:
    task = _run(system, "head -c 200000 /dev/zero | tr '\\0' x")
    assert _output(task) == b"x" * 200_000
    assert task.last_line is not None
    assert set(task.last_line) == {"x"}
    assert len(task.last_line) <= 400


def test_a_hundred_megabytes_are_kept_whole(system: TaskSystem) -> None:
    size = 100 * 1000 * 1000
    line = b"0123456789abcdef" * 64 + b"\n"
    task = _run(system, f"yes {line.decode().strip()} | head -c {size}")
    assert task.status is TaskStatus.COMPLETE
    assert task.output_size == size
    wanted, got = hashlib.blake2b(), hashlib.blake2b()
    whole, rest = divmod(size, len(line))
    chunk = line * 1024
    for _ in range(whole // 1024):
        wanted.update(chunk)
    wanted.update(line * (whole % 1024) + line[:rest])
    assert task.output_path is not None
    with Path(task.output_path).open("rb") as file:
        while part := file.read(1 << 20):
            got.update(part)
    assert got.digest() == wanted.digest()
    system.forget_finished()


def test_a_task_that_writes_too_much_is_ended() -> None:
    with running(TaskSystem(output_limit=1_000_000)) as system:
        task = _run(system, "yes")
        assert task.status is TaskStatus.FAILED
        assert task.reason == "its output went beyond the limit of 976.6 KiB"
        system.forget_finished()


def test_a_session_that_exceeds_its_output_limit_ends_the_writing_task() -> None:
    with running(TaskSystem(session_output_limit=1_000_000)) as system:
        _run(system, "echo old")
        task = _run(system, "yes")
        assert task.reason == "the session's output went beyond the limit of 976.6 KiB"
        # Forgetting the old task would not have made enough room.
        assert [t.id for t in system.list()] == [1, 2]


# Kinds of an embedder


class PrintKind(ProcessKind):
    """A minimal kind whose jobs are processes."""

    name = "print"
    usage = "TEXT..."
    summary = "print a text"

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        return ["printf", "%s,", *args]


def test_an_embedder_adds_a_kind_of_processes() -> None:
    with running(TaskSystem(kinds=[PrintKind(), BashKind()])) as system:
        task = system.add("Print", "print", "a b", "$c")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert _output(ended) == b"a b,$c,"
        assert {kind.name for kind in system.kinds} == {"print", "bash"}
        with pytest.raises(RefusedError, match="the kinds are: bash, print"):
            system.add("Nap", "sleep", "1s")


def test_an_embedder_adds_a_kind_without_processes() -> None:
    kind = FakeKind("mine", writes_output=True)
    with running(TaskSystem(kinds=[kind])) as mine:
        job = kind.job(mine.add("Mine", "mine").id)
        job.write(b"50%\n")
        job.fail("out of luck", 7)
        (ended,) = mine.wait(1, timeout=PATIENCE)
        assert (ended.reason, ended.exit_code, ended.progress) == ("out of luck", 7, 50)


# Other actors in the same Pykka program


class Listener(pykka.ThreadingActor):
    """An embedder's actor that subscribes, and may block or stop."""

    use_daemon_thread = True

    def __init__(self, heard: Recorder[object], gate: threading.Event | None) -> None:
        super().__init__()
        self._heard = heard
        self._gate = gate

    def on_receive(self, message: object) -> None:
        self._heard.tell(message)
        if self._gate is not None and isinstance(message, TaskChanged):
            self._gate.wait(PATIENCE)


def test_a_listener_that_blocks_or_dies_affects_only_itself() -> None:
    gate = threading.Event()
    blocked, well, dead = (
        Recorder[object](name) for name in ("blocked", "well", "dead")
    )
    with no_leaks():
        blocks = Listener.start(blocked, gate)
        listens = Listener.start(well, None)
        dies = Listener.start(dead, None)
        with TaskSystem() as system:
            for listener in (blocks, dies, listens):
                system.subscribe(listener)
            dies.stop()
            for _ in range(50):
                system.add("Nap", "sleep", "0")
            system.wait(timeout=PATIENCE)
            assert _statuses(system.list()) == ["complete"] * 50
            assert system.dead_letters.count >= 1
        seqs = [change.seq for change in well.wait_for_count(TaskChanged, 150)]
        assert seqs == sorted(set(seqs))
        assert len(blocked.of(TaskChanged)) == 1
        gate.set()
        assert blocked.wait_for_count(TaskChanged, 150) == well.of(TaskChanged)[:150]
        for listener in (blocks, listens):
            listener.stop()


def test_a_host_that_stops_all_actors_leaves_no_process(tmp_path: Path) -> None:
    system = TaskSystem(slots=2, grace=600)
    with no_leaks(), system:
        for command in (
            "trap '' TERM; echo $$ >> {0}; while :; do sleep 0.2; done",
            "setsid sleep 600 & echo $! >> {0}; echo $$ >> {0}; sleep 600",
            "echo $$ >> {0}; sleep 600",
        ):
            system.add("Wait", "bash", command.format(tmp_path / "pids"))
        until(lambda: len(pids_in(tmp_path / "pids")) == 3)
        pykka.ActorRegistry.stop_all()
        # The processes have been sent SIGKILL; no actor waits for their end.
        until(lambda: alive(pids_in(tmp_path / "pids")) == [])
        with pytest.raises(TaskSystemError, match="has stopped"):
            system.list()
    assert alive(pids_in(tmp_path / "pids")) == []


def test_one_broken_job_leaves_the_others_alone() -> None:
    kind = FakeKind()
    with running(TaskSystem(kinds=[kind, BashKind()])) as system:
        broken = kind.job(system.add("Broken", "fake").id)
        broken.raises["look"] = SystemExit(3)
        broken.context.look()
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert (ended.status, ended.reason) == (
            "failed",
            "bug in kind 'fake': look() raised SystemExit(3); see the log",
        )
        assert _run(system, "echo on").status is TaskStatus.COMPLETE


# A reopened session


def test_a_reopened_session_continues(tmp_path: Path) -> None:
    kind = FakeKind()
    with running(TaskSystem(directory=tmp_path / "s", kinds=[kind], slots=1)) as first:
        for name in ("Runs", "Waits", "Waits too"):
            first.add(name, "fake")
        kind.job(1)
    with running(TaskSystem(directory=tmp_path / "s", kinds=[kind], slots=1)) as second:
        assert second.warnings == ()
        one, two, three = second.list()
        assert (one.status, one.reason) == ("canceled", "the session ended")
        assert _statuses([two, three]) == ["running", "queued"]
        kind.job(2).complete()
        second.wait(2, timeout=PATIENCE)
        assert second.add("New", "fake").id == 4
        second.cancel_all()
        second.wait(timeout=PATIENCE)
        second.forget_finished()
    with running(TaskSystem(directory=tmp_path / "s", kinds=[kind])) as third:
        assert third.list() == ()
        assert third.add("Newer", "fake").id == 5


def test_tasks_that_ran_when_the_program_died_have_failed(tmp_path: Path) -> None:
    kind = FakeKind()
    with running(TaskSystem(directory=tmp_path / "s", kinds=[kind], slots=1)) as system:
        for name in ("Ends", "Runs", "Waits"):
            system.add(name, "fake")
        kind.job(1).complete()
        kind.job(2)
        system.wait(1, timeout=PATIENCE)
        system.list()
        # The files on the disk are what a kill at this moment leaves.
        shutil.copytree(tmp_path / "s", tmp_path / "copy")
    with running(
        TaskSystem(directory=tmp_path / "copy", kinds=[kind], slots=1)
    ) as again:
        ended, ran, waited = again.list()
        assert (ended.status, ran.status) == ("complete", "failed")
        assert ran.reason == "the session ended while it ran"
        assert waited.status is TaskStatus.RUNNING


def test_unshown_changes_are_shown_once(tmp_path: Path) -> None:
    def unshown(tasks: TaskSystem) -> list[tuple[int, str]]:
        viewer: Recorder[Notification] = Recorder("the viewer")
        tasks.subscribe(viewer, shows=True)
        subscribed = viewer.wait_for(Subscribed)
        tasks.queue.tell(Shown(subscribed.seq))
        return [(c.seq, c.event.value) for c in subscribed.unshown]

    def system() -> TaskSystem:
        return TaskSystem(directory=tmp_path / "s", kinds=[FakeKind(), BashKind()])

    with running(system()) as first:
        assert unshown(first) == []
        _run(first, "echo hi")
    wanted = [(1, "queued"), (2, "running"), (3, "complete")]
    with running(system()) as second:
        plain: Recorder[Notification] = Recorder("no viewer")
        second.subscribe(plain)
        assert plain.wait_for(Subscribed).unshown == ()
        assert unshown(second) == wanted
    with running(system()) as third:
        assert unshown(third) == []


def test_a_session_that_is_open_is_refused_with_its_owner(tmp_path: Path) -> None:
    directory = tmp_path / "work"
    with running(TaskSystem(directory=directory)) as first:
        with no_leaks(), pytest.raises(TaskSystemError) as error:
            TaskSystem(directory=directory).start()
        assert f"session 'work' is open already, in process {os.getpid()} " in str(
            error.value
        )
        assert isinstance(error.value, SessionInUseError)
        assert "--" not in str(error.value)
        assert _run(first, "echo fine").status is TaskStatus.COMPLETE
    with running(TaskSystem(directory=directory)) as second:
        assert len(second.list()) == 1


def test_an_unusable_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    not_text = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    for directory, why in (
        (tmp_path / "file" / "s", "can't write to the state directory"),
        (not_text, "not valid UTF-8"),
        (tmp_path / "a\0b", "has a NUL character; name another folder"),
    ):
        with no_leaks(), pytest.raises(TaskSystemError, match=why):
            TaskSystem(directory=directory).start()


def test_an_actor_can_subscribe_by_message(system: TaskSystem) -> None:
    """Embedders' actors use `tell`; the methods send the same requests."""
    subscriber: Recorder[Notification] = Recorder()
    system.queue.tell(Subscribe(subscriber))
    task = _run(system, "echo hi")
    change = subscriber.wait_for(
        TaskChanged, lambda change: change.event is TaskEvent.COMPLETE
    )
    assert change.task == task


PIPE = """
own=$(readlink /proc/$$/fd/1)
next=${own%/*}/2.log
rm "$own"; mkfifo "$own" "$next"
sleep 0.25
"""
"""Puts pipes in place of its own output file and that of the next task."""


def test_a_pipe_in_place_of_an_output_file_does_not_block(system: TaskSystem) -> None:
    ended = _run(system, PIPE)
    assert (ended.status, ended.reason) == (TaskStatus.COMPLETE, "exit status 0")
    kept_out = _run(system, "echo hi")
    assert kept_out.id == 2
    assert kept_out.status is TaskStatus.FAILED
    assert kept_out.reason.startswith("can't write its output file ")
    assert _run(system, "echo hi").status is TaskStatus.COMPLETE


def test_the_number_of_slots_can_be_raised_and_lowered(tmp_path: Path) -> None:
    heard: Recorder[Notification] = Recorder()
    with running(TaskSystem(directory=tmp_path / "main", slots=1)) as system:
        system.subscribe(heard)
        tasks = [system.add(f"{it}", "sleep", "600s") for it in range(4)]

        def running_ids() -> list[int]:
            return [it.id for it in system.list(TaskFilter.RUNNING)]

        assert system.set_slots() == 1
        assert system.set_slots(3) == 3
        heard.wait_for(SlotsChanged, lambda it: it.slots == 3)
        assert running_ids() == [1, 2, 3]
        assert system.set_slots(1) == 1
        assert running_ids() == [1, 2, 3]
        for task in tasks[:2]:
            system.cancel(task.id)
            system.wait(task.id, timeout=PATIENCE)
        assert running_ids() == [3]
        system.cancel(3)
        system.wait(3, timeout=PATIENCE)
        heard.wait_for(
            TaskChanged,
            lambda it: it.task.id == 4 and it.task.status is TaskStatus.RUNNING,
        )
        for wrong in (-1, 1_000_001):
            with pytest.raises(RefusedError, match="slots must be 1 to 1,000,000, not"):
                system.set_slots(wrong)
        assert system.set_slots() == 1
