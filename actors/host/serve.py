"""The host: a task system in a process of its own, and its clients."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..cluster.remote import ray_engine
from ..kinds import BashKind, SleepKind, installed_kinds
from ..messages import Notification, SlotsChanged
from ..processes import family
from ..processes.marks import is_of_session
from ..rules.status import TaskFilter
from ..rules.task import is_running
from ..runtime.frames import frame
from ..runtime.socket_writer import close_socket
from ..session.errors import TaskSystemError
from ..system import TaskSystem
from . import wire
from .address import SOCKET_NAME, listen
from .connection import Connection, HostDoor, SharedEncoder, check_owner
from .hooks import HookRunner
from .idleness import Idleness
from .keeper import RESTART
from .main_orders import Idle, KeeperDied, Leave, Orders, Stopped
from .version import program_version
from .wire import KindWords, Leaving, Rejected, RestartHost, StopHost, Welcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from .kept import Kept
    from .settings import HostSettings

logger = logging.getLogger("backburner")

_LAST_WORDS_TIMEOUT: Final = 1.0
_NO_THREAD_PAUSE: Final = 0.2
_LOOK_PAUSE: Final = 0.01
"""Seconds between two checks of the socket file."""


class Host:
    """Serves a session until it is ended or no longer needed."""

    def __init__(self, settings: HostSettings, kept: Kept | None = None) -> None:
        self._settings = settings
        self._kept = kept
        # As loaded: another version may be installed later.
        self._program = f"backburner {program_version()}"
        self._system = TaskSystem(
            directory=Path(settings.directory),
            kinds=installed_kinds((BashKind(), SleepKind())),
            name=settings.name,
            slots=settings.slots,
            grace=settings.grace,
            history=settings.history,
            output_limit=settings.output_limit,
            session_output_limit=settings.session_output_limit,
            adopt=True,
            resources=settings.resources,
            engines=(ray_engine(settings.cluster),),
            pause_on_failure=settings.pause_on_failure,
        )
        if kept is not None:
            self._system.all_noted = lambda: kept.has_noted_all
        if kept is not None and kept.store is not None:
            self._system.keep_with(kept.store)
        self._orders = Orders()
        self._slots = settings.slots
        self._socket: socket.socket | None = None
        self._socket_path = f"{settings.directory}/{SOCKET_NAME}"
        self._connections: set[Connection] = set()
        self._changed = threading.Lock()  # guards the connections
        self._idleness = Idleness(
            settings.linger,
            self._is_joined,
            lambda number: self._orders.put(Idle(number)),
        )
        self._was_attended = False
        self._looked = 0.0
        self._stopping: threading.Thread | None = None
        self._reason = ""
        self._hooks = HookRunner(settings.hooks, settings.name)

    @property
    def system(self) -> TaskSystem:
        """The task system."""
        return self._system

    def run(self, ready: Callable[[], None]) -> None:
        """Serve, and call `ready` when clients can connect; blocks until the end.

        Must be called on the main thread: it handles SIGTERM and SIGINT, which end the
        session; a second one kills running tasks.

        Raises:
            TaskSystemError: If the session can't be opened, or its socket not created.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._take_signal)
        self._orders.wake_on_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if self._kept is not None:
            self._kept.watch(lambda: self._orders.put(KeeperDied()))
        # Subscribed first: hooks also run for tasks whose end is detected at the start.
        self._system.start([self])
        self._slots = self._system.slots
        try:
            try:
                self._listen()
            except OSError as error:
                raise TaskSystemError(
                    f"can't listen at {self._socket_path}: {error.strerror}"
                ) from error
            self._idleness.watch()
            ready()
            if self._kept is not None:
                self._kept.report_service()
            self._follow_orders()
        finally:
            self._system.stop()
            if self._socket is not None:
                close_socket(self._socket)
            self._disconnect_all()
            self._hooks.finish()

    def _take_signal(self, number: int, _: object) -> None:
        again = self._stopping is not None
        name = signal.Signals(number).name
        self._orders.put(StopHost(f"the session was ended by {name}", now=again))

    def _follow_orders(self) -> None:
        while True:
            match self._orders.get():
                case StopHost() as order:
                    self._stop(order)
                case Idle(number=number):
                    self._end_if_unneeded(number)
                case KeeperDied() if self._kept and self._stopping is None:
                    logger.warning("The keeper died; this process takes its place")
                    self._system.hold_starts()
                    self._kept.replace_keeper()
                    self._system.let_start()
                    logger.error("Nothing can start the host again if it dies")
                case Leave(settings=settings) if self._kept and self._stopping is None:
                    self._hooks.finish()
                    self._system.hold_starts()
                    self._kept.hand_on(settings)
                    self._send_leaving()
                    # All announced changes are stored, so this is as safe as a kill.
                    os._exit(RESTART)
                case KeeperDied() | Leave():
                    pass
                case Stopped():
                    return

    def _stop(self, order: StopHost) -> None:
        if self._stopping is None:
            self._reason = order.reason
            self._stopping = threading.Thread(target=self._stop_system, daemon=True)
            self._stopping.start()
        if order.now:
            threading.Thread(target=self._hurry, daemon=True).start()

    def _restart(self, order: RestartHost) -> str:
        """Hand over to a new host; return the reason if it could not take over."""
        kept = self._kept
        if kept is None or kept.has_died:
            return "the host has no keeper that could start another one"
        try:
            settings = kept.settings_of_next(order.settings)
        except ValueError as error:
            problem = str(error)
        else:
            problem = kept.problem_of_next(settings)
            if not problem:
                self._orders.put(Leave(settings))
                return ""
        return f"the new host would not start, so this one keeps running: {problem}"

    def _send_leaving(self) -> None:
        """Notify the clients of the handover; blocks for a second at most."""
        deadline = time.monotonic() + _LAST_WORDS_TIMEOUT
        running = None
        with contextlib.suppress(TaskSystemError):
            tasks = self._system.list(
                TaskFilter.RUNNING, answer_timeout=_LAST_WORDS_TIMEOUT
            )
            running = sum(map(is_running, tasks))
        with self._changed:
            connections = [*self._connections]
        for connection in connections:
            connection.send_leaving(Leaving(running))
        for connection in connections:
            connection.flush(max(0.0, deadline - time.monotonic()))

    def _stop_system(self) -> None:
        try:
            self._system.stop(self._reason)
        finally:
            self._orders.put(Stopped())

    def _hurry(self) -> None:
        stopping = self._stopping
        while not self._system.hurry() and stopping and stopping.is_alive():
            stopping.join(0.01)  # the stop has not reached the step that can be hurried

    def _disconnect_all(self) -> None:
        with self._changed:
            connections = [*self._connections]
        text = self._reason or "the session was ended"
        for connection in connections:
            connection.send_farewell(text)
        for connection in connections:
            connection.close(_LAST_WORDS_TIMEOUT)

    # Clients.

    def _listen(self) -> None:
        self._socket = listener = listen(Path(self._settings.directory))
        threading.Thread(
            target=self._accept, args=(listener,), name="backburner-accept", daemon=True
        ).start()

    def _listen_again_if_deleted(self) -> None:
        """Create the socket again if the session's folder was deleted.

        The journal recreates the folder before changes are announced. In a burst of
        changes only some trigger a check.
        """
        now, before = time.monotonic(), self._socket
        if before is None or now - self._looked < _LOOK_PAUSE:
            return
        self._looked = now
        try:
            os.stat(self._socket_path)  # noqa: PTH116 - for each change
        except FileNotFoundError:
            with contextlib.suppress(OSError):  # the next change retries
                self._listen()
                close_socket(before)
        except OSError:
            pass  # the journal reports problems of the folder

    def _accept(self, listener: socket.socket) -> None:
        owner = os.geteuid()
        door = HostDoor(
            queue=self._system.queue,
            dead_letters=self._system.dead_letters,
            scheduler=self._system.scheduler,
            encoder=SharedEncoder(),
            welcome=self._welcome,
            stop=self._orders.put,
            restart=self._restart,
            joined=self._joined,
            left=self._left,
        )
        while True:
            try:
                sock, _ = listener.accept()
            except OSError as error:
                if listener is not self._socket or self._stopping is not None:
                    return
                logger.warning("A client could not connect: %s", error)
                threading.Event().wait(_NO_THREAD_PAUSE)
                continue
            try:
                if problem := check_owner(sock, owner):
                    logger.warning("Refused: %s", problem)
                    sock.send(frame(wire.encode(Rejected(problem))))
                    close_socket(sock)
                else:
                    Connection.start(sock, door)
            except (OSError, RuntimeError) as error:
                logger.warning("A client could not be served: %s", error)
                close_socket(sock)

    def _welcome(self) -> Welcome | Rejected:
        settings, pid = self._settings, os.getpid()
        if self._stopping is not None:
            text = f"session {settings.name!r} is being ended; try again in a moment"
            return Rejected(text, pid=pid, ending=True)
        self._was_attended |= self._is_attended()
        return Welcome(
            protocol=wire.PROTOCOL,
            program=self._program,
            pid=pid,
            session=settings.name,
            directory=settings.directory,
            kinds=tuple(
                KindWords(kind.name, kind.usage, kind.summary)
                for kind in self._system.kinds
            ),
            warnings=() if self._was_attended else self._system.warnings,
            resumed=() if self._was_attended else self._system.resumed,
            slots=self._slots,
            grace=settings.grace,
        )

    def _joined(self, connection: Connection) -> None:
        with self._changed:
            self._connections.add(connection)
        self._idleness.note_join()

    def _left(self, connection: Connection) -> None:
        with self._changed:
            self._connections.discard(connection)
        self._idleness.watch()

    def _is_joined(self) -> bool:
        with self._changed:
            return bool(self._connections)

    def _is_attended(self) -> bool:
        with self._changed:
            return any(connection.shows for connection in self._connections)

    # Tasks.

    def tell(self, news: Notification, /) -> None:
        """Handle a notification of the queue. Never blocks."""
        self._listen_again_if_deleted()
        if isinstance(news, SlotsChanged):
            self._slots = news.slots
            return
        ended = self._idleness.take(news)
        if ended is not None and self._hooks.are_set:
            told = not self._is_attended()
            left = self._idleness
            self._hooks.note(ended, left.open_count, left.are_all_held, told=told)

    def _end_if_unneeded(self, number: int) -> None:
        """End the session, if its idle period has elapsed."""
        if not self._idleness.is_over(number):
            return
        key = self._system.session_key
        # Background processes of finished tasks would be ended with the session.
        if family.find_marked(lambda it: is_of_session(it, key)):
            self._idleness.watch()
        else:
            self._stop(StopHost("it was idle"))
