"""One conversation with a model: what was said, what is asked, which tools it calls.

A turn begins when there is something to answer, and is made of rounds: the model is
asked, the tools that it calls are called, and it is asked again with their results,
until it calls none. All that it is told is written down first.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..agents.adding import ended_answer
from ..agents.tools import TOOLS, OutputResult, TaskFacts, tool_list
from ..dialogue.partner import (
    PartnerDoes,
    PartnerFailed,
    PartnerSays,
    PartnerThought,
)
from .memory import Record, bounded, repaired
from .messages import INTERRUPTED, STOPPED, WOKEN

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors.rules.task import Task
    from ..agents.call import Answer, Call
    from ..agents.loop import Loop, Timer
    from ..dialogue.partner import PartnerMessage
    from .answer import AnswerGatherer, Json, Piece, ToolCall
    from .partner_session import PartnerSession

FRAME: Final = 1 / 30
"""Seconds between two pieces of an answer that the chat is told at least."""

LONGEST_TOLD: Final = 200_000
"""Characters of a conversation that the model is told at most."""

_GATHERING: Final = 0.1  # seconds in which ends of tasks become one message
_MOST_ENDS: Final = 10
_ENDED: Final = {"complete", "failed", "canceled"}


class Model(Protocol):
    """Answers one request at a time for a conversation."""

    def ask(
        self,
        body: Json,
        take: Callable[[Piece], None],
        done: Callable[[AnswerGatherer | str], None],
    ) -> Callable[[], None]:
        """Ask; the callbacks come on the loop, `done` last, with what failed as text.

        Returns:
            What cancels it; nothing is called back after that.
        """
        ...


class Talk:
    """See the module. All of it happens on the thread of its loop.

    Args:
        name: Of the conversation.
        loop: Calls back.
        session: Whose tools are called.
        model: Is asked.
        instructions: What the model is told first.
        rounds: How often it is asked in a turn at most.
        keep: Writes down what happened; may raise an `OSError`.
        tell: Tells the chat.
    """

    def __init__(  # noqa: PLR0913 - each is one independent thing
        self,
        name: str,
        *,
        loop: Loop,
        session: PartnerSession,
        model: Model,
        instructions: str,
        rounds: int,
        keep: Callable[[Record], None],
        tell: Callable[[PartnerMessage], None],
    ) -> None:
        self._name = name
        self._loop = loop
        self._session = session
        self._model = model
        self._instructions = instructions
        self._most_rounds = rounds
        self._keep_record = keep
        self._tell = tell
        self._messages: list[Json] = []
        self._told: set[int] = set()
        self._owes = False  # whether something was said that is not answered
        self._rounds = 0
        self._turn = 0  # its number while one is under way; else 0
        self._turns = 0
        self._cancel: Callable[[], None] | None = None
        self._calls: dict[str, Call | None] = {}
        self._said = False
        self._buffer: list[str] = []
        self._spoken: list[str] = []
        self._thought: list[str] = []
        self._thinks_since: datetime | None = None
        self._flush_timer: Timer | None = None
        self._wake_timer: Timer | None = None
        session.on_asked = self._asked

    @property
    def is_idle(self) -> bool:
        """Whether no turn is under way."""
        return not self._turn

    # What it is told.

    def remember(self, record: Record) -> None:
        """Take in what was written down in an earlier life, in order."""
        self._told.update(record.told)
        if record.message is not None:
            self._messages.append(record.message)
            said = record.message
            self._owes = said.get("role") != "assistant" or bool(said.get("tool_calls"))
        if record.over:
            self._owes = False

    def go_on(self) -> None:
        """Go on where an earlier life was interrupted, if it was."""
        if self._owes and self.is_idle:
            self._begin()
        self.look_for_ends()

    def hear(self, text: str) -> None:
        """Hear what the person said, and answer."""
        if self._keep({"role": "user", "content": text}):
            self._owes = True
            if self.is_idle:
                self._begin()

    def task_changed(self, task: Task) -> None:
        """Hear that one of its tasks has changed."""
        if task.status.is_final:
            self.look_for_ends()

    def look_for_ends(self) -> None:
        """Wake the model if it is idle and does not know of the end of a task."""
        if self.is_idle and self._wake_timer is None and self._untold():
            self._wake_timer = self._loop.call_later(_GATHERING, self._wake)

    def stop(self) -> None:
        """End the turn at once: the person wants no more of it."""
        if not self._turn:
            return
        if self._cancel is not None:
            self._cancel()
            text = self._end_speech(" *(stopped)*")
            message = {"role": "assistant", "content": text or STOPPED}
            self._end_turn(Record(self._name, message, over=True))
            return
        for call in [*self._calls.values()]:
            if call is not None and self._turn:
                call.interrupt()
        if self._turn:
            self._end_turn(Record(self._name, over=True))

    def abandon(self) -> None:
        """End without a word: the chat is closed, and the next one goes on."""
        self._turn = 0
        if self._cancel is not None:
            self._cancel()

    # Turns and rounds.

    def _begin(self) -> None:
        self._turns += 1
        self._turn = self._turns
        self._rounds = 0
        self._ask()

    def _ask(self) -> None:
        self._rounds += 1
        if self._rounds > self._most_rounds:
            self._fail(
                f"stopped after {self._most_rounds} rounds of tools; say something and"
                " it goes on ([partner] rounds)"
            )
            return
        self._owes = False
        whole = repaired(self._messages, INTERRUPTED)
        system: Json = {"role": "system", "content": self._instructions}
        body: Json = {
            "messages": [system, *bounded(whole, LONGEST_TOLD)],
            "tools": _functions(),
        }
        self._does("waits for an answer")
        turn = self._turn

        def done(result: AnswerGatherer | str) -> None:
            if turn == self._turn:
                self._answered(result)

        self._cancel = self._model.ask(body, self._take, done)

    def _take(self, piece: Piece) -> None:
        if piece.thought:
            if self._thinks_since is None:
                self._thinks_since = datetime.now(UTC)
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

    def _answered(self, result: AnswerGatherer | str) -> None:
        self._cancel = None
        text = self._end_speech()
        if isinstance(result, str):
            if text:
                self._keep({"role": "assistant", "content": text})
            self._fail(result)
            return
        if not self._keep(result.message()):
            return
        if result.finish_reason in {"length", "content_filter"}:
            why = (
                "its limit of tokens"
                if result.finish_reason == "length"
                else "a filter"
            )
            self._tell(PartnerFailed(self._name, f"the answer was cut off by {why}"))
        if calls := result.calls:
            self._call(calls)
        elif self._owes:
            self._ask()
        else:
            self._end_turn()

    def _fail(self, text: str) -> None:
        self._tell(PartnerFailed(self._name, safe_line(text)))
        self._end_turn(Record(self._name, over=True))

    def _end_turn(self, record: Record | None = None) -> None:
        self._turn = 0
        self._cancel = None
        self._calls.clear()
        self._owes = False
        self._does("")
        if record is not None:
            self._keep(record.message, over=record.over)
        self.look_for_ends()

    # Tools.

    def _call(self, calls: list[ToolCall]) -> None:
        self._does(", ".join(dict.fromkeys(map(_named, calls))))
        turn = self._turn
        self._calls = {it.id: None for it in calls}
        for it in calls:
            self._call_one(it, turn)
            if turn != self._turn:
                return

    def _call_one(self, call: ToolCall, turn: int) -> None:
        def answered(answer: Answer) -> None:
            if turn == self._turn and call.id in self._calls:
                self._take_result(call.id, answer.text, answer)

        if call.name not in TOOLS:
            known = ", ".join(TOOLS)
            text = f"there is no tool {brief(call.name, 40)!r}; there are: {known}"
            self._take_result(call.id, text)
            return
        try:
            arguments: object = json.loads(call.arguments or "{}")
        except (ValueError, RecursionError) as error:
            text = f"the arguments of {call.name} are not JSON: {error}; correct them"
            self._take_result(call.id, text)
            return
        begun = self._session.call(call.name, arguments, answered)
        if call.id in self._calls:
            self._calls[call.id] = begun

    def _take_result(
        self, call_id: str, text: str, answer: Answer | None = None
    ) -> None:
        del self._calls[call_id]
        told = tuple(_ends_in(None if answer is None else answer.result))
        message = {"role": "tool", "tool_call_id": call_id, "content": text}
        if self._keep(message, told=told) and not self._calls:
            self._ask()

    def _asked(self, task_id: int) -> None:
        if self._turn:
            self._does(f"waits for you to allow #{task_id}")

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
        # In one line: it is told, and owed an answer, or neither.
        if self._keep({"role": "user", "content": text}, told=told):
            self._owes = True
            self._begin()

    # Writing down and telling.

    def _keep(
        self, message: Json | None, *, told: tuple[int, ...] = (), over: bool = False
    ) -> bool:
        """Write down; tell whether the turn goes on."""
        if message is not None:
            self._messages.append(message)
        self._told.update(told)
        try:
            self._keep_record(Record(self._name, message, told, over))
        except OSError as error:
            text = f"can't write down what is said: {error.strerror}"
            self._tell(PartnerFailed(self._name, text))
            if self._turn:
                if self._cancel is not None:
                    self._cancel()
                self._turn = 0
                self._calls.clear()
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
            seconds = (datetime.now(UTC) - self._thinks_since).total_seconds()
            text = "".join(self._thought)
            self._tell(PartnerThought(self._name, text, seconds))
        self._thinks_since = None
        self._thought.clear()

    def _end_speech(self, mark: str = "") -> str:
        """Close what is being said, with a mark for the person; return all of it."""
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


def _functions() -> list[Json]:
    return [
        {
            "type": "function",
            "function": {
                "name": it["name"],
                "description": it["description"],
                "parameters": it["inputSchema"],
            },
        }
        for it in tool_list()
    ]


def _named(call: ToolCall) -> str:
    return f"uses {brief(safe_line(call.name), 30)}"


def _ends_in(result: Any) -> list[int]:  # noqa: ANN401 - any result, and what is in it
    """Return the tasks that a result says have ended."""
    match result:
        case (
            TaskFacts(id=task_id, status=status)
            | OutputResult(id=task_id, status=status)
        ):
            return [task_id] if status in _ENDED else []
        case list():
            return [it for part in result for it in _ends_in(part)]  # pyright: ignore[reportUnknownVariableType]
        case msgspec.Struct():
            parts = (getattr(result, it) for it in result.__struct_fields__)
            return [it for part in parts for it in _ends_in(part)]
        case _:
            return []
