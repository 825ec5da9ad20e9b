"""A killed session reopened on a nearly full disk, at every 4 KiB of free space."""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskEvent
from host_care import HostCare
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.faults.program import SLOW, SOAK, Program, fill

if TYPE_CHECKING:
    from pathlib import Path

_PAGE: Final = 4096
_STEPS: Final = tuple(range(41)) if SOAK else (0, 1, 3, 6, 9, 14, 18)
"""Free pages on the disk; with 36 of them a session opens as usual."""

_REFUSED: Final = "can't write to the journal"


@pytest.fixture
def killed(small_disk: Path, tmp_path: Path) -> Path:
    """Return a copy of the folder of a killed session with two queued tasks."""
    state = small_disk / "state"
    with Program(state, "--parallel", "1") as program:
        program.send("!sleep 600", "!echo second", "!echo third")
        program.wait_for_event(TaskEvent.RUNNING, 1)
        program.wait_for_event(TaskEvent.QUEUED, 3)
        program.kill()
    kept = tmp_path / "kept"
    shutil.move(state, kept)
    return kept


def _start_over(kept: Path, disk: Path, pages: int) -> Path:
    state = disk / "state"
    shutil.rmtree(state, ignore_errors=True)
    (disk / "filler").unlink(missing_ok=True)
    shutil.copytree(kept, state)
    fill(disk, pages * _PAGE)
    return state


def _give_room(disk: Path) -> None:
    (disk / "filler").unlink()


@pytest.mark.parametrize(
    ("options", "host"),
    [((), False), ((), True), (("--plain",), True)],
    ids=["drawn", "drawn on a host", "lines on a host"],
)
def test_a_chat_reports_that_a_full_disk_has_space_again(
    killed: Path, small_disk: Path, options: tuple[str, ...], *, host: bool
) -> None:
    opened = 0
    # Most of the time goes into starting a host.
    for pages in _STEPS[:: 2 if host and not SOAK else 1]:
        state = _start_over(killed, small_disk, pages)
        command = chat_command(state, *options, host=host)
        with HostCare() as care, PtySession(command, environ=care.environ) as chat:
            if not _is_open(chat):
                assert chat.wait_exit() == 2
                assert _is_one_clear_line(chat.text.strip()), (pages, chat.text)
                continue
            opened += 1
            _give_room(small_disk)
            chat.wait(lambda chat=chat: _both_ended(chat.text))
            chat.send("!echo and on\r")
            chat.wait(lambda chat=chat: "✓ #4" in chat.text or _REFUSED in chat.text)
            if _REFUSED in chat.text:
                # The disk was found full again just before space was freed.
                chat.wait("can be written again")
                chat.send("!echo and on\r")
            chat.wait("✓ #4")
            chat.send("/quit\r")
            # Line mode announces the ends of its tasks, and one of them may have
            # failed.
            assert chat.wait_exit() in ({0, 1} if options else {0})
            assert b"Traceback" not in chat.raw
            assert b"internal error" not in chat.raw
    assert opened


def _is_open(chat: PtySession) -> bool:
    """Wait until it meets the full disk, or has run all; false if it has ended."""
    end = time.monotonic() + PATIENCE
    while "can't write" not in chat.text and not _both_ended(chat.text):
        assert time.monotonic() < end, chat.text
        if not chat.read(0.1):
            return False
    return True


def _both_ended(text: str) -> bool:
    # A job that writes to a full disk fails, as everywhere.
    return all(re.search(f"[✓✗] #{it} ", text) for it in (2, 3))


_SLOW: Final = f"backburner: opening session 'main'{SLOW} "


def _is_one_clear_line(text: str) -> bool:
    # Printed first on a busy machine.
    words = " ".join(text.split()).removeprefix(_SLOW)
    return (
        words.startswith("backburner: ")
        and words.count("backburner: ") == 1
        # The terminal breaks words if the path is long.
        and "makeroom" in words.replace(" ", "")
        and "Traceback" not in words
    )


def test_line_mode_reports_that_a_full_disk_has_space_again(
    killed: Path, small_disk: Path
) -> None:
    opened = 0
    for pages in _STEPS:
        state = _start_over(killed, small_disk, pages)
        with Program(state) as program:
            program.wait_until(
                lambda line: (
                    line.text.startswith("can't write")
                    or (line.task is not None and line.task.status.is_final)
                )
            )
            if program.process.poll() is not None:
                assert program.wait() == 2
                assert _is_one_clear_line(program.errors()), (pages, program.errors())
                continue
            opened += 1
            _give_room(small_disk)
            for task_id in (2, 3):
                program.wait_for_end(task_id)
            program.send("!echo and on")
            line = program.wait_for(
                lambda it: (
                    (it.task is not None and it.task.id == 4) or _REFUSED in it.text
                )
            )
            if line.task is None:
                # The disk was found full again just before space was freed.
                program.wait_for(lambda it: "can be written again" in it.text)
                program.send("!echo and on")
            assert program.wait_for_event(TaskEvent.COMPLETE, 4).exit_code == 0
            program.send("/quit")
            assert program.wait() in {0, 1}  # one of the two may have failed
            assert "Traceback" not in program.errors()
            assert not [it for it in program.texts("error") if "internal" in it]
    assert opened
