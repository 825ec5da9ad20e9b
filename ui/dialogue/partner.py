"""The partner: the program that answers what is said in a conversation.

A partner is an actor, or anything else that can be told something. It is told every
chat message as a `Spoken`, and answers by telling `reply_to`: a `PartnerSays` for
each answer, whole or in pieces. Commands never reach it. To start, list and cancel
tasks it sends the queue the same messages as everybody else; the `origin` of a
`TaskRequest` names the conversation in which the news of the task appear.

A partner that wants more gives its `control` as well: it is told when the chat opens,
and when somebody stops an answer or allows commands.
"""

from __future__ import annotations

from typing import Final

import msgspec

from ...actors import Recipient

PARTNER_ORIGIN: Final = "partner:"
"""Before the name of a conversation: the origin of the tasks of the partner in it."""


class PartnerSays(msgspec.Struct, frozen=True):
    """The partner says something, or the next piece of it.

    Attributes:
        conversation: Where; the one of the message that is answered.
        text: What; it may have several lines, and is made safe before it is shown.
        done: Whether this was the last piece.
        form: How it is read: as it is, or as `markdown`.
    """

    conversation: str
    text: str
    done: bool = True
    form: str = ""


class PartnerThought(msgspec.Struct, frozen=True):
    """The partner has thought about its answer, which is shown folded.

    Attributes:
        conversation: The name of the conversation.
        text: What it thought.
        seconds: How long.
    """

    conversation: str
    text: str
    seconds: float


class PartnerDoes(msgspec.Struct, frozen=True):
    """What the partner is doing from now on; the chat shows for how long.

    Attributes:
        conversation: The name of the conversation.
        what: Such as `answers`; empty if it has finished.
    """

    conversation: str
    what: str


class PartnerFailed(msgspec.Struct, frozen=True):
    """The partner can't go on.

    Attributes:
        conversation: The name of the conversation.
        text: Why and what to do, in one line.
    """

    conversation: str
    text: str


PartnerMessage = PartnerSays | PartnerThought | PartnerDoes | PartnerFailed
"""What a partner tells the chat."""


class Spoken(msgspec.Struct, frozen=True):
    """A person said something to the partner.

    Attributes:
        conversation: In which conversation.
        text: The text.
        reply_to: Takes the answers.
    """

    conversation: str
    text: str
    reply_to: Recipient[PartnerMessage]


class ChatOpened(msgspec.Struct, frozen=True):
    """The chat is open, and shows what the partner says without being asked.

    Attributes:
        reply_to: Takes it.
    """

    reply_to: Recipient[PartnerMessage]


class StopAnswer(msgspec.Struct, frozen=True):
    """Somebody wants no more of the answer in a conversation."""

    conversation: str


class AllowCommands(msgspec.Struct, frozen=True):
    """Somebody has allowed the partner commands for good.

    Attributes:
        pattern: Those that match this; empty for one command.
        command: That one.
    """

    pattern: str = ""
    command: str = ""


PartnerControl = ChatOpened | StopAnswer | AllowCommands
"""What a partner with a `control` is told besides what is said."""


class Partner(msgspec.Struct, frozen=True):
    """A partner, as an embedder hands it to the chat.

    Attributes:
        name: What it is called in the transcript.
        recipient: Takes the messages; must not block.
        control: Takes what else there is to tell a partner, if it wants that.
    """

    name: str
    recipient: Recipient[Spoken]
    control: Recipient[PartnerControl] | None = None
