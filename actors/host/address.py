"""The socket of a session's host: `host.sock` in the folder of the session.

The address of a Unix socket is limited to 107 bytes. A longer path is replaced by one
through the descriptor of its folder, `/proc/self/fd/N/host.sock`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
import struct
import time
from typing import TYPE_CHECKING, Final

from ..own_files import NotOwnError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SOCKET_NAME: Final = "host.sock"

_LONGEST: Final = 107  # maximum bytes of a socket path on Linux
_TIMEOUT: Final = 10.0  # seconds to wait for a host with a full backlog
_PAUSE: Final = 0.01
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group


def connect(
    directory: Path, timeout: float = _TIMEOUT, *, name: str = SOCKET_NAME
) -> socket.socket:
    """Return a connection to the host of the session in this folder.

    Args:
        directory: The folder.
        timeout: Seconds to wait for a host with a full backlog.
        name: The name of the socket; that of a host by default.

    Raises:
        ConnectionRefusedError: If no host listens there, or it is not a socket: a link
            could lead to a program that collects the data that clients send.
        FileNotFoundError: If no host has ever listened there.
        PermissionError: If it belongs to another user: a client sends its whole
            environment to the host.
        TimeoutError: If it accepts no client.
        OSError: If it can't be reached for another reason.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(directory, name) as address:
            _connect(sock, address, timeout)
        _check_owner(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _connect(sock: socket.socket, address: str, timeout: float) -> None:
    if not stat.S_ISSOCK(os.lstat(address).st_mode):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "it is not a socket")
    deadline = time.monotonic() + timeout
    # A blocking connect would wait as long as the host is stopped.
    sock.settimeout(0)
    while True:
        try:
            sock.connect(address)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise TimeoutError(errno.ETIMEDOUT, "it accepts no client") from None
            time.sleep(_PAUSE)
        else:
            break
    sock.settimeout(None)


def _check_owner(sock: socket.socket) -> None:
    if peer(sock)[1] != os.geteuid():
        raise PermissionError(errno.EPERM, "the host belongs to another user")


def is_served(directory: Path) -> bool:
    """Return whether a host listens for clients of the session in this folder.

    Does not wait for a host with a full backlog.
    """
    try:
        connect(directory, 0).close()
    except TimeoutError:
        return True
    except OSError:
        return False
    return True


def listen(directory: Path, *, name: str = SOCKET_NAME) -> socket.socket:
    """Return a listening socket in this folder; only its owner may connect.

    Only the owner of the session may call this: it replaces the socket that a killed
    host left behind.

    Raises:
        OSError: If it can't be created.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before it has a name, so that other users can never connect.
        os.fchmod(sock.fileno(), 0o600)
        with _address(directory, name) as address:
            _make_way(address, directory / name)
            sock.bind(address)
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock


def _make_way(address: str, path: Path) -> None:
    try:
        os.unlink(address)  # noqa: PTH108 - may be a path of /proc
    except FileNotFoundError:
        pass
    except IsADirectoryError as error:
        why = "Is a directory, not a socket; move it away"
        raise NotOwnError(why, path) from error


def peer(sock: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the peer of a connection."""
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _ = _CREDENTIALS.unpack(found)
    return pid, user


@contextlib.contextmanager
def _address(directory: Path, name: str) -> Generator[str]:
    path = f"{directory}/{name}"
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{name}"
    finally:
        os.close(folder)
