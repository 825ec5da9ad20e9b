"""The last row: the keys that matter now, or a notice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....actors.rules.safe_text import safe_line
from ...program.terminals import takes_keys
from ...text.cells import clip_row, width
from ...text.rows import Row, Span
from ..model import keymap
from ..model.keymap import key_name
from ..model.state import Focus, HelpKeys, Leaving, Purpose, Question
from .help_keys import has_more

if TYPE_CHECKING:
    from ..model.keymap import Hints
    from ..model.state import ChatState


def footer_row(state: ChatState, columns: int, body: int) -> Row:
    """Return the row, with as many hints as fit, the most useful first.

    `body` is the number of rows between header and input.
    """
    theme = state.look.theme
    if state.notice:
        return clip_row((Span(safe_line(state.notice), theme.unread),), columns)
    spans: list[Span] = []
    used = 0
    separator = f" {state.look.signs.dot} "
    started = False
    for name, meaning in _keys(state, columns, body):
        key = key_name(name, ascii_only=state.look.is_ascii)
        lead = separator if started else ""
        cells = width(f"{lead}{key} {meaning}")
        if used + cells > columns:
            break
        started = True
        used += cells
        spans += [
            Span(lead, theme.rule),
            Span(key, theme.text),
            Span(f" {meaning}", theme.faint),
        ]
    return clip_row(tuple(span for span in spans if span.text), columns)


def _keys(state: ChatState, columns: int, body: int) -> Hints:
    match state.overlay:
        case HelpKeys():
            scrolls = has_more(state, columns, body)
            return keymap.HELP.hints(frozenset() if scrolls else frozenset({"up"}))
        case Leaving(end=end):
            return (keymap.END if end else keymap.LEAVE).hints()
        case Question():
            return (("Enter", "yes"), ("any other key", "no"))
        case None:
            pass
    if state.leaving:
        return keymap.LEAVING.hints()
    if state.prompt is not None:
        filters = state.prompt.purpose is Purpose.TASKS
        return (keymap.TASK_FILTER if filters else keymap.FIELD).hints()
    if state.focus is Focus.TASK and state.detail is not None:
        seen = state.board.find(state.detail.task_id)
        takes = seen is not None and takes_keys(seen.task)
        known = keymap.TERMINAL if takes else keymap.TASK
        return known.hints(_unavailable(state, state.detail.task_id))
    panel = state.panel
    if panel is not None:
        return panel.keys.hints(panel.hidden(state))
    if state.editor.searching:
        return keymap.HISTORY.hints()
    if state.choice is not None and state.choice.popup.proposals:
        return keymap.POPUP.hints()
    opened = state.detail is not None
    return keymap.INPUT.hints(frozenset() if opened else frozenset({"back"}))


def _unavailable(state: ChatState, task_id: int) -> frozenset[str]:
    """Return the actions that are unavailable for a task in its current state."""
    seen = state.board.find(task_id)
    if seen is None:
        return frozenset({"cancel", "kill", "pause", "rerun"})
    if seen.task.status.is_final:
        return frozenset({"cancel", "kill", "pause"})
    return frozenset({"rerun"})
