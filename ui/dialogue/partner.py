"""The partner: a program that answers the chat messages of a conversation.

A partner is an actor, or any other object with a `tell` method. It receives every chat
message as a `Spoken`, and answers by telling `reply_to` a `PartnerSays` for each
answer, whole or in pieces. It never receives commands. To start, list and cancel tasks
it sends the queue the same messages as any client; the `origin` of a `TaskRequest`
names the conversation in which the news of the task appear.

The optional `control` of a partner is notified when the chat opens, and when a person
stops an answer or allows commands.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ...actors import Recipient

PARTNER_ORIGIN: Final = "partner:"
"""Prefix of the `origin` of a partner's tasks; the name of the conversation follows."""


class PartnerSays(msgspec.Struct, frozen=True):
    """An answer of the partner, or the next piece of an answer.

    Attributes:
        conversation: The conversation of the message that is answered.
        text: The text; it may have several lines, and is made safe before it is shown.
        done: Whether this was the last piece.
        form: Empty for plain text, or `markdown`.
    """

    conversation: str
    text: str
    done: bool = True
    form: str = ""


class PartnerThought(msgspec.Struct, frozen=True):
    """The partner's reasoning about an answer, which is shown folded.

    Attributes:
        conversation: The name of the conversation.
        text: The text of the reasoning.
        seconds: How long it took.
    """

    conversation: str
    text: str
    seconds: float


class PartnerDoes(msgspec.Struct, frozen=True):
    """What the partner is doing from now on; the chat also shows how long.

    Attributes:
        conversation: The name of the conversation.
        what: The activity, such as `answers`; empty if it has finished.
    """

    conversation: str
    what: str


class PartnerFailed(msgspec.Struct, frozen=True):
    """The partner has failed.

    Attributes:
        conversation: The name of the conversation.
        text: The reason and what to do, in one line.
    """

    conversation: str
    text: str


PartnerMessage = PartnerSays | PartnerThought | PartnerDoes | PartnerFailed
"""The messages of a partner to the chat."""


class Spoken(msgspec.Struct, frozen=True):
    """A chat message of a person to the partner.

    Attributes:
        conversation: The conversation.
        text: The text.
        reply_to: Receives the answers.
    """

    conversation: str
    text: str
    reply_to: Recipient[PartnerMessage]


class ChatOpened(msgspec.Struct, frozen=True):
    """The chat is open, and shows messages that the partner sends unprompted.

    Attributes:
        reply_to: Receives these messages.
    """

    reply_to: Recipient[PartnerMessage]


class StopAnswer(msgspec.Struct, frozen=True):
    """Stop the answer in a conversation."""

    conversation: str


class AllowCommands(msgspec.Struct, frozen=True):
    """A person has allowed the partner commands permanently.

    Attributes:
        pattern: The pattern of allowed commands; empty for one command.
        command: The one command.
    """

    pattern: str = ""
    command: str = ""


PartnerControl = ChatOpened | StopAnswer | AllowCommands
"""The messages to a partner's `control`."""


class Partner(msgspec.Struct, frozen=True):
    """A partner, as an embedder passes it to the chat.

    Attributes:
        name: Its name in the transcript.
        recipient: Receives the chat messages; its `tell` must not block.
        control: Receives the `PartnerControl` messages, if given.
    """

    name: str
    recipient: Recipient[Spoken]
    control: Recipient[PartnerControl] | None = None
