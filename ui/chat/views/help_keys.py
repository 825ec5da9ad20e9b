"""The list of all keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...text.cells import clip_row, pad, pad_row, row_width, width
from ...text.rows import Row, Span
from ..model import keymap
from ..model.keymap import key_name
from ..model.state import Focus
from .paint import line

if TYPE_CHECKING:
    from ...text.theme import Look
    from ..model.keymap import Keymap
    from ..model.state import ChatState, HelpKeys


def help_rows(
    state: ChatState, shown: HelpKeys, columns: int, height: int
) -> list[Row]:
    """Return at most `height` rows; the last row says if there are more."""
    rows = _all_rows(state, columns, height)
    if len(rows) <= height:
        return rows
    top = clamped_top(state, shown.top, columns, height)
    seen = rows[top : top + height]
    if top + height < len(rows) and height > 1:
        signs, style = state.look.signs, state.look.theme.unread
        more = len(rows) - top - height + 1
        seen[-1] = clip_row((Span(f"{signs.down} {more} more rows", style),), columns)
    return seen


def clamped_top(state: ChatState, top: int, columns: int, height: int) -> int:
    """Return `top`, limited so that the list fills the screen."""
    return max(0, min(top, len(_all_rows(state, columns, height)) - height))


def has_more(state: ChatState, columns: int, height: int) -> bool:
    """Return whether the list is longer than the screen."""
    return len(_all_rows(state, columns, height)) > height


def _all_rows(state: ChatState, columns: int, height: int) -> list[Row]:
    """Return the whole list, in two columns if one does not fit."""
    blocks = [_block(chapter, state.look) for chapter in _chapters(state)]
    single = _below_each_other(blocks, columns)
    if len(single) <= height:
        return single
    half = len(blocks) // 2
    left = [row for block in blocks[:half] for row in (*block, ())]
    right = [row for block in blocks[half:] for row in (*block, ())]
    widest = max(map(row_width, left)) + 4
    if widest + max(map(row_width, right)) > columns:
        return single
    count = max(len(left), len(right))
    left += [()] * (count - len(left))
    right += [()] * (count - len(right))
    both = [(*pad_row(a, widest), *b) for a, b in zip(left, right, strict=True)]
    return [clip_row(row, columns) for row in both]


def _chapters(state: ChatState) -> tuple[Keymap, ...]:
    """Return the chapters, beginning with that of the part with the focus."""
    first = keymap.INPUT
    if state.focus is Focus.TASK:
        first = keymap.TERMINAL
    elif state.panel is not None:
        first = state.panel.keys
    panels = tuple(panel.keys for panel in state.panels)
    chapters = (keymap.INPUT, keymap.COMMON, *panels, keymap.TERMINAL)
    if first is keymap.INPUT:
        return chapters
    others = (it for it in chapters if it not in {first, keymap.COMMON})
    return (first, keymap.COMMON, *others)


def _below_each_other(blocks: list[list[Row]], columns: int) -> list[Row]:
    rows = [row for block in blocks for row in (*block, ())]
    return [clip_row(row, columns) for row in rows[:-1]]


def _block(keys: Keymap, look: Look) -> list[Row]:
    named = [
        (key_name(key, ascii_only=look.is_ascii), does) for key, does in keys.meanings()
    ]
    widest = max(width(key) for key, _ in named)
    return [
        line(keys.title, look.theme.title),
        *(
            (
                Span(f"  {pad(key, widest)}", look.theme.you),
                Span(f"  {meaning}", look.theme.text),
            )
            for key, meaning in named
        ),
    ]
