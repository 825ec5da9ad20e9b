"""The selection in the list of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

if TYPE_CHECKING:
    from ..model.state import ChatState


def select(state: ChatState, step: int) -> None:
    """Move the selection down by `step` rows, or up if negative."""
    ids = state.board.list_ids(state.tasks.words)
    selected = state.tasks.selected
    if not ids:
        return
    at = ids.index(selected) + step if selected in ids else 0
    at = max(0, min(at, len(ids) - 1))
    state.tasks = replace(state.tasks, selected=ids[at])
