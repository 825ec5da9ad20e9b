"""Columns of a table that is written as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def aligned(cells: Sequence[str], *, right: bool = False) -> list[str]:
    """Fill the cells of a column with blanks, so that all are as wide as the widest."""
    from .cells import width  # noqa: PLC0415 - a script needs none of it

    widths = [width(it) for it in cells]
    widest = max(widths, default=0)
    blanks = [" " * (widest - it) for it in widths]
    pairs = zip(cells, blanks, strict=True)
    return [blank + cell if right else cell + blank for cell, blank in pairs]


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write rows with as many cells each as lines whose columns are aligned."""
    columns = [aligned(column) for column in zip(*rows, strict=True)]
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]
