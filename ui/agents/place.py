"""The session of an agent's server, and the command that starts its host."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from ..program.folders import state_folder

_VARIABLE: Final = "BACKBURNER_SESSION"


class Place(msgspec.Struct, frozen=True):
    """A session, with the parameters for starting its host.

    Attributes:
        directory: The folder of the session.
        config: The configuration file; None for the default one.
    """

    directory: Path
    config: Path | None = None

    @property
    def name(self) -> str:
        """The name of the session."""
        return self.directory.name

    def start_command(self) -> list[str]:
        """Return the command that starts the session's host, if none is running."""
        words = [sys.executable, "-P", "-m", "backburner", "host", "start"]
        words += ["--session", self.name, "--state-dir", str(self.directory.parent)]
        if self.config is not None:
            words += ["--config", str(self.config)]
        return words


def find_place(
    session: str | None, state: Path | None, config: Path | None = None
) -> Place:
    """Return the session named by the command line or the environment.

    Raises:
        ValueError: If the name is invalid; the text says what to do.
    """
    given = os.environ.get(_VARIABLE, "")
    if config is not None:
        config = config.absolute()
    if "/" in given and session is None and state is None:
        # The agent is a job of a host: the variable holds the folder of its session.
        return Place(Path(given).absolute(), config)
    name = session or (given if "/" not in given else "") or "main"
    if "/" in name or name in {".", ".."}:
        raise ValueError(f"{name!r} can't be the name of a session; use a plain name")
    if state is None:
        state = Path(state_folder())
    return Place(state.absolute() / name, config)
