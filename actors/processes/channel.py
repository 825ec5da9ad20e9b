"""The input of one job, and the output of a job on a terminal."""

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
"""Limit in bytes of input that a job has not read yet."""

_LAST: Final = 1 << 23  # bytes that are still read after the end of the job


class Channel:
    """The input of one job; created by `Channels`.

    Its methods may be called on any thread and never block.

    Attributes:
        task_id: The job's task.
        terminal: The path of the job's terminal; empty if it reads from a pipe.
        stdin: The job's end of the pipe, until the job has inherited it; -1 for a
            terminal.
        output: The open output file of a terminal; -1 until it is opened.
        lost: Bytes of output that could not be written.
        size: Columns and rows of its terminal when it was closed; None before.
        drained: Whether all output of the job is in its output file.
        refused: Why it accepts no more input; empty while it does.
    """

    def __init__(self, channels: Channels, task_id: int, fd: int, end: int) -> None:
        self._channels = channels
        self.task_id = task_id
        self.fd = fd
        self.terminal = os.ttyname(end) if end >= 0 and os.isatty(end) else ""
        self.stdin = -1 if self.terminal else end
        # Kept open so that the terminal survives if the job closes it for a moment.
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
        self._taken = 0  # bytes; changed only by the job's actor
        self.passed = 0  # bytes; changed only by the pump thread
        self.on_drained: Callable[[], object] = bool

    @property
    def taken(self) -> int:
        """Bytes of input sent to the job so far."""
        return self._taken

    @property
    def waiting(self) -> int:
        """Bytes of input that the job has not read yet."""
        return self._taken - self.passed

    def prepare(self, environment: Environment) -> Environment:
        """Return the environment of the job, with its terminal type."""
        return environment.on_terminal() if self.terminal else environment

    def begin(self, on_drained: Callable[[], object]) -> None:
        """Start transferring bytes, after the start of the job.

        Args:
            on_drained: Called when all output of the job is in its file; must not
                block.
        """
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1
        self.on_drained = on_drained
        self._channels.order(lambda pump: pump.add(self))

    def send(self, data: bytes) -> str:
        """Queue input for the job; return why that failed, or an empty text.

        Accepts all of the input or nothing.
        """
        if self.refused or self.finishing:
            return self.refused or "it has ended"
        if self.waiting + len(data) > INPUT_LIMIT:
            return f"it does not read its input: {size_text(self.waiting)} wait for it"
        self._taken += len(data)
        self._channels.order(lambda pump: pump.take_input(self, data))
        return ""

    def end_input(self) -> str:
        """Signal the end of the input; return why that failed, or an empty text."""
        if self.refused or self.finishing:
            return self.refused or "it has ended"
        if not self.terminal:
            self.refused = "its input was ended"
        self._channels.order(lambda pump: pump.end_input(self))
        return ""

    def resize(self, columns: int, rows: int) -> str:
        """Set the size of the terminal; return why that failed, or an empty text."""
        if not self.terminal:
            return "it has no terminal"
        if not self.finishing:
            self._channels.order(lambda pump: pump.resize(self, columns, rows))
        return ""

    def finish(self) -> bool:
        """Accept no more input, and close everything once all output is written.

        Returns:
            Whether everything is closed; if not, `on_drained` is called when it is.
        """
        if not self.finishing:
            self.finishing = True
            self._channels.order(lambda pump: pump.finish(self))
        return self.drained

    def close(self) -> None:
        """Close all descriptors: for the pump, or for a job that never started."""
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
    """Set the size of a terminal; the kernel sends SIGWINCH to its processes."""
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _size_of(fd: int) -> tuple[int, int] | None:
    """Return columns and rows; None for implausible sizes, as a job may set any."""
    answer = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    rows, columns, *_ = struct.unpack("HHHH", answer)
    possible = all(1 <= it <= MOST_CELLS for it in (columns, rows))
    return (columns, rows) if possible else None
