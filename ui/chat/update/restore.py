"""Restore the transcript of earlier runs of the session."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from ....actors import ChatMessage, TaskEvent
from ...dialogue.entries import MAIN_CONVERSATION, Problem, Reply, Said, TaskNews
from ...dialogue.parse import without_input
from ..model.conversations import conversation_of, is_content
from ..model.records import News, read
from ..model.transcript import TranscriptItems

if TYPE_CHECKING:
    from ....actors import Transcript
    from ..model.conversations import Conversations

Shown = Said | Reply | Problem | News | TaskNews


def restore(conversations: Conversations, transcript: Transcript) -> None:
    """Insert recorded entries into their conversations, before the new entries.

    A recorded group of news replaces the changes that it covers. A group that was not
    recorded, because the program was killed, is rebuilt from its changes. Conversations
    with nothing but commands are not restored.
    """
    shown_already = {
        (conversation.name, item.shown.at, without_input(item.shown.text))
        for conversation in conversations.all
        for item in conversation.transcript.items
        if isinstance(item.shown, Said)
    }
    earlier: dict[str, TranscriptItems] = defaultdict(TranscriptItems)
    entries = _entries(transcript)
    told = _told(entries)
    seen: dict[str, int] = defaultdict(int)
    for where, entry in entries:
        items = earlier[where]
        match entry:
            case News():
                # Every open chat has recorded the same changes.
                unseen = entry.after(seen[where])
                if unseen is not None:
                    items.restore(unseen)
                seen[where] = max(seen[where], entry.last)
            case TaskNews(change=change):
                first, last = told.get(where, (0, -1))
                if not first <= change.seq <= last:
                    items.add(entry)
            case Said() if (where, entry.at, entry.text) in shown_already:
                pass
            case _:
                items.add(entry)
    for where, items in [*earlier.items()]:
        content = any(is_content(item.shown) for item in items.items)
        if not content and where != MAIN_CONVERSATION:
            del earlier[where]
    conversations.put_before(earlier, {name: last for name, (_, last) in told.items()})


def _entries(transcript: Transcript) -> list[tuple[str, Shown]]:
    """Return messages, answers and news, each with its conversation."""
    found: list[tuple[str, Shown]] = []
    for entry in transcript.entries:
        if isinstance(entry, ChatMessage):
            kept = read(entry)
            if kept is not None:
                found.append((entry.conversation, kept))
        elif entry.event is not TaskEvent.PROGRESS:
            task = entry.task
            at = task.ended_at or task.started_at or task.queued_at
            found.append((conversation_of(task), TaskNews(at, entry)))
    return found


def _told(entries: list[tuple[str, Shown]]) -> dict[str, tuple[int, int]]:
    """Return the first and last change in the groups of each conversation."""
    told: dict[str, tuple[int, int]] = {}
    for where, entry in entries:
        if isinstance(entry, News):
            first, last = told.get(where, (entry.first, entry.last))
            told[where] = (min(first, entry.first), max(last, entry.last))
    return told
