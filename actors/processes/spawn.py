"""Starting a process in a session of its own, its output in a file.

`subprocess` and `os.posix_spawn` hold the interpreter's lock until the new process has
loaded its program. On a busy machine that takes milliseconds, in which no actor of this
process can do anything. The C library's `posix_spawn`, called by way of `ctypes`, holds
up nobody but the caller. Where the library lacks what is needed (glibc has it since
2.34), `subprocess` does the work.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import functools
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from ..own_files import open_own
from ..rules.shortage import WAITS_FOR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .bounds import Bounds
    from .channel import Channel
    from .environment import Environment

_OUTPUT_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
_OUTPUT_MODE: Final = 0o600
_SETSIGDEF: Final = 0x04  # of spawn.h, in glibc
_SETSIGMASK: Final = 0x08
_SETSID: Final = 0x80
_ROOM: Final = 1024  # bytes; more than any of the C library's own structures needs
_POINTER: Final = ctypes.sizeof(ctypes.c_char_p)
_NULL: Final = "embedded null byte"
# What is typed is read as UTF-8 in every locale; so it is passed on as that.
_CODING: Final = ("utf-8", "surrogateescape")


class Ends(NamedTuple):
    """What a process has in place of an empty input.

    Attributes:
        stdin: The descriptor of what it reads from, above the standard streams; -1 for
            none.
        terminal: The path of a terminal that it controls, in place of all three
            standard streams; empty for none.
    """

    stdin: int = -1
    terminal: str = ""


NOTHING: Final = Ends()
"""An empty input."""

_Memory = ctypes.Array[ctypes.c_char]
_Strings = ctypes.Array[ctypes.c_char_p]


class Spawn(Protocol):
    """A way to start a process.

    Attributes:
        makes_output: Whether the new process itself makes its output file. Then there
            is one only if there has been such a process.
    """

    makes_output: bool

    def __call__(
        self,
        argv: Sequence[str],
        environment: Environment,
        output: int | str,
        directory: str | os.PathLike[str] | None,
        ends: Ends = NOTHING,
    ) -> int:
        """Start a process and return its id. Blocks until its program is loaded.

        It leads a session, and with that a process group, of its own. It inherits
        no other file. No signal is blocked or ignored, even if this process or the
        calling thread blocks or ignores some. Nothing but the caller collects it.

        Args:
            argv: Program and arguments, passed on in UTF-8; the program is found on
                the PATH of `environment`.
            environment: All its environment variables.
            output: The descriptor of an open file that takes stdout and stderr; or the
                path of one that does not exist yet, if `makes_output`.
            directory: Where it starts; none for the current directory.
            ends: What it has in place of an empty input.

        Raises:
            OSError: If the output file can't be written or the program can't be
                started; `filename` says which.
            ValueError: If an argument contains a null character.
        """
        ...


_NO_INPUT: Final = -3  # `subprocess.DEVNULL`


class PopenSpawn:
    """Starts processes by `subprocess`; see `Spawn`."""

    makes_output = False

    def __init__(self) -> None:
        import subprocess  # noqa: PLC0415 - most systems need none of it

        self._open = subprocess.Popen[bytes]

    def __call__(
        self,
        argv: Sequence[str],
        environment: Environment,
        output: int | str,
        directory: str | os.PathLike[str] | None,
        ends: Ends = NOTHING,
    ) -> int:
        """Start a process; see `Spawn`."""
        if not isinstance(output, int):
            raise TypeError("the output file must be open")
        before = _signals_reset(argv[0], environment, ends.terminal)
        try:
            process = self._open(
                [*before, *_encoded(argv)],
                stdin=_NO_INPUT if ends.stdin < 0 else ends.stdin,
                stdout=output,
                stderr=output,
                env=environment.variables,
                cwd=directory,
                start_new_session=True,
            )
        except OSError as error:
            if isinstance(error.filename, bytes):
                error.filename = os.fsdecode(error.filename)
            raise
        # Without one, `subprocess` would collect it as soon as another process starts.
        process.returncode = 0
        return process.pid


_RESET: Final = """
import os, signal, sys
if sys.argv[1]:
    fd = os.open(sys.argv[1], os.O_RDWR)
    for stream in range(3):
        os.dup2(fd, stream)
    os.close(fd)
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_SETMASK, ())
os.execvp(os.fsencode(sys.argv[2]), [os.fsencode(word) for word in sys.argv[2:]])
"""
"""What `subprocess` can't do: give a program a terminal that it controls, and the
signals that its parent blocks."""


def _signals_reset(
    program: str, environment: Environment, terminal: str
) -> list[bytes]:
    """Return what to write before a command so that it starts with all signals.

    And on its terminal, if it is to have one.

    Nothing, nearly always: it takes another start of Python.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    own = {signal.SIGPIPE, signal.SIGXFSZ}  # Python's, which `subprocess` restores
    ignored = [
        number
        for number in signal.valid_signals() - own
        if signal.getsignal(number) is signal.SIG_IGN
    ]
    if not (blocked or ignored or terminal) or not sys.executable:
        return []
    _locate(program, environment.get("PATH", os.defpath))  # else it would be Python's
    reset = [os.fsencode(sys.executable), b"-ISc", _RESET.encode()]
    return [*reset, os.fsencode(terminal)]


class PosixSpawn:
    """Starts processes by the C library's `posix_spawn`; see `Spawn`.

    Raises:
        AttributeError: If the C library lacks something that is needed.
    """

    makes_output = True

    def __init__(self) -> None:
        if sys.platform != "linux":
            raise AttributeError("elsewhere the flags have other numbers")
        # The first kind of call gives up the interpreter's lock, the second keeps it.
        free, quick = ctypes.CDLL(None), ctypes.PyDLL(None)
        self._spawn = _declared(free.posix_spawn, 6)
        self._init = _declared(quick.posix_spawn_file_actions_init, 1)
        self._destroy = _declared(quick.posix_spawn_file_actions_destroy, 1)
        self._add_open = _declared(quick.posix_spawn_file_actions_addopen, 5)
        self._add_dup2 = _declared(quick.posix_spawn_file_actions_adddup2, 3)
        self._add_chdir = _declared(quick.posix_spawn_file_actions_addchdir_np, 2)
        self._close_from = _declared(quick.posix_spawn_file_actions_addclosefrom_np, 2)
        self._attributes = _attributes(quick)
        self._known = _SharedEntries(())

    def __call__(
        self,
        argv: Sequence[str],
        environment: Environment,
        output: int | str,
        directory: str | os.PathLike[str] | None,
        ends: Ends = NOTHING,
    ) -> int:
        """Start a process; see `Spawn`."""
        arguments = _strings(_encoded(argv))
        variables = self._variables(environment)
        places = environment.get("PATH", os.defpath)
        program = _locate(argv[0], places)
        actions = ctypes.create_string_buffer(_ROOM)
        _check(self._init(actions))
        try:
            if ends.terminal:
                # It leads a session that has none, so it gets this one.
                path = os.fsencode(ends.terminal)
                _check(self._add_open(actions, 0, path, os.O_RDWR, 0))
                _check(self._add_dup2(actions, 0, 1))
                _check(self._add_dup2(actions, 0, 2))
            else:
                if isinstance(output, int):
                    _check(self._add_dup2(actions, output, 1))
                else:
                    made = os.fsencode(output)
                    flags, mode = _OUTPUT_FLAGS, _OUTPUT_MODE
                    _check(self._add_open(actions, 1, made, flags, mode))
                _check(self._add_dup2(actions, 1, 2))
                # Last: without standard streams of its own a host has the output there.
                if ends.stdin < 0:
                    _check(self._add_open(actions, 0, b"/dev/null", os.O_RDONLY, 0))
                else:
                    _check(self._add_dup2(actions, ends.stdin, 0))
            if directory is not None:
                _check(self._add_chdir(actions, os.fsencode(directory)))
            _check(self._close_from(actions, 3))
            number, pid = self._start(program, actions, arguments, variables)
            if number in {errno.ENOENT, errno.EACCES}:
                # It may have moved since it was found.
                _locate.cache_clear()
                if not isinstance(output, int):
                    _remove(output)
                program = _locate(argv[0], places)
                number, pid = self._start(program, actions, arguments, variables)
        finally:
            self._destroy(actions)
        if number:
            if isinstance(output, str):
                _blame_output(number, output)
            _blame(number, argv[0], directory)
        return pid

    def _start(
        self, program: bytes, actions: _Memory, arguments: _Strings, variables: _Strings
    ) -> tuple[int, int]:
        """Return an error number, or 0 and the id of the new process."""
        pid = ctypes.c_int()
        number: int = self._spawn(
            ctypes.byref(pid), program, actions, self._attributes, arguments, variables
        )
        return number, pid.value

    def _variables(self, environment: Environment) -> _Strings:
        # Jobs differ in one variable of dozens.
        known = self._known
        if known.entries is not environment.shared_entries:
            known = self._known = _SharedEntries(environment.shared_entries)
        return known.plus(environment.own_entries())


class _SharedEntries:
    """Environment variables as C wants them, to which others can be added."""

    def __init__(self, entries: tuple[bytes, ...]) -> None:
        self.entries = entries
        self._strings = _strings(entries)

    def plus(self, more: list[bytes]) -> _Strings:
        """Return these and others; valid only as long as this object."""
        if b"\0" in b"".join(more):
            raise ValueError(_NULL)
        count = len(self.entries)
        strings = (ctypes.c_char_p * (count + len(more) + 1))()
        ctypes.memmove(strings, self._strings, count * _POINTER)
        strings[count : count + len(more)] = more
        return strings


def _declared(function: Any, arguments: int) -> Any:  # noqa: ANN401 - ctypes' own
    # Undeclared, a pointer would be passed as an int of half its size.
    function.argtypes = (ctypes.c_void_p,) * arguments
    return function


def _attributes(library: ctypes.PyDLL) -> ctypes.Array[ctypes.c_char]:
    attributes = ctypes.create_string_buffer(_ROOM)
    every, none = ctypes.create_string_buffer(_ROOM), ctypes.create_string_buffer(_ROOM)
    _check(library.posix_spawnattr_init(attributes))
    _check(library.sigfillset(every))
    _check(library.posix_spawnattr_setsigdefault(attributes, every))
    _check(library.sigemptyset(none))
    _check(library.posix_spawnattr_setsigmask(attributes, none))
    flags = ctypes.c_short(_SETSIGDEF | _SETSIGMASK | _SETSID)
    _check(library.posix_spawnattr_setflags(attributes, flags))
    return attributes


def _encoded(argv: Sequence[str]) -> list[bytes]:
    return [argument.encode(*_CODING) for argument in argv]


def _strings(texts: Sequence[bytes]) -> _Strings:
    if b"\0" in b"".join(texts):
        raise ValueError(_NULL)
    return (ctypes.c_char_p * (len(texts) + 1))(*texts)


def _check(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))


@functools.lru_cache(maxsize=64)
def _locate(program: str, path: str) -> bytes:
    """Find a program as shells do: once, and not again for every start.

    The C library would have each new process look through the folders of the PATH.
    """
    if "/" in program:
        return os.fsencode(program)
    for folder in path.split(os.pathsep) if path else ():
        found = os.path.join(folder, program)  # noqa: PTH118 - a text
        if os.access(found, os.X_OK) and not os.path.isdir(found):  # noqa: PTH112
            return os.fsencode(found)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _blame_output(number: int, output: str) -> None:
    """Raise if a start failed because its output file could not be made.

    The new process makes it first of all, and there was none.
    """
    if number == errno.EEXIST:
        raise FileExistsError(number, os.strerror(number), output)
    if not os.path.lexists(output) and number not in WAITS_FOR:
        raise OSError(number, os.strerror(number), output)
    _remove(output)


def refuse_existing(output: str | os.PathLike[str]) -> None:
    """Raise if something is in the place of an output file that is to be made.

    The start does so as well; this is for who must know before.

    Raises:
        FileExistsError: If there is something.
    """
    # What can't be looked at: the start says what is wrong.
    if os.access(output, os.F_OK, follow_symlinks=False):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(output))


def _remove(output: str) -> None:
    """Remove the output file of a process that ran no program: it is made again."""
    with contextlib.suppress(OSError):
        os.unlink(output)  # noqa: PTH108 - mostly a text


def _blame(number: int, program: str, directory: str | os.PathLike[str] | None) -> None:
    """Raise for a start that failed; the C library does not say on what."""
    if number in WAITS_FOR:
        raise OSError(number, os.strerror(number))
    if directory is not None:
        os.close(os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC))
    raise OSError(number, os.strerror(number), program)


@functools.cache
def best() -> Spawn:
    """Return the best way that this system has."""
    try:
        return PosixSpawn()
    except (AttributeError, OSError):
        return PopenSpawn()


def _open_existing(output: str | os.PathLike[str]) -> int | None:
    """Open the output file of an earlier attempt; None if there is none.

    Raises:
        OSError: If it can't be opened, or something else has taken its place.
    """
    try:
        return open_own(Path(output), os.O_WRONLY | os.O_APPEND)
    except FileNotFoundError:
        return None


def open_output(output: str | os.PathLike[str], *, goes_on: bool) -> tuple[int, bool]:
    """Open the file for a task's output, to append to it.

    Args:
        output: Where; made with mode 0600.
        goes_on: Whether it may be there, from an earlier attempt of the same task.

    Returns:
        Its descriptor, and whether it was there.

    Raises:
        OSError: If it can't be made, or is something else.
    """
    fd = _open_existing(output) if goes_on else None
    if fd is not None:
        return fd, True
    return os.open(output, _OUTPUT_FLAGS | os.O_CLOEXEC, _OUTPUT_MODE), False


def spawn(  # noqa: PLR0913 - each is one independent thing
    argv: Sequence[str],
    environment: Environment,
    output: str | os.PathLike[str],
    directory: str | os.PathLike[str] | None = None,
    *,
    goes_on: bool = False,
    channel: Channel | None = None,
) -> int:
    """Start a process in the best way.

    Args:
        argv: See `Spawn`.
        environment: The same.
        output: The file that takes stdout and stderr; made with mode 0600. What is
            there already is another task's, or nobody knows whose, and is left alone.
        directory: See `Spawn`.
        goes_on: Whether what is there is of the same task, which goes on in it.
        channel: What it reads from, and its terminal; by default its input is empty.

    Raises:
        OSError: If the output file can't be made or the program can't be started;
            `filename` says which.
        ValueError: If an argument contains a null character.
    """
    # First what may take a while: a task with an output file has been started, as far
    # as anybody knows who finds it after a kill.
    way = best()
    with contextlib.suppress(OSError, ValueError):
        _locate(argv[0], environment.get("PATH", os.defpath))
    if way.makes_output and channel is None and not goes_on:
        return way(argv, environment, os.fspath(output), directory)
    fd, exists = open_output(output, goes_on=goes_on)
    try:
        if channel is None:
            return way(argv, environment, fd, directory)
        if channel.terminal:
            channel.output = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
        ends = Ends(channel.stdin, channel.terminal)
        return way(argv, environment, fd, directory, ends)
    except BaseException:
        if not exists:
            _remove(os.fspath(output))
        raise
    finally:
        os.close(fd)


def spawn_within(  # noqa: PLR0913 - those of `spawn`, and the limits
    bounds: Bounds,
    argv: Sequence[str],
    environment: Environment,
    output: str | os.PathLike[str],
    directory: str | os.PathLike[str] | None = None,
    *,
    goes_on: bool = False,
    channel: Channel | None = None,
) -> int:
    """Start a process within its limits; see `spawn`.

    A shell sets them and becomes the program, which takes a millisecond longer.
    """
    try:
        _check_program(argv[0], environment)
        wrapped = bounds.wrapped(argv)
        with bounds.starting():
            return spawn(
                wrapped,
                environment,
                output,
                directory,
                goes_on=goes_on,
                channel=channel,
            )
    except BaseException:
        bounds.discard()
        raise


def _check_program(program: str, environment: Environment) -> None:
    """Make sure that a program is there that something else will start.

    Raises:
        OSError: If it is not found, or can't be run; `filename` is `program`.
    """
    path = os.fsdecode(_locate(program, environment.get("PATH", os.defpath)))
    if not os.access(path, os.X_OK):
        number = errno.EACCES if os.path.lexists(path) else errno.ENOENT
        raise OSError(number, os.strerror(number), program)
