"""The directory of the session that options or the environment name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...actors.rules.safe_text import is_unicode
from ...actors.session.names import absolute, check_session_name
from .folders import state_folder

if TYPE_CHECKING:
    from pathlib import Path


def session_directory(session: str | None, state: Path | None) -> Path:
    """Return the directory of a session, which may not exist.

    Without options, `BACKBURNER_SESSION` names it: in a job of a host the variable
    holds the directory of the job's session, elsewhere a name.

    Args:
        session: The name given as an option.
        state: The folder of all sessions given as an option.

    Raises:
        ValueError: If the name or the path is invalid; the text says what to do.
    """
    given = os.environ.get("BACKBURNER_SESSION", "")
    if "/" in given and session is None and state is None:
        directory = absolute(given)
    else:
        name = session or (given if "/" not in given else "") or "main"
        check_session_name(name)
        directory = absolute(state or state_folder()) / name
    check_session_name(directory.name)
    if not is_unicode(str(directory)):
        raise ValueError(
            f"the path of the session, {str(directory)!r}, is not valid UTF-8; name"
            " another with --state-dir DIR"
        )
    return directory
