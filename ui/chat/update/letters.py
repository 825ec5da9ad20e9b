"""Letters typed where letters are keys: words go to the input.

A single letter performs the action of its key. Once a letter without an action follows,
all of them were meant as text: their actions are undone (none of them ends or starts a
task, see `questions`), and they go to the input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ..model.state import Focus, Letters
from .input_keys import take_input

if TYPE_CHECKING:
    from ...terminal.keys import Key
    from ..model.effects import Effect
    from ..model.state import ChatState

WITHIN: Final = 1.0
"""Maximum seconds between two letters of a word."""

_WITHIN_AFTER_LEAVING: Final = 0.4  # then the next letter more likely begins a new word
_NO_WORD: Final = 3  # repeats of a letter: a held key, or moves


def recent(state: ChatState) -> Letters | None:
    """Return the letters that the next letter may continue, if any."""
    letters = state.letters
    if letters is None:
        return None
    elsewhere = state.focus is Focus.INPUT and state.overlay is None
    within = _WITHIN_AFTER_LEAVING if elsewhere else WITHIN
    return letters if state.now - letters.at <= within else None


def note(state: ChatState, key: Key) -> None:
    """Record a letter whose action is about to be performed."""
    letters = recent(state)
    text = (letters.text if letters else "") + key.text
    if letters is None or text.endswith(key.text * _NO_WORD):
        pager = state.detail.pager if state.detail else None
        place = pager.place if pager else None
        terminal = state.detail.terminal if state.detail else None
        up = terminal.up if terminal else 0
        state.letters = Letters(
            key.text, state.now, state.focus, state.detail, place, up, state.tasks
        )
    else:
        state.letters = replace(letters, text=text, at=state.now)


def to_input(state: ChatState, key: Key) -> list[Effect]:
    """Move a letter, and the earlier letters of its word, to the input."""
    letters = recent(state)
    state.letters = state.overlay = state.prompt = None
    if letters is not None:
        state.detail, state.tasks = letters.detail, letters.tasks
        if letters.detail is not None and letters.place is not None:
            pager = letters.detail.pager
            if pager is not None:
                pager.go_back_to(letters.place)
            if letters.detail.terminal is not None:
                letters.detail.terminal.scroll_to(letters.up)
    state.focus = Focus.INPUT
    if letters is not None:
        state.editor.insert(letters.text)
    return take_input(state, key)
