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
    """Send a request to the queue, for a conversation; see `take_reply`."""

    request: QueueRequest
    where: str | None = None


class Tell(msgspec.Struct, frozen=True):
    """Send the queue a message that has no answer."""

    message: WriteDown


class Leave(msgspec.Struct, frozen=True):
    """Leave the session; if it `ends`, all of it."""

    ends: bool = True


class AskToLeave(msgspec.Struct, frozen=True):
    """Leave, but ask first if that ends tasks; see `Leaving`."""

    end: bool = False


class OfferLine(msgspec.Struct, frozen=True):
    """Put a line into the empty input, ready to be sent or edited."""

    line: str


class Speak(msgspec.Struct, frozen=True):
    """Pass a message on to the partner; `elsewhere` if it was typed in another chat."""

    text: str
    where: str | None
    elsewhere: bool = False


class Inspect(msgspec.Struct, frozen=True):
    """Open a task in the detail view.

    `activity` has names and texts of facts that show whether it works or waits. With
    `again`, only update the view of a task that is still open.
    """

    found: TaskFound
    activity: tuple[tuple[str, str], ...] = ()
    again: bool = False


class Attach(msgspec.Struct, frozen=True):
    """Show a running task's terminal instead of the chat, and send it the keys."""

    task: Task


class ShowFound(msgspec.Struct, frozen=True):
    """Show a part of the lines that a search has found, in a list."""

    wanted: Wanted
    part: LinesFound


class OpenChat(msgspec.Struct, frozen=True):
    """Go to the conversation whose name begins like this.

    With `new`, begin one of this name if there is none.
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
