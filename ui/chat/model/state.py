"""All that the screen shows, in one value.

The LineActor owns it; `update` changes it, the views only read it. What is small is
immutable and replaced; what grows (tasks, transcripts, the input) is changed in place,
because a copy at every message would cost more than the message.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...pager.pager import Pager
from .board import TaskBoard
from .completion import Popup, Words
from .conversations import Conversations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ....actors import Kind, TaskFound
    from ...dialogue.dialogue import Dialogue
    from ...editor.editor import Editor
    from ...terminal.terminal import Size
    from ...text.rows import Row
    from ...text.theme import Look


class Focus(enum.Enum):
    """Which part of the screen takes the keys when nothing lies over it."""

    INPUT = enum.auto()
    PANEL = enum.auto()


class Panel(msgspec.Struct, frozen=True):
    """How the task panel is looked at.

    Attributes:
        hidden: Whether it is out of sight.
        selected: The id of the selected task; none before one was.
        words: What the listed tasks have to match.
        typing: Whether these words are being typed.
    """

    hidden: bool = False
    selected: int | None = None
    words: str = ""
    typing: bool = False


class Choice(msgspec.Struct, frozen=True):
    """The popup that is open, and what is selected in it.

    Attributes:
        popup: What is proposed.
        index: Which proposal is selected.
        moved: Whether somebody selected it with the arrow keys.
    """

    popup: Popup
    index: int = 0
    moved: bool = False


class HelpKeys(msgspec.Struct, frozen=True):
    """The list of keys lies over the screen.

    Attributes:
        under: The task that is open below it, and comes back after it.
        top: Rows of the list that are above the screen.
    """

    under: Detail | None = None
    top: int = 0


class Confirm(msgspec.Struct, frozen=True):
    """The question whether to leave lies over the screen.

    Attributes:
        under: The task that is open below it, and comes back for who stays.
    """

    under: Detail | None = None


@dataclass(slots=True)
class Detail:
    """One task, opened.

    Attributes:
        task_id: Which.
        pid: The process it ran as when it was opened.
        pager: The view into its output; none if it writes none.
        activity: What told whether it worked or waited when it was opened.
        output_size: Bytes of output then.
        rows: The part of the output that is seen.
        query: What is being typed to search for; none while nothing is.
    """

    task_id: int
    pid: int | None
    pager: Pager | None
    activity: tuple[tuple[str, str], ...] = ()
    output_size: int = 0
    rows: tuple[Row, ...] = ()
    query: str | None = None

    @classmethod
    def of(cls, found: TaskFound, activity: tuple[tuple[str, str], ...] = ()) -> Detail:
        """Open a task as it was found."""
        path = found.task.output_path
        pager = Pager(Path(path)) if path is not None else None
        task = found.task
        return cls(task.id, found.pid, pager, activity, task.output_size)


Overlay = HelpKeys | Confirm | Detail


@dataclass(slots=True)
class ChatState:
    """See the module.

    Attributes:
        session: The name of the session.
        dialogue: What lines mean.
        kinds: Name, arguments and summary of each kind of task.
        editor: The input.
        look: Colours and signs.
        size: Of the screen.
        now: This moment, in seconds of the monotonic clock.
        partner: The name of the one who answers; none if nobody does.
        remembers: Whether the session can be opened again, with its queued tasks.
        window_focused: Whether the terminal's window has the focus.
        focus: Which part takes the keys.
        panel: How the task panel is looked at.
        choice: The popup, if one is open.
        closed_for: The text before the cursor for which somebody closed the popup.
        overlay: What lies over the screen, if anything does.
        to_send: Commands of one input that wait until those before them are done.
        leaving: Whether the session is ending.
        notice: A word for the footer; empty for none. The next key takes it away.
    """

    session: str
    dialogue: Dialogue
    kinds: tuple[tuple[str, str, str], ...]
    editor: Editor
    look: Look
    size: Size
    now: float = 0.0
    partner: str | None = None
    remembers: bool = False
    board: TaskBoard = field(default_factory=TaskBoard)
    conversations: Conversations = field(default_factory=Conversations)
    window_focused: bool = True
    focus: Focus = Focus.INPUT
    panel: Panel = field(default_factory=Panel)
    choice: Choice | None = None
    closed_for: str | None = None
    overlay: Overlay | None = None
    to_send: deque[str] = field(default_factory=deque[str])
    leaving: bool = False
    notice: str = ""

    @property
    def vocabulary(self) -> Words:
        """The words that the popup can propose."""
        return Words(self.board, self.kinds, self.conversations.destinations)

    @property
    def detail(self) -> Detail | None:
        """The task that is open, if one is."""
        return self.overlay if isinstance(self.overlay, Detail) else None


def kind_words(kinds: Iterable[Kind]) -> tuple[tuple[str, str, str], ...]:
    """Return name, arguments and summary of each kind of task."""
    return tuple((kind.name, kind.usage, kind.summary) for kind in kinds)
