"""Jobs on Ray while parts of the cluster are killed."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import subprocess
import sys
import time
import uuid
from functools import partial
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import Task, TaskRequest, TaskStatus, TaskSystem, Terms
from backburner.actors.cluster.lease import LEASE
from backburner.actors.cluster.ray_settings import RaySettings, Stay
from backburner.actors.cluster.remote import RemoteEngine
from conditions import until
from patience import PATIENCE

from tests.cluster.ray_nodes import CPUS, HEAD, OTHER, RayNodes
from tests.faults.program import running_as

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.cluster

ROUNDS = int(os.environ.get("BACKBURNER_ROUNDS", "50"))
"""The number of random kills."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    with RayNodes(6579) as nodes:
        yield nodes


def engine_of(nodes: RayNodes, lease: float = LEASE) -> RemoteEngine:
    settings = RaySettings(nodes.address, HEAD, stay=Stay(lease=lease))
    return RemoteEngine("ray", settings)


@pytest.fixture
def system(nodes: RayNodes) -> Iterator[TaskSystem]:
    with TaskSystem(engines=[engine_of(nodes)], grace=1.0) as system:
        yield system


def job(command: str, **terms: object) -> TaskRequest:
    return TaskRequest(
        command,
        "bash",
        (command,),
        terms=Terms(engine="ray", **terms),  # type: ignore[arg-type]
    )


def unlike() -> str:
    return f"600.{uuid.uuid4().int % 10**9:09}"


def reaches(system: TaskSystem, task_id: int, fits: Callable[[Task], object]) -> Task:
    until(lambda: fits(system.get(task_id)))
    return system.get(task_id)


def fill(system: TaskSystem, unique: str, **terms: object) -> list[Task]:
    """Run a job on each CPU of both nodes."""
    ids = [
        system.add_request(job(f"setsid sleep {unique} & sleep {unique}", **terms)).id
        for _ in range(2 * CPUS)
    ]

    def all_run() -> bool:
        ended = [it for it in map(system.get, ids) if it.status.is_final]
        assert not ended, ended[0].reason
        return len(running_as(unique)) == 4 * CPUS

    until(all_run, "the start of all")
    return [reaches(system, it, lambda task: task.node) for it in ids]


def test_jobs_run_on_both_nodes_and_name_them(system: TaskSystem) -> None:
    tasks = fill(system, unlike())
    assert sorted(it.node for it in tasks) == [HEAD] * CPUS + [OTHER] * CPUS
    late = system.add_request(job("true", needs=(("CPU", 2.0),))).id
    waits = reaches(system, late, lambda it: it.reason.startswith("needs"))
    assert waits.reason == "needs 2 CPUs; 0 of 4 free"
    impossible = system.add_request(job("true", needs=(("tpu", 1.0),))).id
    waits = reaches(system, impossible, lambda it: it.reason.startswith("needs"))
    assert waits.reason == "needs tpu=1; no node of the cluster has that"


def test_jobs_with_gpus_see_only_their_own(system: TaskSystem) -> None:
    command = "echo $CUDA_VISIBLE_DEVICES; exec sleep 600"
    needs = (("CPU", 0.5), ("GPU", 1.0))
    ids = [system.add_request(job(command, needs=needs)).id for _ in range(2)]
    tasks = [reaches(system, it, lambda task: task.last_line) for it in ids]
    assert sorted(it.last_line or "" for it in tasks) == ["0", "1"]
    assert {it.node for it in tasks} == {OTHER}


def test_if_an_agent_is_killed_its_jobs_fail_and_leave_nothing(
    nodes: RayNodes, system: TaskSystem
) -> None:
    unique = unlike()
    tasks = fill(system, unique)
    nodes.named("NodeAgent")[0].kill()
    until(lambda: len(running_as(unique)) <= 2 * CPUS, "the end of those of the agent")
    until(
        lambda: sum(system.get(it.id).status.is_final for it in tasks) == CPUS,
        "the failure of those of the agent",
    )
    ended = [it for it in map(system.get, (it.id for it in tasks)) if it.error]
    assert all("or the agent on it, died" in it.reason for it in ended)
    (again,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
    assert again.status is TaskStatus.COMPLETE


def test_if_the_engine_is_killed_its_jobs_continue(nodes: RayNodes) -> None:
    engine, unique = engine_of(nodes), unlike()
    with TaskSystem(engines=[engine]) as system:
        tasks = fill(system, unique)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        late = system.add_request(job("true")).id
        waits = reaches(system, late, lambda it: it.reason.startswith("needs"))
        assert waits.reason == "needs 1 CPU; 0 of 4 free"
        assert {system.get(it.id).status for it in tasks} == {TaskStatus.RUNNING}
        assert len(running_as(unique)) == 4 * CPUS
        system.cancel(tasks[0].id)
        (again,) = system.wait(late, timeout=PATIENCE)
        assert again.status is TaskStatus.COMPLETE
    until(lambda: not running_as(unique), "the end of all that they had started")


def test_if_a_node_dies_its_tasks_run_again_on_the_other(
    nodes: RayNodes, system: TaskSystem
) -> None:
    unique = unlike()
    tasks = fill(system, unique, retries=3, retry_delay=0.01)
    nodes.raylet(OTHER).kill()
    lost = [it.id for it in tasks if it.node == OTHER]
    for task in tasks:
        if task.node == HEAD:
            system.cancel(task.id, now=True)
    for task_id in lost:
        again = reaches(system, task_id, lambda it: it.attempt and it.node == HEAD)
        assert again.attempt is not None
        assert "died" in again.attempt.before
    until(lambda: len(running_as(unique)) == 2 * CPUS, "the end of the first attempts")
    system.cancel_all()
    nodes.start(OTHER)
    until(lambda: len(engine_nodes(nodes)) == 2, "the return of the node")


def kill(engine: RemoteEngine) -> None:
    if (pid := engine.pid) is not None:
        os.kill(pid, signal.SIGKILL)


def engine_nodes(nodes: RayNodes) -> tuple[object, ...]:
    engine = engine_of(nodes)
    with contextlib.closing(engine):
        return engine.nodes(PATIENCE)


def test_rounds_of_kills_at_random_leave_nothing_and_hang_nowhere(
    nodes: RayNodes,
) -> None:
    chance = random.Random(23)  # noqa: S311 - a test's
    engine, unique = engine_of(nodes), unlike()
    with TaskSystem(engines=[engine], grace=0.5) as system:
        for _ in range(ROUNDS):
            ids = [
                system.add_request(
                    job(f"(setsid sleep {unique} &); sleep 0.{chance.randint(1, 9)}")
                ).id
                for _ in range(6)
            ]
            reaches(system, ids[0], lambda it: it.node or it.status.is_final)
            time.sleep(chance.random() / 2)
            victims: list[Callable[[], object]] = [
                *(it.kill for it in nodes.named("NodeAgent")),
                partial(kill, engine),
                system.cancel_all,
            ]
            with contextlib.suppress(psutil.Error):
                chance.choice(victims)()
            ended = system.wait(*ids, timeout=PATIENCE)
            assert all(it.status.is_final for it in ended)
        (last,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert last.status is TaskStatus.COMPLETE
    until(lambda: not running_as(unique), "the end of all that was started")


def test_if_the_control_store_dies_the_session_continues() -> None:
    unique = unlike()
    with RayNodes(6679) as nodes:
        engine = engine_of(nodes, lease=10.0)
        with TaskSystem(engines=[engine]) as system:
            tasks = fill(system, unique)
            local = system.add("here", "bash", "sleep 600").id
            (store,) = nodes.named("gcs_server")
            store.kill()
            ended = system.wait(*(it.id for it in tasks), timeout=2 * PATIENCE)
            assert all(it.status is TaskStatus.FAILED for it in ended)
            assert all("the engine ray" in it.reason for it in ended)
            assert system.get(local).status is TaskStatus.RUNNING
            until(lambda: not running_as(unique), "the end of its jobs")
            (failed,) = system.wait(
                system.add_request(job("true")).id, timeout=2 * PATIENCE
            )
            assert f"nothing answers at {nodes.address}" in failed.reason


_TOO_LATE = """
import asyncio, sys
from backburner.actors.cluster.ray_cluster import RayCluster
from backburner.actors.cluster.ray_settings import RaySettings
asyncio.run(RayCluster(RaySettings(*sys.argv[1:])).connect())
import ray
ray.shutdown()
try:
    ray.remote(lambda: None).remote()
except Exception as error:
    print(error)
"""


def test_a_late_call_starts_no_other_cluster(nodes: RayNodes) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _TOO_LATE, nodes.address, HEAD],
        stdout=subprocess.PIPE,
        text=True,
        timeout=2 * PATIENCE,
        check=True,
    )
    assert "not been started" in done.stdout


def test_a_missing_head_is_named() -> None:
    engine = RemoteEngine("ray", RaySettings("127.0.0.9:6379"))
    with TaskSystem(engines=[engine]) as system:
        (failed,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert failed.reason == (
            "nothing answers at 127.0.0.9:6379 (Connection refused); if the head of the"
            " Ray cluster is not running, start it with: ray start --head"
        )


def pretending(folder: Path, lines: str) -> str:
    """Return a Python whose engine process runs these lines first."""
    script = folder / "python"
    script.write_text(
        f"#!{sys.executable}\n{lines}\n"
        "import runpy, sys\n"
        "sys.argv = sys.argv[2:]\n"
        "runpy.run_module('backburner.actors.cluster', run_name='__main__')\n"
    )
    script.chmod(0o755)
    return str(script)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            "import ray; ray.__version__ = '2.9.0'",
            (
                r"it has Ray [\d.]+ on Python [\d.]+, and \S+ has Ray 2\.9\.0 on Python"
                r" [\d.]+; install the same,"
            ),
        ),
        (
            (
                "import backburner.actors.cluster.versions as it;"
                " it.our_version = lambda: 'backburner 9.9 on Python 3.99'"
            ),
            (
                r"the node 127.0.0.\d has backburner \S+ on Python 3\.\d+, and this"
                r" machine has backburner 9\.9 on Python 3\.99; install"
            ),
        ),
    ],
)
def test_different_versions_are_reported_in_one_line(
    nodes: RayNodes, tmp_path: Path, lines: str, text: str
) -> None:
    python = pretending(tmp_path, lines)
    engine = RemoteEngine("ray", RaySettings(nodes.address, HEAD), python=python)
    with TaskSystem(engines=[engine]) as system:
        (failed,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert re.search(text, failed.reason), failed.reason
