"""The lines of the transcript: all that a chat shows, whoever draws it."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ...actors import TaskChanged


class Said(msgspec.Struct, frozen=True):
    """Somebody typed something.

    Attributes:
        at: When (UTC).
        who: `you`, or the name of a partner.
        text: What.
        command: Whether it was a command, and not a message.
    """

    at: datetime
    who: str
    text: str
    command: bool = False


class TaskNews(msgspec.Struct, frozen=True):
    """Something happened to a task."""

    at: datetime
    change: TaskChanged


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command, already safe to show; its lines are one message."""

    at: datetime
    lines: tuple[str, ...]


class Problem(msgspec.Struct, frozen=True):
    """A command could not be carried out; one line that is safe to show."""

    at: datetime
    text: str


Entry = Said | TaskNews | Reply | Problem
