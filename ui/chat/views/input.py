"""The input rows: the editor, or its draft while something else takes the keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....actors.rules.safe_text import safe_line
from ...editor.editor import EditorStyles
from ..model.state import Focus

if TYPE_CHECKING:
    from ...editor.editor import Rendered
    from ...text.theme import Theme
    from ..model.state import ChatState


def input_rows(state: ChatState, columns: int, limit: int) -> Rendered:
    """Draw the input in at most `limit` rows, at least one."""
    return state.editor.render(
        columns, max(1, limit), f"{state.look.signs.prompt} ", placeholder(state)
    )


def input_styles(theme: Theme) -> EditorStyles:
    """Return how the input looks in a theme."""
    return EditorStyles(theme.text, theme.you, theme.faint, theme.selected)


def has_keys(state: ChatState) -> bool:
    """Tell whether what is typed goes into the input."""
    return state.overlay is None and state.focus is Focus.INPUT


def placeholder(state: ChatState) -> str:
    """Say what can be typed into the empty input."""
    more = state.look.signs.more
    if state.leaving:
        return f"leaving{more}"
    if state.overlay is not None:
        return "Esc goes back to the chat"
    if state.partner is not None:
        return f"Say something to {safe_line(state.partner)}, or / for commands"
    return "A note to yourself, / for commands, !make test to run one"
