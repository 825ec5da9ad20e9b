"""The terminal itself: its modes and size, and the bytes written to it.

Entering changes the screen, the keyboard and the line settings; leaving gives all of
it back, however often and whatever happened in between. One thread at a time may use
it: the one that reads keys uses only `input_fd`.
"""

from __future__ import annotations


from typing import TYPE_CHECKING, Final, Self

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

WRITE_PATIENCE: Final = 0.25
"""Seconds that a write waits for a terminal that takes nothing."""


class Size(msgspec.Struct, frozen=True):
    """How large a screen is, in cells; at least 1 by 1."""

    columns: int
    rows: int


def usable(
    environ: Mapping[str, str] | None = None, stdin: int = 0, stdout: int = 1
) -> bool:
    """Tell whether the chat can be drawn here; otherwise there is line mode.

    Args:
        environ: The environment, by default that of this process.
        stdin: The file descriptor that is read.
        stdout: The file descriptor that is drawn on.

    Returns:
        Whether both are terminals, and `TERM` names one that can move its cursor.
    """
    raise NotImplementedError


class Terminal:
    """A terminal that can be taken over and given back.

    Args:
        input_fd: Where keys are read.
        output_fd: Where it is drawn; duplicated, so it may be redirected later.
        mouse: Whether wheel and clicks are wanted.

    Attributes:
        input_fd: Where keys are read.
        colors: How many colours there are: 0, 16, 256 or `1 << 24`.
        multiplexer: `tmux`, `screen` or nothing.
    """

    def __init__(
        self, *, input_fd: int = 0, output_fd: int = 1, mouse: bool = True
    ) -> None:
        self.input_fd = input_fd
        self.colors: int = 0
        self.multiplexer: str = ""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def entered(self) -> bool:
        """Whether the terminal is taken over now."""
        raise NotImplementedError

    @property
    def backlog(self) -> int:
        """Bytes that the terminal has not taken yet."""
        raise NotImplementedError

    def size(self) -> Size:
        """Ask how large the screen is now; 80 by 24 if the terminal can't tell."""
        raise NotImplementedError

    def enter(self) -> None:
        """Take the terminal over: raw keys, a screen of its own. Twice is once."""
        raise NotImplementedError

    def leave(self) -> None:
        """Give everything back. Twice is once; a terminal that is gone is no error.

        This is for Ctrl+Z too: leave, stop the process, enter, and invalidate the
        `Screen`.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Leave, and give up the duplicated file descriptor."""
        raise NotImplementedError

    def ask(self) -> None:
        """Ask for the background colour; the answers arrive as keys do.

        `BackgroundColor` comes first, if the terminal knows it, then
        `DeviceAttributes`; from many terminals neither.
        """
        raise NotImplementedError

    def write(self, data: bytes) -> bool:
        """Send bytes, after those of the backlog; nothing unless it is taken over.

        Waits at most `WRITE_PATIENCE` for a slow terminal; what it did not take by
        then stays in the backlog, and goes out first with the next write.

        Returns:
            Whether everything went out.
        """
        raise NotImplementedError
