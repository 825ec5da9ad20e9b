"""Tests a kind without actors, on a clock that the tests advance."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    InvalidRequestError,
    JobContext,
    Outcome,
    Task,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import ManualClock, ManualExits, Recorder
from file_kind import LIMIT, FileJob, FileKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()


@pytest.fixture
def looks() -> Recorder[str]:
    """Return a recipient for the looks that the job requests."""
    return Recorder("the looks")


@pytest.fixture
def job(tmp_path: Path, clock: ManualClock, looks: Recorder[str]) -> FileJob:
    """Start a job that waits for `tmp_path / "ready"`."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    task = Task(
        id=1,
        description="Wait",
        kind="file",
        args=(str(tmp_path / "ready"),),
        status=TaskStatus.RUNNING,
        reason="running",
        queued_at=at,
        started_at=at,
        duration=0.0,
    )
    return FileKind().start(
        JobContext(
            task=task,
            mark="test:1",
            clock=clock,
            exits=ManualExits(),
            look=lambda: looks.tell("look"),
        )
    )


def test_it_ends_when_the_file_is_there(job: FileJob, tmp_path: Path) -> None:
    assert job.look() is None
    (tmp_path / "ready").touch()

    end = job.look()

    assert end is not None
    assert end.outcome.status is TaskStatus.COMPLETE


def test_it_fails_after_its_time_limit(
    job: FileJob, clock: ManualClock, looks: Recorder[str], tmp_path: Path
) -> None:
    clock.advance(LIMIT - 1)
    assert (job.look(), looks.received) == (None, ())

    clock.advance(1)

    end = job.look()
    assert looks.received == ("look",)
    assert end is not None
    assert end.outcome == Outcome.failed(f"no {tmp_path / 'ready'} within 60 s")


def test_two_paths_are_refused() -> None:
    with pytest.raises(InvalidRequestError, match="one path"):
        FileKind().check(("a", "b"))


def test_it_runs_in_a_real_system(
    run_system: Callable[[TaskSystem], TaskSystem], tmp_path: Path
) -> None:
    system = run_system(TaskSystem(kinds=[FileKind()]))
    task = system.add("Wait", "file", str(tmp_path / "ready"))

    (tmp_path / "ready").touch()
    (ended,) = system.wait(task.id, timeout=60)

    assert ended.status is TaskStatus.COMPLETE
