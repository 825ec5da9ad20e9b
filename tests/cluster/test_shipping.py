"""A directory shipped with a task: its files, size and location."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Task, TaskRequest, TaskStatus, TaskSystem, Terms
from backburner.actors.cluster.ray_settings import Shipping
from conditions import until
from patience import PATIENCE

from tests.cluster.clusters import Kept, ray_engine
from tests.cluster.fake_cluster import FakeEngine, FakeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from backburner.actors.cluster.remote import RemoteEngine

    Run = Callable[[Path, str], Task]


@pytest.fixture(
    scope="module", params=["fake", pytest.param("ray", marks=pytest.mark.cluster)]
)
def engine(request: pytest.FixtureRequest) -> Iterator[RemoteEngine]:
    shipping = Shipping(limit=1 << 20, leave_out=("data", "*.ckpt"))
    if request.param == "ray":
        made = ray_engine(shipping)
    else:
        made = FakeEngine(FakeSettings(nodes={"one": {"CPU": 4.0}}, shipping=shipping))
    yield made
    made.close()


@pytest.fixture
def run(engine: RemoteEngine) -> Iterator[Run]:
    terms = Terms(engine=engine.name, ships=True)
    with TaskSystem(engines=[Kept(engine)]) as system:

        def run(folder: Path, command: str) -> Task:
            request = TaskRequest(
                command, "bash", (command,), directory=str(folder), terms=terms
            )
            task_id = system.add_request(request).id
            (task,) = system.wait(task_id, timeout=PATIENCE)
            return task

        yield run


def printed(task: Task) -> str:
    assert task.output_path is not None
    return Path(task.output_path).read_text()


def test_a_task_runs_in_a_copy_of_its_directory_that_is_deleted_with_it(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "input").write_text("given\n")
    (tmp_path / "tool").write_text("#!/bin/sh\necho tool\n")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "link").symlink_to("sub/input")
    task = run(tmp_path, 'cat link; ./tool; echo new > made; echo "$PWD"; pwd')
    *lines, variable, place = printed(task).splitlines()
    assert lines == ["given", "tool"]
    assert variable == place != str(tmp_path)
    assert not (tmp_path / "made").exists()
    until(lambda: not Path(place).exists(), "the end of the copy")


def test_a_changed_file_is_sent_with_the_next_task(run: Run, tmp_path: Path) -> None:
    for text in ("one\n", "two\n"):
        (tmp_path / "input").write_text(text)
        assert printed(run(tmp_path, "cat input")) == text


def test_files_that_are_useless_elsewhere_are_not_sent(
    run: Run, tmp_path: Path
) -> None:
    for name in (".git/config", "x/__pycache__/m.pyc", "data/big", "model.ckpt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "kept").write_text("")
    found = printed(run(tmp_path, "find . -type f"))
    assert found == "./kept\n"


def test_files_that_git_ignores_are_not_sent(run: Run, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("*.o\n")
    for name in ("main.c", "main.o"):
        (tmp_path / name).write_text("")
    assert printed(run(tmp_path, "ls")) == "main.c\n"


def test_a_directory_that_is_too_big_is_refused_in_one_line(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "small").write_text("x")
    (tmp_path / "big").write_bytes(bytes(2 << 20))
    task = run(tmp_path, "ls")
    assert task.status is TaskStatus.FAILED
    assert task.reason == (
        f"can't copy {tmp_path}: it has 2 MiB in 2 files, and the limit is 1 MiB;"
        " the largest is big (2 MiB); leave files out by .gitignore or [cluster]"
        " leave_out, or raise [cluster] ship_limit"
    )


def test_a_missing_directory_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    assert run(gone, "ls").reason == (
        f"can't copy {gone}: {gone}/: No such file or directory"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    (tmp_path / "secret").chmod(0)
    assert run(tmp_path, "ls").reason == (
        f"can't copy {tmp_path}: {tmp_path}/secret: Permission denied"
    )
