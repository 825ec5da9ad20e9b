"""What the LineActor is told besides notifications and answers, and what it says.

Immutable, like all messages.
"""

from __future__ import annotations

import msgspec

from ...actors import Notification, QueueReply, Task
from .lookups import LookedUp


class InputLine(msgspec.Struct, frozen=True):
    """Somebody typed a line, or a script holds it."""

    text: str


class BadInput(msgspec.Struct, frozen=True):
    """A line could not be read; the text says why and what to do."""

    problem: str


class Notice(msgspec.Struct, frozen=True):
    """Something a person should know, in one line."""

    text: str


class Reopened(msgspec.Struct, frozen=True):
    """These tasks were queued when the session was opened, and start now."""

    tasks: tuple[Task, ...]


class EndOfInput(msgspec.Struct, frozen=True):
    """No more lines will come; leave when everything is done."""


class Interrupted(msgspec.Struct, frozen=True):
    """A signal has come: cancel the tasks that were added here, and leave after that.

    Attributes:
        now: Whether to kill them at once.
    """

    now: bool = False


class Farewell(msgspec.Struct, frozen=True):
    """The task system has stopped. Answer to an ask: the `Verdict`."""


LineMessage = (
    Notification
    | QueueReply
    | LookedUp
    | InputLine
    | BadInput
    | Notice
    | Reopened
    | EndOfInput
    | Interrupted
    | Farewell
)


class Verdict(msgspec.Struct, frozen=True):
    """How the session went.

    Attributes:
        misunderstood: Whether a line of input made no sense.
        unsuccessful: Whether a task failed, was canceled or never came to an end.
        running: The tasks that run, as people call them.
    """

    misunderstood: bool
    unsuccessful: bool
    running: tuple[str, ...] = ()


class WantsInput(msgspec.Struct, frozen=True):
    """Every line so far has been carried out."""


class Finished(msgspec.Struct, frozen=True):
    """Nothing is left to do here: somebody asked to leave, or all is done.

    Attributes:
        ends: Whether the session is to end, even where leaving alone would not end it.
    """

    ends: bool = False


class ViewLost(msgspec.Struct, frozen=True):
    """Nothing can be shown any more; the text says why."""

    reason: str


LineReport = WantsInput | Finished | ViewLost
"""What the LineActor tells the program that owns it."""
