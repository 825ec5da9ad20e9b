"""One client of a host: an actor that sends, and a thread that reads."""

from __future__ import annotations

import math
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec
import pykka
from msgspec.structs import replace

from ..messages import (
    AddSchedule,
    AddTask,
    GetTask,
    Notification,
    QueueReply,
    QueueRequest,
    Requests,
    Subscribe,
    Subscribed,
    Unsubscribe,
)
from ..rules.record import Record
from ..runtime.frames import LONGEST_TO_HOST, FrameError, FrameReader, frame
from ..runtime.promise import Promise
from ..runtime.safe_actor import SafeActor
from ..runtime.sending import DeadLetters, Recipient, post, post_if_alive
from ..runtime.socket_writer import SocketWriter, close_socket
from . import wire
from .address import peer
from .wire import (
    BadMessageError,
    Behind,
    Hello,
    Leaving,
    Rejected,
    RestartHost,
    StopHost,
    Welcome,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ..rules.variables import Variables
    from ..runtime.mailbox import Scheduler

CHANGES_LIMIT: Final = 8 << 20
"""Bytes that may wait for a client before its subscribers get no more changes."""

BARRIER: Final = 1000
"""Messages of one client after which those of others have their turn."""

HELLO_TIMEOUT: Final = 10.0
"""Seconds within which a client has to say who it is."""

TOGETHER: Final = 64
"""Requests of one client that the queue is told in one message."""

_CHUNK: Final = 1 << 18
_BATCH: Final = 1 << 16
_LAST_WORDS_TIMEOUT: Final = 1.0


class SharedEncoder:
    """Encodes what many clients are told once for all of them. Safe on any thread."""

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
    """What a connection needs of its host.

    Attributes:
        queue: Takes the requests.
        dead_letters: Counts what reaches nobody.
        scheduler: Gives the actors their turns; None for a thread each.
        encoder: Encodes what is told to clients.
        welcome: Answers a client that speaks this protocol.
        stop: Ends the session; never blocks.
        restart: Lets a new host take over; returns why if it can't. Blocks.
        joined: Called when a client was welcomed, on any thread; never blocks.
        left: Called when it is gone, on any thread; never blocks.
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
    """Recipients of the client were told something."""


class Received(msgspec.Struct, frozen=True):
    """The client has subscribed a recipient, or has unsubscribed it."""

    request: Subscribe | Unsubscribe
    number: int


class Lost(msgspec.Struct, frozen=True):
    """The client is gone."""


ConnectionMessage = Outgoing | Received | Lost


class RemoteRecipient:
    """A recipient at the other end of a connection; equal to others of its number."""

    __slots__ = ("connection", "number")

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number

    def tell(self, message: QueueReply | Notification, /) -> None:
        """Take a message. Never blocks.

        Raises:
            pykka.ActorDeadError: If the client is gone.
        """
        self.connection.pass_on(self.number, message)

    def is_alive(self) -> bool:
        """Tell whether the client is there."""
        return self.connection.actor_ref.is_alive()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RemoteRecipient)
            and self.number == other.number
            and self.connection is other.connection
        )

    def __hash__(self) -> int:
        return hash((id(self.connection), self.number))


class Connection(SafeActor[ConnectionMessage]):
    """Tells a client what its recipients are told, and reads its requests.

    In: see `ConnectionMessage`. Out: the client's requests, to the queue.

    Answers and `Subscribed` are always sent. A subscriber for which too much waits is
    unsubscribed and told `Behind`, so that a client that has stopped costs little.

    Args:
        sock: Connected, in blocking mode; closed when the client is gone.
        door: What it needs of the host.
    """

    def __init__(self, sock: socket.socket, door: HostDoor) -> None:
        super().__init__(door.dead_letters, door.scheduler)
        self._sock = sock
        self._door = door
        self._writer = SocketWriter(sock, self._lose)
        self._subscribers: dict[int, bool] = {}
        self._behind: set[int] = set()
        # What recipients are told, often by the hundred: one message for all of them.
        self._told: deque[tuple[int, QueueReply | Notification]] = deque()
        self._is_due = False
        self._out: list[bytes] = []
        self._out_size = 0
        self._lost = False

    def on_start(self) -> None:
        """Begin to read."""
        reader = _Reader(self._sock, self._writer, self._door, self)
        threading.Thread(
            target=reader.run, name="backburner-reader", daemon=True
        ).start()

    @property
    def shows(self) -> bool:
        """Whether one of its subscribers shows changes to a person."""
        return any([*self._subscribers.values()])

    def handle(self, message: ConnectionMessage) -> None:
        """Handle one message; what is to be sent goes out with the last that waits."""
        match message:
            case Outgoing():
                self._is_due = False  # first: what is told from now on is another one
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
        """Go on with what else recipients were told."""
        del message, error
        if self._told:
            self.tell_self(Outgoing())

    def pass_on(self, to: int, told: QueueReply | Notification) -> None:
        """Take what one of its recipients is told, on any thread. Never blocks.

        Raises:
            pykka.ActorDeadError: If the client is gone.
        """
        if self.actor_stopped.is_set():
            raise pykka.ActorDeadError("the client is gone")
        self._told.append((to, told))
        if not self._is_due:
            self._is_due = True
            self.actor_ref.tell(Outgoing())

    def say_farewell(self, text: str) -> None:
        """Tell the client that this is the end, on any thread. Never blocks."""
        self._writer.send(frame(wire.encode(wire.Farewell(text))))

    def say_leaving(self, leaving: Leaving) -> None:
        """Tell the client that another host follows, on any thread. Never blocks."""
        self._writer.send(frame(wire.encode(leaving)))

    def flush(self, timeout: float) -> None:
        """Send what waits, up to so many seconds."""
        self._writer.wait_below(1, timeout)

    def close(self, timeout: float) -> None:
        """Send what waits, up to so many seconds; then break the connection."""
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


class _Reader:
    """Reads what a client sends, on a thread of its own.

    Args:
        sock: Where from.
        writer: For what is answered here.
        door: What it needs of the host.
        connection: Told what it must know.
    """

    def __init__(
        self,
        sock: socket.socket,
        writer: SocketWriter,
        door: HostDoor,
        connection: Connection,
    ) -> None:
        self._sock = sock
        self._writer = writer
        self._door = door
        self._connection = connection
        self._ref: pykka.ActorRef[Connection] = connection.actor_ref
        self._decode = wire.decoder_to_host(partial(RemoteRecipient, connection))
        self._greeted = False
        self._directory: str | None = None
        self._environment: Variables | None = None
        self._requests: list[QueueRequest] = []  # read, and not passed on yet

    def run(self) -> None:
        """Read until the client is gone, or says what makes no sense."""
        try:
            self._sock.settimeout(HELLO_TIMEOUT)
            self._read()
        except (FrameError, BadMessageError) as error:
            self._refuse(str(error))
        except TimeoutError:
            self._refuse(f"no Hello within {HELLO_TIMEOUT:g} s")
        except OSError:
            pass
        finally:
            post_if_alive(self._ref, Lost())

    def _read(self) -> None:
        frames = FrameReader(LONGEST_TO_HOST)
        read = 0
        while data := self._sock.recv(_CHUNK):
            try:
                for payload in frames.feed(data):
                    if not self._take(self._decode(payload)):
                        return
                    read += 1
                    if read % BARRIER == 0:
                        self._wait_for_others()
            finally:
                # Also what came before a message that makes no sense.
                self._pass_on()

    def _pass_on(self) -> None:
        """Tell the queue what was read."""
        if self._requests:
            requests, self._requests = Requests(tuple(self._requests)), []
            post(self._door.queue, requests, self._door.dead_letters)

    def _take(self, message: wire.ToHost) -> bool:
        """Take a message; return whether the client may send more."""
        match message:
            # What comes most often is asked for first.
            case AddTask() | AddSchedule() if self._greeted:
                message = self._completed(message)
            case Hello() | StopHost() | RestartHost() | wire.Farewell():
                self._pass_on()  # what was asked before is done before
                return self._obey(message)
            case _ if not self._greeted:
                raise BadMessageError("the first message has to be Hello")
            case Subscribe() | Unsubscribe() if isinstance(
                message.subscriber, RemoteRecipient
            ):
                number = message.subscriber.number
                post_if_alive(self._ref, Received(message, number))
            case _:
                pass
        self._requests.append(message)
        if len(self._requests) >= TOGETHER:
            self._pass_on()
        return True

    def _obey(self, message: Hello | StopHost | RestartHost | wire.Farewell) -> bool:
        match message:
            case Hello():
                return self._greet(message)
            case StopHost():
                self._door.stop(message)
                return True
            case RestartHost():
                return self._restart(message)
            case wire.Farewell():
                return False

    def _completed(self, message: AddTask | AddSchedule) -> AddTask | AddSchedule:
        """Return a request that says where the task runs: by default as its client."""
        request = message.request
        # Without a directory it is refused: the host's own is not where the client is.
        directory, environment = request.directory, request.environment
        request = replace(
            request,
            directory=self._directory or "" if directory is None else directory,
            environment=self._environment if environment is None else environment,
        )
        return replace(message, request=request)

    def _greet(self, hello: Hello) -> bool:
        if hello.protocol == wire.PROTOCOL:
            answer = self._door.welcome()
        else:
            answer = self._wrong_protocol(hello)
        self._writer.send(frame(wire.encode(answer)))
        if isinstance(answer, Rejected):
            self._writer.wait_below(1, _LAST_WORDS_TIMEOUT)
            return False
        self._directory = hello.directory
        if hello.environment is not None:
            self._environment = wire.unpack_environment(hello.environment)
        if not self._greeted:
            self._greeted = True
            self._sock.settimeout(None)
            self._door.joined(self._connection)
        return True

    def _restart(self, order: RestartHost) -> bool:
        if problem := self._door.restart(order):
            self._writer.send(frame(wire.encode(Rejected(problem))))
            self._writer.wait_below(1, _LAST_WORDS_TIMEOUT)
            return False
        return True  # it breaks when this process ends

    def _wrong_protocol(self, hello: Hello) -> Rejected:
        welcome = self._door.welcome()
        return Rejected(
            f"this session's host (process {welcome.pid}) speaks protocol"
            f" {wire.PROTOCOL}, and this program protocol {hello.protocol};"
            " run `backburner host restart`",
            protocol=wire.PROTOCOL,
            pid=welcome.pid,
        )

    def _refuse(self, text: str) -> None:
        answer = wire.Farewell(text) if self._greeted else Rejected(text)
        self._writer.send(frame(wire.encode(answer)))
        self._writer.wait_below(1, _LAST_WORDS_TIMEOUT)

    def _wait_for_others(self) -> None:
        """Wait until all that was read has been handled, and its answers are taken."""
        self._pass_on()
        passed: Promise[Any] = Promise()
        if post(self._door.queue, GetTask(0, passed), self._door.dead_letters):
            passed.get(math.inf)
        self._writer.wait_below(CHANGES_LIMIT)


def check_owner(sock: socket.socket, owner: int) -> str | None:
    """Return why the process at the other end may not connect; None if it may."""
    pid, user = peer(sock)
    if user == owner:
        return None
    return f"process {pid} of user {user} may not use the session of user {owner}"
