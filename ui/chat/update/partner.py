"""Apply the messages of the partner to the state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, assert_never

from msgspec.structs import replace

from ....actors import ChatMessage, TaskStatus, WriteDown
from ....actors.rules.safe_text import safe_line
from ....actors.rules.terms import PLAIN
from ...dialogue.arguments import LONGEST_NAME
from ...dialogue.effects import Tell
from ...dialogue.entries import Problem
from ...dialogue.partner import (
    PARTNER_ORIGIN,
    PartnerDoes,
    PartnerFailed,
    PartnerSays,
    PartnerThought,
    StopAnswer,
)
from ..model.effects import ControlPartner, Effect
from ..model.state import Doing
from ..model.transcript import Thought
from .absorb import write_down

if TYPE_CHECKING:
    from ....actors import Task
    from ...dialogue.partner import PartnerMessage
    from ..model.state import ChatState

PARTNER: Final = "partner"
"""The name of a partner without a name."""

_ALLOW: Final = "/allow "


def take_partner(state: ChatState, message: PartnerMessage) -> list[Effect]:
    """Handle a message of the partner."""
    where = safe_line(message.conversation)[:LONGEST_NAME]
    match message:
        case PartnerSays():
            return _take_speech(state, where, message)
        case PartnerThought(text=text, seconds=seconds):
            thought = Thought(datetime.now(UTC), text, seconds)
            state.conversations.show_thought(thought, where)
        case PartnerDoes(what=""):
            state.doing.pop(where, None)
        case PartnerDoes(what=what):
            before = state.doing.get(where)
            since = state.now if before is None else before.since
            state.doing[where] = Doing(safe_line(what), since)
        case PartnerFailed(text=text):
            failed = f"{state.partner or PARTNER}: {safe_line(text)}"
            state.conversations.show(Problem(datetime.now(UTC), failed), where)
            return write_down(state)
        case _:
            assert_never(message)
    return []


def _take_speech(state: ChatState, where: str, says: PartnerSays) -> list[Effect]:
    who = state.partner or PARTNER
    said = state.conversations.extend_speech(who, datetime.now(UTC), says, where)
    if said is None:
        return []
    kept = ChatMessage(said.at, where, said.who, said.text, form=said.form)
    return [*write_down(state, where), Tell(WriteDown(kept))]


def stop_answer(state: ChatState) -> list[Effect] | None:
    """Stop the partner's activity in this conversation; None if there is none."""
    where = state.conversations.current.name
    if where not in state.doing:
        return None
    return [ControlPartner(StopAnswer(where))]


def show_thoughts(state: ChatState) -> None:
    """Unfold the partner's reasoning, or fold it again."""
    shows = not state.look.thoughts
    state.look = replace(state.look, thoughts=shows)
    state.notice = "reasoning is shown" if shows else "reasoning is folded"


def offer_to_allow(state: ChatState, task: Task) -> None:
    """Offer the line that allows a command of the partner, while it waits."""
    if not task.origin.startswith(PARTNER_ORIGIN):
        return
    line = f"{_ALLOW}{task.id}"
    if task.status is TaskStatus.QUEUED and (task.terms or PLAIN).held:
        if not state.editor.text:
            state.editor.offer(line)
    elif state.editor.offered == line:
        state.editor.offer("")
