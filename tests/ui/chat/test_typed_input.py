"""Terminal input that is early, late, split, endless, or all at once."""

from __future__ import annotations

import contextlib
import signal
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from backburner.actors import ChatMessage, TaskSystem, WriteDown
from pty_session import PtySession, chat_command

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

PLACEHOLDER = "A note to yourself"
LIMIT = 30.0  # a hundred times the usual duration; a slow version took minutes
LATE = 0.2  # longer than the wait after a lone ESC


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[PtySession]:
    with PtySession(chat_command(tmp_path)) as session:
        # Answers of the terminal would arrive between the pieces of a sequence.
        session.wait(PLACEHOLDER, lambda: b"\x1b[c" in session.raw)
        # Pauses between keys count only once the chat reads keys.
        session.send("reads")
        session.wait("reads")
        session.send("\x15")
        session.wait(PLACEHOLDER)
        yield session


def pause(chat: PtySession, seconds: float) -> None:
    """Wait until the typed text is read, and then longer, as on a slow line."""
    chat.wait_taken()
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        chat.read(left)


def test_an_arrow_split_by_a_resize_or_a_signal_types_nothing(chat: PtySession) -> None:
    chat.send("ac")
    chat.wait("ac")
    for number in (signal.SIGWINCH, signal.SIGCONT):
        chat.send("\x1b")
        chat.process.send_signal(number)
        pause(chat, 0.02)
        chat.send("[D")
    chat.send("b")
    chat.wait("bac")
    assert "[D" not in chat.text


@pytest.mark.parametrize("late", [LATE, 0.5])
def test_a_paste_with_an_early_escape_runs_nothing(
    chat: PtySession, tmp_path: Path, late: float
) -> None:
    ran = tmp_path / "ran"
    chat.send("\x1b")
    pause(chat, late)
    chat.send(f"[200~note\r!touch {ran}\r ")
    chat.send("\x1b[201~")
    chat.wait("note", "!touch")
    assert "[200~" not in chat.text
    assert "#1" not in chat.text
    chat.send("\x03")
    chat.wait(PLACEHOLDER)
    assert not ran.exists()


@pytest.mark.parametrize("rest", ["[I", "[O", "[?62;22c", "]11;rgb:0/0/0\x07", "[A"])
def test_a_late_answer_of_the_terminal_is_not_typed(
    chat: PtySession, rest: str
) -> None:
    chat.send("\x1b")
    pause(chat, LATE)
    chat.send(rest)
    pause(chat, LATE)
    chat.send("typed")
    chat.wait("typed")
    (line,) = (line for line in chat.lines if "typed" in line)
    assert line.split() == ["\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}", "typed"]


@pytest.mark.parametrize("key", ["\x03", "\x04", "\x1b"])
def test_a_paste_without_an_end_does_not_block_the_keys(
    chat: PtySession, key: str
) -> None:
    # The pasted text is shown when Escape is handled.
    chat.send("\x1b[200~" + ("kept" if key == "\x1b" else ""))
    pause(chat, LATE)
    chat.send(key)
    match key:
        case "\x03":
            chat.wait("leave")
            chat.send("\x03")
        case "\x04":
            pass
        case _:
            chat.wait("kept")  # or the following input could be read with the key
            chat.send(", alive")
            chat.wait("kept, alive")
            chat.send("\x03")
            chat.wait(PLACEHOLDER)
            chat.send("\x04")
    assert chat.wait_exit() == 0


def test_half_a_paste_is_kept_when_its_end_is_lost(chat: PtySession) -> None:
    chat.send("\x1b[200~half a paste")
    pause(chat, LATE)
    chat.send("\x1b")
    chat.wait("half a paste")


TEXTS = {
    "letters": "abcdefghi " * 5000,
    "flags": "\N{REGIONAL INDICATOR SYMBOL LETTER D}"
    "\N{REGIONAL INDICATOR SYMBOL LETTER E}" * 6000,
    "accents": "e\u0301" * 16000,
    "chinese": "\N{CJK UNIFIED IDEOGRAPH-65E5}" * 16000,
    "lines": f"{'a line of a log ' * 6}\r" * 500,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_fifty_kilobytes_without_paste_markers_are_read_quickly(
    chat: PtySession, text: str
) -> None:
    begun = time.monotonic()
    chat.flood(f"{text}\r/chat --new other\r")
    chat.wait("backburner · other")
    assert time.monotonic() - begun < LIMIT


def test_a_signal_during_fast_typing_ends_the_session_cleanly(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path), columns=5, rows=3) as chat:
        chat.wait(lambda: b"\x1b[c" in chat.raw)
        chat.flood("x" * 20_000)
        chat.process.send_signal(signal.SIGTERM)
        assert chat.wait_exit() == 128 + signal.SIGTERM
        assert "internal error" not in "".join(chat.text.split("\n"))


@contextlib.contextmanager
def _reopened(tmp_path: Path, entries: int) -> Generator[PtySession]:
    with TaskSystem(directory=tmp_path / "main") as system:
        for number in range(entries):
            message = ChatMessage(datetime.now(UTC), "main", "you", f"old {number}")
            system.queue.tell(WriteDown(message))
    with PtySession(chat_command(tmp_path), start=True) as chat:
        yield chat


@pytest.mark.parametrize("entries", [1, 1200])
@pytest.mark.parametrize("attempt", range(3))
def test_input_sent_right_after_the_first_frame_appears_once(
    tmp_path: Path, entries: int, attempt: int
) -> None:
    with _reopened(tmp_path, entries) as chat:
        chat.wait(lambda: b"\x1b[?2026l" in chat.raw)
        chat.send(f"early {attempt}\r")
        chat.wait(f"you  early {attempt}", f"old {entries - 1}")
        chat.send("late\r")
        chat.wait("you  late")
        assert chat.text.count(f"early {attempt}") == 1
        shown = [line.split()[-2:] for line in chat.lines if "you  " in line]
        assert shown[-3:][1:] == [["early", str(attempt)], ["you", "late"]]


def test_input_typed_during_startup_is_sent(tmp_path: Path) -> None:
    with PtySession(chat_command(tmp_path), start=True) as chat:
        # The terminal is still in line mode, and turns Enter into a newline.
        chat.send("early\r!echo ran\rdraft")
        chat.wait("you  early", "#1 complete", "\u203a draft")
