"""The effects of a dialogue: entries to show, requests to send, navigation."""

from __future__ import annotations

import msgspec

from ...actors import QueueRequest, Task, TaskFound, WriteDown
from .entries import Entry
from .lookups import LookUp
from .output_search import LinesFound, Wanted
from .partner import AllowCommands


class Show(msgspec.Struct, frozen=True):
    """Show an entry.

    Attributes:
        entry: The entry.
        where: The conversation it belongs to, as passed to `take_line`; None for an
            entry that answers no line, such as news.
    """

    entry: Entry
    where: str | None = None


class Send(msgspec.Struct, frozen=True):
    """Send a request to the queue; its answer goes to `take_reply`.

    Attributes:
        request: The request.
        where: The conversation that asks.
    """

    request: QueueRequest
    where: str | None = None


class Tell(msgspec.Struct, frozen=True):
    """Send the queue a message that has no answer."""

    message: WriteDown


class Leave(msgspec.Struct, frozen=True):
    """Leave the session.

    Attributes:
        ends: Whether that ends the session.
    """

    ends: bool = True


class AskToLeave(msgspec.Struct, frozen=True):
    """Leave, but ask first if that ends tasks; see `Leaving`."""

    end: bool = False


class OfferLine(msgspec.Struct, frozen=True):
    """Put a line into the empty input, ready to be sent or edited."""

    line: str


class Speak(msgspec.Struct, frozen=True):
    """Pass a chat message on to the partner of this conversation.

    Attributes:
        text: The message.
        where: The conversation.
        elsewhere: Whether it was typed in another chat of the same session.
    """

    text: str
    where: str | None
    elsewhere: bool = False


class Inspect(msgspec.Struct, frozen=True):
    """Open a task in the detail view.

    Attributes:
        found: The task.
        activity: Facts, with their names, that show whether it works or waits.
        again: Whether to update the view only if the task is still open.
    """

    found: TaskFound
    activity: tuple[tuple[str, str], ...] = ()
    again: bool = False


class Attach(msgspec.Struct, frozen=True):
    """Show a task's terminal instead of the chat, and send it the keys.

    Attributes:
        task: The task, which is running.
    """

    task: Task


class ShowFound(msgspec.Struct, frozen=True):
    """Show a part of the lines that a search has found, in a list."""

    wanted: Wanted
    part: LinesFound


class OpenChat(msgspec.Struct, frozen=True):
    """Go to a conversation.

    Attributes:
        name: Its name, or the start of its name.
        new: Whether to begin a conversation if none has this name.
    """

    name: str
    new: bool = False


class CloseChat(msgspec.Struct, frozen=True):
    """Remove an empty conversation; None means the current one."""

    name: str | None


class ListChats(msgspec.Struct, frozen=True):
    """List the conversations in the current one."""

    where: str | None


Effect = (
    Show
    | Send
    | Tell
    | LookUp
    | Leave
    | AskToLeave
    | OfferLine
    | Speak
    | AllowCommands
    | Inspect
    | Attach
    | ShowFound
    | OpenChat
    | CloseChat
    | ListChats
)
