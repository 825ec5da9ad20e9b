"""Pauses of the chat, in which another program uses the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..terminal.terminal import Terminal
    from .model.effects import Pausing


class Pauses:
    """Leaves the terminal for a pause, and enters it again."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._wanted: Pausing | None = None
        self.is_paused = False
        """Whether another program uses the terminal."""

    def want(self, reason: Pausing) -> None:
        """Request a pause."""
        self._wanted = reason

    def due(self) -> float | None:
        """Return the seconds until the wanted pause can begin; None if none is wanted.

        Answers of the terminal that are still due would appear as input of the shell.
        """
        if self.is_paused or self._wanted is None:
            return None
        return self._terminal.answer_due()

    def begin(self) -> Pausing | None:
        """Leave the terminal; return the reason of the pause."""
        self.is_paused = True
        self._terminal.leave()
        reason, self._wanted = self._wanted, None
        return reason

    def end(self) -> None:
        """Enter the terminal again.

        Raises:
            termios.error: If it is gone.
        """
        # Another program may have changed the terminal's modes.
        self._terminal.leave()
        self._terminal.enter()
        self.is_paused = False
        self._wanted = None
