"""The end of a round: no open task can continue by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from backburner.actors import Outcome, Task, TaskStatus, Terms
from backburner.actors.rules.rounds import HeldTasks, Round
from backburner.actors.rules.wait_reasons import PAUSED, group_paused

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _queued(number: int, terms: Terms | None = None) -> Task:
    return Task(
        id=number,
        description="Job",
        kind="bash",
        reason="starting",
        queued_at=_NOON,
        terms=terms,
    )


def _held_count(tasks: list[Task]) -> int | None:
    """Return the number of held tasks if all open ones are held, in either order."""
    open_ids = {task.id for task in tasks}
    answers: set[bool] = set()
    for order in (tasks, tasks[::-1]):
        held = HeldTasks()
        for task in order:
            held.note(_queued(task.id, Terms(held=True)))
            held.note(task)
        answers.add(held.are_all(len(tasks), open_ids.__contains__))
    (answer,) = answers
    return len(tasks) if answer else None


def test_held_tasks_and_their_dependents_count_as_held() -> None:
    held, after = Terms(held=True), Terms(after=(1,))
    last = Terms(after_any=(2,))
    assert _held_count([]) == 0
    chain = [_queued(1, held), _queued(2, after), _queued(3, last)]
    assert _held_count(chain) == 3
    assert _held_count([*chain, _queued(4)]) is None
    assert _held_count([_queued(4).started(_NOON), *chain]) is None
    # It depends on an ended task, and starts at once.
    assert _held_count([_queued(2, after)]) is None
    assert _held_count([_queued(5, Terms(delay=60.0))]) is None


def test_paused_tasks_and_their_dependents_count_as_held() -> None:
    group = Terms(group="ci")
    paused = _queued(1, group).waiting(group_paused("ci", "#4 failed"))
    assert _held_count([paused, _queued(2, Terms(after=(1,)))]) == 2
    assert _held_count([_queued(1).waiting(PAUSED)]) == 1
    running = _queued(3).started(_NOON)
    assert _held_count([running.paused(_NOON, 1.0)]) == 1
    assert _held_count([paused, running]) is None
    assert _held_count([_queued(1, group)]) is None
    other = _queued(1, Terms(group="other")).waiting(paused.reason)
    assert _held_count([other]) is None


def test_an_ended_or_forgotten_task_is_no_longer_held() -> None:
    held, task = HeldTasks(), _queued(1, Terms(held=True))
    held.note(task)
    held.note(_queued(2, Terms(after=(1,))))
    held.note(task.ended(Outcome.canceled("by you"), _NOON))
    assert not held.are_all(1, {2}.__contains__)
    held.drop(2)
    assert held.are_all(0, set[int]().__contains__)


def test_the_end_of_a_task_does_not_scan_the_held_tasks() -> None:
    held = HeldTasks()
    for number in range(1, 101):
        held.note(_queued(number, Terms(held=True)))

    def is_open(task_id: int) -> bool:
        raise AssertionError(f"each end would look at {task_id} and all others")

    assert held.are_all(100, is_open)
    held.note(_queued(101, Terms(after=(1,))))
    assert not held.are_all(102, is_open)  # one of them continues by itself


def test_canceling_many_queued_tasks_does_not_scan_the_others() -> None:
    def are_held() -> bool:
        raise AssertionError("each of them would look at all others")

    done = Round()
    canceled = _queued(1, Terms(held=True)).ended(Outcome.canceled("by you"), _NOON)
    assert done.add(canceled, 1, are_held) is None
    whole = done.add(canceled, 0, are_held)
    assert whole is not None
    assert whole.ended == {TaskStatus.CANCELED: 2}


def test_a_canceled_task_can_complete_a_round() -> None:
    done = Round()
    outcome = Outcome.failed("exit status 1")
    failed = _queued(1).started(_NOON).ended(outcome, _NOON, 1.0)
    assert done.add(failed, 2, lambda: False) is None
    canceled = _queued(2).ended(Outcome.canceled("#1 failed"), _NOON)
    whole = done.add(canceled, 1, lambda: True)
    assert whole is not None
    assert (whole.is_several, whole.held) == (True, 1)
