"""Conversations: what each has shown, what is unread, and whose tasks are whose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line
from ...dialogue.arguments import LONGEST_NAME
from ...dialogue.dialogue import MAIN_CONVERSATION
from ...dialogue.entries import Problem, Reply, Said
from .transcript import Shown, TranscriptItems

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ....actors import Task
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
    """One transcript and where somebody looks at it.

    Args:
        name: What it is called.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.transcript = TranscriptItems()
        self.place: Place | None = None
        """Where it is scrolled to; none at the end, where new items appear."""
        self.unread_from: int | None = None
        """The first item that changed while another conversation was shown."""
        self.latest_failure: int | None = None
        """The task that failed last, until somebody opens it."""
        self.restored_at: datetime | None = None
        """When entries of an earlier life of the session were put back, if they were.
        """

    @property
    def unread(self) -> int:
        """How many items there are from the first on that nobody has seen."""
        if self.unread_from is None:
            return 0
        return len(self.transcript.items) - self.transcript.find(self.unread_from)

    @property
    def new_below(self) -> int:
        """How many items came since the end was left."""
        if self.place is None:
            return 0
        transcript = self.transcript
        return len(transcript.items) - transcript.find(self.place.seen)


def conversation_of(task: Task) -> str:
    """Return the name of the conversation that a task was started for."""
    return safe_line(task.origin)[:LONGEST_NAME] or MAIN_CONVERSATION


def is_content(shown: Shown) -> bool:
    """Tell whether what a conversation shows is more than commands and answers."""
    match shown:
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

    def show(self, entry: Entry, where: str) -> None:
        """Add an entry to a conversation."""
        conversation = self._find(where)
        self._mark(conversation, conversation.transcript.add(entry))

    def restore(self, entry: Entry, where: str, now: datetime) -> None:
        """Add an entry of an earlier life of the session; it is no news."""
        conversation = self._find(where)
        conversation.restored_at = now
        conversation.transcript.add(entry)

    def extend_speech(
        self, who: str, at: datetime, piece: str, where: str, *, done: bool
    ) -> Said:
        """Add a piece to what somebody is saying in a conversation.

        Returns:
            All that was said of it by now.
        """
        conversation = self._find(where)
        before = conversation.transcript.next_serial
        said = conversation.transcript.extend_speech(who, at, piece, done=done)
        if conversation.transcript.next_serial != before:
            self._mark(conversation, before)
        return said

    def opened(self, task_id: int) -> None:
        """Note that somebody looks at a task."""
        for conversation in self.all:
            if conversation.latest_failure == task_id:
                conversation.latest_failure = None

    def show_news(self, news: TaskNews) -> None:
        """Add the news of a task to the conversation that began it."""
        task = news.change.task
        where = conversation_of(task)
        self.show(news, where)
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
