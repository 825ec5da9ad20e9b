from __future__ import annotations

from queue import SimpleQueue

import pytest
from backburner.actors import Outcome, Task, TaskChanged, TaskEvent
from backburner.actors.host.idleness import Idleness
from backburner.actors.messages import JournalTrouble
from backburner.actors.testing import make_task
from patience import PATIENCE


class Clients:
    """Reports whether there are clients, and records the ends of linger periods."""

    def __init__(self) -> None:
        self.are_there = False
        self.told: SimpleQueue[int] = SimpleQueue()

    def idleness(self, linger: float = 0.01) -> Idleness:
        return Idleness(linger, lambda: self.are_there, self.told.put)


@pytest.fixture
def clients() -> Clients:
    return Clients()


def _changed(task: Task) -> TaskChanged:
    return TaskChanged(1, TaskEvent.of(task.status), task)


def test_the_linger_ends_after_the_last_client_has_left(clients: Clients) -> None:
    idleness = clients.idleness()
    clients.are_there = True
    idleness.note_join()
    clients.are_there = False
    idleness.watch()
    assert idleness.is_over(clients.told.get(timeout=PATIENCE))


def test_a_returning_client_invalidates_an_earlier_number(clients: Clients) -> None:
    idleness = clients.idleness()
    idleness.note_join()
    number = clients.told.get(timeout=PATIENCE)
    clients.are_there = True
    idleness.watch()
    clients.are_there = False
    idleness.watch()
    assert not idleness.is_over(number)
    assert idleness.is_over(clients.told.get(timeout=PATIENCE))


def test_an_open_task_needs_the_host(clients: Clients) -> None:
    idleness = clients.idleness()
    task = make_task(1)
    assert idleness.take(_changed(task)) is None
    idleness.note_join()
    ended = task.ended(Outcome.canceled("canceled by you"), task.queued_at)
    assert idleness.take(_changed(ended)) == ended
    assert idleness.open_count == 0
    assert idleness.is_over(clients.told.get(timeout=PATIENCE))


def test_a_replaced_session_needs_no_host_for_its_tasks(clients: Clients) -> None:
    idleness = clients.idleness()
    idleness.take(_changed(make_task(1)))
    idleness.note_join()
    idleness.take(JournalTrouble("the disk is full"))
    assert clients.told.empty()
    idleness.take(JournalTrouble("another session", replaced=True))
    number = clients.told.get(timeout=PATIENCE)
    clients.are_there = True
    assert not idleness.is_over(number)
    clients.are_there = False
    idleness.watch()
    assert idleness.is_over(clients.told.get(timeout=PATIENCE))


def test_without_a_linger_the_host_is_not_notified(clients: Clients) -> None:
    idleness = clients.idleness(0.0)
    idleness.note_join()
    assert not idleness.is_over(1)
