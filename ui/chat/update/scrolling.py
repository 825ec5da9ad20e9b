"""Scroll the shown transcript."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..views.layout import measured
from ..views.transcript import scrolled

if TYPE_CHECKING:
    from ..model.state import ChatState


def scroll(state: ChatState, rows: int) -> None:
    """Scroll down by rows, or up if negative."""
    parts, _ = measured(state)
    conversation = state.conversations.current
    conversation.place = scrolled(
        conversation, state.look, state.size.columns, parts.transcript, rows
    )


def scroll_page(state: ChatState, pages: int) -> None:
    """Scroll down by pages, or up if negative; one row of a page stays visible."""
    parts, _ = measured(state)
    scroll(state, pages * max(1, parts.transcript - 2))


def to_end(state: ChatState) -> None:
    """Scroll to the end, where new items appear."""
    state.conversations.current.place = None


def to_end_if_shown(state: ChatState) -> None:
    """Scroll to the end if it is visible, since the transcript has got more rows."""
    if state.conversations.current.place is not None:
        scroll(state, 0)
