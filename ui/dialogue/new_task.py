"""What is asked of a new task beside its command, in the options before it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from ...actors import CatchUp, Terms
from ...actors.rules.rhythm import Rhythm
from ...actors.rules.safe_text import brief
from ...actors.rules.terms import PLAIN
from .arguments import UsageError


class Asked(msgspec.Struct, frozen=True):
    """What the options of a new task say.

    Attributes:
        terms: When it may start, and how long it may take.
        every: When it is added again, as a schedule; empty for once.
        zone: The time zone of that, if one was named.
        catch_up: What becomes of runs that were missed, if that was said.
        overlap: Whether runs may overlap.
    """

    terms: Terms = PLAIN
    every: str = ""
    zone: str = ""
    catch_up: CatchUp | None = None
    overlap: bool = False

    def check(self) -> None:
        """Refuse what makes no sense together.

        Raises:
            UsageError: If an option needs another one.
        """
        if self.every:
            return
        for name, given in (
            ("--zone", self.zone),
            ("--catch-up", self.catch_up),
            ("--overlap", self.overlap),
        ):
            if given:
                raise UsageError(f"{name} is for schedules; give --every as well")

    @property
    def task_terms(self) -> Terms | None:
        """The terms of the request; none if nothing was asked for."""
        return None if self.terms == PLAIN else self.terms


class AskOption(msgspec.Struct, frozen=True):
    """An option that is no term of the task itself; see `TermOption`."""

    name: str
    value: str
    summary: str
    read: Callable[[Asked, str], Asked]
    short: str = ""

    def add_to(self, asked: Asked, value: str) -> Asked:
        """Return what is asked for, with what this option says.

        Raises:
            UsageError: If its value makes no sense.
        """
        try:
            return self.read(asked, value)
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from error


def _every(asked: Asked, value: str) -> Asked:
    Rhythm(value, "UTC")
    return msgspec.structs.replace(asked, every=value)


def _zone(asked: Asked, value: str) -> Asked:
    Rhythm("1h", value)
    return msgspec.structs.replace(asked, zone=value)


def _catch_up(asked: Asked, value: str) -> Asked:
    if value not in {*CatchUp}:
        raise UsageError(f"{brief(value)} is none of: {', '.join(CatchUp)}")
    return msgspec.structs.replace(asked, catch_up=CatchUp(value))


def _overlap(asked: Asked, value: str) -> Asked:
    del value
    return msgspec.structs.replace(asked, overlap=True)


ASK_OPTIONS: Final = (
    AskOption("--every", "15m", "add it again and again: 15m, or as cron", _every),
    AskOption("--zone", "UTC", "the time zone of --every; that of here", _zone),
    AskOption(
        "--catch-up",
        "once",
        "once, all or skip: what becomes of missed runs",
        _catch_up,
    ),
    AskOption("--overlap", "", "add a run even if the last has not ended", _overlap),
)
"""The options, in the order in which help lists them."""
