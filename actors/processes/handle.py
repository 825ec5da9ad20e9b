"""A handle on one process, which never acts on a later process with the same id."""

from __future__ import annotations

import contextlib
import os
import pwd
from pathlib import Path
from typing import Final

from ..rules.process_record import ProcessId
from . import proc

GIVE_WAY: Final = 10
"""Niceness of a job's session, from 0 to 19."""


class Process(ProcessId, frozen=True, gc=False):
    """One process, with its operations.

    They raise `OSError` if the system lacks a resource for the check of the process.
    """

    @classmethod
    def find(cls, pid: int) -> Process | None:
        """Return the process that has this id now, or None."""
        found = proc.stat(pid)
        return None if found is None else cls(pid, found.born)

    @property
    def created(self) -> float:
        """Its start in seconds since the epoch, accurate to about a second."""
        return proc.boot_time() + proc.seconds(self.born)

    def is_alive(self) -> bool:
        """Return whether it is running; a zombie is not."""
        now = proc.stat(self.pid)
        return now is not None and now.born == self.born and not now.ended

    def send(self, number: int) -> None:
        """Send it a signal; does nothing if it has ended or permission is denied."""
        if not self.is_alive():
            return
        try:
            os.kill(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return  # the next search reports it

    def is_in_group(self, group: int) -> bool:
        """Return whether it belongs to a process group."""
        try:
            return os.getpgid(self.pid) == group
        except OSError:
            return False

    def describe(self) -> str:
        """Return its id and program, for people, and why it can't be ended, if so.

        Empty if it has ended.
        """
        program = proc.name(self.pid) if self.is_alive() else None
        if program is None:
            return ""
        refusal = self._refusal()
        return f"{self.pid} ({program}{refusal})"

    def _refusal(self) -> str:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return ""
        except PermissionError:
            return f", not permitted: it belongs to {_owner(self.pid)}"
        return ""


def _owner(pid: int) -> str:
    try:
        owner = os.stat(f"/proc/{pid}").st_uid  # noqa: PTH116 - as the rest of /proc
    except OSError:
        return "another user"
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"


def signal_group(group: int, number: int) -> None:
    """Send a signal to all processes of a group, if any are alive."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def give_way(session: int) -> None:
    """Lower the priority of a session, where the kernel supports that. Never blocks.

    Linux divides CPU time between sessions before processes (`autogroup` in sched(7)):
    without this, each of many busy jobs gets as much as the whole program that shows
    them.
    """
    # The kernel limits the rate of these changes.
    with contextlib.suppress(OSError):
        Path(f"/proc/{session}/autogroup").write_bytes(b"%d\n" % GIVE_WAY)


def has_group(group: int) -> bool:
    """Return whether a process group has members, running or not reaped yet."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it has members of another user
    return True
