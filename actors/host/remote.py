"""The face of a task system that lives in another process: the host of its session."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pykka
from msgspec.structs import replace

from ..messages import (
    Acknowledged,
    AddTask,
    Notification,
    QueueReply,
    QueueRequest,
    RefusalCode,
    Refused,
    Subscribe,
    SystemStopped,
    Unsubscribe,
    WriteDown,
)
from ..rules.field_types import wrong_type
from ..rules.status import TaskFilter
from ..runtime.sending import (
    DeadLetters,
    Recipient,
    call_safely,
    logger,
    post,
    post_if_alive,
)
from ..session.blocking import Requests, TaskSystemError
from . import wire
from .events import HostBack, HostEvent, HostLost, SessionEnded
from .follower import Follower
from .frames import FrameError, frame
from .socket_writer import SocketWriter, close_socket
from .starting import Reached, reach
from .wire import BadMessageError, Behind, Farewell, KindWords, Number, StopHost, Told

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from .settings import HostSettings
    from .wire import Welcome

_CHUNK: Final = 1 << 18
_FLUSH_TIMEOUT: Final = 2.0
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
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
        request: What was asked; its recipients are numbers.
    """

    recipient: Recipient[QueueReply]
    request: Any


class RemoteQueue:
    """Takes requests for a queue in another process; see `RemoteSystem.queue`.

    Args:
        dead_letters: Counts what reaches nobody.
        events: Told what becomes of the connection.
    """

    def __init__(
        self, dead_letters: DeadLetters, events: Recipient[HostEvent] | None
    ) -> None:
        self._dead_letters = dead_letters
        self._events = events
        # Of all that follows; a recipient may send a request when it is told something.
        self._lock = threading.RLock()
        self._writer: SocketWriter | None = None
        self._closed = False
        self._numbers = 0
        self._pending: dict[int, _Pending] = {}
        self._subscriptions: dict[int, _Subscription] = {}
        self._held: list[bytes] = []
        self._untold: list[HostEvent] = []

    def tell(self, message: QueueRequest, /) -> None:
        """Take a request. Never blocks.

        While the host is gone, requests wait for the next one.

        Raises:
            pykka.ActorDeadError: If the system is not started, or has been stopped.
        """
        with self._lock:
            if self._closed:
                raise pykka.ActorDeadError("the connection to the host has ended")
            if (problem := wrong_type(message)) is not None:
                # It can't be read at the other end.
                self._refuse(message, problem)
                return
            try:
                payload = self._encode(message)
            except UnicodeEncodeError:
                self._refuse_text(message)
                return
            if self._writer is None:
                self._held.append(payload)
            else:
                self._writer.send(frame(payload))

    def attach(self, writer: SocketWriter) -> None:
        """Send to this host from now on: what was interrupted first."""
        with self._lock:
            again = [
                *(self._resubscribe(number) for number in self._subscriptions),
                *(wire.encode(it.request) for it in self._pending.values()),
                *self._held,
            ]
            self._held.clear()
            self._writer = writer
            for payload in again:
                writer.send(frame(payload))

    def detach(self) -> None:
        """Send nothing until there is another host."""
        refused: list[tuple[Recipient[QueueReply], QueueReply]] = []
        with self._lock:
            self._writer = None
            for number, pending in [*self._pending.items()]:
                # All else can be asked again, and is when there is another host.
                if isinstance(pending.request, AddTask) and not (
                    pending.request.request.key
                ):
                    del self._pending[number]
                    correlation_id = pending.request.correlation_id
                    refusal = Refused(_DIED, RefusalCode.FAILED, correlation_id)
                    refused.append((pending.recipient, refusal))
                elif isinstance(pending.request, Subscribe):
                    del self._pending[number]
                    answer = Acknowledged(pending.request.correlation_id)
                    refused.append((pending.recipient, answer))
        for recipient, answer in refused:
            post(recipient, answer, self._dead_letters)

    def close(self, text: str) -> None:
        """Take nothing more; refuse what was not answered."""
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
        """Pass on what the host told a recipient."""
        if not isinstance(message, Notification):
            with self._lock:
                pending = self._pending.pop(to, None)
            if pending is not None:
                post(pending.recipient, message, self._dead_letters)
            return
        with self._lock:
            subscription = self._subscriptions.get(to)
        if subscription is None:
            return
        subscriber = subscription.request.subscriber
        if isinstance(message, SystemStopped):
            with self._lock:
                self._subscriptions.pop(to, None)
            call_safely(partial(post_if_alive, subscriber, message))
            return
        for news in subscription.follower.take(message):
            if not post(subscriber, news, self._dead_letters):
                self._drop(to)
                return

    def subscribe_again(self, number: int) -> None:
        """Subscribe a recipient that was too slow."""
        with self._lock:
            if number in self._subscriptions and self._writer is not None:
                self._writer.send(frame(self._resubscribe(number)))

    def tell_event(self, event: HostEvent) -> None:
        """Tell what became of the connection, now or to the first who listens."""
        with self._lock:
            events = self._events
            if events is None:
                self._untold.append(event)
        if events is not None:
            post(events, event, self._dead_letters)

    def listen(self, events: Recipient[HostEvent]) -> None:
        """Tell this recipient what becomes of the connection, and what has by now."""
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

    def _resubscribe(self, number: int) -> bytes:
        # What was missed meanwhile its follower finds out.
        request = replace(
            self._subscriptions[number].request,
            subscriber=Number(number),
            since=None,
            reply_to=None,
        )
        return wire.encode(request)

    def _encode(self, message: QueueRequest) -> bytes:
        changes: dict[str, Any] = {}
        if isinstance(message, Subscribe):
            number = self._number_of(message.subscriber)
            if number is None:
                number = self._next_number()
                self._subscriptions[number] = _Subscription(message)
            else:
                self._subscriptions[number].request = message
            changes["subscriber"] = Number(number)
        elif isinstance(message, Unsubscribe):
            number = self._number_of(message.subscriber)
            if number is not None:
                del self._subscriptions[number]
            changes["subscriber"] = Number(number or 0)
        elif isinstance(message, WriteDown) and message.shown_by is not None:
            number = self._number_of(message.shown_by)
            changes["shown_by"] = None if number is None else Number(number)
        recipient: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
        if recipient is not None:
            number = self._next_number()
            changes["reply_to"] = Number(number)
            request = replace(message, **changes)
            self._pending[number] = _Pending(recipient, request)
            return wire.encode(request)
        return wire.encode(replace(message, **changes) if changes else message)

    def _refuse_text(self, message: QueueRequest) -> None:
        """Answer a request that JSON can't hold."""
        recipient: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
        for number, it in [*self._pending.items()]:
            if it.recipient is recipient and number == self._numbers:
                del self._pending[number]
        text = "the request is not valid UTF-8, nor is its environment; correct it"
        self._refuse(message, text)

    def _refuse(self, message: QueueRequest, text: str) -> None:
        recipient: Recipient[QueueReply] | None = getattr(message, "reply_to", None)
        given = getattr(message, "correlation_id", None)
        correlation_id = given if isinstance(given, int | str) else None
        refusal = Refused(text, RefusalCode.INVALID, correlation_id)
        if recipient is not None:
            post(recipient, refusal, self._dead_letters)
        else:
            logger.warning("%s: %s", type(message).__name__, text)

    def _number_of(self, subscriber: Recipient[Notification]) -> int | None:
        for number, it in self._subscriptions.items():
            if it.request.subscriber == subscriber:
                return number
        return None

    def _next_number(self) -> int:
        self._numbers += 1
        return self._numbers


class RemoteSystem(Requests):
    """A session that lives in its host: the face of a `TaskSystem` for its clients.

    A `with` block starts it and stops it, which leaves the session alone: `end` ends
    that. If the host dies, another is started, all subscriptions go on, and `events`
    is told.

    Args:
        settings: Which session, and how its host is started if there is none.
        start_host: Whether to start a host if there is none.
        events: Told what becomes of the connection, on a thread of this system.
    """

    def __init__(
        self,
        settings: HostSettings,
        *,
        start_host: bool = True,
        events: Recipient[HostEvent] | None = None,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._start_host = start_host
        self.dead_letters = DeadLetters()
        """Counts the messages of this system that reached nobody."""
        self._queue = RemoteQueue(self.dead_letters, events)
        self._welcome: Welcome | None = None
        self._warnings: list[str] = []
        self._reached: Reached | None = None
        self._writer: SocketWriter | None = None
        self._lock = threading.Lock()  # of the connection
        self._leaving = threading.Event()
        self._ending = False
        self._gone = threading.Event()
        self.problems: tuple[str, ...] = ()
        """What went wrong in the last `stop`: nothing can."""
        self.leftovers = ""
        """What a killed program left running, while the host ends it."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def queue(self) -> RemoteQueue:
        """Takes every `QueueRequest`.

        Raises:
            RuntimeError: If the system is not started.
        """
        if self._welcome is None:
            raise RuntimeError("the task system is not started")
        return self._queue

    @property
    def welcome(self) -> Welcome:
        """What the host said of itself and of the session.

        Raises:
            RuntimeError: If the system is not started.
        """
        if self._welcome is None:
            raise RuntimeError("the task system is not started")
        return self._welcome

    @property
    def kinds(self) -> tuple[KindWords, ...]:
        """The kinds of tasks that the host runs."""
        return self.welcome.kinds

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of how the session was found."""
        return (*self.welcome.warnings, *self._warnings)

    def warn(self, text: str) -> None:
        """Add to the warnings."""
        self._warnings.append(text)

    def listen(self, events: Recipient[HostEvent]) -> None:
        """Tell this recipient what becomes of the connection, and what has by now."""
        self._queue.listen(events)

    def start(
        self, subscribers: Iterable[Recipient[Notification] | Subscribe] = ()
    ) -> None:
        """Connect to the host; start one if there is none. Blocks until it serves.

        Args:
            subscribers: Subscribed first. What a host did when it was started is in
                the `Subscribed` that they get.

        Raises:
            TaskSystemError: If that fails; the text says why and what to do.
            RuntimeError: If it is started already.
        """
        if self._welcome is not None:
            raise RuntimeError("the task system is started already")
        reached = reach(
            self._settings, start=self._start_host, on_wait=self._set_leftovers
        )
        self.leftovers = ""
        self._welcome = reached.welcome
        self.resumed = reached.welcome.resumed
        self._attach(reached)
        threading.Thread(
            target=self._read_on, args=(reached,), name="backburner-host", daemon=True
        ).start()
        for it in subscribers:
            request = it if isinstance(it, Subscribe) else Subscribe(it)
            self._request(request, Acknowledged)

    def stop(self, reason: str = "", timeout: float | None = None) -> None:
        """Leave the session: it goes on, with all its tasks.

        Blocks up to two seconds until the host has what it was told. Does nothing if
        the system is not started.

        Args:
            reason: Of no use; nothing is ended.
            timeout: Of no use as well.
        """
        del reason, timeout
        self._leaving.set()
        with self._lock:
            writer, reached = self._writer, self._reached
        if writer is not None and reached is not None:
            writer.send(frame(wire.encode(Farewell())))
            writer.wait_below(1, _FLUSH_TIMEOUT)
            writer.close()
            close_socket(reached.sock)
        self._queue.close("this program has left the session")

    def end(self, reason: str = "the session ended") -> None:
        """End the session: all its tasks, and its host; then leave it.

        Blocks until the host has ended. Running tasks get the grace period, queued
        ones stay for the next time.

        Args:
            reason: What becomes the reason of the tasks that this ends.
        """
        self._ending = True
        with self._lock:
            writer = self._writer
            if writer is None:
                self._gone.set()  # there is none, and none is started any more
            else:
                writer.send(frame(wire.encode(StopHost(reason))))
        self._gone.wait()
        self.stop()

    def hurry(self) -> bool:
        """Cut short the grace period of an `end` under way. Never blocks.

        Returns:
            Whether one is under way.
        """
        with self._lock:
            writer = self._writer
            if not self._ending or writer is None or self._gone.is_set():
                return False
            writer.send(frame(wire.encode(StopHost(now=True))))
            return True

    def _set_leftovers(self, leftovers: str) -> None:
        self.leftovers = leftovers

    def _attach(self, reached: Reached) -> None:
        # A failure to send comes with the end of what can be read as well.
        writer = SocketWriter(reached.sock, _nothing)
        with self._lock:
            self._reached = reached
            self._writer = writer
        self._queue.attach(writer)

    def _detach(self) -> None:
        with self._lock:
            writer, reached = self._writer, self._reached
            self._writer = self._reached = None
        self._queue.detach()
        if writer is not None:
            writer.close()
        if reached is not None:
            close_socket(reached.sock)

    def _read_on(self, reached: Reached) -> None:
        """Read what hosts send, one after the other, until the session is left."""
        while True:
            farewell = self._read(reached)
            if self._leaving.is_set():
                return
            self._detach()
            if farewell is not None or self._ending:
                text = farewell.text if farewell else "the session was ended"
                self._queue.close(text)
                self._gone.set()
                self._queue.tell_event(SessionEnded(text))
                return
            found = self._find_another(reached.welcome)
            if found is None:
                return
            reached = found

    def _read(self, reached: Reached) -> Farewell | None:
        """Read what a host sends; return its farewell, or None if it is lost."""
        try:
            data = b""
            while True:
                for payload in reached.frames.feed(data):
                    match wire.decode_from_host(payload):
                        case Told(to=to, message=message):
                            self._queue.take(to, message)
                        case Behind(subscriber=number):
                            self._queue.subscribe_again(number)
                        case Farewell() as farewell:
                            return farewell
                        case _:
                            pass
                data = reached.sock.recv(_CHUNK)
                if not data:
                    return None
        except OSError:
            return None
        except (FrameError, BadMessageError) as error:
            logger.error("The session's host sent nonsense: %s", error)
            return None

    def _find_another(self, before: Welcome) -> Reached | None:
        """Reach a host again; return None if the session is left meanwhile."""
        name = before.session
        lost = f"the host of session {name!r} (process {before.pid}) is gone"
        self._queue.tell_event(HostLost(lost))
        pause, told = _SHORTEST_PAUSE, ""
        while not self._leaving.is_set():
            try:
                reached = reach(self._settings, on_wait=self._set_leftovers)
            except TaskSystemError as error:
                if str(error) != told:
                    told = str(error)
                    self._queue.tell_event(HostLost(f"{lost}; {told}; trying again"))
                self._leaving.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if self._leaving.is_set() or self._ending:
                close_socket(reached.sock)
                self._gone.set()
                return None
            self._welcome = reached.welcome
            pid = reached.welcome.pid
            text = f"process {pid} serves session {name!r} now; tasks keep running"
            if pid == before.pid:
                text = f"connected again to the host of session {name!r}"
            self._queue.tell_event(HostBack(text))
            self._attach(reached)
            return reached
        return None


def _nothing() -> None:
    """Do nothing; the reader notices."""
