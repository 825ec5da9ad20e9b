from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from backburner.actors import (
    IllegalTransitionError,
    Outcome,
    Task,
    TaskCounts,
    TaskFilter,
    TaskRequest,
    TaskStatus,
)
from backburner.actors.rules.attempts import LONGEST_PAUSE
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.moment import Moment, local_time
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.rules.task_table import UnknownTaskError
from backburner.actors.rules.terms import Terms
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace as replace_request

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REQUEST = TaskRequest("Build", "bash", ("make",))
OUTCOMES = (
    Outcome.complete("exit status 0", 0),
    Outcome.failed("exit status 2", 2),
    Outcome.canceled("canceled by you"),
)
FINAL = ("complete", "failed", "canceled")


def at(seconds: float) -> Moment:
    return Moment(START + timedelta(seconds=seconds), seconds)


NOW = at(0)


@dataclass
class Known:
    """A task of the model, with only the fields that the rules use."""

    status: str = "queued"
    started: float | None = None
    duration: float | None = None
    size: int = 0
    held: bool = False


@dataclass
class Model:
    """A session by the rules, without the book's optimizations."""

    history: int
    next_id: int = 1
    tasks: dict[int, Known] = field(default_factory=dict[int, Known])
    finished: list[int] = field(default_factory=list[int])
    written: dict[int, str] = field(default_factory=dict[int, str])

    def write_down(self) -> None:
        self.written = {it: known.status for it, known in self.tasks.items()}

    def ids(self, *statuses: str) -> list[int]:
        return sorted(i for i, t in self.tasks.items() if t.status in statuses)


class BookMachine(RuleBasedStateMachine):
    """Drives a book and the model side by side; they must always agree."""

    @initialize(history=st.integers(0, 4), first_id=st.integers(1, 3))
    def open(self, history: int, first_id: int) -> None:
        self.book = TaskBook(first_id, history)
        self.model = Model(history, first_id)
        self.seconds = 0.0
        self.ever_given: set[int] = set()

    @rule(seconds=st.sampled_from([0.0, 0.25, 60.0]))
    def let_time_pass(self, seconds: float) -> None:
        self.seconds += seconds

    @rule()
    def add(self) -> None:
        task = self.book.add(REQUEST, at(self.seconds), "waiting", "/{id}")
        assert task.id not in self.ever_given
        assert task.id == self.model.next_id
        assert task.output_path == f"/{{id}}/{task.id}.log"
        self.ever_given.add(task.id)
        self.model.next_id += 1
        self.model.tasks[task.id] = Known()

    @rule()
    def start_next(self) -> None:
        queued = self.model.ids("queued")
        waiting = [it for it in queued if not self.model.tasks[it].held]
        task = self.book.start_next(at(self.seconds))
        if not waiting:
            assert task is None
            return
        assert task is not None
        assert (
            task.id == waiting[0]
        )  # ids grow, so the task with the smallest id waited longest
        self.model.tasks[task.id] = Known("running", self.seconds, 0.0)

    @rule(data=st.data(), hold=st.booleans())
    def wait(self, data: st.DataObject, *, hold: bool) -> None:
        task_id = self._any_id(data)
        change = self.book.waiting.hold if hold else self.book.waiting.wait
        known = self.model.tasks.get(task_id)
        if known is None or known.status != "queued":
            with pytest.raises((UnknownTaskError, IllegalTransitionError)):
                change(task_id, "for its kind")
            return
        assert change(task_id, "for its kind").reason == "for its kind"
        known.held |= hold

    @rule(data=st.data(), size=st.integers(0, 99))
    def progress(self, data: st.DataObject, size: int) -> None:
        task_id = self._any_id(data)
        known = self.model.tasks.get(task_id)
        news = OutputNews(size, "line", 50)
        if known is None or known.status != "running":
            with pytest.raises((UnknownTaskError, IllegalTransitionError)):
                self.book.progress(task_id, news, at(self.seconds))
            return
        task = self.book.progress(task_id, news, at(self.seconds))
        self._note_running(known, task)
        known.size = size

    @rule(data=st.data())
    def note_reason(self, data: st.DataObject) -> None:
        task_id = self._any_id(data)
        known = self.model.tasks.get(task_id)
        if known is None or known.status != "running":
            with pytest.raises((UnknownTaskError, IllegalTransitionError)):
                self.book.note_reason(task_id, "stopping", at(self.seconds))
            return
        task = self.book.note_reason(task_id, "stopping", at(self.seconds))
        assert task.reason == "stopping"
        self._note_running(known, task)

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        task_id = self._any_id(data)
        known = self.model.tasks.get(task_id)
        if known is None:
            with pytest.raises(UnknownTaskError, match=f"no task {task_id}"):
                self.book.end(task_id, outcome, at(self.seconds))
            return
        legal = known.status == "running" or (
            known.status == "queued" and outcome.status is TaskStatus.CANCELED
        )
        if not legal:
            with pytest.raises(IllegalTransitionError):
                self.book.end(task_id, outcome, at(self.seconds))
            return
        task = self.book.end(task_id, outcome, at(self.seconds))
        if known.started is not None:
            known.duration = self.seconds - known.started
        known.status = outcome.status.value
        self.model.finished.append(task_id)
        assert task.reason == outcome.reason
        assert task.duration == known.duration

    @rule()
    def clean_up(self) -> None:
        dropped = self._drop(max(0, len(self.model.finished) - self.model.history))
        assert [task.id for task in self.book.clean_up()] == dropped

    @rule()
    def forget_all_finished(self) -> None:
        dropped = self._drop(len(self.model.finished))
        assert [task.id for task in self.book.forget_finished()] == dropped

    @rule()
    def forget_oldest(self) -> None:
        dropped = self._drop(min(1, len(self.model.finished)))
        assert [task.id for task in self.book.forget_oldest()] == dropped

    @rule()
    def write_down(self) -> None:
        self.book.tasks.note_written()
        self.model.write_down()

    @precondition(lambda self: self.model.tasks)
    @rule()
    def reopen(self) -> None:
        """Continue with a new book, like a reopened session."""
        now = at(self.seconds)
        tasks = {task.id: task for task in self.book.tasks.list(TaskFilter.ALL, now)}
        others = [it for it, task in tasks.items() if not task.status.is_final]
        self.book = TaskBook(self.model.next_id, self.model.history)
        self.book.restore(tasks.values(), [*self.model.finished, *others])
        self.model.write_down()
        for known in self.model.tasks.values():
            known.held = False  # other kinds may be registered
        for task_id in self.model.ids("running"):
            known = self.model.tasks[task_id]
            # The duration is unknown from here on; a known one is kept.
            self.model.tasks[task_id] = replace(
                known, started=None, duration=tasks[task_id].duration
            )

    @invariant()
    def agrees_on_every_task(self) -> None:
        listed = self.book.tasks.list(TaskFilter.ALL, at(self.seconds))
        assert {task.id for task in listed} == set(self.model.tasks)
        for task in listed:
            known = self.model.tasks[task.id]
            assert (task.status, task.output_size) == (known.status, known.size)
            if known.status == "running" and known.started is not None:
                assert task.duration == self.seconds - known.started

    @invariant()
    def agrees_on_stored_tasks(self) -> None:
        written, now = self.model.written, at(self.seconds)
        listed = self.book.tasks.all_written(TaskFilter.ALL, now)
        assert [(it.id, it.status) for it in listed] == sorted(written.items())
        for selection in TaskFilter:
            assert self.book.tasks.all_written(selection, now) == tuple(
                task for task in listed if task.status in selection.statuses
            )
            ids = [*self.ever_given][::2]
            assert not ids or self.book.tasks.all_written(selection, now, ids) == tuple(
                task
                for task in listed
                if task.status in selection.statuses and task.id in ids
            )
        by_id = {task.id: task for task in listed}
        for task_id in self.ever_given:
            known = self.model.tasks.get(task_id)
            status = None if known is None else known.status
            if status is not None or task_id in written:
                expected = written.get(task_id) == status
                assert self.book.tasks.is_written(task_id) is expected
            assert self.book.tasks.written_status(task_id) == written.get(task_id)
            if task_id in by_id:
                assert self.book.tasks.written(task_id, now) == by_id[task_id]
            else:
                with pytest.raises(UnknownTaskError):
                    self.book.tasks.written(task_id, now)

    @invariant()
    def agrees_on_every_list(self) -> None:
        lists = {
            TaskFilter.ALL: ("queued", "running", *FINAL),
            TaskFilter.FINISHED: FINAL,
            TaskFilter.NOT_CANCELED: ("queued", "running", "complete", "failed"),
        }
        for selection in TaskFilter:
            wanted = self.model.ids(*lists.get(selection, (selection.value,)))
            listed = self.book.tasks.list(selection, at(self.seconds))
            assert [task.id for task in listed] == wanted

    @invariant()
    def agrees_on_the_counts(self) -> None:
        statuses = [*self.model.written.values()]
        recount = {status.value: statuses.count(status) for status in TaskStatus}
        assert self.book.tasks.counts() == TaskCounts(**recount)

    @invariant()
    def agrees_on_open_tasks(self) -> None:
        open_ids = (*self.model.ids("running"), *self.model.ids("queued"))
        assert self.book.tasks.open_ids() == open_ids
        assert self.book.newest_id == self.model.next_id - 1

    def _any_id(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, self.model.next_id))

    def _note_running(self, known: Known, task: Task) -> None:
        if known.started is not None:
            known.duration = self.seconds - known.started
        assert task.duration == known.duration

    def _drop(self, count: int) -> list[int]:
        dropped = self.model.finished[:count]
        del self.model.finished[:count]
        for task_id in dropped:
            del self.model.tasks[task_id]
        return dropped


TestBook = BookMachine.TestCase
TestBook.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_queued_task_has_the_fields_of_its_request() -> None:
    book = TaskBook()
    request = TaskRequest("Build", "bash", ("make", "-j"), "work")
    task = book.add(request, NOW, "waiting")
    assert (task.description, task.kind, task.args) == ("Build", "bash", ("make", "-j"))
    assert (task.origin, task.reason, task.queued_at) == ("work", "waiting", NOW.wall)
    assert task.output_path is None


def test_a_canceled_task_leaves_its_place_in_the_queue() -> None:
    book = TaskBook()
    first, second, third = (book.add(REQUEST, NOW, "waiting") for _ in range(3))
    book.end(second.id, Outcome.canceled("no more"), NOW)
    started = [book.start_next(NOW), book.start_next(NOW), book.start_next(NOW)]
    assert [task and task.id for task in started] == [first.id, third.id, None]


def test_an_invalid_task_is_not_queued() -> None:
    book = TaskBook()
    with pytest.raises(ValueError, match="not a valid date"):
        book.add(REQUEST, Moment(datetime(1, 1, 1, tzinfo=UTC), 0.0), "waiting")
    assert book.start_next(NOW) is None
    assert book.add(REQUEST, NOW, "waiting") == book.tasks.get(2)


def test_setting_the_clock_back_gives_no_negative_duration() -> None:
    book = TaskBook()
    task = book.add(REQUEST, at(100), "waiting")
    book.start_next(at(100))
    early = Moment(START, 99.0)
    book.tasks.note_written()
    assert book.tasks.written(task.id, early).duration == 0.0
    assert book.end(task.id, Outcome.complete(), early).duration == 0.0


def test_ids_continue_after_the_restored_ids() -> None:
    earlier = TaskBook(first_id=7)
    kept = earlier.add(REQUEST, NOW, "waiting")
    book = TaskBook()
    book.restore([kept])
    assert book.newest_id == 7
    assert book.add(REQUEST, NOW, "waiting").id == 8


def test_a_key_is_known_until_its_task_is_forgotten() -> None:
    earlier = TaskBook()
    earlier.add(replace_request(REQUEST, key="a1b2"), NOW, "waiting")
    earlier.add(REQUEST, NOW, "waiting")
    book = TaskBook()
    book.restore(earlier.tasks.list(TaskFilter.ALL, NOW))

    for it in (earlier, book):
        found = it.tasks.find_key("a1b2")
        assert found is not None
        assert found.id == 1
        assert it.tasks.find_key("") is None
        it.end(1, OUTCOMES[2], NOW)
        it.forget(1)
        assert it.tasks.find_key("a1b2") is None


def test_restored_tasks_are_forgotten_in_the_order_they_finished() -> None:
    earlier = TaskBook()
    for _ in range(3):
        earlier.add(REQUEST, NOW, "waiting")
        earlier.start_next(NOW)
    order = (2, 3, 1)
    for task_id in order:
        earlier.end(task_id, Outcome.complete(), NOW)
    book = TaskBook(history=1)
    book.restore(earlier.tasks.list(TaskFilter.ALL, NOW), order)
    assert [task.id for task in book.clean_up()] == [2, 3]


def test_a_negative_history_is_refused() -> None:
    with pytest.raises(ValueError, match="history"):
        TaskBook(history=-1)


def test_a_task_keeps_its_environment_until_it_ends() -> None:
    book = TaskBook()
    variables = {"A": "1"}
    first, second, plain = (
        book.add(replace_request(REQUEST, environment=it), NOW, "waiting")
        for it in (dict(variables), dict(variables), None)
    )
    kept = book.environment(first.id)
    assert kept == variables
    assert book.environment(second.id) is kept, "equal ones are one object"
    assert book.environment(plain.id) is None
    book.start_next(NOW)
    assert book.environment(first.id) is kept
    book.end(first.id, OUTCOMES[0], NOW)
    assert book.environment(first.id) is None
    book.end(second.id, OUTCOMES[2], NOW)
    assert book.environment(second.id) is None


def test_a_task_has_every_field_of_its_request_except_the_environment() -> None:
    """Detects a field that is missing in one of the two."""
    terms = Terms(priority=3)
    request = TaskRequest(
        "Build", "bash", ("make",), "chat", "/srv", {"A": "1"}, terms, "a1b2"
    )
    asked = msgspec.structs.asdict(request)
    plain = msgspec.structs.asdict(TaskRequest("", ""))
    assert not [it for it in asked if asked[it] == plain[it]], "each is given"
    task = TaskBook().add(request, NOW, "waiting")
    del asked["environment"]
    assert {it: getattr(task, it) for it in asked} == asked
    assert task.request == replace_request(request, environment=None, key="")


def _flaky(terms: Terms) -> tuple[TaskBook, Task]:
    """Return a book with a task that began at 0, and the task."""
    book = TaskBook()
    book.add(replace_request(REQUEST, terms=terms), NOW, "waiting")
    task = book.start_next(NOW)
    assert task is not None
    return book, task


@pytest.mark.parametrize("goes_on", [True, False])
def test_a_program_killed_between_attempts_counts_its_duration(
    *, goes_on: bool
) -> None:
    """The program died between the attempts, or ended the first by its death."""
    book, task = _flaky(Terms(retries=2, retry_delay=20.0))
    if goes_on:
        task = book.end_attempt(task.id, OUTCOMES[1], at(3))
    later = TaskBook()
    # The monotonic clock starts anew with the machine.
    killed = Moment(at(10).wall, 1000.0)
    later.restore([msgspec.structs.replace(task, duration=3.0)], at=killed)
    if not goes_on:
        later.end_attempt(task.id, OUTCOMES[1], killed)
    assert later.tasks.written(task.id, Moment(at(12).wall, 1002.0)).duration == 12
    later.scheduler.set_due(task.id, None)
    later.start_next(Moment(at(60).wall, 1050.0))
    ended = later.end(task.id, OUTCOMES[0], Moment(at(62).wall, 1052.0))
    assert ended.duration == 62


def test_a_pause_between_attempts_does_not_count_as_duration() -> None:
    book, task = _flaky(Terms(retries=2, retry_delay=20.0))
    book.pause(task.id, at(1))
    book.resume(task.id, at(5))
    task = book.end_attempt(task.id, OUTCOMES[1], at(6))
    later = TaskBook()
    later.restore([task], at=at(10))
    assert later.tasks.written(task.id, at(10)).duration == 6
    back = TaskBook()
    back.restore([task], at=at(-5))  # the clock was set back
    assert back.tasks.written(task.id, at(-4)).duration == 3


def test_an_attempt_that_outlived_its_program_can_count_as_long() -> None:
    book, task = _flaky(Terms(restart="always", retry_delay=10.0))
    book.end_attempt(task.id, OUTCOMES[1], NOW)
    book.scheduler.set_due(task.id, None)
    assert book.start_next(NOW) is not None
    later = TaskBook()
    later.restore([book.tasks.get(task.id)], at=at(100), adopted={task.id})
    ended = later.end_attempt(task.id, OUTCOMES[1], at(100 + LONGEST_PAUSE + 1))
    assert ended.attempt is not None
    assert (ended.attempt.number, ended.attempt.step) == (3, 1)


@pytest.mark.parametrize(("delay", "day"), [(300.0, False), (86400.0, True)])
def test_a_next_attempt_that_is_far_away_is_shown_with_its_date(
    delay: float, *, day: bool
) -> None:
    book, task = _flaky(Terms(retries=1, retry_delay=delay))
    task = book.end_attempt(task.id, OUTCOMES[1], NOW)
    assert task.attempt is not None
    assert task.attempt.due is not None
    shown = local_time(task.attempt.due.timestamp(), day=day)
    reason = book.waiting.reason(task.id, "starting")
    assert reason.endswith(f"attempt 2 of 2 starts at {shown}")
