"""When tasks start in whole systems: order, conditions, times, and reopening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from backburner.actors import (
    AddTask,
    Outcome,
    RefusalCode,
    RefusedError,
    Task,
    TaskChanged,
    TaskEvent,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    Terms,
)
from backburner.actors.testing import FakeKind, Recorder, running
from patience import PATIENCE
from process_ends import alive, pids_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


COMPLETE, CANCELED, QUEUED = (
    TaskStatus.COMPLETE,
    TaskStatus.CANCELED,
    TaskStatus.QUEUED,
)


MANY = 100_000
"""The size of the history: more than any test here needs."""


class OneSlot:
    """A system with one slot and jobs that end when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.open()

    def open(self) -> None:
        self.kind = FakeKind()
        self.system = TaskSystem(
            slots=1,
            grace=0.2,
            kinds=[self.kind],
            directory=self.directory,
            history=MANY,
        )
        self.system.start()

    def reopen(self) -> None:
        self.system.stop()
        self.open()

    def add(self, **terms: object) -> int:
        return self.task(**terms).id

    def task(self, **terms: object) -> Task:
        asked = Terms(**terms) if terms else None  # pyright: ignore[reportArgumentType]
        return self.system.add("Job", "fake", terms=asked)

    def order(self, count: int) -> list[int]:
        """End the running tasks one by one; return the started ones in order."""
        news: Recorder[object] = Recorder("a subscriber")
        self.system.subscribe(news)
        for _ in range(count):
            (runs,) = self.running()
            self.kind.job(runs).complete()
            self.system.wait(runs, timeout=PATIENCE)
        self.system.unsubscribe(news)
        return [
            it.task.id
            for it in news.received
            if isinstance(it, TaskChanged) and it.event is TaskEvent.RUNNING
        ]

    def running(self) -> list[int]:
        return [
            task.id for task in self.system.list() if task.status is TaskStatus.RUNNING
        ]

    def fail(self, task_id: int) -> None:
        self.kind.job(task_id).fail()
        self.system.wait(task_id, timeout=PATIENCE)

    def complete(self, task_id: int) -> None:
        self.kind.job(task_id).complete()
        self.system.wait(task_id, timeout=PATIENCE)


@pytest.fixture
def one(tmp_path: Path) -> Iterator[OneSlot]:
    one = OneSlot(tmp_path / "session")
    yield one
    one.system.stop()


# The order


def test_tasks_start_by_priority_and_then_in_order(one: OneSlot) -> None:
    one.add()
    low, plain, high, later_high = (
        one.add(priority=-1),
        one.add(),
        one.add(priority=5),
        one.add(priority=5),
    )
    assert one.order(4) == [high, later_high, plain, low]


def test_a_moved_task_keeps_its_position_after_a_reopening(one: OneSlot) -> None:
    blocker = one.add()
    two, three, four, five = (one.add() for _ in range(4))
    one.system.move(five, first=True)
    one.system.move(two)
    assert one.system.move(four, before=three).place is not None
    one.reopen()
    assert one.running() == [five]
    assert one.order(3) == [four, three, two]
    assert one.system.get(blocker).status is CANCELED


def test_a_task_moved_before_another_gets_its_priority(one: OneSlot) -> None:
    one.add()
    plain, high = one.add(), one.add(priority=5)
    terms = one.system.move(plain, before=high).terms
    assert terms is not None
    assert terms.priority == 5
    assert one.order(2) == [plain, high]


def test_a_held_task_waits_until_it_is_released(one: OneSlot) -> None:
    held = one.task(held=True)
    assert (held.status, held.reason) == (QUEUED, "held")
    other = one.add()
    assert one.running() == [other]
    one.reopen()
    assert one.running() == []
    one.system.release(held.id)
    assert one.running() == [held.id]
    later = one.add()
    assert one.system.hold(later).reason == "held"
    one.complete(held.id)
    assert one.running() == []


def test_a_task_that_starts_at_once_takes_no_slot_later(one: OneSlot) -> None:
    first, waits = one.add(), one.add()
    at_once = one.add(immediate=True)
    assert one.running() == [first, at_once]
    one.complete(at_once)
    assert one.running() == [first]
    one.complete(first)
    assert one.running() == [waits]


def test_only_queued_tasks_can_be_moved_or_held(one: OneSlot) -> None:
    runs, waits = one.add(), one.add()
    with pytest.raises(RefusedError, match="no longer waits; it is running"):
        one.system.move(runs, first=True)
    with pytest.raises(RefusedError, match="it is running"):
        one.system.move(waits, before=runs)
    with pytest.raises(RefusedError, match="no task 9") as refused:
        one.system.hold(9)
    assert refused.value.code is RefusalCode.UNKNOWN
    assert one.order(1) == [waits]


# Conditions on other tasks


def test_a_task_starts_when_its_dependencies_are_complete(one: OneSlot) -> None:
    first, second = one.add(), one.add()
    third = one.task(after=(first, second), priority=9)
    assert third.reason == f"waiting for #{first}, #{second}"
    assert one.order(1) == [second]
    assert one.order(1) == [third.id]


def test_a_task_that_can_never_start_is_canceled_with_its_dependents(
    one: OneSlot,
) -> None:
    first = one.add()
    second = one.add(after=(first,))
    third = one.add(after=(second,))
    on_failure = one.add(after_failed=(first,))
    after_any_end = one.add(after_any=(third,))
    one.fail(first)
    tasks = {task.id: task for task in one.system.list()}
    assert tasks[second].status is CANCELED
    assert tasks[second].reason == f"can't start: #{first} failed"
    assert tasks[third].reason == f"can't start: #{second} was canceled"
    assert one.running() == [on_failure]
    assert one.order(1) == [after_any_end]
    late = one.task(after=(first,))
    assert one.system.get(late.id).reason == f"can't start: #{first} failed"


def test_a_chain_waits_after_a_reopening_and_is_canceled_at_the_end(
    one: OneSlot,
) -> None:
    held = one.add(held=True)
    waits = one.add(after=(held,))
    runs = one.add()
    one.add(after=(runs,))
    one.reopen()
    assert one.system.get(waits).reason == f"waiting for #{held}"
    assert one.system.get(4).reason == f"can't start: #{runs} was canceled"
    one.system.release(held)
    assert one.order(1) == [waits]


def test_a_dependency_on_an_unknown_task_is_refused(one: OneSlot) -> None:
    with pytest.raises(RefusedError, match="can't start after #7: no task 7"):
        one.add(after=(7,))
    assert one.system.list() == ()


def test_a_long_chain_is_canceled_in_one_batch(one: OneSlot) -> None:
    assert one.add() == 1
    last = 10_000  # ten times Python's recursion limit
    for number in range(1, last):
        link = TaskRequest("Job", "fake", terms=Terms(after=(number,)))
        one.system.queue.tell(AddTask(link))
    assert one.system.get(last, answer_timeout=PATIENCE)  # every one of them exists
    one.fail(1)
    canceled = one.system.get(last, answer_timeout=PATIENCE)
    assert canceled.reason == f"can't start: #{last - 1} was canceled"
    assert one.running() == []


def test_a_repeated_task_has_no_dependencies(one: OneSlot) -> None:
    first = one.add()
    task = one.task(after=(first,), timeout=60.0)
    assert task.request.terms == Terms(timeout=60.0)


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (Terms(timeout=0.0), "timeout must be more than 0 seconds, not 0"),
        (Terms(timeout=2e9), "timeout must be at most 1000000000 seconds, not 20000"),
        (Terms(timeout=float("nan")), "timeout"),
        (Terms(priority=1 << 40), "priority"),
        (Terms(immediate=True, held=True), "at once"),
        (Terms(after=(1,), after_failed=(1,)), "can't both"),
    ],
)
def test_invalid_terms_are_refused(one: OneSlot, terms: Terms, problem: str) -> None:
    one.add()
    with pytest.raises(RefusedError, match=problem) as refused:
        one.system.add("Job", "fake", terms=terms)
    assert refused.value.code is RefusalCode.INVALID


# Pauses and groups


def test_a_paused_queue_starts_nothing_even_after_a_reopening(one: OneSlot) -> None:
    runs = one.add()
    assert one.system.pause().rules.paused
    waits = one.task()
    assert waits.reason == "everything is paused"
    one.complete(runs)
    assert one.running() == []
    one.reopen()
    assert one.system.rules().paused
    assert one.running() == []
    assert not one.system.resume().rules.paused
    assert one.running() == [waits.id]


def test_a_resumed_queue_restores_the_reasons_for_waiting(one: OneSlot) -> None:
    one.system.pause()
    one.add()
    waits = one.add()
    one.system.resume()
    assert one.system.get(waits).reason == "waiting for a slot (1 of 1 busy)"


def test_a_waiting_task_shows_its_current_reason(one: OneSlot) -> None:
    news: Recorder[object] = Recorder("a subscriber")
    one.system.subscribe(news)
    one.add()
    plain, build = one.add(), one.add(group="builds")
    slot = "waiting for a slot (1 of 1 busy)"

    def reasons() -> list[str]:
        return [task.reason for task in one.system.list() if task.status is QUEUED]

    assert reasons() == [slot, slot]
    one.system.pause("builds")
    assert reasons() == [slot, "group builds is paused"]
    one.system.pause()
    assert reasons() == ["everything is paused", "everything is paused"]
    one.system.resume()
    one.system.resume("builds")
    assert reasons() == [slot, slot]
    one.system.set_slots(3)
    third, fourth = one.add(), one.add(after=(1,))
    one.system.set_slots(2)
    assert one.system.get(third).reason == "waiting for a slot (2 of 2 busy)"
    assert one.system.get(fourth).reason == "waiting for #1"
    # A passive subscriber has received all of it.
    announced = [
        (it.task.id, it.task.reason)
        for it in news.received
        if isinstance(it, TaskChanged) and it.event is TaskEvent.PROGRESS
    ]
    assert (plain, "everything is paused") in announced
    assert (build, "group builds is paused") in announced
    assert (third, "waiting for a slot (2 of 2 busy)") in announced


def test_a_reason_is_current_without_a_notification(tmp_path: Path) -> None:
    kind = FakeKind()
    with running(TaskSystem(slots=2, directory=tmp_path / "s", kinds=[kind])) as system:
        system.set_group("builds", 1)
        first = system.add("Job", "fake", terms=Terms(group="builds"))
        system.add("Job", "fake")
        next_one = system.add("Job", "fake")
        waits = system.add("Job", "fake", terms=Terms(group="builds"))
        assert waits.reason == "waiting for a slot of builds (1 busy)"
        kind.job(first.id).complete()
        system.wait(first.id, timeout=PATIENCE)
        kind.job(next_one.id)
        # The group has a free slot now, but the system has none.
        assert system.get(waits.id).reason == "waiting for a slot (2 of 2 busy)"
        (listed,) = [it for it in system.list() if it.status is QUEUED]
        assert listed == system.get(waits.id)


def test_a_group_keeps_its_slots_after_a_reopening(tmp_path: Path) -> None:
    kind = FakeKind()
    with running(TaskSystem(slots=8, directory=tmp_path / "s", kinds=[kind])) as system:
        system.set_group("builds", 1)
        first = system.add("Job", "fake", terms=Terms(group="builds"))
        second = system.add("Job", "fake", terms=Terms(group="builds"))
        other = system.add("Job", "fake")
        assert second.reason == "waiting for a slot of builds (1 busy)"
        statuses = {task.id: task.status for task in system.list()}
        assert statuses[second.id] is QUEUED
        assert statuses[other.id] is statuses[first.id] is TaskStatus.RUNNING
        kind.job(first.id).complete()
        kind.job(second.id)
        system.pause("builds")
        third = system.add("Job", "fake", terms=Terms(group="builds"))
        assert third.reason == "group builds is paused"
    with running(TaskSystem(directory=tmp_path / "s", kinds=[kind])) as system:
        (group,) = system.rules().groups
        assert (group.name, group.slots, group.paused) == ("builds", 1, True)
        assert system.get(third.id).status is QUEUED
        system.resume("builds")
        kind.job(third.id)


def test_an_invalid_group_is_refused(one: OneSlot) -> None:
    for name in ("", "two words", "x" * 40, "../x"):
        with pytest.raises(RefusedError, match="group"):
            one.system.set_group(name, 1)
        with pytest.raises(RefusedError, match="group"):
            one.add(group=name)
    with pytest.raises(RefusedError, match="slots must be from 0"):
        one.system.set_group("builds", -1)


# Time


def test_a_delay_continues_after_a_reopening(one: OneSlot) -> None:
    soon, later = one.add(delay=0.3), one.add(delay=3600.0)
    one.reopen()
    one.kind.job(soon)
    assert one.running() == [soon]
    at = one.system.get(later).terms
    assert at is not None
    assert at.at is not None
    assert one.system.get(later).reason.startswith("starts at ")
    assert one.system.get(later).request.terms == Terms(delay=3600.0)


def test_a_timeout_fails_the_task_and_ends_its_children(tmp_path: Path) -> None:
    command = f"cd {tmp_path}; (echo $BASHPID; exec sleep 600) > pid & wait"
    with running(TaskSystem(grace=0.2)) as system:
        task = system.add("Hang", "bash", command, terms=Terms(timeout=0.5))
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.FAILED
        assert ended.reason == ended.error == "timed out after 0.5s"
        (pid,) = pids_in(tmp_path / "pid")
        assert alive([pid]) == []


def test_a_task_that_ends_before_its_timeout_does_not_fail() -> None:
    with running(TaskSystem()) as system:
        task = system.add("Quick", "bash", "true", terms=Terms(timeout=600.0))
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is COMPLETE
        assert Outcome.complete(ended.reason, 0).exit_code == ended.exit_code


# Batches


def test_too_many_failures_cancel_the_rest_of_a_batch(one: OneSlot) -> None:
    other = one.add()
    batch = [one.add(batch="b1", max_fails=2) for _ in range(5)]
    alone = one.add(batch="b2", max_fails=2)
    after = one.add(after_any=(batch[-1],))
    one.complete(other)
    one.fail(batch[0])
    one.complete(batch[1])
    assert one.running() == [batch[2]]
    one.reopen()  # the running one was canceled, which is not a failure
    assert one.running() == [batch[3]]
    one.fail(batch[3])
    task = one.system.get(batch[4])
    assert (task.status, task.reason) == (
        CANCELED,
        "can't start: 2 tasks of its batch failed",
    )
    assert one.running() == [alone]
    assert one.order(1) == [after]
    late = one.task(batch="b1", max_fails=2)
    assert one.system.get(late.id).reason == "can't start: 2 tasks of its batch failed"


def test_running_tasks_of_a_canceled_batch_keep_running(tmp_path: Path) -> None:
    kind = FakeKind()
    terms = Terms(batch="b", max_fails=1)
    with running(TaskSystem(slots=2, kinds=[kind])) as system:
        ids = [system.add("Job", "fake", terms=terms).id for _ in range(4)]
        kind.job(ids[0]).fail()
        system.wait(ids[0], ids[2], ids[3], timeout=PATIENCE)
        statuses = [task.status for task in system.list()]
        assert statuses == ["failed", "running", "canceled", "canceled"]
        kind.job(ids[1]).complete()
    del tmp_path


def test_an_invalid_batch_is_refused(one: OneSlot) -> None:
    for terms in ({"max_fails": 1}, {"batch": "two words"}):
        with pytest.raises(RefusedError, match="batch"):
            one.add(**terms)


# Changes of queued tasks, and keys that prevent a second one


def test_a_task_that_is_already_queued_is_not_added_again(one: OneSlot) -> None:
    def add(description: str, directory: str, *args: str) -> int:
        request = TaskRequest(description, "fake", args, directory=directory)
        return one.system.add_request(request, unless_queued=True).id

    runs = add("Job", "/", "make")
    queued = add("Job", "/", "make")
    assert queued != runs
    assert add("Another name", "/", "make") == queued
    others = {add("Job", "/usr", "make"), add("Job", "/", "make", "test")}
    assert len({runs, queued, *others}) == 4
    one.complete(runs)
    one.complete(queued)
    assert add("Job", "/", "make") not in {runs, queued, *others}


def test_a_task_can_be_renamed_in_any_status_and_keeps_its_name(one: OneSlot) -> None:
    done, runs, waits = one.add(), one.add(), one.add()
    one.complete(done)
    for task_id, name in ((done, "Done"), (runs, "Runs"), (waits, "Waits")):
        assert one.system.edit(task_id, description=name).description == name
    one.reopen()
    names = [task.description for task in one.system.list()]
    assert names == ["Done", "Runs", "Waits"]
    assert one.running() == [waits]


def test_an_edited_task_keeps_its_position(one: OneSlot) -> None:
    runs, first, second = one.add(), one.add(), one.add()
    task = one.system.edit(first, "make", "test")
    assert (task.args, task.description, task.status) == (
        ("make", "test"),
        "Job",
        QUEUED,
    )
    one.reopen()
    assert one.system.get(first).args == ("make", "test")
    assert one.running() == [first]
    with pytest.raises(RefusedError, match="no longer waits; it is running"):
        one.system.edit(first, "make")
    with pytest.raises(RefusedError, match="give a description or arguments"):
        one.system.edit(second)
    with pytest.raises(RefusedError, match="missing description"):
        one.system.edit(second, description=" ")
    with pytest.raises(RefusedError, match="no task 99"):
        one.system.edit(99, description="x")
    assert one.system.get(runs).status is CANCELED
