from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from backburner.actors import IllegalTransitionError, Outcome, Task, TaskStatus
from backburner.actors.rules.attempts import Attempt
from backburner.actors.rules.output_news import OutputNews
from backburner.actors.rules.status import LEGAL_TRANSITIONS, TaskFilter
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LATER = AT + timedelta(seconds=42)

QUEUED = Task(id=1, description="Build", kind="bash", reason="waiting", queued_at=AT)
RUNNING = QUEUED.started(AT)
COMPLETE = RUNNING.ended(Outcome.complete("exit status 0", 0), LATER, 42.0)
FAILED = RUNNING.ended(Outcome.failed("exit status 2", 2), LATER, 42.0)
CANCELED = RUNNING.ended(Outcome.canceled("canceled by you"), LATER, 42.0)
NEVER_RAN = QUEUED.ended(Outcome.canceled("canceled by you"), LATER)
ALL = (QUEUED, RUNNING, COMPLETE, FAILED, CANCELED, NEVER_RAN)

CHANGES: dict[TaskStatus, Callable[[Task], Task]] = {
    TaskStatus.RUNNING: lambda task: task.started(LATER),
    TaskStatus.COMPLETE: lambda task: task.ended(Outcome.complete(), LATER, 1.0),
    TaskStatus.FAILED: lambda task: task.ended(Outcome.failed("no"), LATER, 1.0),
    TaskStatus.CANCELED: lambda task: task.ended(
        Outcome.canceled("no more"), LATER, None if task.started_at is None else 1.0
    ),
}


def test_the_state_machine_is_the_documented_one() -> None:
    assert {
        (source.value, target.value)
        for source, targets in LEGAL_TRANSITIONS.items()
        for target in targets
    } == {
        ("queued", "running"),
        ("queued", "canceled"),
        ("running", "complete"),
        ("running", "failed"),
        ("running", "canceled"),
    }


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.status)
@pytest.mark.parametrize("target", CHANGES)
def test_an_illegal_change_of_status_raises(task: Task, target: TaskStatus) -> None:
    change = CHANGES[target]
    if target in LEGAL_TRANSITIONS[task.status]:
        assert change(task).status is target
    else:
        with pytest.raises(IllegalTransitionError) as error:
            change(task)
        assert str(error.value) == f"task 1 is {task.status} and can't become {target}"


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.status)
def test_only_a_running_task_accepts_news(task: Task) -> None:
    news = OutputNews(100, "half done", 50)
    if task is RUNNING:
        after = task.progressed(news, 3.0)
        assert (after.output_size, after.last_line) == (100, "half done")
        assert (after.progress, after.duration) == (50, 3.0)
        assert task.with_reason("stopping", 4.0).reason == "stopping"
    else:
        with pytest.raises(IllegalTransitionError):
            task.progressed(news, 3.0)
        with pytest.raises(IllegalTransitionError):
            task.with_reason("stopping", 4.0)


def test_news_without_a_line_or_progress_keep_the_previous_values() -> None:
    before = RUNNING.progressed(OutputNews(10, "[1/4] cc", 25), 1.0)
    after = before.progressed(OutputNews(12), 2.0)
    assert (after.output_size, after.last_line, after.progress) == (12, "[1/4] cc", 25)


def test_the_end_of_a_task_carries_its_last_news() -> None:
    ended = RUNNING.ended(Outcome.failed("no"), LATER, 1.0, OutputNews(9, "bye", 70))
    assert (ended.output_size, ended.last_line, ended.progress) == (9, "bye", 70)


def test_a_complete_task_that_had_progress_has_100_percent() -> None:
    half = RUNNING.progressed(OutputNews(10, None, 50), 1.0)
    assert half.ended(Outcome.complete(), LATER, 2.0).progress == 100
    assert half.ended(Outcome.failed("no"), LATER, 2.0).progress == 50
    assert RUNNING.ended(Outcome.complete(), LATER, 2.0).progress is None


@pytest.mark.parametrize("task", ALL, ids=lambda task: task.status)
def test_a_snapshot_round_trips_through_json(task: Task) -> None:
    assert msgspec.json.decode(msgspec.json.encode(task), type=Task) == task


def _shape(task: Task) -> tuple[object, ...]:
    return (
        task.status,
        task.started_at is not None,
        task.ended_at is not None,
        task.duration is not None,
        task.exit_code is not None,
        task.error is not None,
    )


def _shapes_of_all_lives() -> set[tuple[object, ...]]:
    """Return the combinations of set fields on every path of the state machine."""
    shapes = {_shape(QUEUED), _shape(RUNNING)}
    for code, error in itertools.product((None, 0), (None, "why")):
        canceled = Outcome.canceled("no more", code, error)
        ends = [(canceled, RUNNING), (Outcome.failed("no", code, error), RUNNING)]
        if code is None:
            ends.append((canceled, QUEUED))
        if error is None:
            ends.append((Outcome.complete("done", code), RUNNING))
        for outcome, task in ends:
            duration = 1.0 if task is RUNNING else None
            shapes.add(_shape(task.ended(outcome, LATER, duration)))
    return shapes


@pytest.mark.parametrize("status", TaskStatus)
def test_a_snapshot_that_no_task_can_reach_is_refused(status: TaskStatus) -> None:
    possible = _shapes_of_all_lives()
    for has in itertools.product((False, True), repeat=5):
        started, ended, duration, code, error = has
        fields: dict[str, Any] = {
            "status": status,
            "started_at": AT if started else None,
            "ended_at": LATER if ended else None,
            "duration": 42.0 if duration else None,
            "exit_code": 2 if code else None,
            "error": "why" if error else None,
        }
        base: dict[str, Any] = {**msgspec.structs.asdict(QUEUED), **fields}
        document = msgspec.json.encode(base)
        if (status, *has) in possible:
            assert msgspec.json.decode(document, type=Task) == Task(**base)
        else:
            with pytest.raises(ValueError, match=f"task 1 \\({status}\\): "):
                Task(**base)
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(document, type=Task)


@pytest.mark.parametrize(
    "fields",
    [{"progress": -1}, {"progress": 101}, {"output_size": -1}, {"id": 0}],
    ids=str,
)
def test_an_invalid_number_is_refused(fields: dict[str, int]) -> None:
    base: dict[str, Any] = {**msgspec.structs.asdict(RUNNING), **fields}
    with pytest.raises(ValueError, match=r"task \d"):
        Task(**base)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(base), type=Task)


@pytest.mark.parametrize(
    "fields",
    [
        {"id": 0},
        {"progress": 101},
        {"output_size": -1},
        {"attempt": Attempt(2, "exit status 2")},
        {"paused_at": AT},
        {"awaits_input": True},
        {"queued_at": AT.replace(tzinfo=None)},
        {"queued_at": AT.replace(year=1)},
        {"queued_at": AT.replace(year=9999)},
    ],
    ids=str,
)
def test_a_queued_task_with_fields_of_a_later_status_is_refused(
    fields: dict[str, Any],
) -> None:
    base: dict[str, Any] = {**msgspec.structs.asdict(QUEUED), **fields}
    with pytest.raises(ValueError, match=r"task \d \(queued\): "):
        Task(**base)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(msgspec.json.encode(base), type=Task)


def test_a_negative_duration_is_refused() -> None:
    with pytest.raises(ValueError, match="duration"):
        RUNNING.progressed(OutputNews(0), -0.1)


@pytest.mark.parametrize("progress", [-1, 101])
def test_news_with_impossible_progress_are_refused(progress: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 100"):
        OutputNews(0, None, progress)


@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.RUNNING])
def test_an_outcome_is_final(status: TaskStatus) -> None:
    with pytest.raises(ValueError, match=f"must be final, not {status}"):
        Outcome(status, "why")


def test_an_impossible_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="must have an error"):
        Outcome(TaskStatus.FAILED, "no")
    with pytest.raises(ValueError, match="only a failed or canceled task"):
        Outcome(TaskStatus.COMPLETE, "done", 0, "why")


def test_an_error_defaults_to_the_reason() -> None:
    assert Outcome.failed("exit status 2", 2).error == "exit status 2"
    assert Outcome.failed("exit status 2", 2, "see line 7").error == "see line 7"


@given(st.sampled_from(TaskFilter), st.sampled_from(TaskStatus))
def test_a_filter_matches_the_statuses_in_its_name(
    selection: TaskFilter, status: TaskStatus
) -> None:
    admitted = {
        TaskFilter.ALL: set(TaskStatus),
        TaskFilter.FINISHED: {"complete", "failed", "canceled"},
        TaskFilter.NOT_CANCELED: set(TaskStatus) - {TaskStatus.CANCELED},
    }.get(selection, {selection.value})
    assert (status in selection.statuses) == (status in admitted)
