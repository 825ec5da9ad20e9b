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
    """Send this recipient one `Subscribed`, then every change from now on.

    Answer: `Acknowledged`, or `Transcript` if `past` is given. Subscribing again
    replaces the attributes and repeats no notification. A dead subscriber is removed.

    With `origin`, `description`, `which` or `task_ids` the subscriber receives only the
    changes of tasks that match all of them, so the sequence numbers have gaps.
    `TasksForgotten` still names all forgotten tasks.

    Attributes:
        subscriber: The recipient of the notifications.
        shows: Whether it shows changes to a person. `Subscribed` then contains the
            changes that were never shown, and the subscriber sends `Shown` for the
            changes it has shown; a session that ends waits briefly for that.
        origin: Only tasks of this origin.
        description: Only tasks with this description.
        which: Only changes to this status.
        since: The number of the last change of status (not of progress) that the
            subscriber has handled; 0 for none. `Subscribed.missed` then contains the
            later ones.
        watched: Whether a person is looking at it; see `ClaimEnds`.
        past: How many earlier entries of the transcript to return. The answer is then
            `Transcript`, and a message sent concurrently is either in it or follows
            as a notification. If the transcript can't be read, the answer is `Refused`,
            but the subscription is in effect.
        terminal: The task whose terminal it shows to a person who can type there. While
            it does, no subscriber is notified that the task waits for input.
        said_since: For a subscription that was interrupted, when it was first made, in
            UTC. `Subscribed.said` then contains the chat messages since that time.
        task_ids: Only these tasks; empty for all.
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
    task_ids: tuple[int, ...] = ()


class Unsubscribe(Message, frozen=True):
    """Send this recipient no more notifications. Answer: `Acknowledged`.

    Attributes:
        subscriber: A recipient equal to the one that subscribed. If it isn't
            subscribed, nothing happens.
    """

    subscriber: Recipient[Notification]
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class Shown(Message, frozen=True):
    """All changes up to `seq` have been shown to a person. No answer.

    Attributes:
        seq: The number of the last change shown.
        noticed: Whether the person has noticed the changes, by looking at the view or
            because a bell rang. Other subscribers then don't ring for these changes.
    """

    seq: int
    noticed: bool = False


class ClaimEnds(Message, frozen=True):
    """Claim the right to notify a person of ended tasks. Answer: `EndsClaimed`.

    Only one subscriber notifies the person. The answer is delayed while another
    subscriber holds the claim, or while a watched one hasn't shown these changes yet.
    After notifying, the holder of the claim sends `Shown` with `noticed`. If it
    unsubscribes or claims again before that, the next claimant gets the claim.

    Attributes:
        claimant: The subscriber.
        seq: The number of the last change that it claims; 0 to release its claim.
        reply_to: The recipient of the answer; without it nothing is granted.
        correlation_id: Returned in the answer.
    """

    claimant: Recipient[Notification]
    seq: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None


class WriteDown(Message, frozen=True):
    """Store a chat message with the session. Answer: `Acknowledged` or `Refused`.

    Attributes:
        message: The chat message.
        shown_by: The subscriber that shows the message already. The other subscribers
            that show changes receive `MessageSaid`.
        only_if_shown: Whether to refuse the message if no subscriber shows messages.
        private: Whether no other subscriber receives the message.
        again: Whether this may be a retry, because the host died before it answered.
            The message is then stored only if it isn't stored yet.
        reply_to: See `AddTask`.
        correlation_id: See `AddTask`.
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
        limit: The maximum number of entries; the newest are returned.
    """

    limit: int
    reply_to: Recipient[QueueReply] | None = None
    correlation_id: int | str | None = None
