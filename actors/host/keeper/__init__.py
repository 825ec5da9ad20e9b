"""The keeper of a session: the parent of its host, which the jobs outlive.

    python -I -S run_keeper.py --dir=FOLDER [--ready=FD] [--foreground] [--again]
        [--held=]

Run by the path of `run_keeper.py`. It imports nothing of this project and little of
Python, so that it stays small, and so that nothing but the kernel can end it. The
settings of the host are on stdin. It

- is a child subreaper: what is orphaned below it becomes its child;
- starts the host, and starts it again if that dies;
- notes how orphans ended in the file `exits`, before it collects them;
- holds copies of the descriptors on which jobs depend, such as their terminals, and
  hands them to the next host, with other settings if it is given any;
- ends when the host has ended in order.

It sleeps in `sigwait` and does nothing else. SIGTERM and SIGINT go to the host.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    # The same without enumerations, which take a third of what loads before the host.
    import _signal as signal

ORDERLY = 0
"""The exit status of a host whose session has ended."""

RESTART = 75
"""The exit status of a host that makes room for another version of the program."""

IN_USE = 73
"""The exit status of a host that found the session open elsewhere."""

HOST_MODULE = "backburner.actors.host"
"""What a host is started as."""

LOCK = "keeper"
"""The file of which the keeper holds the lock."""

SERVES = signal.SIGUSR1
"""What a host sends to its keeper when clients can connect."""
