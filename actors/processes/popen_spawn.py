"""Starts processes with `subprocess`, where the C library lacks functions."""

from __future__ import annotations

import functools
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final

from .spawn_protocol import NOTHING, Ends, encoded, locate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .environment import Environment

_NO_INPUT: Final = -3  # `subprocess.DEVNULL`


class PopenSpawn:
    """Starts processes with `subprocess`; see `Spawn`."""

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
        start = functools.partial(
            self._start,
            stdin=_NO_INPUT if ends.stdin < 0 else ends.stdin,
            stdout=output,
            stderr=output,
            env=environment.variables,
            cwd=directory,
            start_new_session=True,
        )
        if not (ends.terminal or _is_any_signal_off()) or not sys.executable:
            return start(encoded(argv))
        # Otherwise the error would be that of Python.
        locate(argv[0], environment.get("PATH", os.defpath))
        heard, told = os.pipe()
        with os.fdopen(heard, "rb") as failure:
            try:
                words = [sys.executable, "-ISc", _RESET, str(told), ends.terminal]
                pid = start(encoded([*words, *argv]), pass_fds=(told,))
            except OSError as error:
                if error.filename == sys.executable:
                    error.filename = argv[0]
                raise
            finally:
                os.close(told)
            number = int(failure.read() or 0)
        if number:
            os.waitpid(pid, 0)
            raise OSError(number, os.strerror(number), argv[0])
        return pid

    def _start(self, argv: list[bytes], **options: Any) -> int:  # noqa: ANN401 - Popen's
        try:
            process = self._open(argv, **options)
        except OSError as error:
            if isinstance(error.filename, bytes):
                error.filename = os.fsdecode(error.filename)
            raise
        # Without a return code, `subprocess` would reap it when it starts another
        # process.
        process.returncode = 0
        return process.pid


_RESET: Final = """
import os, signal, sys
told, terminal, *words = sys.argv[1:]
os.set_inheritable(int(told), False)
try:
    if terminal:
        fd = os.open(terminal, os.O_RDWR)
        for stream in range(3):
            os.dup2(fd, stream)
        os.close(fd)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execvp(os.fsencode(words[0]), [os.fsencode(word) for word in words])
except OSError as error:
    os.write(int(told), b"%d" % error.errno)
    os._exit(127)
"""
"""Sets what `subprocess` can't: a controlling terminal, and the default for signals
that the parent blocks or ignores. It costs another start of Python."""


def _is_any_signal_off() -> bool:
    """Return whether this thread blocks a signal, or this process ignores one."""
    own = {signal.SIGPIPE, signal.SIGXFSZ}  # `subprocess` restores these
    return bool(signal.pthread_sigmask(signal.SIG_BLOCK, ())) or any(
        signal.getsignal(number) is signal.SIG_IGN
        for number in signal.valid_signals() - own
    )
