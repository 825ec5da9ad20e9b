"""The facts about a task, as `/show` and the detail view list them."""

from __future__ import annotations

import enum
import time
from typing import TYPE_CHECKING, Final, TypeVar

from ...actors import TaskStatus
from ...actors.rules.safe_text import safe_line
from ...actors.rules.terms import PLAIN
from ..text.theme import duration_text
from .term_options import terms_text
from .usage import figures_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime

    from ...actors import Task
    from ..text.theme import Icons

_LONGEST: Final = 120  # characters of a result
_FILLING: Final = {"=", "-", "*", "_"}

ValueT = TypeVar("ValueT")

Facts = list[tuple[str, str]]
"""Names and texts of facts; not safe to show."""


class Shown(enum.Flag):
    """Where a fact is shown."""

    LINES = enum.auto()
    """Among the lines that answer `/show`."""
    OPENED = enum.auto()
    """Above the output in the detail view, whose title has the most important facts."""
    BOTH = LINES | OPENED


def task_facts(  # noqa: PLR0913 - each is one independent thing
    task: Task,
    shown: Shown,
    icons: Icons,
    dot: str,
    *,
    pid: int | None,
    activity: Iterable[tuple[str, str]],
    output: str | None,
    left: str | None = None,
) -> Facts:
    """List the facts about a task, the most important first.

    Args:
        task: The task.
        shown: Where the facts are shown.
        icons: The icons of statuses.
        dot: The separator between items in a row.
        pid: The id of its first process, if it is known.
        activity: More facts, which show whether it works or waits.
        output: The place and size of its output.
        left: The estimated remaining time, if known.
    """
    lines, opened, both = Shown.LINES, Shown.OPENED, Shown.BOTH
    args = " ".join(task.args)
    facts: list[tuple[Shown, str, str | None]] = [
        (lines, "status", f"{icons.of_task(task)} {task.status}: {task.reason}"),
        (opened, "result", result(task)),
        (opened, "why", task.reason if task.reason != task.status else None),
        (lines, "kind", task.kind),
        (lines, "command", args),
        (opened, "command", f"{task.kind} {args}"),
        (both, "directory", _directory(task)),
        (both, "terms", _known(task.terms, terms_text)),
        (both, "node", task.node),
        (both, "starts", starts_in(task)),
        (both, "error", error_beyond_reason(task)),
        (lines, "queued", _time(task.queued_at)),
        (lines, "started", _time(task.started_at)),
        (lines, "ended", _time(task.ended_at)),
        (opened, "times", _times(task, dot)),
        (both, "paused", pauses(task)),
        (lines, "duration", _known(task.duration, duration_text)),
        (lines, "progress", _known(task.progress, "{}%".format)),
        (both, "estimate", left),
        (both, "process", _known(pid, str)),
        *((both, name, text) for name, text in activity),
        (both, "exit code", _known(task.exit_code, str)),
        (both, "used", _known(task.figures, figures_text)),
        (both, "limits", _known(task.figures, lambda it: it.limits)),
        (both, "output", output),
    ]
    return [(name, text) for where, name, text in facts if text and shown in where]


def _directory(task: Task) -> str | None:
    terms = task.terms or PLAIN
    if task.directory is None or not terms.engine:
        return task.directory
    if terms.ships:
        return f"a copy of {task.directory}, on the node"
    return f"{task.directory}, of the node"


def result(task: Task) -> str:
    """Return the last line of output of a complete task; empty if it has none."""
    if task.status is not TaskStatus.COMPLETE or task.last_line is None:
        return ""
    line = unframed(safe_line(task.last_line))
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."


def unframed(line: str) -> str:
    """Return a line without the characters that fill it to the width of a terminal.

    `====== 200 passed in 3.20s ======` becomes `200 passed in 3.20s`.
    """
    line = line.strip()
    mark = line[:1]
    if mark in _FILLING and line.startswith(mark * 3) and line.endswith(mark * 3):
        return line.strip(f"{mark} ") or line
    return line


def error_beyond_reason(task: Task) -> str | None:
    """Return the error of a task, unless its reason contains it."""
    return task.error if task.error and task.error not in task.reason else None


def status_word(task: Task) -> str:
    """Return the status of a task in one word, which may be `paused`."""
    return "paused" if task.is_paused else task.status.value


def pauses(task: Task) -> str:
    """Return since when and how long a task was paused; empty if it never was."""
    parts = [f"since {_time(task.paused_at)}"] if task.paused_at else []
    if task.paused_for:
        before = " before" if parts else ""
        parts.append(f"for {duration_text(task.paused_for)}{before}")
    return ", ".join(parts)


def starts_in(task: Task) -> str:
    """Return how soon a task or its next attempt may start.

    Empty if it may start now.
    """
    at = start_of(task)
    if at is None or not task.waits_to_run:
        return ""
    seconds = at.timestamp() - time.time()
    return f"in {duration_text(seconds)}" if seconds > 0 else ""


def start_of(task: Task) -> datetime | None:
    """Return the time from which a task or its next attempt may start, if set."""
    if task.attempt is not None:
        return task.attempt.due
    return (task.terms or PLAIN).at


def _known(value: ValueT | None, text: Callable[[ValueT], str]) -> str | None:
    return None if value is None else text(value)


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _times(task: Task, dot: str) -> str:
    parts: list[str] = []
    day: date | None = None
    for what, at in (
        ("queued", task.queued_at),
        ("started", task.started_at),
        ("ended", task.ended_at),
    ):
        if at is None:
            continue
        local = at.astimezone()
        # A session lasts for days: the first time has a date, and each on another day.
        dated = "" if local.date() == day else f"{local:%-d %b} "
        parts.append(f"{what} {dated}{local:%H:%M:%S}")
        day = local.date()
    return f" {dot} ".join(parts)
