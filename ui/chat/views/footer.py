"""The last row: the keys that matter now, or a word about what just happened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....actors.rules.safe_text import safe_line
from ...text.cells import clip_row, width
from ...text.rows import Row, Span
from ..model.state import Confirm, Detail, Focus, HelpKeys
from . import keys_text
from .help_keys import has_more

if TYPE_CHECKING:
    from ..model.state import ChatState
    from .keys_text import Keys


def footer_row(state: ChatState, columns: int, body: int) -> Row:
    """Return the row; as many hints as fit, the most useful first.

    Args:
        state: Of the chat.
        columns: How wide the row is.
        body: How many rows lie between header and input.
    """
    theme = state.look.theme
    if state.notice:
        return clip_row((Span(safe_line(state.notice), theme.unread),), columns)
    detail = state.detail
    spans: list[Span] = []
    if detail is not None and detail.query is not None:
        spans.append(Span(f"/{detail.query}_  ", theme.unread))
    used = sum(width(span.text) for span in spans)
    separator = f" {state.look.signs.dot} "
    started = False
    for name, meaning in _keys(state, columns, body):
        key = keys_text.key_name(name, ascii_only=state.look.is_ascii)
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


def _keys(state: ChatState, columns: int, body: int) -> Keys:
    match state.overlay:
        case HelpKeys():
            long = has_more(state, columns, body)
            return keys_text.LONG_HELP_KEYS if long else keys_text.HELP_KEYS
        case Confirm():
            return keys_text.CONFIRM_KEYS
        case Detail(query=None, task_id=task_id):
            seen = state.board.find(task_id)
            if seen is None:
                return keys_text.FORGOTTEN_DETAIL_KEYS
            ended = seen.task.status.is_final
            return keys_text.ENDED_DETAIL_KEYS if ended else keys_text.DETAIL_KEYS
        case Detail():
            return keys_text.QUERY_KEYS
        case None:
            pass
    if state.leaving:
        return keys_text.LEAVING_KEYS
    if state.focus is Focus.PANEL:
        typing = state.panel.typing
        return keys_text.FILTER_KEYS if typing else keys_text.PANEL_KEYS
    if state.editor.searching:
        return keys_text.SEARCH_KEYS
    if state.choice is not None and state.choice.popup.proposals:
        return keys_text.POPUP_KEYS
    return keys_text.INPUT_KEYS
