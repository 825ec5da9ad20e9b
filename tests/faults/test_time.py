"""Changes of the clock, long histories, and overlong or undecodable input."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from backburner.actors import (
    Outcome,
    Shown,
    Subscribed,
    Task,
    TaskChanged,
    TaskEvent,
    TaskFilter,
    TaskRequest,
    TaskStatus,
    TaskSystem,
)
from backburner.actors.journal.sqlite import SqliteJournal
from backburner.actors.rules.book import TaskBook
from backburner.actors.rules.moment import Moment
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.runtime.clock import SystemClock
from backburner.actors.session import starting
from backburner.actors.testing import Recorder, running
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE

from tests.faults.program import Program

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest
    from backburner.actors import Notification

_NOON: Final = datetime(2026, 6, 1, 12, tzinfo=UTC)


# Clocks


# No task has a date in Python's first or last year.
_wall = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 - the zone is given beside
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_steps = st.lists(st.tuples(_wall, st.floats(0, 1e6)), min_size=5, max_size=5)


@given(_steps)
def test_setting_the_clock_makes_no_duration_negative(
    steps: list[tuple[datetime, float]],
) -> None:
    passed = itertools.accumulate(pause for _, pause in steps)
    queued, started, progressed, listed, ended = (
        Moment(wall, monotonic)
        for (wall, _), monotonic in zip(steps, passed, strict=True)
    )
    book = TaskBook()
    task_id = book.add(TaskRequest("Task", "fake"), queued, "starting").id
    book.start_next(started)
    durations = [
        book.progress(task_id, OutputNews(1), progressed).duration,
        book.tasks.list(TaskFilter.ALL, listed)[0].duration,
        book.end(task_id, Outcome.complete(), ended).duration,
    ]
    assert durations == [
        moment.monotonic - started.monotonic for moment in (progressed, listed, ended)
    ]


class _WildClock(SystemClock):
    """The real time with dates that jump by years."""

    def __init__(self) -> None:
        super().__init__()
        self._jumps = itertools.cycle([0, 400, -9000, 3, 9000, -1])

    def now(self) -> Moment:
        """Return the current time on another day."""
        now = super().now()
        jump = timedelta(days=next(self._jumps))
        return Moment(now.wall + jump, now.monotonic)


def test_a_whole_system_survives_setting_the_clock(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "SystemClock", _WildClock)
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(directory=state)) as tasks:
        tasks.subscribe(news)
        for _ in range(20):
            tasks.add("Print", "bash", "echo one; sleep 0.02; echo two")
        tasks.wait(timeout=PATIENCE)
    durations = [it.task.duration for it in news.of(TaskChanged)]
    assert all(it is None or 0 <= it < PATIENCE for it in durations)


def test_a_session_from_the_future_opens(state: Path) -> None:
    """The program was killed, and then the clock was set back by a century."""
    journal = _journal(state, [_task(1, at=_NOON + timedelta(days=36525))])
    journal.close(clean=False)
    with running(TaskSystem(directory=state)) as tasks:
        (task,) = tasks.list()
    assert (task.status, task.duration) == (TaskStatus.FAILED, 0.0)


# Long histories


def _task(number: int, at: datetime = _NOON) -> Task:
    return Task(
        id=number,
        description=f"Task {number}",
        kind="bash",
        args=("make test",),
        reason="starting",
        queued_at=at,
        output_path=f"/nowhere/{number}.log",
    ).started(at)


def _journal(folder: Path, tasks: list[Task]) -> SqliteJournal:
    folder.mkdir()
    journal = SqliteJournal(folder / "session.db")
    journal.load()
    for task in tasks:
        event = TaskEvent.of(task.status)
        journal.changed(TaskChanged(task.id, event, task))
    journal.shown(len(tasks))
    return journal


def _finished(count: int) -> list[Task]:
    outcome = Outcome.complete("exit status 0", 0)
    return [_task(i).ended(outcome, _NOON, 1.0) for i in range(1, count + 1)]


def test_a_long_history_opens_and_lists(
    state: Path, report: Callable[[str], None], *, soak: bool
) -> None:
    count = 100_000 if soak else 5_000
    _journal(state, _finished(count)).close(clean=True)
    clock = SystemClock()
    begun = clock.now().monotonic
    with running(TaskSystem(directory=state, history=count)) as tasks:
        opened = clock.now().monotonic
        assert len(tasks.list()) == count
        assert tasks.list(TaskFilter.RUNNING) == ()
        listed = clock.now().monotonic
        assert tasks.add("Next", "bash", "true").id == count + 1
        tasks.wait(timeout=PATIENCE)
        assert len(tasks.list()) == count
    clock.close()
    report(
        f"{count} tasks: opened in {opened - begun:.2f} s,"
        f" listed twice in {listed - opened:.3f} s"
    )


def test_a_long_history_is_cut_to_its_limit(state: Path, *, soak: bool) -> None:
    count = 100_000 if soak else 5_000
    _journal(state, _finished(count)).close(clean=True)
    with running(TaskSystem(directory=state)) as tasks:
        assert [task.id for task in tasks.list()] == [*range(count - 999, count + 1)]
    with running(TaskSystem(directory=state)) as tasks:
        assert len(tasks.list()) == 1000
        assert tasks.add("Next", "bash", "true").id == count + 1
        tasks.wait(timeout=PATIENCE)


def test_unshown_changes_outlive_the_history(state: Path) -> None:
    with running(TaskSystem(directory=state, history=1)) as tasks:
        for number in range(4):
            tasks.add(f"Task {number}", "sleep", "0")
        tasks.wait(timeout=PATIENCE)
    assert _unshown_ends(state) == {1, 2, 3, 4}
    assert _unshown_ends(state) == {1, 2, 3, 4}
    with running(TaskSystem(directory=state, history=1)) as tasks:
        assert len(tasks.list()) == 1
        tasks.queue.tell(Shown(1000))
    assert _unshown_ends(state) == set()


def _unshown_ends(folder: Path) -> set[int]:
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(directory=folder, history=1)) as tasks:
        tasks.subscribe(news, shows=True)
        unshown = news.wait_for(Subscribed).unshown
    return {it.task.id for it in unshown if it.event is TaskEvent.COMPLETE}


# Input


def test_arguments_may_be_long(state: Path) -> None:
    text = "x" * (64 << 10)
    with Program(state) as program:
        program.send(f"!printf %s {text}", f"!: {text}{text}{text}")
        done = program.wait_for_event(TaskEvent.COMPLETE, 1)
        assert done.output_size == len(text)
        failed = program.wait_for_event(TaskEvent.FAILED, 2)
        assert failed.reason.endswith("is too long; put it into a file")
        program.send("/quit")
        assert program.wait() == 1
    with running(TaskSystem(directory=state / "main")) as tasks:
        assert tasks.get(1).args == (f"printf %s {text}",)


_BAD_LINES: Final = (
    (b"!echo a\0b", "a command can't hold a NUL character; remove it"),
    (b"!echo \xff\xfe", "line 2 is not valid UTF-8 (byte 7 is 0xff); it was not run"),
    (b"!echo \xed\xa0\x80", "line 3 is not valid UTF-8 (byte 7 is 0xed); it was not"),
    (b"!" + b"x" * (1 << 20), "line 4 is longer than 1 MiB; it was not run"),
)


def test_undecodable_lines_are_named_and_skipped(state: Path) -> None:
    with Program(state) as program:
        program.send_raw(b"".join(line + b"\n" for line, _ in _BAD_LINES))
        program.send_raw(b'/task "odd \0\x1b[2J name" bash echo on\n')
        program.close_input()
        assert program.wait() == 2
        for text, (_, start) in zip(program.texts("error"), _BAD_LINES, strict=True):
            assert text.startswith(start)
        (task,) = program.last_states().values()
        assert (task.status, task.last_line) == (TaskStatus.COMPLETE, "on")
        assert task.description == "odd \0\x1b[2J name"
