"""The transcript of an earlier life of the session, put back where it was."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ....actors import ChatMessage, TaskEvent
from ...dialogue.dialogue import MAIN_CONVERSATION
from ...dialogue.entries import Said, TaskNews
from ..model.conversations import conversation_of

if TYPE_CHECKING:
    from ....actors import Task, Transcript
    from ..model.conversations import Conversations


def restore(conversations: Conversations, transcript: Transcript) -> None:
    """Put what was said and shown into its conversations.

    One in which there were only commands is not worth a place.
    """
    now = datetime.now(UTC)
    kept = _with_content(transcript)
    for entry in transcript.entries:
        if isinstance(entry, ChatMessage):
            if entry.conversation not in kept:
                continue
            said = Said(entry.at, entry.who, entry.text, entry.command)
            conversations.restore(said, entry.conversation, now)
        elif entry.event is not TaskEvent.PROGRESS:
            news = TaskNews(_when(entry.task), entry)
            conversations.restore(news, conversation_of(entry.task), now)


def _with_content(transcript: Transcript) -> set[str]:
    return {
        MAIN_CONVERSATION,
        *(
            entry.conversation
            if isinstance(entry, ChatMessage)
            else conversation_of(entry.task)
            for entry in transcript.entries
            if not (isinstance(entry, ChatMessage) and entry.command)
        ),
    }


def _when(task: Task) -> datetime:
    return task.ended_at or task.started_at or task.queued_at
