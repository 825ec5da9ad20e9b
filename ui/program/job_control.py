"""A program that shares its terminal with a shell: in front, behind, and stopped."""

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
    """Tell whether the shell has given a terminal to this program's processes."""
    try:
        return os.tcgetpgrp(fd) in {0, os.getpgrp()}
    except OSError:
        return True  # there is no shell, or no terminal any more


def ending(signals: Iterable[int]) -> int | None:
    """Return the first of the signals that asks this program to end."""
    return next((number for number in signals if number in ENDING_SIGNALS), None)


def waiting(fd: int) -> int:
    """Return how many bytes can be read from a terminal at once."""
    try:
        count = fcntl.ioctl(fd, termios.FIONREAD, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", count)[0])


def await_foreground(fd: int, wakeup: Wakeup) -> tuple[int, ...]:
    """Stop, as long as the shell has not given a terminal to this program.

    Returns:
        The signals that were heard meanwhile.
    """
    heard: tuple[int, ...] = ()
    while not in_foreground(fd):
        # A shell that ends a stopped program continues it as well, in either order.
        heard += wakeup.wait(timeout=_CONTINUED_WITHIN)[1]
        if in_foreground(fd) or ending(heard) is not None:
            break
        # What the terminal does to those that change it from the background; but
        # there it would go on doing so to a program that has been told to end.
        os.kill(0, signal.SIGTTOU)
        _, signals = wakeup.wait(timeout=_CONTINUED_WITHIN)
        if not signals:
            break  # without a shell that could continue it nothing has stopped
        heard += signals
    return heard


def stop_until_continued(wakeup: Wakeup) -> tuple[int, ...]:
    """Stop as any program does on Ctrl+Z; return the signals that came after it.

    The terminal has to be given back before.
    """
    ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(0, signal.SIGTSTP)
    # Without a shell that could continue it the process does not stop at all.
    _, signals = wakeup.wait(timeout=_CONTINUED_WITHIN)
    signal.signal(signal.SIGTSTP, ours)
    return signals


def uninterrupted(call: Callable[[], ResultT]) -> ResultT:
    """Call again what a signal has interrupted.

    Unlike other modules `termios` doesn't: it happens to a program that was stopped in
    the background, and is continued in the foreground.
    """
    while True:
        try:
            return call()
        except termios.error as error:
            if error.args[0] != errno.EINTR:
                raise
