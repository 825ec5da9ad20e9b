"""The transcript of an earlier life of the session, put back where it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ....actors import ChatMessage, TaskEvent
from ...dialogue.entries import Said, TaskNews
from ..model.conversations import conversation_of

if TYPE_CHECKING:
    from ....actors import Task, Transcript
    from ..model.conversations import Conversations


def restore(conversations: Conversations, transcript: Transcript) -> None:
    """Put what was said and shown into its conversations."""
    now = datetime.now(UTC)
    for entry in transcript.entries:
        if isinstance(entry, ChatMessage):
            said = Said(entry.at, entry.who, entry.text, entry.command)
            conversations.restore(said, entry.conversation, now)
        elif entry.event is not TaskEvent.PROGRESS:
            news = TaskNews(_when(entry.task), entry)
            conversations.restore(news, conversation_of(entry.task), now)


def _when(task: Task) -> datetime:
    return task.ended_at or task.started_at or task.queued_at
