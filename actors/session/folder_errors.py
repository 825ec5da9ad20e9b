"""Errors about the directory of a session, for people."""

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
"""Remedies besides another directory; by default to make it writable."""


class FolderError(Exception):
    """The directory can't be used; the text is the reason and the remedy."""


class InUseError(FolderError):
    """The session is open in another program, or in another system of this one."""


def check_path(path: Path) -> None:
    """Check that a path can be stored.

    Raises:
        FolderError: If it is not valid UTF-8, or has a NUL character.
    """
    text = str(path)
    if not is_unicode(text) or "\0" in text:
        problem = "has a NUL character" if is_unicode(text) else "is not valid UTF-8"
        raise FolderError(
            f"the path of the state directory, {text!r}, {problem}; name another folder"
        )


def unusable(path: Path, error: OSError) -> str:
    """Return the reason of an error about a session's directory, and the remedy."""
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
