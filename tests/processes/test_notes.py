"""Files that record the processes of tasks and their exits, and survive a kill."""

from __future__ import annotations

import os
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors.processes import proc, spawn
from backburner.actors.processes.child import ChildProcess
from backburner.actors.processes.environment import Environment
from backburner.actors.processes.exit_notes import ExitNotes, NotedExit
from backburner.actors.processes.notes import (
    JobNotes,
    ProcessNote,
    ProcessNotes,
    ticks_now,
)
from backburner.actors.processes.start_number import number_of
from backburner.actors.rules.process_record import StartedProcess
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

KEY: Final = "0123456789ab"
BOOT: Final = proc.boot_id()
LARGEST: Final = (1 << 53) - 1


HAS_NUMBERS: Final = tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 12)


def _open(path: Path, key: str = KEY, *, numbers: bool = False) -> ProcessNotes:
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    return ProcessNotes(fd, key, numbers=numbers)


def _start(notes: ProcessNotes, task_id: int) -> None:
    with notes.starting(task_id, output_tells=True):
        pass


def _status(exits: ExitNotes, process: StartedProcess) -> int | None:
    found = exits.find(process)
    return None if found is None else found.status


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "processes"


@pytest.mark.skipif(not spawn.best().makes_output, reason="it is made before the start")
def test_a_start_blocked_by_a_file_leaves_no_note(path: Path) -> None:
    # A reader would take the file as a sign that the process was started.
    notes, output = _open(path), path.with_name("1.log")
    output.write_text("of another task")
    with pytest.raises(FileExistsError):
        ChildProcess(["true"], Environment({}), output, notes=JobNotes(notes, 1))
    assert _open(path).load((1,)) == {}
    assert output.read_text() == "of another task"


def test_written_notes_can_be_read(path: Path) -> None:
    notes = _open(path)
    assert notes.load(()) == {}
    first, second = StartedProcess(300, 7, 8), StartedProcess(1 << 22, 1 << 40, 1 << 40)
    notes.note(1, first)
    notes.note(LARGEST, second)
    notes.note_exit(LARGEST, second, 0xFF00)
    notes.close()

    assert _open(path).load((1, LARGEST, 3)) == {
        1: ProcessNote(1, first, BOOT),
        LARGEST: ProcessNote(LARGEST, second, BOOT, 0xFF00),
    }
    assert _open(path).load((3,)) == {}
    assert _open(path, "ba9876543210").load((1,)) == {}


def test_the_file_grows_only_with_the_number_of_simultaneous_tasks(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    for task_id in range(1, 1000):
        notes.note(task_id, StartedProcess(task_id + 1, 1, 1))
        if task_id > 4:
            notes.release(task_id - 4)
    assert path.stat().st_size == 5 * 128
    assert _open(path).load(range(1000)).keys() >= {996, 997, 998, 999}


def test_an_entry_is_not_reused_before_the_end_of_its_task_is_written(
    path: Path,
) -> None:
    notes = _open(path)
    notes.load(())
    notes.note(1, StartedProcess(11, 1, 1))
    notes.note_exit(1, StartedProcess(11, 1, 1), 0)
    notes.note(2, StartedProcess(12, 1, 1))
    again = _open(path)
    assert again.load((1,))[1].status == 0
    again.note(3, StartedProcess(13, 1, 1))  # reuses the entry of 2, which has ended
    assert _open(path).load((1, 2, 3)).keys() == {1, 3}


def test_another_attempt_of_a_task_reuses_its_entry(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    notes.note_exit(1, StartedProcess(11, 1, 1), 256)
    notes.note(1, StartedProcess(12, 5, 5))
    assert path.stat().st_size == 128
    assert _open(path).load((1,))[1] == ProcessNote(1, StartedProcess(12, 5, 5), BOOT)


def test_between_attempts_a_task_has_no_process(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    notes.note_exit(1, StartedProcess(11, 1, 1), 256)
    notes.note_exit(2, StartedProcess(12, 1, 1), 256)
    notes.release(1, True)  # noqa: FBT003 - as it is called
    notes.release(3, True)  # noqa: FBT003 - never had a process
    found = _open(path).load((1, 2, 3))
    assert found.keys() == {1, 2}
    assert (found[1].is_between, found[2].is_between) == (True, False)
    # Killed before the exit was recorded.
    assert _open(path).load((), between=(2, 3)) == {}
    found = _open(path).load((1, 2, 3))
    assert all(it.is_between and not it.is_starting for it in found.values())
    assert found.keys() == {2, 3}
    again = _open(path)
    again.load((1, 2, 3))
    _start(again, 2)
    assert _open(path).load((2,))[2].is_starting


def test_an_attempt_that_cannot_be_recorded_is_not_started(path: Path) -> None:
    notes = _open(path)
    notes.load((), between=(1,))
    notes.close()
    with pytest.raises(OSError, match="Bad file"):
        _start(notes, 1)
    _start(notes, 2)


def test_a_start_is_recorded_before_its_process_exists(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    before = ticks_now()
    _start(notes, 1)
    with notes.starting(2, output_tells=False):
        pass
    found = _open(path).load((1, 2))
    assert found[1].is_starting
    assert found[2].is_starting
    assert (found[1].output_tells, found[2].output_tells) == (True, False)
    assert before <= found[1].process.earliest <= ticks_now()
    notes.note(1, StartedProcess(11, 1, 1))
    assert not _open(path).load((1,))[1].is_starting
    assert path.stat().st_size == 2 * 128


def test_blocking_starts_waits_for_starts_in_progress(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    _start(notes, 1)
    _start(notes, 2)
    with ThreadPoolExecutor() as pool:
        held = pool.submit(notes.hold_starts, PATIENCE)
        notes.note(1, StartedProcess(11, 1, 1))
        assert not held.done()
        notes.end_start(2)
        held.result(PATIENCE)
        started = pool.submit(_start, notes, 3)
        assert _open(path).load((3,)) == {}
        notes.let_start()
        started.result(PATIENCE)
    assert _open(path).load((3,)).keys() == {3}


def test_a_failed_start_is_not_waited_for(path: Path) -> None:
    notes = _open(path, numbers=True)
    notes.load(())
    with pytest.raises(ValueError, match="no"), notes.starting(1, output_tells=True):
        raise ValueError("no")
    notes.hold_starts(PATIENCE)


@pytest.mark.skipif(not HAS_NUMBERS, reason="needs Linux 6.12")
def test_each_start_has_a_number_that_its_process_keeps(path: Path) -> None:
    notes = _open(path, numbers=True)
    notes.load(())
    both = threading.Barrier(2)

    def start(task_id: int) -> int:
        with notes.starting(task_id, output_tells=True):
            both.wait(PATIENCE)
            pid = os.posix_spawnp("true", ["true"], os.environ, setsid=True)
            both.wait(PATIENCE)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        number = number_of(pid)
        os.waitpid(pid, 0)
        assert number_of(pid) == 0
        return number

    before = number_of(0)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(start, (1, 2))
    found = _open(path).load((1, 2))
    assert (found[1].number, found[2].number) == (first, second)
    assert len({first, second, before}) == 3


def test_the_mark_of_a_process_is_recorded_with_its_exit(tmp_path: Path) -> None:
    path = tmp_path / "exits"
    path.write_text(f"{BOOT} 300 71 256 main-{KEY}:7\n{BOOT} 301 72 9\n")
    path.chmod(0o600)
    exits = ExitNotes(path)
    unmarked = NotedExit(301, 72, 9)
    assert exits.all_since(71) == (NotedExit(300, 71, 256, f"main-{KEY}:7"), unmarked)
    assert exits.all_since(72) == (unmarked,)
    assert _status(exits, StartedProcess(300, 71, 71)) == 256


def test_the_number_of_a_start_is_recorded_with_its_exit(tmp_path: Path) -> None:
    path = tmp_path / "exits"
    number = (1 << 63) - 1
    path.write_text(
        f"{BOOT} 300 71 256 1 2 3 {number} main-{KEY}:7\n"
        f"{BOOT} 301 72 9 1 2 3 {number}\n"
        f"{BOOT} 302 72 9 1 2 3 main-{KEY}:8\n"
    )
    path.chmod(0o600)
    first, second, third = ExitNotes(path).all_since(0)
    assert (first.number, first.mark) == (number, f"main-{KEY}:7")
    assert (second.number, second.mark) == (number, "")
    assert (third.number, third.mark) == (0, f"main-{KEY}:8")
    assert first.figures == second.figures == third.figures
    assert first.figures is not None


def test_damaged_notes_are_ignored(path: Path) -> None:
    notes = _open(path)
    notes.load(())
    notes.note(1, StartedProcess(11, 1, 1))
    whole = path.read_bytes()
    chance = random.Random(int(os.environ["BACKBURNER_SEED"]))  # noqa: S311
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert _open(path).load((1,)) == {}
    for _ in range(300):
        damaged = bytearray(whole * 3)
        for _ in range(chance.randrange(1, 8)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        assert _open(path).load((1,)).keys() <= {1}


def test_exits_are_found_in_a_file_truncated_by_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "exits"
    exits = ExitNotes(path)
    process = StartedProcess(300, 70, 72)
    assert exits.find(process) is None
    line = f"{BOOT} 300 71 256\n".encode()
    for length in range(len(line)):
        path.write_bytes(line[:length])
        path.chmod(0o600)
        assert exits.find(process) is None
        assert ExitNotes(path).find(process) is None
    path.write_bytes(b"cut off 12\n" + line)
    assert _status(exits, process) == _status(ExitNotes(path), process) == 256


def test_an_exit_of_another_process_with_the_same_id_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "exits"
    path.write_text(f"0abc 300 71 256\n{BOOT} 300 73 512\n{BOOT} 300 69 0\n")
    path.chmod(0o600)
    assert ExitNotes(path).find(StartedProcess(300, 70, 72)) is None
    assert _status(ExitNotes(path), StartedProcess(300, 73, 73)) == 512


def test_exits_are_removed_when_no_longer_needed(tmp_path: Path) -> None:
    path = tmp_path / "exits"
    path.write_text(f"{BOOT} 300 71 256\n")
    path.chmod(0o600)
    exits = ExitNotes(path)
    exits.forget_all()
    assert path.stat().st_size == 0
    with path.open("a") as file:
        file.write(f"{BOOT} 300 70 0\n")
    assert _status(exits, StartedProcess(300, 70, 72)) == 0
    ExitNotes(tmp_path / "none").forget_all()
