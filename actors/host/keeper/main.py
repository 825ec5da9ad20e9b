"""Begins the keeping of a session: the arguments, and what the process is given."""

import os

from . import signal
from .arguments import read_held
from .host_keeper import WAITED, Keeper

_STANDARD_ERROR = 2


def _close_inherited(kept: int | None) -> None:
    """Close what the one who starts this left open: it would stay open for long."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > _STANDARD_ERROR and fd != kept:
            try:
                os.close(fd)
            except OSError:
                continue  # that of the list


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
        # All that a keeper loads later, it could load too.
        from . import files, orphans, pauses, proc

        del files, orphans, pauses, proc
        return 0
    foreground, again = "--foreground" in arguments, "--again" in arguments
    if not (foreground or again):
        _close_inherited(ready)
    if not (foreground or again) and os.fork():
        os._exit(0)
    signal.pthread_sigmask(signal.SIG_SETMASK, WAITED)
    # It may have been started with this ignored: then no end of a host is noticed.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if places := os.environ.get("PYTHONPATH"):
        # The next host must find the program where this one does.
        absolute = (os.path.abspath(it) for it in places.split(os.pathsep) if it)
        os.environ["PYTHONPATH"] = os.pathsep.join(absolute)
    os.chdir("/")
    keeper = Keeper(directory, foreground=foreground, again=again, lock=lock, held=held)
    return keeper.run(ready)
