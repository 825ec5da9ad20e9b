"""How a TaskSystem ends: who may end it, how often, how soon, and what is kept."""

from __future__ import annotations

import math
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskStatus, TaskSystem
from backburner.actors.testing import FakeKind, no_leaks, running

if TYPE_CHECKING:
    from backburner.actors.testing.fake_kind import FakeJob

PATIENCE = 20.0


def _begin_stop(system: TaskSystem, **how: float) -> threading.Thread:
    thread = threading.Thread(target=system.stop, kwargs=how, daemon=True)
    thread.start()
    return thread


def _was_asked(job: FakeJob) -> None:
    job.asked.wait_for(lambda step: step == "stop")


# Who stops it, and how often


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


def test_a_second_stop_in_a_hurry_does_not_wait_for_the_first() -> None:
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


def test_a_signal_handler_may_stop_it_while_it_is_stopped() -> None:
    kind = FakeKind(ignores={"stop"})
    with running(TaskSystem(kinds=[kind], grace=600)) as system:
        job = kind.job(system.add("Build", "fake").id)
        handled = threading.Event()

        def handle(*_: object) -> None:
            system.stop()
            handled.set()

        def interrupt() -> None:
            _was_asked(job)
            os.kill(os.getpid(), signal.SIGUSR1)
            handled.wait(PATIENCE)
            job.complete()

        before = signal.signal(signal.SIGUSR1, handle)
        helper = threading.Thread(target=interrupt, daemon=True)
        helper.start()
        try:
            system.stop()
        finally:
            signal.signal(signal.SIGUSR1, before)
        helper.join(PATIENCE)
        assert handled.is_set()
    assert "kill" not in job.asked.received


def test_what_ctrl_c_ends_has_its_true_end(tmp_path: Path) -> None:
    kind = FakeKind(ignores={"stop"})
    system = TaskSystem(directory=tmp_path, kinds=[kind], grace=600)
    system.start()
    job = kind.job(system.add("Build", "fake").id)

    def interrupt() -> None:
        _was_asked(job)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        system.stop()
    with running(TaskSystem(directory=tmp_path, kinds=[kind])) as again:
        task = again.get(1)
        assert (task.status, task.reason) == ("canceled", "the session ended")


# How soon


def test_a_hurry_counts_for_the_stop_under_way_alone(tmp_path: Path) -> None:
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


def test_a_stop_without_any_time_logs_no_error(
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
def test_a_grace_period_may_be_as_long_as_one_likes(
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
def test_waits_may_be_as_long_as_one_likes(timeout: float) -> None:
    kind = FakeKind()
    system = TaskSystem(kinds=[kind])
    system.start()
    task = system.add("Build", "fake", timeout=timeout)
    kind.job(task.id).complete()
    (ended,) = system.wait(task.id, timeout=timeout)
    assert ended.status is TaskStatus.COMPLETE
    system.stop(timeout=timeout)


def test_what_is_no_time_is_refused_and_stops_nothing() -> None:
    with running(TaskSystem()) as system:
        with pytest.raises(ValueError, match="nan is no time to wait"):
            system.stop(timeout=math.nan)
        with pytest.raises(ValueError, match="nan is no time to wait"):
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
