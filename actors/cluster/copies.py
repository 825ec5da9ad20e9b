"""The copies of directories on a node, and the archives they are made from."""

from __future__ import annotations

import asyncio
import shutil
from typing import TYPE_CHECKING, Final

from .shipping import unpack

if TYPE_CHECKING:
    from pathlib import Path

_ARCHIVES: Final = 32  # kept for further jobs of the same directory


class Copies:
    """Makes copies from archives received in pieces. Used on one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._archives: list[Path] = []

    def receive(self, key: str, offset: int, data: bytes) -> int:
        """Receive a piece of an archive; see `Agent.receive`."""
        path = self._archive(key)
        if not path.exists():
            self._archives.append(path)
            if len(self._archives) > _ARCHIVES:
                self._archives.pop(0).unlink(missing_ok=True)
        with path.open("ab") as file:
            if data and file.tell() == offset:
                file.write(data)
            return file.tell()

    async def make(self, key: str, number: int) -> Path:
        """Make the copy for a job from the archive with this key.

        Raises:
            OSError: If it can't be made.
            tarfile.TarError: If the archive is damaged.
        """
        copy = self._copy(number)
        await asyncio.to_thread(unpack, self._archive(key), copy)
        return copy

    def delete(self, number: int) -> None:
        """Delete the copy of a job, if it has one; in a thread, as it may be large."""
        copy = self._copy(number)
        if copy.exists():
            asyncio.get_running_loop().run_in_executor(
                None, lambda: shutil.rmtree(copy, ignore_errors=True)
            )

    def _archive(self, key: str) -> Path:
        return self._folder / f"{key}.tar"

    def _copy(self, number: int) -> Path:
        return self._folder / str(number)
