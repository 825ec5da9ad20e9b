"""Connects to a session's host, and starts one if there is none."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec
from msgspec.structs import replace

from ..own_files import open_folder
from ..rules.record import Record
from ..rules.safe_text import is_unicode, safe_line
from ..rules.shortage import shortage_of
from ..runtime.frames import LONGEST_FROM_HOST, FrameError, FrameReader, frame
from ..session.errors import SessionInUseError, TaskSystemError
from ..session.folder_errors import FolderError, check_path, unusable
from ..session.names import working_directory
from . import wire
from .address import connect
from .keeper.arguments import put_on_stdin
from .launch import (
    KEEPER,
    LOG_NAME,
    PAUSE,
    TIMEOUT,
    LaunchError,
    is_kept,
    launch,
    starting,
)
from .waited_for import waited_for
from .wire import BadMessageError, Farewell, Hello, Rejected, RestartHost, Welcome

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from threading import Event

    from .settings import HostSettings

_IN_USE: Final = 1.0
"""Seconds for another program to close the session."""

_KEPT: Final = 10.0
"""Seconds for a keeper to restart its host, for a client that starts none."""

_NO_HOST: Final = frozenset(
    {errno.ENOENT, errno.ECONNREFUSED, errno.ECONNRESET, errno.EPIPE}
)


class HostError(TaskSystemError):
    """The host of a session can't be reached; the text says why and what to do."""


class OtherProtocolError(HostError):
    """The host speaks another protocol: it has another version of the program."""

    def __init__(self, text: str, pid: int) -> None:
        super().__init__(text)
        self.pid = pid


class NoHostError(HostError):
    """The session has no host, and the caller did not want to start one."""


class Reached(Record, frozen=True):
    """A host that has welcomed this client.

    Attributes:
        sock: Connected, in blocking mode.
        welcome: The host's description of itself.
        frames: Reads further messages; may have buffered some already.
        started: Whether the host was started by this call.
    """

    sock: socket.socket
    welcome: Welcome
    frames: FrameReader
    started: bool = False


def reach(
    settings: HostSettings,
    *,
    start: bool = True,
    on_wait: Callable[[str], None] | None = None,
    leaving: Event | None = None,
) -> Reached:
    """Connect to the host of a session; blocks until it has welcomed this client.

    Args:
        settings: The session, and the settings for a host that is started.
        start: Whether to start a host if there is none.
        on_wait: Called with the reason if a start takes longer than usual.
        leaving: Set by another thread to prevent the start of a host.

    Raises:
        NoHostError: If there is none, and `start` is false.
        SessionInUseError: If another program has the session open without a host.
        HostError: If the host does not serve this client, or can't be started.
    """
    deadline = time.monotonic() + TIMEOUT + settings.grace
    kept_until = time.monotonic() + _KEPT
    directory = Path(settings.directory)
    while True:
        found = _greet(directory)
        if isinstance(found, Reached):
            return found
        if found is None:
            if not start and is_kept(directory) and time.monotonic() < kept_until:
                time.sleep(PAUSE)  # it is restarted, or its keeper ends
                continue
            if not start:
                raise NoHostError(
                    f"session {settings.name!r} has no host;"
                    " `backburner host start` starts one"
                )
            return _start(settings, directory, on_wait, leaving)
        if time.monotonic() > deadline:
            raise HostError(found.text)
        time.sleep(PAUSE)  # the session is being ended


def greet(directory: Path) -> Reached:
    """Connect to a host that should exist.

    Raises:
        NoHostError: If there is none.
        HostError: If it does not serve this client.
    """
    found = _greet(directory)
    if isinstance(found, Rejected):
        raise HostError(found.text)
    if found is None:
        raise NoHostError(f"no host serves {directory}")
    return found


def restart(settings: HostSettings) -> Reached:
    """Replace the host with one of the installed version; jobs keep running.

    Blocks until the new host has welcomed this client.

    Raises:
        NoHostError: If the session has no host.
        HostError: If a new host could not start; then the old one keeps running.
    """
    directory = Path(settings.directory)
    given = msgspec.json.encode(settings).decode()
    if (sock := _connect(directory)) is None:
        raise NoHostError(f"session {settings.name!r} has no host")
    with sock:
        sock.settimeout(2 * TIMEOUT)
        frames = FrameReader(LONGEST_FROM_HOST)
        try:
            sock.sendall(frame(wire.encode(RestartHost(given))))
            while data := sock.recv(1 << 16):
                for payload in frames.feed(data):
                    answer = wire.decode_from_host(payload)
                    if isinstance(answer, Rejected | Farewell):
                        raise HostError(answer.text)
        except ConnectionError:
            pass  # it has ended
        except (TimeoutError, FrameError, BadMessageError) as error:
            raise HostError(f"the host in {directory} does not answer") from error
    return reach(settings)


def run_in_foreground(settings: HostSettings) -> NoReturn:
    """Become the host of a session, for a supervisor such as systemd; never returns.

    The host does not end when it is idle, because the supervisor decides that. Errors
    are reported on stderr, with exit status 1.

    Raises:
        OSError: If the program can't be started.
    """
    directory = Path(settings.directory)
    with contextlib.suppress(FolderError, OSError):  # the host reports the problem
        # The folder contains the keeper's lock.
        check_path(directory)
        os.close(open_folder(directory))
    put_on_stdin(msgspec.json.encode(replace(settings, linger=0.0)))
    command = [*KEEPER, f"--dir={settings.directory}", "--foreground"]
    os.execv(command[0], command)  # noqa: S606 - no shell is wanted


def _connect(directory: Path) -> socket.socket | None:
    """Return a connection; None if no host listens."""
    try:
        return connect(directory)
    except OSError as error:
        if error.errno in _NO_HOST:
            return None
        raise HostError(
            f"can't connect to the host in {directory}:"
            f" {shortage_of(error) or error.strerror}"
        ) from error


def _greet(directory: Path) -> Reached | Rejected | None:
    """Return a connection, a temporary rejection, or None if no host listens."""
    if (sock := _connect(directory)) is None:
        return None
    try:
        sock.settimeout(TIMEOUT)
        frames = FrameReader(LONGEST_FROM_HOST)
        answer = _ask(sock, frames)
        if isinstance(answer, Welcome):
            sock.settimeout(None)
            return Reached(sock, answer, frames)
    except TimeoutError as error:
        sock.close()
        text = f"the host in {directory} does not answer: {waited_for(directory)}"
        raise HostError(text) from error
    except (FrameError, BadMessageError) as error:
        sock.close()
        raise HostError(f"no valid host listens in {directory}: {error}") from error
    except OSError:
        answer = None
    except BaseException:
        sock.close()
        raise
    sock.close()
    if isinstance(answer, Rejected) and not answer.ending:
        if answer.protocol != wire.PROTOCOL:
            raise OtherProtocolError(answer.text, answer.pid)
        raise HostError(answer.text)
    return answer


def _ask(sock: socket.socket, frames: FrameReader) -> Welcome | Rejected | None:
    directory = working_directory()
    hello = Hello(
        wire.PROTOCOL,
        "backburner",
        os.getpid(),
        directory if directory and is_unicode(directory) else None,
        wire.pack_environment(os.environ),
    )
    sock.sendall(frame(wire.encode(hello)))
    while data := sock.recv(1 << 16):
        for payload in frames.feed(data):
            answer = wire.decode_from_host(payload)
            if isinstance(answer, Welcome | Rejected):
                return answer
            if isinstance(answer, Farewell):
                return None
    return None


def _start(
    settings: HostSettings,
    directory: Path,
    on_wait: Callable[[str], None] | None,
    leaving: Event | None,
) -> Reached:
    try:
        check_path(directory)
        # All files there, of this process and of the host, are private to this user.
        os.close(open_folder(directory))
        with starting(directory):
            return _start_locked(settings, directory, on_wait, leaving)
    except (FolderError, LaunchError) as error:
        raise HostError(safe_line(str(error))) from error
    except OSError as error:
        raise HostError(unusable(directory, error)) from error


def _start_locked(
    settings: HostSettings,
    directory: Path,
    on_wait: Callable[[str], None] | None,
    leaving: Event | None,
) -> Reached:
    started = False
    in_use: SessionInUseError | None = None
    in_use_until = time.monotonic() + _IN_USE
    deadline = time.monotonic() + TIMEOUT
    # Another program may have started one meanwhile.
    while not isinstance(found := _greet(directory), Reached):
        if not started and is_kept(directory):
            # Its keeper restarts it, or ends in a moment.
            if time.monotonic() > deadline:
                raise HostError(
                    f"the host of session {settings.name!r} can't be started again:"
                    f" {waited_for(directory)}; see {directory / LOG_NAME}"
                )
        elif not started:
            if leaving is not None and leaving.is_set():
                raise NoHostError(f"session {settings.name!r} has no host")
            if in_use is not None and time.monotonic() > in_use_until:
                raise in_use
            try:
                launch(directory, lambda: msgspec.json.encode(settings), on_wait)
                started = True
                continue
            except LaunchError as error:
                if not error.in_use:
                    raise
                # A host that is ending has the session open until its process ends.
                in_use = SessionInUseError(safe_line(str(error)))
        elif time.monotonic() > deadline:
            raise HostError("the host that was started is gone")
        time.sleep(PAUSE)
    return msgspec.structs.replace(found, started=started)
