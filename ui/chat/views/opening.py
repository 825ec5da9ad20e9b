"""The text of an empty conversation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialogue.entries import MAIN_CONVERSATION
from ...text.rows import Row, Span
from .paint import wrap_spans

if TYPE_CHECKING:
    from ..model.state import ChatState


def opening_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return at most `height` rows."""
    theme = state.look.theme
    name = state.conversations.current.name
    first = (
        "Start a task. It runs in the background."
        if name == MAIN_CONVERSATION
        else f"This is {name}. Tasks that you start here report here."
    )
    lines = [
        [Span(first, theme.text)],
        [],
        [Span('/task "Run tests" bash "make test"', theme.command)],
        [
            Span("!make test", theme.command),
            Span("  is the same, shorter", theme.faint),
        ],
        [Span("/help", theme.command), Span("  explains all commands", theme.faint)],
    ]
    rows = [row for spans in lines for row in wrap_spans(spans, columns)]
    return rows[:height]
