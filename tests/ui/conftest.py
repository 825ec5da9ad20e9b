"""Fixtures for the tests of the user interface."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Outcome, Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUEUED_AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make UTC the local time zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(scope="session")
def samples() -> Mapping[TaskStatus, Task]:
    """One task of each status: #1 queued, #2 running, #3 complete, and so on."""

    def queued(task_id: int, description: str) -> Task:
        return Task(
            id=task_id,
            description=description,
            kind="bash",
            args=("make test",),
            reason="waiting for a slot (8 of 8 busy)",
            queued_at=QUEUED_AT,
        )

    def started(task_id: int, description: str) -> Task:
        return queued(task_id, description).started(QUEUED_AT + timedelta(seconds=1))

    end = QUEUED_AT + timedelta(seconds=43)
    tasks = [
        queued(1, "Deploy"),
        started(2, "Build"),
        started(3, "Run tests").ended(Outcome.complete("exit status 0", 0), end, 42.0),
        started(4, "Lint").ended(Outcome.failed("exit status 1", 1), end, 42.0),
        queued(5, "Docs").ended(Outcome.canceled("canceled by you"), end),
    ]
    return {task.status: task for task in tasks}
