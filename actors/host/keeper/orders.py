"""Orders of a host to its keeper: descriptors to hold, and the next settings."""

import _socket
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_LONGEST_ORDER = 64  # bytes: `keep 3` or `settings` with a descriptor, or `drop 3`


class Orders:
    """Takes the orders of successive hosts."""

    def __init__(self, held: dict[int, int], say: "Callable[[str], None]") -> None:
        self.held = held
        self.settings = b""
        """The settings of the next host."""
        self._say = say
        self._sock: _socket.socket | None = None

    def open(self) -> tuple[_socket.socket, _socket.socket]:
        """Return both ends of a socket through which a host passes descriptors."""
        self.take()  # orders that the last host sent before it ended
        if self._sock is not None:
            self._sock.close()
            self._sock = None
        own, store = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        own, store = (_socket.socket(fileno=it.detach()) for it in (own, store))
        return own, store

    def hear(self, own: _socket.socket) -> None:
        """Request a signal when the host sends an order."""
        import fcntl

        fd = own.fileno()
        fcntl.fcntl(fd, fcntl.F_SETOWN, os.getpid())
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC | os.O_NONBLOCK)
        self._sock = own

    def take(self) -> None:
        """Take and close descriptors, as ordered by the host."""
        while self._sock is not None:
            try:
                data, extra, _, _ = self._sock.recvmsg(
                    _LONGEST_ORDER, _socket.CMSG_SPACE(4)
                )
            except OSError:
                return  # there are no more
            if not data:
                self._sock.close()
                self._sock = None
                return
            fds = [
                int.from_bytes(value[:4], sys.byteorder)
                for level, kind, value in extra
                if (level, kind) == (_socket.SOL_SOCKET, _socket.SCM_RIGHTS)
            ]
            word, _, number = data.partition(b" ")
            if word == b"settings" and fds:
                self.settings = os.pread(fds[0], os.fstat(fds[0]).st_size, 0)
            elif number.isdigit():
                before = self.held.pop(int(number), None)
                if before is not None:
                    os.close(before)
                if word == b"keep" and fds:
                    self.held[int(number)] = fds.pop()
                elif word == b"keep":
                    self._say(
                        f"can't keep the input or terminal of task {int(number)} open"
                    )
            for fd in fds:
                os.close(fd)
