"""Attaches this terminal to a running task's terminal: shows output, sends keys."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import termios
import time
import tty
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from ...actors import (
    Acknowledged,
    Notification,
    QueueReply,
    RefusalCode,
    Refused,
    ResizeTerminal,
    SendInput,
    Subscribe,
    Subscribed,
    SystemStopped,
    Task,
    TaskChanged,
    TasksForgotten,
    Unsubscribe,
)
from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import safe_line
from ...actors.runtime.sending import post
from ...actors.session.awaiting import LEFT
from .job_control import await_foreground, ending
from .terminal_replay import (
    ENTER_SCREEN,
    LEAVE_SCREEN,
    MODES_WITHIN,
    RESET,
    is_alternate,
    on_one_screen,
    replay,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from .lifetime import AnySystem
    from .wakeup import Wakeup

DETACH: Final = "Ctrl+]"
"""The key that detaches."""

_DETACH: Final = re.compile(rb"\x1d|\x1b\[93;5u|\x1b\[27;5;93~")
_CHUNK: Final = 1 << 16
_MOST_TYPED: Final = 1 << 14  # maximum bytes of input sent at once
_MOST_WAITING: Final = 1 << 20  # maximum bytes of input queued here
_BEHIND: Final = 4 << 20  # bytes of output beyond which the older part is skipped
_PAUSE: Final = 0.05  # seconds before input is sent again to a busy job
_LOOK: Final = 0.02  # seconds between two checks, without inotify
_BEGINS_WITHIN: Final = 5.0  # seconds for a new job to create its output file
_MODIFY: Final = 2  # IN_MODIFY
_INOTIFY_FLAGS: Final = os.O_CLOEXEC | os.O_NONBLOCK


class Detached(msgspec.Struct, frozen=True):
    """Why the terminal is detached.

    Attributes:
        text: The reason for people, in one line.
        ended: Whether the task has ended.
        signal: The signal that ends this program; None for none.
    """

    text: str
    ended: bool = False
    signal: int | None = None


def attach(  # noqa: PLR0913 - each is one independent thing
    system: AnySystem,
    task: Task,
    input_fd: int,
    output_fd: int,
    wakeup: Wakeup,
    *,
    apart: bool = False,
) -> Detached:
    """Show a task's terminal, and send it the keys, until Ctrl+] or its end.

    Blocks; must be called on the main thread. Restores the terminal afterwards.

    Args:
        system: The started system.
        task: The task; see `terminal_problem`.
        input_fd: The terminal, for reading.
        output_fd: The terminal, for writing.
        wakeup: Open, and handling SIGWINCH.
        apart: Whether to use the terminal's alternate screen, which preserves the main
            screen. Then the task has no alternate screen; switching just clears.

    Raises:
        OSError: If the output can't be read, or the terminal can't be written.
        termios.error: If the terminal is gone.
    """
    assert task.output_path is not None  # noqa: S101 - it has a terminal
    output = open_when_there(task.output_path)
    try:
        attached = _Attached(system, task, output, output_fd, wakeup, apart=apart)
        with _raw(input_fd), _writes_to(Path(task.output_path)) as writes:
            try:
                return attached.run(input_fd, writes)
            finally:
                attached.leave()
    finally:
        os.close(output)


def open_when_there(path: str, patience: float = _BEGINS_WITHIN) -> int:
    """Open a task's output; wait `patience` seconds for a new job to create it.

    Returns:
        Its descriptor.

    Raises:
        OSError: If it can't be read, or does not exist in time.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return open_output(path)
        except FileNotFoundError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_LOOK)


class _Inbox:
    """Messages of the session for the main thread."""

    def __init__(self, wakeup: Wakeup) -> None:
        self._wakeup = wakeup
        self.messages: deque[QueueReply | Notification] = deque()

    def tell(self, message: QueueReply | Notification, /) -> None:
        self.messages.append(message)
        self._wakeup.nudge()


class _Attached:
    def __init__(  # noqa: PLR0913 - as above
        self,
        system: AnySystem,
        task: Task,
        output: int,
        output_fd: int,
        wakeup: Wakeup,
        *,
        apart: bool,
    ) -> None:
        self._apart = apart
        self._system = system
        self._task = task
        self._output = output
        self._output_fd = output_fd
        self._wakeup = wakeup
        self._heard = _Inbox(wakeup)
        self._place = 0
        self._pending = bytearray()
        self._under_way = b""
        self._again_at: float | None = None

    def run(self, input_fd: int, writes: int | None) -> Detached:
        """Pass bytes in both directions until there is a reason to stop."""
        text = f"#{self._task.id} has the keys; {DETACH} gives them back"
        start = ENTER_SCREEN if self._apart else b"\r\n"
        banner = b"\x1b[7m " + safe_line(text).encode() + b" \x1b[m\r\n"
        self._write(b"\x1b[m" + start + banner)
        self._begin()
        self._post(Subscribe(self._heard, terminal=self._task.id))
        while True:
            more = self._copy()
            inputs = [input_fd] if len(self._pending) < _MOST_WAITING else []
            watched = [*inputs, *([] if writes is None else [writes])]
            timeout = self._timeout(more=more, polls=writes is None)
            ready, signals = self._wakeup.wait(*watched, timeout=timeout)
            if writes in ready:
                _drain(writes)
            if (number := ending(signals)) is not None:
                return Detached("left", signal=number)
            if signal.SIGCONT in signals:
                await_foreground(input_fd, self._wakeup)
                tty.setraw(input_fd, termios.TCSANOW)
            if signal.SIGWINCH in signals or signal.SIGCONT in signals:
                self._resize()
            if (end := self._take_news()) is not None:
                while self._copy():
                    pass
                return end
            if input_fd in ready and (end := self._take_keys(input_fd)) is not None:
                return end
            self._send()

    def leave(self) -> None:
        """Restore the terminal, and unsubscribe."""
        self._post(Unsubscribe(self._heard))
        with contextlib.suppress(OSError):
            if self._apart:
                self._write(RESET + LEAVE_SCREEN)
                return
            if is_alternate(self._tail(self._place)):
                self._write(LEAVE_SCREEN)
            self._write(RESET + b"\r\n")

    def _tail(self, end: int) -> bytes:
        start = max(0, end - MODES_WITHIN)
        return os.pread(self._output, end - start, start)

    def _begin(self) -> None:
        size = os.fstat(self._output).st_size
        tail = self._tail(size)
        self._place = size
        self._show(replay(tail))
        # Full-screen programs redraw when the size changes.
        self._resize(again=True)

    def _resize(self, *, again: bool = False) -> None:
        try:
            columns, rows = os.get_terminal_size(self._output_fd)
        except OSError:
            return
        columns, rows = max(1, min(columns, 1000)), max(1, min(rows, 1000))
        if again and rows > 1:
            self._post(ResizeTerminal(self._task.id, columns, rows - 1))
        self._post(ResizeTerminal(self._task.id, columns, rows))

    def _copy(self) -> bool:
        """Show a part of the new output; return whether there is more."""
        size = os.fstat(self._output).st_size
        if size < self._place:
            self._place = 0  # the job has truncated it
        if size - self._place > _BEHIND:
            self._place = size - _CHUNK
            self._resize(again=True)
        data = os.pread(self._output, _CHUNK, self._place)
        self._place += len(data)
        if data:
            self._show(data)
        return len(data) == _CHUNK

    def _timeout(self, *, more: bool, polls: bool) -> float | None:
        if more:
            return 0.0
        due = self._again_at
        waits = [] if due is None else [max(0.0, due - time.monotonic())]
        return min([*waits, *([_LOOK] if polls else [])], default=None)

    def _take_news(self) -> Detached | None:
        heard = self._heard.messages
        while heard:
            match heard.popleft():
                case Acknowledged(correlation_id=0):
                    self._under_way = b""
                case Refused(correlation_id=0, code=RefusalCode.BUSY):
                    self._again_at = time.monotonic() + _PAUSE
                case Refused(correlation_id=0, code=RefusalCode.FAILED):
                    self._under_way = b""  # the host was lost, and replaced
                case Refused(correlation_id=0, text=text):
                    return Detached(text)
                case Subscribed(tasks=tasks):
                    found = [it for it in tasks if it.id == self._task.id]
                    if not found or found[0].status.is_final:
                        return _ended(found[0] if found else self._task)
                case TaskChanged(task=task) if task.id == self._task.id:
                    if task.status.is_final:
                        return _ended(task)
                case TasksForgotten(ids=ids) if self._task.id in ids:
                    return Detached(f"#{self._task.id} {LEFT}", ended=True)
                case SystemStopped(reason=reason):
                    return Detached(reason)
                case _:
                    pass
        return None

    def _take_keys(self, input_fd: int) -> Detached | None:
        try:
            data = os.read(input_fd, _CHUNK)
        except BlockingIOError:
            return None
        if not data:
            return Detached("left", signal=signal.SIGHUP)
        found = _DETACH.search(data)
        self._pending += data if found is None else data[: found.start()]
        if found is None:
            return None
        self._send()
        return Detached(f"#{self._task.id} keeps running")

    def _send(self) -> None:
        """Send typed input, once the previous input has arrived."""
        if self._under_way:
            if self._again_at is None or time.monotonic() < self._again_at:
                return
            self._again_at = None
        elif self._pending:
            self._under_way = bytes(self._pending[:_MOST_TYPED])
            del self._pending[:_MOST_TYPED]
        else:
            return
        self._post(
            SendInput(
                self._task.id, self._under_way, reply_to=self._heard, correlation_id=0
            )
        )

    def _post(
        self, message: SendInput | ResizeTerminal | Subscribe | Unsubscribe
    ) -> None:
        post(self._system.queue, message, self._system.dead_letters)

    def _show(self, data: bytes) -> None:
        self._write(on_one_screen(data) if self._apart else data)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._output_fd, view) :]


def _ended(task: Task) -> Detached:
    return Detached(f"#{task.id} {task.status}: {safe_line(task.reason)}", ended=True)


def _drain(fd: int) -> None:
    with contextlib.suppress(BlockingIOError):
        while os.read(fd, _CHUNK):
            pass


@contextlib.contextmanager
def _raw(fd: int) -> Generator[None]:
    """Set a terminal to raw mode."""
    before = termios.tcgetattr(fd)
    tty.setraw(fd, termios.TCSANOW)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(fd, termios.TCSANOW, before)


@contextlib.contextmanager
def _writes_to(path: Path) -> Generator[int | None]:
    """Yield a descriptor that is readable after writes to a file, or None."""
    libc = ctypes.CDLL(None)
    try:
        fd = libc.inotify_init1(_INOTIFY_FLAGS)
    except (OSError, AttributeError):
        fd = -1
    if fd < 0:
        yield None
        return
    try:
        watched = libc.inotify_add_watch(fd, os.fsencode(path), _MODIFY)
        yield None if watched < 0 else fd
    finally:
        os.close(fd)
