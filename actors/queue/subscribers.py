"""The subscribers: their filters, and which changes were shown to a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka
from msgspec.structs import replace

from ..messages import (
    Acknowledged,
    ClaimEnds,
    EndsClaimed,
    RefusalCode,
    Refused,
    Shown,
    Subscribe,
    TaskChanged,
    WriteDown,
)
from ..rules.end_claims import EndClaims
from ..rules.selection import TaskSelection

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..messages import QueueReply
    from ..runtime.sending import Recipient
    from .changes import Changes


class Subscriber:
    """A subscriber, and the filter of its notifications."""

    __slots__ = ("recipient", "selection", "terminal")

    def __init__(self, request: Subscribe) -> None:
        self.recipient = request.subscriber
        self.terminal = request.terminal
        given = TaskSelection(
            request.origin,
            request.description,
            request.which,
            frozenset(request.task_ids) or None,
        )
        self.selection = None if given.is_all else given

    def wants(self, message: object) -> bool:
        """Return whether it receives a notification."""
        selection = self.selection
        return (
            selection is None
            or not isinstance(message, TaskChanged)
            or message.task in selection
        )


class Subscribers:
    """All subscribers of a session, in order of subscription.

    Args:
        changes: The tasks and their changes.
        attached: Called with the id of a task, and 1 or -1, when a subscriber begins or
            ends to show its terminal.
    """

    def __init__(
        self, changes: Changes, attached: Callable[[int, int], object]
    ) -> None:
        self._changes = changes
        self._attached = attached
        self._subscribers: list[Subscriber] = []
        self._await_shown: list[Recipient[QueueReply]] = []
        self._claims: EndClaims[Recipient[Any], ClaimEnds] = EndClaims()

    def __contains__(self, subscriber: object) -> bool:
        """Return whether a subscriber is still subscribed."""
        return subscriber in self._subscribers

    def recipients(self) -> list[Recipient[Any]]:
        """Return all subscribers."""
        return [it.recipient for it in self._subscribers]

    def that_want(self, message: object) -> list[Recipient[Any]]:
        """Return the subscribers that receive a notification or a chat message."""
        if isinstance(message, WriteDown):
            return self._others_that_show(message)
        return [
            it.recipient
            for it in self._subscribers
            if it.selection is None or it.wants(message)
        ]

    def renew(self, message: Subscribe) -> bool:
        """Replace the earlier subscription of a subscriber.

        Returns:
            Whether there was one.
        """
        place = self._place_of(message.subscriber)
        if place is not None:
            before = self._subscribers[place]
            self._subscribers[place] = new = Subscriber(message)
            self._note_terminals(before, new)
        return place is not None

    def add(self, message: Subscribe) -> Subscriber:
        """Add a new subscriber."""
        new = Subscriber(message)
        self._subscribers.append(new)
        self._note_terminals(None, new)
        return new

    def note(self, message: Subscribe) -> None:
        """Record whether a subscriber shows changes and is watched, from now on."""
        shown = self._changes.shown
        shown.note(message.subscriber, shows=message.shows)
        shown.note_told(self._changes.last_to_show)
        self._answer_if_shown()
        self._claims.watch(message.subscriber, watched=message.watched)
        self._answer_claims()

    def remove(self, recipient: Recipient[Any]) -> None:
        """Send this recipient no more notifications."""
        place = self._place_of(recipient)
        if place is not None:
            self._note_terminals(self._subscribers.pop(place), None)
            self._changes.shown.note(recipient, shows=False)
            self._answer_if_shown()
            self._claims.remove(recipient)
            self._answer_claims()

    def _note_terminals(
        self, before: Subscriber | None, now: Subscriber | None
    ) -> None:
        for subscriber, change in ((now, 1), (before, -1)):
            if subscriber is not None and subscriber.terminal is not None:
                self._attached(subscriber.terminal, change)

    def said(self, message: WriteDown) -> QueueReply:
        """Store a chat message, and send it to the subscribers that show changes."""
        changes = self._changes
        if message.only_if_shown and not self._others_that_show(message):
            text = "no open chat can show the message"
            return Refused(text, RefusalCode.FAILED)
        said = message.message
        if said.private is not message.private:
            said = replace(said, private=message.private)
        changes.journal.said(said, changes.seq)
        if not message.private:
            # The recipients are determined when it is sent: a subscriber that comes
            # before the commit doesn't find the message in the transcript.
            changes.outbox.add(None, message, tells_change=True)
        return Acknowledged()

    def _others_that_show(self, message: WriteDown) -> list[Recipient[Any]]:
        """Return the subscribers that show changes, except `message.shown_by`."""
        shows = self._changes.shown.shows
        return [it for it in self.recipients() if it != message.shown_by and shows(it)]

    def are_shown(self) -> bool:
        """Return whether any subscriber shows changes to a person."""
        return any(map(self._changes.shown.shows, self.recipients()))

    def take(self, message: Shown | ClaimEnds) -> None:
        """Handle an acknowledgment of shown changes, or a claim of ends."""
        if isinstance(message, ClaimEnds):
            self._claim_ends(message)
        else:
            self._note_shown(message)

    def _claim_ends(self, message: ClaimEnds) -> None:
        """Handle a claim to notify a person."""
        if self._place_of(message.claimant) is None:
            # Granted to a recipient that isn't subscribed, it would block the others.
            self._answer_claim(message, message.seq, granted=False)
            return
        self._claims.claim(message.claimant, message.seq, message)
        self._answer_claims()

    def _answer_claims(self) -> None:
        for message, seq, granted in self._claims.take_answers():
            self._answer_claim(message, seq, granted=granted)

    def _answer_claim(self, message: ClaimEnds, seq: int, *, granted: bool) -> None:
        if message.reply_to is not None:
            answer = EndsClaimed(seq, granted, message.correlation_id)
            self._changes.outbox.add(message.reply_to, answer, tells_change=False)

    def _note_shown(self, message: Shown) -> None:
        """Record that all changes up to this one have been shown."""
        changes = self._changes
        # A change that was not sent can't have been shown.
        seq = min(message.seq, changes.told_seq)
        if message.noticed:
            self._claims.noticed(seq)
            self._answer_claims()
        if changes.shown.note_shown(seq):
            changes.journal.shown(seq)
            changes.journal.settled(changes.unshown.shown(seq))
        self._answer_if_shown()

    def await_shown(self, reply_to: Recipient[QueueReply]) -> None:
        """Answer when the last change has been shown."""
        for subscriber in self.recipients():
            # A subscriber that died after its last message is not yet detected as dead.
            if _is_dead(subscriber):
                self.remove(subscriber)
        self._await_shown.append(reply_to)
        self._answer_if_shown()

    def _answer_if_shown(self) -> None:
        if not self._changes.shown.is_owed:
            for reply_to in self._await_shown:
                self._changes.outbox.add(reply_to, Acknowledged(), tells_change=False)
            self._await_shown.clear()

    def _place_of(self, recipient: object) -> int | None:
        for place, it in enumerate(self._subscribers):
            if it.recipient == recipient:
                return place
        return None


def _is_dead(subscriber: object) -> bool:
    return isinstance(subscriber, pykka.ActorRef) and not subscriber.is_alive()
