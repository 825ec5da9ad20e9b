"""The terminal at which somebody types lines, without its own editing of lines."""

from __future__ import annotations

import contextlib
import os
import termios
from typing import TYPE_CHECKING, Any, Final, Self

from ..dialogue.messages import LineKeys
from ..program.job_control import in_foreground, uninterrupted, waiting

if TYPE_CHECKING:
    from .typed_line import TypedLine

_LOCAL_FLAGS: Final = 3
_CONTROLS: Final = 6
_NO_KEY: Final = b"\0"


class TypedInput:
    """Reads what is typed as it is typed: a driver that edits lines shows none before.

    Signals stay the driver's, and so do the ends of lines. Nothing is changed while
    another program is in front, nor where somebody else edits or shows the lines.
    """

    def __init__(self, fd: int, line: TypedLine) -> None:
        self.fd = fd
        self.line = line
        self.keys = LineKeys()
        self._before: list[Any] | None = None
        self._ours: list[Any] | None = None

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    @property
    def entered(self) -> bool:
        """Whether lines are edited here."""
        return self._ours is not None

    @property
    def in_foreground(self) -> bool:
        """Whether the shell has given the terminal to this program."""
        return in_foreground(self.fd)

    def enter(self) -> None:
        """Switch the driver's editing off, if it is on and the terminal is ours."""
        if not self.in_foreground:
            return
        with contextlib.suppress(termios.error):
            now: list[Any] = uninterrupted(lambda: termios.tcgetattr(self.fd))
            # Read back, a mode that is not ours was set by the program in front.
            if self._ours is not None and now == self._ours:
                return
            self._before = self._ours = None
            edits = termios.ICANON | termios.ECHO
            if now[_LOCAL_FLAGS] & edits != edits:
                return
            self.keys = _keys(now[_CONTROLS])
            ours = [*now[:_LOCAL_FLAGS], now[_LOCAL_FLAGS] & ~edits]
            ours += now[_LOCAL_FLAGS + 1 :]
            ours[_CONTROLS] = list(now[_CONTROLS])
            ours[_CONTROLS][termios.VMIN], ours[_CONTROLS][termios.VTIME] = 1, 0
            uninterrupted(lambda: termios.tcsetattr(self.fd, termios.TCSANOW, ours))
            self._before = now
            self._ours = uninterrupted(lambda: termios.tcgetattr(self.fd))

    def leave(self) -> None:
        """Give the driver its editing back; what was not read stays for others."""
        before, self._before, self._ours = self._before, None, None
        if before is not None and self.in_foreground:
            with contextlib.suppress(termios.error):
                uninterrupted(
                    lambda: termios.tcsetattr(self.fd, termios.TCSANOW, before)
                )

    def read(self) -> bytes:
        """Return what was typed, up to the end of a line: more may be for others.

        Blocks if there is nothing to read; empty if the terminal is gone.
        """
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self.fd, 1)
            for _ in range(waiting(self.fd)):
                if not data or self.ends_line(data):
                    break
                data += os.read(self.fd, 1)
        return data

    def ends_line(self, data: bytes) -> bool:
        """Tell whether what was read ends a line, or the input."""
        return data.endswith((b"\n", self.keys.end.encode() or b"\n"))


def _keys(controls: list[Any]) -> LineKeys:
    def key(number: int) -> str:
        return "" if controls[number] == _NO_KEY else controls[number].decode("latin-1")

    return LineKeys(
        erase=key(termios.VERASE),
        word=key(termios.VWERASE),
        kill=key(termios.VKILL),
        end=key(termios.VEOF),
        literal=key(termios.VLNEXT),
        reprint=key(termios.VREPRINT),
    )
