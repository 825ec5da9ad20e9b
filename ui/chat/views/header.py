"""The first row: session, conversation, unread news, and activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialogue.entries import MAIN_CONVERSATION
from ...text.rows import Row, Span
from .paint import sides

if TYPE_CHECKING:
    from ..model.state import ChatState


def header_row(state: ChatState, columns: int) -> Row:
    """Return the header."""
    theme, signs = state.look.theme, state.look.signs
    name = (
        "backburner"
        if state.session == MAIN_CONVERSATION
        else f"backburner {state.session}"
    )
    left = [
        Span(name, theme.title),
        Span(f" {signs.dot} {state.conversations.current.name}", theme.text),
    ]
    for conversation, unread in state.conversations.unread:
        left.append(Span(f"  {state.look.icons.running} ", theme.unread))
        left.append(Span(f"{conversation} {unread}", theme.unread))
    return sides(tuple(left), _activity(state), columns)


def _activity(state: ChatState) -> Row:
    theme, signs = state.look.theme, state.look.signs
    counts = state.board.counts
    parts: list[Span] = []
    for where, doing in state.doing.items():
        here = where == state.conversations.current.name
        place = "" if here else f" in {where}"
        seconds = max(0, int(state.now - doing.since))
        said = f"{doing.what}{place} {seconds} s {signs.dot} "
        parts.append(Span(said, theme.partner))
        break
    for count, word, style in (
        (counts.running, "running", theme.running),
        (counts.queued, "queued", theme.queued),
    ):
        if count:
            if len(parts) > bool(state.doing):
                parts.append(Span(f" {signs.dot} ", theme.faint))
            parts.append(Span(f"{count} {word}", style))
    if len(parts) == bool(state.doing):
        parts.append(Span("idle", theme.faint))
    return tuple(parts)
