"""Kinds that other packages provide by entry points."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from backburner.actors import (
    BashKind,
    Kinds,
    SleepKind,
    TaskStatus,
    TaskSystem,
    installed_kinds,
)
from backburner.actors.testing import FakeKind, running
from patience import PATIENCE
from programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = """
from backburner.actors import BashKind, ProcessKind

class Greet(ProcessKind):
    name = "greet"
    usage = "NAME"
    summary = "greet somebody"

    def command(self, args):
        return ["echo", "hello", *args]

ready = Greet()
ready.name = "ready"

class NoKind:
    pass

def broken():
    raise RuntimeError("no licence")
"""
POINTS = """
[backburner.kinds]
a_greet = brought_kinds:Greet
b_ready = brought_kinds:ready
c_broken = brought_kinds:broken
d_missing = brought_kinds:Missing
e_gone = no_such_module:Kind
f_none = brought_kinds:NoKind
g_again = backburner.actors:BashKind
"""


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that provides good and broken kinds."""
    folder = tmp_path / "site"
    metadata = folder / "brought_kinds-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Name: brought-kinds\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(POINTS)
    (folder / "brought_kinds.py").write_text(PACKAGE)
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    return folder


def test_installed_kinds_follow_given_kinds_and_broken_ones_are_reported(
    brought: Path,
) -> None:
    del brought
    kinds = installed_kinds([BashKind(), SleepKind()])
    assert [it.name for it in kinds] == ["bash", "sleep", "greet", "ready"]
    problems = "\n".join(kinds.problems)
    for says in (
        "'c_broken' (brought_kinds:broken) is left out: RuntimeError: no licence",
        "'d_missing' (brought_kinds:Missing) is left out: AttributeError",
        "'e_gone' (no_such_module:Kind) is left out: ModuleNotFoundError",
        "'f_none' (brought_kinds:NoKind) is left out: TypeError: NoKind is not a kind",
        "'g_again' (backburner.actors:BashKind) is left out: ValueError: two",
    ):
        assert says in problems
    assert len(kinds.problems) == 5


def test_given_kinds_of_a_wrong_type_are_named() -> None:
    wrong: Any = BashKind()
    with pytest.raises(TypeError, match=r"^kinds must be kinds, such as .*, not BashK"):
        installed_kinds(wrong)


def test_without_installed_kinds_nothing_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "importlib.metadata", None)
    assert [it.name for it in installed_kinds([SleepKind()])] == ["sleep"]


def test_a_system_with_installed_kinds_reports_problems(brought: Path) -> None:
    del brought
    with running(TaskSystem(kinds=installed_kinds([BashKind()]))) as system:
        assert len(system.warnings) == 5
        (ended,) = system.wait(system.add("Hi", "greet", "you").id, timeout=PATIENCE)
        assert (ended.status, ended.last_line) == (TaskStatus.COMPLETE, "hello you")


@pytest.mark.parametrize("host", [False, True])
def test_the_program_runs_installed_kinds_and_ignores_broken_ones(
    brought: Path, tmp_path: Path, *, host: bool
) -> None:
    command = [sys.executable, "-m", "backburner", "--json"]
    if host:
        command += ["--host", "--state-dir", str(tmp_path / "state")]
    else:
        command.append("--ephemeral")
    done = run_program(
        *command,
        input='/task "Hi" greet you\n/wait 1\n' + "/quit --end\n" * host,
        env={**os.environ, "PYTHONPATH": str(brought)},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert any(it.get("task", {}).get("last_line") == "hello you" for it in lines), (
        done.stdout + done.stderr
    )
    output = done.stdout + done.stderr
    assert "the installed kind 'c_broken'" in output


class _Pool(FakeKind):
    """Holds a resource."""

    def __init__(self, problem: Exception | None = None) -> None:
        super().__init__()
        self.closed: list[int] = []
        self._problem = problem

    def close(self) -> None:
        """Record the number of jobs."""
        self.closed.append(len(self.jobs))
        if self._problem is not None:
            raise self._problem


def test_a_kind_is_closed_once_after_its_last_job() -> None:
    kind = _Pool()
    system = TaskSystem(kinds=Kinds([kind]))
    for _ in range(2):
        with running(system):
            kind.job(system.add("Build", "fake").id)
            assert len(kind.closed) < len(kind.jobs) or kind.closed == [1]
    assert len(kind.closed) == 2
    assert [it.asked.received[-1] for it in kind.jobs] == ["look"] * len(kind.jobs)


def test_a_kind_that_fails_to_close_is_reported_by_the_stop() -> None:
    kind = _Pool(OSError("the pool is stuck"))
    with running(TaskSystem(kinds=[kind])) as system:
        pass
    assert system.problems == ("a step of the session's end failed: the pool is stuck",)
