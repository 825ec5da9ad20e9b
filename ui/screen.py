"""The only writer to the terminal: frames, the bell, notifications, the title.

Only what changed since the last frame is written. Nothing that is passed in can send
the terminal a command: text loses its control characters here once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .rows import Frame
    from .terminal import Size, Terminal


class Screen:
    """Draws on a terminal.

    Args:
        terminal: Where to; it is written to only while it is entered.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        raise NotImplementedError

    def paint(self, frame: Frame, size: Size) -> bool:
        """Make the screen show a frame.

        What is too wide or too high is cut. May wait `terminal.WRITE_PATIENCE` for a
        slow terminal; a frame is skipped while an older one is still on its way.

        Returns:
            Whether it is on its way whole; otherwise paint again a little later.
        """
        raise NotImplementedError

    def invalidate(self) -> None:
        """Take nothing for granted: the next frame is drawn from scratch."""
        raise NotImplementedError

    def bell(self) -> None:
        """Ring the terminal's bell."""
        raise NotImplementedError

    def notify(self, title: str, body: str) -> None:
        """Show a notification on the desktop, where the terminal can (OSC 9, 777)."""
        raise NotImplementedError

    def set_title(self, title: str) -> None:
        """Set the window's title; the old one comes back when the terminal is left."""
        raise NotImplementedError

    def set_progress(self, percent: int | None, *, error: bool = False) -> None:
        """Show progress in the taskbar, where the terminal can (OSC 9;4).

        Args:
            percent: From 0 to 100; none takes it away.
            error: Whether something failed.
        """
        raise NotImplementedError
