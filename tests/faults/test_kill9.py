"""The program killed with SIGKILL at random moments, under load, and opened again.

Every announced change must hold, and no process of a killed
program may be left once the session is open again.
"""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import psutil
from backburner.actors import Task, TaskEvent, TaskStatus
from backburner.actors.journal.sqlite import SqliteJournal

from tests.faults.program import Line, Program, running_as, tagged, until_running

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_HISTORY: Final = 1000
_NUMBERS: Final = 40
_ALL_NUMBERS: Final = "".join(f"{i}\n" for i in range(1, _NUMBERS + 1))
_PRINTS: Final = f"for i in $(seq {_NUMBERS}); do echo $i; sleep 0.005; done"
_LOAD: Final = (
    f'/task "numbers" bash {_PRINTS}',
    '/task "short" bash true',
    '/task "fails" bash exit 3',
    f'/task "numbers" bash seq {_NUMBERS}',
    '/task "children" bash sleep 600 & sleep 600 & wait',
    '/task "setsid" bash setsid sleep 600 & setsid -w sleep 600',
    '/task "left behind" bash setsid sleep 600 & echo off',
    '/task "nap" sleep 50ms',
    f'/task "numbers" bash (seq {_NUMBERS}); sleep 0.05',
    "/cancel last",
)
_FINAL: Final = {TaskEvent.COMPLETE, TaskEvent.FAILED, TaskEvent.CANCELED}
_LOST: Final = "the session ended while it ran"
_decode_task = msgspec.json.Decoder(Task).decode


@dataclass
class _Told:
    """The announcements of all programs so far, which the next ones must honor."""

    acknowledged: dict[int, Task] = field(default_factory=dict[int, Task])
    settled: dict[int, Task] = field(default_factory=dict[int, Task])
    shown: Counter[int] = field(default_factory=Counter[int])
    newest_id: int = 0
    repeated: int = 0

    def take(self, lines: list[Line], written_down: int) -> None:
        """Take the announcements of one program, from its start to its end.

        Args:
            lines: All of it.
            written_down: The number up to which the journal had all changes as shown
                when the program was started.
        """
        shown_now = Counter(it.seq for it in lines if it.task and it.event in _FINAL)
        assert set(shown_now.values()) <= {1}, "a notification came twice"
        again = [seq for seq in shown_now if self.shown[seq]]
        assert not [seq for seq in again if seq <= written_down], "shown twice"
        self.repeated += len(again)
        self.shown.update(shown_now.keys())
        for line in lines:
            if line.task is None:
                continue
            task = line.task
            if line.event == TaskEvent.QUEUED and task.id not in self.acknowledged:
                assert task.id > self.newest_id, "an id was given twice"
                self.newest_id = task.id
            self.acknowledged[task.id] = task
            if task.status.is_final:
                before = self.settled.setdefault(task.id, task)
                changed = _differences(before, task)
                assert not changed, f"a task that had ended changed: {changed}"


def _differences(before: Task, after: Task) -> list[str]:
    """Return the changes of a task after its end, for people.

    Except for processes left running: the next program ends and forgets them.
    """
    before, after = before.with_left_running(""), after.with_left_running("")
    return [
        f"{name}: {old} -> {new}"
        for name in Task.__struct_fields__
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


@dataclass
class _Written:
    """The contents of a journal that no program is changing."""

    tasks: dict[int, Task]
    final_seqs: dict[int, int]
    integrity: str


def _read_journal(state: Path) -> _Written:
    with sqlite3.connect(state / "main/session.db") as db:
        (integrity,) = db.execute("PRAGMA integrity_check").fetchone()
        tasks = [
            _decode_task(own or told)
            for own, told in db.execute(
                "SELECT t.snapshot, c.snapshot FROM tasks t"
                " LEFT JOIN changes c ON c.seq = t.seq"
            )
        ]
        changes = db.execute("SELECT seq, task_id, event FROM changes").fetchall()
    db.close()
    finals = {seq: task_id for seq, task_id, event in changes if event in _FINAL}
    assert len(set(finals.values())) == len(finals), "a task ended twice"
    return _Written({task.id: task for task in tasks}, finals, integrity)


def _shown_before(state: Path) -> int:
    path = state / "main/session.db"
    if not path.exists():
        return 0
    with sqlite3.connect(path) as db:
        try:
            rows = db.execute("SELECT value FROM meta WHERE key = 'shown'").fetchone()
        except sqlite3.OperationalError:
            rows = None  # killed before it had created its tables
    db.close()
    return rows[0] if rows else 0


def _check_tasks(announced: _Told, written: _Written, alive_ids: set[int]) -> None:
    """Compare the journal with the announcements.

    Args:
        told: By programs that are dead.
        written: What is in the journal of the one that is open.
        alive_ids: The tasks that the open one has started.
    """
    assert written.integrity == "ok"
    finished = sum(task.status.is_final for task in written.tasks.values())
    for task_id, told_of in announced.acknowledged.items():
        task = written.tasks.get(task_id)
        if task is None and told_of.status.is_final and finished == _HISTORY:
            continue
        assert task is not None, f"{told_of} was acknowledged and is gone"
        assert (task.description, task.args) == (told_of.description, told_of.args)
        if told_of.status.is_final:
            changed = _differences(told_of, task)
            assert not changed, f"what was told of {task_id} is not true: {changed}"
        elif task_id not in alive_ids and told_of.status is TaskStatus.RUNNING:
            assert task.status.is_final


def _check_outputs(written: _Written, state: Path) -> None:
    gone = {t.id for t in written.tasks.values() if not _has_whole_output(t)}
    # The open program may have forgotten these tasks: first in the journal, then here.
    assert not gone or not gone & _read_journal(state).tasks.keys(), "output is gone"


def _has_whole_output(task: Task) -> bool:
    if task.description != "numbers" or task.output_path is None:
        return True
    try:
        output = Path(task.output_path).read_text()
    except FileNotFoundError:
        return task.status is not TaskStatus.COMPLETE
    assert _ALL_NUMBERS.startswith(output)
    if task.status.is_final:
        assert task.output_size == len(output)
    if task.status is TaskStatus.COMPLETE:
        assert output == _ALL_NUMBERS
    return True


def _wait_until_open(program: Program) -> None:
    program.send("/tasks --failed")
    program.wait_for(lambda line: line.event == "tasks")


def _kill_and_check(state: Path, rounds: int, chance: random.Random) -> _Told:
    announced = _Told()
    dead: list[str] = []
    killed: list[str] = []
    for _ in range(rounds):
        shown_before = _shown_before(state)
        with Program(state, "--parallel", "3") as program:
            if chance.random() < 0.75:
                _wait_until_open(program)
                _check_after_reopening(announced, program, state, dead)
                dead.clear()
            program.send(*chance.choices(_LOAD, k=12))
            time.sleep(chance.uniform(0, 0.4))
            program.process.kill()
            program.wait()
            announced.take(program.lines, shown_before)
            dead.append(program.tag)
            killed.append(program.tag)
            # Remaining processes are for the next program to find.
            program.tag = "nothing"
    shown_before = _shown_before(state)
    with Program(state, "--parallel", "3") as program:
        _wait_until_open(program)
        _check_after_reopening(announced, program, state, dead)
        program.send("/quit")
        program.wait()
        announced.take(program.lines, shown_before)
        assert program.left() == []
        assert [it for tag in killed for it in tagged(tag)] == []
    return announced


def _older_than(program: Program, tags: list[str]) -> list[psutil.Process]:
    """Return the remaining processes of earlier programs with these tags.

    Tasks that were queued run now, in the environment that they were added in.
    """
    since = psutil.Process(program.process.pid).create_time()
    left = [it for tag in tags for it in tagged(tag)]
    return [it for it in left if it.create_time() < since]


def _check_after_reopening(
    announced: _Told, program: Program, state: Path, dead: list[str]
) -> None:
    assert _older_than(program, dead) == []
    written = _read_journal(state)
    # Lines are printed after the journal is written, so the journal may be ahead.
    lines = list(program.lines)
    started = {it.task.id for it in lines if it.task and it.event == TaskEvent.RUNNING}
    _check_tasks(announced, written, started)
    _check_outputs(written, state)
    lost = {it.task.id for it in lines if it.task and it.task.reason == _LOST}
    assert all(written.tasks[i].status is TaskStatus.FAILED for i in lost)
    opened_with = max((line.seq for line in lines if line.task), default=0)
    shown_here = {it.seq for it in lines if it.task and it.event in _FINAL}
    unshown = {
        seq
        for seq in written.final_seqs
        if not announced.shown[seq] and seq not in shown_here and seq <= opened_with
    }
    assert not unshown, "a notification was never shown"


def test_the_number_of_a_shown_progress_is_not_reused(tmp_path: Path) -> None:
    """Otherwise a later change would count as shown before it was."""
    journal = SqliteJournal(tmp_path / "session.db")
    journal.load()
    journal.shown(7)
    journal.close(clean=False)
    again = SqliteJournal(tmp_path / "session.db")
    assert again.load().seq == 7
    again.release()


def test_processes_without_the_mark_are_found_by_their_parents(state: Path) -> None:
    hidden = "env -i setsid sleep 600 & env -i setsid -w sleep 600 & echo up; wait"
    unique = f"60.{uuid.uuid4().int % 10**9:09}"
    with Program(state) as program:
        program.send("!" + hidden.replace("sleep 600", f"sleep {unique}"))
        program.wait_for(lambda it: it.task is not None and it.task.last_line == "up")
        until_running(unique, 2)
        program.process.kill()
        program.wait()
        assert len(running_as(unique)) == 2
        with Program(state) as again:
            lost = again.wait_for_event(TaskEvent.FAILED, 1)
            assert running_as(unique) == []
            assert lost.reason == _LOST
            # Progress is not stored, but the output file can be read.
            assert (lost.output_size, lost.last_line) == (3, "up")
            again.send("/quit")
            again.wait()


def test_announced_changes_survive_a_kill(
    state: Path, chance: random.Random, report: Callable[[str], None], *, soak: bool
) -> None:
    rounds = 200 if soak else 4
    announced = _kill_and_check(state, rounds, chance)
    report(
        f"{rounds} kills, {len(announced.acknowledged)} tasks acknowledged,"
        f" {sum(announced.shown.values())} last notifications shown,"
        f" {announced.repeated} of them again after a kill"
    )
