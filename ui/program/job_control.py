"""Job control by a shell: foreground, background, and stopping."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import termios
from typing import TYPE_CHECKING, Final, TypeVar

from .wakeup import ENDING_SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .wakeup import Wakeup

ResultT = TypeVar("ResultT")

_CONTINUED_WITHIN: Final = 0.3


def in_foreground(fd: int) -> bool:
    """Return whether this program's process group has the terminal."""
    try:
        return os.tcgetpgrp(fd) in {0, os.getpgrp()}
    except OSError:
        return True  # there is no shell, or the terminal is gone


def ending(signals: Iterable[int]) -> int | None:
    """Return the first of the signals that ends this program."""
    return next((number for number in signals if number in ENDING_SIGNALS), None)


def continue_last(signals: Iterable[int]) -> list[int]:
    """Return the signals once each, with SIGCONT last.

    A stopped program that gets SIGTERM also gets SIGCONT. It may be in the background
    then, where it must not touch the terminal.
    """
    return sorted(set(signals), key=signal.SIGCONT.__eq__)


def waiting(fd: int) -> int:
    """Return how many bytes can be read from a terminal at once."""
    try:
        count = fcntl.ioctl(fd, termios.FIONREAD, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", count)[0])


def await_foreground(fd: int, wakeup: Wakeup) -> tuple[int, ...]:
    """Stop while in the background; return the signals received meanwhile."""
    heard: tuple[int, ...] = ()
    while not in_foreground(fd):
        # A shell that ends a stopped program also continues it, in either order.
        heard += wakeup.wait(timeout=_CONTINUED_WITHIN)[1]
        if in_foreground(fd) or ending(heard) is not None:
            break
        # The terminal sends this to programs that change it from the background; it
        # would do so repeatedly, even to a program that was told to end.
        os.kill(0, signal.SIGTTOU)
        _, signals = wakeup.wait(timeout=_CONTINUED_WITHIN)
        if not signals:
            break  # no shell that could continue it, so it did not stop
        heard += signals
    return heard


def stop_until_continued(wakeup: Wakeup) -> tuple[int, ...]:
    """Stop as on Ctrl+Z; return the signals received afterwards.

    The terminal must have been restored before.
    """
    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0, signal.SIGTSTP)
    # Without a shell that could continue it, the process does not stop at all.
    _, signals = wakeup.wait(timeout=_CONTINUED_WITHIN)
    signal.signal(signal.SIGTSTP, ours)
    return signals


def uninterrupted(call: Callable[[], ResultT]) -> ResultT:
    """Retry a call that was interrupted by a signal.

    Unlike other modules `termios` does not retry: the interruption happens to a program
    that was stopped in the background, and is continued in the foreground.
    """
    while True:
        try:
            return call()
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise
