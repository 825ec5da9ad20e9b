"""The last line: the state of the tasks when the chat was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import brief, safe_line
from ..dialogue.reports import some_of

if TYPE_CHECKING:
    from .model.board import TaskBoard


_NAMED: Final = 3
_LONGEST_NAME: Final = 40


def summary_text(
    board: TaskBoard, session: str, come_back: str | None = None, ended: str = ""
) -> str:
    """Return the line; `ended` is the reason if the session was ended from outside."""
    counts = board.counts
    names = "" if come_back is None else _names(board)
    parts = [
        f"{count} {word}"
        for count, word in (
            (counts.running, f"still running{names}"),
            (counts.queued, "queued"),
            (counts.complete, "complete"),
            (counts.failed, "failed"),
            (counts.canceled, "canceled"),
        )
        if count
    ]
    tasks = ", ".join(parts) or "no tasks"
    if ended:
        return f"backburner: session {session} ended ({safe_line(ended)}): {tasks}"
    text = f"backburner: left session {session}: {tasks}"
    if come_back is None:
        return text
    return f"{text}; come back with: {come_back}"


def _names(board: TaskBoard) -> str:
    """Return the running tasks, for the last line of a session that keeps running."""
    names = (
        f"#{seen.task.id} {brief(safe_line(seen.task.description), _LONGEST_NAME)}"
        for seen in board.running
    )
    return f" ({some_of(names, board.counts.running, _NAMED)})"
