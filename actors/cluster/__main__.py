"""The process of an engine: `python -m backburner.actors.cluster FD`.

The descriptor is its end of a socket pair; settings come on stdin. What it prints goes
where who started it looks for the reason if it dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

import msgspec

from ..processes.marks import MARK
from .fake import FakeCluster, FakeSettings
from .ray_settings import RaySettings
from .server import Server

if TYPE_CHECKING:
    from .backend import Backend


def main(arguments: list[str]) -> None:
    """Serve until the session is gone; then end this process."""
    # Ctrl+C at the terminal is meant for the session, which ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.pop(MARK, None)
    with open(0, "rb", closefd=False) as file:
        settings = msgspec.json.decode(file.read(), type=FakeSettings | RaySettings)
    sock = socket.socket(fileno=int(arguments[0]))
    asyncio.run(_serve(sock, settings))


async def _serve(sock: socket.socket, settings: FakeSettings | RaySettings) -> None:
    if isinstance(settings, FakeSettings):
        backend: Backend = FakeCluster(settings)
    else:
        # Ray is loaded in this process alone.
        from .ray_cluster import RayCluster  # noqa: PLC0415

        backend = RayCluster(settings)
    await Server(sock, backend, settings.shipping, settings.stay).run()
    # Threads may hang in calls to a cluster that does not answer.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
