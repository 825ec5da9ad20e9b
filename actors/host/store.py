"""The descriptors that a host's keeper holds for its jobs."""

from __future__ import annotations

import array
import os
import socket
from typing import TYPE_CHECKING

from ..runtime.sending import logger
from .keeper.arguments import hand_over

if TYPE_CHECKING:
    from collections.abc import Mapping


class KeeperStore:
    """Passes descriptors to the keeper, which hands them to the next host.

    Args:
        fd: The socket to the keeper.
        held: The descriptors that the keeper holds, by task; valid in this process.
    """

    def __init__(self, fd: int, held: Mapping[int, int]) -> None:
        os.set_inheritable(fd, False)  # noqa: FBT003 - its own
        self._sock = socket.socket(fileno=fd)
        # A stopped keeper must not block the host.
        self._sock.setblocking(False)  # noqa: FBT003 - its own
        self._held = dict(held)
        self._kept: dict[int, int] = dict(held)

    @property
    def held(self) -> Mapping[int, int]:
        """Descriptors of an earlier host, by the ids of their tasks."""
        return self._held

    def keep(self, task_id: int, fd: int) -> None:
        """Pass a copy of a descriptor to the keeper. Never blocks."""
        self._kept[task_id] = fd
        self._tell(b"keep %d" % task_id, fd)

    def drop(self, task_id: int) -> None:
        """Make the keeper close the descriptor of a task. Never blocks."""
        if self._kept.pop(task_id, None) is not None:
            self._tell(b"drop %d" % task_id)

    def hand_on(self, settings: bytes) -> None:
        """Send the settings of the next host to the keeper, as JSON. Never blocks."""
        fd = os.memfd_create("settings")
        try:
            os.write(fd, settings)
            self._tell(b"settings", fd)
        finally:
            os.close(fd)

    def _tell(self, order: bytes, fd: int | None = None) -> None:
        extra = []
        if fd is not None:
            rights = array.array("i", [fd])
            extra = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)]
        try:
            self._sock.sendmsg([order], extra)
        except OSError as error:
            if fd is not None:
                text = "The keeper can't be given %s: %s"
                logger.warning(text, order.decode(), error.strerror)

    def hand_over(self) -> str:
        """Return the argument for the keeper that this process becomes."""
        return hand_over(dict(self._kept))
