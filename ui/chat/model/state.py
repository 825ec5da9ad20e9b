"""The state of the chat: everything that the screen shows.

The UIActor owns it; `update` changes it, the views only read it. Small parts are
immutable and replaced. Growing parts (tasks, transcripts, the input) are changed in
place, because copying them for each message would cost more than handling it.
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
    from collections.abc import Callable

    from ....actors import TaskFound
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
    """The part of the screen that gets the keys while no overlay is open."""

    INPUT = enum.auto()
    PANEL = enum.auto()
    TASK = enum.auto()


class TaskListView(msgspec.Struct, frozen=True):
    """The selected task, if any, and the words that the listed tasks must match."""

    selected: int | None = None
    words: str = ""


class Choice(Record, frozen=True):
    """The open popup, and its selection; `moved` if the arrow keys selected it."""

    popup: Popup
    index: int = 0
    moved: bool = False


class HelpKeys(msgspec.Struct, frozen=True):
    """The overlay with the list of keys, of which `top` rows are above the screen."""

    top: int = 0


class Leaving(msgspec.Struct, frozen=True):
    """The question whether to leave and, with `end`, to end the session."""

    end: bool = False


class Question(msgspec.Struct, frozen=True):
    """The question whether to perform an action on a task.

    Enter confirms; a letter must not, because it could be part of a word. The key that
    opened the question leaves it open. Any other key, and a timeout, is a no.

    Attributes:
        key: The name of the key.
        action: The action of the key.
        task_id: The task.
        accepts_from: The time (of the monotonic clock) from which Enter confirms.
            Before, a person can't have read the question, and Enter may end a word.
        expires: The time at which the question is closed.
    """

    key: str
    action: str
    task_id: int
    accepts_from: float
    expires: float


class Purpose(enum.Enum):
    """The purpose of a prompt other than the chat's input."""

    FIND = enum.auto()
    LINES = enum.auto()
    TASKS = enum.auto()


class Field(ChangingRecord):
    """The line of a search or a filter, which replaces the input."""

    purpose: Purpose
    editor: Editor


class Detail(ChangingRecord):
    """An opened task.

    Attributes:
        task_id: The id of the task.
        pid: Its first process when it was opened.
        pager: The pager of its output; None if it has no output.
        activity: Facts of the last measurement that show whether it works or waits.
        output_size: Bytes of output at the last measurement.
        look_at: The time of the next measurement, in seconds of the monotonic clock.
        terminal: The screen of its terminal, or the last screen if it has ended; None
            without a terminal.
        rows: The visible rows of output.
        opened_from: The part that had the focus before, and gets it back.
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
        """Open a task."""
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
        """The screen of its terminal, unless lines of output are shown.

        Lines are shown during a search, with a filter, and after scrolling back.
        """
        if self.terminal is None or self.pager is None:
            return None
        status = self.pager.status
        lines = not status.following or status.query or status.only
        return None if lines else self.terminal


Overlay = HelpKeys | Leaving | Question


class Letters(Record, frozen=True):
    """Letters that were typed where letters are keys, but may become a word.

    Attributes:
        text: The letters.
        at: When the last letter was typed, in seconds of the monotonic clock.
        focus: The part that had the focus before.
        detail: The task that was open before.
        place: The scroll position of its output before.
        up: How many rows its screen was scrolled back before.
        tasks: The selection and filter of the list of tasks before.
    """

    text: str
    at: float
    focus: Focus
    detail: Detail | None
    place: PagerPlace | None
    up: int
    tasks: TaskListView


class Doing(msgspec.Struct, frozen=True):
    """The partner's activity, such as `answers`, and when it began (monotonic)."""

    what: str
    since: float


class ChatState(ChangingRecord, dict=True):
    """The state of the chat; see the module.

    Attributes:
        session: The name of the session.
        make_dialogue: Makes `dialogue`.
        editor: The input.
        look: Colors and signs.
        size: The size of the screen.
        now: The current time, in seconds of the monotonic clock.
        partner: The name of the partner; None if there is none.
        come_back: The command that reopens the session, if it keeps running after a
            person leaves; None if leaving ends it.
        remembers: Whether the session and its queued tasks can be opened again.
        window_focused: Whether the terminal's window has the focus.
        panels: The panels between the transcript and the input, from top to bottom.
        focus: The part that gets the keys.
        panel_index: The index of the panel with the focus, if a panel has it.
        panels_hidden: Whether panels are shown only while they have the focus.
        tasks: The selection and filter of the list of tasks.
        found: The results of the last search through all outputs, if any.
        detail: The opened task, if any; it replaces the transcript.
        prompt: The line of a search or a filter, if open.
        searches: Earlier searches in output, oldest first.
        letters: The last letters typed where letters are keys, if any.
        choice: The popup, if open.
        closed_for: The text before the cursor when the popup was closed.
        paths: File names for words of bash commands.
        wants_templates: Whether the input needs the list of templates.
        templates_asked: When the templates were last requested.
        overlay: The open overlay, if any.
        to_split: Inputs that wait until the first one is split into commands.
        to_send: Commands of one input that wait until the earlier ones are done.
        prefix: A pressed key whose action depends on the next key.
        doing: What the partner is doing, by conversation.
        leaving: Whether the session is ending.
        notice: A notice for the footer, until the next key; empty for none.
    """

    session: str
    make_dialogue: Callable[[], Dialogue]
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
        """The dialogue; made on first use, since the first frame doesn't need it."""
        return self.make_dialogue()

    def has_keys(self, name: str) -> bool:
        """Return whether the panel with this name has the focus."""
        return self.panel is not None and self.panel.name == name

    @property
    def panel(self) -> Panel | None:
        """The panel with the focus, if any."""
        focused = self.focus is Focus.PANEL and self.panel_index < len(self.panels)
        return self.panels[self.panel_index] if focused else None
