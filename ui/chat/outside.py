"""Run a program on the terminal in place of the chat: an editor, or a pager.

The functions must be called on the main thread, after the chat has left the terminal.
They block until the program exits.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ...actors.processes.output_file import open_output
from ...actors.rules.safe_text import brief
from ...actors.rules.shortage import shortage_of
from ..program.attach import attach
from ..program.background import Background
from ..program.surroundings import editor_command
from ..program.wakeup import ENDING_SIGNALS
from .model.messages import Edited

if TYPE_CHECKING:
    from collections.abc import Generator

    from ...actors import Task
    from ..program.lifetime import AnySystem
    from ..program.wakeup import Wakeup
    from ..terminal.terminal import Terminal

LONGEST: Final = 1 << 20
"""Maximum length of an edited text, in bytes."""

Outcome = tuple[Edited, "int | None"]
"""The new text or an error, and a signal that asked this program to end, if any."""

_KEPT: Final = "the draft is unchanged"


def edit(text: str, terminal: Terminal, wakeup: Wakeup) -> Outcome:
    """Edit a text with `$VISUAL` or `$EDITOR`.

    It is in a temporary file in a folder of its own that only the user can read.
    """
    try:
        program = editor_command()
    except ValueError as error:
        return Edited(problem=f"{error}; {_KEPT}"), None
    doing = "write the draft"
    try:
        with tempfile.TemporaryDirectory(
            prefix="backburner-", ignore_cleanup_errors=True
        ) as folder:
            path = Path(folder, "message.txt")
            path.touch(0o600)
            path.write_bytes(text.encode("utf-8", "surrogateescape"))
            doing = f"start {brief(program[0])}"
            return _edit_file(path, program, terminal, wakeup)
    except OSError as error:
        why = shortage_of(error) or error.strerror
        return Edited(problem=f"can't {doing}: {why}; {_KEPT}"), None


def view(path: str, terminal: Terminal, wakeup: Wakeup) -> Outcome:
    """Show a file with `$PAGER`, or `less -R`."""
    try:
        program = shlex.split(os.environ.get("PAGER") or "") or ["less", "-R"]
    except ValueError as error:
        return Edited(problem=f"PAGER can't be read: {error}"), None
    try:
        # Refuse links, which a pager would follow, and pipes, on which it would wait.
        os.close(open_output(Path(path)))
    except OSError as error:
        return Edited(problem=f"can't read the output: {error.strerror}"), None
    try:
        status, ended_by = _run([*program, path], terminal, wakeup)
    except OSError as error:
        remedy = shortage_of(error) or f"{error.strerror}; set PAGER"
        problem = f"can't start {brief(program[0])}: {remedy}"
        return Edited(problem=problem), None
    return Edited(problem=_ended(program[0], status) if status else ""), ended_by


def show_terminal(
    system: AnySystem, task: Task, terminal: Terminal, wakeup: Wakeup
) -> Outcome:
    """Show the terminal of a task, and send it the keys, until Ctrl+]."""
    try:
        fds = terminal.input_fd, terminal.output_fd
        end = attach(system, task, *fds, wakeup, apart=True)
    except (OSError, termios.error) as error:
        return Edited(problem=f"the terminal can't be shown: {error.args[-1]}"), None
    return Edited(), end.signal


def _edit_file(
    path: Path, program: list[str], terminal: Terminal, wakeup: Wakeup
) -> Outcome:
    status, ended_by = _run([*program, str(path)], terminal, wakeup)
    if ended_by is not None:
        return Edited(problem=_KEPT), ended_by
    if status:
        return Edited(problem=f"{_ended(program[0], status)}; {_KEPT}"), None
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
        if len(data) > LONGEST:
            problem = f"a message can't be longer than 1 MiB; {_KEPT}"
            return Edited(problem=problem), None
        return Edited(data.decode().replace("\r\n", "\n").removesuffix("\n")), None
    except UnicodeDecodeError:
        problem = f"{brief(program[0])} did not write valid UTF-8; {_KEPT}"
        return Edited(problem=problem), None
    except OSError as error:
        return Edited(problem=f"can't read it back: {error.strerror}; {_KEPT}"), None


def _ended(program: str, status: int) -> str:
    how = f"exit status {status}" if status > 0 else f"signal {-status}"
    return f"{brief(program)} ended with {how}"


def _run(argv: list[str], terminal: Terminal, wakeup: Wakeup) -> tuple[int, int | None]:
    """Run a program in the foreground; return its status and a received signal."""
    # Standard output is a log file while the chat draws. In a process group of its own,
    # a Ctrl+C in the editor doesn't end the chat. The program must not begin before it
    # has the terminal.
    if shutil.which(argv[0]) is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), argv[0])
    with wakeup.listening():
        process = subprocess.Popen(
            ["/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *argv],
            stdin=terminal.input_fd,
            stdout=terminal.output_fd,
            stderr=terminal.output_fd,
            process_group=0,
        )
    os.waitpid(process.pid, os.WUNTRACED)
    with _foreground(terminal.input_fd, process.pid):
        waiting = Background(lambda: _await_end(process), wakeup)
        heard: int | None = None
        while not waiting.done:
            _, signals = wakeup.wait()
            ending = next((it for it in signals if it in ENDING_SIGNALS), None)
            if ending is not None and heard is None:
                heard = ending
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGHUP)
            elif ending is not None:
                process.kill()
    return process.returncode or 0, heard


def _await_end(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end; continue a program that stops, since no shell would do so."""
    while True:
        try:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
        except ChildProcessError:
            process.returncode = process.returncode or 0
            return
        if not os.WIFSTOPPED(status):
            process.returncode = os.waitstatus_to_exitcode(status)
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)


@contextlib.contextmanager
def _foreground(fd: int, group: int) -> Generator[None]:
    """Give the terminal to a process group, and take it back afterwards."""
    # Otherwise SIGTTOU stops a background program that changes the foreground group.
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    try:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(fd, group)
        os.killpg(group, signal.SIGCONT)
        yield
    finally:
        with contextlib.suppress(OSError):
            os.tcsetpgrp(fd, os.getpgrp())
        signal.signal(signal.SIGTTOU, before)
