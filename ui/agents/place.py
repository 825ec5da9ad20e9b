"""The session of an agent's server, and the command that starts its host."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ...actors.session.names import absolute
from ..program.session_directory import session_directory


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
        ValueError: If the name or a path is invalid; the text says what to do.
    """
    directory = session_directory(session, state)
    return Place(directory, None if config is None else absolute(config))
