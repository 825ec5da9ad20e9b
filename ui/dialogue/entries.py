"""The entries of the transcript, which the chat and line mode show."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from ...actors import TaskChanged
from .answers import Answer

MAIN_CONVERSATION: Final = "main"
"""The conversation of entries that belong to no other conversation."""

PROBLEM: Final = "problem"
"""The `form` of a `ChatMessage` that records a `Problem`."""


class Said(msgspec.Struct, frozen=True):
    """A person or a partner said something, or a person typed a command.

    Attributes:
        at: When (UTC).
        who: `you`, or the name of a partner.
        text: The text.
        command: Whether it is a command instead of a message.
        elsewhere: Whether it was typed in another chat of the same session.
        form: Empty for plain text, or `markdown`.
    """

    at: datetime
    who: str
    text: str
    command: bool = False
    elsewhere: bool = False
    form: str = ""


class TaskNews(msgspec.Struct, frozen=True):
    """A task has changed."""

    at: datetime
    change: TaskChanged


class Reply(msgspec.Struct, frozen=True):
    """The answer to a command.

    Attributes:
        at: When (UTC).
        lines: The text, safe to show. Empty if the news of the tasks are enough.
        answer: The data for programs; None if the lines are the whole answer.
        laid_out: Whether the lines are a table or output, whose columns must be kept.
    """

    at: datetime
    lines: tuple[str, ...]
    answer: Answer | None = None
    laid_out: bool = False


class Problem(msgspec.Struct, frozen=True):
    """A command failed; one line, safe to show.

    `told` means that the other chats of the session show it too, with the command.
    """

    at: datetime
    text: str
    told: bool = False


Entry = Said | TaskNews | Reply | Problem
