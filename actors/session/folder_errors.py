"""Why a session's folder can't be used, in words: for its owner and for clients."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from ..own_files import NotOwnError, broken_way
from ..rules.safe_text import is_unicode
from ..rules.shortage import shortage_of

if TYPE_CHECKING:
    from pathlib import Path

_REMEDIES: Final = {
    errno.ENOSPC: "make room, or ",
    errno.EDQUOT: "make room, or ",
    errno.EIO: "check the disk, or ",
    errno.ENAMETOOLONG: "",
    errno.ENOENT: "",
    errno.ENOTDIR: "",
}
"""What helps besides another folder, where that is not to make it writable."""


class FolderError(Exception):
    """The folder can't be used; the text says why and what to do."""


class InUseError(FolderError):
    """Another program, or another system of this one, has the session open."""


def check_path(path: Path) -> None:
    """Refuse a path that can't be written down.

    Raises:
        FolderError: If it is not valid UTF-8.
    """
    if not is_unicode(str(path)):
        raise FolderError(
            f"the path of the state directory, {str(path)!r}, is not valid UTF-8;"
            " name another folder"
        )


def unusable(path: Path, error: OSError) -> str:
    """Return why a session's folder can't be used and what to do, for people."""
    if isinstance(error, NotOwnError):
        if error.errno == errno.ENOTDIR:
            return (
                f"can't write to the state directory {path}: {error.filename}:"
                f" {error.strerror}, or name another folder"
            )
        return f"can't use {error.filename}: {error.strerror}"
    if (lacking := shortage_of(error)) is not None:
        return f"can't use the state directory {path}: {lacking}"
    if (broken := broken_way(path)) is not None:
        return (
            f"can't use the state directory {path}: {broken}; correct that, or name"
            " another folder"
        )
    remedy = _REMEDIES.get(error.errno or 0, "make it writable, or ")
    return (
        f"can't write to the state directory {path}: {error.strerror};"
        f" {remedy}name another folder"
    )
