"""Starting the host of a chat's session while the chat is loaded."""

from __future__ import annotations

import contextlib
import os
import threading
from typing import Final

from ..program.folders import config_file
from .lean_client import session_folder

_WITH_VALUE: Final = {"--session": "session", "--state-dir": "state"}


def start_host_early(arguments: list[str]) -> bool:
    """Start the host that a chat will want, if nothing is out of the ordinary.

    Never blocks: it takes as long as loading the chat, which then waits for it. What
    goes wrong with it goes wrong once more there, and is said there.

    Args:
        arguments: Those of the program.

    Returns:
        Whether one is being started.
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
    # Here: modules that import each other are not to be loaded on two threads at once.
    from .lean_host import start_host  # noqa: PLC0415 - most chats have a host

    def start() -> None:
        with contextlib.suppress(OSError):
            start_host(folder)

    threading.Thread(target=start, name="backburner-host", daemon=True).start()
    return True


def _parse(arguments: list[str]) -> dict[str, str] | None:
    """Return what names the session; None if there is anything else."""
    options = {"session": "main"}
    words = iter(arguments)
    for word in words:
        if word == "--host":
            continue  # as by default
        value = next(words, "")
        if word not in _WITH_VALUE or not value:
            return None
        options[_WITH_VALUE[word]] = value
    return options
