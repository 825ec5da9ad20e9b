"""The title of the terminal window, and the progress in the taskbar."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..terminal.screen import Screen
    from .model.state import ChatState

_LOOKED_AT: Final = 64


def window_title(state: ChatState) -> str:
    """Return the title: counts of tasks and of unread items, then the session."""
    counts = state.board.counts
    name = f"backburner {state.session}"
    unread = sum(count for _, count in state.conversations.unread)
    parts = [
        f"{count} {word}"
        for count, word in (
            (counts.running, "running"),
            (counts.queued, "queued"),
            (unread, "unread"),
        )
        if count
    ]
    return f"{', '.join(parts)} - {name}" if parts else name


def taskbar(state: ChatState) -> int | None:
    """Return the progress of all running tasks in percent; None if it is unknown."""
    known = [
        seen.task.progress
        for seen in islice(state.board.running, _LOOKED_AT)
        if seen.task.progress is not None
    ]
    return sum(known) // len(known) if known else None


class Window:
    """Shows the title and the progress, if they have changed."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._title: str | None = None
        self._progress: int | None = None

    def show(self, title: str, progress: int | None) -> None:
        """Show a title, and a progress in percent, if any."""
        if title != self._title:
            self._screen.set_title(title)
        if progress != self._progress:
            self._screen.set_progress(progress)
        self._title, self._progress = title, progress

    def forget(self) -> None:
        """Show the next values in any case: another program may have changed them."""
        self._title = self._progress = None
