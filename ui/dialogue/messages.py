"""The messages of the LineActor, besides notifications and answers, and its reports.

All are immutable.
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
    """The control characters that edit a line; empty if unset.

    Sent when typing at a terminal begins or resumes; the actor shows the typed text
    again.

    Attributes:
        erase: Deletes a character, as Backspace and Ctrl+H always do.
        word: Deletes a word.
        kill: Deletes the line.
        end: Ends the input, at the beginning of a line.
        literal: Inserts the next character literally.
        reprint: Redraws the line.
    """

    erase: str = "\x7f"
    word: str = "\x17"
    kill: str = "\x15"
    end: str = "\x04"
    literal: str = "\x16"
    reprint: str = "\x12"


class Keystrokes(msgspec.Struct, frozen=True):
    """Text typed at the terminal. Answer: `LinesTyped` if it completes a line."""

    data: bytes


class Prompt(msgspec.Struct, frozen=True):
    """Show a prompt before the typed line, until the line ends."""

    text: str


class TypingEnds(msgspec.Struct, frozen=True):
    """Typing has ended; an unfinished line is discarded."""


class Notice(msgspec.Struct, frozen=True):
    """A notice for people, in one line; `good` if it is not a problem."""

    text: str
    good: bool = False


class Reopened(msgspec.Struct, frozen=True):
    """Tasks that were queued when the session was opened, and start now."""

    tasks: tuple[Task, ...]


class EndOfInput(msgspec.Struct, frozen=True):
    """The input has ended; leave when all tasks have ended."""


class Interrupted(msgspec.Struct, frozen=True):
    """A signal has arrived: cancel the tasks added here, or kill them `now`; leave."""

    now: bool = False


class Farewell(msgspec.Struct, frozen=True):
    """The task system has stopped. Answer: the `Verdict`."""


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
        misunderstood: Whether a line of input was invalid.
        unsuccessful: Whether a task failed, was canceled or has not ended.
        running: The running tasks, named for people.
    """

    misunderstood: bool
    unsuccessful: bool
    running: tuple[str, ...] = ()


class WantsInput(msgspec.Struct, frozen=True):
    """All lines so far have been run."""


class Finished(msgspec.Struct, frozen=True):
    """The actor is done: a person left, or all work is done.

    Attributes:
        ends: Whether to end the session, even if leaving would not.
    """

    ends: bool = False


class ViewLost(msgspec.Struct, frozen=True):
    """The view is lost, for this reason."""

    reason: str


class LinesTyped(msgspec.Struct, frozen=True):
    """Complete lines were typed, without line ends; `ended` if the input ended then."""

    lines: tuple[bytes, ...] = ()
    ended: bool = False


LineReport = WantsInput | Finished | ViewLost | LinesTyped
"""What the LineActor reports to the program that owns it."""
