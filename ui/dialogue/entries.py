"""The lines of the transcript: all that a chat or line mode shows."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from ...actors import TaskChanged
from .answers import Answer

MAIN_CONVERSATION: Final = "main"
"""Where everything stands that belongs to no other conversation."""

PROBLEM: Final = "problem"
"""The form of a `Problem` that is written down."""


class Said(msgspec.Struct, frozen=True):
    """Somebody typed something.

    Attributes:
        at: When (UTC).
        who: `you`, or the name of a partner.
        text: The text.
        command: Whether it was a command, and not a message.
        elsewhere: Whether it was typed in another chat on the same session.
        form: How it is read: as it is, or as `markdown`.
    """

    at: datetime
    who: str
    text: str
    command: bool = False
    elsewhere: bool = False
    form: str = ""


class TaskNews(msgspec.Struct, frozen=True):
    """Something happened to a task."""

    at: datetime
    change: TaskChanged


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command.

    Attributes:
        at: When (UTC).
        lines: It, safe to show; they are one message. There may be none if the news
            of the tasks say it all.
        answer: The same for programs; None if the lines are all there is.
        laid_out: Whether the lines are a table or output: words that are too long stay
            in their columns then.
    """

    at: datetime
    lines: tuple[str, ...]
    answer: Answer | None = None
    laid_out: bool = False


class Problem(msgspec.Struct, frozen=True):
    """A command could not be carried out; one line that is safe to show.

    Attributes:
        at: When (UTC).
        text: Why.
        told: Whether the other chats on the session show it too, as they show the
            command.
    """

    at: datetime
    text: str
    told: bool = False


Entry = Said | TaskNews | Reply | Problem
