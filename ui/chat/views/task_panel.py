"""The task panel: a title, a row for each task, and the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line
from ...dialogue.chains import depths, indented
from ...dialogue.reports import counts_text, state_text
from ...text.cells import clip_row, pad, pad_row, row_width, width
from ...text.rows import Row, Span
from ...text.theme import duration_text
from ..model.state import Purpose
from .paint import over, sides

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ....actors import Task
    from ...text.theme import Look
    from ..model.board import Seen
    from ..model.state import ChatState

FRAME: Final = 2
"""Rows of the panel besides the tasks: the title and the counts."""

SPINS_PER_SECOND: Final = 10

_BAR: Final = 12
_PERCENT: Final = 5
_DURATION: Final = 8
_ROOM_FOR_BAR: Final = 64
_ROOM_FOR_PERCENT: Final = 44
_ROOM_FOR_DURATION: Final = 24
_ROOM_FOR_MIDDLE: Final = 12
_FULL: Final = 100


def panel_height(state: ChatState, limit: int) -> int:
    """Return how many rows the panel wants, at most `limit`; 0 to hide it."""
    if state.has_keys("tasks"):
        count = max(1, len(state.board.list_ids(state.tasks.words)))
    else:
        count = state.board.live_count(state.now)
    return 0 if not count or limit <= FRAME else min(limit, count + FRAME)


def panel_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return exactly the rows of a panel of this height; see `panel_height`."""
    room = height - FRAME
    if room < 1:
        return []
    shown, first, total = shown_tasks(state, room)
    focused = state.has_keys("tasks")
    deep = depths([seen.task.id for seen in shown], state.board.waits_for)
    widths = Widths.of(shown, deep)
    rows: list[Row] = []
    for seen in shown:
        row = task_row(
            seen, state.look, columns, state.now, widths, depth=deep[seen.task.id]
        )
        if focused and seen.task.id == state.tasks.selected:
            row = over(pad_row(row, columns), state.look.theme.selected)
        rows.append(row)
    if not shown:
        rows.append(_nothing(state, columns))
    rows += [()] * (room - len(rows))
    hidden = total - first - len(shown)
    return [_title(state, columns), *rows, _counts(state, columns, first, hidden)]


def shown_tasks(state: ChatState, room: int) -> tuple[list[Seen], int, int]:
    """Return the tasks in `room` rows, the number before them, and the total."""
    board = state.board
    if not state.has_keys("tasks"):
        live, total = board.live(room, state.now)
        return live, 0, total
    ids = board.list_ids(state.tasks.words)
    selected = state.tasks.selected
    at = ids.index(selected) if selected in ids else 0
    first = max(0, min(at - room // 2, len(ids) - room))
    found = (board.find(task_id) for task_id in ids[first : first + room])
    return [seen for seen in found if seen is not None], first, len(ids)


class Widths(msgspec.Struct, frozen=True):
    """The widths of ids and descriptions in the visible rows, in cells."""

    id: int
    name: int

    @classmethod
    def of(cls, shown: list[Seen], deep: Mapping[int, int]) -> Widths:
        """Measure tasks with these indentations."""
        tasks = [seen.task for seen in shown]
        return cls(
            max((len(str(task.id)) for task in tasks), default=1),
            max((_name_width(task, deep[task.id]) for task in tasks), default=1),
        )


def _name_width(task: Task, depth: int) -> int:
    return 2 * depth + width(safe_line(task.description))


def task_row(  # noqa: PLR0913 - each is one independent thing
    seen: Seen, look: Look, columns: int, now: float, widths: Widths, *, depth: int = 0
) -> Row:
    """Return the row of a task: description, activity and progress.

    `widths` aligns the columns of all rows; `depth` indents a task that waits for one
    above it.
    """
    task, theme = seen.task, look.theme
    style = theme.of(task.status)
    head = (
        Span(f"{_icon(task, look, now)} ", style),
        Span(f"{f'#{task.id}':<{widths.id + 1}}  ", theme.faint),
    )
    tail = _tail(seen, look, columns, now)
    room = columns - row_width(head) - row_width(tail)
    if room < 1:
        return clip_row((*head, Span(safe_line(task.description))), columns)
    # In a narrow window the description matters more than the chain.
    branch = indented(depth, look.icons.branch) if 2 * depth < room // 2 else ""
    description = f"{branch}{safe_line(task.description)}"
    middle = _middle(task, description, look, room, widths.name)
    return clip_row((*head, *middle, *tail), columns)


def _middle(
    task: Task, description: str, look: Look, room: int, name: int
) -> tuple[Span, ...]:
    if room < 2 * _ROOM_FOR_MIDDLE:
        return (Span(pad(description, room), look.theme.text),)
    # The descriptions get the width of the widest, up to half of the room.
    name = max(1, min(name, room // 2))
    rest = room - name - 2
    return (
        Span(f"{pad(description, name)}  ", look.theme.text),
        Span(pad(state_text(task), rest), look.theme.faint),
    )


def _tail(seen: Seen, look: Look, columns: int, now: float) -> tuple[Span, ...]:
    task, theme = seen.task, look.theme
    spans: list[Span] = []
    progress = task.progress if task.status is TaskStatus.RUNNING else None
    if columns >= _ROOM_FOR_BAR:
        spans.append(Span("  "))
        spans.extend(_bar(progress, look))
    if columns >= _ROOM_FOR_PERCENT:
        text = "" if progress is None else f"{progress}%"
        spans.append(Span(f"{text:>{_PERCENT}}", theme.bar))
    if columns >= _ROOM_FOR_DURATION:
        seconds = seen.duration(now)
        text = look.signs.dash if seconds is None else duration_text(seconds)
        spans.append(Span(f"{text:>{_DURATION}}", theme.faint))
    return tuple(spans)


def _bar(progress: int | None, look: Look) -> tuple[Span, ...]:
    if progress is None:
        return (Span(" " * _BAR),)
    full = _BAR * progress // _FULL
    return (
        Span(look.signs.bar_full * full, look.theme.bar),
        Span(look.signs.bar_rest * (_BAR - full), look.theme.rule),
    )


def _icon(task: Task, look: Look, now: float) -> str:
    if task.status is not TaskStatus.RUNNING or task.is_paused or task.awaits_input:
        return look.icons.of_task(task)
    frames = look.signs.spinner
    return frames[int(now * SPINS_PER_SECOND) % len(frames)]


def _title(state: ChatState, columns: int) -> Row:
    theme, signs = state.look.theme, state.look.signs
    focused = state.has_keys("tasks")
    words = state.tasks.words
    spans = [
        Span(f"{signs.rule * 2} ", theme.rule),
        Span("Tasks ", theme.title if focused else theme.faint),
    ]
    if focused and (words or _typing(state)):
        end = "_" if _typing(state) else ""
        spans.append(Span(f"/{words}{end} ", theme.unread))
    row = clip_row(tuple(spans), columns)
    return (*row, Span(signs.rule * (columns - row_width(row)), theme.rule))


def _typing(state: ChatState) -> bool:
    return state.prompt is not None and state.prompt.purpose is Purpose.TASKS


def _counts(state: ChatState, columns: int, above: int, below: int) -> Row:
    theme = state.look.theme
    text = counts_text(state.board.counts)
    more = above + below
    right = (Span(f"+{more} more", theme.faint),) if more else ()
    return sides((Span(text, theme.faint),), right, columns)


def _nothing(state: ChatState, columns: int) -> Row:
    text = "No task matches" if state.tasks.words else "No tasks"
    return clip_row((Span(text, state.look.theme.faint),), columns)
