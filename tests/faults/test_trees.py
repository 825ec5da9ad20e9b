"""Canceled tasks leave no process of any kind behind."""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.actors import TaskChanged, TaskFilter, TaskStatus, TaskSystem
from backburner.actors.testing import Recorder, running
from patience import PATIENCE

from tests.faults.program import TAG, soak_only, tagged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backburner.actors import Notification

_GRACE: Final = 0.3
_DEAF: Final = "trap '' TERM; while :; do sleep 0.03; done"
_TREES: Final = {
    "children": "sleep 600 & sleep 600 & echo up; wait",
    "a deep family": "bash -c 'bash -c \"sleep 600 & wait\" & wait' & echo up; wait",
    "a pipeline": "yes | grep --line-buffered -m1 y | sed s/y/up/; yes | sleep 600",
    "a child in another session": "setsid sleep 600 & echo up; setsid -w sleep 600",
    "a double fork": (
        "(setsid bash -c 'sleep 600 & exec sleep 600' &); echo up; sleep 600"
    ),
    "a daemon whose parents are gone": (
        "(setsid bash -c 'setsid sleep 600 & exit' &); echo up; sleep 600"
    ),
    "no environment": (
        "env -i sleep 600 & env -i setsid -w sleep 600 & echo up; exec sleep 600"
    ),
    "deaf to SIGTERM": f"echo up; {_DEAF}",
    "deaf children": f'bash -c "{_DEAF}" & bash -c "{_DEAF}" & echo up; wait',
    "a deaf child in another session": (
        f'setsid bash -c "{_DEAF}" & echo up; sleep 600'
    ),
    "a stopped child": "sleep 600 & kill -STOP $!; echo up; wait",
    "a stopped deaf child in another session": (
        f'setsid bash -c "{_DEAF}" & sleep 0.1; kill -STOP $!; echo up; wait'
    ),
    "stops itself": "echo up; kill -STOP $$; sleep 600",
    "answers SIGTERM with children": (
        "trap 'for i in 1 2 3 4 5; do setsid sleep 600 & done' TERM;"
        " echo up; while :; do sleep 0.03; done"
    ),
    "ends at once and leaves deaf ones": (
        f'bash -c "{_DEAF}" & setsid bash -c "{_DEAF}" & trap exit TERM; echo up;'
        " while :; do sleep 0.03; done"
    ),
    "forks all the time": (
        "trap '' TERM; echo up; for i in $(seq 150); do"
        " setsid bash -c 'trap \"\" TERM; sleep 600' & sleep 0.01; done; wait"
    ),
    "passes on its place all the time": (
        "hop() { trap '' TERM; sleep 0.05;"
        " [ $1 -gt 0 ] && (hop $(($1 - 1)) &) || sleep 600; };"
        " (hop 60 &); echo up; sleep 600"
    ),
}


@dataclass
class _Session:
    system: TaskSystem
    news: Recorder[Notification]
    tag: str

    def start(self, *commands: str) -> None:
        """Start command lines, and wait until each has reported its start."""
        waiting = {self.system.add("Tree", "bash", it).id for it in commands}
        while waiting:
            up = self.news.wait_for(
                TaskChanged, lambda it: it.task.last_line == "up", timeout=PATIENCE
            )
            waiting.discard(up.task.id)

    def left(self, unique: str) -> list[psutil.Process]:
        """Return the remaining processes of the command line with this tag."""
        found = {process.pid: process for process in tagged(self.tag)}
        for process in psutil.process_iter():
            # Processes without an environment are known by their arguments.
            with contextlib.suppress(psutil.Error):
                if unique in " ".join(process.cmdline()):
                    found[process.pid] = process
        return [*found.values()]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[_Session]:
    tag = uuid.uuid4().hex
    news: Recorder[Notification] = Recorder()
    with running(TaskSystem(slots=32, grace=_GRACE), dead_letters=True) as system:
        # Children inherit this environment; it is removed later.
        monkeypatch.setenv(TAG, tag)
        system.subscribe(news)
        yield _Session(system, news, tag)


def _unique() -> str:
    return f"600.{uuid.uuid4().int % 10**9:09}"


@pytest.mark.parametrize("now", [False, True], ids=["asked", "killed"])
def test_canceled_trees_leave_no_process(
    session: _Session, report: Callable[[str], None], *, now: bool
) -> None:
    unique = _unique()
    session.start(
        *(it.replace("sleep 600", f"sleep {unique}") for it in _TREES.values())
    )
    for task in session.system.list():
        session.system.cancel(task.id, now=now)
    ended = session.system.wait(timeout=PATIENCE)
    assert session.left(unique) == []
    assert {task.status for task in ended} == {TaskStatus.CANCELED}
    assert {task.error for task in ended} == {None}
    report(
        f"{len(ended)} trees at once, gone {_longest(session):.2f} s after the cancel"
    )


def _longest(session: _Session) -> float:
    """Return the longest time from a cancel to its task's end."""
    asked: dict[int, float] = {}
    longest = 0.0
    for change in session.news.of(TaskChanged):
        task = change.task
        if task.reason == "stopping, canceled":
            asked.setdefault(task.id, task.duration or 0.0)
        elif task.status.is_final:
            longest = max(longest, (task.duration or 0.0) - asked[task.id])
    return longest


@soak_only
@pytest.mark.parametrize("tree", _TREES)
def test_a_single_canceled_tree_leaves_no_process(tree: str, session: _Session) -> None:
    for now in (False, True) * 5:
        unique = _unique()
        session.start(_TREES[tree].replace("sleep 600", f"sleep {unique}"))
        (task,) = session.system.list(TaskFilter.RUNNING)
        session.system.cancel(task.id, now=now)
        (ended,) = session.system.wait(task.id, timeout=PATIENCE)
        assert session.left(unique) == []
        assert (ended.status, ended.error) == (TaskStatus.CANCELED, None)


def test_ending_the_session_with_all_trees_leaves_no_process(session: _Session) -> None:
    unique = _unique()
    session.start(
        *(it.replace("sleep 600", f"sleep {unique}") for it in _TREES.values())
    )
    # Processes that a task left running on purpose continue until then.
    task = session.system.add("Server", "bash", f"setsid sleep {unique} & true")
    session.system.wait(task.id, timeout=PATIENCE)
    session.system.stop()
    assert session.left(unique) == []
