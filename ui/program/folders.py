"""The folders of sessions and the configuration, by the XDG base directories.

Imported by verbs that must respond quickly, so it has few imports.
"""

from __future__ import annotations

import os


def state_folder(given: str = "") -> str:
    """Return the folder of all sessions: the given one, or the default if empty."""
    return given or f"{_base('XDG_STATE_HOME', '~/.local/state')}/backburner"


CONFIG = "BACKBURNER_CONFIG"
"""The variable with the path of the configuration, for use in jobs."""


def given_config() -> str:
    """Return the configuration path of the program that added this job.

    Empty for the default configuration.
    """
    given = os.environ.get(CONFIG, "")
    return given if given.startswith("/") else ""


def config_file() -> str:
    """Return the path of the configuration, which may not exist."""
    if given := given_config():
        return given
    return f"{_base('XDG_CONFIG_HOME', '~/.config')}/backburner/config.toml"


def _base(variable: str, default: str) -> str:
    given = os.environ.get(variable, "").strip()
    # As XDG says: a relative path would be another folder in each directory.
    # Importing pathlib takes as long as a whole `backburner add`.
    return given if given.startswith("/") else os.path.expanduser(default)  # noqa: PTH111
