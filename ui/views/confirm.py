"""The question whether to leave."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from ...actors.safe_text import safe_line
from ..rows import Row, Span
from .paint import wrap_spans

if TYPE_CHECKING:
    from ..chat.state import ChatState

_NAMED: Final = 3


def confirm_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return at most `height` rows."""
    theme = state.look.theme
    spans = [Span("Leave?  ", theme.unread), Span(_consequence(state), theme.text)]
    return wrap_spans(spans, columns)[:height]


def _consequence(state: ChatState) -> str:
    count = state.board.open_count
    if not count:
        return "Nothing is running."
    live, _ = state.board.live(count, state.now)
    still_open = (seen.task for seen in live if not seen.task.status.is_final)
    names = [
        f"#{task.id} {safe_line(task.description)}"
        for task in islice(still_open, _NAMED)
    ]
    more = f" and {count - len(names)} more" if count > len(names) else ""
    tasks = "1 task is" if count == 1 else f"{count} tasks are"
    return f"{tasks} not done and will be ended: {', '.join(names)}{more}"
