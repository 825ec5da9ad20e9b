"""Copies a directory to the node of a task, as one archive.

The archive is created once for each state of a directory, identified by its key: the
names, sizes and times of its files. It is sent to each node only once.
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
"""Names of files and folders that are never copied."""

PIECE: Final = 4 << 20
"""Bytes of an archive sent at a time."""

KeyT = TypeVar("KeyT")
_Locks = weakref.WeakValueDictionary[KeyT, asyncio.Lock]
_KEPT: Final = 4  # archives whose files are kept open
_GIT_TIMEOUT: Final = 30.0


class ShipError(Exception):
    """A directory can't be copied; the text says why, and what to do, in one line."""


class _File(msgspec.Struct, frozen=True):
    name: str
    mode: int
    size: int
    changed: tuple[int, int]


class Package(msgspec.Struct, frozen=True):
    """An archive of a directory in one state.

    Attributes:
        key: Unique for each state of each directory.
        file: The open archive, which has no name.
        size: Its size in bytes.
    """

    key: str
    file: IO[bytes]
    size: int

    def read(self, offset: int) -> bytes:
        """Return a piece of the archive."""
        return os.pread(self.file.fileno(), PIECE, offset)


class Packages:
    """Creates archives of directories, and sends them to nodes."""

    def __init__(self, shipping: Shipping) -> None:
        self._shipping = shipping
        self._made: dict[str, Package] = {}
        # Locks, kept only while held or waited for.
        self._making: _Locks[str] = weakref.WeakValueDictionary()
        self._sending: _Locks[tuple[AgentCalls, str]] = weakref.WeakValueDictionary()

    async def of(self, directory: str) -> Package:
        """Return the archive of a directory in its current state.

        Raises:
            ShipError: If it can't be copied.
        """
        # One at a time: many jobs of one directory start together.
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
        """Send an archive to a node, unless the node has it."""
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
            # The file is closed when the last transfer is done.
            self._made.pop(next(iter(self._made)))
        return made


def unpack(archive: Path, folder: Path) -> None:
    """Extract an archive into a new folder.

    Raises:
        OSError: If that fails.
    """
    folder.mkdir(mode=0o700)
    with tarfile.open(archive) as opened:
        # The archive is of the same user, who can access everything that it can name.
        opened.extraction_filter = _as_it_is
        opened.extractall(folder)  # noqa: S202 - as above


def _as_it_is(member: tarfile.TarInfo, _: str) -> tarfile.TarInfo:
    return member


def _of_nobody(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    return info


def _files(directory: str, left_out: Sequence[str]) -> Iterator[_File]:
    """Yield the files of a directory to copy, in the order of their names.

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
            continue  # deleted, but still in the index of git
        if stat.S_ISDIR(found.st_mode):
            # A nested repository.
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
    """Return the files of a directory known to git; empty outside of repositories."""
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
    """Return whether a pattern matches a path, or one of its components."""
    parts = name.split("/")
    return any(
        fnmatch.fnmatchcase(name, pattern)
        or any(fnmatch.fnmatchcase(part, pattern) for part in parts)
        for pattern in left_out
    )
