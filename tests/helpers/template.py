"""The program in processes forked from one that has loaded it.

Starting Python and loading the program takes most of the time of a test that needs a
process; a fork takes a few milliseconds. A forked process has the arguments, the
environment, the directory, the umask, the descriptors, the terminal and the locale that
of the request, and shows them in /proc; a host that it starts is forked as well. With
other variables for Python or the loader, or without UTF-8, the program is started.
Tests of a start, of memory, and of loaded modules start it too.

A test's own program (`python -c`) can be forked like that as well.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import faulthandler
import fcntl
import functools
import gc
import inspect
import io
import itertools
import json
import locale
import os
import pkgutil
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, get_args

import msgspec
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NUMBER: Final = struct.Struct("i")
_ROOM: Final = 32 << 10  # bytes for an environment; that of a job is little larger
_ROOM_FOR_ARGUMENTS: Final = 4 << 10
_MOST_DESCRIPTORS: Final = 16
_LOADED: Final = (
    "backburner.actors.host.__main__",
    "backburner.actors.host.keeper.main",
    "backburner.actors.host.launch",
    "backburner.actors.processes.spawn",
    "backburner.actors.session.closed",
    "blessed",
    "cronsim",
    "difflib",
    "importlib.metadata",
    "jinxed.terminfo.xterm_256color",
    "tomllib",
)
"""Modules loaded in addition to the user interface, including those it loads late."""

_Stream: TypeAlias = "int | IO[Any] | None"

_PROGRAMS: Final = (
    [sys.executable, "-m", "backburner"],
    [sys.executable, "-P", "-m", "backburner"],
    [f"{os.path.dirname(sys.executable)}/backburner"],  # noqa: PTH120
)
_UI: Final = "backburner.ui."
# Python keeps the syntax tree of a script until its end, and each fork would free it.
_MAIN: Final = f"""\
import sys
sys.path[:1] = [{str(Path(__file__).resolve().parent)!r}]
import template
template.main()
"""
_HARMLESS: Final = {"PYTHONDONTWRITEBYTECODE", "PYTHONFAULTHANDLER"}
_AT_FIRST: Final = {**os.environ}  # before a test changes it
_AS_BYTES: Final = ("C.UTF-8", "C.utf8", "UTF-8")  # taken by Python for the C locale


class Template:
    """A process that has loaded the program, and forks for each start.

    The process is no child of the tests, as some tests look for children.

    Args:
        loaded: Modules of the tests to load as well.
        environ: More variables of its environment.
    """

    def __init__(
        self, loaded: Sequence[str] = (), environ: Mapping[str, str] | None = None
    ) -> None:
        self._address = f"\0backburner-template-{os.getpid()}-{next(_numbers)}"
        ours, theirs = socket.socketpair()
        with theirs:
            subprocess.run(
                [
                    *(sys.executable, "-c", _MAIN),
                    *(str(theirs.fileno()), self._address[1:], *loaded),
                    "." * _ROOM_FOR_ARGUMENTS,
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**_AT_FIRST, **(environ or {}), "TEMPLATE_ROOM": "." * _ROOM},
                timeout=PATIENCE,
                check=True,
            )
        with ours:
            ours.settimeout(PATIENCE)
            if not ours.recv(1):
                raise RuntimeError("the template of the program did not start")
            self._alive = ours.detach()  # the template ends when this is closed

    def fork(  # noqa: PLR0913 - what a process is started with
        self,
        arguments: Sequence[str],
        environ: Mapping[str, str],
        files: Mapping[int, int],
        *,
        cwd: Path | None = None,
        terminal: bool = False,
        user: int | None = None,
    ) -> Forked:
        """Run a program in a fork.

        Args:
            arguments: The command that would start it.
            environ: Its whole environment.
            files: Its descriptors, with those of this process.
            cwd: Its directory; by default that of this process.
            terminal: Whether it leads a session, with its standard input as terminal.
            user: Who it runs as, with a group of the same number; the user of this
                process if not given.
        """
        return _fork(
            self._address,
            arguments,
            environ,
            files,
            cwd=cwd,
            session=terminal,
            terminal=terminal,
            user=user,
        )

    def popen(self, arguments: Sequence[str], **options: Any) -> Forked:  # noqa: ANN401
        """Run a program in a fork.

        Args:
            arguments: As for `fork`.
            how: Some arguments of `subprocess.Popen`: the standard streams, `env`,
                `cwd`, `pass_fds` and `start_new_session`.
        """
        return _popen(self._address, arguments, **options)

    def for_hosts(self) -> Any:  # noqa: ANN401 - stands for a module
        """Return a replacement of `os` that forks hosts instead of starting them."""
        return _Like(os, posix_spawn=_spawner(self._address))

    def opener(self) -> Callable[..., Any]:
        """Return what is `subprocess.Popen` where own programs are to be forked.

        Those are `python -c`.
        """
        return _opener(self._address, own=True)


_numbers = itertools.count()


@functools.cache
def template(*loaded: str) -> Template:
    """Return a template of this process, which ends with it.

    Args:
        loaded: As for a `Template`.
    """
    return Template(loaded)


def popen(
    arguments: Sequence[str],
    **options: Any,  # noqa: ANN401
) -> subprocess.Popen[bytes] | Forked:
    """Run a program like `subprocess.Popen`, in a fork if that makes no difference."""
    if can_fork(arguments, options.get("env") or os.environ):
        return template().popen(arguments, **options)
    started: Any = subprocess.Popen(arguments, **options)
    return started


class Forked:
    """A forked process with the interface of `subprocess.Popen`."""

    def __init__(self, sock: socket.socket) -> None:
        with sock:
            sock.settimeout(PATIENCE)
            data, fds, *_ = socket.recv_fds(sock, _NUMBER.size, 1)
            if not fds:
                raise RuntimeError("the template of the program has ended")
            sock.settimeout(None)
            # Numbers, because an unclosed socket would cause a warning.
            (self._pidfd,), self._status = fds, sock.detach()
        self.pid: int = _NUMBER.unpack(data)[0]
        self._reading = threading.Lock()
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None

    def __del__(self) -> None:
        for fd in (self._pidfd, self._status):
            os.close(fd)

    def poll(self) -> int | None:
        """Return the exit status, or None while it runs."""
        # Two threads may wait; only one of them reads the status.
        with self._reading:
            if self.returncode is None and select.select([self._status], [], [], 0)[0]:
                data = os.read(self._status, _NUMBER.size)
                self.returncode = _NUMBER.unpack(data)[0]
            return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Block until it has ended; return the exit status."""
        if self.returncode is None:
            select.select([self._status], [], [], timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("backburner", timeout or 0.0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


def can_fork(
    arguments: Sequence[str], environ: Mapping[str, str], *, own: bool = False
) -> bool:
    """Return whether a fork would behave like a start.

    Args:
        arguments: The command that would start it.
        environ: Its whole environment.
        own: Whether a program of a test (`python -c`) can be forked.
    """
    is_known = _words(arguments) is not None or (
        own and [*arguments[:2]] == [sys.executable, "-c"]
    )
    return is_known and _is_same(arguments, environ)


def _is_same(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
    text = next(filter(None, map(environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "")
    return (
        "UTF-8" in text.upper().replace("UTF8", "UTF-8")
        and all(
            name in _HARMLESS or _AT_FIRST.get(name) == environ.get(name)
            for name in _AT_FIRST.keys() | environ.keys()
            if name.startswith(("PYTHON", "LD_"))
        )
        and len(_block([f"{k}={v}" for k, v in environ.items()])) < _ROOM
        and len(_block(arguments)) < _ROOM_FOR_ARGUMENTS
    )


def _words(arguments: Sequence[str]) -> list[str] | None:
    """Return the program's arguments, or None for another program."""
    for start in _PROGRAMS:
        if [*map(str, arguments[: len(start)])] == start:
            return [*map(str, arguments[len(start) :])]
    return None


def _fork(  # noqa: PLR0913 - what a process is started with
    address: str,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    files: Mapping[int, int],
    *,
    cwd: Path | None = None,
    session: bool = False,
    terminal: bool = False,
    user: int | None = None,
) -> Forked:
    status = Path("/proc/self/status").read_text()
    asked = {
        "arguments": [*map(str, arguments)],
        "environ": {**environ},
        "files": [*files],
        "cwd": str(cwd or os.getcwd()),  # noqa: PTH109
        "umask": int(status.partition("Umask:")[2].split()[0], 8),
        "session": session,
        "terminal": terminal,
        "user": os.geteuid() if user is None else user,
    }
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(address)
    with os.fdopen(os.memfd_create("request"), "w+b", buffering=0) as request:
        request.write(json.dumps(asked).encode())
        socket.send_fds(sock, [b"!"], [request.fileno(), *files.values()])
    return Forked(sock)


def _popen(  # noqa: PLR0913 - as `subprocess.Popen`
    address: str,
    arguments: Sequence[str],
    *,
    stdin: _Stream = None,
    stdout: _Stream = None,
    stderr: _Stream = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
    start_new_session: bool = False,
) -> Forked:
    files = {fd: fd for fd in pass_fds}
    ours: list[IO[bytes] | None] = []
    with contextlib.ExitStack() as theirs:
        for fd, given in enumerate((stdin, stdout, stderr)):
            pipe = None
            if given == subprocess.PIPE:
                read, write = os.pipe()
                files[fd], end = (write, read) if fd else (read, write)
                theirs.callback(os.close, files[fd])
                pipe = os.fdopen(end, "rb" if fd else "wb")
            elif given == subprocess.DEVNULL:
                files[fd] = os.open(os.devnull, os.O_RDWR)
                theirs.callback(os.close, files[fd])
            elif given is None:
                files[fd] = fd
            else:
                files[fd] = given if isinstance(given, int) else given.fileno()
            ours.append(pipe)
        environ = os.environ if env is None else env
        process = _fork(
            address, arguments, environ, files, cwd=cwd, session=start_new_session
        )
    process.stdin, process.stdout, process.stderr = ours
    return process


# In the template


def _serve(listener: socket.socket, alive: socket.socket, address: str) -> None:
    """Fork for each request; return in the fork."""
    running: dict[int, tuple[int, socket.socket]] = {}
    while True:
        ready, _, _ = select.select([listener, alive, *running], [], [])
        if alive in ready:
            os._exit(0)
        for pidfd in [it for it in ready if isinstance(it, int)]:
            pid, sock = running.pop(pidfd)
            os.close(pidfd)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with sock, contextlib.suppress(OSError):
                sock.sendall(_NUMBER.pack(status))
        if listener not in ready:
            continue
        sock, _ = listener.accept()
        data, fds, *_ = socket.recv_fds(sock, 1, _MOST_DESCRIPTORS)
        if not data:
            sock.close()
            continue
        if (pid := os.fork()) == 0:
            for it in (listener, alive, sock, *(one for _, one in running.values())):
                it.close()
            for pidfd in running:
                os.close(pidfd)
            _become(fds, address)
            return
        for fd in fds:
            os.close(fd)
        pidfd = os.pidfd_open(pid)
        running[pidfd] = pid, sock
        with contextlib.suppress(OSError):
            socket.send_fds(sock, [_NUMBER.pack(pid)], [pidfd])


def _become(fds: Sequence[int], address: str) -> None:
    """Take over the properties of the requested process."""
    request, *given = fds
    asked = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    os.close(request)
    above = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 256) for fd in given]
    for fd in given:
        os.close(fd)
    for wanted, fd in zip(asked["files"], above, strict=True):
        os.dup2(fd, wanted)
        os.close(fd)
    os.umask(asked["umask"])
    if asked["session"]:
        os.setsid()
    if asked["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(asked["cwd"])
    if (user := asked["user"]) != os.geteuid():
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)
    for name in os.environ.keys() - asked["environ"].keys():
        del os.environ[name]
    for name, value in asked["environ"].items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    _show(asked["arguments"])
    _open_streams()
    time.tzset()
    if "PYTHONFAULTHANDLER" in os.environ:
        faulthandler.enable()
    launch: Any = import_module("backburner.actors.host.launch")
    launch.os = _Like(os, posix_spawn=_spawner(address))
    keeper: Any = import_module("backburner.actors.host.keeper.host_keeper")
    keeper.os = _Like(os, execv=_exec)
    # A keeper detaches from its starter: the fork has done that.
    begin: Any = import_module("backburner.actors.host.keeper.main")
    begin.os = _Like(os, fork=lambda: 0)
    start: Any = import_module("backburner.ui.agents.host_start")
    start.subprocess = _Like(subprocess, Popen=_opener(address))
    if asked["arguments"][1:2] == ["-c"]:
        own: Any = subprocess
        own.Popen = _opener(address, own=True)


def _block(texts: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(text) + b"\0" for text in texts)


def _show(arguments: Sequence[str]) -> None:
    """Show arguments and environment in /proc, as a started program would."""
    sys.orig_argv[:] = arguments
    fields = Path("/proc/self/stat").read_bytes().rpartition(b") ")[2].split()
    places = [int(it) for it in fields[45:49]]
    for start, end, texts in (
        (*places[:2], arguments),
        (*places[2:], [f"{name}={value}" for name, value in os.environ.items()]),
    ):
        block = _block(texts).ljust(end - start, b"\0")
        ctypes.memmove(start, block, end - start)


def _open_streams() -> None:
    """Open the standard streams as Python does."""
    name = locale.setlocale(locale.LC_CTYPE, "")
    errors = "surrogateescape" if name in _AS_BYTES else "strict"
    for number, stream, mode in ((0, "stdin", "r"), (1, "stdout", "w")):
        opened = None
        with contextlib.suppress(OSError):
            opened = open(  # noqa: SIM115
                number, mode, encoding="utf-8", errors=errors, closefd=False
            )
        setattr(sys, stream, opened)
    sys.stderr = None
    with contextlib.suppress(OSError):
        sys.stderr = open(  # noqa: SIM115
            2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False
        )


class _Like:
    """A module with some functions replaced."""

    def __init__(self, module: ModuleType, **others: Callable[..., Any]) -> None:
        self._module = module
        self.__dict__.update(others)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - anything
        return getattr(self._module, name)


def _spawner(address: str) -> Callable[..., int]:
    """Return a replacement of `os.posix_spawn` that forks a keeper."""

    def spawn(
        path: str,
        argv: tuple[str, ...],
        env: Mapping[str, str],
        *,
        file_actions: Sequence[tuple[int, int, int]],
        setsid: bool,
    ) -> int:
        if not _is_same(argv, env):
            return os.posix_spawn(
                path, argv, env, file_actions=file_actions, setsid=setsid
            )
        files = {new: old for _, old, new in file_actions}
        return _fork(address, argv, env, files, session=setsid).pid

    return spawn


def _opener(address: str, *, own: bool = False) -> Callable[..., Any]:
    """Return a replacement of `subprocess.Popen` that forks where possible."""
    start = subprocess.Popen  # the attribute may be replaced later

    def open_(command: list[str], **options: Any) -> Any:  # noqa: ANN401 - as `Popen`
        is_known = options.keys() <= inspect.signature(_popen).parameters.keys()
        if is_known and can_fork(command, options.get("env") or os.environ, own=own):
            return _popen(address, command, **options)
        return start(command, **options)

    return open_


def _exec(path: str, command: list[str]) -> NoReturn:
    """Replace `os.execv`: become a host if the keeper starts one."""
    if [*command[1:4]] != ["-P", "-m", "backburner.actors.host"]:
        os.execv(path, command)  # noqa: S606
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            if not os.get_inheritable(int(name)):
                os.close(int(name))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as Python does
    _ends[0] = 1
    try:
        _show(command)
        _open_streams()
        sys.argv[1:] = command[4:]
        gc.disable()
        host: Any = import_module("backburner.actors.host.__main__")
        _ends[0] = host.main(sys.argv[1:])
    except SystemExit as error:
        _ends[0] = error.code if isinstance(error.code, int) else 1
    except BaseException as error:  # noqa: BLE001 - as at the end of a program
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        for module, function in (
            ("threading", "_shutdown"),
            ("atexit", "_run_exitfuncs"),
        ):
            getattr(import_module(module), function)()
        _leave()


_ends = [1]
"""The exit status of this process."""


def _leave() -> NoReturn:
    """Exit after the usual steps of an exit.

    Cleaning up all modules would take longer than most verbs.
    """
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.flush()
    os._exit(_ends[0])


def _run() -> int:
    """Run the program named by the arguments."""
    arguments = sys.orig_argv
    if arguments[1] == "-c":
        sys.argv[:] = ["-c", *arguments[3:]]
        sys.path.insert(0, "")
        sys.modules["__main__"] = own = ModuleType("__main__")
        exec(compile(arguments[2], "<string>", "exec"), vars(own))  # noqa: S102
        return 0
    if (words := _words(arguments)) is not None:
        sys.argv[:] = [arguments[0], *words]
        return import_module("backburner.ui.start").main()
    sys.argv[:] = arguments[3:]
    return import_module("backburner.actors.host.keeper.main").main(sys.argv[1:])


def _prepare() -> None:
    """Create slow objects that each process creates once.

    These are decoders of messages, checks of their fields, and regular expressions;
    Python caches the last. None depends on the user or the environment.
    """
    wire: Any = import_module("backburner.actors.host.wire")
    wire.decoder_to_host(int)
    wire.decode_from_host(b'{"type":"Farewell","text":""}')
    rows: Any = import_module("backburner.actors.journal.rows")
    folder: Any = import_module("backburner.actors.session.folder")
    host: Any = import_module("backburner.actors.host.settings")
    for kind in (rows.Meta, rows.ProcessRow, folder.Owner, host.HostSettings):
        msgspec.json.Decoder(kind)
    # The constructors check their settings and do nothing else before the start.
    import_module("backburner.actors.system").TaskSystem()
    remote: Any = import_module("backburner.actors.host.remote")
    remote.RemoteSystem(host.HostSettings(directory="/"))
    types: Any = import_module("backburner.actors.rules.field_types")
    for kind in get_args(wire.QueueRequest):
        types._shape_of(kind)
    schema: Any = import_module("backburner.actors.journal.schema")
    schema._schema(len(schema.MIGRATIONS))
    parser: Any = import_module("backburner.ui.cli.parser")
    parser.make_parser("add").parse_args(["true"])
    for module, function, text in (
        ("amounts", "parse_memory", "1M"),
        ("durations", "parse_duration", "1s"),
    ):
        getattr(import_module(f"backburner.actors.rules.{module}"), function)(text)
    blessed: Any = import_module("blessed")
    blessed.Terminal("xterm-256color", io.StringIO(), force_styling=True)


def main() -> None:
    """Run the template, and then each of its forks."""
    helpers = sys.path.pop(0)
    alive = socket.socket(fileno=int(sys.argv[1]))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(f"\0{sys.argv[2]}")
    listener.listen(64)
    if os.fork():
        os._exit(0)
    os.setsid()
    for name in _LOADED:
        import_module(name)
    for it in pkgutil.walk_packages(import_module("backburner.ui").__path__, _UI):
        import_module(it.name)
    sys.path[:0] = [str(Path(helpers).parents[1]), helpers]
    for name in sys.argv[3:-1]:
        import_module(name)
    del sys.path[:2]
    _prepare()
    gc.freeze()
    alive.sendall(b"!")
    _serve(listener, alive, f"\0{sys.argv[2]}")
    atexit.register(_leave)
    try:
        _ends[0] = _run()
    except SystemExit as error:
        _ends[0] = error.code if isinstance(error.code, int) else 1
        raise
