from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
from tty import setraw
from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.surroundings import is_drawable
from backburner.ui.terminal import terminal as terminal_module
from backburner.ui.terminal.terminal import Size, Terminal
from backburner.ui.text.rows import Style

if TYPE_CHECKING:
    from collections.abc import Iterator

RESTORED = [b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?2004l", b"\x1b[?1004l", b"\x1b[?7h"]
MOUSE_OFF = b"\x1b[?1000l"
LIMIT = 20.0


class Pty:
    """A pseudoterminal whose other end the test holds, and the bytes read from it."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        termios.tcsetwinsize(self.slave, (24, 80))
        os.set_blocking(self.master, False)

    def read(self) -> bytes:
        """Read what has been written so far."""
        parts: list[bytes] = []
        try:
            while part := os.read(self.master, 1 << 16):
                parts.append(part)
        except OSError:
            pass
        return b"".join(parts)

    def attributes(self) -> list[object]:
        return list(termios.tcgetattr(self.slave))


@pytest.fixture
def tty() -> Iterator[Pty]:
    tty = Pty()
    yield tty
    for fd in (tty.master, tty.slave):
        try:
            os.close(fd)
        except OSError:
            continue


def make(tty: Pty, *, mouse: bool = True) -> Terminal:
    return Terminal(input_fd=tty.slave, output_fd=tty.slave, mouse=mouse)


def test_building_a_terminal_and_learn_write_nothing(tty: Pty) -> None:
    terminal = make(tty)
    terminal.learn()
    terminal.close()
    assert tty.read() == b""


def test_entering_takes_over_the_terminal(tty: Pty) -> None:
    terminal = make(tty)
    terminal.enter()
    written = tty.read()
    for mode in (
        b"?1049h",
        b"?25l",
        b"?2004h",
        b"?1004h",
        b"?7l",
        b"?1000h",
        b"?1006h",
    ):
        assert b"\x1b[" + mode in written
    local_modes = termios.tcgetattr(tty.slave)[3]
    assert not local_modes & (termios.ECHO | termios.ICANON | termios.ISIG)
    terminal.enter()
    assert tty.read() == b""
    terminal.close()


def test_leaving_restores_everything(tty: Pty) -> None:
    before = tty.attributes()
    terminal = make(tty)
    terminal.enter()
    tty.read()
    terminal.leave()
    written = tty.read()
    for mode in (*RESTORED, MOUSE_OFF):
        assert mode in written
    assert written.index(b"\x1b[H\x1b[2J") < written.index(b"\x1b[?1049l")
    assert tty.attributes() == before
    terminal.leave()
    terminal.close()
    terminal.close()
    assert tty.read() == b""


def test_the_mouse_is_left_alone_when_disabled(tty: Pty) -> None:
    with make(tty, mouse=False):
        pass
    assert b"1000" not in tty.read()


def test_an_exception_restores_everything(tty: Pty) -> None:
    before = tty.attributes()
    with pytest.raises(ZeroDivisionError), make(tty):
        _ = 1 // 0
    written = tty.read()
    assert all(mode in written for mode in RESTORED)
    assert tty.attributes() == before


def test_a_terminal_can_be_left_temporarily(tty: Pty) -> None:
    before = tty.attributes()
    with make(tty) as terminal:
        terminal.leave()
        assert tty.attributes() == before
        tty.read()
        assert terminal.write(b"nobody sees this")
        assert tty.read() == b""
        terminal.enter()
        assert b"\x1b[?1049h" in tty.read()


def test_a_closed_terminal_is_not_an_error(tty: Pty) -> None:
    terminal = make(tty)
    terminal.enter()
    os.close(tty.master)
    assert terminal.write(b"x" * 10)
    assert terminal.lost
    assert terminal.backlog == 0
    terminal.close()


def test_unread_answers_do_not_reach_the_shell(tty: Pty) -> None:
    # Raw before and after, so that all remaining bytes can be read at once.
    setraw(tty.slave)
    with make(tty):
        os.write(tty.master, b"\x1b[?64;1;2c")
    os.set_blocking(tty.slave, False)
    with pytest.raises(BlockingIOError):
        os.read(tty.slave, 100)


def test_type_ahead_is_kept(tty: Pty) -> None:
    os.write(tty.master, b"typed\rahead\r")
    with make(tty) as terminal:
        assert terminal.read() == b"typed\rahead\r"  # Enter, for the driver a newline
        os.write(tty.master, b"Ctrl+J \n")
        assert select.select([terminal.input_fd], [], [], LIMIT)[0]
        assert terminal.read() == b"Ctrl+J \n"


def test_keys_are_read_only_between_entering_and_leaving(tty: Pty) -> None:
    with make(tty) as terminal:
        assert terminal.read() is None  # nothing is typed; it does not block
        os.write(tty.master, b"keys")
        assert select.select([terminal.input_fd], [], [], LIMIT)[0]
        assert terminal.read() == b"keys"
        terminal.leave()
        os.write(tty.master, b"a line\n")
        assert select.select([terminal.input_fd], [], [], LIMIT)[0]
        assert terminal.read() is None


@pytest.mark.parametrize("key", [b"\x04", b""], ids=["end of file", "closed"])
def test_only_a_closed_terminal_ends_the_keys(tty: Pty, key: bytes) -> None:
    with make(tty) as terminal:
        cooked = termios.tcgetattr(tty.slave)
        cooked[3] |= termios.ICANON
        termios.tcsetattr(tty.slave, termios.TCSANOW, cooked)
        if key:
            os.write(tty.master, key)
        else:
            os.close(tty.master)
        assert select.select([terminal.input_fd], [], [], LIMIT)[0]
        assert terminal.read() == (None if key else b"")


def test_a_stuck_terminal_does_not_block(
    tty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_module, "WRITE_PATIENCE", 0.01)
    data = bytes(range(0x20, 0x7F)) * 1000
    with make(tty) as terminal:
        tty.read()
        assert not terminal.write(data)
        assert terminal.backlog > 0
        received = b""
        while not terminal.write(b""):
            received += tty.read()
        assert terminal.write(b"!")
        received += tty.read()
        assert received == data + b"!"


def test_a_stuck_terminal_can_be_left(
    tty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tty.attributes()
    monkeypatch.setattr(terminal_module, "WRITE_PATIENCE", 0.01)
    monkeypatch.setattr(terminal_module, "PARTING_PATIENCE", 0.01)
    terminal = make(tty)
    terminal.enter()
    terminal.write(b"x" * 100_000)
    terminal.close()
    assert not terminal.entered
    assert tty.attributes() == before


def test_a_truncated_sequence_is_ended_before_the_terminal_is_restored(
    tty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_module, "WRITE_PATIENCE", 0.01)
    monkeypatch.setattr(terminal_module, "PARTING_PATIENCE", 0.01)
    terminal = make(tty)
    terminal.enter()
    terminal.write(b"\x1b]0;" + b"x" * 100_000)
    read: list[bytes] = []

    def read_late(seconds: float) -> bool:
        """Read nothing during the first wait."""
        del seconds
        read.append(tty.read() if read else b"")
        return len(read) > 1

    monkeypatch.setattr(terminal, "_wait_until_writable", read_late)
    terminal.close()
    written = b"".join(read) + tty.read()
    title, _, rest = written.partition(b"\x18")
    assert title.endswith(b"x")
    assert all(mode in rest for mode in RESTORED)


def test_the_shared_descriptor_stays_blocking(tty: Pty) -> None:
    with make(tty):
        assert os.get_blocking(tty.slave)


def test_stdout_may_be_redirected_while_the_screen_is_drawn(tty: Pty) -> None:
    output = os.dup(tty.slave)
    terminal = Terminal(input_fd=tty.slave, output_fd=output)
    os.close(output)
    with terminal:
        tty.read()
        terminal.write(b"still here")
        assert tty.read() == b"still here"


def test_the_farewell_is_written_before_the_screen_is_restored(tty: Pty) -> None:
    with make(tty) as terminal:
        terminal.farewell = b"\x1b]9;4;0\a"
    written = tty.read()
    assert written.index(b"\x1b]9;4;0\a") < written.index(b"\x1b[?1049l")


def test_the_size_is_the_size_of_the_screen(tty: Pty) -> None:
    with make(tty) as terminal:
        assert terminal.size() == Size(80, 24)
        termios.tcsetwinsize(tty.slave, (3, 5))
        assert terminal.size() == Size(5, 3)
        termios.tcsetwinsize(tty.slave, (0, 0))
        assert terminal.size() == Size(80, 24)


@pytest.mark.parametrize(
    ("environ", "colors"),
    [
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, 1 << 24),
        ({"TERM": "screen", "COLORTERM": "truecolor", "STY": "1.tty"}, 256),
        ({"TERM": "linux"}, 8),
        ({"TERM": "vt100"}, 0),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, 0),
        ({"TERM": "xterm-256color", "NO_COLOR": ""}, 256),
        ({"TERM": "never-heard-of"}, 256),
    ],
)
def test_the_number_of_colours_is_found(
    tty: Pty, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], colors: int
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = make(tty)
    terminal.learn()
    assert terminal.colors == colors
    assert {name: os.environ.get(name) for name in environ} == environ
    with terminal:
        assert b"\x1b[?2004h" in tty.read()


@pytest.mark.parametrize(
    ("environ", "promised"),
    [
        ({"TERM": "xterm-256color"}, 256),
        ({"TERM": "xterm-256color", "COLORTERM": "truecolor"}, 1 << 24),
        ({"TERM": "xterm-256color", "NO_COLOR": "1", "COLORTERM": "24bit"}, 0),
        ({"TERM": "tmux-256color", "COLORTERM": "24bit", "TMUX": "x,1,0"}, 1 << 24),
        ({"TERM": "screen", "COLORTERM": "truecolor", "STY": "1.tty"}, 256),
        ({"TERM": "xterm-16color"}, 0),
        ({"TERM": "linux"}, 0),
        ({"TERM": "vt100"}, 0),
        ({"TERM": "never-heard-of"}, 0),
    ],
)
def test_the_environment_does_not_raise_the_number_of_colours(
    tty: Pty, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], promised: int
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with make(tty) as terminal:
        assert terminal.colors == promised
        terminal.learn()
        assert promised <= terminal.colors


def test_common_terminals_use_the_standard_sequences(
    tty: Pty, monkeypatch: pytest.MonkeyPatch
) -> None:
    styles = [Style(**{name: True}) for name in ("bold", "dim", "italic", "reverse")]
    for kind in ("xterm", "xterm-256color", "tmux-256color", "xterm-kitty"):
        monkeypatch.setenv("TERM", kind)
        with make(tty) as terminal:
            before = [terminal.styling.sequence(style) for style in styles]
            terminal.learn()
            assert [terminal.styling.sequence(style) for style in styles] == before


def test_a_color_that_needs_learn_is_left_out_before_it(tty: Pty) -> None:
    with make(tty) as terminal:
        style = Style(fg=(255, 135, 0), bg=208, bold=True)
        assert terminal.styling.sequence(style) == "\x1b[1m\x1b[48;5;208m"
        terminal.learn()
        expected = "\x1b[1m\x1b[38;5;208m\x1b[48;5;208m"
        assert terminal.styling.sequence(style) == expected


@pytest.mark.parametrize(
    ("environ", "multiplexer"),
    [
        ({}, ""),
        ({"TMUX": "/tmp/tmux-0/default,1,0", "TERM": "screen"}, "tmux"),  # noqa: S108 - text
        ({"TERM": "tmux-256color"}, "tmux"),
        ({"STY": "12.pts-0"}, "screen"),
    ],
)
def test_a_multiplexer_is_detected(
    tty: Pty, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], multiplexer: str
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    terminal = make(tty)
    assert terminal.multiplexer == multiplexer
    terminal.close()


def test_the_chat_needs_a_terminal_for_input_and_output(tty: Pty) -> None:
    read_end, write_end = os.pipe()
    environ = {"TERM": "xterm"}
    assert is_drawable(environ, tty.slave, tty.slave)
    assert not is_drawable(environ, read_end, tty.slave)
    assert not is_drawable(environ, tty.slave, write_end)
    for kind in ("dumb", "", "unknown"):
        assert not is_drawable({"TERM": kind}, tty.slave, tty.slave)
    assert not is_drawable({}, tty.slave, tty.slave)
    os.close(read_end)
    os.close(write_end)


PROGRAM = """
import sys
from backburner.ui.terminal.terminal import Terminal
from backburner.ui.program.wakeup import Wakeup
with Wakeup() as wakeup, Terminal() as terminal:
    terminal.write(b"ready")
    if sys.argv[1] == "raise":
        raise SystemExit(3)
    wakeup.wait()
sys.stdout.write("gone")
"""


@pytest.mark.parametrize("manner", ["raise", "signal"])
def test_a_program_that_ends_restores_the_terminal(tty: Pty, manner: str) -> None:
    before = tty.attributes()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, manner],
        stdin=tty.slave,
        stdout=tty.slave,
        stderr=tty.slave,
    )
    os.set_blocking(tty.master, True)
    written = b""
    watchdog = threading.Timer(LIMIT, process.kill)
    watchdog.start()
    while b"ready" not in written:
        written += os.read(tty.master, 1000)
    if manner == "signal":
        process.send_signal(signal.SIGTERM)
    process.wait()
    watchdog.cancel()
    os.set_blocking(tty.master, False)
    written += tty.read()
    assert all(mode in written for mode in RESTORED)
    assert tty.attributes() == before
    assert written.endswith(b"gone") == (manner == "signal")
