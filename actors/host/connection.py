"""The actor of one client of a host, which forwards messages to the client."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final, assert_never

import msgspec
import pykka

from ..messages import (
    Notification,
    QueueReply,
    QueueRequest,
    Requests,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from ..rules.record import Record
from ..runtime.frames import frame
from ..runtime.safe_actor import SafeActor
from ..runtime.sending import DeadLetters, Recipient, post_if_alive
from ..runtime.socket_writer import SocketWriter, close_socket
from . import wire
from .address import peer
from .request_reader import (
    CHANGES_LIMIT,
    Lost,
    Received,
    RemoteRecipient,
    RequestReader,
)
from .wire import Behind, Leaving, Rejected, RestartHost, StopHost, Welcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..runtime.mailbox import Scheduler

_BATCH: Final = 1 << 16


class SharedEncoder:
    """Encodes each message once for all clients. Thread-safe."""

    def __init__(self) -> None:
        self._last: tuple[object, bytes] = (None, b"")

    def encode(self, message: QueueReply | Notification) -> bytes:
        """Return the message as JSON."""
        message_before, payload = self._last
        if message_before is not message:
            payload = wire.encode(message)
            self._last = (message, payload)
        return payload


class HostDoor(Record, frozen=True):
    """The services of the host that a connection uses.

    Attributes:
        queue: Takes the requests.
        dead_letters: Counts undeliverable messages.
        scheduler: Schedules the turns of the actors; None for a thread each.
        encoder: Encodes messages to clients.
        welcome: Returns the answer to a client with the right protocol.
        stop: Ends the session; never blocks.
        restart: Starts a new host that takes over; returns the reason if it can't.
            Blocks.
        joined: Called when a client was welcomed, on any thread; never blocks.
        left: Called when a client is gone, on any thread; never blocks.
    """

    queue: Recipient[QueueRequest | Requests]
    dead_letters: DeadLetters
    scheduler: Scheduler | None
    encoder: SharedEncoder
    welcome: Callable[[], Welcome | Rejected]
    stop: Callable[[StopHost], None]
    restart: Callable[[RestartHost], str]
    joined: Callable[[Connection], None]
    left: Callable[[Connection], None]


class Outgoing(msgspec.Struct, frozen=True, gc=False):
    """There are messages for recipients of the client."""


ConnectionMessage = Outgoing | Received | Lost


class Connection(SafeActor[ConnectionMessage]):
    """Forwards messages to a client, and reads its requests.

    In: see `ConnectionMessage`. Out: the client's requests, to the queue.

    Answers and `Subscribed` are always sent. A subscriber with too many pending changes
    is unsubscribed and gets `Behind`, so that a client that does not read costs little.

    Args:
        sock: Connected, in blocking mode; closed when the client is gone.
        door: The services of the host.
    """

    def __init__(self, sock: socket.socket, door: HostDoor) -> None:
        super().__init__(door.dead_letters, door.scheduler)
        self._sock = sock
        self._door = door
        self._writer = SocketWriter(sock, self._lose)
        self._subscribers: dict[int, bool] = {}
        self._behind: set[int] = set()
        # Messages to recipients, often hundreds: one mailbox message for all of them.
        self._told: deque[tuple[int, QueueReply | Notification]] = deque()
        self._is_due = False
        self._out: list[bytes] = []
        self._out_size = 0
        self._lost = False

    def on_start(self) -> None:
        """Start reading."""
        reader = RequestReader(self._sock, self._writer, self._door, self)
        threading.Thread(
            target=reader.run, name="backburner-reader", daemon=True
        ).start()

    @property
    def shows(self) -> bool:
        """Whether one of its subscribers shows changes to a person."""
        return any([*self._subscribers.values()])

    def handle(self, message: ConnectionMessage) -> None:
        """Handle one message; output is sent with the last one in the mailbox."""
        match message:
            case Outgoing():
                self._is_due = False  # first: later messages need another one
                while self._told:
                    self._tell(*self._told.popleft())
            case Received(request=request, number=number):
                self._note(request, number)
            case Lost():
                self._end()
            case _:
                assert_never(message)
        if self._out and self.actor_inbox.empty():
            self._flush()

    def on_error(self, message: ConnectionMessage, error: BaseException) -> None:
        """Continue with the other messages to recipients."""
        del message, error
        if self._told:
            self.tell_self(Outgoing())

    def pass_on(self, to: int, told: QueueReply | Notification) -> None:
        """Forward a message to one of its recipients, on any thread. Never blocks.

        Raises:
            pykka.ActorDeadError: If the client is gone.
        """
        if self.actor_stopped.is_set():
            raise pykka.ActorDeadError("the client is gone")
        self._told.append((to, told))
        if not self._is_due:
            self._is_due = True
            if not self.tell_self(Outgoing()):
                raise pykka.ActorDeadError("the client is gone")

    def send_farewell(self, text: str) -> None:
        """Send the client `Farewell`, on any thread. Never blocks."""
        self._writer.send(frame(wire.encode(wire.Farewell(text))))

    def send_leaving(self, leaving: Leaving) -> None:
        """Notify the client that another host follows, on any thread. Never blocks."""
        self._writer.send(frame(wire.encode(leaving)))

    def flush(self, timeout: float) -> None:
        """Send pending output, for up to `timeout` seconds."""
        self._writer.wait_below(1, timeout)

    def close(self, timeout: float) -> None:
        """Send pending output, for up to `timeout` s; then close the connection."""
        self._writer.wait_below(1, timeout)
        self._writer.close()
        close_socket(self._sock)

    def _lose(self) -> None:
        post_if_alive(self.actor_ref, Lost())

    def _tell(self, to: int, told: QueueReply | Notification) -> None:
        is_full = self._writer.size + self._out_size > CHANGES_LIMIT
        if isinstance(told, Subscribed):
            self._behind.discard(to)
        elif (is_full or self._behind) and isinstance(told, Notification):
            if to in self._behind:
                return
            if is_full:
                self._fall_behind(to)
                return
        self._send(wire.told(to, self._door.encoder.encode(told)))

    def _fall_behind(self, number: int) -> None:
        self._behind.add(number)
        self._subscribers.pop(number, None)
        remote = RemoteRecipient(self, number)
        self.post(self._door.queue, Unsubscribe(remote))
        self._send(wire.encode(Behind(number)))

    def _note(self, request: Subscribe | Unsubscribe, number: int) -> None:
        if isinstance(request, Subscribe):
            self._subscribers[number] = request.shows
        else:
            self._subscribers.pop(number, None)

    def _send(self, payload: bytes) -> None:
        data = frame(payload)
        self._out.append(data)
        self._out_size += len(data)
        if self._out_size > _BATCH:
            self._flush()

    def _flush(self) -> None:
        data, self._out, self._out_size = b"".join(self._out), [], 0
        self._writer.send(data)

    def _end(self) -> None:
        if self._lost:
            return
        self._lost = True
        for number in self._subscribers:
            remote = RemoteRecipient(self, number)
            self.post(self._door.queue, Unsubscribe(remote))
        self._subscribers.clear()
        self._told.clear()
        self._out.clear()
        self._writer.close()
        close_socket(self._sock)
        self._door.left(self)
        self.stop_self()


def check_owner(sock: socket.socket, owner: int) -> str | None:
    """Return why the process at the other end may not connect; None if it may."""
    pid, user = peer(sock)
    if user == owner:
        return None
    return f"process {pid} of user {user} may not use the session of user {owner}"
