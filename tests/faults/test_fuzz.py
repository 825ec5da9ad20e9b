"""Random input to line mode and the chat: both end and leave no process."""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from conditions import until
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.faults.conftest import SEED
from tests.faults.program import COMMAND, SOAK, TAG, tagged

if TYPE_CHECKING:
    from pathlib import Path

_SEEDS: Final = [SEED + n for n in range(150 if SOAK else 2)]
_LEAVING_SEEDS: Final = [SEED + n for n in range(60 if SOAK else 2)]
_STEPS: Final = 60
_OPENINGS: Final = 6
_LONG: Final = 70_000

_COMMANDS: Final = (
    "/task",
    '/task "Job" bash "echo hi"',
    '/task "Open quote bash',
    "/task x sleep 0.01",
    "/task x sleep 600",
    "/tasks",
    "/tasks --all",
    "/cancel 1",
    "/cancel --all",
    "/show 1",
    "/output 2",
    "/output 99999999999999999999",
    "/rerun 1",
    "/clear",
    "/chat other",
    "/chat --new other",
    "/chat --close",
    "/help",
    "/help kill",
    "/wrong",
    "/",
    "!",
    "!echo one; echo two >&2",
    "!printf '\\033]52;c;aGk=\\a\\033[2J\\200'",
    "!sleep 600",
    "!exit 3",
    "!cat <<END",
    "END",
    "!for i in 1 2; do",
    "done",
    "!echo 'open",
    "!echo back\\",
    "hello",
)
_SPOILED: Final = (
    b"\x1b",
    b"\x1b[",
    b"\x1b]52;c;",
    b"\x00",
    b"\x9b31m",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\r",
    "\u202e\u2028".encode(),
    "日本🇩🇪e\u0301".encode(),
)
_KEYS: Final = (
    *(b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1bOP", b"\x1b[5~", b"\x1b[6~"),
    *(b"\r", b"\t", b"\x1b[Z", b"\x7f", b"\x1b", b"\x1b\r", b"\x1bb", b"\x1bd"),
    *(b"\x01", b"\x05", b"\x0b", b"\x0c", b"\x12", b"\x15", b"\x17", b"\x19", b"\x1f"),
    *(b"\x1b[I", b"\x1b[O", b"\x1b[<0;5;5M", b"\x1b[<64;5;5M", b"\x1b[<0;999;999m"),
    *(b"\x1b[13;2u", b"\x1b[99999999;5u", b"\x1b[1;5", b"\x1b[200~", b"\x1b[201~"),
    *(b"\x1b[?62;22c", b"\x1b]11;rgb:0/0/0\x07", b"\x1bP+r", b"?", b"/", b"n", b"&"),
)
_LEAVING: Final = (b"\x03", b"\x04", b"\x1a", b"\x1c", b"\r")
"""Ctrl+C, Ctrl+D, Ctrl+Z, Ctrl+\\, and the Enter that confirms a question."""

_LEFT: Final = {0} | {
    128 + it for it in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
}
"""The exit statuses of a chat ended by a key or a signal."""


def _noise(chance: random.Random) -> bytes:
    """Return random bytes as a line or a part of one."""
    length = chance.choice([1, 3, 10, 200])
    return bytes(chance.choices(range(256), k=length))


def _line(chance: random.Random) -> bytes:
    command = chance.choice(_COMMANDS).encode()
    if b"<<" in command:
        return command  # a different end word would take all following lines
    match chance.randrange(8):
        case 0:
            cut = chance.randint(0, len(command))
            return command[:cut] + chance.choice(_SPOILED) + command[cut:]
        case 1:
            return _noise(chance).replace(b"!", b"")
        case 2 if chance.random() < 0.2:
            return command + b"x" * _LONG
        case _:
            return command


@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("seed", _SEEDS)
def test_line_mode_accepts_any_input_and_ends(
    seed: int, options: tuple[str, ...], tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chooses input, keeps no secrets
    # The tail ends long tasks and closes open here-documents and quotes. Nested loops
    # may stay open and swallow it, so no task lasts long.
    lines = [_line(chance).replace(b"600", b"3") for _ in range(_STEPS)]
    script = b"\n".join([*lines, b"END", b"'", b"done", b"/cancel --all", b"/quit"])
    tag = f"fuzz-{os.getpid()}-{seed}"
    state = ["--state-dir", str(tmp_path / "state"), "--grace", "0.2"]
    process = subprocess.Popen(
        [COMMAND, "--plain", *options, *state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, TAG: tag},
    )
    try:
        output, errors = process.communicate(script, timeout=PATIENCE)
    finally:
        process.kill()
        left = tagged(tag)
        for it in left:
            it.kill()
    label = f"BACKBURNER_SEED={seed}: {errors[-2000:]!r}"
    assert process.returncode in {0, 1, 2}, label
    assert left == [], label
    for text in (output, errors):
        assert b"Traceback" not in text, label
        assert b"nternal error" not in text, label
        assert b"\x1b" not in text, label


def _press(chance: random.Random, chat: PtySession) -> None:
    """Perform one action of a person, a terminal or a shell."""
    match chance.randrange(12):
        case 0:
            chat.resize(chance.choice([1, 2, 7, 40, 80, 200]), chance.randint(1, 60))
        case 1:
            paste = _line(chance)[:2000] + b"\n" + _line(chance)[:2000]
            end = chance.choice([b"\x1b[201~", b"\x1b[20", b""])
            chat.flood_bytes(b"\x1b[200~" + paste + end)
        case 2:
            chat.flood_bytes(_noise(chance).translate(None, b"\x03\x04\x1a\x1c"))
        case 3 | 4 | 5:
            chat.flood_bytes(_line(chance)[:2000] + b"\r")
        case 6 if chance.random() < 0.3:
            chat.process.send_signal(signal.SIGTSTP)
            chat.process.send_signal(signal.SIGCONT)
        case _:
            chat.flood_bytes(b"".join(chance.choices(_KEYS, k=chance.randint(1, 6))))


@pytest.mark.parametrize("seed", _SEEDS)
def test_the_drawn_chat_accepts_any_keys_and_ends_on_a_signal(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chooses input, keeps no secrets
    tag = f"fuzz-chat-{os.getpid()}-{seed}"
    label = f"BACKBURNER_SEED={seed}"
    command = chat_command(tmp_path / "state", "--grace", "0.2")
    with PtySession(command, environ={TAG: tag}, cwd=tmp_path) as chat:
        chat.wait(lambda: b"\x1b[?1049h" in chat.raw)
        for _ in range(_STEPS):
            if chat.process.poll() is not None:
                break
            _press(chance, chat)
        _end(chat)
        _check_end(chat, {0, 128 + signal.SIGTERM}, label)
        until(lambda: not tagged(tag))
    _check_log(tmp_path / "state", label)


@pytest.mark.parametrize("seed", _LEAVING_SEEDS)
def test_the_drawn_chat_can_be_left_and_reopened_at_any_moment(
    seed: int, tmp_path: Path
) -> None:
    chance = random.Random(seed)  # noqa: S311 - chooses input, keeps no secrets
    tag = f"fuzz-leave-{os.getpid()}-{seed}"
    label = f"BACKBURNER_SEED={seed}"
    command = chat_command(tmp_path / "state", "--grace", "0.2")
    opened = steps = 0
    while steps < _STEPS:
        opened += 1
        with _Shell(command, environ={TAG: tag}, cwd=tmp_path) as chat:
            chat.wait(lambda chat=chat: b"\x1b[?1049h" in chat.raw)
            for _ in range(chance.randint(1, 2 * _STEPS // _OPENINGS)):
                if chat.process.poll() is None:
                    steps += 1
                    _press_any(chance, chat)
            _leave(chance, chat)
            _check_end(chat, _LEFT, label)
            until(lambda: not tagged(tag))
    assert opened > 1, label
    _check_log(tmp_path / "state", label)


def _press_any(chance: random.Random, chat: PtySession) -> None:
    """Perform one action, often one that ends or stops the program."""
    if chance.random() < 0.6:
        _press(chance, chat)
        return
    match chance.randrange(4):
        case 0:
            keys = _noise(chance)
        case 1:
            keys = b"/quit\r" + chance.choice([b"", b"\r", b"\x1b", b"y"])
        case _:
            keys = b"".join(chance.choices(_LEAVING, k=chance.randint(1, 3)))
    chat.flood_bytes(keys)


class _Shell(PtySession):
    """A terminal whose shell continues a stopped program."""

    def flood_bytes(self, data: bytes) -> None:
        """Send input that may stop the program, such as Ctrl+Z."""
        while data and self.process.poll() is None:
            _, writable, _ = select.select([], [self.master], [], 0.01)
            if writable:
                data = data[os.write(self.master, data[:64]) :]
            while self.read(0.0, drain=True):
                pass
            self.go_on()

    def go_on(self) -> None:
        """Continue the program if it is stopped."""
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED:
                self.process.send_signal(signal.SIGCONT)


def _leave(chance: random.Random, chat: _Shell) -> None:
    """Leave by keys, from any state of the chat, or by a signal."""
    keys = chance.choice(
        [(b"\x04", b"\r"), (b"\x03", b"\x04\r"), (b"\x1b", b"\x04"), ()]
    )
    end = time.monotonic() + PATIENCE
    while keys and chat.process.poll() is None:
        assert time.monotonic() < end, f"{keys}: {chat.text}"
        for key in (b"\x03", *keys):
            chat.flood_bytes(key)
            chat.read(0.2)
    _end(chat)


def _end(chat: PtySession) -> None:
    with contextlib.suppress(ProcessLookupError):
        chat.process.send_signal(signal.SIGCONT)
        chat.process.send_signal(signal.SIGTERM)


def _check_end(chat: PtySession, legal: set[int], label: str) -> None:
    """Check the exit status and that the terminal is restored."""
    status, raw = chat.wait_exit(), bytes(chat.raw)
    assert status in legal, label
    assert b"Traceback" not in raw, label
    assert b"nternal error" not in raw, label
    assert chat.modes == chat.modes_before, label
    for enabled, disabled in (
        (b"\x1b[?1049h", b"\x1b[?1049l"),
        (b"\x1b[?2004h", b"\x1b[?2004l"),
    ):
        assert raw.rfind(disabled) > raw.rfind(enabled), label


def _check_log(state: Path, label: str) -> None:
    log = state / "main/chat.log"
    assert not log.exists() or "Traceback" not in log.read_text(), label
