"""The transcript of a conversation: a bounded list of items, with folded bursts.

Every item has an increasing serial number, which identifies a place in the transcript
while earlier items are dropped and new ones are added.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ...dialogue.entries import Entry, Said, TaskNews
from .burst import GAP, Burst, NewsGroup
from .pieces import Continued, in_pieces
from .records import News

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from ....actors import TaskStatus
    from ...dialogue.partner import PartnerSays
    from ...text.rows import Row
    from ...text.theme import Look

LIMIT: Final = 5000
"""Maximum number of items."""

_DROPPED_AT_ONCE: Final = 500


class Started(msgspec.Struct, frozen=True):
    """The news of a task that has later news further down, or is forgotten."""

    news: TaskNews

    @property
    def at(self) -> datetime:
        """The time of the entry (UTC)."""
        return self.news.at


class Thought(msgspec.Struct, frozen=True):
    """The partner's reasoning, when it ended (UTC), and how long it took."""

    at: datetime
    text: str
    seconds: float


Shown = Entry | Burst | Continued | Started | Thought
"""The content of an item of the transcript."""


Drawn = tuple["Shown", "Look", int, bool, tuple["Row", ...]]
"""The cached rows of an item, and their inputs: content, look, width, key hint."""


class Item(msgspec.Struct, frozen=True):
    """An item of the transcript; a long message has several items."""

    serial: int
    shown: Shown


class TranscriptItems:
    """Messages, answers and news, oldest first."""

    def __init__(self) -> None:
        self._items: list[Item] = []
        self._next_serial = 1
        self._group: NewsGroup | None = None
        self._group_start = 0
        self._group_heard = 0.0
        self._settled: list[News] = []
        self._growing: dict[str, tuple[int, list[str]]] = {}
        self._talked = 0  # the last item that isn't news
        self._open: dict[int, tuple[int, TaskStatus]] = {}  # items of open tasks
        self.drawn: OrderedDict[int, Drawn] = OrderedDict()
        """The view's cache of drawn items, by serial number."""

    @property
    def items(self) -> list[Item]:
        """The items, oldest first; read-only."""
        return self._items

    @property
    def open_ids(self) -> AbstractSet[int]:
        """The ids of the tasks whose news don't contain their end."""
        return self._open.keys()

    @property
    def next_serial(self) -> int:
        """The serial number of the next item."""
        return self._next_serial

    def count_from(self, serial: int) -> int:
        """Count the messages that items from this number on show, at least in part."""
        items = self._items[self.find(serial) :]
        begun = sum(not isinstance(item.shown, Continued) for item in items)
        return begun or int(bool(items))

    def find(self, serial: int) -> int:
        """Return the index of the item with this number, or of the next item."""
        low, high = 0, len(self._items)
        while low < high:
            middle = (low + high) // 2
            if self._items[middle].serial < serial:
                low = middle + 1
            else:
                high = middle
        return low

    def add(self, entry: Entry, now: float = 0.0) -> int:
        """Add an entry, and return the number of the item that shows it.

        News may change or replace earlier news instead.
        """
        if isinstance(entry, TaskNews):
            return self._add_news(entry, now)
        return self._append_talk(in_pieces(entry))

    def add_thought(self, thought: Thought) -> int:
        """Add the partner's reasoning; return the number of its item."""
        self._end_group()
        self._talked = self._append(thought)
        return self._talked

    def extend_speech(self, who: str, at: datetime, says: PartnerSays) -> Said | None:
        """Add a piece to a speaker's only message in progress, or begin a message.

        Return the whole message after its last piece.
        """
        begun = self._growing.get(who)
        all_of_it: list[str] = [] if begun is None else begun[1]
        all_of_it.append(says.text)
        # Restored items may have any number, even 0.
        index = None if begun is None else self._index_of(begun[0])
        if index is None:
            self._append_talk(in_pieces(Said(at, who, says.text, form=says.form)))
            serial = self._next_serial - 1
        else:
            serial = self._extend(index, says.text)
        self._growing[who] = (serial, all_of_it)
        if not says.done:
            return None
        del self._growing[who]
        return Said(at, who, "".join(all_of_it), form=says.form)

    def settle(self, now: float | None = None) -> list[News]:
        """Return the groups of news that are complete.

        Args:
            now: The current time of the monotonic clock; None to complete the last
                group.
        """
        over = now is None or now - self._group_heard > GAP.total_seconds()
        if self._group is not None and over:
            self._end_group()
        settled, self._settled = self._settled, []
        return settled

    @property
    def settles_at(self) -> float | None:
        """When the last group of news becomes complete, on the monotonic clock."""
        if self._group is None:
            return None
        return self._group_heard + GAP.total_seconds()

    def restore(self, news: News) -> None:
        """Add a group of news of an earlier run of the session."""
        self._group = None
        for line in news.lines:
            self._append_news(line)
        if news.burst is not None:
            told = [(first, last) for first, last, _ in news.tasks]
            for task_id in [*self._open]:
                if any(first <= task_id <= last for first, last in told):
                    self._supersede(task_id)
            serial = self._append(news.burst)
            for first, last, status in news.tasks:
                if not status.is_final:
                    ids = range(first, last + 1)
                    self._open |= dict.fromkeys(ids, (serial, status))

    def put_before(self, earlier: TranscriptItems) -> None:
        """Insert the items of an earlier run of the session before all others."""
        items = earlier.items
        first = self._items[0].serial if self._items else self._next_serial
        serials: dict[int, int] = {}
        before: list[Item] = []
        for number, item in enumerate(items, first - len(items)):
            serials[item.serial] = number
            before.append(Item(number, item.shown))
        self._items = [*before, *self._items]
        for task_id, (serial, status) in earlier._open.items():
            if serial in serials:
                self._open.setdefault(task_id, (serials[serial], status))
        if not self._talked:
            self._talked = serials.get(earlier._talked, 0)

    def _append_talk(self, items: list[Entry | Continued]) -> int:
        """Append items that aren't news, which completes the group of news."""
        self._end_group()
        first, *others = [self._append(item) for item in items]
        self._talked = others[-1] if others else first
        return first

    def _extend(self, index: int, piece: str) -> int:
        """Extend the last item of a message; return the number of its new last item."""
        item = self._items[index]
        shown = item.shown
        said = shown.entry if isinstance(shown, Continued) else shown
        if not isinstance(said, Said):
            return item.serial
        whole = replace(said, text=said.text + piece)
        first, *others = in_pieces(whole)
        if isinstance(shown, Continued) and isinstance(first, Said):
            first = replace(shown, entry=first)
        self._items[index] = Item(item.serial, first)
        if not others:
            return item.serial
        # Items that were added since keep their place: the rest goes to the end.
        self._append_talk(others)
        return self._next_serial - 1

    def _end_group(self) -> None:
        group, self._group = self._group, None
        if group is not None:
            self._settled.append(News.of(group))
            if group.is_burst:
                index = self._index_of(self._group_start)
                serial = self._group_start if index is not None else 0
                self._open |= {
                    task_id: (serial, status)
                    for task_id, status in group.statuses
                    if not status.is_final
                }

    def _add_news(self, news: TaskNews, now: float) -> int:
        group = self._group
        self._group_heard = now
        if group is None or not group.continues(news):
            self._end_group()
            self._group = NewsGroup(news)
            self._group_start = serial = self._append_news(news)
            return serial
        task_id = news.change.task.id
        known, was_burst = group.knows(task_id), group.is_burst
        group.add(news)
        start = self.find(self._group_start)
        if group.is_burst:
            if not known:
                self._supersede(news.change.task.id)
            if was_burst and start < len(self._items):
                self._replace(start, group.burst())
                return self._items[start].serial
            for item in self._items[start:]:
                self._forget_open(item)
            del self._items[start:]
            self._group_start = serial = self._append(group.burst())
            return serial
        return self._replace_news(start, news) if known else self._append_news(news)

    def _replace_news(self, start: int, news: TaskNews) -> int:
        task = news.change.task
        for index in range(start, len(self._items)):
            shown = self._items[index].shown
            if isinstance(shown, TaskNews) and shown.change.task.id == task.id:
                self._replace(index, news)
                serial = self._items[index].serial
                self._note_open(news, serial)
                return serial
        return self._append_news(news)

    def _append_news(self, news: TaskNews) -> int:
        """Append the news of a task, which supersede its earlier news."""
        self._supersede(news.change.task.id)
        serial = self._append(news)
        self._note_open(news, serial)
        return serial

    def _note_open(self, news: TaskNews, serial: int) -> None:
        task = news.change.task
        if task.status.is_final:
            self._open.pop(task.id, None)
        else:
            self._open[task.id] = (serial, task.status)

    def forget(self, task_ids: Iterable[int]) -> None:
        """Mark the news of forgotten tasks whose end was not received.

        That happens if the chat could not keep up with the notifications.
        """
        ids = tuple(task_ids)
        if self._group is not None and any(map(self._group.has_open, ids)):
            self._end_group()
        for task_id in ids:
            self._supersede(task_id, gone=True)

    def _supersede(self, task_id: int, *, gone: bool = False) -> None:
        """Remove or mark the earlier news of a task, which has new ones or is `gone`.

        A line is removed if only news follow it: the new line replaces it.
        """
        serial, status = self._open.pop(task_id, (0, None))
        index = self._index_of(serial)
        if index is None or status is None:
            return
        match self._items[index].shown:
            case TaskNews() if serial > self._talked and not gone:
                del self._items[index]
            case TaskNews() as before:
                self._replace(index, Started(before))
            case Burst() as burst:
                self._replace(index, burst.without(status, gone=gone))
            case _:
                pass

    def _forget_open(self, item: Item) -> None:
        if isinstance(item.shown, TaskNews):
            self._open.pop(item.shown.change.task.id, None)

    def _replace(self, index: int, shown: Shown) -> None:
        item = self._items[index]
        self._items[index] = Item(item.serial, shown)

    def _append(self, shown: Shown) -> int:
        serial = self._next_serial
        self._items.append(Item(serial, shown))
        self._next_serial += 1
        if len(self._items) > LIMIT:
            del self._items[:_DROPPED_AT_ONCE]
        return serial

    def _index_of(self, serial: int) -> int | None:
        index = self.find(serial)
        if index < len(self._items) and self._items[index].serial == serial:
            return index
        return None
