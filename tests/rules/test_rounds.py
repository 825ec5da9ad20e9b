"""When all is done: nothing is open that goes on by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from backburner.actors import Outcome, Task, TaskStatus, Terms
from backburner.actors.rules.rounds import Round, held_count
from backburner.actors.rules.wait_reasons import PAUSED, group_paused

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def test_a_cancel_of_many_that_never_ran_looks_at_no_others() -> None:
    def open_tasks() -> Iterator[Task]:
        yield _queued(2, Terms(held=True))
        raise AssertionError("each of them would look at all others")

    done = Round()
    canceled = _queued(1, Terms(held=True)).ended(Outcome.canceled("by you"), _NOON)
    assert done.add(canceled, open_tasks()) is None
    whole = done.add(canceled, ())
    assert whole is not None
    assert whole.ended == {TaskStatus.CANCELED: 2}


def test_one_that_is_canceled_may_be_the_last_after_others_have_run() -> None:
    done, held = Round(), _queued(3, Terms(held=True))
    outcome = Outcome.failed("exit status 1")
    failed = _queued(1).started(_NOON).ended(outcome, _NOON, 1.0)
    assert done.add(failed, [_queued(2, Terms(after=(1,))), held]) is None
    canceled = _queued(2).ended(Outcome.canceled("#1 failed"), _NOON)
    whole = done.add(canceled, [held])
    assert whole is not None
    assert (whole.is_several, whole.held) == (True, 1)
