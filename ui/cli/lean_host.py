"""Starts a session's host with few imports.

Only hosts with default settings; with a configuration, the full program starts the
host.
"""

from __future__ import annotations

import os

from ...actors.host import launch
from ...actors.own_files import open_folder
from ..program.folders import config_file
from .lean_client import connect


def start_host(folder: str) -> bool:
    """Start the host of the session in this folder; blocks until it serves.

    Returns:
        Whether a host serves; if not, the full program finds out why.

    Raises:
        OSError: If the folder can't be used, or no process can be started.
    """
    if os.path.lexists(config_file()):
        return False
    directory = os.path.abspath(folder)  # noqa: PTH100 - pathlib takes too long to load
    try:
        os.close(open_folder(directory))
        with launch.starting(directory):
            if launch.is_kept(directory):
                return False
            try:
                client = connect(folder)
            except (FileNotFoundError, ConnectionRefusedError):
                launch.launch(directory, lambda: _settings(directory))
            else:
                # Another process has just started one.
                if client is not None:
                    client.close()
    except launch.LaunchError:
        return False
    return True


def _settings(directory: str) -> bytes:
    import json  # noqa: PLC0415 - the host is loaded meanwhile

    name = os.path.basename(directory)  # noqa: PTH119 - a text
    return json.dumps({"directory": directory, "name": name}).encode()
