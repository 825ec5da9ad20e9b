"""The history, and the deletion of output."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pykka
import pytest
from backburner.actors import (
    Acknowledged,
    ForgetFinished,
    Forgotten,
    ListTasks,
    Outcome,
    TaskCounts,
    TaskFilter,
    TaskList,
    TaskRequest,
    TasksForgotten,
)
from backburner.actors.journal import removal
from backburner.actors.journal.removal import RemovalActor, remove_output
from backburner.actors.messages import OpenQueue, StopTask, TaskProgressed
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.testing import ManualClock
from patience import PATIENCE

from tests.queue.rig import DONE, Rig, StartQueue, statuses

if TYPE_CHECKING:
    from collections.abc import Iterable


def test_finished_tasks_are_forgotten_with_their_output(rig: Rig) -> None:
    subscriber = rig.subscribe()
    rig.claim(2)
    for _ in range(3):
        rig.add()
    for n in (1, 2, 3):
        (rig.output / f"{n}.log").write_text("output")
    rig.end(1)
    assert rig.ask(ForgetFinished(), Forgotten).ids == (1,)
    assert sorted(path.name for path in rig.output.iterdir()) == ["2.log", "3.log"]
    assert subscriber.of(TasksForgotten) == (TasksForgotten(6, (1,)),)
    assert rig.ask(ForgetFinished(), Forgotten).ids == ()
    assert len(subscriber.of(TasksForgotten)) == 1


def test_an_output_that_cannot_be_deleted_blocks_nothing(rig: Rig) -> None:
    rig.claim(2)
    rig.add()
    rig.add()
    (rig.output / "1.log").mkdir()
    rig.end(1)
    rig.end(2)
    assert rig.ask(ForgetFinished(), Forgotten).ids == (1, 2)


class _SlowDisk:
    """Blocks the deletion of files until released."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._go_on = threading.Event()
        self._begun = threading.Event()
        monkeypatch.setattr(removal, "remove_output", self._remove)

    def go_on(self) -> None:
        self._go_on.set()

    def wait_until_begun(self) -> None:
        assert self._begun.wait(PATIENCE)

    def _remove(self, paths: Iterable[str]) -> None:
        self._begun.set()
        assert self._go_on.wait(PATIENCE)
        remove_output(paths)


def _finish_many(rig: Rig, count: int = 30) -> None:
    rig.claim(count)
    for _ in range(count):
        task = rig.add()
        (rig.output / f"{task.id}.log").write_text("output")
        rig.end(task.id)


def test_the_queue_answers_while_many_files_are_deleted(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _SlowDisk(monkeypatch)
    _finish_many(rig)
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    assert rig.add().id == 31
    # The request is answered after the deletion.
    with pytest.raises(pykka.Timeout):
        forgotten.get(timeout=0)
    disk.go_on()
    assert forgotten.get(timeout=PATIENCE) == Forgotten(tuple(range(1, 31)))
    assert [*rig.output.iterdir()] == []
    assert rig.ask(ForgetFinished(), Forgotten).ids == ()


def test_large_output_is_deleted_by_another_actor(
    start_queue: StartQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = start_queue(output_limit=1 << 40)
    disk = _SlowDisk(monkeypatch)
    rig.claim(1)
    rig.add()
    (rig.output / "1.log").write_text("output")
    rig.end(1, news=OutputNews(1 << 30))
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    assert rig.ask(ListTasks(), TaskList).tasks == ()
    disk.go_on()
    assert forgotten.get(timeout=PATIENCE) == Forgotten((1,))


def test_a_stopping_queue_waits_for_the_deletion(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = _SlowDisk(monkeypatch)
    _finish_many(rig)
    forgotten = rig.queue.ask(ForgetFinished(), block=False)
    disk.wait_until_begun()
    stopped = rig.queue.stop(block=False)
    disk.go_on()
    assert stopped.get(timeout=PATIENCE)
    assert [*rig.output.iterdir()] == []
    assert forgotten.get(timeout=0) == Forgotten(tuple(range(1, 31)))


def test_deletion_works_after_its_actor_was_stopped(rig: Rig) -> None:
    for _ in range(2):
        _finish_many(rig)
        assert len(rig.ask(ForgetFinished(), Forgotten).ids) == 30
        assert [*rig.output.iterdir()] == []
        for it in pykka.ActorRegistry.get_by_class(RemovalActor):
            it.stop(timeout=PATIENCE)


def test_only_the_most_recent_finished_tasks_are_kept(start_queue: StartQueue) -> None:
    rig = start_queue(book=TaskBook(history=2))
    subscriber = rig.subscribe()
    for n in range(1, 6):
        rig.claim(1)
        rig.add()
        (rig.output / f"{n}.log").write_text("output")
        rig.end(n)
    listed = rig.ask(ListTasks(), TaskList)
    assert statuses(listed.tasks) == [(4, "complete"), (5, "complete")]
    assert sorted(path.name for path in rig.output.iterdir()) == ["4.log", "5.log"]
    assert [f.ids for f in subscriber.of(TasksForgotten)] == [(1,), (2,), (3,)]
    assert listed.counts == TaskCounts(complete=2)


def test_too_much_output_forgets_the_oldest_finished_tasks(
    start_queue: StartQueue,
) -> None:
    rig = start_queue(output_limit=1000)
    rig.claim(9)
    for n in (1, 2, 3):
        rig.add()
        rig.end(n, DONE, OutputNews(300))
    rig.add()
    rig.tell(TaskProgressed(4, OutputNews(100)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 4
    rig.tell(TaskProgressed(4, OutputNews(500)))
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [3, 4]
    assert rig.runner.of(StopTask) == ()


def test_too_much_output_of_running_tasks_ends_the_writing_task(
    start_queue: StartQueue,
) -> None:
    rig = start_queue(output_limit=2048)
    rig.claim(2)
    rig.add()
    rig.add()
    rig.tell(TaskProgressed(1, OutputNews(2000)))
    rig.tell(TaskProgressed(2, OutputNews(40)))
    rig.get(1)
    assert rig.runner.of(StopTask) == ()
    rig.tell(TaskProgressed(2, OutputNews(49)))
    rig.get(1)
    (stop,) = rig.runner.of(StopTask)
    assert (stop.task_id, stop.now) == (2, True)
    assert stop.outcome == Outcome.failed(
        "the session's output went beyond the limit of 2 KiB"
    )


def test_a_task_that_exceeds_the_whole_limit_evicts_no_other_output(
    start_queue: StartQueue,
) -> None:
    rig = start_queue(output_limit=1000)
    rig.claim(9)
    for n in (1, 2):
        rig.add()
        rig.end(n, DONE, OutputNews(300))
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(1100)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    assert [stop.task_id for stop in rig.runner.of(StopTask)] == [3]
    rig.end(3, Outcome.failed("too much"), OutputNews(1200))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    assert len(rig.runner.of(StopTask)) == 1
    # The next change that needs space gets the freed space.
    rig.add()
    rig.tell(TaskProgressed(4, OutputNews(100)))
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [1, 2, 4]


def test_holes_of_a_sparse_file_do_not_count(start_queue: StartQueue) -> None:
    limit = 8 << 20
    rig = start_queue(output_limit=limit)
    rig.claim(9)
    for n in (1, 2):
        rig.add()
        (rig.output / f"{n}.log").write_bytes(b"x" * 1000)
        os.truncate(rig.output / f"{n}.log", 100 * limit)
        rig.end(n, DONE, OutputNews(100 * limit))
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(limit - 100_000)))
    assert len(rig.ask(ListTasks(), TaskList).tasks) == 3
    rig.tell(TaskProgressed(3, OutputNews(limit)))
    # The files on the disk count nevertheless.
    left = rig.ask(ListTasks(), TaskList).tasks
    assert [task.id for task in left] == [3]
    assert rig.runner.of(StopTask) == ()


def test_output_of_earlier_runs_counts(start_queue: StartQueue) -> None:
    earlier = TaskBook()
    moment = ManualClock().now()
    for n in (1, 2):
        earlier.add(TaskRequest("Build", "fake"), moment, "waiting")
        earlier.start_next(moment)
        earlier.end(n, DONE, moment, OutputNews(400))
    book = TaskBook()
    book.restore(earlier.tasks.list(TaskFilter.ALL, moment))
    rig = start_queue(book=book, output_limit=1000)
    rig.ask(OpenQueue(), Acknowledged)
    rig.claim(1)
    rig.add()
    rig.tell(TaskProgressed(3, OutputNews(300)))
    assert [task.id for task in rig.ask(ListTasks(), TaskList).tasks] == [2, 3]
