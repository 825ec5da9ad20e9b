"""One conversation with a model at an endpoint, including its tool calls.

A turn consists of rounds: the model is asked, the tools that it calls are run, and it
is asked again with their results, until it calls none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..agents.tools import TOOLS, tool_list
from ..dialogue.partner import PartnerFailed
from .memory import Record, bounded, repaired
from .messages import INTERRUPTED, STOPPED
from .talk import Place, Talk, ends_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..agents.call import Answer, Call
    from .answer import AnswerGatherer, Json, Piece, ToolCall

LONGEST_TOLD: Final = 200_000
"""Maximum number of characters of a conversation sent to the model."""

_CUT_OFF_BY: Final = {"length": "its limit of tokens", "content_filter": "a filter"}
"""Descriptions of finish reasons of incomplete answers."""


class Model(Protocol):
    """Answers one request at a time for a conversation."""

    def ask(
        self,
        body: Json,
        take: Callable[[Piece], None],
        done: Callable[[AnswerGatherer | str], None],
    ) -> Callable[[], None]:
        """Send a request; callbacks run on the loop, `done` last, errors as text.

        Returns:
            A function that cancels the request; no callbacks follow it.
        """
        ...


class EndpointTalk(Talk):
    """A conversation with a model; see the module."""

    def __init__(
        self, place: Place, model: Model, instructions: str, rounds: int
    ) -> None:
        super().__init__(place)
        self._model = model
        self._instructions = instructions
        self._most_rounds = rounds
        self._messages: list[Json] = []
        self._asked_with = 0  # number of messages in the last request
        self._rounds = 0
        self._cancel: Callable[[], None] | None = None
        self._calls: dict[str, Call | None] = {}

    def stop(self) -> None:
        """End the turn at once, as requested by the person."""
        if not self._turn:
            return
        # Messages from after the request: the answer can't be meant for them.
        left = sum(it["role"] == "user" for it in self._messages[self._asked_with :])
        if self._cancel is not None:
            self._cancel()
            text = self._end_speech(" *(stopped)*")
            self._over({"role": "assistant", "content": text or STOPPED}, left)
            return
        for call in [*self._calls.values()]:
            if call is not None and self._turn:
                call.interrupt()
        if self._turn:
            self._over(None, left)

    def _over(self, message: Json | None, left: int) -> None:
        """End the turn; continue with messages received meanwhile, if any."""
        record = Record(self._name, message, over=not left, unanswered=left)
        if not left:
            self._end_turn(record)
            return
        self._drop()
        if self._write(record):
            self._begin()

    def _drop(self) -> None:
        cancel, self._cancel = self._cancel, None
        self._calls.clear()
        if cancel is not None:
            cancel()

    def _note(self, message: Json, unanswered: int) -> None:
        # Before the messages that it does not answer, which come next.
        self._messages.insert(len(self._messages) - unanswered, message)

    # Rounds.

    def _begin(self) -> None:
        self._rounds = 0
        super()._begin()

    def _ask(self) -> None:
        self._rounds += 1
        if self._rounds > self._most_rounds:
            self._fail(
                f"stopped after {self._most_rounds} rounds of tools; send a message to"
                " continue ([partner] rounds)"
            )
            return
        self._owes = False
        self._asked_with = len(self._messages)
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

    def _answered(self, result: AnswerGatherer | str) -> None:
        self._cancel = None
        text = self._end_speech()
        if isinstance(result, str):
            if text:
                self._keep({"role": "assistant", "content": text})
            self._fail(result)
            return
        # A model that has used tools may have nothing to add.
        follows_tools = self._messages[self._asked_with - 1].get("role") == "tool"
        # One record for the answer and for the messages that it does not answer.
        if not self._keep(
            result.message(), unanswered=len(self._messages) - self._asked_with
        ):
            return
        calls = result.calls
        if result.finish_reason in _CUT_OFF_BY:
            why = _CUT_OFF_BY[result.finish_reason]
            self._tell(PartnerFailed(self._name, f"the answer was cut off by {why}"))
        elif not text and not calls and not follows_tools:
            self._tell(PartnerFailed(self._name, "the model gave an empty answer"))
        if calls:
            self._call(calls)
        elif self._owes:
            self._ask()
        else:
            self._end_turn()

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
            arguments: object = msgspec.json.decode(call.arguments or "{}")
        except (msgspec.DecodeError, RecursionError) as error:
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
        told = tuple(ends_in(None if answer is None else answer.result))
        message = {"role": "tool", "tool_call_id": call_id, "content": text}
        if self._keep(message, told=told) and not self._calls:
            self._ask()


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
