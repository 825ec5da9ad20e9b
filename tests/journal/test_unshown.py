"""Changes not shown yet, against a model that looks at every change each time."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import pytest
from backburner.actors import Task, TaskChanged, TaskEvent
from backburner.actors.journal.unshown import UNSHOWN_KEPT, UnshownChanges
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _change(seq: int, task_id: int) -> TaskChanged:
    task = Task(
        id=task_id, description="Build", kind="fake", reason="", queued_at=_NOON
    )
    return TaskChanged(seq, TaskEvent.QUEUED, task)


@dataclass
class _Model:
    changes: list[TaskChanged] = field(default_factory=list[TaskChanged])
    forgotten: list[int] = field(default_factory=list[int])
    shown: int = 0

    def owed(self) -> list[TaskChanged]:
        return [it for it in self.changes if it.seq > self.shown]


class UnshownMachine(RuleBasedStateMachine):
    """Drives the changes and the model side by side; they must always agree."""

    def __init__(self) -> None:
        super().__init__()
        self.unshown = UnshownChanges()
        self.model = _Model()
        self.seq = 0
        self.known: set[int] = set()
        self.dropped: list[int] = []

    @rule(task_id=st.integers(1, 5))
    def change(self, task_id: int) -> None:
        if task_id in self.model.forgotten or task_id in self.dropped:
            return
        self.seq += 1
        self.known.add(task_id)
        self.unshown.add(_change(self.seq, task_id))
        self.model.changes.append(_change(self.seq, task_id))

    @rule(seq=st.integers(0, 20))
    def show(self, seq: int) -> None:
        self.model.shown = max(self.model.shown, min(seq, self.seq))
        dropped = self.unshown.shown(min(seq, self.seq))
        owed = {it.task.id for it in self.model.owed()}
        gone = [it for it in self.model.forgotten if it not in owed]
        assert sorted(dropped) == sorted(gone)
        self._drop(gone)

    @rule(task_id=st.integers(1, 5))
    def forget(self, task_id: int) -> None:
        if task_id not in self.known or task_id in self.model.forgotten:
            return
        self.known.discard(task_id)
        dropped = self.unshown.forgot([task_id])
        self.model.forgotten.append(task_id)
        owed = {it.task.id for it in self.model.owed()}
        gone = [] if task_id in owed else [task_id]
        assert dropped == gone
        self._drop(gone)

    @rule()
    def reopen(self) -> None:
        """Continue like a reopened session."""
        owed = self.model.owed()
        self.unshown = UnshownChanges(owed, self.known.__contains__, self.model.shown)

    @invariant()
    def agrees_on_unshown_changes(self) -> None:
        owed = self.model.owed()
        assert self.unshown.up_to(self.seq) == tuple(owed)
        half = self.seq // 2
        assert self.unshown.up_to(half) == tuple(it for it in owed if it.seq <= half)
        assert self.unshown.last == max((it.seq for it in owed), default=0)

    def _drop(self, ids: list[int]) -> None:
        self.dropped += ids
        self.model.forgotten = [it for it in self.model.forgotten if it not in ids]


TestUnshown = UnshownMachine.TestCase
TestUnshown.settings = settings(deadline=None)


def test_never_shown_changes_do_not_accumulate() -> None:
    unshown = UnshownChanges()
    dropped: list[int] = []
    last = UNSHOWN_KEPT + 5
    for number in range(1, last + 1):
        unshown.add(_change(number, number))
        dropped += unshown.forgot([number])
    assert dropped == [1, 2, 3, 4, 5]
    kept = [change.task.id for change in unshown.up_to(last)]
    assert kept == [*range(6, last + 1)]


def test_memory_of_never_shown_changes_is_bounded() -> None:
    unshown = UnshownChanges()
    most = {True: 0, False: 0}  # in the first quarter, and later
    tracemalloc.start()
    try:
        for number in range(1, 20 * UNSHOWN_KEPT):
            unshown.add(_change(2 * number, number))
            unshown.add(_change(2 * number + 1, number))
            unshown.forgot([number])
            size, _ = tracemalloc.get_traced_memory()
            is_early = number < 5 * UNSHOWN_KEPT
            most[is_early] = max(most[is_early], size)
    finally:
        tracemalloc.stop()
    assert most[False] < 1.2 * most[True]


@pytest.mark.parametrize("way", ["shown", "forgotten"])
def test_the_cost_per_change_does_not_grow_with_their_number(way: str) -> None:
    """A plain dict took 5 s of processor time instead of 0.1 s."""
    many = 100_000
    unshown = UnshownChanges(_change(number, number) for number in range(1, many + 1))
    began = time.thread_time()
    if way == "shown":
        for number in range(0, many + 1, 1000):
            unshown.shown(number)
    else:
        for number in range(1, many + 1):
            unshown.forgot([number])
    assert time.thread_time() - began < 1.5
    assert len(unshown.up_to(many)) == (0 if way == "shown" else UNSHOWN_KEPT)
