"""Clients that send invalid or too many messages, or read no answers."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import (
    AddTask,
    GetTask,
    Subscribe,
    Subscribed,
    TaskChanged,
    TaskRequest,
    TaskStatus,
)
from backburner.actors.host.wire import (
    PROTOCOL,
    Farewell,
    Hello,
    Number,
    Rejected,
    StopHost,
    Told,
    encode,
)
from backburner.actors.runtime.frames import LONGEST_TO_HOST, frame
from conditions import until
from patience import PATIENCE

from tests.host.clients import Heard, RawClient

if TYPE_CHECKING:
    from backburner.actors.host.remote import RemoteSystem
    from backburner.actors.host.settings import HostSettings

CHANGES = 20_000


def directory_of(session: RemoteSystem) -> Path:
    return Path(session.welcome.directory)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        frame(b"{"),
        frame(b'{"type":"Nonsense"}'),
        frame(encode(GetTask(1))),
        (LONGEST_TO_HOST + 1).to_bytes(4, "big"),
        b"\0\0\0\0" + bytes(range(256)),
    ],
)
def test_an_invalid_message_is_answered_and_closes_only_its_connection(
    session: RemoteSystem, data: bytes
) -> None:
    with RawClient(directory_of(session)) as client:
        client.sock.sendall(data)
        answer = client.receive()
        assert isinstance(answer, Rejected)
        assert answer.text
        assert client.receive() is None

    assert session.list() == ()


def test_an_invalid_message_after_the_greeting_is_answered_with_a_farewell(
    session: RemoteSystem,
) -> None:
    with RawClient(directory_of(session)) as client:
        client.greet()
        client.sock.sendall(frame(b'{"type":"ClaimTasks","runner":1,"count":8}'))
        answer = client.receive()
        assert isinstance(answer, Farewell)
        assert "not a message of the protocol" in answer.text
        assert client.receive() is None
    assert session.list() == ()


@pytest.mark.parametrize("protocol", [0, PROTOCOL + 1])
def test_a_client_of_another_protocol_gets_advice_and_can_stop_the_host(
    session: RemoteSystem, protocol: int
) -> None:
    with RawClient(directory_of(session)) as client:
        client.send(Hello(protocol))
        answer = client.receive()
        assert isinstance(answer, Rejected)
        assert answer.protocol == PROTOCOL
        assert answer.pid == session.welcome.pid
        assert "backburner host restart" in answer.text
    host = psutil.Process(session.welcome.pid)
    with RawClient(directory_of(session)) as client:
        client.send(StopHost("another version comes"))
        host.wait(PATIENCE)


def test_a_client_that_disconnects_at_any_byte_affects_only_itself(
    session: RemoteSystem,
) -> None:
    data = frame(encode(Hello(PROTOCOL))) + frame(
        encode(AddTask(TaskRequest("x", "sleep", ("600s",)), Number(1)))
    )
    for end in range(0, len(data), 7):
        with RawClient(directory_of(session)) as client:
            client.sock.sendall(data[:end])
    assert session.list() == ()


def test_a_hundred_clients_receive_the_same_changes_in_the_same_order(
    session: RemoteSystem,
) -> None:
    clients = [RawClient(directory_of(session)) for _ in range(100)]
    for client in clients:
        client.greet()
        client.send(Subscribe(Number(1)))
    for client in clients:
        message = client.receive()
        assert isinstance(message, Told)
        assert isinstance(message.message, Subscribed)
    task = session.add("x", "bash", "true")
    session.wait(task.id, timeout=PATIENCE)

    stories: list[list[tuple[int, str]]] = []
    for client in clients:
        story: list[tuple[int, str]] = []
        while not story or story[-1][1] != "complete":
            message = client.receive()
            assert isinstance(message, Told)
            assert isinstance(message.message, TaskChanged)
            story.append((message.message.seq, message.message.event))
        stories.append(story)
        client.sock.close()
    assert all(story == stories[0] for story in stories)
    # The threads of closed connections end too.
    host = psutil.Process(session.welcome.pid)
    until(lambda: host.num_threads() <= 20)


SUBSCRIBER = """
import socket, sys
from backburner.actors.host.address import connect
from backburner.actors.runtime.frames import *
from backburner.actors.host.wire import *
from backburner.actors import Subscribe, Subscribed, TaskChanged
from pathlib import Path
sock = connect(Path(sys.argv[1]))
def send(message):
    sock.sendall(frame(encode(message)))
send(Hello(PROTOCOL))
send(Subscribe(Number(1)))
frames = FrameReader(LONGEST_FROM_HOST)
last = 0
while data := sock.recv(1 << 18):
    for payload in frames.feed(data):
        match decode_from_host(payload):
            case Told(message=Subscribed(seq=seq, tasks=tasks)):
                last = seq
                print("subscribed", seq, len(tasks), flush=True)
            case Told(message=TaskChanged(seq=seq)):
                assert seq == last + 1, (seq, last)
                last = seq
            case Behind():
                print("behind", last, flush=True)
                send(Subscribe(Number(1)))
            case _:
                pass
"""


def test_a_stopped_client_costs_little_and_catches_up_when_continued(
    settings: HostSettings, session: RemoteSystem
) -> None:
    host = psutil.Process(session.welcome.pid)
    with subprocess.Popen(
        [sys.executable, "-c", SUBSCRIBER, settings.directory],
        stdout=subprocess.PIPE,
        text=True,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline().startswith("subscribed")
        client.send_signal(signal.SIGSTOP)
        before = host.memory_info().rss

        # Each task is queued and canceled: two changes, and no process.
        words = "x" * 300
        session.add("Blocker", "sleep", "600s")
        heard = Heard()
        added = 0
        while added < CHANGES:
            asked = Heard()
            for _ in range(1000):
                request = TaskRequest(words, "sleep", ("600s",))
                session.queue.tell(AddTask(request, asked, 1))
                added += 1
            while len(asked.messages) < 1000:
                time.sleep(0.001)
        del heard
        grown = host.memory_info().rss - before

        client.send_signal(signal.SIGCONT)
        assert client.stdout.readline().startswith("behind")
        word, seq, tasks = client.stdout.readline().split()
        client.kill()

    assert word == "subscribed"
    assert int(seq) >= CHANGES
    assert int(tasks) == CHANGES + 1
    # The tasks, and the changes that waited for the client.
    assert grown < 100 << 20


def test_a_flooding_client_does_not_delay_others(session: RemoteSystem) -> None:
    flood = frame(encode(GetTask(1, Number(1)))) * 1000
    stop = threading.Event()
    with RawClient(directory_of(session)) as client:
        client.greet()

        def send() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    client.sock.sendall(flood)

        def receive() -> None:
            with contextlib.suppress(OSError):
                while not stop.is_set():
                    client.sock.recv(1 << 20)

        threads = [threading.Thread(target=it, daemon=True) for it in (send, receive)]
        for thread in threads:
            thread.start()
        waits: list[float] = []
        for _ in range(20):
            began = time.monotonic()
            session.list()
            waits.append(time.monotonic() - began)
        stop.set()
        client.sock.shutdown(2)
        for thread in threads:
            thread.join(PATIENCE)

    assert sorted(waits)[10] < 2.0


def test_a_client_that_never_reads_its_answers_is_not_read(
    session: RemoteSystem,
) -> None:
    host = psutil.Process(session.welcome.pid)
    session.add("x" * 1000, "bash", "true")
    flood = frame(encode(GetTask(1, Number(1)))) * 1000
    with RawClient(directory_of(session)) as client:
        client.greet()
        client.sock.settimeout(1.0)
        before = host.memory_info().rss
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 1_000_000:
                client.sock.sendall(flood)
                sent += 1000
        assert sent < 1_000_000
        assert host.memory_info().rss - before < 80 << 20
        assert len(session.list()) == 1
    assert len(session.list()) == 1


def test_the_host_keeps_serving_when_its_folder_is_deleted(
    session: RemoteSystem, settings: HostSettings
) -> None:
    shutil.rmtree(settings.directory)
    task = session.add("x", "bash", "true")
    (ended,) = session.wait(task.id, timeout=PATIENCE)

    assert ended.status is TaskStatus.COMPLETE
    # Other clients find the host in the new folder.
    with RawClient(Path(settings.directory)) as client:
        assert client.greet().pid == session.welcome.pid
