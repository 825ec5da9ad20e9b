"""The input of running jobs, and the output of those that have a terminal.

A job that asks for it reads from a pipe, or runs on a pseudo-terminal of its own. What
it writes to its terminal is appended to its output file, byte for byte, by one thread
for all jobs. That thread alone reads, writes and closes the descriptors; others put
orders into its queue, so nothing here blocks an actor.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
import threading
from collections import deque
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ..own_files import open_own
from ..rules.figures import MOST_CELLS
from ..rules.safe_text import size_text
from ..runtime.sending import call_safely, logger

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Generator, Mapping
    from contextlib import AbstractContextManager

    from ..rules.task import Task
    from .environment import Environment

INPUT_LIMIT: Final = 1 << 16
"""Bytes of input that may wait for a job that does not read it."""

COLUMNS: Final = 80
"""The width of a terminal until somebody looks at it."""

ROWS: Final = 24
"""The same for its height."""

_CHUNK: Final = 1 << 16
_TURN: Final = 1 << 18  # bytes of one terminal after which others have their turn
_LAST: Final = 1 << 23  # bytes that are still read when the job has ended
_PAUSE: Final = 1.0  # seconds after which a full disk is tried again
_PEER: Final = 0x5441  # TIOCGPTPEER
_PEER_FLAGS: Final = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC
_FIRST: Final = 3  # the lowest descriptor that is no standard stream


class Store(Protocol):
    """Keeps descriptors for the program that takes over the jobs of this one."""

    @property
    def held(self) -> Mapping[int, int]:
        """What an earlier program left: descriptors by the ids of their tasks."""
        ...

    def keep(self, task_id: int, fd: int) -> None:
        """Keep a copy of a descriptor in place of the task's last. Never blocks."""
        ...

    def drop(self, task_id: int) -> None:
        """Close what is kept for a task. Never blocks."""
        ...


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


class Channels:
    """The channels of all jobs of one task system, and the thread that serves them.

    The thread starts with the first job that has one, and ends with the last.

    Args:
        store: Keeps descriptors beyond the end of this process, if anything does.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        self._held: dict[int, int] = {} if store is None else dict(store.held)
        self._lock = threading.Lock()  # of the thread's start and end
        self._orders: deque[Callable[[_Pump], object]] = deque()
        self._pump: _Pump | None = None

    def opened(self, task: Task) -> AbstractContextManager[Channel | None]:
        """Open what a task asks for, around the start of its process.

        Gives None if it asks for nothing. If the block raises, all is closed again.

        Raises:
            OSError: If it can't be opened.
        """
        wanted = None if task.terms is None else task.terms.input
        if wanted is None:
            return contextlib.nullcontext()
        return self._opened(task.id, terminal=wanted == "terminal")

    @contextlib.contextmanager
    def _opened(self, task_id: int, *, terminal: bool) -> Generator[Channel]:
        channel = self._open(task_id, terminal=terminal)
        try:
            yield channel
        except BaseException:
            self.drop(channel)
            channel.close()
            raise

    def adopt(self, task: Task) -> Channel | None:
        """Return the channel of a job that a killed program has left, if it has one."""
        fd = self._held.pop(task.id, None)
        if fd is None:
            return None
        end = -1
        try:
            if os.isatty(fd):
                end = fcntl.ioctl(fd, _PEER, _PEER_FLAGS)
            channel = Channel(self, task.id, fd, end)
            if channel.terminal and task.output_path is not None:
                flags = os.O_WRONLY | os.O_APPEND
                channel.output = open_own(Path(task.output_path), flags)
        except OSError as error:
            logger.error("Task %d has lost its terminal: %s", task.id, error.strerror)
            for each in {fd, end} - {-1}:
                os.close(each)
            return None
        return channel

    def forget_others(self, adopted: Container[int] = ()) -> None:
        """Close what was left for jobs that are not taken over.

        Args:
            adopted: The ids of the tasks of those that are, or will be.
        """
        for task_id in [it for it in [*self._held] if it not in adopted]:
            os.close(self._held.pop(task_id))
            if self._store is not None:
                self._store.drop(task_id)

    def order(self, order: Callable[[_Pump], object]) -> None:
        """Have the thread do something, after what was ordered before."""
        with self._lock:
            self._orders.append(order)
            if self._pump is None:
                self._pump = _Pump(self)
                self._pump.start()
            self._pump.wake()

    def next_order(self, pump: _Pump) -> Callable[[_Pump], object] | None:
        """Return the next order; None if there is none.

        For the thread: if it has no channel any more, it ends then.
        """
        with self._lock:
            if self._orders:
                return self._orders.popleft()
            if not pump.channels and self._pump is pump:
                self._pump = None
            return None

    def is_served_by(self, pump: _Pump) -> bool:
        """Tell whether that thread is to go on."""
        return self._pump is pump

    def drop(self, channel: Channel) -> None:
        """Keep nothing of a channel for another program."""
        if self._store is not None:
            self._store.drop(channel.task_id)

    def close(self) -> None:
        """Close all channels: terminals hang up, pipes end. Blocks for a moment.

        What they hold for another program goes with them.
        """
        self.forget_others()
        with self._lock:
            pump = self._pump
        if pump is not None:
            self.order(lambda it: it.close_all())
            pump.join()

    def _open(self, task_id: int, *, terminal: bool) -> Channel:
        if terminal:
            master, end = os.openpty()
            fd, end = _above(master), _above(end)
            fcntl.ioctl(fd, termios.TIOCSWINSZ, _size(COLUMNS, ROWS))
        else:
            end, fd = (_above(it) for it in os.pipe())
        os.set_blocking(fd, False)
        channel = Channel(self, task_id, fd, end)
        if (before := self._held.pop(task_id, None)) is not None:
            os.close(before)  # of a start that came to nothing
        if self._store is not None:
            # Before the job is started: if this process is killed then, it goes on.
            self._store.keep(task_id, fd)
        return channel


class _Pump(threading.Thread):
    """Moves the bytes."""

    def __init__(self, owner: Channels) -> None:
        super().__init__(name="backburner-channels", daemon=True)
        self._owner = owner
        self._epoll = select.epoll()
        self._wakes = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wakes, select.EPOLLIN)
        self.channels: dict[int, Channel] = {}
        self._stuck: set[Channel] = set()

    def wake(self) -> None:
        """Let it look at its orders; under the lock of its owner."""
        os.eventfd_write(self._wakes, 1)

    def run(self) -> None:
        """Move bytes until there is no channel any more."""
        while True:
            while (order := self._owner.next_order(self)) is not None:
                call_safely(partial(order, self))
            if not self._owner.is_served_by(self):
                break
            for fd, events in self._epoll.poll(_PAUSE if self._stuck else None):
                if fd == self._wakes:
                    os.eventfd_read(fd)
                elif (channel := self.channels.get(fd)) is not None:
                    call_safely(partial(self._serve, channel, events))
            for channel in [*self._stuck]:
                call_safely(partial(self._try_again, channel))
        self._epoll.close()
        os.close(self._wakes)

    def add(self, channel: Channel) -> None:
        """Begin with a channel."""
        if channel.fd < 0:
            return
        os.set_blocking(channel.fd, False)
        self.channels[channel.fd] = channel
        self._watch(channel)

    def take_input(self, channel: Channel, data: bytes) -> None:
        """Pass input on, or keep it until the job reads."""
        channel.pending.append(data)
        self._write(channel)

    def end_input(self, channel: Channel) -> None:
        """Let the job read the end of its input, after what waits."""
        if channel.fd < 0:
            return
        if not channel.terminal:
            channel.is_ending = True
        else:
            # What the end of input is called on that terminal.
            end = termios.tcgetattr(channel.end)[6][termios.VEOF]
            channel.pending.append(end)
            channel.passed -= len(end)
        self._write(channel)

    def resize(self, channel: Channel, columns: int, rows: int) -> None:
        """Set the size of a terminal; the job is told by SIGWINCH."""
        if channel.fd >= 0:
            fcntl.ioctl(channel.fd, termios.TIOCSWINSZ, _size(columns, rows))

    def finish(self, channel: Channel) -> None:
        """Write what is left of the output; then close the channel."""
        if channel in self._stuck:
            self._try_again(channel)
        elif channel.terminal and channel.fd >= 0:
            self._read(channel)
        else:
            self._conclude(channel)

    def close_all(self) -> None:
        """Close everything."""
        for channel in [*self.channels.values()]:
            self._conclude(channel)

    def _serve(self, channel: Channel, events: int) -> None:
        if events & select.EPOLLIN or (events & select.EPOLLHUP and channel.terminal):
            self._read(channel)
        if events & (select.EPOLLOUT | select.EPOLLERR) and channel.fd >= 0:
            self._write(channel)

    def _watch(self, channel: Channel) -> None:
        """Ask to be told of what can be done for a channel now."""
        events = 0
        if channel.terminal and channel not in self._stuck:
            events |= select.EPOLLIN
        if channel.pending:
            events |= select.EPOLLOUT
        if channel.fd < 0 or events == channel.events:
            return
        if not channel.events:
            self._epoll.register(channel.fd, events)
        elif not events:
            self._epoll.unregister(channel.fd)
        else:
            self._epoll.modify(channel.fd, events)
        channel.events = events

    def _read(self, channel: Channel) -> None:
        """Move what the job has written; to the end if the job has ended."""
        moved = 0
        while channel not in self._stuck:
            try:
                data = os.read(channel.fd, _CHUNK)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""  # nobody has the terminal open
            moved += len(data)
            if data:
                self._append(channel, data)
            if channel.finishing:
                channel.left -= len(data)
            if (
                not data
                or channel.left <= 0
                or (moved >= _TURN and not channel.finishing)
            ):
                break
        if channel.finishing and channel not in self._stuck:
            self._conclude(channel)
        else:
            self._watch(channel)

    def _append(self, channel: Channel, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view and channel.output >= 0:
                view = view[os.write(channel.output, view) :]
        except OSError as error:
            if not channel.unwritten:
                text = "The output of task %d waits: %s"
                logger.warning(text, channel.task_id, error.strerror)
            channel.unwritten = bytes(view)
            if channel.finishing:
                channel.lost += len(view)  # the job's end is not to wait for that
            else:
                self._stuck.add(channel)

    def _try_again(self, channel: Channel) -> None:
        """Write what could not be written; the job waits for its terminal till then."""
        self._stuck.discard(channel)
        data = channel.unwritten
        self._append(channel, data)
        if channel not in self._stuck:
            channel.unwritten = b""
            self._watch(channel)
            if channel.finishing:
                self._read(channel)

    def _write(self, channel: Channel) -> None:
        """Pass on what waits, as far as the job reads it."""
        if channel.fd not in self.channels:
            return
        try:
            while channel.pending:
                data = channel.pending[0]
                count = os.write(channel.fd, data)
                channel.passed += count
                if count < len(data):
                    channel.pending[0] = data[count:]
                else:
                    channel.pending.popleft()
        except BlockingIOError:
            pass
        except OSError:
            channel.refused = channel.refused or "it has closed its input"
            channel.pending.clear()
            channel.is_ending = not channel.terminal
        if channel.is_ending and not channel.pending:
            self._forget(channel)
            self._owner.drop(channel)
            os.close(channel.fd)
            channel.fd = -1
        else:
            self._watch(channel)

    def _conclude(self, channel: Channel) -> None:
        self._forget(channel)
        self._owner.drop(channel)
        channel.close()
        channel.drained = True
        call_safely(channel.on_drained)

    def _forget(self, channel: Channel) -> None:
        self._stuck.discard(channel)
        self.channels.pop(channel.fd, None)
        if channel.events and channel.fd >= 0:
            self._epoll.unregister(channel.fd)
            channel.events = 0


def _size(columns: int, rows: int) -> bytes:
    return struct.pack("HHHH", rows, columns, 0, 0)


def _size_of(fd: int) -> tuple[int, int] | None:
    """Return columns and rows; None for what no screen has: a job may set any."""
    answer = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    rows, columns, *_ = struct.unpack("HHHH", answer)
    possible = all(1 <= it <= MOST_CELLS for it in (columns, rows))
    return (columns, rows) if possible else None


def _above(fd: int) -> int:
    """Return a descriptor that is no standard stream, in place of one that may be."""
    if fd >= _FIRST:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST)
    os.close(fd)
    return moved
