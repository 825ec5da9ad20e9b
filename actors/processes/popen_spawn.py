"""Starting processes by `subprocess`, where the C library lacks what is needed."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Final

from .spawn_protocol import NOTHING, Ends, encoded, locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .environment import Environment

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
                [*before, *encoded(argv)],
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
    locate(program, environment.get("PATH", os.defpath))  # else it would be Python's
    reset = [os.fsencode(sys.executable), b"-ISc", _RESET.encode()]
    return [*reset, os.fsencode(terminal)]
