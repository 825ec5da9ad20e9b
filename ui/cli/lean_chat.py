"""Starts the host of a chat's session while the chat is loading."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Final

from ..program.folders import config_file
from .lean_client import session_folder

_WITH_VALUE: Final = {"--session": "session", "--state-dir": "state"}


def start_host_early(arguments: list[str]) -> bool:
    """Start the host that a chat will need, in simple cases.

    Never blocks: the start takes as long as loading the chat, which then waits for it.
    A failure repeats there, and is reported there.

    Args:
        arguments: The arguments of the program.

    Returns:
        Whether a host is being started.
    """
    options = _parse(arguments)
    if options is None or not (os.isatty(0) and os.isatty(1)):
        return False
    folder = session_folder(options)
    if (
        folder is None
        or os.path.lexists(config_file())
        or os.path.lexists(f"{folder}/host.sock")
    ):
        return False
    # Imported here: modules that import each other must not be loaded by two threads.
    from .lean_host import start_host  # noqa: PLC0415 - most chats have a host

    def start() -> None:
        with contextlib.suppress(OSError):
            start_host(folder)

    threading.Thread(target=start, name="backburner-host", daemon=True).start()
    return True


def _parse(arguments: list[str]) -> dict[str, str] | None:
    """Return the options that name the session; None if there are any others."""
    options = {"session": "main"}
    words = iter(arguments)
    for word in words:
        if word == "--host":
            continue  # the default
        value = next(words, "")
        if word not in _WITH_VALUE or not value:
            return None
        options[_WITH_VALUE[word]] = value
    return options
