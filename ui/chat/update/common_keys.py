"""Keys with the same action everywhere: leave, suspend, redraw, hide tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...dialogue import commands
from ..model import keymap
from ..model.effects import Effect, HurryUp, Redraw, Suspend, SwitchMouse
from ..model.state import Focus, Leaving
from .absorb import absorb
from .help_keys import show_keys
from .partner import show_thoughts

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.state import ChatState


def take_terminal_key(key: Key) -> list[Effect] | None:
    """Handle a key that concerns the terminal in any mode; return None for others."""
    match keymap.COMMON.action(key.name):
        case "suspend":
            return [Suspend()]
        case "redraw":
            return [Redraw()]
        case "mouse":
            return [SwitchMouse()]
        case _:
            return None


def take_common_key(state: ChatState, key: Key) -> list[Effect]:
    """Handle a key that has the same action everywhere; ignore other keys."""
    match keymap.COMMON.action(key.name):
        case "interrupt":
            return interrupt(state)
        case "leave":
            return end_of_input(state)
        case "help":
            show_keys(state)
        case "thoughts":
            show_thoughts(state)
        case "toggle-panels":
            state.panels_hidden = not state.panels_hidden
            if state.focus is Focus.PANEL:
                state.focus = Focus.INPUT
        case _:
            pass
    return []


def interrupt(state: ChatState) -> list[Effect]:
    """Handle Ctrl+C: ask whether to leave, or hurry if the session is ending."""
    if state.leaving:
        return [HurryUp()]
    if waiting := len(state.to_send) + len(state.to_split):
        state.to_send.clear()
        for line in state.to_split:
            state.editor.remember(line)
        state.to_split.clear()
        state.notice = f"not sent: {waiting} waiting command{'s' * (waiting != 1)}"
        return []
    state.overlay = Leaving()
    return []


def end_of_input(state: ChatState) -> list[Effect]:
    """Handle Ctrl+D: leave, but ask first if that ends tasks."""
    where = state.conversations.current.name
    return absorb(state, state.dialogue.take_command(commands.Quit(), where))
