"""The options of a new task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ...actors import CatchUp, Terms
from ...actors.rules.rhythm import Rhythm
from ...actors.rules.safe_text import brief
from ...actors.rules.terms import PLAIN
from .arguments import UsageError
from .batch import MOST, read_values


class Asked(msgspec.Struct, frozen=True):
    """The values of the options of a new task.

    Attributes:
        terms: When the task may start, and how long it may take.
        every: The rhythm in which a schedule adds the task; empty for no schedule.
        zone: The time zone of the schedule, if given.
        catch_up: How the schedule handles missed runs, if given.
        overlap: Whether runs of the schedule may overlap.
        unless_queued: Whether to add nothing if an identical task is queued.
        each: The values of a batch; each replaces `{}` in a task of its own.
        batch: The file with the values of a batch; empty for none.
        max_fails: The number of failures after which the rest of the batch is canceled.
        confirmed: Whether a command that needs confirmation is confirmed.
        label: The description, if it is not given before the kind.
    """

    terms: Terms = PLAIN
    every: str = ""
    zone: str = ""
    catch_up: CatchUp | None = None
    overlap: bool = False
    unless_queued: bool = False
    each: tuple[str, ...] = ()
    batch: str = ""
    max_fails: int | None = None
    confirmed: bool = False
    label: str = ""

    def check(self) -> None:
        """Check that the options fit together.

        Raises:
            UsageError: If an option lacks another option that it needs.
        """
        many = bool(self.each or self.batch)
        if self.each and self.batch:
            raise UsageError("give --each or --batch, not both")
        if self.every and (many or self.unless_queued):
            raise UsageError(
                "--every can't be combined with --each, --batch or --unless-queued"
            )
        if self.max_fails is not None and not many:
            raise UsageError("--max-fails is for several tasks; give --each as well")
        if self.every:
            if self.terms.waits_for:
                raise UsageError("a schedule can't wait for other tasks")
            return
        for name, given in (
            ("--zone", self.zone),
            ("--catch-up", self.catch_up),
            ("--overlap", self.overlap),
        ):
            if given:
                raise UsageError(f"{name} needs --every")

    @property
    def task_terms(self) -> Terms | None:
        """The terms of the request; None if there are none."""
        return None if self.terms == PLAIN else self.terms


NOTHING_ASKED: Final = Asked()


class TaskOption(msgspec.Struct, frozen=True):
    """One option of a new task.

    Attributes:
        name: The name, with the dashes.
        value: The placeholder of its value; empty if it takes none.
        summary: Its effect, in a few words.
        read: Returns `Asked` with the parsed value added; raises `UsageError` or
            `ValueError`.
        short: The short form for the command line, such as `-a`.
    """

    name: str
    value: str
    summary: str
    read: Callable[[Asked, str], Asked]
    short: str = ""

    def add_to(self, asked: Asked, value: str) -> Asked:
        """Return `asked` with the value of this option added.

        Raises:
            UsageError: If the value is invalid.
        """
        try:
            return self.read(asked, value)
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from error


def setting(field: str, parse: Callable[[str], object]) -> Callable[[Any, str], Any]:
    """Return a function that parses the value of an option into a field of a struct."""
    return lambda it, value: msgspec.structs.replace(it, **{field: parse(value)})


def switch(field: str) -> Callable[[Any, str], Any]:
    """Return a function that sets a boolean field, for an option without a value."""
    return setting(field, lambda _: True)


def _read_every(value: str) -> str:
    Rhythm(value, "UTC")
    return value


def _read_zone(value: str) -> str:
    Rhythm("1h", value)
    return value


def _read_catch_up(value: str) -> CatchUp:
    if value not in {*CatchUp}:
        raise UsageError(f"{brief(value)} is not one of: {', '.join(CatchUp)}")
    return CatchUp(value)


def _read_label(value: str) -> str:
    if not value.strip():
        raise UsageError("a description can't be empty")
    return value


def _read_max_fails(value: str) -> int:
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= MOST):
        raise UsageError(f"{brief(value)} is not a number from 1 to {MOST}")
    return int(value)


_unless_queued = switch("unless_queued")
_each = setting("each", read_values)
_batch = setting("batch", str)
_max_fails = setting("max_fails", _read_max_fails)
_every = setting("every", _read_every)
_zone = setting("zone", _read_zone)
_catch_up = setting("catch_up", _read_catch_up)
_overlap = switch("overlap")
_yes = switch("confirmed")
_label = setting("label", _read_label)

ASK_OPTIONS: Final = (
    TaskOption(
        "--unless-queued", "", "add nothing if the same task is queued", _unless_queued
    ),
    TaskOption("--each", "1..10", "add a task for each value of {}; or a,b", _each),
    TaskOption("--batch", "FILE", "add a task for each line of a file, as {}", _batch),
    TaskOption("--max-fails", "N", "after N failures, cancel the rest", _max_fails),
    TaskOption("--every", "15m", "add it at an interval, or as cron does", _every),
    TaskOption("--zone", "UTC", "the time zone of --every; default: local", _zone),
    TaskOption(
        "--catch-up", "once", "missed runs of --every: once, all or skip", _catch_up
    ),
    TaskOption("--overlap", "", "add a run even if the last one is running", _overlap),
    TaskOption("--yes", "", "run it without asking for confirmation", _yes),
)
"""The options, in the order in which help lists them."""

LABEL: Final = TaskOption("--label", "TEXT", "its description", _label, "-l")
"""The option for the description; the command line has its own."""
