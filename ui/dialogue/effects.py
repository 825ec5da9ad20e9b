"""What a dialogue wants done: entries to show, requests to send, places to go."""

from __future__ import annotations

import msgspec

from ...actors import QueueRequest, Task, TaskFound, WriteDown
from .entries import Entry
from .lookups import LookUp
from .output_search import LinesFound, Wanted
from .partner import AllowCommands


class Show(msgspec.Struct, frozen=True):
    """Show this entry.

    Attributes:
        entry: The entry.
        where: The conversation it belongs to, as `take_line` was given it; None for
            what no line asked for, such as news.
    """

    entry: Entry
    where: str | None = None


class Send(msgspec.Struct, frozen=True):
    """Send this request to the queue; its answer goes to `take_reply`.

    Attributes:
        request: The request.
        where: The conversation that asks.
    """

    request: QueueRequest
    where: str | None = None


class Tell(msgspec.Struct, frozen=True):
    """Tell the queue something that has no answer."""

    message: WriteDown


class Leave(msgspec.Struct, frozen=True):
    """Leave the session.

    Attributes:
        ends: Whether that ends it.
    """

    ends: bool = True


class AskToLeave(msgspec.Struct, frozen=True):
    """Leave, but ask first if anything is ended by it; see `Leaving`."""

    end: bool = False


class OfferLine(msgspec.Struct, frozen=True):
    """Put a line into the empty input, ready to be sent or changed."""

    line: str


class Speak(msgspec.Struct, frozen=True):
    """Pass a chat message on to the partner of this conversation.

    Attributes:
        text: What was said.
        where: In which conversation.
        elsewhere: Whether it was said in another chat on the same session.
    """

    text: str
    where: str | None
    elsewhere: bool = False


class Inspect(msgspec.Struct, frozen=True):
    """Open a task, to be looked at for as long as somebody wants to.

    Attributes:
        found: The task.
        activity: What tells now whether it works or waits: facts and their names.
        again: Whether it is only to be shown anew, if it is open still.
    """

    found: TaskFound
    activity: tuple[tuple[str, str], ...] = ()
    again: bool = False


class Attach(msgspec.Struct, frozen=True):
    """Show a task's terminal in place of the screen, and give it the keys.

    Attributes:
        task: Which; it runs.
    """

    task: Task


class ShowFound(msgspec.Struct, frozen=True):
    """Show a part of what a search has found, in a list of lines to be opened."""

    wanted: Wanted
    part: LinesFound


class OpenChat(msgspec.Struct, frozen=True):
    """Go to a conversation.

    Attributes:
        name: Its name, or the beginning of it.
        new: Whether to begin it if there is none of this name.
    """

    name: str
    new: bool = False


class CloseChat(msgspec.Struct, frozen=True):
    """Remove a conversation in which nothing was said; None for this one."""

    name: str | None


class ListChats(msgspec.Struct, frozen=True):
    """List the conversations, in this one."""

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
