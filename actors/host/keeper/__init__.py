"""The keeper of a session: the parent of its host, so that jobs outlive the host.

    python -I -S run_keeper.py --dir=FOLDER [--ready=FD] [--foreground] [--again]
        [--held=]

Started by the path of `run_keeper.py`. It imports nothing of this project and little of
Python, so that it stays small and does not fail. It reads the settings of the host from
stdin. The keeper

- is a child subreaper: orphans of its descendants become its children;
- starts the host, and restarts it if it dies;
- records the exits of orphans in the file `exits`, before it reaps them;
- holds copies of the descriptors on which jobs depend, such as their terminals, and
  hands them to the next host, with new settings if it got any;
- ends when the host has ended in order.

It sleeps in `sigwait` and does nothing else. SIGTERM and SIGINT go to the host.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # The same without enumerations, which take a third of the load time before the
    # host.
    import _signal as signal

ORDERLY = 0
"""The exit status of a host whose session has ended."""

RESTART = 75
"""The exit status of a host to be replaced by one of the installed version."""

IN_USE = 73
"""The exit status of a host whose session another program has open."""

HOST_MODULE = "backburner.actors.host"
"""The module of a host."""

LOCK = "keeper"
"""The lock file of the keeper."""

SERVES = signal.SIGUSR1
"""The signal from a host to its keeper when clients can connect."""
