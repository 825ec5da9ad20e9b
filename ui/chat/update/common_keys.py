"""Keys that mean the same in every part: leaving, pausing, redrawing, hiding tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...dialogue import commands
from ..model.effects import Effect, HurryUp, Redraw, Suspend
from ..model.state import Confirm, Focus
from .absorb import absorb, leave

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.state import ChatState


def take_terminal_key(key: Key) -> list[Effect] | None:
    """Carry out a key that is about the terminal, whatever is being typed or asked.

    Returns:
        What is to be done; none if this is no such key.
    """
    match key.name:
        case "ctrl-z":
            return [Suspend()]
        case "ctrl-l":
            return [Redraw()]
        case _:
            return None


def take_common_key(state: ChatState, key: Key) -> list[Effect] | None:
    """Carry out a key that means the same everywhere; none if this is no such key."""
    match key.name:
        case "ctrl-c":
            return interrupt(state)
        case "ctrl-d":
            return end_of_input(state)
        case "ctrl-t":
            state.panel = replace(state.panel, hidden=not state.panel.hidden)
            state.focus = Focus.INPUT
            return []
        case _:
            return None


def interrupt(state: ChatState) -> list[Effect]:
    """Do what Ctrl+C means: ask whether to leave, or hurry if that is under way."""
    if state.leaving:
        return [HurryUp()]
    if waiting := len(state.to_send):
        state.to_send.clear()
        state.notice = f"not sent: {waiting} of the commands, which waited"
        return []
    state.overlay = Confirm(state.detail)
    return []


def end_of_input(state: ChatState) -> list[Effect]:
    """Do what Ctrl+D means: leave, but ask before anything is ended by it."""
    where = state.conversations.current.name
    return absorb(state, state.dialogue.take_command(commands.Quit(), where))


def take_confirm_key(
    state: ChatState, question: Confirm, key: Key
) -> list[Effect] | None:
    """Take the answer to the question whether to leave.

    Returns:
        What is to be done; none if the question was passed over: somebody goes on
        typing, and the key belongs to the input.
    """
    match key.name:
        case "enter" | "y" | "Y" | "ctrl-c" | "ctrl-d":
            return leave(state)
        case "escape" | "n" | "N" | "q":
            state.overlay = question.under
        case _ if key.text:
            state.overlay = None
            return None
        case _:
            pass
    return []
