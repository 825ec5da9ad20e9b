"""The thread that reads, writes and closes the descriptors of channels."""

from __future__ import annotations

import errno
import os
import select
import termios
import threading
from functools import partial
from typing import TYPE_CHECKING, Final

from ..runtime.sending import call_safely, logger
from .channel import set_size

if TYPE_CHECKING:
    from .channel import Channel
    from .channels import Channels


_CHUNK: Final = 1 << 16
_TURN: Final = 1 << 18  # bytes of one terminal per turn
_PAUSE: Final = 1.0  # seconds between retries on a full disk


class Pump(threading.Thread):
    """Transfers the bytes of all channels."""

    def __init__(self, owner: Channels) -> None:
        super().__init__(name="backburner-channels", daemon=True)
        self._owner = owner
        self._epoll = select.epoll()
        self._wakes = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wakes, select.EPOLLIN)
        self.channels: dict[int, Channel] = {}
        self._stuck: set[Channel] = set()

    def wake(self) -> None:
        """Make it process its orders; the caller holds the lock of its owner."""
        os.eventfd_write(self._wakes, 1)

    def run(self) -> None:
        """Transfer bytes until there are no channels left."""
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
        """Start serving a channel."""
        if channel.fd < 0:
            return
        os.set_blocking(channel.fd, False)
        self.channels[channel.fd] = channel
        self._watch(channel)

    def take_input(self, channel: Channel, data: bytes) -> None:
        """Pass input on, or keep it until the job reads it."""
        channel.pending.append(data)
        self._write(channel)

    def end_input(self, channel: Channel) -> None:
        """Signal the end of the input, after the pending input."""
        if channel.fd < 0:
            return
        if not channel.terminal:
            channel.is_ending = True
        else:
            # The end-of-file character of that terminal.
            end = termios.tcgetattr(channel.end)[6][termios.VEOF]
            channel.pending.append(end)
            channel.passed -= len(end)
        self._write(channel)

    def resize(self, channel: Channel, columns: int, rows: int) -> None:
        """Set the size of a terminal; the kernel sends SIGWINCH to the job."""
        if channel.fd >= 0:
            set_size(channel.fd, columns, rows)

    def finish(self, channel: Channel) -> None:
        """Write the remaining output; then close the channel."""
        if channel in self._stuck:
            self._try_again(channel)
        elif channel.terminal and channel.fd >= 0:
            self._read(channel)
        else:
            self._conclude(channel)

    def close_all(self) -> None:
        """Close all channels."""
        for channel in [*self.channels.values()]:
            self._conclude(channel)

    def _serve(self, channel: Channel, events: int) -> None:
        if events & select.EPOLLIN or (events & select.EPOLLHUP and channel.terminal):
            self._read(channel)
        if events & (select.EPOLLOUT | select.EPOLLERR) and channel.fd >= 0:
            self._write(channel)

    def _watch(self, channel: Channel) -> None:
        """Register for the events that a channel can handle now."""
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
        """Copy output of the job; up to the end if the job has ended."""
        moved = 0
        while channel not in self._stuck:
            try:
                data = os.read(channel.fd, _CHUNK)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                data = b""  # no process has the terminal open
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
                channel.lost += len(view)  # a full disk must not delay the job's end
            else:
                self._stuck.add(channel)

    def _try_again(self, channel: Channel) -> None:
        """Retry failed writes; until they succeed, output to the terminal blocks."""
        self._stuck.discard(channel)
        data = channel.unwritten
        self._append(channel, data)
        if channel not in self._stuck:
            channel.unwritten = b""
            self._watch(channel)
            if channel.finishing:
                self._read(channel)

    def _write(self, channel: Channel) -> None:
        """Pass on pending input as far as the job reads it."""
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
