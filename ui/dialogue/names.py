"""Find names that complete a word of a command: files, folders and programs."""

from __future__ import annotations

import itertools
import os
import time
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST: Final = 1000
"""Maximum number of names found."""

_LOOKED_AT: Final = 200_000
_TIME: Final = 1.0  # seconds for one search


class FindNames(msgspec.Struct, frozen=True):
    """Find the names in a folder that begin with a text.

    Attributes:
        folder: The folder, ending with `/`. A relative one starts at the working
            directory of this process, which is also the job's. Empty for the working
            directory.
        begins: The prefix of the names; hidden names are found only if it starts with a
            dot.
        expands: Whether a `~` at the start of `folder` means a home folder.
        programs: Whether to find executable programs, too.
    """

    folder: str
    begins: str = ""
    expands: bool = False
    programs: bool = False


class FoundNames(msgspec.Struct, frozen=True):
    """The names that were found, sorted; folders end with `/`.

    No names if the folder can't be read; `is_whole` if these are all that match.
    """

    wanted: FindNames
    names: tuple[str, ...] = ()
    is_whole: bool = True


def find_names(wanted: FindNames) -> FoundNames:
    """Find names. Blocks."""
    folder = wanted.folder
    if wanted.expands:
        if not folder:
            return FoundNames(wanted, ("~/",) if wanted.begins == "~" else ())
        folder = os.path.expanduser(folder)  # noqa: PTH111 - Path drops the last slash
    end = time.monotonic() + _TIME
    found = set(_special(wanted.begins))
    for looked_at, name in enumerate(_candidates(folder or ".", wanted), 1):
        if name is not None:
            found.add(name)
        if len(found) >= MOST or looked_at >= _LOOKED_AT or time.monotonic() > end:
            return FoundNames(wanted, tuple(sorted(found)), is_whole=False)
    return FoundNames(wanted, tuple(sorted(found)))


def _special(begins: str) -> tuple[str, ...]:
    return {".": ("./", "../"), "..": ("../",)}.get(begins, ())


def _candidates(folder: str, wanted: FindNames) -> Iterator[str | None]:
    """Yield the names that match, and None for each other name."""
    here = _entries(folder)
    if wanted.programs and not wanted.folder:
        folders = (entry for entry in here if entry.is_dir())
        paths = os.environ.get("PATH", os.defpath).split(os.pathsep)
        programs = (
            entry
            for path in paths
            for entry in _entries(path or ".")
            if _fits(entry.name, wanted.begins)
            and entry.is_file()
            and os.access(entry.path, os.X_OK)
        )
        here = itertools.chain(folders, programs)
    for entry in here:
        yield _named(entry) if _fits(entry.name, wanted.begins) else None


def _fits(name: str, begins: str) -> bool:
    return name.startswith(begins) and (begins != "" or not name.startswith("."))


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (OSError, ValueError):
        return


def _named(entry: os.DirEntry[str]) -> str:
    try:
        return f"{entry.name}/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name
