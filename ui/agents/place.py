"""Which session an agent's server works for, and how its host is started."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from ..program.folders import state_folder

_VARIABLE: Final = "BACKBURNER_SESSION"


class Place(msgspec.Struct, frozen=True):
    """A session, and what a command needs that starts its host.

    Attributes:
        directory: The folder of the session.
        config: The configuration; None for the default one.
    """

    directory: Path
    config: Path | None = None

    @property
    def name(self) -> str:
        """What the session is called."""
        return self.directory.name

    def start_command(self) -> list[str]:
        """Return the command that starts the session's host, if it has none."""
        words = [sys.executable, "-P", "-m", "backburner", "host", "start"]
        words += ["--session", self.name, "--state-dir", str(self.directory.parent)]
        if self.config is not None:
            words += ["--config", str(self.config)]
        return words


def find_place(
    session: str | None, state: Path | None, config: Path | None = None
) -> Place:
    """Return the session that the command line, or the environment, names.

    Raises:
        ValueError: If a session can't have that name; the text says what to do.
    """
    given = os.environ.get(_VARIABLE, "")
    if config is not None:
        config = config.absolute()
    if "/" in given and session is None and state is None:
        # A job of a host has started the agent: the folder of its session.
        return Place(Path(given).absolute(), config)
    name = session or (given if "/" not in given else "") or "main"
    if "/" in name or name in {".", ".."}:
        raise ValueError(f"{name!r} can't be the name of a session; use a plain name")
    if state is None:
        state = Path(state_folder())
    return Place(state.absolute() / name, config)
