"""The command line, in processes forked from one that has loaded it.

Starting Python and loading the program takes a tenth of a second, a fork a few
milliseconds. A test of what a verb says and does takes a fork; a test of a start, of a
signal or of a terminal starts the program.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, Self

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NUMBER: Final = struct.Struct("i")
_LOADED: Final = (
    "backburner.actors.session.closed",
    "backburner.ui.cli.lean_add",
    "backburner.ui.cli.run",
)


class ForkedProgram:
    """Runs `backburner` in forks of a process that has loaded it.

    That process is a child of nobody here: a test may look for children.
    """

    def __enter__(self) -> Self:
        self._sock, theirs = socket.socketpair()
        with theirs:
            subprocess.run(
                [sys.executable, "-P", __file__, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.path.dirname(__file__)},  # noqa: PTH120
                timeout=PATIENCE,
                check=True,
            )
        self._sock.settimeout(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def __call__(
        self, *arguments: str | Path, cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it, with the environment of this process, until it ends."""
        words = [*map(str, arguments)]
        asked = {"words": words, "environ": {**os.environ}, "cwd": str(cwd or "")}
        with contextlib.ExitStack() as files:
            request, out, err = (
                files.enter_context(os.fdopen(os.memfd_create(name), "w+b"))
                for name in ("request", "out", "err")
            )
            stdin = files.enter_context(open(os.devnull, "rb"))  # noqa: PTH123
            request.write(json.dumps(asked).encode())
            request.flush()
            fds = [it.fileno() for it in (request, stdin, out, err)]
            socket.send_fds(self._sock, [b"!"], fds)
            pid = self._number()
            try:
                status = self._number()
            except TimeoutError:
                os.kill(pid, signal.SIGKILL)
                self._number()
                raise subprocess.TimeoutExpired(words, PATIENCE) from None
            return subprocess.CompletedProcess(words, status, _text(out), _text(err))

    def _number(self) -> int:
        return int(_NUMBER.unpack(self._sock.recv(_NUMBER.size, socket.MSG_WAITALL))[0])


def _text(file: io.BufferedRandom) -> str:
    file.seek(0)
    with io.TextIOWrapper(file, "utf-8") as text:
        return text.read()


def _serve(sock: socket.socket) -> None:
    """Fork for each request; return in the fork, which is to run the program."""
    for name in _LOADED:
        import_module(name)
    while True:
        data, fds, *_ = socket.recv_fds(sock, 1, 4)
        if not data:
            os._exit(0)
        if (pid := os.fork()) == 0:
            sock.close()
            _become(fds)
            return
        for fd in fds:
            os.close(fd)
        sock.sendall(_NUMBER.pack(pid))
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        sock.sendall(_NUMBER.pack(status))


def _become(fds: Sequence[int]) -> None:
    """Be as a process that was just started with these standard streams."""
    request, *streams = fds
    asked = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    for fd in fds:
        os.close(fd)
    os.environ.clear()
    os.environ.update(asked["environ"])
    if asked["cwd"]:
        os.chdir(asked["cwd"])
    sys.argv[1:] = asked["words"]
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - what Python has there
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _leave(ends: Sequence[int]) -> None:
    """Leave after all that is to be done at an exit.

    To take all modules apart would take longer than most verbs.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(ends[-1])


if __name__ == "__main__":
    if os.fork():
        os._exit(0)
    os.setsid()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from backburner.ui.start import main

    ends = [1]
    atexit.register(_leave, ends)
    try:
        ends[0] = main()
    except SystemExit as error:
        ends[0] = error.code if isinstance(error.code, int) else ends[0]
        raise
