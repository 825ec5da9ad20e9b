"""The partner: whoever answers what is said in a conversation.

A partner is an actor, or anything else that can be told something. It is told every
chat message as a `Spoken`, and answers by telling `reply_to`: a `PartnerSays` for
each answer, whole or in pieces. Commands never reach it. To start, list and cancel
tasks it sends the queue the same messages as everybody else; the `origin` of a
`TaskRequest` names the conversation in which the news of the task appear.
"""

from __future__ import annotations

import msgspec

from ...actors import Recipient


class PartnerSays(msgspec.Struct, frozen=True):
    """The partner says something, or the next piece of it.

    Attributes:
        conversation: Where; the one of the message that is answered.
        text: What; it may have several lines, and is made safe before it is shown.
        done: Whether this was the last piece.
    """

    conversation: str
    text: str
    done: bool = True


PartnerMessage = PartnerSays
"""What a partner tells the chat."""


class Spoken(msgspec.Struct, frozen=True):
    """Somebody said something to the partner.

    Attributes:
        conversation: In which conversation.
        text: What.
        reply_to: Takes the answers.
    """

    conversation: str
    text: str
    reply_to: Recipient[PartnerMessage]


class Partner(msgspec.Struct, frozen=True):
    """A partner, as an embedder hands it to the chat.

    Attributes:
        name: What it is called in the transcript.
        recipient: Takes the messages; must not block.
    """

    name: str
    recipient: Recipient[Spoken]
