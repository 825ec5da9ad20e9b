"""Moving through the transcript that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..views.layout import measured
from ..views.transcript import scrolled

if TYPE_CHECKING:
    from ..model.state import ChatState


def scroll(state: ChatState, rows: int) -> None:
    """Move down by rows, or up if negative."""
    parts, _ = measured(state)
    conversation = state.conversations.current
    conversation.place = scrolled(
        conversation, state.look, state.size.columns, parts.transcript, rows
    )


def scroll_page(state: ChatState, pages: int) -> None:
    """Move down by pages, or up if negative; a row of the last page stays in sight."""
    parts, _ = measured(state)
    scroll(state, pages * max(1, parts.transcript - 2))


def to_end(state: ChatState) -> None:
    """Go to where new items appear."""
    state.conversations.current.place = None
