"""A TaskActor for each test."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Task
from backburner.actors.testing import FakeKind, no_leaks
from patience import PATIENCE

from tests.job.rig import Rig, StartActor

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def start_actor(tmp_path: Path) -> Iterator[StartActor]:
    rigs: list[Rig] = []

    def start(kind: FakeKind) -> Rig:
        output = str(tmp_path / "1.log") if kind.writes_output else None
        at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
        task = Task(
            id=1,
            description="Build",
            kind="fake",
            reason="waiting",
            queued_at=at,
            output_path=output,
        ).started(at)
        rigs.append(Rig(kind, task))
        return rigs[-1]

    with no_leaks():
        yield start
        for rig in rigs:
            rig.actor.stop(timeout=PATIENCE)


@pytest.fixture
def rig(start_actor: StartActor) -> Rig:
    return start_actor(FakeKind(writes_output=True))
