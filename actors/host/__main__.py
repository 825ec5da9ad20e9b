"""The process of a host: `python -m backburner.actors.host`, settings on stdin.

Its keeper starts it and passes its own process id as `--keeper`. The host runs in a
session without a terminal unless `--foreground` is given, with `/` as its directory,
and inherits nothing but the environment. It reports `ok`, or an error, on the
descriptor given by `--ready`.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

if __name__ == "__main__":
    # The thread that starts a host may block signals, and the host would inherit that.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # Loaded modules stay: collecting garbage while they load would find nothing.
    gc.disable()

import msgspec

from ..processes.limits import save_address_space
from ..processes.marks import MARK, SESSION
from ..rules.safe_text import safe_line
from ..session.errors import SessionInUseError, TaskSystemError
from ..session.openable import problem_of
from .keeper import IN_USE
from .keeper.arguments import read_held, take_from_stdin
from .kept import Kept
from .serve import Host
from .settings import HostSettings
from .store import KeeperStore

_LONG: Final = 1.0


class _Ready:
    """Reports the progress of the start to the program that started the host."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def say(self, word: str, text: str = "") -> None:
        """Report one line; does nothing without a reader."""
        if self._fd is not None:
            line = f"{word} {safe_line(text)}".rstrip()
            with contextlib.suppress(OSError):
                os.write(self._fd, f"{line}\n".encode())

    def end(self) -> None:
        """End the reports."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)


def main(arguments: list[str]) -> int:
    """Run a host until its session has ended; return the exit status."""
    save_address_space()
    fd, keeper, store, held = None, 0, -1, ""
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--ready":
            fd = int(value)
        elif name == "--keeper":
            keeper = int(value)
        elif name == "--store":
            store = int(value)
        elif name == "--held":
            held = value
    ready = _Ready(fd)
    foreground = "--foreground" in arguments
    if not (given := take_from_stdin()):
        return 1  # the keeper has died
    settings = msgspec.json.decode(given, type=HostSettings)
    # Later imports must come from the same place.
    sys.path[:] = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100
    os.chdir("/")
    os.environ.pop(MARK, None)
    os.environ[SESSION] = settings.directory
    logging.basicConfig(
        level=logging.INFO if foreground else logging.WARNING,
        format="%(asctime)s %(process)d %(levelname)s %(message)s",
    )
    try:
        kept = None
        if keeper:
            keeps = KeeperStore(store, read_held(held)) if store >= 0 else None
            kept = Kept(
                keeper,
                settings,
                foreground=foreground,
                store=keeps,
                all_noted="--all-noted" in arguments,
            )
        host = Host(settings, kept)
        if "--check" in arguments:
            return _check(settings)
        _serve(host, ready)
    except (TaskSystemError, ValueError) as error:
        in_use = isinstance(error, SessionInUseError)
        ready.say("in-use" if in_use else "error", str(error))
        logging.getLogger("backburner").error("%s", error)  # noqa: TRY400 - says it all
        return IN_USE if in_use else 1
    return 0


def _check(settings: HostSettings) -> int:
    """Report on stderr why a host of this version could not take over the session."""
    problem = problem_of(Path(settings.directory))
    if problem is None:
        return 0
    sys.stderr.write(f"{problem}\n")
    return 1


def _serve(host: Host, ready: _Ready) -> None:
    def listening() -> None:
        # Exclude the loaded session as well from garbage collection.
        gc.freeze()
        gc.enable()
        ready.say("ok")
        ready.end()

    def say_what_takes_long() -> None:
        if left := host.system.leftovers:
            ready.say("wait", f"ending what was left running: {left}")

    long = threading.Timer(_LONG, say_what_takes_long)
    long.daemon = True
    long.start()
    try:
        host.run(listening)
    finally:
        long.cancel()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
