"""Requests to the QueueActor about its notifications, and about the transcript."""

from __future__ import annotations

from datetime import datetime

from ..rules.chat_message import ChatMessage
from ..rules.status import TaskFilter
from ..runtime.sending import Recipient
from .base import Message
from .notifications import Notification
from .replies import QueueReply


class Subscribe(Message, frozen=True):
    """Send this recipient every change from now on, after one `Subscribed`.

    Answer: `Acknowledged`, or what `past` asks for. Subscribing again tells nothing
    that was told before; what is given with it takes the place of what was given first.
    A subscriber that died is dropped by itself.

    With `origin`, `description` or `which` it is told only of the tasks that fit all
    of them, so that the numbers of the changes have gaps. `TasksForgotten` names all
    that are forgotten.

    Attributes:
        subscriber: The recipient of the notifications.
        shows: Whether it shows changes to a person: `Subscribed` then has those that
            nobody was shown, and it is to tell `Shown` for what it has shown. A session
            that ends waits a moment for that.
        origin: Only tasks of this origin.
        description: Only tasks with this description.
        which: Only tasks of this status: a change to another one is not told.
        since: The number of the last change of a status, not of progress, that it has
            handled; 0 for none. `Subscribed.missed` then has what came after it.
        watched: Whether a person looks at it just now; see `ClaimEnds`.
        past: How many entries of what was said and shown before it wants to have. The
            answer is `Transcript` then, and nothing that is said meanwhile is missing
            in both. If it can't be read the answer is `Refused`, and the subscription
            stands all the same.
        terminal: The task whose terminal it shows to a person, who has the keys. As
            long as it does, nobody is told that the task waits for input.
        said_since: When it was subscribed first, if that was interrupted, in UTC:
            `Subscribed.said` then has what was said since.
    """

    subscriber: Recipient[Notification]
    shows: bool = False
    origin: str | None = None
    description: str | None = None
    which: TaskFilter = TaskFilter.ALL
    since: int | None = None
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
    watched: bool = False
    past: int | None = None
    terminal: int | None = None
    said_since: datetime | None = None


class Unsubscribe(Message, frozen=True):
    """Send this recipient no more notifications. Answer: `Acknowledged`.

    Attributes:
        subscriber: The same, or an equal one; nothing happens if it is none.
    """

    subscriber: Recipient[Notification]
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class Shown(Message, frozen=True):
    """All changes up to `seq` have been shown to a person. No answer.

    Attributes:
        seq: The number of the last of them.
        noticed: Whether the person has noticed: looked at what shows them, or was
            called by a bell. Then nobody else is to be called to them.
    """

    seq: int
    noticed: bool = False


class ClaimEnds(Message, frozen=True):
    """A subscriber asks to be the one that notifies a person of ended tasks.

    Answer: `EndsClaimed`. One alone is to call: the answer may take until another one
    has called, or as long as one is looked at that has not shown these changes yet.
    The one to whom they are granted says `Shown` with `noticed` when it has called. If
    it is unsubscribed before, or claims anew, they are granted to the next.

    Attributes:
        claimant: The subscriber.
        seq: The number of the last change that it claims; 0 to give back what it was
            granted.
        reply_to: Gets the answer; without it there is none, and nothing is granted.
        correlation_id: Comes back in the answer.
    """

    claimant: Recipient[Notification]
    seq: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class WriteDown(Message, frozen=True):
    """Store a chat message with the session. Answer: `Acknowledged` or `Refused`.

    Attributes:
        message: The chat message.
        shown_by: The subscriber that shows it already; the others that show changes
            are told.
        only_if_shown: Whether to refuse it if there is nobody to show it.
        private: Whether it concerns only the one who shows it: no other is told.
        again: Whether it may be stored already, because it was sent to a host that
            died before it answered; it is stored once.
        reply_to: See `AddTask`.
        correlation_id: The same.
    """

    message: ChatMessage
    shown_by: Recipient[Notification] | None = None
    only_if_shown: bool = False
    private: bool = False
    again: bool = False
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class GetTranscript(Message, frozen=True):
    """Get the transcript of this and earlier runs. Answer: `Transcript`.

    Attributes:
        limit: How many of the last entries at most.
    """

    limit: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
