"""The warden of a process: ends its descendants after its death, whatever the cause.

The warden is a separate process, neither a child of that process nor in its session, so
that a signal to the other does not end it too. It sleeps until the last writing end of
a pipe is closed, which only the other process holds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

GRACE: Final = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_START_TIMEOUT: Final = 60.0


def folder_prefix(key: str) -> str:
    """Return the name prefix of temporary folders that a warden deletes."""
    return f"backburner-agent-{key}-"


def start_warden(key: str) -> int:
    """Start the warden of this process; blocks until it is ready.

    Args:
        key: Identifies the processes: the first half of the last part of their mark.

    Returns:
        The writing end of a pipe; keep it open while the processes may run.

    Raises:
        OSError: If it can't be started.
        subprocess.SubprocessError: If it does not start in time.
    """
    read, write = os.pipe()
    try:
        subprocess.run(
            [sys.executable, "-m", __name__, key, str(read)],
            pass_fds=(read,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=True,
            timeout=_START_TIMEOUT,
        )
    except BaseException:
        os.close(write)
        raise
    finally:
        os.close(read)
    return write


def main(arguments: list[str]) -> int:
    """Fork a warden without a parent; return at once in this process."""
    key, fd = arguments[0], int(arguments[1])
    if os.fork() != 0:
        return 0
    os.setsid()
    while os.read(fd, 1):
        pass
    _end(key)
    return 0


def _end(key: str) -> None:
    # Imported late: most wardens are never needed, and sleep with little memory.
    import shutil  # noqa: PLC0415
    import tempfile  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415

    from . import family  # noqa: PLC0415
    from .ending import end_all  # noqa: PLC0415

    token = f"{key}:"
    end_all(lambda: family.find_marked(lambda it: it.startswith(token)), GRACE)
    for folder in Path(tempfile.gettempdir()).glob(f"{folder_prefix(key)}*"):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
