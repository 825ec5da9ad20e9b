"""The process of an agent, which is ended with all its descendants."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from typing import IO, TYPE_CHECKING, Final, cast

from ...actors.processes.marks import MARK, mark
from ...actors.processes.warden import start_warden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAST_CHANCE: Final = 0.5  # seconds to end by itself when this program ends


class AgentProcess:
    """A process with a warden.

    When `end` is called, or this process dies, all descendants of the agent are ended,
    in any session. The constructor blocks until both have been started.

    Raises:
        OSError: If one of them can't be started.
        subprocess.SubprocessError: If the warden does not start in time.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        key = f"partner-{os.urandom(8).hex()}"
        self._warden = start_warden(key)
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**environment, MARK: mark(key, 0)},
                # Keys of the terminal are not meant for it. Not in a new session,
                # because a collector of orphans might then reap it.
                process_group=0,
            )
        except BaseException:
            os.close(self._warden)
            raise
        self.pidfd = os.pidfd_open(self._process.pid)
        """Becomes readable when the process has ended."""

    @property
    def streams(self) -> tuple[int, int, int]:
        """The descriptors of its standard input, output and error."""
        streams = (self._process.stdin, self._process.stdout, self._process.stderr)
        stdin, stdout, stderr = (cast("IO[bytes]", it).fileno() for it in streams)
        return stdin, stdout, stderr

    def end(self) -> None:
        """End it with its descendants by SIGTERM, then SIGKILL. Never blocks."""
        if self._warden >= 0:
            for stream in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):
                    cast("IO[bytes]", stream).close()
            os.close(self._warden)
            self._warden = -1

    def reap(self) -> str:
        """Reap the ended process, and describe how it ended."""
        status = self._process.wait()
        os.close(self.pidfd)
        with contextlib.suppress(OSError):
            cast("IO[bytes]", self._process.stderr).close()
        if status < 0:
            try:
                return f"killed by {signal.Signals(-status).name}"
            except ValueError:
                return f"killed by signal {-status}"
        return f"exit status {status}"

    def finish(self) -> None:
        """End it with its descendants. Blocks for half a second at most."""
        self.end()
        self._process.terminate()
        try:
            self._process.wait(_LAST_CHANCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self.reap()
