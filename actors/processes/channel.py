"""What leads to the input of one job, and to the output of one on a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
from collections import deque
from typing import TYPE_CHECKING, Final

from ..rules.figures import MOST_CELLS
from ..rules.safe_text import size_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from .channels import Channels
    from .environment import Environment

INPUT_LIMIT: Final = 1 << 16
"""Bytes of input that may wait for a job that does not read it."""

_LAST: Final = 1 << 23  # bytes that are still read when the job has ended


class Channel:
    """What leads to the input of one job; made by `Channels`.

    Its methods may be called on any thread and never block.

    Attributes:
        task_id: The job's task.
        terminal: The path of the job's terminal; empty if it reads from a pipe.
        stdin: The job's end of the pipe, until the job has it; -1 for a terminal.
        output: The open output file, if there is a terminal; -1 until there is one.
        lost: Bytes of output that could not be written.
        size: Columns and rows of its terminal when it was closed; None before.
        drained: Whether everything that the job wrote is in its output file.
        refused: Why it takes no more input; empty as long as it does.
    """

    def __init__(self, channels: Channels, task_id: int, fd: int, end: int) -> None:
        self._channels = channels
        self.task_id = task_id
        self.fd = fd
        self.terminal = os.ttyname(end) if end >= 0 and os.isatty(end) else ""
        self.stdin = -1 if self.terminal else end
        # Held so that a job which closes its terminal for a moment has it still.
        self.end = end if self.terminal else -1
        self.output = -1
        self.lost = 0
        self.size: tuple[int, int] | None = None
        self.drained = False
        self.refused = ""
        self.finishing = False
        self.unwritten = b""
        self.left = _LAST
        self.events = 0
        self.pending: deque[bytes] = deque()
        self.is_ending = False
        self._taken = 0  # bytes; counted by the job's actor
        self.passed = 0  # bytes; counted by the thread
        self.on_drained: Callable[[], object] = bool

    @property
    def taken(self) -> int:
        """How many bytes of input were sent to the job so far."""
        return self._taken

    @property
    def waiting(self) -> int:
        """How many bytes of input the job has not taken."""
        return self._taken - self.passed

    def prepare(self, environment: Environment) -> Environment:
        """Return the environment of the job, which says what its terminal is."""
        return environment.on_terminal() if self.terminal else environment

    def begin(self, on_drained: Callable[[], object]) -> None:
        """Move bytes from now on: the job has started.

        Args:
            on_drained: Called when all of its output is in its file; must not block.
        """
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1
        self.on_drained = on_drained
        self._channels.order(lambda pump: pump.add(self))

    def send(self, data: bytes) -> str:
        """Give input to the job; return why not, or an empty text.

        It takes all or nothing.
        """
        if self.refused or self.finishing:
            return self.refused or "it has ended"
        if self.waiting + len(data) > INPUT_LIMIT:
            return f"it does not read its input: {size_text(self.waiting)} wait for it"
        self._taken += len(data)
        self._channels.order(lambda pump: pump.take_input(self, data))
        return ""

    def end_input(self) -> str:
        """Let the job read the end of its input; return why not, or an empty text."""
        if self.refused or self.finishing:
            return self.refused or "it has ended"
        if not self.terminal:
            self.refused = "its input was ended"
        self._channels.order(lambda pump: pump.end_input(self))
        return ""

    def resize(self, columns: int, rows: int) -> str:
        """Set the size of the terminal; return why not, or an empty text."""
        if not self.terminal:
            return "it has no terminal"
        if not self.finishing:
            self._channels.order(lambda pump: pump.resize(self, columns, rows))
        return ""

    def finish(self) -> bool:
        """Take no more input, and close everything once all output is written.

        Returns:
            Whether that is done; if not, `on_drained` is called when it is.
        """
        if not self.finishing:
            self.finishing = True
            self._channels.order(lambda pump: pump.finish(self))
        return self.drained

    def close(self) -> None:
        """Close all descriptors: for the thread, or for a job that never started."""
        self.refused = self.refused or "it has ended"
        if self.terminal and self.fd >= 0:
            with contextlib.suppress(OSError):
                self.size = _size_of(self.fd)
        fds = (self.fd, self.end, self.stdin, self.output)
        self.fd = self.end = self.stdin = self.output = -1
        for fd in fds:
            if fd >= 0:
                os.close(fd)


def set_size(fd: int, columns: int, rows: int) -> None:
    """Set the size of a terminal; what runs on it is told by SIGWINCH."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _size_of(fd: int) -> tuple[int, int] | None:
    """Return columns and rows; None for what no screen has: a job may set any."""
    answer = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    rows, columns, *_ = struct.unpack("HHHH", answer)
    possible = all(1 <= it <= MOST_CELLS for it in (columns, rows))
    return (columns, rows) if possible else None
