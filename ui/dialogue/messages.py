"""What the LineActor is told besides notifications and answers, and what it says.

Immutable, like all messages.
"""

from __future__ import annotations

import msgspec

from ...actors import Notification, QueueReply, Task
from .lookups import LookedUp


class InputLine(msgspec.Struct, frozen=True):
    """A line that was typed or read from a script."""

    text: str


class BadInput(msgspec.Struct, frozen=True):
    """A line could not be read; the text says why and what to do."""

    problem: str


class LineKeys(msgspec.Struct, frozen=True):
    """The control characters with which a line is edited; empty for none.

    Somebody types at a terminal from now on, or again: show what was typed so far.

    Attributes:
        erase: Takes back a character; Backspace and Ctrl+H do so in any case.
        word: Takes back a word.
        kill: Takes back the line.
        end: Ends the input, at the beginning of a line.
        literal: Takes the next character as it is.
        reprint: Shows the line again.
    """

    erase: str = "\x7f"
    word: str = "\x17"
    kill: str = "\x15"
    end: str = "\x04"
    literal: str = "\x16"
    reprint: str = "\x12"


class Keystrokes(msgspec.Struct, frozen=True):
    """This was typed at the terminal; answered by `LinesTyped` if it ends a line."""

    data: bytes


class Prompt(msgspec.Struct, frozen=True):
    """Show this prompt before the typed line, until the line ends."""

    text: str


class TypingEnds(msgspec.Struct, frozen=True):
    """Typing has ended; an unfinished line is discarded."""


class Notice(msgspec.Struct, frozen=True):
    """Something a person should know, in one line; `good` if it is no problem."""

    text: str
    good: bool = False


class Reopened(msgspec.Struct, frozen=True):
    """These tasks were queued when the session was opened, and start now."""

    tasks: tuple[Task, ...]


class EndOfInput(msgspec.Struct, frozen=True):
    """The input has ended; leave when everything is done."""


class Interrupted(msgspec.Struct, frozen=True):
    """A signal has come: cancel what was added here, or kill it `now`, and leave."""

    now: bool = False


class Farewell(msgspec.Struct, frozen=True):
    """The task system has stopped. Answer to an ask: the `Verdict`."""


LineMessage = (
    Notification
    | QueueReply
    | LookedUp
    | InputLine
    | BadInput
    | LineKeys
    | Keystrokes
    | Prompt
    | TypingEnds
    | Notice
    | Reopened
    | EndOfInput
    | Interrupted
    | Farewell
)


class Verdict(msgspec.Struct, frozen=True):
    """How the session went.

    Attributes:
        misunderstood: Whether a line of input made no sense.
        unsuccessful: Whether a task failed, was canceled or never came to an end.
        running: The tasks that run, as people call them.
    """

    misunderstood: bool
    unsuccessful: bool
    running: tuple[str, ...] = ()


class WantsInput(msgspec.Struct, frozen=True):
    """Every line so far has been carried out."""


class Finished(msgspec.Struct, frozen=True):
    """The actor is done: a person asked to leave, or no work is left.

    Attributes:
        ends: Whether the session is to end, even where leaving alone would not end it.
    """

    ends: bool = False


class ViewLost(msgspec.Struct, frozen=True):
    """The view is lost; the text says why."""

    reason: str


class LinesTyped(msgspec.Struct, frozen=True):
    """Complete lines were typed.

    Attributes:
        lines: They, without their ends.
        ended: Whether the input ended after them.
    """

    lines: tuple[bytes, ...] = ()
    ended: bool = False


LineReport = WantsInput | Finished | ViewLost | LinesTyped
"""What the LineActor tells the program that owns it."""
