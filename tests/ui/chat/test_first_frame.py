"""The first frame, drawn while the slowest import is held back."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import TaskSystem
from backburner.ui.program.exit_status import EXIT_FAILURE
from conditions import until
from pty_session import PtySession

from tests.faults.program import soak_only

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

PLACEHOLDER = "A note to yourself"
END_OF_FRAME = b"\x1b[?2026l"
ASKED = b"\x1b]11;?"  # query of the background, after the first frame of the actor
RESTORED = (b"?1049l", b"?1000l", b"?2004l", b"?1004l", b"?25h", b"?7h")

# A pipe blocks its reader until it is written to.
HELD_BACK = """
import sys
from pathlib import Path
pipe, held = Path(sys.argv.pop(1)), sys.argv.pop(1).split(",")
class Held:
    released = False
    def find_spec(self, name, path=None, target=None):
        if name in held and not self.released:
            Held.released = True
            pipe.with_name("reached").touch()
            if pipe.read_text() == "break":
                raise RuntimeError("planted")
# A thread that is held back here blocks all other loading: jobs need theirs first.
import backburner.actors.processes.spawn, psutil
sys.meta_path.insert(0, Held())
from backburner.ui import main as app
sys.exit(app.main())
"""


DRAWS_BEST = "backburner.ui.chat.ui_actor,blessed,wcwidth"
DRAWS_AT_ALL = "backburner.ui.chat.run"


class Start:
    """A chat that imports blessed when the test allows it."""

    def __init__(self, session: PtySession, pipe: Path) -> None:
        self.session = session
        self._pipe = pipe

    def go_on(self, word: str = "load") -> None:
        self._pipe.write_text(word)


def _command(folder: Path, held: str) -> list[str]:
    program = [sys.executable, "-c", HELD_BACK, str(folder / "pipe"), held]
    return [*program, "--no-host", "--state-dir", str(folder)]


@contextlib.contextmanager
def started(
    folder: Path,
    columns: int = 100,
    rows: int = 30,
    environ: Mapping[str, str] | None = None,
) -> Generator[Start]:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    command = _command(folder, DRAWS_BEST)
    with PtySession(
        command, columns=columns, rows=rows, environ=environ or {}, start=True
    ) as session:
        session.wait(lambda: END_OF_FRAME in session.raw)
        yield Start(session, pipe)


def loaded(session: PtySession) -> Callable[[], bool]:
    return lambda: ASKED in session.raw


def is_restored(session: PtySession) -> bool:
    raw = bytes(session.raw)
    last_on = raw.rfind(b"\x1b[?1049h")
    return all(raw.rfind(mode) > last_on for mode in RESTORED)


def test_keys_and_resizes_during_loading_are_handled(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        chat = start.session
        chat.wait(PLACEHOLDER, "backburner · main", "/help  explains all commands")
        chat.send("half a")
        chat.resize(60, 12)
        chat.process.send_signal(signal.SIGWINCH)
        start.go_on()
        chat.wait("half a", lambda: chat.cursor[0] == 10)
        chat.send(" note\r")
        chat.wait("you  half a note")


def test_a_correct_first_frame_is_not_redrawn(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        chat = start.session
        chat.wait(PLACEHOLDER)
        start.go_on()
        chat.wait(loaded(chat))
        assert bytes(chat.raw).count(PLACEHOLDER.encode()) == 1
        assert chat.screen.buffer[0][0].bold


_SIZES = ((1, 1), (2, 1), (5, 3), (20, 6), (80, 24), (200, 60))
_ENVIRONS: tuple[dict[str, str], ...] = (
    {},
    {"NO_COLOR": "1"},
    {"TERM": "vt100"},
    {"TERM": "xterm-16color"},
    {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
)


# Every size, and every environment in a small and in a usual window; all in the long
# form.
@pytest.mark.parametrize(
    ("size", "environ"),
    [
        pytest.param(
            size,
            environ,
            marks=[soak_only] if environ and size not in {(5, 3), (80, 24)} else [],
        )
        for environ in _ENVIRONS
        for size in _SIZES
    ],
    ids=str,
)
def test_the_first_frame_equals_the_next_frame(
    tmp_path: Path, size: tuple[int, int], environ: dict[str, str]
) -> None:
    with started(tmp_path, *size, environ) as start:
        chat = start.session
        first, first_bytes = chat.lines, bytes(chat.raw)
        assert any(first)
        start.go_on()
        chat.wait(loaded(chat))
        assert chat.lines == first
        assert chat.text.isascii() or "LANG" not in environ
        if "TERM" in environ or "NO_COLOR" in environ:
            assert b"\x1b[38;5;" not in first_bytes


def test_colours_appear_as_soon_as_they_are_known(tmp_path: Path) -> None:
    with started(tmp_path, environ={"TERM": "xterm-16color"}) as start:
        chat = start.session
        chat.wait("/task")
        row = next(n for n, line in enumerate(chat.lines) if "/task" in line)
        column = chat.lines[row].index("/task")
        assert chat.screen.buffer[row][column].fg == "default"
        start.go_on()
        chat.wait(lambda: chat.screen.buffer[row][column].fg == "cyan")


def test_a_crash_during_loading_restores_the_terminal(tmp_path: Path) -> None:
    with started(tmp_path) as start:
        chat = start.session
        start.go_on("break")
        assert chat.wait_exit() == EXIT_FAILURE
        assert is_restored(chat)
        assert "internal error: RuntimeError('planted'); the log is" in chat.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_during_loading_ends_the_session_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    with started(tmp_path) as start:
        chat = start.session
        chat.process.send_signal(number)
        start.go_on()
        assert chat.wait_exit() == 128 + number
        assert is_restored(chat)
        assert "left session main" in chat.text


def test_a_signal_before_anything_is_drawn_leaves_no_task_running(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    os.mkfifo(tmp_path / "pipe")
    with TaskSystem(directory=tmp_path / "main", slots=1, grace=0) as system:
        system.add("Busy", "bash", "sleep 600")
        system.add("Later", "bash", f"echo $$ > {pids}; sleep 600")
    with PtySession(_command(tmp_path, DRAWS_AT_ALL), start=True) as chat:
        until(lambda: pids.exists() and pids.read_text().endswith("\n"))
        until((tmp_path / "reached").exists)
        chat.process.send_signal(signal.SIGTERM)
        (tmp_path / "pipe").write_text("load")
        assert chat.wait_exit() == 128 + signal.SIGTERM
        assert not psutil.pid_exists(int(pids.read_text()))
