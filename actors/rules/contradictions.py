"""Impossible combinations of the fields of a task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .moment import implausible, is_plausible
from .outcome import contradiction_of_error
from .output_news import contradiction_of_numbers
from .status import TaskStatus

if TYPE_CHECKING:
    from .attempts import Attempt
    from .task import Task

_QUEUED: Final = TaskStatus.QUEUED
_RUNNING: Final = TaskStatus.RUNNING
_FAILED: Final = TaskStatus.FAILED
_CANCELED: Final = TaskStatus.CANCELED


def contradiction(task: Task) -> str | None:
    """Return why the fields of a task contradict each other; `None` if they don't."""
    status, error = task.status, task.error
    final = status.is_final
    # Hot path: the functions below are called only for tasks that can have the
    # contradiction.
    problem: str | None = None
    if task.duration is None:
        problem = _of_unstarted(task)
    elif task.started_at is None:
        problem = "it must have a duration if it has started, and only then"
    elif status is _QUEUED:
        problem = "a queued task has not started"
    elif task.duration < 0:
        problem = "a duration must be 0 or more seconds"
    elif not final and task.exit_code is not None:
        problem = "a task that has not ended has no exit code"
    if final != (task.ended_at is not None):
        problem = "it must have ended_at if its status is final, and only then"
    if task.id < 1:
        problem = "ids start at 1"
    if (at := implausible(task.queued_at, task.started_at, task.ended_at)) is not None:
        problem = f"{at} is not a valid date"
    if error is not None or status is _FAILED:
        problem = problem or contradiction_of_error(status, error)
    if task.progress is not None or task.output_size < 0:
        problem = problem or contradiction_of_numbers(task.output_size, task.progress)
    if task.attempt is not None:
        problem = problem or _of_attempt(task, task.attempt)
    if task.paused_at is not None or task.awaits_input:
        problem = problem or _of_running(task)
    return problem


def _of_unstarted(task: Task) -> str | None:
    if task.started_at is not None:
        return "it must have a duration if it has started, and only then"
    if task.status is not _QUEUED and task.status is not _CANCELED:
        return "only a queued or a canceled task may never have started"
    if task.exit_code is not None:
        return "a task that never started has no exit code"
    return None


def _of_attempt(task: Task, attempt: Attempt) -> str | None:
    if task.started_at is None:
        return "a task that never started has made no attempt"
    if attempt.waits and task.status is not _RUNNING:
        return "only a task that has not ended waits for another attempt"
    if attempt.due is not None and not is_plausible(attempt.due):
        return f"{attempt.due} is not a valid date for an attempt"
    return None


def _of_running(task: Task) -> str | None:
    runs = task.status is _RUNNING and not task.waits_to_run
    if task.paused_at is not None:
        if not runs:
            return "only a task that runs is paused"
        if not is_plausible(task.paused_at):
            return f"{task.paused_at} is not a valid date for a pause"
    return None if runs else "only a task that runs waits for input"
