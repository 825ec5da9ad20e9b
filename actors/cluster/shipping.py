"""A directory that travels with a task: what of it, in one archive, and out of it.

The archive is made once for each state of a directory, which its key stands for: the
names, sizes and times of its files. A node that has it already is not sent it again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fnmatch
import hashlib
import os
import stat
import subprocess
import tarfile
import tempfile
import weakref
from typing import IO, TYPE_CHECKING, Final, TypeVar

import msgspec

from ..rules.safe_text import safe_line, size_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .backend import AgentCalls
    from .ray_settings import Shipping

LEFT_OUT: Final = (
    *(".git", ".hg", ".svn", "__pycache__", "*.pyc", ".venv", "venv", "node_modules"),
    *(".mypy_cache", ".pytest_cache", ".ruff_cache", ".tox", ".nox"),
)
"""Names of files and folders that never travel."""

PIECE: Final = 4 << 20
"""Bytes of an archive that are sent at a time."""

KeyT = TypeVar("KeyT")
_Locks = weakref.WeakValueDictionary[KeyT, asyncio.Lock]
_KEPT: Final = 4  # archives of which the files are kept open
_GIT_TIMEOUT: Final = 30.0


class ShipError(Exception):
    """A directory can't travel; the text says why, and what to do, in one line."""


class _File(msgspec.Struct, frozen=True):
    name: str
    mode: int
    size: int
    changed: tuple[int, int]


class Package(msgspec.Struct, frozen=True):
    """What travels of a directory, in the state in which it was found.

    Attributes:
        key: Unlike that of any other state of any directory.
        file: The open archive, which has no name.
        size: Its bytes.
    """

    key: str
    file: IO[bytes]
    size: int

    def read(self, offset: int) -> bytes:
        """Return a piece of the archive."""
        return os.pread(self.file.fileno(), PIECE, offset)


class Packages:
    """Makes archives of directories, and sends them to nodes."""

    def __init__(self, shipping: Shipping) -> None:
        self._shipping = shipping
        self._made: dict[str, Package] = {}
        # Each as long as somebody holds it, or waits for it.
        self._making: _Locks[str] = weakref.WeakValueDictionary()
        self._sending: _Locks[tuple[AgentCalls, str]] = weakref.WeakValueDictionary()

    async def of(self, directory: str) -> Package:
        """Return the archive of a directory as it is now.

        Raises:
            ShipError: If it can't travel.
        """
        # One at a time: many jobs of one directory come together.
        lock = self._making.setdefault(directory, asyncio.Lock())
        async with lock:
            try:
                return await asyncio.to_thread(self._pack, directory)
            except OSError as error:
                named = safe_line(str(error.filename or directory))
                raise ShipError(
                    f"can't copy {safe_line(directory)}: {named}: {error.strerror}"
                ) from error

    async def send(self, package: Package, agent: AgentCalls) -> None:
        """Send an archive to a node that does not have it yet."""
        lock = self._sending.setdefault((agent, package.key), asyncio.Lock())
        async with lock:
            there = await agent.receive(package.key, 0, b"")
            while there < package.size:
                piece = await asyncio.to_thread(package.read, there)
                there = await agent.receive(package.key, there, piece)

    def _pack(self, directory: str) -> Package:
        files = [*_files(directory, (*LEFT_OUT, *self._shipping.leave_out))]
        size = sum(it.size for it in files)
        if size > self._shipping.limit:
            largest = max(files, key=lambda it: it.size)
            raise ShipError(
                f"can't copy {safe_line(directory)}: it has {size_text(size)} in"
                f" {len(files)} files, and the limit is"
                f" {size_text(self._shipping.limit)}; the largest is"
                f" {safe_line(largest.name)} ({size_text(largest.size)}); leave files"
                " out by .gitignore or [cluster] leave_out, or raise [cluster]"
                " ship_limit"
            )
        state = msgspec.json.encode((directory, files))
        key = hashlib.sha256(state).hexdigest()
        if (made := self._made.pop(key, None)) is None:
            file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as it is of use
            with tarfile.open(fileobj=file, mode="w") as archive:
                for it in files:
                    path = f"{directory}/{it.name}"
                    archive.add(path, it.name, recursive=False, filter=_of_nobody)
            made = Package(key, file, file.seek(0, os.SEEK_END))
        self._made[key] = made
        while len(self._made) > _KEPT:
            # Closed when the last one that sends it is done.
            self._made.pop(next(iter(self._made)))
        return made


def unpack(archive: Path, folder: Path) -> None:
    """Make the files of an archive in a new folder.

    Raises:
        OSError: If that can't be.
    """
    folder.mkdir(mode=0o700)
    with tarfile.open(archive) as opened:
        # It is of the same user, who may read and write all that it can name.
        opened.extraction_filter = _as_it_is
        opened.extractall(folder)  # noqa: S202 - as above


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


def _of_nobody(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _files(directory: str, left_out: Sequence[str]) -> Iterator[_File]:
    """List what travels of a directory, in the order of its names.

    Raises:
        OSError: If it can't be read.
    """
    names = _known_to_git(directory) or [*_below(directory, "", left_out)]
    for name in sorted({*names}):
        if _is_left_out(name, left_out):
            continue
        try:
            found = os.lstat(f"{directory}/{name}")
        except FileNotFoundError:
            continue  # git knows it still
        if stat.S_ISDIR(found.st_mode):
            # A repository inside of this one.
            yield from _found(directory, _below(directory, f"{name}/", left_out))
        else:
            yield from _found(directory, [name])


def _found(directory: str, names: Iterator[str] | list[str]) -> Iterator[_File]:
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            it = os.lstat(f"{directory}/{name}")
            if stat.S_ISREG(it.st_mode) or stat.S_ISLNK(it.st_mode):
                changed = (it.st_mtime_ns, it.st_ctime_ns)
                yield _File(name, it.st_mode, it.st_size, changed)


def _known_to_git(directory: str) -> list[str]:
    """Return what git would keep of a directory; nothing if it is none of git's."""
    try:
        done = subprocess.run(
            [
                *("git", "-C", directory, "ls-files", "-z"),
                *("--cached", "--others", "--exclude-standard"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if done.returncode:
        return []
    return [os.fsdecode(it).rstrip("/") for it in done.stdout.split(b"\0") if it]


def _below(directory: str, folder: str, left_out: Sequence[str]) -> Iterator[str]:
    with os.scandir(f"{directory}/{folder}") as entries:
        listed = sorted(entries, key=lambda it: it.name)
    for entry in listed:
        name = f"{folder}{entry.name}"
        if _is_left_out(name, left_out):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(directory, f"{name}/", left_out)
        else:
            yield name


def _is_left_out(name: str, left_out: Sequence[str]) -> bool:
    """Tell whether a pattern names a path, or one of the names in it."""
    parts = name.split("/")
    return any(
        fnmatch.fnmatchcase(name, pattern)
        or any(fnmatch.fnmatchcase(part, pattern) for part in parts)
        for pattern in left_out
    )
