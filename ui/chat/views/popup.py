"""The popup above the input: one row for each proposal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors.rules.safe_text import safe_line
from ...text.cells import clip, clip_row, pad, pad_row, width
from ...text.rows import Row, Span
from .paint import over, titled_rule

if TYPE_CHECKING:
    from ...dialogue.completers import Proposal
    from ...text.theme import Look
    from ..model.state import Choice

HEIGHT: Final = 8
"""Maximum number of visible proposals."""


def popup_rows(choice: Choice, look: Look, columns: int, height: int) -> list[Row]:
    """Return at most `height` rows, which end just above the input."""
    popup = choice.popup
    if height < 1:
        return []
    titled = height > 1 or bool(popup.form)
    room = min(HEIGHT, height - titled)
    hidden = len(popup.proposals) - room
    more = f"+{hidden} more" if hidden > 0 else ""
    rows = [titled_rule(popup.form, look, columns, more)] if titled else []
    if room < 1:
        return rows
    first = max(0, min(choice.index - room + 1, len(popup.proposals) - room))
    shown = popup.proposals[first : first + room]
    widest = max((width(p.label) for p in shown), default=0)
    label_width = min(widest, max(4, columns // 2))
    for index, proposal in enumerate(shown, first):
        row = _row(proposal, label_width, look)
        if index == choice.index:
            row = over(pad_row(row, columns), look.theme.selected)
        rows.append(clip_row(row, columns))
    return rows


def _row(proposal: Proposal, label_width: int, look: Look) -> Row:
    label = pad(clip(safe_line(proposal.label), label_width), label_width)
    return (
        Span(f"  {label}", look.theme.you),
        Span(f"  {safe_line(proposal.summary)}", look.theme.faint),
    )
