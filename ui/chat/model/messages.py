"""What the UIActor is told, and what it tells the program that owns it."""

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
    """The screen has another size now."""

    size: Size


class Open(msgspec.Struct, frozen=True):
    """Start: draw the first frame, ask for the transcript, and subscribe.

    Once more if what was said before could not be read.
    """


class Beat(msgspec.Struct, frozen=True):
    """Time has passed: update everything that depends on it."""


class Pause(msgspec.Struct, frozen=True):
    """The program is about to be suspended: give the terminal back."""


class Resumed(msgspec.Struct, frozen=True):
    """The program goes on after a pause: take the terminal again."""

    size: Size


class Edited(msgspec.Struct, frozen=True):
    """An editor has ended.

    Attributes:
        text: What is to stand in the input; None to leave it as it is.
        problem: Why, in one line.
    """

    text: str | None = None
    problem: str = ""


class Ending(msgspec.Struct, frozen=True):
    """The session is being ended; further input is ignored."""


class Close(msgspec.Struct, frozen=True):
    """Draw the last frame. Answer to an ask: the `Summary`.

    Attributes:
        ends: Whether the session has been ended from here.
        ended: Why it has ended, if somebody else ended it; empty if not.
    """

    ends: bool = False
    ended: str = ""


class Summary(msgspec.Struct, frozen=True):
    """What was left, in one line."""

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
    """The terminal is taken over again: keys can be read."""


class Hurry(msgspec.Struct, frozen=True):
    """Cut the grace period of the tasks that are being ended."""


UIReport = Finished | ViewLost | Opened | Entered | Pausing | Hurry
"""What the UIActor tells the program that owns it."""
