"""The messages of the UIActor, and its reports to the program that owns it."""

from __future__ import annotations

import msgspec

from ....actors import Notification, QueueReply
from ...dialogue.lookups import LookedUp
from ...dialogue.messages import Finished, Notice, Reopened, ViewLost
from ...dialogue.partner import PartnerMessage
from ...terminal.keys import Event
from ...terminal.terminal import Size
from .effects import Pausing


class Resized(msgspec.Struct, frozen=True):
    """The size of the screen has changed."""

    size: Size


class Open(msgspec.Struct, frozen=True):
    """Start: draw the first frame, request the transcript, and subscribe.

    Sent again if the earlier transcript could not be read.
    """


class Beat(msgspec.Struct, frozen=True):
    """Time has passed: update everything that depends on it."""


class Pause(msgspec.Struct, frozen=True):
    """The program is about to be suspended: leave the terminal."""


class Resumed(msgspec.Struct, frozen=True):
    """The program continues after a pause: enter the terminal again."""

    size: Size


class Edited(msgspec.Struct, frozen=True):
    """An editor or another program has exited.

    Attributes:
        text: The new text of the input; None to leave it unchanged.
        problem: An error, in one line; empty if there is none.
    """

    text: str | None = None
    problem: str = ""


class Ending(msgspec.Struct, frozen=True):
    """The session is ending; further input is ignored."""


class Close(msgspec.Struct, frozen=True):
    """Draw the last frame. Answer: the `Summary`.

    Attributes:
        ends: Whether this chat has ended the session.
        ended: Why the session was ended from outside; empty if it was not.
    """

    ends: bool = False
    ended: str = ""


class Summary(msgspec.Struct, frozen=True):
    """The state of the tasks when the chat was closed, in one line."""

    text: str


UIMessage = (
    Notification
    | QueueReply
    | PartnerMessage
    | LookedUp
    | Event
    | Notice
    | Reopened
    | Open
    | Resized
    | Beat
    | Pause
    | Resumed
    | Edited
    | Ending
    | Close
)


class Opened(msgspec.Struct, frozen=True):
    """The transcript is on the screen: keys can be read."""


class Entered(msgspec.Struct, frozen=True):
    """The terminal is entered again: keys can be read."""


class Hurry(msgspec.Struct, frozen=True):
    """Cut short the grace period of the tasks that are being ended."""


UIReport = Finished | ViewLost | Opened | Entered | Pausing | Hurry
"""What the UIActor reports to the program that owns it."""
