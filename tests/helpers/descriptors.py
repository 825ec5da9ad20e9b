"""Open file descriptors of a process, from /proc."""

import contextlib
from pathlib import Path


def opened_by(pid: int | str) -> dict[int, str]:
    """Return the targets of a process's descriptors; empty if it has ended.

    A descriptor closed during the reading is left out.
    """
    opened: dict[int, str] = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                opened[int(fd.name)] = str(fd.readlink())
    return opened
