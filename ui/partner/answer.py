"""The answer of a model, assembled from the chunks of an endpoint's stream."""

from __future__ import annotations

import json
from typing import Any, Final, cast

import msgspec

from ...actors.rules.safe_text import brief, safe_line

Json = dict[str, Any]

MOST_CALLS: Final = 64
"""Maximum number of tool calls in an answer."""

LONGEST_ARGUMENTS: Final = 1 << 20
"""Maximum number of characters in the arguments of a call."""

_LONGEST_ERROR: Final = 300


class EndpointError(Exception):
    """An endpoint did not answer; the text says why and what to do, in one line."""

    def __init__(self, text: str) -> None:
        super().__init__(brief(safe_line(text), 600))


class Piece(msgspec.Struct, frozen=True):
    """The next piece of an answer, or of the reasoning, which is not part of it."""

    text: str = ""
    thought: str = ""


class ToolCall(msgspec.Struct):
    """A tool call by the model. The arguments are JSON, which may be malformed."""

    id: str = ""
    name: str = ""
    arguments: str = ""


class AnswerGatherer:
    """Assembles one answer."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._calls: list[ToolCall] = []
        self._by_index: dict[int, ToolCall] = {}
        self.finish_reason: str | None = None
        """Why the model ended; None while it has not."""

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    @property
    def calls(self) -> list[ToolCall]:
        """The calls, in order; complete when the answer is."""
        for number, call in enumerate(self._calls, 1):
            call.id = call.id or f"call_{number}"
        return self._calls

    def message(self) -> Json:
        """Return the answer as a message of the protocol."""
        message: Json = {"role": "assistant", "content": self.text or None}
        if calls := self.calls:
            message["tool_calls"] = [
                {
                    "id": it.id,
                    "type": "function",
                    "function": {"name": it.name, "arguments": it.arguments or "{}"},
                }
                for it in calls
            ]
        elif message["content"] is None:
            message["content"] = ""
        return message

    def take(self, data: str) -> Piece | None:
        """Process the data of one event.

        Returns:
            The news to show; None if there are none.

        Raises:
            EndpointError: If the event reports an error, or is invalid.
        """
        try:
            found: object = json.loads(data)
        except (ValueError, RecursionError) as error:
            text = f"the endpoint sent {brief(data, 60)!r}, which is not JSON"
            raise EndpointError(text) from error
        if not isinstance(found, dict):
            raise EndpointError(f"the endpoint sent {brief(data, 60)!r}, not an object")
        chunk = cast("Json", found)
        if chunk.get("error") or ("choices" not in chunk and chunk.get("message")):
            raise EndpointError(f"the endpoint reports: {error_text(chunk)}")
        piece: Piece | None = None
        for choice in _dicts(chunk.get("choices"))[:1]:
            delta: object = choice.get("delta") or choice.get("message")
            if isinstance(delta, dict):
                piece = self._take_delta(cast("Json", delta))
            reason: object = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                self.finish_reason = reason
        return piece

    def _take_delta(self, delta: Json) -> Piece | None:
        # A refusal of the model is in a separate member.
        text = _text(delta.get("content")) + _text(delta.get("refusal"))
        thought = _text(delta.get("reasoning_content")) or _text(delta.get("reasoning"))
        self._text.append(text)
        for it in _dicts(delta.get("tool_calls")):
            self._take_call(it)
        return Piece(text, thought) if text or thought else None

    def _take_call(self, delta: Json) -> None:
        call = self._call_of(delta.get("index"), _text(delta.get("id")))
        function: object = delta.get("function")
        if not isinstance(function, dict):
            return
        parts = cast("Json", function)
        call.name = call.name or _text(parts.get("name"))
        arguments: object = parts.get("arguments")
        if isinstance(arguments, dict):
            call.arguments = json.dumps(arguments)
        else:
            call.arguments += _text(arguments)
        if len(call.arguments) > LONGEST_ARGUMENTS:
            raise EndpointError(
                "the model called a tool with more than 1 MB; try again"
            )

    def _call_of(self, index: object, call_id: str) -> ToolCall:
        """Return the call of a piece; endpoints identify calls differently.

        Without an index, an id begins a new call, and no id means the last one. Some
        endpoints give several calls the same index, but different ids.
        """
        call: ToolCall | None = None
        if isinstance(index, int):
            call = self._by_index.get(index)
        elif not call_id:
            call = self._calls[-1] if self._calls else None
        else:
            call = next((it for it in self._calls if it.id == call_id), None)
        if call is None or (call_id and call.id and call.id != call_id):
            if len(self._calls) >= MOST_CALLS:
                raise EndpointError(f"the model called more than {MOST_CALLS} tools")
            call = ToolCall()
            self._calls.append(call)
            if isinstance(index, int):
                self._by_index[index] = call
        call.id = call.id or call_id
        return call


def error_text(found: Json) -> str:
    """Return the error text of an endpoint, in one line."""
    error: object = found.get("error") or found.get("message")
    if isinstance(error, dict):
        known = cast("Json", error)
        error = known.get("message") or known
    text = error if isinstance(error, str) else json.dumps(error)
    return brief(safe_line(" ".join(text.split())), _LONGEST_ERROR)


def _dicts(found: object) -> list[Json]:
    items = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("Json", it) for it in items if isinstance(it, dict)]


def _text(found: object) -> str:
    if not isinstance(found, str):
        return ""
    # JSON may contain lone surrogates, which can't be written to files or terminals.
    return found if found.isascii() else found.encode("utf-8", "replace").decode()
