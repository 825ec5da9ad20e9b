"""Wakes a thread that waits in `select`, from other threads and signal handlers."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import FrameType

ENDING_SIGNALS: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGABRT,
    signal.SIGXCPU,
)
"""The signals that end this program."""

DRAWING_SIGNALS: Final = (signal.SIGWINCH, signal.SIGCONT, signal.SIGTSTP)
"""The signals that a drawing program handles."""

_NUDGE: Final = b"\0"
_KEYS: Final = (signal.SIGINT, signal.SIGQUIT)


class Wakeup:
    """A self-pipe. While it is open, it receives the signals that end this program.

    A signal handler must not send messages, because it would wait for a lock that the
    interrupted code may hold. It writes one byte instead.

    The main thread opens it before it starts other threads, and unblocks these signals
    only while it waits; the threads started meanwhile never do. So signals that arrive
    together, such as those that end and continue a stopped program, are reported
    together.

    Args:
        also: Further signals to receive.
        last: Whether the process ends as soon as this is closed: then a later
            SIGINT or SIGQUIT can't end it in another way.
    """

    def __init__(self, also: tuple[int, ...] = (), *, last: bool = False) -> None:
        self._numbers = (*ENDING_SIGNALS, *also)
        self._last = last
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._before: dict[int, Any] = {}
        self._mask_before: set[int] = set()
        self._wakeup_before = -1

    def __enter__(self) -> Self:
        # Python writes the number itself, immediately. A handler in Python would run
        # only when the main thread returns from `select`, which is not interrupted by a
        # signal that came just before it, or on another thread.
        self._wakeup_before = signal.set_wakeup_fd(
            self._write, warn_on_full_buffer=False
        )
        self._mask_before = signal.pthread_sigmask(signal.SIG_BLOCK, self._numbers)
        for number in self._numbers:
            # Signals ignored at the start, as by nohup or in the background, stay
            # ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                handler = _show_stacks if number == signal.SIGABRT else _do_nothing
                self._before[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        # Signals that arrive from now on are too late, and must not find the default
        # handlers.
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)
        for number, handler in self._before.items():
            late = self._last and number in _KEYS
            signal.signal(number, signal.SIG_IGN if late else handler or signal.SIG_DFL)
        signal.set_wakeup_fd(self._wakeup_before)
        write, self._write = self._write, -1  # the number may be reused by another file
        os.close(self._read)
        os.close(write)

    @contextlib.contextmanager
    def hearing(self, *numbers: int) -> Generator[None]:
        """Receive more signals inside the `with` block, unless they are ignored."""
        known, mask = self._numbers, signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        self._numbers = (*known, *numbers)
        for number in numbers:
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, _do_nothing)
        try:
            yield
        finally:
            for number in numbers:
                if number in self._before:
                    handler = self._before.pop(number)
                    signal.signal(number, handler or signal.SIG_DFL)
            self._numbers = known
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

    def nudge(self) -> None:
        """Make `wait` return. Never blocks; thread-safe."""
        self._put(_NUDGE)

    def wait(
        self, *readable: int, timeout: float | None = None
    ) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Block until a file is readable, a signal has arrived, or `nudge` was called.

        Args:
            readable: The file descriptors to wait for.
            timeout: Maximum seconds to wait; None for no limit.

        Returns:
            The readable descriptors, and the numbers of the signals.
        """
        with self.listening():
            ready, _, _ = select.select([*readable, self._read], [], [], timeout)
        signals: tuple[int, ...] = ()
        if self._read in ready:
            ready.remove(self._read)
            with contextlib.suppress(BlockingIOError):
                told = os.read(self._read, 4096)
                signals = tuple(n for n in told if n in self._before)
        return tuple(ready), signals

    @contextlib.contextmanager
    def listening(self) -> Generator[None]:
        """Unblock signals, also for processes started inside the `with` block.

        For the main thread. The next `wait` returns signals that arrive.
        """
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask_before)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_BLOCK, self._numbers)

    def _put(self, data: bytes) -> None:
        # A full pipe wakes the reader anyway; a closed one has no reader.
        with contextlib.suppress(OSError):
            os.write(self._write, data)


def _do_nothing(number: int, frame: FrameType | None) -> None:
    # Python writes the number only of signals that have a handler.
    del number, frame


def _show_stacks(number: int, frame: FrameType | None) -> None:
    del number, frame
    # faulthandler is enabled to look for a fault, and works without a handler.
    if faulthandler.is_enabled() and sys.stderr is not None:
        faulthandler.dump_traceback(all_threads=True)
