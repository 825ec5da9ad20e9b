"""The list of all keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..rows import Row, Span
from ..text import clip_row, pad, pad_row, row_width, width
from .keys_text import ALL_KEYS, key_name
from .paint import line

if TYPE_CHECKING:
    from ..theme import Look
    from .keys_text import Keys


def help_rows(look: Look, columns: int, height: int) -> list[Row]:
    """Return at most `height` rows; in two columns where one would not do."""
    blocks = [_block(title, keys, look) for title, keys in ALL_KEYS]
    single = [row for block in blocks for row in (*block, ())]
    if len(single) <= height:
        return [clip_row(row, columns) for row in single]
    half = len(blocks) // 2
    left = [row for block in blocks[:half] for row in (*block, ())]
    right = [row for block in blocks[half:] for row in (*block, ())]
    widest = max(map(row_width, left)) + 4
    if widest + max(map(row_width, right)) > columns:
        return [clip_row(row, columns) for row in single[:height]]
    count = max(len(left), len(right))
    left += [()] * (count - len(left))
    right += [()] * (count - len(right))
    both = [(*pad_row(a, widest), *b) for a, b in zip(left, right, strict=True)]
    return [clip_row(row, columns) for row in both[:height]]


def _block(title: str, keys: Keys, look: Look) -> list[Row]:
    named = [(key_name(key, ascii_only=look.is_ascii), does) for key, does in keys]
    widest = max(width(key) for key, _ in named)
    return [
        line(title, look.theme.title),
        *(
            (
                Span(f"  {pad(key, widest)}", look.theme.you),
                Span(f"  {meaning}", look.theme.text),
            )
            for key, meaning in named
        ),
    ]
