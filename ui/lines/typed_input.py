"""Read typed lines from a terminal without the line editing of its driver."""

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
    """Reads each key at once; a driver that edits lines delivers only whole lines.

    The driver still handles signals and line ends. The modes are unchanged while
    another program is in the foreground, and if editing or echo is already off.
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
        """Whether this program edits the lines."""
        return self._ours is not None

    @property
    def in_foreground(self) -> bool:
        """Whether the shell has given the terminal to this program."""
        return in_foreground(self.fd)

    def enter(self) -> None:
        """Switch off the driver's editing, if it is on, while in the foreground."""
        if not self.in_foreground:
            return
        with contextlib.suppress(termios.error):
            now: list[Any] = uninterrupted(lambda: termios.tcgetattr(self.fd))
            # A mode other than ours was set by another program in the foreground.
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
        """Restore the driver's editing; unread input stays for the next reader."""
        before, self._before, self._ours = self._before, None, None
        if before is not None and self.in_foreground:
            with contextlib.suppress(termios.error):
                uninterrupted(
                    lambda: termios.tcsetattr(self.fd, termios.TCSANOW, before)
                )

    def read(self) -> bytes:
        """Read typed bytes up to the end of a line; the rest may be for another reader.

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
        """Return whether the bytes end a line, or the input."""
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
