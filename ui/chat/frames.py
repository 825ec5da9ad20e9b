"""Draw frames of the chat: the screen, the window's title, and the next beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .beats import next_beat
from .opened_output import read_output
from .views.layout import draw_measured, measured
from .window import Window, taskbar, window_title

if TYPE_CHECKING:
    from ...actors import ResizeTerminal
    from ..terminal.screen import Screen
    from .model.state import ChatState
    from .views.layout import Areas


class Frames:
    """Draws the state of the chat on a screen."""

    def __init__(self, state: ChatState, screen: Screen) -> None:
        self._state = state
        self._screen = screen
        self._window = Window(screen)
        self._areas: Areas | None = None  # the last frame's

    def draw(self) -> tuple[bool, ResizeTerminal | None]:
        """Draw a frame, with the visible output of the opened task.

        Returns:
            Whether the terminal has taken the whole frame, and the request for the
            queue, if the task's terminal needs another size.

        Raises:
            OSError: If the terminal can't be written to.
        """
        state = self._state
        self._areas, drawn = measured(state)
        resize = read_output(state, self._areas)
        frame = draw_measured(state, self._areas, drawn)
        whole = self._screen.paint(frame, state.size)
        self._window.show(window_title(state), taskbar(state))
        return whole, resize

    def next_beat(self) -> float | None:
        """Return the seconds until the screen changes by itself; None if it doesn't."""
        return None if self._areas is None else next_beat(self._state, self._areas)

    def begin_anew(self) -> None:
        """Draw everything again: another program has used the terminal."""
        self._window.forget()
        self._screen.invalidate()
