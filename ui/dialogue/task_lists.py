"""Format a list of tasks: a header, a row for each task, and the counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import TaskFilter
from ...actors.rules.safe_text import safe_line
from ...actors.rules.terms import PLAIN
from ..text.columns import aligned
from ..text.theme import duration_text
from .chains import in_chains, indented
from .reports import counts_text, state_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors import Task, TaskList
    from ..text.theme import Icons


def select(answer: TaskList, group: str | None, label: str | None) -> TaskList:
    """Return a list with only the tasks of a group whose description has a label."""
    if group is None and label is None:
        return answer
    tasks = tuple(
        task
        for task in answer.tasks
        if (group is None or group == (task.terms or PLAIN).group)
        and (label is None or label.lower() in task.description.lower())
    )
    return msgspec.structs.replace(answer, tasks=tasks)


def list_lines(answer: TaskList, which: TaskFilter, icons: Icons) -> list[str]:
    """Format a task list: header, a row for each task, and a footer with the counts.

    The tasks are ordered by id, but each is below the last task that it waits for.
    """
    rows = in_chains(answer.tasks)
    # Most sessions have no cluster.
    has_nodes = any(it.node for it in answer.tasks)
    shown = [it for it in _COLUMNS if it is not _NODE or has_nodes]
    columns = [
        [name, *(text(task, icons, depth) for task, depth in rows)]
        for name, _, text in shown
    ]
    lines = [
        f"{icon} {'  '.join(cells)}".rstrip()
        for icon, *cells in zip(*map(_aligned, columns, shown), strict=True)
    ]
    if not answer.tasks:
        name = "" if which is TaskFilter.NOT_CANCELED else f"{which.value} "
        kind = "" if which is TaskFilter.ALL else name
        lines = [f"No {kind}tasks."]
    lines.append(counts_text(answer.counts))
    return lines


_WIDEST_NAME: Final = 40  # maximum width of a description


def _named(task: Task, icons: Icons, depth: int) -> str:
    from ..text.cells import clip  # noqa: PLC0415 - scripts don't need it

    name = f"{indented(depth, icons.branch)}{safe_line(task.description)}"
    return clip(name, _WIDEST_NAME, "...")


_Column = tuple[str, str, "Callable[[Task, Icons, int], str]"]

_NODE: Final[_Column] = ("Node", "<", lambda task, _icons, _: safe_line(task.node))

_COLUMNS: Final[tuple[_Column, ...]] = (
    (" ", "", lambda task, icons, _: icons.of_task(task)),
    ("ID", "<", lambda task, _icons, _: f"#{task.id}"),
    ("Progress", ">", lambda task, _icons, _: _percent(task.progress)),
    ("Duration", ">", lambda task, _icons, _: duration_text(task.duration)),
    ("Description", "<", _named),
    _NODE,
    ("Result", "", lambda task, _icons, _: state_text(task)),
)
"""The columns of a list: header, alignment, and the text of a cell."""


def _percent(progress: int | None) -> str:
    return "-" if progress is None else f"{progress}%"


def _aligned(cells: list[str], column: tuple[str, str, object]) -> list[str]:
    _, align, _ = column
    return aligned(cells, right=align == ">") if align else cells
