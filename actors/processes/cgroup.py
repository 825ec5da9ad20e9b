"""Control groups (cgroup v2) that enforce the limits of tasks.

A group is created where this user has permission: in the group of this program or in an
ancestor, such as a delegated subtree. Without delegated controllers, a group only
tracks and kills its processes, and limits nothing.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..rules.terms import Terms

CONTROLLERS: Final = frozenset({"cpu", "memory", "pids"})
"""The controllers that this module uses."""

_PREFIX: Final = "backburner-"
# Compiled on first use, to keep the start fast.
_NAME: Final = r"backburner-([0-9a-z]{1,32})-(\d{1,16})(?:-\d{1,16})?"
_PERIOD: Final = 100_000  # microseconds in which a group may use its share
_OWN: Final = "/proc/self/cgroup"
_MOUNTS: Final = "/proc/self/mountinfo"
_ESCAPED: Final = r"\\([0-7]{3})"


class Base(msgspec.Struct, frozen=True):
    """The group in which this user may create groups.

    Attributes:
        path: The folder of that group.
        controllers: The controllers available to its children.
    """

    path: Path
    controllers: frozenset[str]


class Usage(msgspec.Struct, frozen=True):
    """The resource usage of a group since its creation; None for what is not counted.

    Attributes:
        cpu: Seconds of CPU.
        memory: Bytes of memory now.
        peak: Peak memory in bytes.
        killed: Number of processes killed by the OOM killer.
        refused: Number of forks rejected because of the limit of processes.
    """

    cpu: float | None = None
    memory: int | None = None
    peak: int | None = None
    killed: int = 0
    refused: int = 0


class Group:
    """One control group. Methods access small files of the kernel."""

    def __init__(self, path: Path, controllers: frozenset[str]) -> None:
        self.path = path
        self.controllers = controllers

    @property
    def door(self) -> str:
        """The file that takes the ids of processes to move into the group."""
        return str(self.path / "cgroup.procs")

    def limit(self, terms: Terms) -> None:
        """Set the limits that its controllers support.

        Raises:
            OSError: If a limit can't be set.
        """
        if terms.memory is not None and "memory" in self.controllers:
            _write(self.path / "memory.max", str(terms.memory))
            # Otherwise it would swap; kernels without swap lack this file.
            with contextlib.suppress(FileNotFoundError):
                _write(self.path / "memory.swap.max", "0")
            _write(self.path / "memory.oom.group", "1")
        if terms.cpus is not None and "cpu" in self.controllers:
            _write(self.path / "cpu.max", f"{round(terms.cpus * _PERIOD)} {_PERIOD}")
        if terms.pids is not None and "pids" in self.controllers:
            _write(self.path / "pids.max", str(terms.pids))

    def pids(self) -> list[int]:
        """Return the ids of its processes; empty if the group is gone."""
        text = self._read("cgroup.procs") or ""
        return [int(word) for word in text.split() if word.isdigit()]

    def kill(self) -> None:
        """Kill all processes in it atomically; does nothing before Linux 5.14."""
        with contextlib.suppress(OSError):
            _write(self.path / "cgroup.kill", "1")

    def usage(self) -> Usage:
        """Return its resource usage."""
        microseconds = self._count("cpu.stat", "usage_usec")
        return Usage(
            cpu=None if microseconds is None else microseconds / 1e6,
            memory=self._count("memory.current"),
            peak=self._count("memory.peak"),
            killed=self._count("memory.events", "oom_kill") or 0,
            refused=self._count("pids.events", "max") or 0,
        )

    def remove(self) -> bool:
        """Remove it unless it has processes; return whether it is gone."""
        try:
            self.path.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True

    def _count(self, name: str, key: str | None = None) -> int | None:
        for line in (self._read(name) or "").splitlines():
            words = line.split()
            if key is not None:
                if words[:1] != [key]:
                    continue
                words = words[1:]
            if len(words) == 1 and words[0].isdigit():
                return int(words[0])
        return None

    def _read(self, name: str) -> str | None:
        try:
            return (self.path / name).read_bytes().decode("ascii", "replace")
        except OSError:
            return None


def name_of(mark: str, attempt: int = 1) -> str:
    """Return the name of the group for a task with a mark such as `work-1f2e:3`."""
    session, _, task = mark.rpartition(":")
    key = session.rpartition("-")[2]
    return f"{_PREFIX}{key}-{task}" + (f"-{attempt}" if attempt > 1 else "")


def make(base: Base, name: str) -> Group:
    """Create a group, or return the existing one of this name.

    Raises:
        OSError: If it can't be created.
    """
    path = base.path / name
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    return Group(path, base.controllers)


def group_of(pid: int, session_key: str = "") -> Group | None:
    """Return the group of a process's task; None if it has none.

    Args:
        pid: The process.
        session_key: The key of the task's session; empty for any.
    """
    mount = _mount()
    path = None if mount is None else _path_in(f"/proc/{pid}/cgroup", *mount)
    match = None if path is None else re.fullmatch(_NAME, path.name)
    if path is None or match is None or session_key not in {"", match[1]}:
        return None
    return Group(path, _words(path / "cgroup.controllers") & CONTROLLERS)


def of_session(base: Base | None, session_key: str) -> Iterator[tuple[int, Group]]:
    """Yield the existing groups of a session, each with the id of its task."""
    if base is None:
        return
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(base.path)):  # noqa: PTH208 - names are enough
            match = re.fullmatch(_NAME, name)
            if match is not None and match[1] == session_key:
                yield int(match[2]), Group(base.path / name, base.controllers)


@functools.cache
def base() -> Base | None:
    """Return where this user may create groups; None if nowhere.

    The result is cached when the first task with limits starts.
    """
    mount = _mount()
    own = None if mount is None else _path_in(_OWN, *mount)
    return None if mount is None or own is None else find_base(own, mount[0])


def find_base(own: Path, top: Path) -> Base | None:
    """Find the group with the most controllers in which this user may create groups.

    A group with processes can't delegate controllers to its children, so the result is
    usually an ancestor of this program's group.

    Args:
        own: The group of this program.
        top: The mount point of the tree.
    """
    best: Base | None = None
    for path in (own, *own.parents):
        if path != top and top not in path.parents:
            break
        if not _is_ours(path):
            continue
        there = _words(path / "cgroup.controllers") & CONTROLLERS
        given = _words(path / "cgroup.subtree_control")
        for name in sorted(there - given):
            # Fails for groups that contain processes themselves.
            with contextlib.suppress(OSError):
                _write(path / "cgroup.subtree_control", f"+{name}")
        found = Base(path, _words(path / "cgroup.subtree_control") & CONTROLLERS)
        if best is None or len(found.controllers) > len(best.controllers):
            best = found
        if best.controllers == CONTROLLERS:
            break
    return best


def _is_ours(path: Path) -> bool:
    """Return whether this user may create groups there and move processes into them."""
    return all(
        os.access(it, os.W_OK)
        for it in (path, path / "cgroup.procs", path / "cgroup.subtree_control")
    )


def _words(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_bytes().decode("ascii", "replace").split())
    except OSError:
        return frozenset()


def _path_in(file: str, top: Path, root: str) -> Path | None:
    """Return the folder of the group that a file of /proc names; None if it has none.

    Args:
        file: Such as `/proc/self/cgroup`.
        top: The mount point of the tree.
        root: The part of the tree that is mounted there.
    """
    try:
        text = Path(file).read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("0::/"):
            name = line[3:].removesuffix(" (deleted)")
            inside = os.path.relpath(name, root)
            # Outside of the mounted part, as in a container.
            if inside.startswith(".."):
                return None
            return top if inside == "." else top / inside
    return None


@functools.cache
def _mount() -> tuple[Path, str] | None:
    """Return the mount point of cgroup v2, and the mounted part of the tree."""
    try:
        text = Path(_MOUNTS).read_text("utf-8", "surrogateescape")
    except OSError:
        return None
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            root, at = before.split(" ")[3:5]
            return Path(_unescaped(at)), _unescaped(root)
    return None


def _unescaped(text: str) -> str:
    return re.sub(_ESCAPED, lambda it: chr(int(it[1], 8)), text)


def _write(path: Path, text: str) -> None:
    # Without O_CREAT: a new regular file would limit nothing.
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode("ascii"))
    finally:
        os.close(fd)
