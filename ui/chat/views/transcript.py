"""The visible part of the transcript, at its end or at the scroll position."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....actors import TaskStatus
from ...dialogue.entries import TaskNews
from ...text.cells import clip_row, row_width
from ...text.rows import Row, Span
from ..model.burst import Burst
from ..model.conversations import Place
from .entry import entry_rows
from .paint import titled_rule

if TYPE_CHECKING:
    from datetime import date, datetime

    from ...text.theme import Look
    from ..model.conversations import Conversation
    from ..model.transcript import Item, Shown

_KEPT: Final = 1024  # number of items whose rows are cached


def transcript_rows(
    conversation: Conversation, look: Look, columns: int, height: int
) -> list[Row]:
    """Return at most `height` rows of a transcript."""
    if height < 1:
        return []
    reader = _Reader(conversation, look, columns)
    place = conversation.place
    if place is None:
        return reader.end(height)
    if height == 1:
        return reader.from_place(place, 1)
    rows = reader.from_place(place, height - 1)
    rows += [()] * (height - 1 - len(rows))
    return [*rows, _hint(conversation.new_below, look, columns)]


def scrolled(
    conversation: Conversation, look: Look, columns: int, height: int, rows: int
) -> Place | None:
    """Return the place `rows` further down, or up if negative; None for the end."""
    reader = _Reader(conversation, look, columns)
    place = conversation.place
    if place is None:
        if rows >= 0:
            return None
        if len(reader.end(height + 1)) <= height:
            return None  # everything is visible
        index, row = reader.top_of_end(height)
    else:
        index = conversation.transcript.find(place.serial)
        row = place.row
    index, row = reader.move(index, row, rows)
    if rows >= 0 and reader.fits_below(index, row, height):
        return None
    seen = conversation.transcript.next_serial if place is None else place.seen
    return Place(conversation.transcript.items[index].serial, row, seen)


class _Reader:
    """Reads rows of a transcript from any item, in either direction."""

    def __init__(self, conversation: Conversation, look: Look, columns: int) -> None:
        self._transcript = conversation.transcript
        self._items = conversation.transcript.items
        self._key = conversation.latest_failure
        self._restored_at = conversation.restored_at
        self._look = look
        self._columns = columns

    def end(self, height: int) -> list[Row]:
        """Return the last rows."""
        parts: list[tuple[Row, ...]] = []
        count = 0
        for index in range(len(self._items) - 1, -1, -1):
            rows = self._rows(index)
            parts.append(rows)
            count += len(rows)
            if count >= height:
                break
        return [row for part in reversed(parts) for row in part][-height:]

    def top_of_end(self, height: int) -> tuple[int, int]:
        """Return the top item and row when the end is shown."""
        count = 0
        for index in range(len(self._items) - 1, -1, -1):
            count += len(self._rows(index))
            if count >= height:
                return index, count - height
        return 0, 0

    def from_place(self, place: Place, height: int) -> list[Row]:
        """Return the rows that begin at a place."""
        index = self._transcript.find(place.serial)
        row = place.row
        rows: list[Row] = []
        for here in range(index, min(index + height, len(self._items))):
            item_rows = self._rows(here)
            start = min(row, len(item_rows) - 1) if not rows else 0
            rows.extend(item_rows[start:])
            if len(rows) >= height:
                break
        return rows[:height]

    def move(self, index: int, row: int, rows: int) -> tuple[int, int]:
        """Return the item and row that are `rows` further down."""
        last = len(self._items) - 1
        index = min(index, last)
        row += rows
        while row < 0 and index > 0:
            index -= 1
            row += len(self._rows(index))
        while index < last and row >= (size := len(self._rows(index))):
            row -= size
            index += 1
        return index, max(0, min(row, len(self._rows(index)) - 1))

    def fits_below(self, index: int, row: int, height: int) -> bool:
        """Return whether everything from here on fits into `height` rows."""
        count = -row
        for below in range(index, len(self._items)):
            count += len(self._rows(below))
            if count > height:
                return False
        return True

    def _rows(self, index: int) -> tuple[Row, ...]:
        shown = self._items[index].shown
        key = self._key is not None and self._key == _failure(shown)
        rows = self._drawn(self._items[index], key=key)
        day = _day(shown.at)
        # A transcript of one day needs no date, unless it was restored on a later day.
        # Of several days, each has a date.
        is_old = (
            index == 0
            and self._restored_at is not None
            and day != _day(self._restored_at)
        )
        if not is_old and day == _day(self._items[index - 1].shown.at):
            return rows
        return (titled_rule(f"{day:%A, %-d %B}", self._look, self._columns), *rows)

    def _drawn(self, item: Item, *, key: bool) -> tuple[Row, ...]:
        """Return the rows of an item, from the cache if nothing has changed."""
        drawn = self._transcript.drawn
        known = drawn.get(item.serial)
        if known is not None:
            shown, look, columns, marked, rows = known
            same = shown is item.shown and look is self._look and marked is key
            if same and columns == self._columns:
                return rows
        rows = entry_rows(item.shown, self._look, self._columns, key=key)
        drawn[item.serial] = (item.shown, self._look, self._columns, key, rows)
        drawn.move_to_end(item.serial)
        if len(drawn) > _KEPT:
            drawn.popitem(last=False)
        return rows


def _failure(shown: Shown) -> int | None:
    """Return the id of the failed task that an item shows; of many, the last."""
    match shown:
        case TaskNews(change=change) if change.task.status is TaskStatus.FAILED:
            return change.task.id
        case Burst(failed_last=failed):
            return failed
        case _:
            return None


def _day(at: datetime) -> date:
    return at.astimezone().date()


def _hint(new: int, look: Look, columns: int) -> Row:
    signs = look.signs
    count = f"{signs.down} {new} new {signs.dot} End" if new else f"{signs.down} End"
    row = clip_row((Span(count, look.theme.unread),), columns)
    return (Span(" " * (columns - row_width(row))), *row)
