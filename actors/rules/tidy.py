"""Removing stale entries from heaps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_UNTIDY: Final = 1000  # entries; shorter heaps are not cleaned up

ItemT = TypeVar("ItemT", bound=tuple[Any, ...])


def tidy(heap: list[ItemT], count: int, is_current: Callable[[ItemT], bool]) -> None:
    """Remove stale entries and duplicates from a heap if they are the majority.

    Args:
        heap: The heap.
        count: The maximum number of its current entries.
        is_current: Returns whether an entry is current.
    """
    if len(heap) > _UNTIDY and len(heap) > 2 * count:
        heap[:] = sorted({*filter(is_current, heap)})
