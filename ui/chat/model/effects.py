"""What an update of the state wants done outside of it."""

from __future__ import annotations

import msgspec

from ....actors import Task
from ...dialogue.effects import Leave, Send, Tell
from ...dialogue.lookups import LookUp
from ...dialogue.partner import AllowCommands, StopAnswer
from ...dialogue.search_actor import StopSearch


class TellPartner(msgspec.Struct, frozen=True):
    """Pass on what somebody said in a conversation.

    Attributes:
        conversation: The name of the conversation.
        text: The text.
        elsewhere: Whether it was said in another chat on the session.
    """

    conversation: str
    text: str
    elsewhere: bool = False


class ControlPartner(msgspec.Struct, frozen=True):
    """Tell the partner something else than what is said, if it wants that."""

    message: StopAnswer | AllowCommands


class Remember(msgspec.Struct, frozen=True):
    """Write an input into the history."""

    text: str


class Announce(msgspec.Struct, frozen=True):
    """Tell somebody who may not be looking that a task has ended, or needs input.

    Attributes:
        task: The task.
        seq: The number of the change that told so.
    """

    task: Task
    seq: int


class Suspend(msgspec.Struct, frozen=True):
    """Stop the process, and send `Resumed` after it."""


class EditText(msgspec.Struct, frozen=True):
    """Let an editor edit a text, then send `Edited` and `Resumed`."""

    text: str


class ViewFile(msgspec.Struct, frozen=True):
    """Let a pager show a file, then send `Edited` and `Resumed`."""

    path: str


class ShowTerminal(msgspec.Struct, frozen=True):
    """Show the terminal of a task, then send `Edited` and `Resumed`."""

    task: Task


class HurryUp(msgspec.Struct, frozen=True):
    """Kill what is being ended."""


class Redraw(msgspec.Struct, frozen=True):
    """Draw everything again, also what seems to be on the screen."""


class SwitchMouse(msgspec.Struct, frozen=True):
    """Let the mouse select text, as without this program, or let it be reported."""


Pausing = Suspend | EditText | ViewFile | ShowTerminal
"""What needs the terminal: the UIActor gives it back before it tells the program."""

Effect = (
    Send
    | Tell
    | LookUp
    | StopSearch
    | Leave
    | TellPartner
    | ControlPartner
    | Remember
    | Announce
    | Pausing
    | HurryUp
    | Redraw
    | SwitchMouse
)
