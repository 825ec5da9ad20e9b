from __future__ import annotations

from collections import Counter

from backburner.actors.rules.look_schedule import (
    LOOKS_PER_TICK,
    QUIET_LOOKS_PER_TICK,
    QUIET_TICKS,
    LookSchedule,
)
from hypothesis import given
from hypothesis import strategies as st

COUNTS = st.integers(0, 200)


def _rota(lively: int, quiet: int) -> LookSchedule:
    rota = LookSchedule()
    for task_id in range(1, lively + quiet + 1):
        rota.add(task_id)
        rota.note(task_id, quiet=task_id > lively)
    return rota


def test_a_new_job_is_polled_first() -> None:
    rota = LookSchedule()
    rota.add(1)
    assert rota.next_turns() == [1]
    rota.add(2)
    rota.add(3)
    assert rota.next_turns() == [3, 2, 1]


@given(COUNTS, COUNTS)
def test_a_tick_polls_a_limited_number_of_jobs_once_each(
    lively: int, quiet: int
) -> None:
    turns = _rota(lively, quiet).next_turns()
    assert len(turns) <= LOOKS_PER_TICK + QUIET_LOOKS_PER_TICK
    assert len(set(turns)) == len(turns)


@given(COUNTS, COUNTS)
def test_every_job_is_polled_as_soon_as_the_limits_allow(
    lively: int, quiet: int
) -> None:
    rota = _rota(lively, quiet)
    ticks = max(
        -(-lively // LOOKS_PER_TICK), QUIET_TICKS, -(-quiet // QUIET_LOOKS_PER_TICK)
    )
    looked = Counter(task_id for _ in range(ticks) for task_id in rota.next_turns())
    assert set(looked) == set(range(1, lively + quiet + 1))


def test_a_quiet_job_is_polled_less_often_until_it_has_news() -> None:
    rota = _rota(1, 1)
    looked = Counter(it for _ in range(2 * QUIET_TICKS) for it in rota.next_turns())
    assert looked == {1: 2 * QUIET_TICKS, 2: 2}
    rota = _rota(0, QUIET_TICKS)
    assert [len(rota.next_turns()) for _ in range(QUIET_TICKS)] == [1] * QUIET_TICKS
    rota.note(3, quiet=False)
    assert all(3 in rota.next_turns() for _ in range(3))


def test_one_tick_polls_several_ticks_of_quiet_jobs() -> None:
    rota = _rota(0, 3)
    assert rota.pause() == QUIET_TICKS
    assert sorted(rota.next_turns(rota.pause())) == [1, 2, 3]
    rota.add(4)
    assert rota.pause() == 1


def test_an_ended_job_is_not_polled() -> None:
    rota = _rota(2, 2)
    rota.remove(1)
    rota.remove(3)
    rota.remove(3)
    rota.note(3, quiet=False)
    turns = {it for _ in range(QUIET_TICKS) for it in rota.next_turns()}
    assert turns == {2, 4}
