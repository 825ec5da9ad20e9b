"""Keys while a question or the list of keys is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..model import keymap
from ..model.state import Focus, Leaving
from .absorb import leave
from .help_keys import scroll_list_by
from .letters import note, recent, to_input
from .questions import AMID_LETTERS, answer

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.effects import Effect
    from ..model.state import ChatState, HelpKeys, Question


def take_question_key(
    state: ChatState, question: Question, key: Key
) -> list[Effect] | None:
    """Handle a key during a question about a task.

    Returns:
        The effects; None if the question is closed and the key has to be handled
        without it.
    """
    match key.name:
        case "enter":
            # Earlier, the question can't have been read, or Enter ends a word.
            ready = state.now >= question.accepts_from
            return answer(state, question) if ready else []
        case question.key:
            # The key is held down, or begins a word such as "xxl".
            note(state, key)
            accepts_from = state.now + AMID_LETTERS
            state.overlay = replace(question, accepts_from=accepts_from)
            return []
        case _:
            state.overlay = None
    if key.text and recent(state) is not None:
        return to_input(state, key)  # the key of the question began a word
    return [] if key.name in {"escape", "ctrl-c"} else None


def take_leaving_key(state: ChatState, key: Key) -> list[Effect]:
    """Handle a key during the question whether to leave."""
    end = isinstance(state.overlay, Leaving) and state.overlay.end
    match keymap.LEAVE.action(key.name):
        case "leave":
            return leave(state, end=end)
        case "stay":
            if key.text:
                note(state, key)
            state.overlay = None
        case "wait" if recent(state) is None:
            # It may be the first letter of a message.
            note(state, key)
            state.notice = "Enter ends the session" if end else "Enter leaves"
        case _ if key.text:
            return to_input(state, key)
        case _:
            pass
    return []


def take_help_key(state: ChatState, shown: HelpKeys, key: Key) -> list[Effect] | None:
    """Handle a key while the list of keys is open.

    Returns:
        The effects; None if the list is closed and the key is for the input: a person
        can keep typing without closing the list first.
    """
    action = keymap.HELP.action(key.name)
    if action:
        scroll_list_by(state, shown, action)
        return []
    state.overlay = None
    if key.text and recent(state) is not None:
        return to_input(state, key)
    typed = key.text and key.text not in "?q"
    # A key that was only looked up in the list must not act on a task.
    return None if typed and state.focus is Focus.INPUT else []
