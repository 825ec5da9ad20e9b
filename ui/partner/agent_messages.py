"""The messages to and from an agent: requests with answers, and notifications."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from ...actors.rules.safe_text import brief, safe_line
from ..agents.jsonrpc import (
    METHOD_NOT_FOUND,
    RpcError,
    error_line,
    repaired,
    result_line,
)
from ..agents.wire_lines import ClientStream
from .permissions import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..agents.jsonrpc import RequestId
    from ..agents.loop import Timer
    from .answer import Json
    from .post_loop import PostLoop

LONGEST_LINE: Final = 16 << 20
"""Maximum number of bytes of a message."""

_FLOOD: Final = 64 << 20  # bytes at once, in addition to the allowed rate
_FLOOD_RATE: Final = 1 << 20  # bytes per second
_MOST_GARBAGE: Final = 1000  # lines
_MOST_REFUSALS: Final = 20  # reported to the person
_LOGIN_FIRST: Final = -32000


class Failure(msgspec.Struct, frozen=True):
    """The failure of a request.

    Attributes:
        text: The reason for a person, in one line.
        died: Whether the agent has ended, and may be started again.
        answered: Whether the agent itself reported the failure.
    """

    text: str
    died: bool = False
    answered: bool = False


class _Pending:
    __slots__ = ("answered", "timer")

    def __init__(
        self, answered: Callable[[Json | Failure], None], timer: Timer | None
    ) -> None:
        self.answered = answered
        self.timer = timer


class AgentMessages:
    """Exchanges messages with successive processes of an agent; on the loop's thread.

    Args:
        loop: Runs the callbacks.
        name: The name of the agent.
        tell: Called with a message for a person, in one line.
        broken: Called with the reason if the agent can't be used further; ends the
            process.
        at_home: A hint to add to the advice to log in first.
    """

    def __init__(
        self,
        loop: PostLoop,
        name: str,
        tell: Callable[[str], None],
        broken: Callable[[str], None],
        at_home: str,
    ) -> None:
        self.updates: dict[str, Callable[[Json], None]] = {}
        """Called with the updates of each of its sessions."""
        self._loop = loop
        self._name = name
        self._tell = tell
        self._broken = broken
        self._at_home = at_home
        self._stream: ClientStream | None = None
        self._pending: dict[int, _Pending] = {}
        self._ids = 0
        self._has_answered = False
        self._garbage = 0
        self._printed = ""
        self._flood = 0.0
        self._flood_at = time.monotonic()
        self._refused: set[str] = set()
        self._permissions = Permissions()

    @property
    def is_awaited(self) -> bool:
        """Whether there are pending requests."""
        return bool(self._pending)

    def open(self, source: int, target: int, ended: Callable[[], None]) -> None:
        """Use the output and input of a new process; `ended` is called at their end."""
        self._has_answered, self._garbage, self._printed = False, 0, ""
        self._stream = ClientStream(
            self._loop, source, target, self._take, ended, longest=LONGEST_LINE
        )

    def close(self) -> None:
        """Stop reading and writing."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None
        self.updates.clear()

    def request(
        self,
        method: str,
        params: Json,
        answered: Callable[[Json | Failure], None],
        timeout: float | None = None,
    ) -> None:
        """Send a request; `answered` gets the result, or a failure.

        If there is no answer within `timeout` seconds, the agent is considered broken.
        """
        if self._stream is None:
            answered(Failure(f"{self._name} has ended", died=True))
            return
        self._ids += 1
        number, timer = self._ids, None
        if timeout is not None:
            timer = self._loop.call_later(timeout, lambda: self._give_up(method))
        self._pending[number] = _Pending(answered, timer)
        message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        self._stream.write(msgspec.json.encode(message))

    def notify(self, method: str, params: Json) -> None:
        """Send a notification."""
        if self._stream is not None:
            message = {"jsonrpc": "2.0", "method": method, "params": params}
            self._stream.write(msgspec.json.encode(message))

    def fail(self, failure: Failure) -> None:
        """Fail all pending requests."""
        pending, self._pending = [*self._pending.values()], {}
        for it in pending:
            if it.timer is not None:
                it.timer.cancel()
            it.answered(failure)

    def _give_up(self, method: str) -> None:
        text = f"{self._name} does not answer {method}"
        if self._printed:
            text += f" (it printed {self._printed!r})"
        self._broken(f"{text}; is it an agent that speaks ACP? See [partner] command")

    def _take(self, line: bytes | None) -> None:
        if line is None:
            text = f"{self._name} sent a message of more than {LONGEST_LINE >> 20} MB"
            self._broken(f"{text}; it was ended")
            return
        if self._floods(len(line)):
            self._broken(f"{self._name} sends too much; it was ended")
            return
        try:
            found: object = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            found = repaired(line)
        if not isinstance(found, dict):
            self._take_garbage(line)
            return
        message = cast("Json", found)
        method: object = message.get("method")
        number: object = message.get("id")
        params: object = message.get("params")
        given = cast("Json", params) if isinstance(params, dict) else {}
        if not isinstance(method, str):
            if isinstance(number, int) and number in self._pending:
                self._take_answer(self._pending.pop(number), message)
        elif isinstance(number, int | str):
            self._answer(number, method, given)
        elif method == "session/update":
            session: object = given.get("sessionId")
            update: object = given.get("update")
            told = self.updates.get(session) if isinstance(session, str) else None
            if isinstance(update, dict):
                self._permissions.note_call(session, cast("Json", update))
            if told is not None and isinstance(update, dict):
                told(cast("Json", update))

    def _floods(self, size: int) -> bool:
        now = time.monotonic()
        leaked = (now - self._flood_at) * _FLOOD_RATE
        self._flood_at = now
        self._flood = max(0.0, self._flood - leaked) + size
        return self._flood > _FLOOD

    def _take_garbage(self, line: bytes) -> None:
        self._garbage += 1
        if self._garbage == 1:
            text = line[:1000].decode("utf-8", "replace")
            self._printed = brief(safe_line(text).strip(), 60)
            if self._has_answered:
                self._tell(
                    f"{self._name} printed {self._printed!r}, which is not a message of"
                    " ACP; it is skipped"
                )
        if self._garbage > _MOST_GARBAGE:
            self._broken(
                f"{self._name} prints lines that are not ACP messages, such as"
                f" {self._printed!r}; correct [partner] command"
            )

    def _take_answer(self, pending: _Pending, message: Json) -> None:
        if pending.timer is not None:
            pending.timer.cancel()
        self._has_answered = True
        error: object = message.get("error")
        if error is not None:
            pending.answered(self._failure(error))
            return
        result: object = message.get("result")
        known = cast("Json", result) if isinstance(result, dict) else {}
        pending.answered(known)

    def _failure(self, error: Any) -> Failure:  # noqa: ANN401 - any JSON
        found = cast("Json", error) if isinstance(error, dict) else {"message": error}
        data: object = found.get("data")
        text = str(found.get("message"))
        if data is not None:
            with contextlib.suppress(TypeError, ValueError):
                text += f" {msgspec.json.encode(data).decode()}"
        text = brief(safe_line(" ".join(text.split())), 300)
        if found.get("code") == _LOGIN_FIRST:
            text = f"{self._name} wants you to log in first ({text}); do that"
            text += self._at_home
        else:
            text = f"{self._name} reports: {text}"
        return Failure(text, answered=True)

    def _answer(self, number: RequestId, method: str, params: Json) -> None:
        """Answer a request of the agent."""
        if self._stream is None:
            return
        if method == "session/request_permission":
            outcome, refused = self._permissions.judge(params)
            if refused:
                self._refuse(f"wanted to use {refused} of its own")
            self._stream.write(result_line(number, {"outcome": outcome}))
            return
        self._refuse(
            f"asked for {brief(safe_line(method), 40)}, which is not supported"
        )
        text = f"there is no method {method!r} here; use the tools of backburner"
        self._stream.write(error_line(number, RpcError(METHOD_NOT_FOUND, text)))

    def _refuse(self, what: str) -> None:
        if what not in self._refused and len(self._refused) < _MOST_REFUSALS:
            self._refused.add(what)
            self._tell(f"{self._name} {what}; that was refused: it works by tasks")
