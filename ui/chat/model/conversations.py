"""Conversations: what each has shown, what is unread, and whose tasks are whose."""

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

    from ....actors import ChatMessage, Task
    from ...dialogue.entries import Entry, TaskNews


class Place(msgspec.Struct, frozen=True):
    """A place in a transcript that somebody scrolled to.

    Attributes:
        serial: The item of which something is in the top row.
        row: Which of that item's rows is the top one.
        seen: Items from this number on came after the end was left.
    """

    serial: int
    row: int
    seen: int


class Conversation:
    """One transcript and where somebody looks at it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.transcript = TranscriptItems()
        self.place: Place | None = None
        """Where it is scrolled to; None at the end, where new items appear."""
        self.unread_from: int | None = None
        """The first item that changed while another conversation was shown."""
        self.latest_failure: int | None = None
        """The task that failed last, until somebody opens it."""
        self.restored_at: datetime | None = None
        """When entries of an earlier life of the session were put back, if they were.
        """
        self.told_until = 0
        """The last change that is told of in what was put back."""

    @property
    def unread(self) -> int:
        """How many items there are from the first on that nobody has seen."""
        if self.unread_from is None:
            return 0
        return self.transcript.count_from(self.unread_from)

    @property
    def new_below(self) -> int:
        """How many items came since the end was left."""
        if self.place is None:
            return 0
        return self.transcript.count_from(self.place.seen)


def conversation_of(task: Task) -> str:
    """Return the name of the conversation that a task was started for."""
    origin = task.origin.removeprefix(PARTNER_ORIGIN)
    return safe_line(origin)[:LONGEST_NAME] or MAIN_CONVERSATION


def is_content(shown: Shown) -> bool:
    """Tell whether what a conversation shows is more than commands and answers."""
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

    There always is `MAIN_CONVERSATION`: the news of tasks that nobody here began go
    there.
    """

    def __init__(self) -> None:
        self._by_name = {MAIN_CONVERSATION: Conversation(MAIN_CONVERSATION)}
        self.current = self._by_name[MAIN_CONVERSATION]
        """The one that is shown."""
        self._to_write: list[ChatMessage] = []

    @property
    def all(self) -> Iterable[Conversation]:
        """Every conversation, the oldest first."""
        return self._by_name.values()

    @property
    def unread(self) -> tuple[tuple[str, int], ...]:
        """The conversations with unread items, and how many."""
        return tuple((c.name, c.unread) for c in self.all if c.unread)

    @property
    def destinations(self) -> tuple[tuple[str, str], ...]:
        """Where one can go, each with a word: what is unread first, this one last."""
        others = (c for c in self.all if c is not self.current)
        ordered = sorted(others, key=lambda c: not c.unread)
        return (
            *((c.name, f"{c.unread} unread" if c.unread else "") for c in ordered),
            (self.current.name, "you are here"),
        )

    def open(self, name: str) -> None:
        """Show the conversation of this name; begin it if there is none."""
        self.current = self._find(name)
        self.current.unread_from = None

    def begin_with(self, name: str) -> list[str]:
        """Return the names that begin so, or the one that is the same."""
        if name in self._by_name:
            return [name]
        return [known for known in self._by_name if known.startswith(name)]

    def close(self, name: str) -> str:
        """Remove a conversation in which nothing was said and nothing happened.

        If it is shown, the main one is shown instead.

        Returns:
            Why it stays, in one line; empty if it is gone.
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
            if not (isinstance(entry, Problem) and entry.told):  # that is kept already
                self._to_write.append(written_answer(entry, where))

    def forget(self, task_ids: Iterable[int]) -> None:
        """Mark what is shown of tasks that are forgotten; see `TranscriptItems`."""
        ids = tuple(task_ids)
        for conversation in self.all:
            conversation.transcript.forget(ids)

    def put_before(
        self, earlier: Mapping[str, TranscriptItems], told: Mapping[str, int]
    ) -> None:
        """Put back what an earlier life of the session has shown; it is no news.

        Args:
            earlier: The items, by the name of the conversation.
            told: The number of the last change that they tell of.
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
        """Return what is to be written down: answers, and news that are complete.

        Args:
            now: This moment of the monotonic clock; None if this is the last one.
            saying: A conversation in which somebody is about to say something, which
                ends its group of news.
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
        """When (of the monotonic clock) there is something to be written down."""
        moments = (it.transcript.settles_at for it in self.all)
        return min((it for it in moments if it is not None), default=None)

    def extend_speech(  # noqa: PLR0913 - each is one independent thing
        self,
        who: str,
        at: datetime,
        piece: str,
        where: str,
        *,
        done: bool,
        form: str = "",
    ) -> Said | None:
        """Add a piece to what somebody is saying in a conversation.

        Returns:
            All that was said, if this was the last of it.
        """
        conversation = self._find(where)
        before = conversation.transcript.next_serial
        said = conversation.transcript.extend_speech(
            who, at, piece, done=done, form=form
        )
        if conversation.transcript.next_serial != before:
            self._mark(conversation, before)
        return said

    def has_reply(self, where: str, line: str) -> bool:
        """Tell whether an answer of this one line stands in a conversation."""
        items = self._find(where).transcript.items
        shown = (item.shown for item in items)
        return any(isinstance(it, Reply) and it.lines == (line,) for it in shown)

    def show_thought(self, thought: Thought, where: str) -> None:
        """Add what the partner thought."""
        conversation = self._find(where)
        self._mark(conversation, conversation.transcript.add_thought(thought))

    def opened(self, task_id: int) -> None:
        """Note that somebody looks at a task."""
        for conversation in self.all:
            if conversation.latest_failure == task_id:
                conversation.latest_failure = None

    def show_news(self, news: TaskNews, now: float = 0.0) -> None:
        """Add the news of a task to the conversation that began it.

        Not those that are told of already, in what was put back.
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
