"""Where a session's host listens: `host.sock` in the folder of the session.

The address of a Unix socket has room for 107 bytes. A longer path is reached through
the descriptor of its folder, as `/proc/self/fd/N/host.sock`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

SOCKET_NAME: Final = "host.sock"

_LONGEST: Final = 107  # bytes of a path, on Linux
_CREDENTIALS: Final = struct.Struct("3i")  # process, user, group


def connect(directory: Path) -> socket.socket:
    """Return a connection to the host of the session in this folder.

    Raises:
        ConnectionRefusedError: If no host listens there.
        FileNotFoundError: If no host has ever listened there.
        PermissionError: If it is another user's: a client tells its host everything
            that is in its environment.
        OSError: If it can't be reached for another reason.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _address(directory) as address:
            sock.connect(address)
        _check_owner(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _check_owner(sock: socket.socket) -> None:
    if peer(sock)[1] != os.geteuid():
        raise PermissionError(errno.EPERM, "the host belongs to another user")


def is_served(directory: Path) -> bool:
    """Tell whether a host listens for clients of the session in this folder."""
    try:
        connect(directory).close()
    except OSError:
        return False
    return True


def listen(directory: Path) -> socket.socket:
    """Return a socket that listens in this folder; only its owner may connect.

    To be called by the owner of the session alone: a socket that a killed host left is
    replaced.

    Raises:
        OSError: If it can't be made.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Before it has a name, so that at no moment anybody else can connect.
        os.fchmod(sock.fileno(), 0o600)
        with _address(directory) as address:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address)  # noqa: PTH108 - may be a path of /proc
            sock.bind(address)
        sock.listen(128)
    except BaseException:
        sock.close()
        raise
    return sock


def peer(sock: socket.socket) -> tuple[int, int]:
    """Return the process id and the user id of the other end of a connection."""
    found = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, user, _ = _CREDENTIALS.unpack(found)
    return pid, user


@contextlib.contextmanager
def _address(directory: Path) -> Generator[str]:
    path = f"{directory}/{SOCKET_NAME}"
    if len(os.fsencode(path)) <= _LONGEST:
        yield path
        return
    folder = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{SOCKET_NAME}"
    finally:
        os.close(folder)
