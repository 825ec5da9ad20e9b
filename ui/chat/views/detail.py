"""The detail view of an opened task: facts above, output below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line, safe_lines, size_text
from ...dialogue.facts import Shown, status_word, task_facts
from ...dialogue.reports import SILENT
from ...text.cells import clip, clip_row, wrap
from ...text.rows import Row, Span
from ...text.theme import duration_text
from .paint import sides, titled_rule

if TYPE_CHECKING:
    from ....actors import Task
    from ...dialogue.facts import Facts
    from ...pager.pager import PagerStatus
    from ...text.theme import Look
    from ..model.board import Seen
    from ..model.state import ChatState, Detail

_NAME: Final = 10
_LEAST_OUTPUT: Final = 3
_COMMAND_ROWS: Final = 4


def detail_rows(
    state: ChatState, detail: Detail, columns: int, height: int
) -> list[Row]:
    """Return at most `height` rows: facts, a rule with the position, output."""
    facts = fact_rows(state, detail, columns, height)
    room = height - len(facts)
    if room < 1:
        return facts[:height]
    rows = [*facts, _rule(state, detail, columns), *detail.rows[: room - 1]]
    return rows[:height]


def output_height(state: ChatState, detail: Detail, columns: int, height: int) -> int:
    """Return the number of rows for output."""
    return max(0, height - len(fact_rows(state, detail, columns, height)) - 1)


def fact_rows(state: ChatState, detail: Detail, columns: int, height: int) -> list[Row]:
    """Return the facts about the task; fewer if the output would have no room."""
    seen = state.board.find(detail.task_id)
    if seen is None:
        text = f"#{detail.task_id} has left the history"
        return [clip_row((Span(text, state.look.theme.problem),), columns)]
    rows = [_title(seen, state, columns)]
    for name, text in _facts(seen, detail, state):
        label = Span(f"  {name:<{_NAME}}", state.look.theme.faint)
        lines = _lines(text, max(1, columns - _NAME - 2), state.look)
        rows += [clip_row((label, Span(line)), columns) for line in lines[:1]]
        blank = Span(" " * (_NAME + 2))
        rows += [clip_row((blank, Span(line)), columns) for line in lines[1:]]
    return rows[: max(1, min(len(rows), height - 1 - _LEAST_OUTPUT, height // 2 + 1))]


def _lines(text: str, columns: int, look: Look) -> list[str]:
    """Wrap a text of several lines; a long text is cut."""
    parts = safe_lines(text) or [""]
    lines = [line for part in parts[:_COMMAND_ROWS] for line in wrap(part, columns)]
    if len(parts) > _COMMAND_ROWS or len(lines) > _COMMAND_ROWS:
        last = clip(lines[_COMMAND_ROWS - 1], max(0, columns - 2), "")
        lines[_COMMAND_ROWS - 1 :] = [f"{last} {look.signs.more}"]
    return lines


def _title(seen: Seen, state: ChatState, columns: int) -> Row:
    task, look = seen.task, state.look
    style = look.theme.of(task.status)
    left = (
        Span(f"{look.icons.of_task(task)} #{task.id} {status_word(task)}  ", style),
        Span(safe_line(task.description), look.theme.title),
    )
    seconds = seen.duration(state.now)
    progress = "" if task.progress is None else f"{task.progress}%  "
    right = progress + ("" if seconds is None else duration_text(seconds))
    return sides(left, (Span(right, style),) if right else (), columns)


def _facts(seen: Seen, detail: Detail, state: ChatState) -> Facts:
    task, look = seen.task, state.look
    estimate = state.dialogue.context.last_runs.estimate(task, seen.duration(state.now))
    runs = task.status is TaskStatus.RUNNING
    return task_facts(
        task,
        Shown.OPENED,
        look.icons,
        look.signs.dot,
        pid=detail.pid if runs else None,
        activity=_activity(detail, task),
        output=_output(seen),
        left=None if estimate is None else estimate.text(),
    )


def _activity(detail: Detail, task: Task) -> tuple[tuple[str, str], ...]:
    # Measured every two seconds while the task runs, and outdated after its end.
    if task.status is not TaskStatus.RUNNING:
        return ()
    silent = task.output_size == detail.output_size
    return tuple(it for it in detail.activity if silent or it[0] != SILENT)


def _output(seen: Seen) -> str | None:
    task = seen.task
    if task.output_path is None or task.started_at is None:
        return None
    return f"{task.output_path} ({size_text(task.output_size)})"


def _rule(state: ChatState, detail: Detail, columns: int) -> Row:
    signs = state.look.signs
    if detail.pager is None:
        return titled_rule("no output", state.look, columns)
    status = detail.pager.status
    left = f" {signs.dot} ".join(["output", *_search_words(status, signs.more)])
    right = "following" if status.following else f"{status.percent}%"
    if (screen := detail.screen) is not None and screen.up:
        right = f"{screen.percent}%"
    if not status.wrap:
        right = f"column {status.column + 1} {signs.dot} {right}"
    return titled_rule(left, state.look, columns, right)


def _search_words(status: PagerStatus, more: str) -> list[str]:
    """Return the state of the search: position among the matches, pattern, progress."""
    words: list[str] = []
    if status.finding:
        words.append(f"searching for {status.query}{more} Esc stops it")
    elif status.query and status.matches:
        counted = f"{status.matches}" if status.counted else f"{status.matches}+"
        number = f"{status.match} of " if status.match else ""
        words.append(f"{status.query}: {number}{counted}")
    if status.only:
        lines = f"{status.lines} line{'s' * (status.lines != 1)}"
        words.append(f"only {lines} with {status.only}, Esc shows all")
    if status.searching and not status.finding:
        words.append(f"{status.looked_at}% read{more} Esc stops")
    if status.message:
        words.append(safe_line(status.message))
    return [safe_line(word) for word in words]
