"""Read the output of the opened task for the next frame."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from ...actors import ResizeTerminal
from ..program.terminals import takes_keys, terminal_size
from .views.layout import output_size

if TYPE_CHECKING:
    from ..pager.terminal_view import TerminalView
    from .model.state import ChatState, Detail
    from .views.layout import Areas

_SEARCH_TIME: Final = 0.015


def read_output(state: ChatState, parts: Areas) -> ResizeTerminal | None:
    """Read the visible output of the opened task into `Detail.rows`.

    Also continues a search of the output for a short time.

    Returns:
        The request for the queue, if the task's terminal needs another size.
    """
    detail = state.detail
    if detail is None or detail.pager is None:
        return None
    if detail.pager.status.searching:
        end = time.monotonic() + _SEARCH_TIME
        while detail.pager.step() and time.monotonic() < end:
            pass
    columns, height = output_size(state, detail, parts)
    match = state.look.theme.match
    detail.rows = detail.pager.rows(columns, height, match) if height else ()
    if height and columns and (screen := detail.screen) is not None:
        return _show_terminal(state, detail, screen, columns, height)
    return None


def _show_terminal(
    state: ChatState, detail: Detail, view: TerminalView, columns: int, height: int
) -> ResizeTerminal | None:
    """Read the screen of a task's terminal.

    The terminal of a running task gets the size of the view; the terminal of an ended
    task keeps its size.
    """
    seen = state.board.find(detail.task_id)
    if seen is None:
        return None
    size = wanted = None
    if not takes_keys(seen.task):
        size = terminal_size(seen.task)
    elif view.size != (columns, height) and not view.up:
        wanted = ResizeTerminal(detail.task_id, columns, height, if_free=True)
    detail.rows = view.rows(columns, height, size) or detail.rows
    return wanted
