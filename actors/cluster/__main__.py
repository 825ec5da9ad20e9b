"""The process of an engine: `python -m backburner.actors.cluster FD`.

The descriptor is its end of a socket pair; settings come on stdin. The process that
started it reads its output for the reason if it dies.
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
    # Only this process loads Ray.
    from .ray_cluster import RayCluster  # noqa: PLC0415

    return RayCluster(settings)


def serve(
    fd: int, settings_type: type[SettingsT], make: Callable[[SettingsT], Backend]
) -> None:
    """Serve until the session is gone; then end this process.

    Args:
        fd: One end of a socket pair; the session has the other.
        settings_type: The type of the settings on stdin.
        make: Creates the backend of the cluster.
    """
    # Ctrl+C at the terminal is meant for the session, which ends this process.
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
    # Threads may be blocked in calls to a cluster that does not answer.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
