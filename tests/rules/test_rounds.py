"""When all is done: nothing is open that goes on by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from backburner.actors import Task, Terms
from backburner.actors.rules.rounds import held_count
from backburner.actors.rules.scheduler import PAUSED, group_paused

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


def test_tasks_that_are_held_and_what_waits_for_them_do_not_go_on() -> None:
    held, after = Terms(held=True), Terms(after=(1,))
    last = Terms(after_any=(2,))
    assert held_count([]) == 0
    chain = [_queued(1, held), _queued(2, after), _queued(3, last)]
    assert held_count(chain) == 3
    assert held_count([*chain, _queued(4)]) is None
    assert held_count([_queued(4).started(_NOON), *chain]) is None
    # It waits for one that has ended, and starts at once.
    assert held_count([_queued(2, after)]) is None
    assert held_count([_queued(5, Terms(delay=60.0))]) is None


def test_tasks_that_are_paused_and_what_waits_for_them_do_not_go_on() -> None:
    group = Terms(group="ci")
    paused = _queued(1, group).waiting(group_paused("ci", "#4 failed"))
    assert held_count([paused, _queued(2, Terms(after=(1,)))]) == 2
    assert held_count([_queued(1).waiting(PAUSED)]) == 1
    running = _queued(3).started(_NOON)
    assert held_count([running.paused(_NOON, 1.0)]) == 1
    assert held_count([paused, running]) is None
    assert held_count([_queued(1, group)]) is None
    assert held_count([_queued(1, Terms(group="other")).waiting(paused.reason)]) is None
