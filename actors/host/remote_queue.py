"""The queue of a session in another process, as seen by its clients.

It holds unanswered requests, subscriptions, and messages that wait for the next host.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import msgspec
import pykka
from msgspec.structs import replace

from ..messages import (
    Acknowledged,
    AddTask,
    ClaimEnds,
    Notification,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    SendInput,
    Subscribe,
    SystemStopped,
    Transcript,
    Unsubscribe,
    WriteDown,
)
from ..rules.chat_message import ChatMessage
from ..rules.field_types import not_taken, wrong_type
from ..rules.status import TaskFilter
from ..runtime.frames import LONGEST_TO_HOST, FrameError, frame
from ..runtime.sending import (
    DeadLetters,
    Recipient,
    call_safely,
    logger,
    post,
    post_if_alive,
)
from . import wire
from .follower import Follower
from .wire import Number

if TYPE_CHECKING:
    from ..runtime.socket_writer import SocketWriter
    from .events import HostEvent

_REQUESTS: Final = frozenset(get_args(QueueRequest))

_DIED: Final = (
    "the session's host died before it answered; the task list shows whether this was"
    " done"
)


class _Subscription:
    def __init__(self, request: Subscribe) -> None:
        self.request = request
        told_of_all = request.which is TaskFilter.ALL
        self.follower = Follower(told_of_all=told_of_all)


class _Pending(msgspec.Struct, frozen=True):
    """A request that was not answered yet.

    Attributes:
        recipient: Gets the answer.
        request: The request; its recipients are numbers.
    """

    recipient: Recipient[QueueReply]
    request: Any


class _Discard:
    """A recipient that ignores answers."""

    def tell(self, message: QueueReply, /) -> None:
        """Ignore an answer."""


_DISCARD: Final = _Discard()


def _again(request: Any) -> bytes:  # noqa: ANN401 - any request
    if isinstance(request, WriteDown):
        request = replace(request, again=True)
    return wire.encode(request)


def _may_be_done(request: Any) -> bool:  # noqa: ANN401 - as above
    """Return whether repeating a request could carry it out twice."""
    if isinstance(request, AddTask):
        return not request.request.key
    return isinstance(request, SendInput)


class RemoteQueue:
    """Takes requests for a queue in another process; see `RemoteSystem.queue`."""

    def __init__(
        self, dead_letters: DeadLetters, events: Recipient[HostEvent] | None
    ) -> None:
        self._dead_letters = dead_letters
        self._events = events
        # Guards changes to all fields below, except the removal of what was answered.
        # Reentrant: a recipient may send a request when called, and a signal handler
        # at any time.
        self._lock = threading.RLock()
        self._writer: SocketWriter | None = None
        self._closed = False
        self._numbers = 0
        self._pending: dict[int, _Pending] = {}
        self._subscriptions: dict[int, _Subscription] = {}
        self._held: list[bytes] = []
        self._untold: list[HostEvent] = []

    def tell(self, message: QueueRequest, /) -> None:
        """Send a request. Never blocks.

        While the host is gone, requests wait for the next one.

        Raises:
            pykka.ActorDeadError: If the system is not started, or has been stopped.
        """
        with self._lock:
            if self._closed:
                raise pykka.ActorDeadError("the connection to the host has ended")
            is_request = type(message) in _REQUESTS
            problem = wrong_type(message) if is_request else not_taken(message)
            if problem is not None:
                # The host could not decode it.
                self._refuse(message, problem)
                return
            try:
                payload = self._encode(message)
            except UnicodeEncodeError:
                self._refuse(message, wire.not_unicode(message))
                return
            except FrameError as error:
                self._refuse(message, str(error))
                return
            if self._writer is None:
                self._held.append(payload)
            else:
                self._writer.send(frame(payload))

    def attach(self, writer: SocketWriter) -> None:
        """Send to this host from now on, beginning with interrupted requests."""
        with self._lock:
            again = [
                *map(self._resubscribe, [*self._subscriptions]),
                *self._held,
            ]
            self._held.clear()
            self._writer = writer
            for payload in again:
                writer.send(frame(payload))

    def detach(self) -> None:
        """Hold all messages until there is another host."""
        refused: list[tuple[Recipient[QueueReply], QueueReply]] = []
        with self._lock:
            if self._writer is None:
                return  # nothing was sent since the last call
            self._writer = None
            for number, pending in [*self._pending.items()]:
                # All other requests can be repeated for the next host.
                if _may_be_done(pending.request):
                    if self._pending.pop(number, None) is None:
                        continue  # it is being answered
                    correlation_id = pending.request.correlation_id
                    refusal = Refused(_DIED, RefusalCode.FAILED, correlation_id)
                    refused.append((pending.recipient, refusal))
                elif isinstance(request := pending.request, Subscribe) and (
                    request.past is None
                ):
                    if self._pending.pop(number, None) is None:
                        continue
                    answer = Acknowledged(pending.request.correlation_id)
                    refused.append((pending.recipient, answer))
            # Ahead of later requests, which are sent once as well.
            self._held = [_again(it.request) for it in self._pending.values()]
        for recipient, answer in refused:
            post(recipient, answer, self._dead_letters)

    def close(self, text: str) -> None:
        """Reject further requests, and refuse unanswered ones."""
        with self._lock:
            self._closed = True
            self._writer = None
            pending = [*self._pending.values()]
            self._pending.clear()
            subscribers = [it.request.subscriber for it in self._subscriptions.values()]
            self._subscriptions.clear()
            self._held.clear()
        for it in pending:
            correlation_id = it.request.correlation_id
            refusal = Refused(text, RefusalCode.CLOSING, correlation_id)
            post(it.recipient, refusal, self._dead_letters)
        for subscriber in subscribers:
            call_safely(partial(post_if_alive, subscriber, SystemStopped(text)))

    def take(self, to: int, message: QueueReply | Notification) -> None:
        """Pass on a message of the host to a recipient."""
        # Without the lock: `tell` may hold it, interrupted by a signal handler that
        # waits for this answer.
        if not isinstance(message, Notification):
            pending = self._pending.pop(to, None)
            if pending is not None:
                if isinstance(message, Transcript):
                    self._note_past(pending.request, message)
                post(pending.recipient, message, self._dead_letters)
            return
        subscription = self._subscriptions.get(to)
        if subscription is None:
            return
        subscriber = subscription.request.subscriber
        if isinstance(message, SystemStopped):
            self._subscriptions.pop(to, None)
            call_safely(partial(post_if_alive, subscriber, message))
            return
        for news in subscription.follower.take(message):
            if not post(subscriber, news, self._dead_letters):
                self._drop(to)
                return

    def subscribe_again(self, number: int) -> None:
        """Subscribe a recipient that was too slow again."""
        with self._lock:
            if number in self._subscriptions and self._writer is not None:
                self._writer.send(frame(self._resubscribe(number)))

    def tell_event(self, event: HostEvent) -> None:
        """Report an event of the connection, now or to the next recipient of events."""
        with self._lock:
            events = self._events
            if events is None:
                self._untold.append(event)
        if events is not None:
            post(events, event, self._dead_letters)

    def listen(self, events: Recipient[HostEvent]) -> None:
        """Send this recipient events of the connection, including past ones."""
        with self._lock:
            self._events = events
            untold, self._untold = self._untold, []
        for event in untold:
            post(events, event, self._dead_letters)

    def _drop(self, number: int) -> None:
        with self._lock:
            if self._subscriptions.pop(number, None) is None:
                return
            if self._writer is not None:
                gone = wire.encode(Unsubscribe(Number(number)))
                self._writer.send(frame(gone))

    def _note_past(self, request: Any, past: Transcript) -> None:  # noqa: ANN401 - as above
        if not isinstance(request, Subscribe):
            return
        said = [it for it in past.entries if isinstance(it, ChatMessage)]
        with self._lock:
            number = cast("Number", request.subscriber).value
            if (subscription := self._subscriptions.get(number)) is not None:
                subscription.follower.hear(*said)

    def _resubscribe(self, number: int) -> bytes:
        # The follower detects what was missed meanwhile.
        subscription = self._subscriptions[number]
        request = replace(
            subscription.request,
            said_since=subscription.follower.since
            if subscription.request.shows
            else None,
            subscriber=Number(number),
            since=None,
            past=None,
            reply_to=None,
        )
        return wire.encode(request)

    def _encode(self, message: QueueRequest) -> bytes:
        """Encode a request, and remember what its answers need.

        Raises:
            UnicodeEncodeError: If JSON can't represent it; nothing is remembered.
            FrameError: If it is too long for a host; nothing is remembered.
        """
        changes: dict[str, Any] = {}
        subscription = answer = None
        if isinstance(message, Subscribe | Unsubscribe):
            subscription = self._number_of(message.subscriber)
            if subscription is None and isinstance(message, Subscribe):
                subscription = self._next_number()
            changes["subscriber"] = Number(subscription or 0)
        elif isinstance(message, WriteDown):
            if message.shown_by is not None:
                subscription = number = self._number_of(message.shown_by)
                changes["shown_by"] = None if number is None else Number(number)
        elif isinstance(message, ClaimEnds):
            changes["claimant"] = Number(self._number_of(message.claimant) or 0)
        recipient: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
        if recipient is None and isinstance(message, WriteDown):
            recipient = _DISCARD  # kept, so that it is repeated if it was not stored
        if recipient is not None:
            answer = self._next_number()
            changes["reply_to"] = Number(answer)
        request = replace(message, **changes) if changes else message
        payload = wire.encode(request)
        if len(payload) > LONGEST_TO_HOST:
            raise FrameError(
                f"the request has {len(payload):,} bytes, and a host takes at most"
                f" {LONGEST_TO_HOST:,}; write long data to a file"
            )
        if subscription is not None:
            self._remember(message, subscription)
        if recipient is not None and answer is not None:
            self._pending[answer] = _Pending(recipient, request)
        return payload

    def _remember(self, message: QueueRequest, number: int) -> None:
        """Apply a request to the subscription with this number."""
        match message:
            case Subscribe() if number in self._subscriptions:
                self._subscriptions[number].request = message
            case Subscribe():
                self._subscriptions[number] = _Subscription(message)
            case Unsubscribe():
                del self._subscriptions[number]
            case WriteDown():
                self._subscriptions[number].follower.hear(message.message)
            case _:
                pass

    def _refuse(self, message: QueueRequest, text: str) -> None:
        recipient: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
        given = getattr(message, "correlation_id", None)
        correlation_id = given if isinstance(given, int | str) else None
        refusal = Refused(text, RefusalCode.INVALID, correlation_id)
        if isinstance(recipient, Recipient):
            post(recipient, refusal, self._dead_letters)
        else:
            logger.warning("%s: %s", type(message).__name__, text)

    def _number_of(self, subscriber: Recipient[Notification]) -> int | None:
        for number, it in [*self._subscriptions.items()]:
            if it.request.subscriber == subscriber:
                return number
        return None

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers
