"""Open file descriptors of a process, from /proc."""

import contextlib
from pathlib import Path


def opened_by(pid: int | str) -> dict[int, str]:
    """Return what each descriptor of a process leads to; nothing if it has ended.

    A descriptor that is closed while they are read is left out.
    """
    opened: dict[int, str] = {}
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                opened[int(fd.name)] = str(fd.readlink())
    return opened
