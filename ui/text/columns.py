"""Align the columns of tables that are written as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(cells: Sequence[str], *, right: bool = False) -> list[str]:
    """Pad the cells of a column with blanks to the width of the widest."""
    from .cells import width  # noqa: PLC0415 - scripts don't need it

    widths = [width(it) for it in cells]
    widest = max(widths, default=0)
    blanks = [" " * (widest - it) for it in widths]
    pairs = zip(cells, blanks, strict=True)
    return [blank + cell if right else cell + blank for cell, blank in pairs]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of equal length as lines with aligned columns."""
    columns = [aligned(column) for column in zip(*rows, strict=True)]
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
