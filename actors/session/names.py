"""What sessions are called, and where they are."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, cast

from ..rules.safe_text import brief

_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_session_name(name: str) -> None:
    """Refuse what can't be the name of a session, which its folder often has.

    Raises:
        ValueError: If it can't; the text says what can.
    """
    if not _SESSION_NAME.fullmatch(name):
        raise ValueError(
            f"bad session name {brief(name)!r}; use up to 64 letters, digits, '.',"
            " '_' and '-', the first of them a letter or a digit"
        )


def working_directory() -> str | None:
    """Return where this process is; None if that can't be told."""
    try:
        return os.getcwd()  # noqa: PTH109 - as a text
    except OSError:
        # It is gone. Tasks are to fail with that reason, instead of running elsewhere.
        named = os.environ.get("PWD", "")
        return named if os.path.isabs(named) else None  # noqa: PTH117 - the same


def absolute(directory: str | os.PathLike[str]) -> Path:
    """Return the folder that was meant, wherever this process goes later.

    Raises:
        TypeError: If it is no path.
        ValueError: If it is relative, and this process's folder is gone.
    """
    given = cast("object", directory)
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"directory must be str or a path, not {type(given).__name__}")
    # A later change of the working folder does not change the session.
    try:
        return Path(directory).absolute()
    except OSError as error:
        raise ValueError(
            f"can't tell where {directory} is: the working directory:"
            f" {error.strerror}; use an absolute path"
        ) from error
