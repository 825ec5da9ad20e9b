"""Starts the process of a host, with few imports.

So the first `backburner add` of a session need not load the whole program only to start
it once more.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import sys
import time

from ..own_files import look_below, open_below, open_folder, open_own
from ..processes.marks import MARK, SESSION
from .keeper import LOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

KEEPER = (
    sys.executable,
    "-I",
    "-S",
    f"{os.path.dirname(os.path.abspath(__file__))}/run_keeper.py",  # noqa: PTH100, PTH120 - texts
)
"""The command of a keeper; see `keeper/`."""

LOG_NAME = "host.log"

LONGEST_LOG = 1 << 20
"""Bytes of the log above which a starting host begins a new one."""

TIMEOUT = 60.0
"""Seconds for a start; a machine may be paused for half of that."""

PAUSE = 0.02
"""Seconds between two checks of another process's progress."""

_LOCK_NAME = "host.starting"
_NOT_ITS = frozenset({MARK, SESSION})  # of the job that starts the host, if a job does


class LaunchError(Exception):
    """No host could be started; the text gives the reason.

    Args:
        text: The reason.
        in_use: Whether another program has the session open.
    """

    def __init__(self, text: str, *, in_use: bool = False) -> None:
        super().__init__(text)
        self.in_use = in_use


def launch(
    directory: Path | str,
    settings: Callable[[], bytes],
    on_wait: Callable[[str], None] | None = None,
) -> None:
    """Start a host; blocks until it serves.

    Args:
        directory: The folder of the session; it must exist.
        settings: Returns its `HostSettings` as JSON; called while the host loads.
        on_wait: Called with the reason if the start takes longer than usual.

    Raises:
        LaunchError: If it does not serve.
        OSError: If its files can't be used, or no process can be started.
    """
    ready, say_ready = map(_above_standard, os.pipe())
    try:
        log = _above_standard(_open_log(f"{directory}/{LOG_NAME}"))
        stdin, give = map(_above_standard, os.pipe())
        with os.fdopen(give, "wb", 0) as given:
            try:
                pid = os.posix_spawn(
                    KEEPER[0],
                    (*KEEPER, f"--dir={directory}", f"--ready={say_ready}"),
                    {it: os.environ[it] for it in os.environ if it not in _NOT_ITS},
                    file_actions=(
                        (os.POSIX_SPAWN_DUP2, stdin, 0),
                        (os.POSIX_SPAWN_DUP2, log, 1),
                        (os.POSIX_SPAWN_DUP2, log, 2),
                        # dup2 to itself makes it inheritable.
                        (os.POSIX_SPAWN_DUP2, say_ready, say_ready),
                    ),
                    setsid=True,
                )
            finally:
                for fd in (stdin, log, say_ready):
                    os.close(fd)
            with contextlib.suppress(BrokenPipeError):  # `ready` has the reason
                given.write(settings())
        # It ends at once: the keeper itself is a child of it.
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, 0)
        _await_ready(ready, directory, on_wait)
    finally:
        os.close(ready)


def is_kept(directory: Path | str) -> bool:
    """Return whether a keeper restarts the host of a session if it dies."""
    try:
        lock = open_own(f"{directory}/{LOCK}", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


@contextlib.contextmanager
def starting(directory: Path | str) -> Generator[None]:
    """Hold the lock for the start of a host.

    Raises:
        LaunchError: If another program holds it for too long.
        OSError: If it can't be created.
    """
    lock = open_own(f"{directory}/{_LOCK_NAME}", os.O_RDWR | os.O_CREAT)
    deadline = time.monotonic() + TIMEOUT
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LaunchError(
                        f"another program has been starting a host in {directory}"
                        f" for {TIMEOUT:g} s; end it, or try again"
                    ) from None
                time.sleep(PAUSE)
            else:
                break
        yield
    finally:
        os.close(lock)


def _above_standard(fd: int) -> int:
    """Move a descriptor above the standard streams, if one of those was closed."""
    if fd > 2:  # noqa: PLR2004 - standard error
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _open_log(path: str) -> int:
    directory, _, name = path.rpartition("/")
    folder = open_folder(directory)
    try:
        found = look_below(folder, path)
        if found is not None and found.st_size > LONGEST_LOG:
            look_below(folder, f"{path}.old")
            os.replace(name, f"{name}.old", src_dir_fd=folder, dst_dir_fd=folder)
        return open_below(folder, path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    finally:
        os.close(folder)


def _await_ready(
    ready: int, directory: Path | str, on_wait: Callable[[str], None] | None
) -> None:
    told = b""
    log = f"{directory}/{LOG_NAME}"
    while True:
        if not select.select([ready], [], [], TIMEOUT)[0]:
            raise LaunchError(f"the host does not start; see {log}")
        data = os.read(ready, 4096)
        told += data
        *lines, told = told.split(b"\n")
        for line in lines:
            word, _, text = line.decode("utf-8", "replace").partition(" ")
            if word == "ok":
                return
            if word in {"in-use", "error"}:
                raise LaunchError(text, in_use=word == "in-use")
            if word == "wait" and on_wait is not None:
                on_wait(text)
        if not data:
            raise LaunchError(f"the host ended before it could serve; see {log}")
