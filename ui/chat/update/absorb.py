"""Apply the effects of the dialogue to the state; pass the other effects on."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, assert_never

from ....actors import TaskChanged, TaskEvent, TaskStatus, WriteDown
from ...dialogue import effects as said
from ...dialogue.commands import Quit
from ...dialogue.commands.viewing import LookAgain
from ...dialogue.entries import Entry, Problem, Reply, TaskNews
from ...dialogue.lookups import LookUp
from ...dialogue.partner import AllowCommands
from ...dialogue.reports import input_text
from ...text.cells import pad, width
from ..model.conversations import conversation_of
from ..model.effects import ControlPartner, Effect, ShowTerminal, TellPartner
from ..model.found import Found
from ..model.state import Detail, Focus, Leaving
from .focus import focus_named

if TYPE_CHECKING:
    from ....actors import ChatMessage
    from ...dialogue.output_search import LinesFound, Wanted
    from ..model.conversations import Conversations
    from ..model.state import ChatState


LOOKS_EVERY: Final = 2.0
"""Seconds between two measurements of an opened task."""

_ANSWERS_WITHIN: Final = 10.0  # seconds; then the request is repeated

NO_PARTNER = (
    "kept as a note: no partner is set up; to talk to a language model, set [partner]"
    " in the configuration, see docs/agents.md"
)
"""Shown once in a conversation without a partner."""


def absorb(state: ChatState, effects: list[said.Effect]) -> list[Effect]:
    """Apply effects of the dialogue; return the effects outside of the state."""
    outside: list[Effect] = []
    for effect in effects:
        match effect:
            case said.Show(entry=Reply(lines=())):
                pass  # an answer for programs; people see the news of the tasks
            case said.Show(entry=entry, where=where):
                _show(state, entry, where)
                if state.detail is not None:
                    state.notice = _beside(state, state.detail, entry) or state.notice
            case said.Send() | LookUp():
                outside.append(effect)
            case said.Tell(message=message):
                # Record messages in the order in which they are shown.
                outside += write_down(state, message.message.conversation)
                outside.append(effect)
            case said.Leave():
                state.leaving = True
                kept = state.conversations.take_to_write(None)
                outside += [_kept(message) for message in kept]
                outside.append(effect)
            case said.Speak(text=text, where=where, elsewhere=elsewhere):
                place = _or_current(state, where)
                if state.partner is not None:
                    outside.append(TellPartner(place, text, elsewhere))
                elif not elsewhere:
                    _explain_notes(state, place)
            case AllowCommands():
                if state.partner is not None:
                    outside.append(ControlPartner(effect))
            case said.Inspect():
                _inspect(state, effect)
            case said.ShowFound(wanted=wanted, part=part):
                _take_found(state, wanted, part)
            case said.Attach(task=task):
                outside.append(ShowTerminal(task))
            case said.AskToLeave(end=end):
                outside += _ask_to_leave(state, end=end)
            case said.OfferLine(line=line):
                _offer(state, line)
            case said.OpenChat(name=name, new=new):
                _open_chat(state, name, new=new)
            case said.CloseChat(name=name):
                _close_chat(state, name)
            case said.ListChats(where=where):
                lines = chat_lines(state.conversations)
                reply = Reply(datetime.now(UTC), tuple(lines), laid_out=True)
                state.conversations.show(reply, _or_current(state, where))
            case _:
                assert_never(effect)
    return outside


def _take_found(state: ChatState, wanted: Wanted, part: LinesFound) -> None:
    """Add found lines; a new list gets the focus unless the person is typing."""
    found = state.found
    new = found is None or found.ended or found.wanted != wanted
    if found is None or new:
        found = state.found = Found(wanted)
    found.take(part)
    free = state.focus is Focus.INPUT and not state.editor.text
    if new and free and state.overlay is None and state.detail is None:
        state.panels_hidden = False
        focus_named(state, "found")


def _ask_to_leave(state: ChatState, *, end: bool) -> list[Effect]:
    if state.leaving:
        return []
    ends = end or state.come_back is None
    ended, later, held, foreign = state.dialogue.context.open.fates
    changes = ended or later or state.board.left_running
    # A stored session keeps held tasks and those of unknown kinds as they are.
    if ends and (changes or (not state.remembers and (held or foreign))):
        state.overlay = Leaving(end)
        return []
    return leave(state, end=end)


def leave(state: ChatState, *, end: bool = False) -> list[Effect]:
    """Leave, even if that ends tasks; for `end` see `Leaving`."""
    state.overlay = None
    where = state.conversations.current.name
    command = Quit(sure=True, end=end)
    return absorb(state, state.dialogue.take_command(command, where))


def _explain_notes(state: ChatState, where: str) -> None:
    """Say once in a conversation without a partner that messages are only notes."""
    if not state.conversations.has_reply(where, NO_PARTNER):
        state.conversations.show(Reply(datetime.now(UTC), (NO_PARTNER,)), where)


def _offer(state: ChatState, line: str) -> None:
    if not (state.editor.text or state.to_send or state.to_split):
        state.editor.offer(line)


def _open_chat(state: ChatState, name: str, *, new: bool) -> None:
    found = [] if new else state.conversations.begin_with(name)
    if new or len(found) == 1:
        state.conversations.open(name if new else found[0])
    elif found:
        _say(state, f"several conversations begin with {name}: {', '.join(found)}")
    else:
        begin = f"/chat --new {name}"
        _say(state, f"no conversation {name}; to begin it: {begin}")
        _offer(state, begin)


def _close_chat(state: ChatState, name: str | None) -> None:
    closed = _or_current(state, name)
    problem = state.conversations.close(closed)
    if problem:
        _say(state, problem)
    else:
        reply = Reply(datetime.now(UTC), (f"removed the conversation {closed}",))
        state.conversations.show(reply, state.conversations.current.name)


def _say(state: ChatState, problem: str) -> None:
    entry = Problem(datetime.now(UTC), problem)
    state.conversations.show(entry, state.conversations.current.name)


def _open(state: ChatState, detail: Detail) -> None:
    """Open a task; it gets the focus unless the person is typing."""
    state.conversations.opened(detail.task_id)
    state.overlay = state.prompt = None
    before = state.detail
    detail.look_at = state.now + LOOKS_EVERY
    detail.opened_from = before.opened_from if before else state.focus
    hit = state.found.opening if state.found else None
    if state.found is not None and hit is not None and hit.id == detail.task_id:
        state.found.opening = None
        if detail.pager is not None:
            detail.pager.show(hit.place, hit.match)
    state.detail = detail
    if state.focus is not Focus.INPUT or not state.editor.text:
        state.focus = Focus.TASK
        state.choice = None


def _inspect(state: ChatState, wanted: said.Inspect) -> None:
    """Open a task, or update the activity of an open task."""
    found, detail = wanted.found, state.detail
    if not wanted.again:
        _open(state, Detail.of(found, wanted.activity))
    elif detail is not None and detail.task_id == found.task.id:
        detail.pid, detail.activity = found.pid, wanted.activity
        detail.output_size = found.task.output_size
        detail.look_at = state.now + LOOKS_EVERY


def look_again(state: ChatState) -> list[Effect]:
    """Request a measurement of the opened task when it is due."""
    detail = state.detail
    seen = None if detail is None else state.board.find(detail.task_id)
    if detail is None or seen is None or state.leaving or state.now < detail.look_at:
        return []
    if seen.task.status is not TaskStatus.RUNNING or detail.pid is None:
        return []
    detail.look_at = state.now + _ANSWERS_WITHIN
    return absorb(state, state.dialogue.take_command(LookAgain(detail.task_id)))


def chat_lines(conversations: Conversations) -> list[str]:
    """Return the list of conversations as lines; the current one is marked."""
    widest = max(width(c.name) for c in conversations.all)
    lines: list[str] = []
    for conversation in conversations.all:
        mark = ">" if conversation is conversations.current else " "
        count = conversation.transcript.count_from(-sys.maxsize)
        unread = f", {conversation.unread} unread" if conversation.unread else ""
        name = pad(conversation.name, widest)
        lines.append(f"{mark} {name}  {count} line{'s' * (count != 1)}{unread}")
    return lines


def write_down(state: ChatState, saying: str | None = None) -> list[Effect]:
    """Return effects that record the shown entries; see `take_to_write`."""
    kept = state.conversations.take_to_write(state.now, saying)
    return [_kept(message) for message in kept]


def _kept(message: ChatMessage) -> said.Tell:
    # Private: other chats show their own answers.
    return said.Tell(WriteDown(message, private=True))


def _show(state: ChatState, entry: Entry, where: str | None) -> None:
    conversations = state.conversations
    if not isinstance(entry, TaskNews):
        conversations.show(entry, where or conversations.current.name)
    elif entry.change.event is TaskEvent.INPUT:
        task = entry.change.task
        said = Reply(entry.at, (input_text(task),))
        conversations.show(said, conversation_of(task))
    elif entry.change.event is not TaskEvent.PROGRESS:
        conversations.show_news(entry, state.now)


def _beside(state: ChatState, detail: Detail, entry: Entry) -> str:
    """Return the text of an entry for the footer, while a task hides the transcript.

    Only answers to keys that were pressed there; other entries can wait.
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
        case TaskNews(change=TaskChanged(event=TaskEvent.INPUT, task=task)):
            return input_text(task)
        case _:
            return ""


def _or_current(state: ChatState, where: str | None) -> str:
    return where or state.conversations.current.name
