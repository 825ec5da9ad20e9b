"""Writing to a socket without blocking the sender."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE: Final = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
_PIECE: Final = 1 << 18


class SocketWriter:
    """Sends bytes in order; queues those that the socket doesn't take at once.

    Thread-safe. It has a thread of its own only while bytes are queued.

    Args:
        sock: A connected socket in blocking mode.
        failed: Called once, on any thread, when the peer is gone.
    """

    def __init__(self, sock: socket.socket, failed: Callable[[], None]) -> None:
        self._sock = sock
        self._failed = failed
        self._backlog: deque[bytes] = deque()
        self._size = 0
        self._closed = False
        self._sending = False
        self._changed = threading.Condition()

    @property
    def size(self) -> int:
        """The number of queued bytes."""
        return self._size

    def send(self, data: bytes) -> None:
        """Send bytes in order. Never blocks.

        If the peer is gone, nothing happens; `failed` reports it.
        """
        with self._changed:
            if self._closed:
                return
            if not self._sending:
                data = data[self._send_at_once(data) :]
            if not data or self._closed:
                return
            self._backlog.append(data)
            self._size += len(data)
            if self._sending:
                return
            self._sending = True
        threading.Thread(
            target=self._send_backlog, name="backburner-writer", daemon=True
        ).start()

    def wait_below(self, size: int, timeout: float | None = None) -> bool:
        """Block until fewer than `size` bytes are queued, or for `timeout` seconds.

        Returns:
            Whether fewer are queued; true if the peer is gone.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: self._size < size or self._closed, timeout
            )

    def close(self) -> None:
        """Send nothing more, and drop the queued bytes."""
        with self._changed:
            self._close()

    def _send_at_once(self, data: bytes) -> int:
        """Return how many bytes the socket took."""
        try:
            return self._sock.send(data, _AT_ONCE)
        except BlockingIOError:
            return 0
        except OSError:
            self._close()
            self._failed()
            return 0

    def _send_backlog(self) -> None:
        while True:
            with self._changed:
                if not self._backlog:
                    self._sending = False
                    return
                pieces = [self._backlog.popleft()]
                while self._backlog and sum(map(len, pieces)) < _PIECE:
                    pieces.append(self._backlog.popleft())
            data = b"".join(pieces)
            failed = False
            try:
                self._sock.sendall(data, socket.MSG_NOSIGNAL)
            except OSError:
                failed = True
            with self._changed:
                self._size -= len(data)
                if failed:
                    self._close()
                self._changed.notify_all()
            if failed:
                self._failed()
                return

    def _close(self) -> None:
        self._closed = True
        self._backlog.clear()
        self._size = 0
        self._changed.notify_all()


def close_socket(sock: socket.socket) -> None:
    """Close a socket, and wake the threads that read from it or write to it."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()
