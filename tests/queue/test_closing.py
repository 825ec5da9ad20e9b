"""Closing a queue, and opening it again."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

import pykka
import pytest
from backburner.actors import (
    Acknowledged,
    TaskChanged,
    TaskFilter,
    TaskRequest,
    TasksForgotten,
    TaskStatus,
)
from backburner.actors.messages import CloseQueue, OpenQueue, StartTask, StopTask
from backburner.actors.rules.book import TaskBook
from backburner.actors.testing import ManualClock
from patience import PATIENCE

from tests.queue.rig import DONE, RecordingJournal, Rig, StartQueue, events


def test_closing_a_forgotten_session_cancels_queued_tasks(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.add()
    rig.ask(CloseQueue("the session ended"), Acknowledged)
    assert rig.get(1).status is TaskStatus.RUNNING  # the runner drains the queue
    canceled = rig.get(2)
    assert (canceled.status, canceled.reason) == ("canceled", "the session ended")
    assert rig.runner.of(StopTask) == ()


def test_closing_a_remembered_session_keeps_queued_tasks(rig: Rig) -> None:
    rig.claim(1)
    rig.add()
    rig.add()
    rig.ask(CloseQueue("the session ended", keep_queued=True), Acknowledged)
    rig.end(1)
    rig.claim(1)
    assert rig.get(2).status is TaskStatus.QUEUED
    assert [m.task.id for m in rig.runner.of(StartTask)] == [1]


def test_tasks_of_an_earlier_run_are_recovered(start_queue: StartQueue) -> None:
    earlier = TaskBook()
    moment = ManualClock().now()
    for _ in range(4):
        earlier.add(TaskRequest("Build", "fake"), moment, "waiting")
    earlier.start_next(moment)
    earlier.start_next(moment)
    earlier.end(1, DONE, moment)
    book = TaskBook(history=1)
    book.restore(earlier.tasks.list(TaskFilter.ALL, moment))
    journal = RecordingJournal()
    rig = start_queue(book=book, journal=journal, seq=7)
    subscriber = rig.subscribe()
    rig.ask(OpenQueue(), Acknowledged)
    assert events(subscriber) == [(8, "failed", 2)]
    lost = subscriber.of(TaskChanged)[0].task
    assert lost.reason == "the session ended while it ran"
    assert ("noted", 8) in journal.log
    assert subscriber.of(TasksForgotten) == (TasksForgotten(8, (1,)),)
    rig.claim(2)
    rig.get(2)
    assert [m.task.id for m in rig.runner.of(StartTask)] == [3, 4]


class _Bare(pykka.ThreadingActor):
    """An actor with a reference that nothing else holds."""

    def __init__(self, held: object) -> None:
        super().__init__()
        self.held = held


def _stop(actor: pykka.ActorRef[Any]) -> None:
    name = actor.actor_class.__name__
    thread = next(it for it in threading.enumerate() if name in it.name)
    actor.stop(timeout=PATIENCE)
    thread.join(PATIENCE)


def test_a_stopped_queue_releases_its_tasks(start_queue: StartQueue) -> None:
    gc.disable()  # a cycle would be freed some time later
    try:
        book = TaskBook()
        held = weakref.ref(book)
        _stop(_Bare.start(book))
        del book
        if held() is not None:
            pytest.skip("an actor of this Pykka and its ref hold each other")
        book = TaskBook()
        held = weakref.ref(book)
        rig = start_queue(book=book)
        del book
        rig.add()
        _stop(rig.queue)
        assert held() is None
    finally:
        gc.enable()
