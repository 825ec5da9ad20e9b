"""Heaps that may hold entries that are out of date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_UNTIDY: Final = 1000  # entries; fewer cost nothing

ItemT = TypeVar("ItemT", bound=tuple[Any, ...])


def tidy(heap: list[ItemT], count: int, is_current: Callable[[ItemT], bool]) -> None:
    """Drop what is out of date from a heap, once that is most of it.

    Args:
        heap: The heap.
        count: How many of its entries are not out of date at most.
        is_current: Tells whether an entry is not.
    """
    if len(heap) > _UNTIDY and len(heap) > 2 * count:
        heap[:] = sorted(filter(is_current, heap))
