"""Clients of a host that the tests use, raw and complete."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import psutil
from backburner.actors.host.address import connect
from backburner.actors.host.events import HostBack
from backburner.actors.host.wire import (
    PROTOCOL,
    FromHost,
    Hello,
    ToHost,
    Welcome,
    decode_from_host,
    encode,
)
from backburner.actors.runtime.frames import LONGEST_FROM_HOST, FrameReader, frame
from conditions import until
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors.host.remote import RemoteSystem

MessageT = TypeVar("MessageT")


class Heard:
    """A recipient that records its messages, for tests to wait for."""

    def __init__(self) -> None:
        self.messages: list[object] = []
        self._more = threading.Condition()

    def tell(self, message: object, /) -> None:
        with self._more:
            self.messages.append(message)
            self._more.notify_all()

    def wait_for(
        self, kind: type[MessageT], matches: Callable[[MessageT], bool] = lambda _: True
    ) -> MessageT:
        """Return the first message of a kind that matches, once there is one."""

        def found() -> MessageT | None:
            for it in self.messages:
                if isinstance(it, kind) and matches(it):
                    return it
            return None

        with self._more:
            message = self._more.wait_for(found, PATIENCE)
        if message is None:
            raise TimeoutError(f"no {kind.__name__} in {self.messages[-20:]}")
        return message


class RawClient:
    """A client that sends raw frames and reads only on request."""

    def __init__(self, directory: Path) -> None:
        self.sock = connect(directory)
        self.sock.settimeout(PATIENCE)
        self._frames = FrameReader(LONGEST_FROM_HOST)
        self._messages: list[FromHost] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def greet(self) -> Welcome:
        self.send(Hello(PROTOCOL))
        answer = self.receive()
        assert isinstance(answer, Welcome)
        return answer

    def send(self, *messages: ToHost) -> None:
        self.sock.sendall(b"".join(frame(encode(it)) for it in messages))

    def receive(self) -> FromHost | None:
        """Return the next message; None after the host has closed the connection."""
        while not self._messages:
            try:
                data = self.sock.recv(1 << 20)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self._messages += map(decode_from_host, self._frames.feed(data))
        return self._messages.pop(0)


def kill(pid: int) -> None:
    """Kill a process and wait for its end."""
    process = psutil.Process(pid)
    process.kill()
    process.wait(PATIENCE)


def suspend(process: psutil.Process) -> None:
    """Send SIGSTOP to a process and wait until all its threads are stopped."""
    process.suspend()
    threads = Path(f"/proc/{process.pid}/task")
    # A thread that isn't stopped yet may still handle a message.
    until(
        lambda: all(
            "State:\tT" in (it / "status").read_text() for it in threads.iterdir()
        )
    )


def keeper_of(session: RemoteSystem) -> psutil.Process:
    """Return the keeper of a client's host."""
    found = psutil.Process(session.welcome.pid).parent()
    assert found is not None
    assert any(it.endswith("keeper.py") for it in found.cmdline())
    return found


def kill_both(session: RemoteSystem) -> None:
    """Kill a host and its keeper, so that neither notices the death of the other."""
    kept, host = keeper_of(session), psutil.Process(session.welcome.pid)
    suspend(kept)
    host.kill()
    kept.kill()


def kill_named(session: RemoteSystem, name: str) -> None:
    """Kill the `host` of a session, its `keeper`, or `both`."""
    if name == "host":
        kill(session.welcome.pid)
    elif name == "keeper":
        keeper_of(session).kill()
    else:
        kill_both(session)


def until_back(events: Heard, before: int, session: RemoteSystem) -> None:
    """Wait until a client is connected to another host."""
    events.wait_for(HostBack, lambda _: session.welcome.pid != before)


def waits_for(file: Path, then: str = "exit 7") -> str:
    """Return a command that waits for a file."""
    return f"while ! [ -e {file} ]; do sleep 0.01; done; {then}"
