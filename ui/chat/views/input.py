"""The input rows: the editor, or its draft while another part has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from ....actors.rules.safe_text import safe_line
from ...editor.editor import EditorStyles, Rendered
from ...text.rows import Span
from ..model.state import Focus, HelpKeys, Leaving, Purpose, Question
from .question import asked_about

if TYPE_CHECKING:
    from ...text.theme import Theme
    from ..model.state import ChatState

_PURPOSES: Final = {
    Purpose.FIND: "search {} /",
    Purpose.LINES: "lines of {} &",
    Purpose.TASKS: "filter tasks /",
}


def input_rows(state: ChatState, columns: int, limit: int) -> Rendered:
    """Draw the input in at most `limit` rows, at least one.

    The prompt names the part with the focus. The line of a search or a filter replaces
    the input.
    """
    sign = f"{state.look.signs.prompt} "
    prompt = state.prompt
    if prompt is not None:
        lead = f"{_PURPOSES[prompt.purpose].format(_opened(state))} "
        return prompt.editor.render(columns, 1, lead, "")
    where = _elsewhere(state)
    lead = f"{where} {sign}" if where else sign
    drawn = state.editor.render(columns, max(1, limit), lead, placeholder(state))
    if not where:
        return drawn
    first, *others = drawn.rows
    if first and first[0].text.startswith(where):
        style = replace(state.look.theme.selected, bold=True)
        rest = Span(first[0].text.removeprefix(where), first[0].style)
        first = (Span(where, style), rest, *first[1:])
    return Rendered((first, *others), drawn.cursor)


def _elsewhere(state: ChatState) -> str:
    """Return the name of the part with the focus; empty for the input."""
    if state.leaving:
        return ""
    match state.overlay:
        case Leaving(end=True):
            return "end?"
        case Leaving():
            return "leave?"
        case Question() as question:
            return asked_about(state, question).lower()
        case HelpKeys():
            return "keys"
        case None:
            pass
    if state.focus is Focus.TASK:
        return _opened(state)
    panel = state.panel
    return panel.name if panel is not None else ""


def _opened(state: ChatState) -> str:
    return f"#{state.detail.task_id}" if state.detail else ""


def input_styles(theme: Theme) -> EditorStyles:
    """Return the styles of the input in a theme."""
    return EditorStyles(theme.text, theme.you, theme.faint, theme.selected)


def has_keys(state: ChatState) -> bool:
    """Return whether the input gets the keys."""
    free = state.overlay is None and state.prompt is None
    return free and state.focus is Focus.INPUT


def placeholder(state: ChatState) -> str:
    """Return the placeholder of the empty input."""
    more = state.look.signs.more
    if state.leaving:
        return f"leaving{more}"
    match state.overlay:
        case Leaving(end=True):
            return "Enter ends the session, Esc cancels"
        case Leaving():
            return "Enter leaves, Esc stays"
        case Question():
            return "Enter confirms, Esc cancels"
        case HelpKeys():
            return "any other key goes back"
        case None:
            pass
    if waiting := len(state.to_send) + len(state.to_split):
        commands = "1 command waits" if waiting == 1 else f"{waiting} commands wait"
        return f"{commands} for the one before; Ctrl+C drops waiting commands"
    if state.focus is not Focus.INPUT:
        return "Esc goes back; a word you type goes to the input"
    if offered := state.editor.offered:
        return f"{safe_line(offered)}   (Tab takes it)"
    doing = state.doing.get(state.conversations.current.name)
    if doing is not None:
        seconds = max(0, int(state.now - doing.since))
        who = safe_line(state.partner or "partner")
        return f"{who} {doing.what}, {seconds} s; Esc stops it"
    if state.partner is not None:
        return f"Say something to {safe_line(state.partner)}, or / for commands"
    return "A note to yourself, / for commands, !make test to run one"
