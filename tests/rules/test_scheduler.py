"""The scheduler against a naive model of the same rules: a scan of all tasks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from backburner.actors import TaskStatus
from backburner.actors.rules.scheduler import UNLIMITED, Scheduler
from backburner.actors.rules.terms import Terms
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

COMPLETE, FAILED, CANCELED = (
    TaskStatus.COMPLETE,
    TaskStatus.FAILED,
    TaskStatus.CANCELED,
)
FINAL = (COMPLETE, FAILED, CANCELED)
CAPACITY = {"gpu": 2.0, "memory": 16.0}
GROUPS = ("default", "builds", "deploys")
T = TypeVar("T")

NEEDS = ((("gpu", 1.0),), (("gpu", 2.0), ("memory", 4.0)), (("memory", 10.0),))
OTHERS = st.lists(st.integers(1, 20), max_size=2, unique=True).map(tuple)
NOTHING = st.just(())


def mostly(
    usual: st.SearchStrategy[T], rare: st.SearchStrategy[T]
) -> st.SearchStrategy[T]:
    """Most tasks ask for little; else hardly two would ever compete for a start."""
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
    """Every question is answered by looking at every task."""

    groups: dict[str, int] = field(default_factory=dict[str, int])
    paused: set[str | None] = field(default_factory=set[str | None])
    order: list[int] = field(default_factory=list[int])
    terms: dict[int, Terms] = field(default_factory=dict[int, Terms])
    running: dict[int, Terms] = field(default_factory=dict[int, Terms])
    outcomes: dict[int, TaskStatus] = field(default_factory=dict[int, TaskStatus])
    times: dict[int, float] = field(default_factory=dict[int, float])
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
        mates = [it for it in self.running.values() if it.group == terms.group]
        slots = self.groups.get(terms.group, UNLIMITED)
        if self.paused & {None, terms.group}:
            return False
        if slots != UNLIMITED and len(mates) >= slots:
            return False
        return all(amount <= self.free(name) for name, amount in terms.needs)

    def free(self, name: str) -> float:
        used = sum(dict(it.needs).get(name, 0.0) for it in self.running.values())
        return CAPACITY[name] - used

    def take(self) -> int | None:
        best: int | None = None
        for task_id in self.order:
            terms = self.terms[task_id]
            if terms.held or self.times.get(task_id, 0.0) > self.now:
                continue
            if not self.met(terms) or not self.fits(terms):
                continue
            if best is None or terms.priority > self.terms[best].priority:
                best = task_id
        if best is not None:
            self.order.remove(best)
            self.running[best] = self.terms.pop(best)
        return best

    def remove(self, task_id: int) -> None:
        if task_id in self.terms:
            self.order.remove(task_id)
            del self.terms[task_id]


class Pair(RuleBasedStateMachine):
    """Does the same to both and compares every answer."""

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
            ended, how = ends.pop(0)
            never = self.real.ended(ended, how)
            self.naive.remove(ended)
            self.naive.running.pop(ended, None)
            self.naive.outcomes[ended] = how
            expected = {
                it
                for it, terms in self.naive.terms.items()
                if self.naive.hopeless(terms) and it not in dict(ends)
            }
            assert set(never) == expected
            ends += [(it, CANCELED) for it in never]

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
    def all_that_may_start_do(self) -> None:
        while (taken := self.naive.take()) is not None:
            assert self.real.take() == taken
        assert self.real.take() is None

    @rule(pick=st.integers(0, 99), status=st.sampled_from(FINAL))
    def one_ends_and_all_that_may_start_do(self, pick: int, status: TaskStatus) -> None:
        self.a_running_one_ends(pick, status)
        while (taken := self.naive.take()) is not None:
            assert self.real.take() == taken
        assert self.real.take() is None

    @rule(pick=st.integers(0, 99), status=st.sampled_from(FINAL))
    def a_running_one_ends(self, pick: int, status: TaskStatus) -> None:
        if self.naive.running:
            running = sorted(self.naive.running)
            self.end(running[pick % len(running)], status)

    @rule(pick=st.integers(0, 99))
    def cancel(self, pick: int) -> None:
        if (task_id := self.waiting(pick)) is not None:
            self.end(task_id, CANCELED)

    @rule(step=st.sampled_from([0.5, 1.0, 5.0]))
    def time_passes(self, step: float) -> None:
        self.naive.now += step
        self.real.due(self.naive.now)

    @rule(priorities=st.lists(st.integers(-1, 1), min_size=2, max_size=4))
    def add_some_that_ask_for_little(self, priorities: list[int]) -> None:
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
        self.real.set_group(group, slots)

    @rule(pick=st.integers(0, 99), delay=st.sampled_from([None, 0.5, 2.0]))
    def set_due(self, pick: int, delay: float | None) -> None:
        if (task_id := self.waiting(pick)) is not None:
            due = None if delay is None else self.naive.now + delay
            self.naive.times[task_id] = due or 0.0
            self.real.set_due(task_id, due)

    @rule(pick=st.integers(0, 99))
    def take_at_once(self, pick: int) -> None:
        if (task_id := self.waiting(pick)) is not None:
            self.naive.order.remove(task_id)
            self.naive.running[task_id] = self.naive.terms.pop(task_id)
            self.real.take_at_once(task_id)

    @rule()
    def the_program_ends_and_comes_back(self) -> None:
        """What is remembered of each task is enough to go on."""
        naive, before = self.naive, self.real
        self.real = Scheduler(CAPACITY)
        for name, slots in naive.groups.items():
            self.real.set_group(name, slots)
        for paused in naive.paused:
            self.real.pause(paused)
        for task_id in sorted(naive.terms):
            place = before.place(task_id)
            assert (
                self.real.add(
                    task_id,
                    naive.terms[task_id],
                    ended=naive.outcomes,
                    due=naive.times.get(task_id),
                    place=None if place == (task_id, 0) else place,
                )
                is None
            )
        self.real.due(naive.now)
        for task_id, terms in naive.running.items():
            self.real.resume_running(task_id, terms)

    @rule(group=st.sampled_from([*GROUPS, None]))
    def pause(self, group: str | None) -> None:
        if self.naive.paused:
            return  # much that is paused at once would hide all else
        self.naive.paused.add(group)
        self.real.pause(group)

    @rule(group=st.sampled_from([*GROUPS, None]))
    def resume(self, group: str | None) -> None:
        self.naive.paused.discard(group)
        self.real.resume(group)

    @invariant()
    def the_order_is_the_same(self) -> None:
        terms = self.naive.terms
        expected = sorted(self.naive.order, key=lambda it: -terms[it].priority)
        assert self.real.order() == expected
        assert sorted(self.real.waiting()) == sorted(expected)

    @invariant()
    def the_next_time_is_the_same(self) -> None:
        times = [
            at
            for task_id, at in self.naive.times.items()
            if task_id in self.naive.terms and at > self.naive.now
        ]
        assert self.real.next_due() == (min(times) if times else None)


TestPair = Pair.TestCase
TestPair.settings = settings(max_examples=100, stateful_step_count=80)


def test_what_asks_for_nothing_waits_in_the_order_of_the_ids() -> None:
    scheduler = Scheduler()
    scheduler.add(4)
    scheduler.add_plain([1, 2, 3])

    assert scheduler.order() == [1, 2, 3, 4]
    assert [scheduler.take() for _ in range(5)] == [1, 2, 3, 4, None]


def test_what_is_out_of_date_does_not_pile_up() -> None:
    scheduler = Scheduler()
    scheduler.add(1)
    scheduler.add(2)
    scheduler.pause()

    for number in range(10_000):
        scheduler.move_first(1 + number % 2)
        scheduler.set_due(1, float(number))
        scheduler.set_due(1, None)

    assert sum(map(len, vars(scheduler)["_lines"]["default", ()].heap)) < 10_000
    assert len(vars(scheduler)["_first"]) < 2_500
    assert len(vars(scheduler)["_due"]) < 2_500
    assert scheduler.order() == [2, 1]


def test_a_task_that_changes_its_group_leaves_the_line_of_the_old_one() -> None:
    scheduler = Scheduler()
    scheduler.add(1)
    scheduler.pause("deploys")

    scheduler.change(1, Terms(group="deploys"))

    assert scheduler.take() is None
