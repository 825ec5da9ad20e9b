"""Cancel: no process survives, no task starts, and it is announced once."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    CancelTask,
    Notification,
    RefusedError,
    TaskChanged,
    TaskEvent,
    TasksForgotten,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.testing import Recorder, running
from conditions import until
from patience import PATIENCE
from process_ends import alive, pids_in

if TYPE_CHECKING:
    from pathlib import Path

    from backburner.actors import QueueRequest, Recipient


# A process that moves to a session of its own records its id after that.
SHELL = (
    'note() { echo "$1" >> pids; }; '
    "own() { setsid bash -c 'echo $$ >> pids; exec sleep 600'; }; "
    "bare() { env -i setsid bash -c 'echo $$ >> pids; exec sleep 600'; }; "
)

# Each with the number of processes that it records before it can be canceled.
TREES = {
    "children": (3, "sleep 600 & note $!; sleep 600 & note $!; note $$; wait"),
    "grandchildren": (
        3,
        "(sleep 600 & note $!; (sleep 600 & note $!; wait) & wait) & note $$; wait",
    ),
    "ignores TERM": (
        2,
        "trap '' TERM; sleep 600 & note $!; note $$; while :; do wait; sleep 600; done",
    ),
    "only a child ignores TERM": (
        2,
        "(trap '' TERM; note $BASHPID; while :; do sleep 600; done) & note $$; wait",
    ),
    "a session of its own": (2, "own & note $$; wait"),
    "a session of its own that ignores TERM": (
        2,
        "trap '' TERM; own & trap - TERM; note $$; wait",
    ),
    "two forks": (2, "( ( sleep 600 & note $! ) & ); note $$; sleep 600"),
    "two forks into a session of its own": (2, "( ( own & ) & ); note $$; sleep 600"),
    "a session of its own without the mark": (2, "bare & note $$; wait"),
    "stopped": (2, "sleep 600 & note $!; kill -STOP $!; note $$; kill -STOP $$"),
    "exits at TERM and leaves another": (2, "trap 'exit 0' TERM; own & note $$; wait"),
}


@pytest.mark.parametrize("now", [False, True], ids=["asked", "killed"])
@pytest.mark.parametrize("tree", TREES)
def test_a_canceled_tree_leaves_no_process(
    tree: str, tmp_path: Path, *, now: bool
) -> None:
    count, command = TREES[tree]
    with running(TaskSystem(grace=0.1)) as system:
        task = system.add("Tree", "bash", f"cd {tmp_path}; {SHELL}{command}")
        until(lambda: len(pids_in(tmp_path / "pids")) == count)
        pids = pids_in(tmp_path / "pids")
        assert sorted(alive(pids)) == sorted(pids)
        system.cancel(task.id, reason="canceled by you", now=now)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        # The recorded state, not the current one.
        assert alive(pids) == []
        assert (ended.status, ended.reason) == ("canceled", "canceled by you")
        assert ended.error is None


def test_a_process_that_forks_while_it_is_killed_leaves_no_process(
    tmp_path: Path,
) -> None:
    breed = "while :; do own & sleep 0.01; done"
    with running(TaskSystem(grace=0.1)) as system:
        task = system.add(
            "Breed", "bash", f"cd {tmp_path}; trap '' TERM; {SHELL}{breed}"
        )
        until(lambda: len(pids_in(tmp_path / "pids")) >= 3)
        system.cancel(task.id)
        system.wait(task.id, timeout=PATIENCE)
        assert alive(pids_in(tmp_path / "pids")) == []


def test_a_process_that_cleans_up_on_sigterm_has_time(tmp_path: Path) -> None:
    command = (
        "trap 'sleep 0.1; touch cleaned; exit 3' TERM; touch ready; sleep 600 & wait"
    )
    with running(TaskSystem(grace=PATIENCE)) as system:
        task = system.add("Polite", "bash", f"cd {tmp_path}; {command}")
        until((tmp_path / "ready").exists)
        system.cancel(task.id)
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert (ended.status, ended.exit_code) == ("canceled", 3)
        assert (tmp_path / "cleaned").exists()


def test_a_queued_task_that_was_canceled_never_starts(tmp_path: Path) -> None:
    with running(TaskSystem(slots=1, grace=0.1)) as system:
        system.add("Busy", "bash", "sleep 600")
        for n in range(5):
            system.add("Touch", "bash", f"touch {tmp_path}/{n}")
        for task_id in (2, 4, 6):
            assert system.cancel(task_id).status is TaskStatus.CANCELED
        system.cancel(1)
        system.wait(timeout=PATIENCE)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "3"]
        for task_id in (2, 4, 6):
            assert system.get(task_id).started_at is None


class Canceler(Recorder[Notification]):
    """Cancels tasks as soon as they are announced.

    It is called on the queue's thread, so its cancel is as early as possible; how
    many tasks start or end before it is up to the scheduler.
    """

    def __init__(self, seed: int) -> None:
        super().__init__("the canceler")
        self._random = random.Random(seed)  # noqa: S311 - nothing secret
        self.queue: Recipient[QueueRequest] | None = None

    def tell(self, message: Notification, /) -> None:
        super().tell(message)
        if isinstance(message, TaskChanged) and self.queue is not None:
            chance = {TaskEvent.QUEUED: 0.2, TaskEvent.RUNNING: 0.5}.get(
                message.event, 0.3
            )
            if self._random.random() < chance:
                now = self._random.random() < 0.3
                self.queue.tell(CancelTask(message.task.id, now=now))


LEGAL = {
    (TaskEvent.QUEUED, TaskEvent.RUNNING),
    (TaskEvent.QUEUED, TaskEvent.CANCELED),
    (TaskEvent.RUNNING, TaskEvent.PROGRESS),
    (TaskEvent.PROGRESS, TaskEvent.PROGRESS),
    *(
        (before, after)
        for before in (TaskEvent.RUNNING, TaskEvent.PROGRESS)
        for after in (TaskEvent.COMPLETE, TaskEvent.CANCELED)
    ),
}


def _assert_legal(canceler: Canceler, count: int) -> dict[TaskEvent, int]:
    """Check all changes, and count the tasks by their end."""
    changes = canceler.of(TaskChanged)
    assert [change.seq for change in changes] == list(range(1, len(changes) + 1))
    stories: dict[int, list[TaskEvent]] = {}
    for change in changes:
        stories.setdefault(change.task.id, []).append(change.event)
    assert sorted(stories) == list(range(1, count + 1))
    ends: dict[TaskEvent, int] = {}
    for story in stories.values():
        assert story[0] is TaskEvent.QUEUED
        # No event follows a final one, so each task has exactly one.
        assert set(itertools.pairwise(story)) <= LEGAL
        assert story[-1] in {TaskEvent.COMPLETE, TaskEvent.CANCELED}
        ends[story[-1]] = ends.get(story[-1], 0) + 1
    return ends


def _race(kind: str, argument: str, count: int) -> None:
    canceler = Canceler(seed=count)
    with running(TaskSystem(grace=0.1, history=count)) as system:
        canceler.queue = system.queue
        system.subscribe(canceler)
        for n in range(count):
            system.add(f"Task {n}", kind, argument)
            if n % 7 == 0:
                # One more cancel of a task in any state, from another thread.
                try:
                    system.cancel(max(1, n - n % 13))
                except RefusedError as refused:
                    assert "already finished" in str(refused)  # noqa: PT017 - either is fine
        system.wait(timeout=PATIENCE)
        assert all(task.status.is_final for task in system.list())
        assert canceler.of(TasksForgotten) == ()
    ends = _assert_legal(canceler, count)
    # Otherwise there was no race.
    assert ends[TaskEvent.COMPLETE] > count // 20
    assert ends[TaskEvent.CANCELED] > count // 20


def test_cancel_races_with_start_and_finish() -> None:
    _race("sleep", "1ms", 3000)


def test_cancel_races_with_processes() -> None:
    _race("bash", ":", 200)
