"""All that the screen shows, in one value.

The UIActor owns it; `update` changes it, the views only read it. What is small is
immutable and replaced; what grows (tasks, transcripts, the input) is changed in place,
because a copy at every message would cost more than the message.
"""

from __future__ import annotations

import enum
import functools
import math
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ....actors.rules.record import ChangingRecord, Record
from ...program.terminals import has_terminal
from .board import TaskBoard
from .conversations import Conversations
from .paths import Paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ....actors import TaskFound
    from ....actors.kinds.kind import KindWords
    from ...dialogue.dialogue import Dialogue
    from ...editor.editor import Editor
    from ...pager.pager import Pager, PagerPlace
    from ...pager.terminal_view import TerminalView
    from ...terminal.terminal import Size
    from ...text.rows import Row
    from ...text.theme import Look
    from .found import Found
    from .panel import Panel
    from .popup import Popup


class Focus(enum.Enum):
    """Which part of the screen takes the keys when nothing lies over it."""

    INPUT = enum.auto()
    PANEL = enum.auto()
    TASK = enum.auto()


class TaskListView(msgspec.Struct, frozen=True):
    """How the list of tasks is looked at.

    Attributes:
        selected: The id of the selected task; None before one was.
        words: What the listed tasks have to match.
    """

    selected: int | None = None
    words: str = ""


class Choice(Record, frozen=True):
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
        top: Rows of the list that are above the screen.
    """

    top: int = 0


class Leaving(msgspec.Struct, frozen=True):
    """The question whether to leave lies over the input.

    Attributes:
        end: Whether to end the session even where leaving alone would not.
    """

    end: bool = False


class Question(msgspec.Struct, frozen=True):
    """The question whether to do something to a task lies over the input.

    Enter is a yes: no letter may be one, because it could belong to a word. The same
    key again leaves the question open, any other one is a no, and so is time.

    Attributes:
        key: The name of the key.
        action: What it does.
        task_id: To which task.
        accepts_from: The moment (of the monotonic clock) from which on Enter counts:
            nobody has read the question before, and Enter may end a word.
        expires: The moment at which the question goes away.
    """

    key: str
    action: str
    task_id: int
    accepts_from: float
    expires: float


class Purpose(enum.Enum):
    """What a line is typed for, other than the chat."""

    FIND = enum.auto()
    LINES = enum.auto()
    TASKS = enum.auto()


class Field(ChangingRecord):
    """A line that is typed for a search or a filter; it stands where the input does."""

    purpose: Purpose
    editor: Editor


class Detail(ChangingRecord):
    """One task, opened.

    Attributes:
        task_id: The id of the task.
        pid: The process it ran as then.
        pager: The view into its output; None if it writes none.
        activity: What told whether it worked or waited when it was looked at last.
        output_size: Bytes of output then.
        look_at: When it is looked at again, in seconds of the monotonic clock.
        terminal: What its terminal shows, or did when it ended; None if it has none.
        rows: The part of the output that is seen.
        opened_from: Which part had the keys before, and gets them back.
    """

    task_id: int
    pid: int | None
    pager: Pager | None
    activity: tuple[tuple[str, str], ...] = ()
    output_size: int = 0
    look_at: float = 0.0
    terminal: TerminalView | None = None
    rows: tuple[Row, ...] = ()
    opened_from: Focus = Focus.INPUT

    @classmethod
    def of(cls, found: TaskFound, activity: tuple[tuple[str, str], ...] = ()) -> Detail:
        """Open a task as it was found."""
        from ...pager.pager import Pager  # noqa: PLC0415 - not for the first frame

        path = found.task.output_path
        pager = Pager(Path(path)) if path is not None else None
        task = found.task
        terminal = None
        if path is not None and has_terminal(task):
            from ...pager.terminal_view import TerminalView  # noqa: PLC0415 - the same

            terminal = TerminalView(Path(path))
        size = task.output_size
        return cls(task.id, found.pid, pager, activity, size, terminal=terminal)

    @property
    def screen(self) -> TerminalView | None:
        """The screen of its terminal, unless the lines of its output are shown.

        They are while they are searched or filtered, and where they were scrolled to.
        """
        if self.terminal is None or self.pager is None:
            return None
        status = self.pager.status
        lines = not status.following or status.query or status.only
        return None if lines else self.terminal


Overlay = HelpKeys | Leaving | Question


class Letters(Record, frozen=True):
    """Letters that were typed where letters are keys, and may become a word.

    Attributes:
        text: What was typed.
        at: When the last of it was, in seconds of the monotonic clock.
        focus: Which part had the keys before.
        detail: The task that was open before.
        place: Where its output was looked at before.
        up: How many rows its screen was scrolled back.
        tasks: How the list of tasks was looked at before.
    """

    text: str
    at: float
    focus: Focus
    detail: Detail | None
    place: PagerPlace | None
    up: int
    tasks: TaskListView


class Doing(msgspec.Struct, frozen=True):
    """What the partner is doing.

    Attributes:
        what: Such as `answers`.
        since: From which moment (of the monotonic clock) on it has something to do.
    """

    what: str
    since: float


class ChatState(ChangingRecord, dict=True):
    """See the module.

    Attributes:
        session: The name of the session.
        make_dialogue: Makes `dialogue`.
        kinds: Name, arguments and summary of each kind of task.
        editor: The input.
        look: Colours and signs.
        size: Of the screen.
        now: This moment, in seconds of the monotonic clock.
        partner: The name of the one who answers; None if nobody does.
        come_back: The command that opens the session again, if it goes on when
            somebody leaves; None if it ends.
        remembers: Whether the session can be opened again, with its queued tasks.
        window_focused: Whether the terminal's window has the focus.
        panels: What stands between the transcript and the input, from top to bottom.
        focus: Which part takes the keys.
        panel_index: Which panel does, if one does.
        panels_hidden: Whether panels are shown only while they have the keys.
        tasks: How the list of tasks is looked at.
        found: What a search of all outputs has found, if there was one.
        detail: The task that is open, if one is; it takes the transcript's place.
        prompt: What is typed for something other than the chat, if anything is.
        searches: What was searched for in output, oldest first.
        letters: What was typed last where letters are keys, if anything was.
        choice: The popup, if one is open.
        closed_for: The text before the cursor for which somebody closed the popup.
        paths: The names that words of commands may become.
        wants_templates: Whether the input needs to know which templates there are.
        templates_asked: When they were looked for last.
        overlay: What lies over the screen, if anything does.
        to_split: Inputs that wait until it is known which commands the first one is.
        to_send: Commands of one input that wait until those before them are done.
        prefix: A key that was pressed and means something with the next one.
        doing: What the partner is doing, by conversation.
        leaving: Whether the session is ending.
        notice: A word for the footer; empty for none. The next key takes it away.
    """

    session: str
    make_dialogue: Callable[[], Dialogue]
    kinds: tuple[tuple[str, str, str], ...]
    editor: Editor
    look: Look
    size: Size
    now: float = 0.0
    panels: tuple[Panel, ...] = ()
    partner: str | None = None
    come_back: str | None = None
    remembers: bool = False
    board: TaskBoard = msgspec.field(default_factory=TaskBoard)
    conversations: Conversations = msgspec.field(default_factory=Conversations)
    window_focused: bool = True
    focus: Focus = Focus.INPUT
    panel_index: int = 0
    panels_hidden: bool = False
    tasks: TaskListView = msgspec.field(default_factory=TaskListView)
    found: Found | None = None
    detail: Detail | None = None
    prompt: Field | None = None
    searches: list[str] = msgspec.field(default_factory=list[str])
    letters: Letters | None = None
    choice: Choice | None = None
    closed_for: str | None = None
    paths: Paths = msgspec.field(default_factory=Paths)
    wants_templates: bool = False
    templates_asked: float = -math.inf
    overlay: Overlay | None = None
    to_split: deque[str] = msgspec.field(default_factory=deque[str])
    to_send: deque[str] = msgspec.field(default_factory=deque[str])
    prefix: str = ""
    doing: dict[str, Doing] = msgspec.field(default_factory=dict[str, "Doing"])
    leaving: bool = False
    notice: str = ""

    @functools.cached_property
    def dialogue(self) -> Dialogue:
        """What lines mean; made when it is needed, which the first frame does not."""
        return self.make_dialogue()

    def has_keys(self, name: str) -> bool:
        """Tell whether the panel of this name has the keys."""
        return self.panel is not None and self.panel.name == name

    @property
    def panel(self) -> Panel | None:
        """The panel that has the keys, if one has."""
        focused = self.focus is Focus.PANEL and self.panel_index < len(self.panels)
        return self.panels[self.panel_index] if focused else None


def kind_words(kinds: Iterable[KindWords]) -> tuple[tuple[str, str, str], ...]:
    """Return name, arguments and summary of each kind of task."""
    return tuple((kind.name, kind.usage, kind.summary) for kind in kinds)
