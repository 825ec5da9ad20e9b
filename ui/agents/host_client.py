"""A client of a session's host, for a server with one thread.

Requests that were unanswered when a host died are sent to the next one; those that add
a task have a key, so that no task is added twice.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from ...actors.host import wire
from ...actors.host.address import connect
from ...actors.host.wire import (
    Behind,
    Farewell,
    Hello,
    Leaving,
    Number,
    Rejected,
    Told,
    Welcome,
)
from ...actors.messages import (
    Notification,
    Subscribe,
    Subscribed,
    SystemStopped,
    TaskChanged,
    TasksForgotten,
)
from ...actors.rules.safe_text import is_unicode, safe_line
from ...actors.rules.shortage import shortage_of
from ...actors.runtime.frames import LONGEST_FROM_HOST, FrameError, FrameReader, frame
from .host_start import HostStart
from .loop import READ, WRITE

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from ...actors.messages import QueueReply, QueueRequest
    from ...actors.rules.task import Task
    from .loop import Loop, Timer
    from .place import Place
    from .session import Watcher

    Reply = QueueReply | str

_CHUNK: Final = 1 << 18
_NEWS: Final = 1  # the number of the subscriber
_CONNECT_TIMEOUT: Final = 0.5
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0
_PATIENCE: Final = 50.0  # seconds for a host to be reached: clients give up after 60


class _Pending:
    __slots__ = ("answered", "payload")

    def __init__(self, payload: bytes, answered: Callable[[Any], None]) -> None:
        self.payload = payload
        self.answered = answered


class HostClient:
    """Sends requests to a session's host, and tracks the tasks of one origin.

    Connects on first use; starts a host if there is none.

    Args:
        loop: Runs the callbacks.
        place: The session.
        origin: The origin of the tasks to track; None for all tasks.
        watcher: Handles changed tasks, every task when a host is reached, and the end
            of the session.
    """

    def __init__(
        self,
        loop: Loop,
        place: Place,
        origin: str | None,
        watcher: Watcher,
    ) -> None:
        self._loop = loop
        self._watcher = watcher
        self._place = place
        self._origin = origin
        self._tasks: dict[int, Task] = {}
        self._welcome: Welcome | None = None
        self._sock: socket.socket | None = None
        self._frames = FrameReader(LONGEST_FROM_HOST)
        self._out = bytearray()
        self._numbers = _NEWS
        self._pending: dict[int, _Pending] = {}
        self._awaited: list[Callable[[str | None], None]] = []
        self._ready = False
        self._reaching = False
        self._pause = _SHORTEST_PAUSE
        self._gives_up: Timer | None = None

    # For the owner.

    @property
    def tasks(self) -> dict[int, Task]:
        """The tracked tasks by id, as last reported."""
        return self._tasks

    @property
    def grace(self) -> float:
        """Seconds between SIGTERM and SIGKILL for a canceled task."""
        return 0.0 if self._welcome is None else self._welcome.grace

    @property
    def is_ready(self) -> bool:
        """Whether the host is connected, and has sent the tasks."""
        return self._ready

    def when_ready(self, then: Callable[[str | None], None]) -> None:
        """Call `then` when the host is connected and has sent the tasks.

        Args:
            then: Called with None, or with the reason if the host can't be reached; at
                once if it is ready.
        """
        if self._ready:
            then(None)
            return
        self._awaited.append(then)
        self._reach()

    def ask(self, request: QueueRequest, answered: Callable[[Reply], None]) -> int:
        """Send a request.

        Args:
            request: Without a `reply_to`; a request that adds a task must have a key.
            answered: Called once, with the answer or the reason for its lack; never
                after `forget`.

        Returns:
            The number to pass to `forget`.
        """
        self._numbers += 1
        number = self._numbers
        changes: dict[str, Any] = {"reply_to": Number(number)}
        try:
            payload = wire.encode(replace(request, **changes))
        except UnicodeEncodeError:
            answered(wire.not_unicode(request))
            return number
        self._pending[number] = _Pending(payload, answered)
        if self._ready:
            self._send(payload)
        else:
            self._reach()
        return number

    def forget(self, number: int) -> None:
        """Ignore the answer to a request, which is carried out nevertheless."""
        if number in self._pending:
            self._pending[number].answered = _ignore

    @property
    def unanswered(self) -> int:
        """Number of requests without an answer."""
        return len(self._pending)

    def leave(self) -> None:
        """Disconnect from the session, which continues."""
        if self._sock is not None:
            self._send(wire.encode(Farewell()))
            self._sock.setblocking(True)  # noqa: FBT003 - its name
            self._sock.settimeout(1.0)
            with contextlib.suppress(OSError):
                self._sock.sendall(self._out)
            self._disconnect()

    # Connecting.

    def _reach(self) -> None:
        if self._reaching or self._sock is not None:
            return
        self._reaching = True
        if self._gives_up is None:
            self._gives_up = self._loop.call_later(_PATIENCE, self._give_up)
        try:
            sock = connect(self._place.directory, _CONNECT_TIMEOUT)
        except (FileNotFoundError, ConnectionError, NotADirectoryError):
            self._start_host()
        except TimeoutError:
            self._try_later()
        except OSError as error:
            self._fail(
                f"can't connect to the host in {self._place.directory}:"
                f" {shortage_of(error) or error.strerror}"
            )
        else:
            self._connected(sock)

    def _connected(self, sock: socket.socket) -> None:
        sock.setblocking(False)  # noqa: FBT003 - its name
        self._sock = sock
        self._frames = FrameReader(LONGEST_FROM_HOST)
        self._out.clear()
        directory = _working_directory()
        environment = wire.pack_environment(os.environ)
        program = "backburner mcp"
        self._loop.watch(sock.fileno(), READ, self._use)
        hello = Hello(wire.PROTOCOL, program, os.getpid(), directory, environment)
        self._send(wire.encode(hello))

    def _try_later(self) -> None:
        self._reaching = False
        pause, self._pause = self._pause, min(2 * self._pause, _LONGEST_PAUSE)
        self._loop.call_later(pause, self._reach)

    def _start_host(self) -> None:
        HostStart(self._loop, self._place.start_command(), self._started)

    def _started(self, complaint: str | None) -> None:
        if complaint is None:
            self._try_later()
        else:
            self._fail(complaint)

    def _give_up(self) -> None:
        from ...actors.host.waited_for import waited_for  # noqa: PLC0415 - seldom needed

        why = waited_for(self._place.directory)
        self._fail(f"the session's host does not answer: {why}")

    def _fail(self, text: str) -> None:
        """Report to all waiting callers that the host can't be reached."""
        self._disconnect()
        self._reaching = False
        self._stop_giving_up()
        text = safe_line(text)
        awaited, self._awaited = self._awaited, []
        pending = [*self._pending.values()]
        self._pending.clear()
        for then in awaited:
            then(text)
        for it in pending:
            it.answered(text)
        self._watcher.host_failed(text)

    # The connection.

    def _subscribe(self) -> None:
        self._send(wire.encode(Subscribe(Number(_NEWS), origin=self._origin)))

    def _send(self, payload: bytes) -> None:
        self._out += frame(payload)
        self._flush()

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            while self._out:
                del self._out[: sock.send(self._out)]
        except BlockingIOError:
            self._loop.watch(sock.fileno(), READ | WRITE, self._use)
        except OSError:
            pass  # the end of the input is detected as well
        else:
            self._loop.watch(sock.fileno(), READ, self._use)

    def _use(self) -> None:
        if self._out:
            self._flush()
        self._receive()

    def _receive(self) -> None:
        sock = self._sock
        if sock is None:
            return
        try:
            data = sock.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        try:
            for payload in self._frames.feed(data):
                self._take(wire.decode_from_host(payload))
                if self._sock is not sock:
                    return
        except (FrameError, wire.BadMessageError) as error:
            self._fail(
                f"the session's host sent an invalid message: {error}; restart it"
            )

    def _take(self, message: wire.FromHost) -> None:
        match message:
            case Welcome():
                self._welcome = message
                self._subscribe()
            case Rejected(ending=True):
                self._disconnect()
                self._try_later()
            case Rejected(text=text):
                self._fail(text)
            case Farewell(text=text):
                self._fail(f"the session has ended: {text}")
            case Behind():
                self._subscribe()
            case Leaving():
                pass  # the end of the connection triggers a reconnect
            case Told(to=to, message=told):
                if isinstance(told, Notification):
                    self._take_news(told)
                elif (pending := self._pending.pop(to, None)) is not None:
                    pending.answered(told)

    def _take_news(self, news: Notification) -> None:
        match news:
            case Subscribed(tasks=tasks):
                before, self._tasks = self._tasks, {it.id: it for it in tasks}
                for task in tasks:
                    known = before.get(task.id)
                    if known is None or known.status is not task.status:
                        self._watcher.task_changed(task)
                if not self._ready:
                    self._be_ready()
                self._watcher.tasks_forgotten()
            case TaskChanged(task=task):
                self._tasks[task.id] = task
                self._watcher.task_changed(task)
            case TasksForgotten(ids=ids):
                for task_id in ids:
                    self._tasks.pop(task_id, None)
                self._watcher.tasks_forgotten()
            case SystemStopped(reason=reason):
                self._fail(f"the session has ended: {reason}")
            case _:
                pass

    def _be_ready(self) -> None:
        self._ready = True
        self._reaching = False
        self._pause = _SHORTEST_PAUSE
        self._stop_giving_up()
        for it in [*self._pending.values()]:
            self._send(it.payload)
        awaited, self._awaited = self._awaited, []
        for then in awaited:
            then(None)

    def _lost(self) -> None:
        """Reconnect after an unexpected end of the connection."""
        self._disconnect()
        self._try_later()

    def _disconnect(self) -> None:
        sock, self._sock = self._sock, None
        self._ready = False
        self._out.clear()
        if sock is not None:
            self._loop.unwatch(sock.fileno())
            sock.close()

    def _stop_giving_up(self) -> None:
        if self._gives_up is not None:
            self._gives_up.cancel()
            self._gives_up = None


def _ignore(answer: object) -> None:
    del answer


def _working_directory() -> str | None:
    try:
        directory = os.getcwd()  # noqa: PTH109 - a text
    except OSError:
        return None
    return directory if is_unicode(directory) else None
