"""Names and directories of sessions."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final, cast

from ..rules.safe_text import brief

_SESSION_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_session_name(name: str) -> None:
    """Check the name of a session, which is often the name of its directory.

    Raises:
        ValueError: If it is invalid; the text states the valid names.
    """
    if not _SESSION_NAME.fullmatch(name):
        raise ValueError(
            f"bad session name {brief(name)!r}; use up to 64 letters, digits, '.',"
            " '_' and '-', the first of them a letter or a digit"
        )


def working_directory() -> str | None:
    """Return the working directory of this process; None if unknown."""
    try:
        return os.getcwd()  # noqa: PTH109 - as text
    except OSError:
        # It was deleted. Tasks should fail for that reason, not run elsewhere.
        named = os.environ.get("PWD", "")
        return named if os.path.isabs(named) else None  # noqa: PTH117 - as text


def absolute(directory: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a directory.

    Raises:
        TypeError: If it is not a path.
        ValueError: If it is relative, and the working directory was deleted.
    """
    given = cast("object", directory)
    if not isinstance(given, str | os.PathLike):
        raise TypeError(f"directory must be str or a path, not {type(given).__name__}")
    # Resolved now, so that a later `chdir` doesn't change the session.
    try:
        return Path(directory).absolute()
    except OSError as error:
        raise ValueError(
            f"can't tell where {directory} is: the working directory:"
            f" {error.strerror}; use an absolute path"
        ) from error
