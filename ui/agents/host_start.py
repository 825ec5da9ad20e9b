"""Starts the host of a session, without blocking."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Final, cast

from ...actors.rules.shortage import shortage_of
from .loop import READ

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import IO

    from .loop import Loop

_LONGEST_COMPLAINT: Final = 4096


class HostStart:
    """A process that starts a host, until it has ended.

    Args:
        loop: Runs the callback.
        command: The command that starts the host.
        done: Called with None, or with the reason if the host can't be started.
    """

    def __init__(
        self, loop: Loop, command: list[str], done: Callable[[str | None], None]
    ) -> None:
        self._loop = loop
        self._done = done
        self._told = b""
        try:
            # In a session of its own, so that a signal to this server's group does not
            # abort the start.
            self._starter = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            why = shortage_of(error) or error.strerror
            done(f"can't start the session's host: {why}")
            return
        self._pidfd = os.pidfd_open(self._starter.pid)
        loop.watch(self._pidfd, READ, self._ended)
        self._stderr = cast("IO[bytes]", self._starter.stderr)
        os.set_blocking(self._stderr.fileno(), False)
        loop.watch(self._stderr.fileno(), READ, self._read)

    def _read(self) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = os.read(self._stderr.fileno(), _LONGEST_COMPLAINT)
        self._told = (self._told + data)[:_LONGEST_COMPLAINT]
        if not data:
            self._loop.unwatch(self._stderr.fileno())

    def _ended(self) -> None:
        self._loop.unwatch(self._pidfd)
        os.close(self._pidfd)
        status = self._starter.wait()
        self._read()
        self._loop.unwatch(self._stderr.fileno())
        self._stderr.close()
        if status == 0:
            self._done(None)
            return
        text = self._told.decode("utf-8", "replace").strip().rpartition("\n")[2]
        text = text.removeprefix("backburner: ")
        self._done(text or f"the session's host can't be started (status {status})")
