"""Conversations: their transcripts, unread items, and tasks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line
from ...dialogue.arguments import LONGEST_NAME
from ...dialogue.entries import MAIN_CONVERSATION, Problem, Reply, Said
from ...dialogue.partner import PARTNER_ORIGIN
from .pieces import Continued
from .records import written_answer, written_news
from .transcript import Shown, Thought, TranscriptItems

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from ....actors import ChatMessage, Task
    from ...dialogue.entries import Entry, TaskNews
    from ...dialogue.partner import PartnerSays


class Place(msgspec.Struct, frozen=True):
    """A scroll position in a transcript.

    Attributes:
        serial: The item in the top row.
        row: The row of that item that is at the top.
        seen: The first item that was added after scrolling away from the end.
    """

    serial: int
    row: int
    seen: int


class Conversation:
    """A transcript and its scroll position."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.transcript = TranscriptItems()
        self.place: Place | None = None
        """The scroll position; None at the end, where new items appear."""
        self.unread_from: int | None = None
        """The first item that changed while another conversation was shown."""
        self.latest_failure: int | None = None
        """The task that failed last, until it is opened."""
        self.restored_at: datetime | None = None
        """When entries of an earlier run of the session were restored, if they were.
        """
        self.told_until = 0
        """The number of the last change in the restored news."""

    @property
    def unread(self) -> int:
        """The number of items from the first unread item on."""
        if self.unread_from is None:
            return 0
        return self.transcript.count_from(self.unread_from)

    @property
    def new_below(self) -> int:
        """The number of items added since scrolling away from the end."""
        if self.place is None:
            return 0
        return self.transcript.count_from(self.place.seen)


def conversation_of(task: Task) -> str:
    """Return the name of the conversation that added a task."""
    origin = task.origin.removeprefix(PARTNER_ORIGIN)
    return safe_line(origin)[:LONGEST_NAME] or MAIN_CONVERSATION


def is_content(shown: Shown) -> bool:
    """Return whether an item is more than a command or an answer."""
    match shown:
        case Continued(entry=entry):
            return is_content(entry)
        case Said(command=command):
            return not command
        case Reply() | Problem():
            return False
        case _:
            return True


class Conversations:
    """All conversations of a session; one of them is shown.

    `MAIN_CONVERSATION` always exists: it has the news of tasks that no conversation
    added.
    """

    def __init__(self) -> None:
        self._by_name = {MAIN_CONVERSATION: Conversation(MAIN_CONVERSATION)}
        self.current = self._by_name[MAIN_CONVERSATION]
        """The conversation that is shown."""
        self._to_write: list[ChatMessage] = []

    @property
    def all(self) -> Iterable[Conversation]:
        """All conversations, oldest first."""
        return self._by_name.values()

    @property
    def unread(self) -> tuple[tuple[str, int], ...]:
        """The conversations with unread items, and their number."""
        return tuple((c.name, c.unread) for c in self.all if c.unread)

    @property
    def destinations(self) -> tuple[tuple[str, str], ...]:
        """All conversations with a note: unread ones first, the current one last."""
        others = (c for c in self.all if c is not self.current)
        ordered = sorted(others, key=lambda c: not c.unread)
        return (
            *((c.name, f"{c.unread} unread" if c.unread else "") for c in ordered),
            (self.current.name, "you are here"),
        )

    def open(self, name: str) -> None:
        """Show the conversation with this name; begin it if there is none."""
        self.current = self._find(name)
        self.current.unread_from = None

    def begin_with(self, name: str) -> list[str]:
        """Return the names with this prefix, or only the identical name."""
        if name in self._by_name:
            return [name]
        return [known for known in self._by_name if known.startswith(name)]

    def close(self, name: str) -> str:
        """Remove a conversation without messages and news.

        If it is shown, show the main conversation instead.

        Returns:
            Why it can't be removed, in one line; empty if it was removed.
        """
        conversation = self._by_name.get(name)
        if conversation is None:
            return f"no conversation {name}; /chats lists them"
        if name == MAIN_CONVERSATION:
            return f"the conversation {name} can't be removed"
        if any(is_content(item.shown) for item in conversation.transcript.items):
            return f"{name} stays: only an empty conversation can be removed"
        del self._by_name[name]
        if conversation is self.current:
            self.open(MAIN_CONVERSATION)
        return ""

    def show(self, entry: Entry, where: str, now: float = 0.0) -> None:
        """Add an entry to a conversation."""
        conversation = self._find(where)
        self._mark(conversation, conversation.transcript.add(entry, now))
        if isinstance(entry, Reply | Problem):
            self._settle(conversation)
            if not (isinstance(entry, Problem) and entry.told):  # recorded already
                self._to_write.append(written_answer(entry, where))

    def forget(self, task_ids: Iterable[int]) -> None:
        """Mark the news of forgotten tasks; see `TranscriptItems`."""
        ids = tuple(task_ids)
        for conversation in self.all:
            conversation.transcript.forget(ids)

    def forget_others(self, task_ids: AbstractSet[int]) -> None:
        """Mark the news of all tasks but these; see `TranscriptItems`."""
        for conversation in self.all:
            transcript = conversation.transcript
            transcript.forget(transcript.open_ids - task_ids)

    def put_before(
        self, earlier: Mapping[str, TranscriptItems], told: Mapping[str, int]
    ) -> None:
        """Restore the transcripts of an earlier run of the session, as read items.

        Args:
            earlier: The items, by the name of the conversation.
            told: The number of the last change in their news, by conversation.
        """
        now = datetime.now(UTC)
        for name, items in earlier.items():
            conversation = self._find(name)
            conversation.restored_at = now
            conversation.transcript.put_before(items)
            conversation.told_until = told.get(name, 0)

    def take_to_write(
        self, now: float | None, saying: str | None = None
    ) -> list[ChatMessage]:
        """Return the messages to record: answers, and complete groups of news.

        Args:
            now: The current time of the monotonic clock; None to complete all groups.
            saying: A conversation that is about to get a message, which completes its
                group of news.
        """
        for conversation in self.all:
            self._settle(conversation, None if conversation.name == saying else now)
        taken, self._to_write = self._to_write, []
        return taken

    def _settle(self, conversation: Conversation, now: float | None = None) -> None:
        self._to_write += [
            written_news(news, conversation.name)
            for news in conversation.transcript.settle(now)
        ]

    @property
    def settles_at(self) -> float | None:
        """When a group of news becomes complete, on the monotonic clock."""
        moments = (it.transcript.settles_at for it in self.all)
        return min((it for it in moments if it is not None), default=None)

    def extend_speech(
        self, who: str, at: datetime, says: PartnerSays, where: str
    ) -> Said | None:
        """Add a piece to a message; return the whole message after its last piece."""
        conversation = self._find(where)
        before = conversation.transcript.next_serial
        said = conversation.transcript.extend_speech(who, at, says)
        if conversation.transcript.next_serial != before:
            self._mark(conversation, before)
        return said

    def has_reply(self, where: str, line: str) -> bool:
        """Return whether a conversation shows an answer of only this line."""
        items = self._find(where).transcript.items
        shown = (item.shown for item in items)
        return any(isinstance(it, Reply) and it.lines == (line,) for it in shown)

    def show_thought(self, thought: Thought, where: str) -> None:
        """Add the partner's reasoning."""
        conversation = self._find(where)
        self._mark(conversation, conversation.transcript.add_thought(thought))

    def opened(self, task_id: int) -> None:
        """Record that a task was opened."""
        for conversation in self.all:
            if conversation.latest_failure == task_id:
                conversation.latest_failure = None

    def show_news(self, news: TaskNews, now: float = 0.0) -> None:
        """Add the news of a task to the conversation that added it.

        News that the restored transcript contains are skipped.
        """
        task = news.change.task
        where = conversation_of(task)
        if news.change.seq <= self._find(where).told_until:
            return
        self.show(news, where, now)
        if task.status is TaskStatus.FAILED:
            self._find(where).latest_failure = task.id

    def _mark(self, conversation: Conversation, serial: int) -> None:
        if conversation is not self.current:
            first = conversation.unread_from
            conversation.unread_from = serial if first is None else min(first, serial)

    def _find(self, name: str) -> Conversation:
        if name not in self._by_name:
            self._by_name[name] = Conversation(name)
        return self._by_name[name]
