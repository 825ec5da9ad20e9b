"""What the dialogue says, taken into the state; the rest is passed on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from ....actors import TaskChanged, TaskEvent
from ...dialogue import effects as said
from ...dialogue.entries import Entry, Problem, Reply, TaskNews
from ...text.cells import pad, width
from ..model.effects import Effect, TellPartner
from ..model.state import Detail

if TYPE_CHECKING:
    from ..model.conversations import Conversations
    from ..model.state import ChatState


def absorb(state: ChatState, effects: list[said.Effect]) -> list[Effect]:
    """Take in what the dialogue wants shown; return what is to be done outside."""
    outside: list[Effect] = []
    for effect in effects:
        match effect:
            case said.Show(entry=entry, where=where):
                _show(state.conversations, entry, where)
                if state.detail is not None:
                    state.notice = _beside(state, state.detail, entry) or state.notice
            case said.Send() | said.Tell():
                outside.append(effect)
            case said.Leave():
                state.leaving = True
                outside.append(effect)
            case said.Speak(text=text, where=where):
                if state.partner is not None:
                    outside.append(TellPartner(_or_current(state, where), text))
            case said.Inspect(found=found, activity=activity):
                state.overlay = Detail.of(found, activity)
                state.conversations.opened(found.task.id)
            case said.OpenChat(name=name):
                state.conversations.open(name)
            case said.ListChats(where=where):
                lines = chat_lines(state.conversations)
                reply = Reply(datetime.now(UTC), tuple(lines))
                state.conversations.show(reply, _or_current(state, where))
            case _:
                assert_never(effect)
    return outside


def chat_lines(conversations: Conversations) -> list[str]:
    """Write the list of conversations, the current one marked."""
    widest = max(width(c.name) for c in conversations.all)
    lines: list[str] = []
    for conversation in conversations.all:
        mark = ">" if conversation is conversations.current else " "
        count = len(conversation.transcript.items)
        unread = f", {conversation.unread} unread" if conversation.unread else ""
        name = pad(conversation.name, widest)
        lines.append(f"{mark} {name}  {count} line{'s' * (count != 1)}{unread}")
    return lines


def _show(conversations: Conversations, entry: Entry, where: str | None) -> None:
    if not isinstance(entry, TaskNews):
        conversations.show(entry, where or conversations.current.name)
    elif entry.change.event is not TaskEvent.PROGRESS:
        conversations.show_news(entry)


def _beside(state: ChatState, detail: Detail, entry: Entry) -> str:
    """Return what is to be read of an entry while an open task hides the transcript.

    That is the answer to a key that was pressed there; the rest can wait.
    """
    match entry:
        case Reply(lines=(first, *_)):
            return first
        case Problem(text=text):
            return text
        case TaskNews(change=TaskChanged(event=TaskEvent.QUEUED, task=task)):
            seen = state.board.find(detail.task_id)
            again = seen is not None and seen.task.description == task.description
            return f"runs again as #{task.id}" if again else ""
        case _:
            return ""


def _or_current(state: ChatState, where: str | None) -> str:
    return where or state.conversations.current.name
