"""The outbox alone: immediate and delayed messages, and the tasks in an answer."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from backburner.actors import (
    CancelAccepted,
    Forgotten,
    Outcome,
    QueueReply,
    Refused,
    Task,
    TaskAdded,
    TaskFound,
)
from backburner.actors.journal.outbox import Outbox, told_by
from backburner.actors.testing import Recorder

_AT = datetime(2026, 1, 2, tzinfo=UTC)


def _task(task_id: int) -> Task:
    return Task(id=task_id, description="", kind="fake", reason="", queued_at=_AT)


def test_messages_without_changes_are_sent_and_the_rest_keeps_its_order() -> None:
    outbox, one = Outbox(), Recorder[object]("one")
    assert not outbox
    outbox.add(one, "first", tells_change=True)
    outbox.add(None, "free", tells_change=False)
    outbox.add(None, "second", tells_change=True)
    outbox.add(one, "free too", tells_change=False)
    outbox.add(one, "third")
    outbox.add(one, "free as well")

    def tells(message: str) -> bool:
        return message == "third"

    assert outbox.take_free(tells) == [
        (None, "free"),
        (one, "free too"),
        (one, "free as well"),
    ]
    assert outbox
    assert outbox.take_free(tells) == []
    outbox.add(one, "fourth", tells_change=False)
    assert outbox.take_all() == [
        (one, "first"),
        (None, "second"),
        (one, "third"),
        (one, "fourth"),
    ]
    assert not outbox
    assert outbox.take_all() == []


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (TaskAdded(_task(3)), [(3, "queued")]),
        (
            CancelAccepted(
                (_task(1).ended(Outcome.canceled(""), _AT, None), _task(2).started(_AT))
            ),
            [(1, "canceled"), (2, "running")],
        ),
        (Forgotten((4, 5)), [(4, None), (5, None)]),
        (TaskFound(_task(1)), []),
        (Refused("no"), []),
    ],
)
def test_an_answer_names_the_changes_it_confirms(
    answer: QueueReply, expected: list[tuple[int, str | None]]
) -> None:
    assert [*told_by(answer)] == expected
