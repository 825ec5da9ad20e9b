"""Requests from a client to the queue, and their answers."""

from __future__ import annotations

import queue
import socket
import threading
from typing import TYPE_CHECKING, cast

import pykka
import pytest
from backburner.actors import (
    Acknowledged,
    AddTask,
    GetTask,
    Notification,
    Promise,
    QueueReply,
    QueueRequest,
    Refused,
    TaskRequest,
)
from backburner.actors.host.connection import Connection, HostDoor, SharedEncoder
from backburner.actors.host.remote_queue import RemoteQueue
from backburner.actors.host.request_reader import TOGETHER, RemoteRecipient
from backburner.actors.host.wire import (
    PROTOCOL,
    Hello,
    Number,
    StopHost,
    Told,
    Welcome,
    decode_from_host,
    decoder_to_host,
)
from backburner.actors.host.wire import encode as encoded
from backburner.actors.messages import Requests
from backburner.actors.runtime.frames import (
    LONGEST_FROM_HOST,
    LONGEST_TO_HOST,
    FrameReader,
    frame,
)
from backburner.actors.runtime.sending import DeadLetters
from backburner.actors.testing import Recorder
from patience import PATIENCE

if TYPE_CHECKING:
    from backburner.actors.runtime.socket_writer import SocketWriter


class FirstFails(SharedEncoder):
    """Fails on the first message while the next one waits behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.next_waits = threading.Event()

    def encode(self, message: QueueReply | Notification) -> bytes:
        if message == Acknowledged(1):
            assert self.next_waits.wait(PATIENCE)
            raise ValueError("planted")
        return super().encode(message)


def test_an_unsendable_request_affects_only_itself() -> None:
    joined: queue.Queue[Connection] = queue.Queue()
    encoder = FirstFails()
    door = HostDoor(
        queue=Promise(),
        dead_letters=DeadLetters(),
        scheduler=None,
        encoder=encoder,
        welcome=lambda: Welcome(PROTOCOL, "host", 1, "main", "/"),
        stop=lambda _: None,
        restart=lambda _: "",
        joined=joined.put,
        left=lambda _: None,
    )
    ours, theirs = socket.socketpair()
    with ours:
        ours.settimeout(PATIENCE)
        Connection.start(theirs, door)
        ours.sendall(frame(encoded(Hello(PROTOCOL))))
        connection = joined.get(timeout=PATIENCE)
        recipient = RemoteRecipient(connection, 7)
        for number in (1, 2, 3):
            recipient.tell(Acknowledged(number))
        encoder.next_waits.set()
        frames, received = FrameReader(LONGEST_FROM_HOST), list[object]()
        while len(received) < 2:
            for payload in frames.feed(ours.recv(1 << 16)):
                message = decode_from_host(payload)
                if isinstance(message, Told):
                    received.append(message)
        assert received == [Told(7, Acknowledged(2)), Told(7, Acknowledged(3))]
    connection.actor_stopped.wait(PATIENCE)
    with pytest.raises(pykka.ActorDeadError):
        recipient.tell(Acknowledged(4))


class Sent:
    """A writer that records sent messages."""

    def __init__(self) -> None:
        self.messages: list[object] = []

    def send(self, data: bytes) -> None:
        decode = decoder_to_host(Number)
        frames = FrameReader(LONGEST_TO_HOST)
        self.messages += [decode(payload) for payload in frames.feed(data)]


def test_requests_made_without_a_host_are_sent_once() -> None:
    remote, asker = RemoteQueue(DeadLetters(), None), Recorder[QueueReply]("asker")
    request = TaskRequest("Build", "bash", ("make",))
    before, first, second = Sent(), Sent(), Sent()
    remote.tell(AddTask(request, asker, "before"))
    remote.attach(cast("SocketWriter", before))
    remote.tell(GetTask(1, asker, "asked again"))
    remote.detach()
    (refused,) = asker.of(Refused)
    assert refused.correlation_id == "before"
    remote.tell(AddTask(request, asker, "gone"))
    remote.detach()  # still without a host
    remote.tell(GetTask(2, asker, "gone too"))
    remote.attach(cast("SocketWriter", first))
    remote.detach()
    remote.attach(cast("SocketWriter", second))
    assert [
        [getattr(it, "correlation_id", None) for it in sent.messages]
        for sent in (before, first, second)
    ] == [
        ["before", "asked again"],
        ["asked again", "gone", "gone too"],
        ["asked again", "gone too"],
    ]


def test_a_signal_handler_that_interrupts_a_request_may_wait_for_an_answer() -> None:
    remote, asker = RemoteQueue(DeadLetters(), None), Recorder[QueueReply]("asker")

    class Interrupted(Sent):
        def send(self, data: bytes) -> None:
            super().send(data)
            reader = threading.Thread(target=remote.take, args=(1, Acknowledged(1)))
            reader.start()
            assert asker.wait_for(Acknowledged) == Acknowledged(1)
            reader.join(PATIENCE)

    remote.attach(cast("SocketWriter", Interrupted()))
    remote.tell(GetTask(1, asker, 1))


def test_requests_before_a_stop_are_delivered_before_it() -> None:
    gone: queue.Queue[Connection] = queue.Queue()
    before: list[tuple[StopHost, tuple[object, ...]]] = []
    queue_actor: Recorder[QueueRequest | Requests] = Recorder("the queue")
    door = HostDoor(
        queue=queue_actor,
        dead_letters=DeadLetters(),
        scheduler=None,
        encoder=SharedEncoder(),
        welcome=lambda: Welcome(PROTOCOL, "host", 1, "main", "/"),
        stop=lambda order: before.append((order, queue_actor.received)),
        restart=lambda _: "",
        joined=lambda _: None,
        left=gone.put,
    )
    ours, theirs = socket.socketpair()
    requests = tuple(GetTask(number) for number in range(1, 2 * TOGETHER))
    with ours:
        Connection.start(theirs, door)
        asked = [Hello(PROTOCOL), *requests, StopHost("the end"), GetTask(1000)]
        sense = b"".join(frame(encoded(it)) for it in asked)
        ours.sendall(sense + frame(b"no message of the protocol"))
        # The invalid frame breaks the connection; earlier requests count.
        connection = gone.get(timeout=PATIENCE)
    expected = (Requests(requests[:TOGETHER]), Requests(requests[TOGETHER:]))
    assert before == [(StopHost("the end"), expected)]
    assert queue_actor.received == (*expected, Requests((GetTask(1000),)))
    connection.actor_stopped.wait(PATIENCE)
