"""The question whether to leave."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

from ....actors.rules.safe_text import safe_line
from ...text.rows import Row, Span
from .paint import titled_rule, wrap_spans

if TYPE_CHECKING:
    from ..model.state import ChatState

_NAMED: Final = 3


def confirm_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return at most `height` rows."""
    theme = state.look.theme
    spans = [Span("Leave?  ", theme.unread), Span(_consequence(state), theme.text)]
    rows = wrap_spans(spans, columns)
    if len(rows) < height:
        rows.insert(0, titled_rule("", state.look, columns))
    return rows[:height]


def _consequence(state: ChatState) -> str:
    counts = state.board.counts
    parts: list[str] = []
    if counts.running:
        tasks = "1 task runs" if counts.running == 1 else f"{counts.running} tasks run"
        names = [
            f"#{seen.task.id} {safe_line(seen.task.description)}"
            for seen in islice(state.board.running, _NAMED)
        ]
        rest = counts.running - len(names)
        more = f" and {rest} more" if rest else ""
        parts.append(f"{tasks} and will be ended: {', '.join(names)}{more}.")
    if counts.queued:
        fate = "stay for the next time" if state.remembers else "will be dropped"
        parts.append(f"Queued tasks {fate}: {counts.queued}.")
    if left := [f"#{task_id}" for task_id in state.board.left_running]:
        rest = f" and {len(left) - _NAMED} more" if len(left) > _NAMED else ""
        parts.append(f"What {', '.join(left[:_NAMED])}{rest} left running is ended.")
    return " ".join(parts) or "Nothing is running."
