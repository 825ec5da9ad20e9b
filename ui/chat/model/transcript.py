"""The transcript of one conversation: its items in order, bounded, with bursts folded.

Every item has a serial number that only grows, so that a place in the transcript can
be remembered while items before it are dropped and others are added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ...dialogue.entries import Entry, Said, TaskNews
from .burst import Burst, NewsGroup

if TYPE_CHECKING:
    from datetime import datetime

LIMIT: Final = 5000
"""Items that are kept."""

_DROPPED_AT_ONCE: Final = 500

Shown = Entry | Burst
"""What an item of the transcript holds."""


class Item(msgspec.Struct, frozen=True):
    """One item: what it shows, and its number."""

    serial: int
    shown: Shown


class TranscriptItems:
    """What was said and what happened, oldest first."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._next_serial = 1
        self._group: NewsGroup | None = None
        self._group_start = 0
        self._growing: dict[str, int] = {}

    @property
    def items(self) -> list[Item]:
        """The items, oldest first; to be read only."""
        return self._items

    @property
    def next_serial(self) -> int:
        """The number that the next item will have."""
        return self._next_serial

    def find(self, serial: int) -> int:
        """Return the index of the item with this number, or of the next one kept."""
        low, high = 0, len(self._items)
        while low < high:
            middle = (low + high) // 2
            if self._items[middle].serial < serial:
                low = middle + 1
            else:
                high = middle
        return low

    def add(self, entry: Entry) -> int:
        """Add an entry; news may change or replace earlier news instead.

        Returns:
            The number of the item that shows it now.
        """
        if isinstance(entry, TaskNews):
            return self._add_news(entry)
        self._group = None
        return self._append(entry)

    def extend_speech(self, who: str, at: datetime, piece: str, *, done: bool) -> Said:
        """Add a piece to what somebody is saying, or let him begin.

        Args:
            who: The speaker; each says one thing at a time.
            at: When (UTC).
            piece: What comes next.
            done: Whether that was the last piece.

        Returns:
            All that was said of it by now.
        """
        said = Said(at, who, piece)
        index = self._index_of(self._growing.get(who))
        if index is None:
            self._group = None
            self._growing[who] = self._next_serial
            self._append(said)
        else:
            item = self._items[index]
            if isinstance(item.shown, Said):
                said = Said(item.shown.at, who, item.shown.text + piece)
            self._items[index] = Item(item.serial, said)
        if done:
            self._growing.pop(who, None)
        return said

    def _add_news(self, news: TaskNews) -> int:
        group = self._group
        if group is None or not group.continues(news):
            self._group = NewsGroup(news)
            self._group_start = self._next_serial
            return self._append(news)
        task_id = news.change.task.id
        known, was_burst = group.knows(task_id), group.is_burst
        group.add(news)
        start = self.find(self._group_start)
        if group.is_burst:
            if was_burst and start < len(self._items):
                serial = self._items[start].serial
                self._items[start] = Item(serial, group.burst())
                return serial
            del self._items[start:]
            return self._append(group.burst())
        return self._replace_news(start, news) if known else self._append(news)

    def _replace_news(self, start: int, news: TaskNews) -> int:
        for index in range(start, len(self._items)):
            shown = self._items[index].shown
            if (
                isinstance(shown, TaskNews)
                and shown.change.task.id == news.change.task.id
            ):
                serial = self._items[index].serial
                self._items[index] = Item(serial, news)
                return serial
        return self._append(news)

    def _append(self, shown: Shown) -> int:
        serial = self._next_serial
        self._items.append(Item(serial, shown))
        self._next_serial += 1
        if len(self._items) > LIMIT:
            del self._items[:_DROPPED_AT_ONCE]
        return serial

    def _index_of(self, serial: int | None) -> int | None:
        if serial is None:
            return None
        index = self.find(serial)
        if index < len(self._items) and self._items[index].serial == serial:
            return index
        return None
