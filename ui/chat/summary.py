"""The last line: what was left when the chat was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model.board import TaskBoard


def summary_text(board: TaskBoard, session: str) -> str:
    """Return the line."""
    counts = board.counts
    parts = [
        f"{count} {word}"
        for count, word in (
            (counts.running, "still running"),
            (counts.queued, "queued"),
            (counts.complete, "complete"),
            (counts.failed, "failed"),
            (counts.canceled, "canceled"),
        )
        if count
    ]
    tasks = ", ".join(parts) or "no tasks"
    return f"backburner: left session {session}: {tasks}"
