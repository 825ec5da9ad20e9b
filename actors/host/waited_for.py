"""The reason why a session's host does not answer, from its processes and files."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from ..own_files import open_own
from ..rules.safe_text import safe_line
from .address import connect, peer
from .keeper import LOCK
from .launch import is_kept

_STOPPED: Final = {"T", "t"}
_LONGEST_WORD: Final = 4096


def waited_for(directory: Path | str) -> str:
    """Return the reason why the host of a session does not answer yet.

    Reads a few files; does not wait for the host.
    """
    try:
        with contextlib.closing(connect(Path(directory), 0)) as sock:
            pid, _ = peer(sock)
    except TimeoutError:
        return "its host accepts no clients"
    except OSError:
        return _without_host(directory)
    return stopped("its host", pid) or f"its host (process {pid}) does not answer"


def _without_host(directory: Path | str) -> str:
    if not is_kept(directory):
        return "its host is being started"
    word, pid = "", 0
    with contextlib.suppress(OSError):
        fd = open_own(f"{directory}/{LOCK}", os.O_RDONLY)
        try:
            word = os.pread(fd, _LONGEST_WORD, 0).decode("utf-8", "replace")
            pid = _holder(os.fstat(fd))
        finally:
            os.close(fd)
    if found := stopped("its keeper", pid):
        return found
    if (elsewhere := _folder_of(pid)) and not _is_same(elsewhere, directory):
        return (
            f"it was moved while its host ran; the host keeps running in"
            f" {safe_line(elsewhere)} until it is idle (its keeper is process {pid})"
        )
    if said := safe_line(word.partition("keeper: ")[2].strip()):
        return said
    return f"its keeper{f' (process {pid})' * bool(pid)} starts or ends its host"


def stopped(what: str, pid: int) -> str:
    """Return a hint how to continue a stopped process; empty if it is not stopped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b") ")[2]
        state = fields[:1].decode()
    except OSError:
        return ""
    if state not in _STOPPED:
        return ""
    return f"{what} (process {pid}) is stopped; `kill -CONT {pid}` continues it"


def _holder(found: os.stat_result) -> int:
    """Return the id of the process that has locked a file; 0 if unknown."""
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    place = f"{device}:{found.st_ino}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            fields = line.split()
            if fields[1:2] == ["FLOCK"] and place in fields:
                return max(0, int(fields[4]))
    return 0


def _folder_of(keeper: int) -> str:
    """Return the session folder of a keeper; empty if unknown."""
    try:
        words = Path(f"/proc/{keeper}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    found = [it for it in words if it.startswith(b"--dir=")]
    return os.fsdecode(found[0].removeprefix(b"--dir=")) if found else ""


def _is_same(one: str, other: Path | str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
