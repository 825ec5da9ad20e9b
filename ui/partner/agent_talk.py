"""One conversation with an agent, in a session of its own.

The agent stores the conversation, calls tools through our MCP server, and calls its
model as often as needed. This module keeps the messages that it has not received or
answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

from ...actors.rules.safe_text import brief, safe_line
from ..dialogue.partner import PartnerFailed
from .agent_messages import Failure
from .answer import Json, Piece
from .memory import Record
from .messages import CONTINUE, FAILED, STOPPED
from .talk import Place, Talk, ends_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..agents.call import Answer
    from ..agents.loop import Timer
    from .agent import Agent
    from .agent_tools import AgentTools

LONGEST_ANSWER: Final = 8 << 20
"""Maximum number of characters of an answer."""

_MOST_RESTARTS: Final = 2  # of an agent that dies during a turn
_SAID: Final = {
    "max_tokens": "the answer was cut off by its limit of tokens",
    "max_turn_requests": "the agent stopped after its largest number of requests",
    "refusal": "the agent refuses to answer that",
}


class AgentTalk(Talk):
    """A conversation with an agent; see the module."""

    def __init__(
        self, place: Place, agent: Agent, tools: AgentTools, directory: str
    ) -> None:
        super().__init__(place)
        self._agent = agent
        self._tools = tools
        self._directory = directory
        self._unheard: list[str] = []  # messages without an answer
        self._heard: list[str] = []  # answered messages of this session of the agent
        self._sent = 0  # how many of the unanswered messages the agent has received
        self._began = False  # whether there were answers before this session
        self._agent_session = ""
        self._life = 0  # the agent's life in which it has the session
        self._restarts = 0
        self._prompting = False  # whether a prompt is unanswered
        self._used_tools = False  # whether the agent has used a tool since the prompt
        self._waits = False  # whether a turn waits for the end of the previous one
        self._stop_timer: Timer | None = None
        self._replay: list[str] | None = None  # the person's messages, in a replay
        self._replays_person = False
        self._parts: list[str] = []
        self._size = 0
        self._message_id: object = None
        self._ends: set[int] = set()
        place.session.on_answer = self._tool_answered

    # Input.

    def remember(self, record: Record) -> None:
        """See `Talk`."""
        super().remember(record)
        if record.agent_session:
            mine = record.agent == self._agent.command
            self._agent_session = record.agent_session if mine else ""
            self._heard.clear()
        if record.message is not None and record.message.get("role") == "assistant":
            self._began = True
            self._settle(record.unanswered)

    def stop(self) -> None:
        """End the turn at once, as requested by the person."""
        if not self._turn:
            return
        for call in [*self._session.calls]:
            call.interrupt()
        said = self._gathered(" *(stopped)*")
        if not self._prompting or self._waits:
            # The agent has not received the prompt to be stopped.
            self._waits = False
            self._end_turn(Record(self._name, over=True))
            return
        self._agent.messages.notify(
            "session/cancel", {"sessionId": self._agent_session}
        )
        self._stop_timer = self._loop.call_later(
            self._agent.patience.stop,
            lambda: self._agent.end(f"{self._agent.name} did not stop; it was ended"),
        )
        self._over(said or STOPPED)

    def _drop(self) -> None:
        self._waits = False

    def _note(self, message: Json, unanswered: int) -> None:
        del unanswered  # see `_settle`
        if message.get("role") == "user":
            self._unheard.append(str(message.get("content")))

    def _settle(self, unanswered: int) -> None:
        count = max(0, len(self._unheard) - unanswered)
        self._heard += self._unheard[:count]
        del self._unheard[:count]

    # Connection.

    def _begin(self) -> None:
        self._restarts = 0
        super()._begin()

    def _ask(self) -> None:
        self._owes = False
        agent = self._agent
        if not self._unheard:
            self._end_turn()
            return
        if self._prompting:
            self._waits = True
            self._does(f"waits until {agent.name} has stopped")
            return
        if agent.is_ready and self._tools.are_lost and not agent.is_busy:
            # The agent would not connect to the tools again.
            agent.end()
        self._does("waits for an answer" if agent.is_ready else f"starts {agent.name}")
        agent.when_ready(self._in_turn(self._reached))

    def _in_turn(
        self, call: Callable[[Failure | None], None]
    ) -> Callable[[Failure | None], None]:
        turn = self._turn
        return lambda it: call(it) if turn == self._turn else None

    def _reached(self, failure: Failure | None) -> None:
        if failure is not None:
            self._failed(failure)
        elif self._life == self._agent.life:
            self._prompt([])
        elif self._agent_session and self._agent.can_load:
            self._load()
        else:
            self._open()

    def _load(self) -> None:
        """Make the agent load a session; it replays the conversation."""
        self._tools.forget()
        self._replay = []
        self._replays_person = False
        self._agent.messages.updates[self._agent_session] = self._update
        turn = self._turn

        def loaded(result: Json | Failure) -> None:
            replay, self._replay = self._replay or [], None
            if isinstance(result, Failure):
                if turn == self._turn:
                    self._not_loaded(result)
                return
            self._life = self._agent.life
            if turn == self._turn:
                self._prompt(replay)

        params = {"sessionId": self._agent_session, **self._place()}
        self._agent.messages.request(
            "session/load", params, loaded, self._agent.patience.session
        )

    def _not_loaded(self, failure: Failure) -> None:
        if failure.answered:
            self._open()
        else:
            self._failed(failure)

    def _open(self) -> None:
        """Open a new session."""
        self._tools.forget()
        turn, anew = self._turn, bool(self._agent_session) or self._began

        def opened(result: Json | Failure) -> None:
            if turn != self._turn:
                return
            if isinstance(result, Failure):
                self._failed(result)
                return
            found: object = result.get("sessionId")
            if not isinstance(found, str) or not found:
                self._failed(Failure(f"{self._agent.name} opened no session"))
                return
            if anew:
                text = f"{self._agent.name} has lost the earlier conversation"
                self._tell(PartnerFailed(self._name, text))
            self._agent_session = found
            self._life = self._agent.life
            self._agent.messages.updates[found] = self._update
            self._heard.clear()
            command = self._agent.command
            if self._write(Record(self._name, agent=command, agent_session=found)):
                self._prompt([])

        self._agent.messages.request(
            "session/new", self._place(), opened, self._agent.patience.session
        )

    def _place(self) -> Json:
        servers = [self._tools.description()]
        return {**self._agent.place(self._directory), "mcpServers": servers}

    # Turns.

    def _prompt(self, replay: list[str]) -> None:
        """Request an answer to the unanswered messages, except those in the replay."""
        self._sent = len(self._unheard)
        known = [it for it in replay if not it.startswith(CONTINUE)]
        new = [it for it in self._unheard if not self._is_known(it, known)]
        texts = new or [CONTINUE]
        self._prompting, self._used_tools = True, False
        self._size, self._message_id = 0, None
        self._ends.clear()
        self._does("waits for an answer")
        turn = self._turn

        def answered(result: Json | Failure) -> None:
            self._prompting = False
            if self._stop_timer is not None:
                self._stop_timer.cancel()
                self._stop_timer = None
            if turn == self._turn:
                self._answered(result)
            elif self._turn and self._waits:
                self._waits = False
                self._ask()

        blocks = [{"type": "text", "text": it} for it in texts]
        params: Json = {"sessionId": self._agent_session, "prompt": blocks}
        self._agent.messages.request("session/prompt", params, answered)

    def _is_known(self, text: str, replay: list[str]) -> bool:
        """Return whether the agent had received a message before it was ended."""
        if not replay or text not in replay[-1]:
            return False
        return sum(text in it for it in replay) > sum(text in it for it in self._heard)

    def _answered(self, result: Json | Failure) -> None:
        if isinstance(result, Failure):
            self._failed(result)
            return
        reason: object = result.get("stopReason")
        said = self._gathered()
        if isinstance(reason, str) and reason in _SAID:
            self._tell(PartnerFailed(self._name, _SAID[reason]))
        elif not said and not self._used_tools:
            self._tell(PartnerFailed(self._name, "the agent gave an empty answer"))
        if not self._tools.was_used:
            self._agent.tell_toolless()
        self._over(said)

    def _over(self, said: str) -> None:
        """End the turn with this answer, or continue with newer messages."""
        self._began = True
        left = len(self._unheard) - self._sent
        record = Record(
            self._name,
            {"role": "assistant", "content": said},
            told=tuple(sorted(self._ends)),
            over=not left,
            unanswered=left,
        )
        self._ends.clear()
        if not left:
            self._end_turn(record)
            self._settle(0)
            return
        kept = self._write(record)
        self._settle(left)
        if kept:
            # A new turn: late updates of the ended one must not be part of it.
            self._begin()

    def _failed(self, failure: Failure) -> None:
        if failure.answered and self._sent and self._life == self._agent.life:
            # It received the message, and has no answer.
            self._tell(PartnerFailed(self._name, failure.text))
            self._over(self._gathered() or FAILED)
            return
        self._gathered()
        self._sent = 0
        if failure.died and self._restarts < _MOST_RESTARTS:
            self._restarts += 1
            text = f"{failure.text}; it is started again"
            self._tell(PartnerFailed(self._name, text))
            self._ask()
        else:
            self._fail(failure.text)

    # Updates.

    def _update(self, update: Json) -> None:
        kind: object = update.get("sessionUpdate")
        if self._replay is not None:
            self._take_replay(self._replay, kind, update)
            return
        if not self._turn or not self._prompting or self._waits:
            return
        match kind:
            case "agent_message_chunk":
                self._take_text(update)
            case "agent_thought_chunk":
                if text := _text(update):
                    self._take_piece(Piece(thought=text))
            case "tool_call":
                self._used_tools = True
                self._gather()
                title = safe_line(str(update.get("title") or "a tool")).strip()
                self._does(f"uses {brief(title.removeprefix('backburner_'), 30)}")
            case "tool_call_update":
                if update.get("status") in {"completed", "failed"}:
                    self._does("waits for an answer")
            case _:
                pass

    def _take_text(self, update: Json) -> None:
        message_id: object = update.get("messageId")
        if message_id is not None and message_id != self._message_id:
            self._gather()
            self._message_id = message_id
        if text := _text(update):
            self._take_piece(Piece(text))

    def _take_piece(self, piece: Piece) -> None:
        self._size += len(piece.text) + len(piece.thought)
        if self._size > LONGEST_ANSWER:
            text = f"the answer is longer than {LONGEST_ANSWER >> 20} MB; stopped"
            self._tell(PartnerFailed(self._name, text))
            self.stop()
            return
        self._take(piece)

    def _take_replay(self, replay: list[str], kind: object, update: Json) -> None:
        is_person = kind == "user_message_chunk"
        if is_person and self._replays_person:
            replay[-1] += _text(update)
        elif is_person:
            replay.append(_text(update))
        self._replays_person = is_person

    def _gather(self) -> None:
        """End the current text, and continue."""
        if text := self._end_speech():
            self._parts.append(text)

    def _gathered(self, mark: str = "") -> str:
        """End the current text; return all text of this turn."""
        if text := self._end_speech(mark):
            self._parts.append(text)
        text = "\n\n".join(self._parts)
        self._parts.clear()
        return text

    def _tool_answered(self, answer: Answer) -> None:
        # Results are stored with the answer: until then they may be lost.
        if self._turn:
            self._used_tools = True
            self._ends.update(ends_in(answer.result))


def _text(update: Json) -> str:
    content: object = update.get("content")
    if not isinstance(content, dict):
        return ""
    text: object = cast("Json", content).get("text")
    return text if isinstance(text, str) else ""
