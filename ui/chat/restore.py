"""The transcript of an earlier life of the session, put back where it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...actors import ChatMessage, TaskEvent
from ..entries import Said, TaskNews

if TYPE_CHECKING:
    from datetime import datetime

    from ...actors import Task, Transcript
    from .conversations import Conversations


def restore(conversations: Conversations, transcript: Transcript) -> None:
    """Put what was said and shown into its conversations.

    What is kept of a task does not name its conversation. But it was written down right
    after the command that began it, and so belongs where that was said.
    """
    commanded: str | None = None
    for entry in transcript.entries:
        if isinstance(entry, ChatMessage):
            said = Said(entry.at, entry.who, entry.text, entry.command)
            conversations.restore(said, entry.conversation)
            commanded = entry.conversation if entry.command else None
        elif entry.event is not TaskEvent.PROGRESS:
            task = entry.task
            if entry.event is TaskEvent.QUEUED and commanded is not None:
                conversations.claim(task.id, commanded)
                commanded = None
            news = TaskNews(_when(task), entry)
            conversations.restore(news, conversations.owner(task.id))


def _when(task: Task) -> datetime:
    return task.ended_at or task.started_at or task.queued_at
