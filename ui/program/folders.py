"""Where sessions and the configuration are, by the XDG base directories.

The verbs that must answer at once import this: it imports next to nothing.
"""

from __future__ import annotations

import os


def state_folder(given: str = "") -> str:
    """Return the folder of all sessions: the given one, or the default if empty."""
    return given or f"{_base('XDG_STATE_HOME', '~/.local/state')}/backburner"


CONFIG = "BACKBURNER_CONFIG"
"""The variable with the path of the configuration that jobs use as well."""


def given_config() -> str:
    """Return the configuration with which the program was started that added this job.

    Empty if that was the default one.
    """
    given = os.environ.get(CONFIG, "")
    return given if given.startswith("/") else ""


def config_file() -> str:
    """Return where the configuration is, if there is one."""
    if given := given_config():
        return given
    return f"{_base('XDG_CONFIG_HOME', '~/.config')}/backburner/config.toml"


def _base(variable: str, default: str) -> str:
    # pathlib takes as long to load as a whole `backburner add`.
    return os.environ.get(variable, "").strip() or os.path.expanduser(default)  # noqa: PTH111
