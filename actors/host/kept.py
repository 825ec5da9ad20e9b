"""The host's side of its keeper: detects its death, and replaces it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..rules.safe_text import safe_line
from .keeper import LOCK, SERVES
from .keeper.arguments import become
from .keeper.files import take_lock
from .launch import KEEPER

if TYPE_CHECKING:
    from collections.abc import Callable

    from .settings import HostSettings
    from .store import KeeperStore

_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG
_CHECK_TIMEOUT: Final = 60.0

COMMAND: Final = (sys.executable, "-P", "-m", "backburner.actors.host")
"""The command of a host."""


class Kept:
    """The keeper of this host.

    Args:
        pid: Its process id.
        settings: The settings of the host.
        foreground: Whether it runs for a supervisor.
        store: Holds descriptors for jobs; None if it can't.
        all_noted: Whether it has recorded the exits of all jobs of the previous host
            that have ended.
    """

    def __init__(
        self,
        pid: int,
        settings: HostSettings,
        *,
        foreground: bool,
        store: KeeperStore | None = None,
        all_noted: bool = False,
    ) -> None:
        self._pid = pid
        self.store = store
        self._settings = settings
        self._foreground = foreground
        self._all_noted = all_noted

    def watch(self, is_gone: Callable[[], object]) -> None:
        """Call `is_gone` when the keeper has died; main thread only.

        Args:
            is_gone: Called by a signal handler, or at once; must not block.
        """

        def look(number: int, frame: object) -> None:
            del number, frame
            if self.has_died:
                is_gone()

        signal.signal(signal.SIGUSR1, look)
        with contextlib.suppress(AttributeError):
            prctl = ctypes.CDLL(None).prctl
            # The keeper has one thread, so the signal comes at its end.
            prctl(_DEATH_SIGNAL, int(signal.SIGUSR1), 0, 0, 0)
        if self.has_died:
            is_gone()

    @property
    def has_died(self) -> bool:
        """Whether the keeper has died."""
        return os.getppid() != self._pid

    @property
    def has_noted_all(self) -> bool:
        """Whether it has recorded all exits of jobs of the previous host."""
        return self._all_noted and not self.has_died

    def report_service(self) -> None:
        """Notify the keeper that clients can connect."""
        if not self.has_died:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, SERVES)

    def replace_keeper(self) -> None:
        """Become the keeper, with the jobs as children, so that they keep running.

        Returns only on failure.
        """
        arguments = [f"--dir={self._settings.directory}"]
        if self._foreground:
            arguments.append("--foreground")
        if self.store is not None:
            arguments.append(self.store.hand_over())
        # While this host still serves: otherwise a client that lost it would start
        # another host, without the descriptors that the keeper held.
        lock = take_lock(f"{self._settings.directory}/{LOCK}")
        if lock is not None:
            os.set_inheritable(lock, True)  # noqa: FBT003 - its own
            arguments.append(f"--lock={lock}")
        settings = msgspec.json.encode(self._settings)
        with contextlib.suppress(OSError):
            become(sys.executable, KEEPER[-1], arguments, settings)

    def settings_of_next(self, given: str | None) -> bytes:
        """Return the settings of a host that takes over: by default those of this host.

        It may be of a newer version, with settings unknown to this one.

        Raises:
            ValueError: If they are not a JSON object.
        """
        own = self._settings
        if given is None:
            return msgspec.json.encode(own)
        settings = msgspec.json.decode(given, type=dict[str, Any])
        settings |= {"directory": own.directory, "name": own.name}
        if self._foreground:
            settings["linger"] = own.linger  # the supervisor decides when it ends
        return msgspec.json.encode(settings)

    def hand_on(self, settings: bytes) -> None:
        """Make the keeper start the next host with these settings. Never blocks."""
        if self.store is not None:
            self.store.hand_on(settings)

    def problem_of_next(self, settings: bytes) -> str:
        """Return why the installed program can't take over with these settings.

        Empty if it can. Blocks while the program is loaded.
        """
        import subprocess  # noqa: PLC0415 - seldom needed, and every host starts with this

        for command in ((*KEEPER, "--check"), (*COMMAND, "--check", "--keeper=1")):
            try:
                done = subprocess.run(
                    command,
                    input=settings,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    timeout=_CHECK_TIMEOUT,
                    check=False,
                )
            except (OSError, subprocess.SubprocessError) as error:
                return safe_line(str(error)) or repr(error)
            if done.returncode:
                lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
                return safe_line(lines[-1]) if lines else "it ends at once"
        return ""
