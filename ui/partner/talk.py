"""One conversation with a partner: its messages, unanswered ones, and ends of tasks.

A turn begins when there is something to answer. All messages are stored before they are
sent to the partner.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from ...actors.rules.safe_text import safe_line
from ..agents.adding import ended_answer
from ..agents.results import OutputResult, TaskFacts
from ..dialogue.partner import PartnerDoes, PartnerFailed, PartnerSays, PartnerThought
from .memory import Record
from .messages import WOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.rules.task import Task
    from ..agents.loop import Loop, Timer
    from ..dialogue.partner import PartnerMessage
    from .answer import Json, Piece
    from .partner_session import PartnerSession

FRAME: Final = 1 / 30
"""Minimum seconds between two pieces of an answer sent to the chat."""

_GATHERING: Final = 0.1  # seconds in which ends of tasks are merged into one message
_MOST_ENDS: Final = 10
_ENDED: Final = {"complete", "failed", "canceled"}


class Place(NamedTuple):
    """The environment of a conversation.

    Attributes:
        name: The name of the conversation.
        loop: Runs the callbacks.
        session: Runs the tool calls.
        keep: Stores a record; may raise an `OSError`.
        tell: Sends a message to the chat.
    """

    name: str
    loop: Loop
    session: PartnerSession
    keep: Callable[[Record], None]
    tell: Callable[[PartnerMessage], None]


class Talk:
    """The base of all kinds of partners. All code runs on the thread of its loop."""

    def __init__(self, place: Place) -> None:
        self._name, self._loop, self._session = place.name, place.loop, place.session
        self._keep_record, self._tell = place.keep, place.tell
        self._told: set[int] = set()
        self._owes = False  # whether a message is unanswered
        self._turn = 0  # the number of the current turn; 0 if there is none
        self._turns = 0
        self._said = False
        self._buffer: list[str] = []
        self._spoken: list[str] = []
        self._thought: list[str] = []
        self._thinks_since: float | None = None
        self._flush_timer: Timer | None = None
        self._wake_timer: Timer | None = None
        place.session.on_asked = self._asked

    # Overridden by each kind of partner.

    def _ask(self) -> None:
        """Ask the partner to answer the messages that it has not received."""
        raise NotImplementedError

    def _drop(self) -> None:
        """Abort the current work silently: the turn is over."""
        raise NotImplementedError

    def _note(self, message: Json, unanswered: int) -> None:
        """Add a message that is stored, now or before.

        The last `unanswered` messages of the person came too late for this answer.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """End the turn at once, as requested by the person."""
        raise NotImplementedError

    # Input.

    @property
    def is_idle(self) -> bool:
        """Whether there is no turn."""
        return not self._turn

    def remember(self, record: Record) -> None:
        """Load a record of an earlier process; called in order."""
        self._told.update(record.told)
        if record.message is not None:
            self._note(record.message, record.unanswered)
            said = record.message
            self._owes = said.get("role") != "assistant" or bool(said.get("tool_calls"))
        if record.over:
            self._owes = False
        if record.unanswered:
            self._owes = True

    def resume(self) -> None:
        """Continue an interrupted turn of an earlier process, if there is one."""
        if self._owes and self.is_idle:
            self._begin()
        self.look_for_ends()

    def hear(self, text: str) -> None:
        """Answer a message of the person."""
        if self._keep({"role": "user", "content": text}):
            self._owes = True
            if self.is_idle:
                self._begin()

    def task_changed(self, task: Task) -> None:
        """Handle a change of one of its tasks."""
        if task.status.is_final:
            self.look_for_ends()

    def look_for_ends(self) -> None:
        """Start a turn if it is idle and was not told of the end of a task."""
        if self.is_idle and self._wake_timer is None and self._untold():
            self._wake_timer = self._loop.call_later(_GATHERING, self._wake)

    def abandon(self) -> None:
        """End silently: the chat is closed, and the next one continues."""
        self._turn = 0
        self._drop()

    def give_up(self) -> None:
        """End the turn after a failure, which was reported to the person."""
        if self._turn:
            self._end_turn(Record(self._name, over=True))

    # Turns.

    def _begin(self) -> None:
        self._turns += 1
        self._turn = self._turns
        self._ask()

    def _fail(self, text: str) -> None:
        self._tell(PartnerFailed(self._name, safe_line(text)))
        self._end_turn(Record(self._name, over=True))

    def _end_turn(self, record: Record | None = None) -> None:
        self._turn = 0
        self._drop()
        self._owes = False
        self._does("")
        if record is not None:
            self._write(record)
        self.look_for_ends()

    def _asked(self, task_id: int) -> None:
        if self._turn:
            self._does(f"waits for you to allow #{task_id}")

    def _take(self, piece: Piece) -> None:
        if piece.thought:
            if self._thinks_since is None:
                self._thinks_since = time.monotonic()
                self._does("thinks")
            self._thought.append(piece.thought)
        if not piece.text:
            return
        self._end_thought()
        first = not self._said and not self._buffer
        self._buffer.append(piece.text)
        if first:
            self._does("answers")
            self._flush()
        elif self._flush_timer is None:
            self._flush_timer = self._loop.call_later(FRAME, self._flush)

    # Ends of tasks.

    def _untold(self) -> list[Task]:
        return [
            it
            for it in self._session.own_tasks
            if it.status.is_final and it.id not in self._told
        ]

    def _wake(self) -> None:
        self._wake_timer = None
        ends = self._untold()
        if not ends or not self.is_idle:
            return
        parts = [ended_answer(it).text for it in ends[:_MOST_ENDS]]
        if more := ends[_MOST_ENDS:]:
            ids = ", ".join(f"#{it.id}" for it in more)
            parts.append(f"And: {ids}; `list` shows how they ended.")
        text = "\n".join([WOKEN, *parts])
        told = tuple(it.id for it in ends)
        # One record: the ends are told and need an answer, or neither.
        if self._keep({"role": "user", "content": text}, told=told):
            self._owes = True
            self._begin()

    # Storing and sending.

    def _keep(
        self, message: Json, *, told: tuple[int, ...] = (), unanswered: int = 0
    ) -> bool:
        """Store a message; return whether the turn continues."""
        return self._write(Record(self._name, message, told, unanswered=unanswered))

    def _write(self, record: Record) -> bool:
        """Store a record; return whether the turn continues."""
        if record.message is not None:
            self._note(record.message, record.unanswered)
        self._told.update(record.told)
        try:
            self._keep_record(record)
        except OSError as error:
            text = f"can't save the conversation: {error.strerror}"
            self._tell(PartnerFailed(self._name, text))
            if self._turn:
                self._turn = 0
                self._drop()
                self._does("")
            return False
        return True

    def _does(self, what: str) -> None:
        self._tell(PartnerDoes(self._name, what))

    def _flush(self) -> None:
        self._flush_timer = None
        if self._buffer:
            text = "".join(self._buffer)
            self._buffer.clear()
            self._said = True
            self._spoken.append(text)
            self._tell(PartnerSays(self._name, text, done=False, form="markdown"))

    def _end_thought(self) -> None:
        if self._thinks_since is not None:
            seconds = time.monotonic() - self._thinks_since
            text = "".join(self._thought)
            self._tell(PartnerThought(self._name, text, seconds))
        self._thinks_since = None
        self._thought.clear()

    def _end_speech(self, mark: str = "") -> str:
        """End the current text, with a mark for the person; return all of it."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
        self._flush()
        self._end_thought()
        text = "".join(self._spoken)
        if self._said:
            self._tell(PartnerSays(self._name, mark, form="markdown"))
        self._said = False
        self._spoken.clear()
        return text


def ends_in(result: Any) -> list[int]:  # noqa: ANN401 - any result, and what is in it
    """Return the tasks that have ended according to a result of a tool."""
    match result:
        case (
            TaskFacts(id=task_id, status=status)
            | OutputResult(id=task_id, status=status)
        ):
            return [task_id] if status in _ENDED else []
        case list():
            return [it for part in result for it in ends_in(part)]  # pyright: ignore[reportUnknownVariableType]
        case msgspec.Struct():
            parts = (getattr(result, it) for it in result.__struct_fields__)
            return [it for part in parts for it in ends_in(part)]
        case _:
            return []
