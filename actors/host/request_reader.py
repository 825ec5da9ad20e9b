"""Reads the messages of one client of a host, on a thread of its own."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import msgspec
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
    Unsubscribe,
)
from ..runtime.frames import LONGEST_TO_HOST, FrameError, FrameReader, frame
from ..runtime.promise import Promise
from ..runtime.sending import post, post_if_alive
from . import wire
from .wire import BadMessageError, Hello, Rejected, RestartHost, StopHost

if TYPE_CHECKING:
    import socket

    import pykka

    from ..rules.variables import Variables
    from ..runtime.socket_writer import SocketWriter
    from .connection import Connection, HostDoor

CHANGES_LIMIT: Final = 8 << 20
"""Bytes of pending output at which a client's subscribers get no more changes."""

BARRIER: Final = 1000
"""Number of messages of one client before others get their turn."""

HELLO_TIMEOUT: Final = 10.0
"""Seconds within which a client has to send `Hello`."""

TOGETHER: Final = 64
"""Maximum number of requests of a client in one message to the queue."""

_CHUNK: Final = 1 << 18
_LAST_WORDS_TIMEOUT: Final = 1.0


class Received(msgspec.Struct, frozen=True):
    """The client has subscribed or unsubscribed a recipient."""

    request: Subscribe | Unsubscribe
    number: int


class Lost(msgspec.Struct, frozen=True):
    """The client is gone."""


class RemoteRecipient:
    """A recipient at the other end of a connection; equal to others of its number."""

    __slots__ = ("connection", "number")

    def __init__(self, connection: Connection, number: int) -> None:
        self.connection = connection
        self.number = number

    def tell(self, message: QueueReply | Notification, /) -> None:
        """Send a message. Never blocks.

        Raises:
            pykka.ActorDeadError: If the client is gone.
        """
        self.connection.pass_on(self.number, message)

    def is_alive(self) -> bool:
        """Return whether the client is connected."""
        return self.connection.actor_ref.is_alive()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, RemoteRecipient)
            and self.number == other.number
            and self.connection is other.connection
        )

    def __hash__(self) -> int:
        return hash((id(self.connection), self.number))


class RequestReader:
    """Reads a client's messages on a thread of its own, and writes answers."""

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
        self._requests: list[QueueRequest] = []  # read, and not yet passed on

    def run(self) -> None:
        """Read until the client is gone, or sends an invalid message."""
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
                # Including requests read before an invalid message.
                self._pass_on()

    def _pass_on(self) -> None:
        """Pass on the requests to the queue."""
        if self._requests:
            requests, self._requests = Requests(tuple(self._requests)), []
            post(self._door.queue, requests, self._door.dead_letters)

    def _take(self, message: wire.ToHost) -> bool:
        """Handle a message; return whether the client may send more."""
        match message:
            # The most frequent case comes first.
            case AddTask() | AddSchedule() if self._greeted:
                message = self._completed(message)
            case Hello() | StopHost() | RestartHost() | wire.Farewell():
                self._pass_on()  # earlier requests are handled first
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
        """Return a request with the client's directory and environment as defaults."""
        request = message.request
        # The host's own directory is not a default: without any, the request is
        # refused.
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
        return True  # the connection breaks when this process ends

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
        """Wait until all requests read have been handled and their answers sent."""
        self._pass_on()
        passed: Promise[Any] = Promise()
        if post(self._door.queue, GetTask(0, passed), self._door.dead_letters):
            passed.get(math.inf)
        self._writer.wait_below(CHANGES_LIMIT)
