"""Ends a session whose host may be of any version of the program."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from ..runtime.frames import frame
from . import wire
from .address import connect
from .wire import StopHost

_CHUNK: Final = 1 << 16


def runs_jobs(pid: int) -> bool:
    """Return whether a host or its keeper has other children, such as running tasks."""
    from ..processes.table import read  # noqa: PLC0415 - most hosts speak this protocol

    table = read()
    parents = {pid}
    if (host := table.get(pid)) is not None and _is_backburner(host.parent):
        parents.add(host.parent)
    return any(it.parent in parents and it.pid != pid for it in table.values())


def _is_backburner(pid: int) -> bool:
    try:
        return b"backburner" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def stop_any(directory: Path, reason: str) -> None:
    """End the session in this folder: all its tasks, and its host.

    Blocks until the host has ended. `StopHost` is the same in every protocol. Running
    tasks get the grace period, queued ones stay in the session.

    Raises:
        OSError: If no host listens there, or it can't be reached.
    """
    with contextlib.closing(connect(directory)) as sock:
        sock.sendall(frame(wire.encode(StopHost(reason))))
        # Its answers may be of another protocol; only its end counts.
        with contextlib.suppress(ConnectionResetError):
            while sock.recv(_CHUNK):
                pass
