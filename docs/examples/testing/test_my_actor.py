"""Tests one actor alone: the messages that it receives and sends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    AddTask,
    Notification,
    QueueRequest,
    Subscribe,
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
)
from backburner.actors.testing import Recorder

if TYPE_CHECKING:
    from collections.abc import Generator

    from backburner.actors import Recipient


class Retrier(pykka.ThreadingActor):
    """Adds a failed task again, once."""

    use_daemon_thread = True

    def __init__(self, queue: Recipient[QueueRequest]) -> None:
        super().__init__()
        self._queue = queue

    def on_start(self) -> None:
        """Subscribe to all changes."""
        self._queue.tell(Subscribe(self.actor_ref))

    def on_receive(self, message: Notification) -> None:
        """Add a failed task again."""
        match message:
            case TaskChanged(event=TaskEvent.FAILED, task=task):
                if task.origin != "retrier":
                    again = TaskRequest(
                        task.description, task.kind, task.args, origin="retrier"
                    )
                    self._queue.tell(AddTask(again))
            case _:
                pass


@pytest.fixture
def queue() -> Recorder[QueueRequest]:
    """Replace the QueueActor by a recipient that only stores requests."""
    return Recorder("the queue")


@pytest.fixture
def retrier(
    queue: Recorder[QueueRequest],
) -> Generator[pykka.ActorRef[Retrier], None, None]:
    """Start the actor, and stop it after the test."""
    ref = Retrier.start(queue)
    yield ref
    ref.stop(timeout=60)


def failed(task_id: int, origin: str = "") -> TaskChanged:
    """Return the notification of a failed task."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    task = Task(
        id=task_id,
        description="Flaky",
        kind="bash",
        args=("make test",),
        origin=origin,
        status=TaskStatus.FAILED,
        reason="exit status 1",
        error="exit status 1",
        exit_code=1,
        queued_at=at,
        started_at=at,
        ended_at=at,
        duration=0.0,
    )
    return TaskChanged(seq=task_id, event=TaskEvent.FAILED, task=task)


def test_it_subscribes(
    queue: Recorder[QueueRequest], retrier: pykka.ActorRef[Retrier]
) -> None:
    assert queue.wait_for(Subscribe).subscriber is retrier


def test_a_failed_task_is_added_again_once(
    queue: Recorder[QueueRequest], retrier: pykka.ActorRef[Retrier]
) -> None:
    retrier.tell(failed(1))
    retrier.tell(failed(2, origin="retrier"))
    retrier.stop(timeout=60)  # after both have been handled

    (added,) = queue.of(AddTask)
    assert added.request == TaskRequest("Flaky", "bash", ("make test",), "retrier")
