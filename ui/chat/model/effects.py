"""The effects of an update outside of the state."""

from __future__ import annotations

import msgspec

from ....actors import Task
from ...dialogue.effects import Leave, Send, Tell
from ...dialogue.lookups import LookUp
from ...dialogue.partner import AllowCommands, StopAnswer
from ...dialogue.search_actor import StopSearch


class TellPartner(msgspec.Struct, frozen=True):
    """Pass a message on to the partner; `elsewhere` if it was typed in another chat."""

    conversation: str
    text: str
    elsewhere: bool = False


class ControlPartner(msgspec.Struct, frozen=True):
    """Send the partner a control message, if it takes them."""

    message: StopAnswer | AllowCommands


class Remember(msgspec.Struct, frozen=True):
    """Write an input to the history."""

    text: str


class Announce(msgspec.Struct, frozen=True):
    """Notify the person that a task has ended or needs input, by change `seq`."""

    task: Task
    seq: int


class Suspend(msgspec.Struct, frozen=True):
    """Suspend the process, then send `Resumed`."""


class EditText(msgspec.Struct, frozen=True):
    """Run an editor on a text, then send `Edited` and `Resumed`."""

    text: str


class ViewFile(msgspec.Struct, frozen=True):
    """Run a pager on a file, then send `Edited` and `Resumed`."""

    path: str


class ShowTerminal(msgspec.Struct, frozen=True):
    """Show the terminal of a task, then send `Edited` and `Resumed`."""

    task: Task


class HurryUp(msgspec.Struct, frozen=True):
    """Kill the tasks that are being ended."""


class Redraw(msgspec.Struct, frozen=True):
    """Redraw the whole screen, including unchanged rows."""


class SwitchMouse(msgspec.Struct, frozen=True):
    """Toggle mouse reporting; without it the mouse selects text."""


Pausing = Suspend | EditText | ViewFile | ShowTerminal
"""Effects that need the terminal: the UIActor leaves it before it reports them."""

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
