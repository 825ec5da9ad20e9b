"""A chat without a terminal: keys and news in, the state and the screen out."""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeVar

from backburner.actors import (
    AddTask,
    BashKind,
    ChatMessage,
    Outcome,
    SleepKind,
    Task,
    TaskAdded,
    TaskChanged,
    TaskEvent,
    TaskStatus,
)
from backburner.actors.rules.output_news import OutputNews
from backburner.ui.chat.beats import next_beat
from backburner.ui.chat.model.messages import Beat
from backburner.ui.chat.model.state import ChatState, Detail, Focus
from backburner.ui.chat.update.panels import PANELS
from backburner.ui.chat.update.update import Message, update
from backburner.ui.chat.views.layout import draw, measured
from backburner.ui.dialogue.dialogue import Dialogue
from backburner.ui.dialogue.effects import Send, Tell
from backburner.ui.dialogue.lookups import LookedUp, LookUp, look_up
from backburner.ui.editor.editor import Editor
from backburner.ui.terminal.keys import Key, Paste
from backburner.ui.terminal.terminal import Size
from backburner.ui.text.theme import Look
from msgspec.structs import replace

if TYPE_CHECKING:
    from backburner.ui.chat.model.effects import Effect
    from backburner.ui.text.rows import Frame, Row

RequestT = TypeVar("RequestT")

READING: Final = 2.0
"""The seconds in which a person has read new text on the screen."""

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def of_conversation(origin: str, *tasks: Task) -> tuple[Task, ...]:
    """Return the tasks as if started in a conversation."""
    return tuple(replace(task, origin=origin) for task in tasks)


def queued(task_id: int, description: str = "Job", kind: str = "bash") -> Task:
    """Make a queued task."""
    return Task(
        id=task_id,
        description=description,
        kind=kind,
        args=("make",),
        directory="/srv/shop",
        reason="starting",
        queued_at=START,
    )


def running(
    task_id: int,
    description: str = "Job",
    *,
    progress: int | None = None,
    last_line: str | None = None,
) -> Task:
    """Make a running task."""
    task = queued(task_id, description).started(START + timedelta(seconds=1))
    return task.progressed(OutputNews(10, last_line, progress), 1.0)


def ended(
    task_id: int, description: str = "Job", status: TaskStatus = TaskStatus.COMPLETE
) -> Task:
    """Make an ended task."""
    error = "exit status 2" if status is TaskStatus.FAILED else None
    outcome = Outcome(status, "exit status 2" if error else "done", error=error)
    return running(task_id, description).ended(
        outcome, START + timedelta(seconds=9), 8.0
    )


class ChatDriver:
    """Drives `update` and `draw` as the actor does.

    Args:
        columns: The width of the screen.
        rows: The height of the screen.
        look: The theme and symbols.
        partner: The name of a partner, if there is one.
        history: Earlier inputs.
    """

    def __init__(
        self,
        columns: int = 80,
        rows: int = 24,
        look: Look | None = None,
        partner: str | None = None,
        history: tuple[str, ...] = (),
    ) -> None:
        kinds = (BashKind(), SleepKind())
        look = look or Look.of("utf-8", 256, light=False)
        self.state = ChatState(
            session="main",
            make_dialogue=lambda: Dialogue(kinds, look.icons, 5.0, drawn=True),
            editor=Editor(history),
            look=look,
            size=Size(columns, rows),
            panels=PANELS,
            partner=partner,
        )
        self.now = 1000.0
        self._seq = 0
        self.kept: list[ChatMessage] = []
        """The stored messages."""

    def tell(self, *messages: Message) -> list[Effect]:
        """Deliver messages, perform lookups, and return the other effects."""
        effects: list[Effect] = []
        waiting: deque[Message] = deque(messages)
        while waiting:
            for effect in update(self.state, waiting.popleft(), self.now):
                if isinstance(effect, LookUp):
                    found = LookedUp(effect.number, look_up(effect.wanted))
                    waiting.appendleft(found)
                else:
                    effects.append(effect)
        kept = [e for e in effects if isinstance(e, Tell)]
        self.kept += [e.message.message for e in kept]
        return [e for e in effects if not isinstance(e, Tell)]

    def settle(self) -> None:
        """Let the time pass after which collected news are shown."""
        self.now += 2
        self.tell(Beat())

    def press(self, *names: str) -> list[Effect]:
        """Press keys by name."""
        return self.tell(*(Key(name, _text_of(name)) for name in names))

    def press_and_confirm(self, name: str) -> list[Effect]:
        """Press a key that asks for confirmation, and confirm with Enter."""
        assert not self.press(name)
        assert "Enter: yes" in " ".join(self.screen().split())
        self.now += READING
        return self.press("enter")

    def type(self, text: str) -> list[Effect]:
        """Type text."""
        return self.press(*("space" if char == " " else char for char in text))

    def enter(self, line: str) -> list[Effect]:
        """Send a line, even if the popup proposes something for it."""
        self.tell(Paste(line))
        self.state.choice = None
        return self.press("enter")

    def news(self, *tasks: Task) -> list[Effect]:
        """Announce tasks as the queue does."""
        effects: list[Effect] = []
        for task in tasks:
            self._seq += 1
            before = self.state.board.find(task.id)
            is_same_status = before is not None and before.task.status is task.status
            event = TaskEvent.PROGRESS if is_same_status else TaskEvent.of(task.status)
            effects += self.tell(TaskChanged(self._seq, event, task))
        return effects

    def start_task(self, task_id: int, description: str = "Job") -> None:
        """Type a task, and let the queue answer as it does: first the news."""
        (request,) = requests(self.enter(f'/task "{description}" bash true'), AddTask)
        origin = request.request.origin
        (task,) = of_conversation(origin, queued(task_id, description))
        self.news(task)
        self.tell(TaskAdded(task, request.correlation_id))

    def frame(self) -> Frame:
        """Draw the screen."""
        self.state.now = self.now
        return draw(self.state)

    def next_beat(self) -> float | None:
        """Return the seconds until the next frame."""
        parts, _ = measured(self.state)
        return next_beat(self.state, parts)

    def screen(self) -> str:
        """Draw the screen, and return its text."""
        return "\n".join(row_text(row) for row in self.frame().rows)


def open_task(chat: ChatDriver, detail: Detail) -> None:
    """Open a task as the answer to a command does."""
    chat.state.detail = detail
    chat.state.focus = Focus.TASK


def requests(effects: list[Effect], kind: type[RequestT]) -> list[RequestT]:
    """Return the requests of a type that are to be sent to the queue."""
    sent = (effect.request for effect in effects if isinstance(effect, Send))
    return [request for request in sent if isinstance(request, kind)]


def row_text(row: Row) -> str:
    """Return the text of a row."""
    return "".join(span.text for span in row)


def _text_of(name: str) -> str:
    if name == "space":
        return " "
    return name if len(name) == 1 else ""
