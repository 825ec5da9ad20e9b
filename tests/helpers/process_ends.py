"""Whether processes have ended, with any parent."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ENDED: Final = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}


def runs(process: psutil.Process) -> bool:
    """Return whether a process is running.

    A zombie is not: its parent may reap it late. The first process of a
    container may take seconds to reap an orphan, or never reap it.
    """
    try:
        return process.is_running() and process.status() not in _ENDED
    except psutil.NoSuchProcess:
        return False


def pid_runs(pid: int) -> bool:
    """Return whether a process with this id is running."""
    try:
        return runs(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return False


def pids_in(file: Path) -> list[int]:
    """Return the process ids in a file, none if it doesn't exist."""
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def alive(pids: Iterable[int]) -> list[int]:
    """Return the ids of running processes among these."""
    return [pid for pid in pids if pid_runs(pid)]


def marked(name: str, value: str) -> list[psutil.Process]:
    """Return the running processes with this text in an environment variable.

    psutil would parse the whole environment of each process, which takes far longer.
    """
    start, text = f"{name}=".encode(), value.encode()
    found: list[psutil.Process] = []
    for pid in psutil.pids():
        with contextlib.suppress(psutil.Error, OSError):
            block = Path(f"/proc/{pid}/environ").read_bytes()
            if (
                text in block
                and any(
                    it.startswith(start) and text in it for it in block.split(b"\0")
                )
                and runs(process := psutil.Process(pid))
            ):
                found.append(process)
    return found


def with_arguments(match: Callable[[list[str]], bool]) -> list[psutil.Process]:
    """Return the running processes with matching arguments, the program first."""
    found: list[psutil.Process] = []
    for pid in psutil.pids():
        # Read directly for the same reason. An ended process has no arguments.
        with contextlib.suppress(psutil.Error, OSError):
            text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
            if text and match(text.rstrip("\0").split("\0")):
                found.append(psutil.Process(pid))
    return found


def wait_ends(processes: Iterable[psutil.Process]) -> None:
    """Block until processes have ended.

    Raises:
        TimeoutError: If one keeps running.
    """
    end = time.monotonic() + PATIENCE
    left = [*processes]
    while left := [it for it in left if runs(it)]:
        if time.monotonic() > end:
            raise TimeoutError(f"still running after {PATIENCE:g} s: {left}")
        time.sleep(0.002)
