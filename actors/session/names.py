"""Names, directories and settings of sessions."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar, cast

from ..rules.safe_text import brief
from ..rules.terms import MOST

SubscriberT = TypeVar("SubscriberT")

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


def check_values(  # noqa: PLR0913 - each is one setting
    *,
    name: str,
    slots: int,
    grace: float,
    history: int,
    output_limit: int,
    session_output_limit: int,
) -> None:
    """Check settings, whose types are right.

    Raises:
        ValueError: If one is invalid.
    """
    if not 1 <= slots <= MOST:
        raise ValueError(f"slots must be 1 to {MOST:,}, not {slots}")
    if not 0 <= grace < math.inf:
        raise ValueError(f"grace must be 0 or more seconds, not {grace}")
    for what, number, unit in (
        ("history", history, "tasks"),
        ("output_limit", output_limit, "bytes"),
        ("session_output_limit", session_output_limit, "bytes"),
    ):
        if number < 0:
            raise ValueError(f"{what} must be 0 or more {unit}, not {number}")
    check_session_name(name)


def check_reason(reason: str) -> None:
    """Check the argument `reason` of a call that ends a session.

    Raises:
        TypeError: If it has a wrong type.
    """
    if not isinstance(cast("object", reason), str):
        raise TypeError(f"reason must be str, not {type(reason).__name__}")


def listed(subscribers: Iterable[SubscriberT]) -> tuple[SubscriberT, ...]:
    """Return the argument `subscribers` as a tuple.

    Raises:
        TypeError: If it has a wrong type, such as a single recipient.
    """
    if not isinstance(cast("object", subscribers), Iterable):
        given = type(subscribers).__name__
        raise TypeError(f"subscribers must be a list, not {given}")
    return tuple(subscribers)


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
