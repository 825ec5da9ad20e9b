"""The command `backburner mcp --relay`: copies between its streams and a socket.

It has few imports, because an agent waits for its start.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Final

from ...actors.host.address import connect
from ..program.exit_status import EXIT_FAILURE

_STDIN, _STDOUT = 0, 1
_CHUNK: Final = 1 << 16


def run(arguments: list[str]) -> int:
    """Copy from and to the socket of this folder and name, until one end is closed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    folder, name = arguments
    try:
        sock = connect(Path(folder), name=name)
    except OSError as error:
        sys.stderr.write(f"backburner: can't reach the chat: {error.strerror}\n")
        return EXIT_FAILURE
    threading.Thread(target=_send, args=(sock,), daemon=True).start()
    with contextlib.suppress(OSError):
        while data := sock.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(_STDOUT, view) :]
    return 0


def _send(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := os.read(_STDIN, _CHUNK):
            sock.sendall(data)
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
