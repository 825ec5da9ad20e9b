"""A QueueActor for each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import Kinds, QueueActor, TaskChanged
from backburner.actors.journal.protocol import Journal
from backburner.actors.journal.unshown import UnshownChanges
from backburner.actors.queue.config import QueueConfig
from backburner.actors.rules.book import TaskBook
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import FakeKind, ManualClock, no_leaks
from patience import PATIENCE

from tests.queue.rig import RecordingJournal, Rig, StartQueue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


@pytest.fixture
def start_queue(tmp_path: Path) -> Iterator[StartQueue]:
    rigs: list[Rig] = []

    def start(  # noqa: PLR0913 - each is one independent setting
        *,
        book: TaskBook | None = None,
        journal: Journal | None = None,
        output_limit: int = 1000,
        seq: int = 0,
        unshown: Iterable[TaskChanged] = (),
        writes_output: bool = True,
    ) -> Rig:
        clock, dead_letters = ManualClock(), DeadLetters()
        kind = FakeKind(writes_output=writes_output)
        config = QueueConfig(
            kinds=Kinds([kind]),
            output=tmp_path,
            output_limit=output_limit,
            clock=clock,
            dead_letters=dead_letters,
        )
        queue = QueueActor.start(
            config,
            book or TaskBook(),
            journal or Journal(),
            seq,
            UnshownChanges(unshown),
        )
        rigs.append(Rig(queue, clock, kind, dead_letters, tmp_path))
        return rigs[-1]

    with no_leaks():
        yield start
        for rig in rigs:
            rig.queue.stop(timeout=PATIENCE)


@pytest.fixture
def journal() -> RecordingJournal:
    return RecordingJournal()


@pytest.fixture
def rig(start_queue: StartQueue, journal: RecordingJournal) -> Rig:
    return start_queue(journal=journal)
