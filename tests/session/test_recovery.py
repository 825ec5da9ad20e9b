"""The state of a session is recovered from its folder."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest
from backburner.actors import Outcome, Task
from backburner.actors.journal.protocol import Memory
from backburner.actors.session.lost_changes import restored
from msgspec.structs import replace

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _task(task_id: int) -> Task:
    return Task(
        id=task_id, description="Build", kind="fake", reason="", queued_at=_NOON
    )


_DONE: Final = _task(1).started(_NOON).ended(Outcome.complete(), _NOON, 1.0)
_WHOLE: Final = Memory(
    session_key="0123456789ab", next_id=4, seq=9, tasks=(_DONE, _task(2), _task(3))
)
_EMPTY: Final = Memory(session_key="0123456789ab")


def test_a_journal_that_has_everything_is_believed() -> None:
    assert restored(_WHOLE, 4, 9, {1}) == (_WHOLE, None)
    assert restored(_EMPTY, 1, None, ()) == (_EMPTY, None)
    assert restored(_EMPTY, 1, 0, ()) == (_EMPTY, None)


def test_a_kill_between_the_journal_and_the_lock_loses_nothing() -> None:
    assert restored(_WHOLE, 3, 7, {1}) == (_WHOLE, None)


@pytest.mark.parametrize(
    ("next_id", "seq", "outputs", "wanted"),
    [
        (7, 20, {1}, (7, 20)),  # the lock has a higher id
        (4, 20, {1, 8}, (9, 20)),  # an output file has a higher id
        (4, 20, {1, 999_999_999_999_999_999}, (4, 20)),  # a file of no task
    ],
)
def test_lost_changes_are_reported_and_their_numbers_are_not_reused(
    next_id: int, seq: int, outputs: set[int], wanted: tuple[int, int]
) -> None:
    memory, lost = restored(_WHOLE, next_id, seq, outputs)
    assert (memory.next_id, memory.seq) == wanted
    assert lost is not None
    assert "has lost the last changes" in lost
    assert not memory.clean
    assert memory.tasks == _WHOLE.tasks


@pytest.mark.parametrize(
    ("next_id", "seq", "outputs"), [(5, 9, ()), (5, None, ()), (1, None, {4})]
)
def test_an_empty_journal_in_a_used_folder_is_reported(
    next_id: int, seq: int | None, outputs: set[int]
) -> None:
    memory, lost = restored(_EMPTY, next_id, seq, outputs)
    assert memory.next_id == 5
    assert "was missing or empty" in (lost or "")


def test_numbers_reserved_by_an_older_version_are_not_skipped() -> None:
    assert restored(_WHOLE, 1002, None, {1}) == (_WHOLE, None)


def test_a_queued_task_with_an_output_file_is_not_run_again() -> None:
    memory, _ = restored(_WHOLE, 4, 12, {1, 2})
    assert [it.status for it in memory.tasks] == ["complete", "running", "queued"]
    assert replace(memory, tasks=()) == replace(_WHOLE, tasks=(), seq=12, clean=False)
