"""The layout of a screen of any size, and the frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...text.cells import ELLIPSIS, clip_row
from ...text.rows import Frame, Row, Span
from ..model.state import HelpKeys, Leaving, Question
from .detail import detail_rows, output_height
from .footer import footer_row
from .header import header_row
from .help_keys import help_rows
from .input import has_keys, input_rows
from .opening import opening_rows
from .popup import popup_rows
from .question import question_rows
from .transcript import transcript_rows

if TYPE_CHECKING:
    from ...editor.editor import Rendered
    from ...text.rows import Style
    from ..model.state import ChatState, Detail

_ROWS_FOR_FOOTER: Final = 3
_ROWS_FOR_HEADER: Final = 5
_ROWS_FOR_INPUT_RULE: Final = 7
_ROWS_FOR_HEADER_RULE: Final = 10
_ROWS_FOR_PANEL: Final = 9


class Areas(msgspec.Struct, frozen=True):
    """The number of rows of each part, from top to bottom.

    Attributes:
        header: 1 or 0.
        header_rule: 1 or 0.
        transcript: The remaining rows.
        panels: The rows of each panel; together at most a third of the screen.
        over_input: Rows of the popup or the question that are taken from the
            transcript; its other rows cover the panels.
        input_rule: 1 or 0.
        input: At least 1.
        footer: 1 or 0.
        over: The rows of the popup or the question.
    """

    header: int
    header_rule: int
    transcript: int
    panels: tuple[int, ...]
    over_input: int
    input_rule: int
    input: int
    footer: int
    over: tuple[Row, ...]

    @property
    def panel(self) -> int:
        """The rows of all panels."""
        return sum(self.panels)

    @property
    def body(self) -> int:
        """All rows between header and input, which an opened task fills."""
        return self.transcript + self.panel + self.over_input


def areas(state: ChatState, rows_of_input: int) -> Areas:
    """Divide the screen. The input is always just above the footer."""
    height = state.size.rows
    header = int(height >= _ROWS_FOR_HEADER)
    header_rule = int(height >= _ROWS_FOR_HEADER_RULE)
    input_rule = int(height >= _ROWS_FOR_INPUT_RULE)
    footer = int(height >= _ROWS_FOR_FOOTER)
    fixed = header + header_rule + input_rule + footer
    rows_of_input = max(1, min(rows_of_input, height - fixed))
    room = max(0, height - fixed - rows_of_input)
    limit = height // 3 if height >= _ROWS_FOR_PANEL else 0
    panels = _panel_heights(state, min(limit, room - 1))
    # Tasks matter most while a key acts on one, or while leaving.
    over = tuple(_over_input(state, room))
    over_input = min(len(over), room - sum(panels))
    return Areas(
        header,
        header_rule,
        room - sum(panels) - over_input,
        panels,
        over_input,
        input_rule,
        rows_of_input,
        footer,
        over,
    )


def _panel_heights(state: ChatState, limit: int) -> tuple[int, ...]:
    """Divide the room for panels; the panel with the focus comes first."""
    heights = [0] * len(state.panels)
    order = sorted(
        range(len(heights)), key=lambda i: state.panels[i] is not state.panel
    )
    for index in order:
        panel = state.panels[index]
        if panel is state.panel or not state.panels_hidden:
            heights[index] = max(0, panel.height(state, limit))
            limit -= heights[index]
    return tuple(heights)


def has_room_to_ask(state: ChatState) -> bool:
    """Return whether a question above the input would be visible."""
    parts, _ = measured(state)
    return parts.body > 0


def measured(state: ChatState) -> tuple[Areas, Rendered]:
    """Draw the input, and divide the screen."""
    columns, height = state.size.columns, state.size.rows
    drawn = input_rows(state, columns, max(1, height // 3))
    return areas(state, len(drawn.rows)), drawn


def output_size(state: ChatState, detail: Detail, parts: Areas) -> tuple[int, int]:
    """Return the columns and rows of an opened task's output."""
    columns = state.size.columns
    return columns, output_height(state, detail, columns, parts.body)


def draw(state: ChatState) -> Frame:
    """Draw the whole screen."""
    return draw_measured(state, *measured(state))


def draw_measured(state: ChatState, parts: Areas, drawn: Rendered) -> Frame:
    """Draw the whole screen with the result of `measured`."""
    columns = state.size.columns
    rule: Row = (Span(state.look.signs.rule * columns, state.look.theme.rule),)
    rows: list[Row] = []
    if parts.header:
        rows.append(header_row(state, columns))
    if parts.header_rule:
        rows.append(rule)
    rows += _body(state, parts, columns)
    if parts.input_rule:
        rows.append(rule)
    top = len(rows)
    rows += drawn.rows[: parts.input]
    if parts.footer:
        rows.append(footer_row(state, columns, parts.body))
    cursor = None
    if (has_keys(state) or state.prompt is not None) and not state.leaving:
        row, column = drawn.cursor
        cursor = (min(top + row, len(rows) - 1), min(column, columns - 1))
    frame = [clip_row(row, columns) for row in rows]
    if state.look.is_ascii:
        more = state.look.signs.more
        typed = range(top, top + parts.input)
        faint = state.look.theme.faint
        frame = [
            _in_ascii(row, more, faint if at in typed else None)
            for at, row in enumerate(frame)
        ]
    return Frame(tuple(frame), cursor)


def _in_ascii(row: Row, more: str, only: Style | None) -> Row:
    """Replace the ellipsis, since `clip` always uses the Unicode one.

    In the input only if it has this style: in another one it was typed.
    """
    return tuple(
        Span(it.text.replace(ELLIPSIS, more), it.style)
        if only in {None, it.style}
        else it
        for it in row
    )


def _body(state: ChatState, parts: Areas, columns: int) -> list[Row]:
    height = parts.body
    if isinstance(state.overlay, HelpKeys):
        rows = help_rows(state, state.overlay, columns, height)
    elif state.detail is not None:
        rows = detail_rows(state, state.detail, columns, height)
    else:
        conversation = state.conversations.current
        rows = (
            transcript_rows(conversation, state.look, columns, parts.transcript)
            if conversation.transcript.items
            else opening_rows(state, columns, parts.transcript)
        )
        rows += [()] * (parts.transcript - len(rows))
        for panel, rows_of_it in zip(state.panels, parts.panels, strict=True):
            rows += panel.rows(state, columns, rows_of_it)
    rows += [()] * (height - len(rows))
    return [*rows[: height - len(parts.over)], *parts.over]


def _over_input(state: ChatState, height: int) -> list[Row]:
    """Return the popup or the question, in at most `height` rows above the input."""
    columns = state.size.columns
    if isinstance(state.overlay, Question | Leaving):
        return question_rows(state, state.overlay, columns, height)
    if state.overlay is None and state.choice is not None and has_keys(state):
        return popup_rows(state.choice, state.look, columns, height)
    return []
