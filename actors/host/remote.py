"""The client's interface to a session that runs in a host."""

from __future__ import annotations

import math
import os
import threading
from typing import TYPE_CHECKING, Final

from ..messages import Acknowledged, Notification, Subscribe
from ..rules.field_types import wrong_type
from ..rules.safe_text import safe_line
from ..runtime.frames import FrameError, frame
from ..runtime.sending import DeadLetters, Recipient, logger
from ..runtime.socket_writer import SocketWriter, close_socket
from ..session.asking import NOT_STARTED
from ..session.blocking import Requests
from ..session.errors import TaskSystemError
from ..session.names import check_reason, check_values, listed
from . import wire
from .events import HostBack, HostEvent, HostLost, SessionEnded
from .remote_queue import RemoteQueue
from .settings import HostSettings
from .starting import Reached, reach
from .wire import BadMessageError, Behind, Farewell, KindWords, Leaving, StopHost, Told

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from .wire import Welcome

_CHUNK: Final = 1 << 18
_FLUSH_TIMEOUT: Final = 2.0
_SHORTEST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0


class RemoteSystem(Requests):
    """A session that runs in its host, with the interface of a `TaskSystem`.

    A `with` block connects to it and disconnects, without ending the session; `end`
    does that. If the host dies, another one is started, all subscriptions continue, and
    `events` is notified. In a forked process it belongs to the parent, like a
    `TaskSystem`.

    Args:
        settings: The session, and the settings for a host that is started.
        start_host: Whether to start a host if there is none.
        events: Receives events of the connection, on a thread of this system.

    Raises:
        TypeError: If `settings` are not `HostSettings`, or a setting has a wrong type.
        ValueError: If the directory is not an absolute path, or a setting is invalid.
    """

    def __init__(
        self,
        settings: HostSettings,
        *,
        start_host: bool = True,
        events: Recipient[HostEvent] | None = None,
    ) -> None:
        super().__init__()
        _check(settings)
        self._settings = settings
        self._start_host = start_host
        self.dead_letters = DeadLetters()
        """Counts the undeliverable messages of this system."""
        self._queue = RemoteQueue(self.dead_letters, events)
        self._welcome: Welcome | None = None
        self._warnings: list[str] = []
        self._reached: Reached | None = None
        self._writer: SocketWriter | None = None
        self._lock = threading.Lock()  # guards the connection
        self._leaving = threading.Event()
        self._ending: StopHost | None = None  # sent to the next host if none serves now
        self._reader: threading.Thread | None = None
        self._gone = threading.Event()
        self._leaving_host: Leaving | None = None  # sent by a host that hands over
        self.problems: tuple[str, ...] = ()
        """The problems of the last `stop`: always empty."""
        self.leftovers = ""
        """Processes left by a killed program, while the host ends them."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def queue(self) -> RemoteQueue:
        """The recipient of every `QueueRequest`.

        Raises:
            RuntimeError: If the system is not started.
            TaskSystemError: If it was started before this process was forked.
        """
        self._refuse_in_a_fork()
        if self._welcome is None:
            raise RuntimeError(NOT_STARTED)
        return self._queue

    def is_own_thread(self) -> bool:
        """Return whether the caller runs on the thread that reads from the host.

        Methods that wait for the host raise `RuntimeError` there. Subscribers and the
        recipient of events are called on it.
        """
        return threading.current_thread() is self._reader

    @property
    def welcome(self) -> Welcome:
        """The host's description of itself and the session.

        Raises:
            RuntimeError: If the system is not started.
        """
        if self._welcome is None:
            raise RuntimeError(NOT_STARTED)
        return self._welcome

    @property
    def kinds(self) -> tuple[KindWords, ...]:
        """The kinds of tasks that the host runs."""
        return self.welcome.kinds

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for people about the state in which the session was found."""
        return (*self.welcome.warnings, *self._warnings)

    def warn(self, text: str) -> None:
        """Add to the warnings."""
        self._warnings.append(text)

    def listen(self, events: Recipient[HostEvent]) -> None:
        """Send this recipient events of the connection, including past ones."""
        self._queue.listen(events)

    def start(
        self, subscribers: Iterable[Recipient[Notification] | Subscribe] = ()
    ) -> None:
        """Connect to the host; start one if there is none. Blocks until it serves.

        Args:
            subscribers: Subscribed first. Their `Subscribed` includes the changes that
                a host made when it was started.

        Raises:
            TaskSystemError: If that fails, or if it was started before this process was
                forked; the text says why and what to do.
            RuntimeError: If it is started already, or was stopped.
            TypeError: If `subscribers` is not iterable.
        """
        self._refuse_in_a_fork()
        subscribers = listed(subscribers)
        if self._leaving.is_set():
            raise RuntimeError("it was stopped; create another RemoteSystem")
        if self._welcome is not None:
            raise RuntimeError("the task system is started already")
        reached = reach(
            self._settings, start=self._start_host, on_wait=self._set_leftovers
        )
        self.leftovers = ""
        self._owner = os.getpid()
        self._welcome = reached.welcome
        self.resumed = reached.welcome.resumed
        self._attach(reached)
        self._reader = threading.Thread(
            target=self._read_on, args=(reached,), name="backburner-host", daemon=True
        )
        self._reader.start()
        for it in subscribers:
            request = it if isinstance(it, Subscribe) else Subscribe(it)
            self._request(request, Acknowledged)

    def stop(self, reason: str = "", timeout: float | None = None) -> None:
        """Disconnect from the session, which continues with all its tasks.

        Blocks up to two seconds until sent messages have reached the host. Does nothing
        if the system is not started, or was started before this process was forked.

        Args:
            reason: Ignored; nothing is ended.
            timeout: Ignored.
        """
        del reason, timeout
        if self._is_forked():
            return
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
        """End the session with all its tasks, and its host; then disconnect.

        Blocks until the host has ended; if it was just killed, until the next one has
        started and ended. Running tasks get the grace period, queued ones stay in the
        session. Does nothing in a process that was forked after the start.

        Args:
            reason: The reason of the tasks that this ends.

        Raises:
            RuntimeError: If called on the thread that reads from the host.
            TypeError: If `reason` is not str; nothing is ended.
        """
        self._refuse_to_wait("end")
        check_reason(reason)
        if self._is_forked():
            return
        with self._lock:
            self._ending = StopHost(safe_line(reason))
            if self._writer is not None:
                self._writer.send(frame(wire.encode(self._ending)))
            elif self._reader is None or not self._reader.is_alive():
                self._gone.set()  # it was never started, or has been stopped
            # Otherwise another host follows, and gets the message then.
        self._gone.wait()
        self.stop()

    def hurry(self) -> bool:
        """Cut short the grace period of an `end` in progress. Never blocks.

        Returns:
            Whether one is in progress.
        """
        if self._is_forked():
            return False
        with self._lock:
            writer = self._writer
            if self._ending is None or writer is None or self._gone.is_set():
                return False
            writer.send(frame(wire.encode(StopHost(now=True))))
            return True

    def _set_leftovers(self, leftovers: str) -> None:
        self.leftovers = leftovers

    def _attach(self, reached: Reached) -> None:
        # A failure to send is also detected as the end of the input.
        writer = SocketWriter(reached.sock, lambda: None)
        with self._lock:
            self._reached = reached
            self._writer = writer
            if self._ending is not None:
                writer.send(frame(wire.encode(self._ending)))
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
        """Read messages of successive hosts, until the system is stopped."""
        while True:
            farewell = self._read(reached)
            if self._leaving.is_set():
                return
            self._detach()
            if farewell is not None:
                self._queue.close(farewell.text)
                self._gone.set()
                self._queue.tell_event(SessionEnded(farewell.text))
                return
            found = self._find_another(reached.welcome)
            if found is None:
                return
            reached = found

    def _read(self, reached: Reached) -> Farewell | None:
        """Read a host's messages; return its farewell, or None if it is lost."""
        try:
            data = b""
            while True:
                for payload in reached.frames.feed(data):
                    match wire.decode_from_host(payload):
                        case Told(to=to, message=message):
                            self._queue.take(to, message)
                        case Behind(subscriber=number):
                            self._queue.subscribe_again(number)
                        case Leaving() as leaving:
                            self._leaving_host = leaving
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
            logger.error("The session's host sent an invalid message: %s", error)
            return None

    def _find_another(self, before: Welcome) -> Reached | None:
        """Connect to a host again; return None if the system is stopped meanwhile."""
        name = before.session
        lost = f"the host of session {name!r} (process {before.pid}) is gone"
        leaving, self._leaving_host = self._leaving_host, None
        if leaving is None:
            self._queue.tell_event(HostLost(lost))
        else:
            lost = f"the host of session {name!r} is being restarted"
        pause, told = _SHORTEST_PAUSE, ""
        while not self._leaving.is_set():
            try:
                reached = reach(
                    self._settings, on_wait=self._set_leftovers, leaving=self._leaving
                )
            except TaskSystemError as error:
                if self._ending is not None:
                    text = f"{lost}; {error}; it was not ended in order"
                    logger.error("%s", text)
                    self._queue.close(text)
                    self._gone.set()
                    return None
                if str(error) != told and not self._leaving.is_set():
                    told = str(error)
                    self._queue.tell_event(HostLost(f"{lost}; {told}; trying again"))
                self._leaving.wait(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                continue
            if self._leaving.is_set():
                close_socket(reached.sock)
                self._gone.set()
                return None
            self._welcome = reached.welcome
            pid = reached.welcome.pid
            text = f"process {pid} serves session {name!r} now; tasks keep running"
            if pid == before.pid:
                text = f"connected again to the host of session {name!r}"
            elif leaving is not None:
                text = _restarted(leaving, before, reached.welcome)
            self._queue.tell_event(HostBack(text))
            self._attach(reached)
            return reached
        return None


def _check(settings: object) -> None:
    """Raise for invalid settings, which would make the start of a host fail."""
    if not isinstance(settings, HostSettings):
        raise TypeError(
            "settings must be HostSettings, such as HostSettings(directory=...), not"
            f" {type(settings).__name__}"
        )
    if (problem := wrong_type(settings)) is not None:
        raise TypeError(problem)
    directory = settings.directory
    if not directory.startswith("/") or "\0" in directory:
        wanted = "an absolute path without NUL characters"
        raise ValueError(f"directory must be {wanted}, not {directory!r}")
    check_values(
        name=settings.name,
        slots=settings.slots,
        grace=settings.grace,
        history=settings.history,
        output_limit=settings.output_limit,
        session_output_limit=settings.session_output_limit,
    )
    if not 0 <= settings.linger < math.inf:
        raise ValueError(f"linger must be 0 or more seconds, not {settings.linger}")


def _restarted(leaving: Leaving, before: Welcome, now: Welcome) -> str:
    text = "the host was restarted"
    if now.program != before.program:
        text += f" and is {now.program} now"
    if leaving.running == 1:
        text += "; 1 task keeps running"
    elif leaving.running:
        text += f"; {leaving.running} tasks keep running"
    return text
