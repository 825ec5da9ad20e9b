"""Control groups on an imitated tree: where they are created, and with which limits.

tests/system/test_bounds.py tests the kernel's own tree, as far as permitted.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Outcome, Terms
from backburner.actors.processes import cgroup
from backburner.actors.processes.bounds import Bounds
from backburner.actors.processes.cgroup import Base, Group, find_base, name_of

if TYPE_CHECKING:
    from pathlib import Path

ALL = frozenset({"cpu", "memory", "pids"})


def _group(path: Path, available: str, given: str) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "cgroup.controllers").write_text(f"{available}\n")
    (path / "cgroup.subtree_control").write_text(f"{given}\n")
    (path / "cgroup.procs").touch()
    return path


def _sealed(path: Path) -> Path:
    (
        path / "cgroup.procs"
    ).unlink()  # root ignores permissions, so this stands in for them
    return path


def test_the_nearest_group_with_all_controllers_is_chosen(tmp_path: Path) -> None:
    top = _sealed(_group(tmp_path / "top", "cpu io memory pids", "cpu memory pids"))
    slice_ = _group(top / "app.slice", "cpu memory pids", "cpu memory pids")
    own = _sealed(_group(slice_ / "run.scope", "cpu memory pids", ""))
    assert find_base(own, top) == Base(slice_, ALL)


def test_the_group_with_the_most_controllers_is_chosen(tmp_path: Path) -> None:
    top = _sealed(_group(tmp_path / "top", "memory pids", "memory pids"))
    slice_ = _group(top / "app.slice", "memory pids", "memory pids")
    own = _group(slice_ / "run.scope", "", "")
    assert find_base(own, top) == Base(slice_, frozenset({"memory", "pids"}))


def test_a_group_without_controllers_is_the_last_resort(tmp_path: Path) -> None:
    own = _group(tmp_path / "top", "hugetlb", "")
    assert find_base(own, own) == Base(own, frozenset())


def test_no_group_is_created_without_permission(tmp_path: Path) -> None:
    own = _sealed(_group(tmp_path / "top", "memory", "memory"))
    assert find_base(own, own) is None


def test_the_search_stops_at_the_mount(tmp_path: Path) -> None:
    outside = _group(tmp_path, "memory", "memory")
    top = _sealed(_group(outside / "top", "memory", "memory"))
    assert find_base(top, top) is None


def test_limits_are_written_in_the_format_of_the_kernel(tmp_path: Path) -> None:
    names = ("memory.max", "memory.swap.max", "memory.oom.group", "cpu.max", "pids.max")
    for name in names:
        (tmp_path / name).touch()
    Group(tmp_path, ALL).limit(Terms(memory=2 << 30, cpus=1.5, pids=100))
    assert [(tmp_path / name).read_text() for name in names] == [
        "2147483648",
        "0",
        "1",
        "150000 100000",
        "100",
    ]


def test_a_kernel_without_swap_limits_memory_as_well(tmp_path: Path) -> None:
    for name in ("memory.max", "memory.oom.group"):
        (tmp_path / name).touch()
    Group(tmp_path, ALL).limit(Terms(memory=1 << 30))
    assert (tmp_path / "memory.oom.group").read_text() == "1"


def test_a_limit_that_cannot_be_set_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Group(tmp_path, ALL).limit(Terms(pids=1))
    assert not [*tmp_path.iterdir()]


def test_only_available_controllers_are_written(tmp_path: Path) -> None:
    Group(tmp_path, frozenset()).limit(Terms(memory=1 << 30, cpus=1, pids=1))


def test_resource_usage_is_read(tmp_path: Path) -> None:
    for name, text in (
        ("cpu.stat", "usage_usec 1500000\nuser_usec 1\n"),
        ("memory.current", "4096\n"),
        ("memory.peak", "8192\n"),
        ("memory.events", "low 0\noom 3\noom_kill 2\n"),
        ("pids.events", "max 7\n"),
    ):
        (tmp_path / name).write_text(text)
    usage = Group(tmp_path, ALL).usage()
    assert usage == cgroup.Usage(1.5, 4096, 8192, 2, 7)


def test_processes_of_a_group_are_found_and_killed(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text(f"{os.getpid()}\n4194305\n")
    (tmp_path / "cgroup.kill").touch()
    bounds = Bounds(Terms(pids=5), Group(tmp_path, ALL))
    # The living processes; the second id belongs to none.
    assert [it.pid for it in bounds.members()] == [os.getpid()]
    bounds.kill()
    assert (tmp_path / "cgroup.kill").read_text() == "1"


@pytest.mark.parametrize(
    ("name", "text", "terms", "reason"),
    [
        (
            "memory.events",
            "oom_kill 1\n",
            Terms(memory=2 << 30),
            "killed: used 2 GiB of 2 GiB",
        ),
        (
            "pids.events",
            "max 3\n",
            Terms(pids=5),
            "exit status 1; it could not have more than 5 processes",
        ),
        ("memory.events", "oom_kill 0\n", Terms(memory=2 << 30), "exit status 1"),
    ],
)
def test_a_task_that_exceeded_a_limit_says_so(
    tmp_path: Path, name: str, text: str, terms: Terms, reason: str
) -> None:
    (tmp_path / name).write_text(text)
    (tmp_path / "memory.peak").write_text("4096\n")
    outcome = Bounds(terms, Group(tmp_path, ALL)).judged(
        Outcome.failed("exit status 1", 1)
    )
    assert (outcome.reason, outcome.error) == (reason, reason)
    assert outcome.figures is not None
    assert outcome.figures.peak_memory == 4096
    assert outcome.figures.limits.endswith("(cgroup)")


def test_a_removed_group_has_no_figures(tmp_path: Path) -> None:
    group = Group(tmp_path / "gone", ALL)
    assert group.usage() == cgroup.Usage()
    assert group.pids() == []
    group.kill()
    assert group.remove()


@pytest.mark.parametrize(
    ("mark", "attempt", "name"),
    [
        ("work-1f2e3d4c5b6a:3", 1, "backburner-1f2e3d4c5b6a-3"),
        ("a-b-1f2e3d4c5b6a:3", 2, "backburner-1f2e3d4c5b6a-3-2"),
    ],
)
def test_a_group_is_named_after_session_and_task(
    mark: str, attempt: int, name: str
) -> None:
    assert name_of(mark, attempt) == name


def test_the_groups_of_a_session_are_found(tmp_path: Path) -> None:
    for name in (
        "backburner-1f2e3d4c5b6a-3",
        "backburner-1f2e3d4c5b6a-12-2",
        "backburner-ffffffffffff-4",
        "backburner-1f2e3d4c5b6a-x",
        "other",
    ):
        (tmp_path / name).mkdir()
    found = cgroup.of_session(Base(tmp_path, ALL), "1f2e3d4c5b6a")
    assert [task_id for task_id, _ in found] == [12, 3]
