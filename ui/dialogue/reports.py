"""Pure functions that format tasks as lines of text: news, states, details."""

from __future__ import annotations

import math
import time
from itertools import islice
from typing import TYPE_CHECKING, Final

from ...actors import TaskStatus
from ...actors.rules.safe_text import safe_line
from ...actors.rules.task import AWAITS_INPUT
from ...actors.rules.terms import PLAIN
from ..program.terminals import has_terminal
from ..text.theme import duration_text
from .facts import Shown, error_beyond_reason, result, task_facts, unframed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ...actors import RulesFound, Task, TaskCounts, TaskFound
    from ...actors.processes.activity import VitalSigns
    from ..text.theme import Icons
    from .task_output import OutputEnd

SILENCE: Final = 60.0
"""Seconds without output after which `/show` mentions the silence."""

_NAMED: Final = 10  # maximum number of tasks in a list of names
_MINUTE: Final = 60
_DAY: Final = 86400.0
_LAST_WORDS: Final = 120  # characters
_NO_CPU: Final = 0.05  # seconds; the system's resolution is 0.01 s


def news_text(task: Task, icons: Icons) -> str:
    """Return the change of a task in one line: `✗ #2 failed  Lint  exit status 1`."""
    start = f"{icons.of(task.status)} #{task.id} {task.status:<8}"
    parts = [f"{start}  {safe_line(task.description)}"]
    details = news_details(task)
    has_failed = task.status in {TaskStatus.FAILED, TaskStatus.CANCELED}
    parts += [" · ".join(details)] if has_failed else details
    if has_failed and (extra := error_beyond_reason(task)):
        parts.append(f"({safe_line(extra)})")
    if last := last_words(task):
        parts.append(last)
    return "  ".join(parts)


def input_text(task: Task, *, verbs: str | None = None, drawn: bool = True) -> str:
    """Return a line that says that a task waits for input, and how to send it.

    It names commands of the chat, or verbs of the command line with these options.
    """
    ways = [("send", f"{task.id} TEXT")]
    if has_terminal(task) and drawn:
        ways.append(("input" if verbs is None else "attach", str(task.id)))
    start = "/" if verbs is None else "backburner "
    how = " or ".join(f"{start}{name}{verbs or ''} {rest}" for name, rest in ways)
    said = f": {task.last_line}" if task.last_line else ""
    return safe_line(
        f"#{task.id} {task.description.strip()} {AWAITS_INPUT}{said}  ({how})"
    )


def names_of(tasks: Sequence[Task]) -> str:
    """Return the names of tasks in one line; of many, only the first."""
    names = (f"#{task.id} {safe_line(task.description).strip()}" for task in tasks)
    return some_of(names, len(tasks), _NAMED)


def some_of(names: Iterable[str], count: int, most: int) -> str:
    """Return the first of `count` names: `#1, #2 and 3 more`."""
    rest = f" and {count - most} more" if count > most else ""
    return f"{', '.join(islice(names, most))}{rest}"


def slots_text(slots: int) -> str:
    """Return a line that says how many tasks run at a time."""
    return f"up to {slots} task{'s run' if slots > 1 else ' runs'} at a time"


def resumed_lines(tasks: Sequence[Task]) -> list[str]:
    """Return lines that list the tasks that start because the session was opened."""
    count = f"{len(tasks)} tasks that were" if len(tasks) > 1 else "1 task that was"
    lines = [f"starting {count} queued when the session ended:"]
    for task in tasks[:_NAMED]:
        where = "" if task.directory is None else f"  in {safe_line(task.directory)}"
        lines.append(f"  #{task.id} {safe_line(task.description).strip()}{where}")
    if rest := len(tasks) - _NAMED:
        lines += [f"  and {rest} more; /tasks lists them"] if rest > 0 else []
    return lines


def last_words(task: Task) -> str:
    """Return the last line of output of a failed task, which is often the reason.

    Empty if the task has not failed or has no output, or if its reason is the same.
    """
    if task.status is not TaskStatus.FAILED or task.last_line is None:
        return ""
    line = unframed(safe_line(task.last_line))
    reason = task.reason
    if line in reason.split("; ") or reason.endswith(f": {line}"):
        return ""
    return line if len(line) <= _LAST_WORDS else f"{line[: _LAST_WORDS - 3]}..."


def state_text(task: Task) -> str:
    """Return in a few words what a task does, why it waits, or how it ended."""
    reason = safe_line(task.reason)
    match task.status:
        case TaskStatus.RUNNING if task.reason == "running":
            return unframed(task.last_line or "")
        case TaskStatus.RUNNING if task.reason == AWAITS_INPUT:
            return f"{reason}: {task.last_line}" if task.last_line else reason
        case TaskStatus.QUEUED if (seconds := counts_down(task)) is not None:
            return f"starts in {countdown_text(seconds)}"
        case TaskStatus.COMPLETE if last := result(task):
            left = safe_line(task.left_running)
            return f"{last}; still running: {left}" if left else last
        case TaskStatus.FAILED if last := last_words(task):
            return f"{reason}: {last}"
        case _:
            return reason


def counts_down(task: Task) -> float | None:
    """Return the seconds until a queued task may start, if it waits only for a time.

    None also for more than a day, for which a date reads better.
    """
    at = (task.terms or PLAIN).at
    if (
        at is None
        or task.status is not TaskStatus.QUEUED
        or not task.reason.startswith("starts at ")
    ):
        return None
    seconds = at.timestamp() - time.time()
    return seconds if 0 < seconds < _DAY else None


def countdown_text(seconds: float) -> str:
    """Return a remaining time in whole seconds: `42s`, `4m 12s`, `2h 03m`."""
    whole = math.ceil(seconds)
    return f"{whole}s" if whole < _MINUTE else duration_text(whole)


def group_paused_text(group: str, task: Task) -> str:
    """Return a line that says that a group was paused because a task failed."""
    return (
        f"group {group} is paused: #{task.id} {safe_line(task.description)} failed"
        f" ({safe_line(task.reason)}); /resume --group {group} starts its tasks again"
    )


def rules_lines(found: RulesFound, *, paused: bool = True) -> list[str]:
    """Return the settings of the queue as lines, with the affected running tasks.

    These were `paused`, or else resumed.
    """
    rules = found.rules
    lines = ["everything is paused: no task starts"] if rules.paused else []
    for group in rules.groups:
        parts = [f"{group.slots} at a time"] * bool(group.slots)
        if group.paused:
            parts.append(f"paused ({group.why})" if group.why else "paused")
        if group.pause_on_failure is not None:
            never = "" if group.pause_on_failure else "not "
            parts.append(f"{never}paused when a task fails")
        lines.append(f"group {group.name}: {', '.join(parts)}")
    if not lines:
        lines = ["nothing is paused, and no group has its own limit"]
    elif not (paused or rules.paused or any(it.paused for it in rules.groups)):
        lines.insert(0, "nothing is paused")
    if found.tasks:
        lines.append(f"{'paused' if paused else 'resumed'}: {ids_text(found.tasks)}")
    if found.unpaused:
        ids = ids_text(found.unpaused)
        lines.append(f"still running, because their kind can't be paused: {ids}")
    return lines


def ids_text(ids: Sequence[int], most: int = _NAMED) -> str:
    """Return the ids of tasks in one line; of many, only the first."""
    return some_of((f"#{it}" for it in ids), len(ids), most)


def counts_text(counts: TaskCounts) -> str:
    """Return the number of tasks in each status as a line."""
    return (
        f"Running: {counts.running} | Queued: {counts.queued}"
        f" | Completed: {counts.complete} | Failed: {counts.failed}"
        f" | Canceled: {counts.canceled}"
    )


def news_details(task: Task) -> list[str]:
    """Return the reason of a change, or the duration and the result of a task."""
    reason = safe_line(task.reason)
    match task.status:
        case TaskStatus.QUEUED:
            return [] if reason == "starting" else [reason]
        case TaskStatus.RUNNING:
            return [] if reason == "running" else [reason]
        case TaskStatus.COMPLETE:
            details = [duration_text(task.duration)]
            if last := result(task):
                details.append(last)
            if left := safe_line(task.left_running):
                details.append(f"still running: {left}")
            return details
        case TaskStatus.FAILED | TaskStatus.CANCELED:
            ran = [] if task.duration is None else [duration_text(task.duration)]
            return [reason, *ran]


def detail_lines(
    found: TaskFound,
    icons: Icons,
    activity: Iterable[tuple[str, str]],
    end: OutputEnd,
    left: str | None = None,
) -> list[str]:
    """Return the facts about a task and its last lines of output; see `task_facts`."""
    task = found.task
    facts = task_facts(
        task,
        Shown.LINES,
        icons,
        ",",
        pid=found.pid,
        activity=activity,
        output=end.fact,
        left=left,
    )
    lines = [f"#{task.id} {safe_line(task.description)}"]
    lines += [f"  {name:<9}  {safe_line(text)}" for name, text in facts]
    lines += [f"  │ {line}" for line in end.lines]
    return lines


SILENT: Final = "silence"
"""The name of the fact about time without output."""


def activity_facts(
    silence: float, signs: VitalSigns | None, earlier: VitalSigns | None = None
) -> list[tuple[str, str]]:
    """Return facts that show whether a task works or waits; see `TaskLook`.

    `earlier` is the last measurement of its processes.

    Returns:
        Names and texts of facts, for `detail_lines`. Empty for a task that prints
        regularly and has no process.
    """
    facts: list[tuple[str, str]] = []
    if silence >= SILENCE:
        facts.append((SILENT, f"no output for {duration_text(silence)}"))
    if signs is not None:
        count = f"{signs.processes} process{'es' * (signs.processes != 1)}"
        text = f"{count}, {signs.cpu:.1f} s of CPU since the start"
        if earlier is not None:
            used = max(0.0, signs.cpu - earlier.cpu)
            since = duration_text(signs.at - earlier.at)
            amount = f"{used:.1f} s" if used >= _NO_CPU else "none"
            text += f", {amount} in the last {since}"
            text += _share(used, signs.at - earlier.at)
        facts.append(("activity", text))
    return facts


def _share(used: float, seconds: float) -> str:
    """Return the CPU usage as text: ` (150% of a CPU)`."""
    if used < _NO_CPU or seconds <= 0:
        return ""
    return f" ({used / seconds:.0%} of a CPU)"
