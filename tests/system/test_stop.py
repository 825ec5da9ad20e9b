"""Stopping a TaskSystem: from any thread, repeatedly, and with a deadline."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    Notification,
    QueueRequest,
    Recipient,
    RefusalCode,
    RefusedError,
    Shown,
    Subscribed,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
    Unsubscribe,
)
from backburner.actors.job import ending
from backburner.actors.processes.exits import PidfdWatcher
from backburner.actors.runtime.promise import Deadline
from backburner.actors.session import shutdown as shutdown_module
from backburner.actors.session import starting
from backburner.actors.session.shutdown import Shutdown
from backburner.actors.testing import FakeKind, Recorder, no_leaks, running
from patience import PATIENCE
from standstill import TOO_SHORT, call_after_standstill

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from backburner.actors import JobContext
    from backburner.actors.testing.fake_kind import FakeJob


def _begin_stop(system: TaskSystem, **options: float) -> threading.Thread:
    thread = threading.Thread(target=system.stop, kwargs=options, daemon=True)
    thread.start()
    return thread


@contextlib.contextmanager
def _handler(
    number: signal.Signals, handle: Callable[..., None], *, sender: threading.Thread
) -> Generator[None]:
    """Handle a signal that a thread sends to this process until the thread's end."""
    before = signal.signal(number, handle)
    sender.start()
    try:
        yield
    finally:
        # Its last signals still need the handler.
        sender.join(PATIENCE)
        signal.signal(number, before)


def _was_asked(job: FakeJob) -> None:
    job.asked.wait_for(lambda step: step == "stop")


# Several stops


def test_a_second_stop_waits_for_the_first(tmp_path: Path) -> None:
    kind = FakeKind(ignores={"stop"})
    with no_leaks():
        system = TaskSystem(directory=tmp_path, kinds=[kind], grace=0.5)
        system.start()
        job = kind.job(system.add("Build", "fake").id)
        first = _begin_stop(system)
        _was_asked(job)
        system.stop("nobody asked for this reason")
        assert "kill" in job.asked.received
        first.join(PATIENCE)
        assert not first.is_alive()
    with running(TaskSystem(directory=tmp_path, kinds=[kind])) as again:
        task = again.get(1)
        assert (task.status, task.reason) == ("canceled", "the session ended")


def test_a_stopping_system_answers_requests_and_adds_no_task() -> None:
    fake = FakeKind(ignores={"stop"})
    system = TaskSystem(kinds=[fake], grace=600)
    news: Recorder[Notification] = Recorder()
    with no_leaks([system]):
        system.start(subscribers=[news])
        task = system.add("Stubborn", "fake")
        job = fake.job(task.id)
        stopping = _begin_stop(system)
        job.asked.wait_for(str, lambda step: step == "stop")

        assert system.get(task.id).status is TaskStatus.RUNNING
        assert repr(system).endswith(", stopping>")
        with pytest.raises(RefusedError) as refused:
            system.add("Late", "fake")
        assert refused.value.code is RefusalCode.CLOSING
        late = system.submit(TaskRequest("Late", "fake")).exception(PATIENCE)
        assert isinstance(late, RefusedError)
        assert late.code is RefusalCode.CLOSING

        job.complete()
        stopping.join(PATIENCE)
    with pytest.raises(RuntimeError, match="is not started"):
        system.get(task.id)


def test_a_second_hurried_stop_does_not_wait_for_the_first() -> None:
    kind = FakeKind(ignores={"stop"})
    with no_leaks():
        system = TaskSystem(kinds=[kind], grace=600)
        system.start()
        job = kind.job(system.add("Build", "fake").id)
        first = _begin_stop(system)
        _was_asked(job)
        system.stop(timeout=0.01)
        first.join(PATIENCE)
        assert not first.is_alive()


def test_a_signal_handler_may_stop_a_stopping_system() -> None:
    kind = FakeKind(ignores={"stop"})
    with running(TaskSystem(kinds=[kind], grace=600)) as system:
        job = kind.job(system.add("Build", "fake").id)
        handled = threading.Event()

        def handle(*_: object) -> None:
            system.stop()
            handled.set()

        def interrupt() -> None:
            _was_asked(job)
            end = time.monotonic() + PATIENCE
            # A signal in the moment before Python's wait is handled only after that
            # wait.
            while time.monotonic() < end:
                os.kill(os.getpid(), signal.SIGUSR1)
                if handled.wait(2):
                    break
            job.complete()

        helper = threading.Thread(target=interrupt, daemon=True)
        with _handler(signal.SIGUSR1, handle, sender=helper):
            system.stop()
        assert handled.is_set()
    assert "kill" not in job.asked.received


def test_a_stop_during_a_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = TaskSystem(directory=tmp_path)

    def interrupted() -> PidfdWatcher:
        # As a signal handler would.
        system.stop()
        return PidfdWatcher()

    with no_leaks():
        with monkeypatch.context() as patch:
            patch.setattr(starting, "PidfdWatcher", interrupted)
            with pytest.raises(TaskSystemError, match="stopped before it had"):
                system.start()
        with system:
            assert system.list() == ()


def test_a_stop_survives_a_stall() -> None:
    kind = FakeKind(ignores={"stop"})
    with running(TaskSystem(kinds=[kind])) as system:
        job = kind.job(system.add("Build", "fake").id)
        call_after_standstill(job.complete)
        system.stop(timeout=TOO_SHORT)
        assert "kill" not in job.asked.received


def test_tasks_ended_by_ctrl_c_have_their_true_end(tmp_path: Path) -> None:
    kind = FakeKind(ignores={"stop"})
    system = TaskSystem(directory=tmp_path, kinds=[kind], grace=600)
    system.start()
    job = kind.job(system.add("Build", "fake").id)
    heard = threading.Event()

    def handle(*_: object) -> None:
        # Once: a second signal would end the process of the tests.
        if not heard.is_set():
            heard.set()
            raise KeyboardInterrupt

    def interrupt() -> None:
        _was_asked(job)
        # A signal in the moment before Python's wait is handled only after that wait,
        # when a person would press the keys again.
        end = time.monotonic() + PATIENCE
        while not heard.is_set() and time.monotonic() < end:
            os.kill(os.getpid(), signal.SIGINT)
            heard.wait(2)

    helper = threading.Thread(target=interrupt, daemon=True)
    with (
        _handler(signal.SIGINT, handle, sender=helper),
        pytest.raises(KeyboardInterrupt),
    ):
        system.stop()
    with running(TaskSystem(directory=tmp_path, kinds=[kind])) as again:
        task = again.get(1)
        assert (task.status, task.reason) == ("canceled", "the session ended")


# Stops that don't wait


def test_a_hurry_applies_only_to_the_current_stop(tmp_path: Path) -> None:
    kind = FakeKind(ignores={"stop"})
    system = TaskSystem(directory=tmp_path, kinds=[kind], grace=600)
    for _ in range(2):
        with running(system):
            assert not system.hurry()
            job = kind.job(system.add("Build", "fake").id)
            stopping = _begin_stop(system)
            _was_asked(job)
            assert "kill" not in job.asked.received
            assert system.hurry()
            stopping.join(PATIENCE)
            assert not stopping.is_alive()


def test_a_stop_with_a_zero_timeout_logs_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = FakeKind(ignores={"stop"})
    system = TaskSystem(kinds=[kind])
    system.start()
    job = kind.job(system.add("Build", "fake").id)
    system.stop(timeout=0)
    assert "kill" in job.asked.received
    assert caplog.records == []


@pytest.mark.parametrize("grace", [1e10, 1e300])
def test_a_grace_period_may_have_any_length(
    grace: float, caplog: pytest.LogCaptureFixture
) -> None:
    kind = FakeKind()
    system = TaskSystem(kinds=[kind], grace=grace)
    system.start()
    job = kind.job(system.add("Build", "fake").id)
    system.stop()
    assert "stop" in job.asked.received
    assert "kill" not in job.asked.received
    assert caplog.records == []


@pytest.mark.parametrize("timeout", [math.inf, 1e12])
def test_a_wait_may_have_any_length(timeout: float) -> None:
    kind = FakeKind()
    system = TaskSystem(kinds=[kind])
    system.start()
    task = system.add("Build", "fake", answer_timeout=timeout)
    kind.job(task.id).complete()
    (ended,) = system.wait(task.id, timeout=timeout)
    assert ended.status is TaskStatus.COMPLETE
    system.stop(timeout=timeout)


def test_an_invalid_timeout_is_refused_and_stops_nothing() -> None:
    with running(TaskSystem()) as system:
        with pytest.raises(ValueError, match="must be a number, not nan"):
            system.stop(timeout=math.nan)
        with pytest.raises(ValueError, match="must be a number, not nan"):
            system.wait(timeout=math.nan)
        assert system.list() == ()
    with pytest.raises(ValueError, match="grace"):
        TaskSystem(grace=math.nan)


def test_a_relative_folder_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kind = FakeKind(writes_output=True)
    with running(TaskSystem(directory=Path("session"), kinds=[kind])) as system:
        monkeypatch.chdir("/")
        task = system.add("Build", "fake")
        kind.job(task.id).complete()
        assert system.wait(task.id, timeout=PATIENCE)[0].output_path == str(
            tmp_path / "session" / "output" / "1.log"
        )
    assert (tmp_path / "session" / "session.db").exists()


# Showing the last changes


class Face:
    """Shows changes with a delay."""

    def __init__(self, queue: Recipient[QueueRequest], delay: float = 0.3) -> None:
        self._queue = queue
        self._delay = delay

    def tell(self, message: Notification, /) -> None:
        if isinstance(message, TaskChanged):
            threading.Timer(self._delay, self._show, (message,)).start()

    def _show(self, change: TaskChanged) -> None:
        with contextlib.suppress(pykka.ActorDeadError):
            self._queue.tell(Shown(change.seq))


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[], TaskSystem]]:
    """Return a function that opens the same session each time."""
    with no_leaks():
        yield lambda: TaskSystem(directory=tmp_path / "s", kinds=[FakeKind()])


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stops wait for subscribers that show changes as long as for anything else."""
    monkeypatch.setattr(shutdown_module, "_SHOWN_TIMEOUT", math.inf)


def _run_one(system: TaskSystem, face: Recipient[Notification]) -> None:
    news: Recorder[Notification] = Recorder("no face")
    system.subscribe(face, shows=True)
    system.subscribe(news)
    system.add("Build", "fake")
    news.wait_for(TaskChanged, lambda it: it.event is TaskEvent.RUNNING)
    system.unsubscribe(news)


def _unshown(system: TaskSystem) -> list[TaskEvent]:
    face: Recorder[Notification] = Recorder("another face")
    system.subscribe(face, shows=True)
    unshown = face.wait_for(Subscribed).unshown
    system.unsubscribe(face)
    return [change.event for change in unshown]


def test_changes_shown_during_the_end_are_not_shown_again(
    opened: Callable[[], TaskSystem],
) -> None:
    with opened() as system:
        _run_one(system, Face(system.queue))
    with opened() as again:
        assert _unshown(again) == []
        assert again.get(1).status is TaskStatus.CANCELED


def test_an_unkillable_job_is_named_and_takes_no_longer_than_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ending, "SECONDS", 0.1)
    kind = FakeKind("stuck", ignores={"stop", "kill"})
    system = TaskSystem(kinds=[kind], grace=0.1, slots=10)
    with no_leaks([system]):
        system.start()
        for number in range(7):
            kind.job(system.add(f"Stuck {number}", "stuck").id)
        system.stop()
    assert len(system.problems) == 6
    assert system.problems[0] == (
        "task 1: could not be ended: bug in kind 'stuck': kill() did not end"
        " its job within 0.1 s"
    )
    assert system.problems[-1] == "2 more"


def test_a_job_whose_kill_blocks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutdown_module, "_KILLED_TIMEOUT", 0.2)
    monkeypatch.setattr(shutdown_module, "STOP_TIMEOUT", 0.2)
    released = threading.Event()

    class BlockingKind(FakeKind):
        def start(self, context: JobContext) -> FakeJob:
            job = super().start(context)
            vars(job)["kill"] = lambda: released.wait(PATIENCE)
            return job

    kind = BlockingKind("stuck", ignores={"stop"})
    system = TaskSystem(kinds=[kind])
    system.start()
    job = kind.job(system.add("Stuck", "stuck").id)
    system.stop(timeout=0)
    released.set()
    assert system.problems[0] == (
        "a step of the session's end failed: no end within 0.2 s of task 1 of the kind"
        " 'stuck'"
    )
    job.complete()


def test_tasks_ended_by_the_deadline_are_shown(tmp_path: Path) -> None:
    kind = FakeKind(ignores={"stop"})
    with no_leaks():
        system = TaskSystem(directory=tmp_path, kinds=[kind])
        system.start()
        _run_one(system, Face(system.queue, delay=0.1))
        system.stop(timeout=0)
    with running(TaskSystem(directory=tmp_path, kinds=[kind])) as again:
        assert _unshown(again) == []


def test_a_stop_waits_briefly_for_a_silent_face(
    opened: Callable[[], TaskSystem], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown_module, "_SHOWN_TIMEOUT", 0.1)
    with opened() as system:
        _run_one(system, Recorder("a face that says nothing"))
    with opened() as again:
        assert _unshown(again) == [
            TaskEvent.QUEUED,
            TaskEvent.RUNNING,
            TaskEvent.CANCELED,
        ]
        assert again.get(1).status is TaskStatus.CANCELED


@pytest.mark.usefixtures("patient")
def test_a_hurried_stop_waits_for_no_face(opened: Callable[[], TaskSystem]) -> None:
    system = opened()
    system.start()
    face: Recorder[Notification] = Recorder("a face that says nothing")
    _run_one(system, face)
    stopping = _begin_stop(system, timeout=600)
    face.wait_for(TaskChanged, lambda it: it.event is TaskEvent.CANCELED)
    end = Deadline(PATIENCE)
    while stopping.is_alive() and end.left():
        # The current step of the stop is not visible from outside.
        system.hurry()
        stopping.join(0.05)
    assert not stopping.is_alive()


@pytest.mark.usefixtures("patient")
def test_an_earlier_hurry_also_skips_the_wait_for_faces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutdown_module, "_SHOWN_AFTER_ALL", 0.01)
    kind = FakeKind(ignores={"stop"})
    with no_leaks():
        system = TaskSystem(directory=tmp_path, kinds=[kind], grace=600)
        system.start()
        system.subscribe(Recorder[Notification]("a face that says nothing"), shows=True)
        job = kind.job(system.add("Build", "fake").id)
        stopping = _begin_stop(system, timeout=600)
        _was_asked(job)
        assert system.hurry()
        stopping.join(PATIENCE)
        assert not stopping.is_alive()


@pytest.mark.usefixtures("patient")
def test_a_stop_does_not_wait_for_a_face_that_leaves(
    opened: Callable[[], TaskSystem],
) -> None:
    system = opened()
    system.start()
    queue = system.queue
    face: Recorder[Notification] = Recorder("a face that leaves")
    _run_one(system, face)
    stopping = _begin_stop(system, timeout=600)
    face.wait_for(TaskChanged, lambda it: it.event is TaskEvent.CANCELED)
    queue.tell(Unsubscribe(face))
    stopping.join(PATIENCE)
    assert not stopping.is_alive()


class DyingFace(pykka.ThreadingActor):
    """Stops at the first change that it receives."""

    use_daemon_thread = True

    def on_receive(self, message: Notification) -> None:
        if isinstance(message, TaskChanged):
            self.stop()


@pytest.mark.usefixtures("patient")
def test_a_stop_does_not_wait_for_a_dead_face(tmp_path: Path) -> None:
    with no_leaks():
        system = TaskSystem(directory=tmp_path, slots=1, kinds=[FakeKind()])
        system.start()
        face = DyingFace.start()
        system.subscribe(face, shows=True)
        system.add("Build", "fake")
        assert face.actor_stopped.wait(PATIENCE)
        stopping = _begin_stop(system, timeout=600)
        stopping.join(PATIENCE)
        assert not stopping.is_alive()


# Failures


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("planted"), "planted"),
        (MemoryError(), "there is no memory left; "),
        (
            OSError(errno.EMFILE, "x"),
            "this program has reached its limit of open files; ",
        ),
    ],
)
def test_a_failed_step_of_a_stop_is_reported_and_the_others_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    text: str,
) -> None:
    def fail(*_: object) -> None:
        raise error

    with no_leaks():
        system = TaskSystem(directory=tmp_path)
        system.start()
        with monkeypatch.context() as patch:
            patch.setattr(Shutdown, "_end_leftovers", fail)
            system.stop()
        (problem,) = system.problems
        assert problem.startswith(f"a step of the session's end failed: {text}")
        assert ("Traceback" in caplog.text) is isinstance(error, RuntimeError)
        with system:
            assert system.problems == ()
        assert system.problems == ()
