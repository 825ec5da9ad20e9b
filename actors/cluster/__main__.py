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
from typing import TYPE_CHECKING, TypeVar

import msgspec

from ..processes.marks import MARK
from .ray_settings import RaySettings
from .server import Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from .backend import Backend


SettingsT = TypeVar("SettingsT", bound=RaySettings)


def main(arguments: list[str]) -> None:
    """Run the engine of a Ray cluster in this process."""
    serve(int(arguments[0]), RaySettings, _ray)


def _ray(settings: RaySettings) -> Backend:
    # Ray is loaded in this process alone.
    from .ray_cluster import RayCluster  # noqa: PLC0415

    return RayCluster(settings)


def serve(
    fd: int, settings_type: type[SettingsT], make: Callable[[SettingsT], Backend]
) -> None:
    """Serve until the session is gone; then end this process.

    Args:
        fd: The end of a socket pair whose other end the session has.
        settings_type: What comes on stdin.
        make: Makes what reaches the cluster.
    """
    # Ctrl+C at the terminal is meant for the session, which ends this.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.pop(MARK, None)
    with open(0, "rb", closefd=False) as file:
        settings = msgspec.json.decode(file.read(), type=settings_type)
    sock = socket.socket(fileno=fd)
    asyncio.run(_serve(sock, settings, make))


async def _serve(
    sock: socket.socket, settings: SettingsT, make: Callable[[SettingsT], Backend]
) -> None:
    await Server(sock, make(settings), settings.shipping, settings.stay).run()
    # Threads may hang in calls to a cluster that does not answer.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
