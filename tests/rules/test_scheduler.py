"""The scheduler against a naive model of the same rules: a scan of all tasks."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from backburner.actors import TaskStatus
from backburner.actors.rules.room import UNLIMITED
from backburner.actors.rules.scheduler import Scheduler
from backburner.actors.rules.terms import PLAIN, Terms
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

if TYPE_CHECKING:
    from collections.abc import Callable

COMPLETE, FAILED, CANCELED = (
    TaskStatus.COMPLETE,
    TaskStatus.FAILED,
    TaskStatus.CANCELED,
)
FINAL = (COMPLETE, FAILED, CANCELED)
CAPACITY = {"gpu": 2.0, "memory": 16.0}
GROUPS = ("default", "builds", "deploys")
T = TypeVar("T")

NEEDS = (
    (("gpu", 1.0),),
    (("gpu", 2.0), ("memory", 4.0)),
    (("memory", 10.0),),
    (("memory", 0.1),),
    (("gpu", 3.0), ("memory", 1.0)),
)
OTHERS = st.lists(st.integers(1, 20), max_size=2, unique=True).map(tuple)
NOTHING = st.just(())


def mostly(
    usual: st.SearchStrategy[T], rare: st.SearchStrategy[T]
) -> st.SearchStrategy[T]:
    """Most tasks need little; otherwise hardly two would compete for a start."""
    return st.integers(0, 5).flatmap(lambda it: rare if it == 0 else usual)


TERMS = st.builds(
    Terms,
    priority=st.integers(-1, 1),
    group=mostly(st.just("default"), st.sampled_from(GROUPS)),
    needs=mostly(NOTHING, st.sampled_from(NEEDS)),
    after=mostly(NOTHING, OTHERS),
    after_failed=mostly(NOTHING, OTHERS),
    after_any=mostly(NOTHING, OTHERS),
    held=st.integers(0, 5).map(lambda it: it == 0),
)


@dataclass
class Naive:
    """Answers every question by looking at every task."""

    groups: dict[str, int] = field(default_factory=dict[str, int])
    paused: set[str | None] = field(default_factory=set[str | None])
    order: list[int] = field(default_factory=list[int])
    terms: dict[int, Terms] = field(default_factory=dict[int, Terms])
    running: dict[int, Terms] = field(default_factory=dict[int, Terms])
    outcomes: dict[int, TaskStatus] = field(default_factory=dict[int, TaskStatus])
    times: dict[int, float] = field(default_factory=dict[int, float])
    slots: dict[int, int] = field(default_factory=dict[int, int])
    begun: set[int] = field(default_factory=set[int])
    now: float = 0.0

    def met(self, terms: Terms) -> bool:
        return all(self.outcomes.get(it) is COMPLETE for it in terms.after) and (
            all(self.outcomes.get(it) is FAILED for it in terms.after_failed)
            and all(it in self.outcomes for it in terms.after_any)
        )

    def hopeless(self, terms: Terms) -> bool:
        outcomes = self.outcomes
        both = {*terms.after} & {*terms.after_failed}
        return bool(both) or (
            any(outcomes.get(it, COMPLETE) is not COMPLETE for it in terms.after)
            or any(outcomes.get(it, FAILED) is not FAILED for it in terms.after_failed)
        )

    def fits(self, terms: Terms) -> bool:
        return all(amount <= self.free(name) for name, amount in terms.needs)

    def is_full(self, group: str) -> bool:
        mates = [it for it in self.running.values() if it.group == group]
        slots = self.groups.get(group, UNLIMITED)
        return slots != UNLIMITED and len(mates) >= slots

    def wanted(self, terms: Terms) -> set[str]:
        """Return the resources that others may have to leave to a task."""
        limited = self.groups.get(terms.group, UNLIMITED) != UNLIMITED
        names = {name for name, _ in terms.needs}
        return {*names, f"group {terms.group}"} if limited else names

    def by_rank(self) -> list[int]:
        return sorted(self.order, key=lambda it: -self.terms[it].priority)

    def has_no_other_wait(self, task_id: int) -> bool:
        terms = self.terms[task_id]
        return (
            not terms.held
            and self.times.get(task_id, 0.0) <= self.now
            and (task_id in self.begun or self.met(terms))
        )

    def free(self, name: str) -> float:
        used = sum(dict(it.needs).get(name, 0.0) for it in self.running.values())
        return CAPACITY[name] - used

    def next(self) -> int | None:
        """A task waiting for a resource reserves all resources it needs."""
        held: set[str] = set()
        if None in self.paused:
            return None
        for task_id in self.by_rank():
            terms = self.terms[task_id]
            if not self.has_no_other_wait(task_id):
                continue
            if terms.group in self.paused or self.is_full(terms.group):
                continue
            if any(amount > CAPACITY.get(it, 0.0) for it, amount in terms.needs):
                continue
            names = {name for name, _ in terms.needs}
            slot = self.wanted(terms) - names
            if slot & held:
                continue
            if self.fits(terms) and not names & held:
                return task_id
            held |= names | slot
        return None

    def take(self) -> int | None:
        best = self.next()
        if best is not None:
            self.begin(best)
        return best

    def begin(self, task_id: int) -> None:
        self.order.remove(task_id)
        self.running[task_id] = self.terms.pop(task_id)
        group = self.running[task_id].group
        mates = [it for it, terms in self.running.items() if terms.group == group]
        used = {self.slots[it] for it in mates if it != task_id}
        self.slots[task_id] = min({*range(len(mates))} - used)

    def remove(self, task_id: int) -> None:
        if task_id in self.terms:
            self.order.remove(task_id)
            del self.terms[task_id]


class Pair(RuleBasedStateMachine):
    """Calls both and compares every answer."""

    def __init__(self) -> None:
        super().__init__()
        self.real = Scheduler(CAPACITY)
        self.naive = Naive()
        self.newest = 0
        self.set_group("builds", 1)

    def waiting(self, pick: int) -> int | None:
        return (
            sorted(self.naive.terms)[pick % len(self.naive.terms)]
            if self.naive.terms
            else None
        )

    def end(self, task_id: int, status: TaskStatus) -> None:
        ends = [(task_id, status)]
        while ends:
            ended, outcome = ends.pop(0)
            canceled = self.real.ended(ended, outcome)
            self.naive.remove(ended)
            self.naive.running.pop(ended, None)
            self.naive.outcomes[ended] = outcome
            expected = {
                it
                for it, terms in self.naive.terms.items()
                if self.naive.hopeless(terms)
                and it not in dict(ends)
                and it not in self.naive.begun
            }
            assert set(canceled) == expected
            ends += [(it, CANCELED) for it in canceled]

    @rule(terms=TERMS, delay=mostly(st.none(), st.sampled_from([1.0, 3.0])))
    def add(self, terms: Terms, delay: float | None) -> None:
        self.add_one(terms, delay)

    def add_one(self, terms: Terms, delay: float | None) -> None:
        self.newest += 1
        terms = replace(
            terms,
            after=self.known(terms.after),
            after_failed=self.known(terms.after_failed),
            after_any=self.known(terms.after_any),
        )
        due = None if delay is None else self.naive.now + delay
        ended = self.naive.outcomes
        refused = self.real.add(self.newest, terms, ended=ended, due=due)
        assert (refused is not None) == self.naive.hopeless(terms)
        if refused is None:
            self.naive.order.append(self.newest)
            self.naive.terms[self.newest] = terms
            if due is not None:
                self.naive.times[self.newest] = due
        else:
            self.naive.outcomes[self.newest] = CANCELED

    def known(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(it for it in ids if it < self.newest)

    @rule()
    def take(self) -> None:
        assert self.real.take() == self.naive.take()

    @rule()
    def start_all(self) -> None:
        while (taken := self.naive.take()) is not None:
            assert self.real.take() == taken
        assert self.real.take() is None
        # Each task has a slot, so the tasks wait for other reasons.
        for task_id in self.naive.terms:
            assert self.real.waits_for(task_id) is not None

    @rule(pick=st.integers(0, 99), status=st.sampled_from(FINAL))
    def end_and_start_all(self, pick: int, status: TaskStatus) -> None:
        self.end_running(pick, status)
        self.start_all()

    @rule(pick=st.integers(0, 99), status=st.sampled_from(FINAL))
    def end_running(self, pick: int, status: TaskStatus) -> None:
        if self.naive.running:
            running = sorted(self.naive.running)
            self.end(running[pick % len(running)], status)

    @rule(pick=st.integers(0, 99), delay=st.sampled_from([None, 0.5, 2.0]))
    def repeat_running(self, pick: int, delay: float | None) -> None:
        naive = self.naive
        if naive.running:
            task_id = sorted(naive.running)[pick % len(naive.running)]
            naive.terms[task_id] = naive.running.pop(task_id)
            naive.begun.add(task_id)
            later = [it for it in naive.order if self.real.place(it) > (task_id, 0)]
            place = naive.order.index(later[0]) if later else len(naive.order)
            naive.order.insert(place, task_id)
            due = None if delay is None else naive.now + delay
            naive.times[task_id] = due or 0.0
            self.real.again(task_id, due)

    @rule(pick=st.integers(0, 99))
    def cancel(self, pick: int) -> None:
        if (task_id := self.waiting(pick)) is not None:
            self.end(task_id, CANCELED)

    @rule(step=st.sampled_from([0.5, 1.0, 5.0]))
    def time_passes(self, step: float) -> None:
        self.naive.now += step
        self.real.due(self.naive.now)

    @rule(priorities=st.lists(st.integers(-1, 1), min_size=2, max_size=4))
    def add_small(self, priorities: list[int]) -> None:
        for priority in priorities:
            self.add_one(Terms(priority=priority), None)

    @rule(pick=st.integers(0, 99), priority=st.integers(-2, 2))
    def change_priority(self, pick: int, priority: int) -> None:
        self.change(pick, priority=priority)

    @rule(pick=st.integers(0, 99))
    def hold_or_release(self, pick: int) -> None:
        if (task_id := self.waiting(pick)) is not None:
            self.change(pick, held=not self.naive.terms[task_id].held)

    @rule(pick=st.integers(0, 99), group=st.sampled_from(GROUPS))
    def change_group(self, pick: int, group: str) -> None:
        self.change(pick, group=group)

    def change(self, pick: int, **changes: object) -> None:
        if (task_id := self.waiting(pick)) is not None:
            terms = replace(self.naive.terms[task_id], **changes)
            self.naive.terms[task_id] = terms
            self.real.change(task_id, terms)

    @rule(pick=st.integers(0, 99), first=st.booleans())
    def move(self, pick: int, first: bool) -> None:  # noqa: FBT001
        if (task_id := self.waiting(pick)) is not None:
            order = self.naive.order
            order.remove(task_id)
            if first:
                order.insert(0, task_id)
                self.real.move_first(task_id)
            else:
                order.append(task_id)
                self.real.move_last(task_id)

    @rule(pick=st.integers(0, 99), other=st.integers(0, 99))
    def move_before(self, pick: int, other: int) -> None:
        task_id, target = self.waiting(pick), self.waiting(other)
        if task_id is None or target is None or task_id == target:
            return
        order = self.naive.order
        order.remove(task_id)
        order.insert(order.index(target), task_id)
        priority = self.naive.terms[target].priority
        self.naive.terms[task_id] = replace(
            self.naive.terms[task_id], priority=priority
        )
        self.real.move_before(task_id, target)

    @rule(group=st.sampled_from(GROUPS), slots=st.integers(0, 2))
    def set_group(self, group: str, slots: int) -> None:
        self.naive.groups[group] = slots
        self.real.settings.set_group(group, slots)

    @rule(pick=st.integers(0, 99), delay=st.sampled_from([None, 0.5, 2.0]))
    def set_due(self, pick: int, delay: float | None) -> None:
        if (task_id := self.waiting(pick)) is not None:
            due = None if delay is None else self.naive.now + delay
            self.naive.times[task_id] = due or 0.0
            self.real.set_due(task_id, due)

    @rule()
    def restart_program(self) -> None:
        """The stored state of each task is enough to continue."""
        naive, before = self.naive, self.real
        self.real = Scheduler(CAPACITY)
        for name, slots in naive.groups.items():
            self.real.settings.set_group(name, slots)
        for paused in naive.paused:
            self.real.settings.set_paused(paused, paused=True)
        waiting: dict[int, Terms] = {}
        for task_id in sorted(naive.terms):
            terms = naive.terms[task_id]
            if task_id in naive.begun:
                terms = replace(terms, after=(), after_failed=(), after_any=())
            waiting[task_id] = PLAIN if terms == PLAIN else terms
        places = {it: before.place(it) for it in waiting}
        places = {it: place for it, place in places.items() if place != (it, 0)}
        dependent = {it: terms for it, terms in waiting.items() if terms.waits_for}
        dues = {it: naive.times[it] for it in waiting if it in naive.times}
        canceled = self.real.begin_with(
            waiting, dependent, naive.outcomes, dues=dues, places=places
        )
        assert canceled == []
        self.real.due(naive.now)
        naive.slots.clear()
        for task_id, terms in naive.running.items():
            self.real.resume_running(task_id, terms)
            naive.slots[task_id] = self.real.slot(task_id)

    @rule(group=st.sampled_from([*GROUPS, None]))
    def pause(self, group: str | None) -> None:
        if self.naive.paused:
            return  # many simultaneous pauses would hide everything else
        self.naive.paused.add(group)
        self.real.settings.set_paused(group, paused=True)

    @rule(group=st.sampled_from([*GROUPS, None]))
    def resume(self, group: str | None) -> None:
        self.naive.paused.discard(group)
        self.real.settings.set_paused(group, paused=False)

    @invariant()
    def order_agrees(self) -> None:
        terms = self.naive.terms
        expected = sorted(self.naive.order, key=lambda it: -terms[it].priority)
        assert self.real.order() == expected
        assert sorted(self.real.waiting()) == sorted(expected)

    @invariant()
    def slots_agree(self) -> None:
        for task_id in self.naive.running:
            assert self.real.slot(task_id) == self.naive.slots[task_id]

    @invariant()
    def the_next_time_is_the_same(self) -> None:
        times = [
            at
            for task_id, at in self.naive.times.items()
            if task_id in self.naive.terms and at > self.naive.now
        ]
        assert self.real.next_due() == (min(times) if times else None)


@pytest.mark.parametrize("seed", range(150))
def test_the_scheduler_matches_the_model_under_contention(seed: int) -> None:
    """With more competition for groups and resources than Hypothesis generates."""
    chance = random.Random(seed)  # noqa: S311 - to be repeated
    pair = Pair()

    def pick() -> int:
        return chance.randrange(100)

    def add() -> None:
        terms = Terms(
            priority=chance.randrange(-1, 2),
            group=chance.choice(GROUPS),
            needs=chance.choice((*NEEDS, ())),
            after_any=(chance.randrange(1, 20),) if chance.random() < 0.1 else (),
            held=chance.random() < 0.05,
        )
        pair.add_one(terms, chance.choice([None, None, None, 1.0]))

    def status() -> TaskStatus:
        return chance.choice(FINAL)

    def delay() -> float | None:
        return chance.choice([None, 0.5])

    steps: list[tuple[float, Callable[[], object]]] = [
        (8, add),
        (4, pair.take),
        (3, pair.start_all),
        (6, lambda: pair.end_and_start_all(pick(), status())),
        (2, lambda: pair.end_running(pick(), status())),
        (1, lambda: pair.repeat_running(pick(), delay())),
        (2, lambda: pair.cancel(pick())),
        (1, lambda: pair.time_passes(chance.choice([0.5, 1.0, 5.0]))),
        (1, lambda: pair.change_priority(pick(), chance.randrange(-2, 3))),
        (1, lambda: pair.hold_or_release(pick())),
        (1, lambda: pair.change_group(pick(), chance.choice(GROUPS))),
        (1, lambda: pair.move(pick(), chance.random() < 0.5)),
        (1, lambda: pair.move_before(pick(), pick())),
        (1, lambda: pair.set_group(chance.choice(GROUPS), chance.randrange(3))),
        (0.5, lambda: pair.set_due(pick(), delay())),
        (0.2, pair.restart_program),
        (0.5, lambda: pair.pause(chance.choice([*GROUPS, None]))),
        (1, lambda: pair.resume(chance.choice([*GROUPS, None]))),
    ]
    weights, calls = zip(*steps, strict=True)
    for call in chance.choices(calls, weights, k=120):
        call()
        pair.order_agrees()
        pair.the_next_time_is_the_same()
        pair.slots_agree()


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=100, stateful_step_count=80)


def test_tasks_without_terms_start_in_the_order_of_their_ids() -> None:
    scheduler = Scheduler()
    scheduler.begin_with(dict.fromkeys((1, 2, 3), PLAIN), {}, {})
    scheduler.add(4)

    assert scheduler.order() == [1, 2, 3, 4]
    assert [scheduler.take() for _ in range(5)] == [1, 2, 3, 4, None]


def test_stale_entries_do_not_accumulate() -> None:
    scheduler = Scheduler()
    scheduler.add(1)
    scheduler.add(2)
    scheduler.settings.set_paused(None, paused=True)

    for number in range(10_000):
        scheduler.move_first(1 + number % 2)
        scheduler.set_due(1, float(number))
        scheduler.set_due(1, None)

    inside: Any = scheduler
    lines, times = inside._lines, inside._times
    assert sum(map(len, lines._lines["default", (), ""].heap)) < 10_000
    assert sum(map(len, lines._first.values())) < 2_500
    assert len(times._heap) < 2_500
    assert scheduler.order() == [2, 1]


def test_a_task_that_changes_its_group_leaves_the_queue_of_the_old_group() -> None:
    scheduler = Scheduler()
    scheduler.add(1)
    scheduler.settings.set_paused("deploys", paused=True)

    scheduler.change(1, Terms(group="deploys"))

    assert scheduler.take() is None


GPUS = (("gpu", 2.0),)


def test_small_tasks_do_not_starve_a_big_one() -> None:
    scheduler = Scheduler(CAPACITY)
    for task_id in (1, 2):
        scheduler.add(task_id, Terms(needs=(("gpu", 1.0),)))
    assert [scheduler.take(), scheduler.take()] == [1, 2]
    scheduler.add(3, Terms(needs=GPUS))
    scheduler.add(4, Terms(needs=(("gpu", 1.0),)))
    scheduler.add(5, Terms(needs=(("memory", 16.0),)))
    assert [scheduler.take(), scheduler.take()] == [5, None]

    scheduler.ended(1, COMPLETE)

    assert scheduler.take() is None
    assert scheduler.waits_for(3) == "needs gpu=2; 1 of 2 free"
    assert scheduler.waits_for(4) == "needs gpu=1; 1 of 2 free, after #3"
    scheduler.ended(2, COMPLETE)
    assert [scheduler.take(), scheduler.take()] == [3, None]
    scheduler.ended(3, COMPLETE)
    assert scheduler.take() == 4


def test_a_task_without_a_slot_in_its_group_reserves_no_resource() -> None:
    scheduler = Scheduler(CAPACITY)
    scheduler.settings.set_group("builds", 1)
    scheduler.add(1, Terms(needs=(("gpu", 1.0),)))
    assert scheduler.take() == 1
    scheduler.add(2, Terms(needs=GPUS, group="builds"))
    assert scheduler.take() is None  # depends on the other task
    scheduler.add(3, Terms(group="builds", priority=1))
    assert scheduler.take() == 3
    scheduler.add(4, Terms(needs=(("gpu", 1.0),)))

    assert scheduler.waits_for(2) == "waiting for a slot of builds (1 busy)"
    assert scheduler.take() == 4


def test_a_need_above_the_capacity_blocks_no_other_task() -> None:
    scheduler = Scheduler({"gpu": 1.0})
    scheduler.add(1, Terms(needs=(("gpu", 2.0),)))
    scheduler.add(2, Terms(needs=(("fpga", 1.0),)))
    scheduler.add(3, Terms(needs=(("gpu", 1.0),)))

    assert scheduler.take() == 3
    assert scheduler.waits_for(1) == "needs gpu=2; the total is 1"
    assert scheduler.waits_for(2) == "needs fpga=1; the total is 0"
    enough = scheduler.never_enough((("gpu", 2.0),))
    assert enough == "gpu=2 is more than the total of 1"
    unknown = scheduler.never_enough((("fpga", 1.0),))
    assert unknown == "unknown resource fpga; the resources are: gpu"


def test_amounts_add_up_exactly() -> None:
    scheduler = Scheduler({"disk": 1.0})
    for task_id in range(1, 12):
        scheduler.add(task_id, Terms(needs=(("disk", 0.1),)))

    assert [scheduler.take() for _ in range(11)] == [*range(1, 11), None]


def test_a_position_stays_short_after_many_moves() -> None:
    scheduler = Scheduler()
    for task_id in range(1, 101):
        scheduler.add(task_id)

    for number in range(1000):
        scheduler.move_before(1 + number % 2, 2 - number % 2)
    changed: set[int] = set()
    for task_id in range(3, 101):
        changed.update(scheduler.move_before(task_id, task_id - 1))

    assert max(len(scheduler.place(it)) for it in scheduler.waiting()) <= 16
    assert scheduler.order() == [*range(100, 0, -1)][:-2] + scheduler.order()[-2:]
    assert changed <= {*range(1, 101)}
    assert changed


def test_a_task_to_start_without_a_slot_is_taken_once_it_may_start() -> None:
    scheduler = Scheduler()
    scheduler.add(1)
    scheduler.add(2, Terms(immediate=True))
    scheduler.add(3, Terms(immediate=True), due=5.0)
    scheduler.settings.set_paused(None, paused=True)

    assert [scheduler.take_immediate(), scheduler.take_immediate()] == [2, None]
    scheduler.again(2, due=4.0)
    scheduler.due(5.0)
    assert [scheduler.take_immediate() for _ in range(3)] == [2, 3, None]
    assert scheduler.take() is None
