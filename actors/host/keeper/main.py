"""The start of a keeper: its arguments and inherited state."""

import os

from . import signal
from .arguments import read_held
from .host_keeper import WAITED, Keeper

_STANDARD_ERROR = 2


def _close_inherited(kept: int | None) -> None:
    """Close descriptors that the parent left open: they would stay open for long."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > _STANDARD_ERROR and fd != kept:
            try:
                os.close(fd)
            except OSError:
                continue  # the descriptor of the listing


def main(arguments: list[str]) -> int:
    """Keep the host of a session; return the exit status."""
    directory, ready, lock = "", None, None
    held: dict[int, int] = {}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name == "--dir":
            directory = value
        elif name == "--ready":
            ready = int(value)
        elif name == "--lock":
            lock = int(value)
            os.set_inheritable(lock, False)
        elif name == "--held":
            held = read_held(value)
    if "--check" in arguments:
        # Load everything that a keeper loads later.
        from . import files, orphans, pauses, proc

        del files, orphans, pauses, proc
        return 0
    foreground, again = "--foreground" in arguments, "--again" in arguments
    if not (foreground or again):
        _close_inherited(ready)
    if not (foreground or again) and os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, WAITED)
    # With SIGCHLD ignored, as it may be inherited, no end of a host is noticed.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if places := os.environ.get("PYTHONPATH"):
        # The next host must find the same program.
        absolute = (os.path.abspath(it) for it in places.split(os.pathsep) if it)
        os.environ["PYTHONPATH"] = os.pathsep.join(absolute)
    os.chdir("/")
    keeper = Keeper(directory, foreground=foreground, again=again, lock=lock, held=held)
    return keeper.run(ready)
