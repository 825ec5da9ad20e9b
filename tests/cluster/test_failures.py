"""Jobs on a cluster that fails or has no room."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Task, TaskRequest, TaskStatus, TaskSystem, Terms
from backburner.actors.cluster.versions import our_version, versions_of_ray
from backburner.actors.session.errors import RefusedError
from conditions import until
from patience import PATIENCE

from tests.cluster.clusters import fake_engine
from tests.cluster.fake_cluster import FakeEngine, FakeSettings
from tests.faults.program import running_as

if TYPE_CHECKING:
    from collections.abc import Callable


def job(command: str, **terms: object) -> TaskRequest:
    return TaskRequest(
        command,
        "bash",
        (command,),
        terms=Terms(engine="fake", **terms),  # type: ignore[arg-type]
    )


def unlike() -> str:
    return f"600.{uuid.uuid4().int % 10**9:09}"


def reaches(system: TaskSystem, task_id: int, fits: Callable[[Task], object]) -> Task:
    until(lambda: fits(system.get(task_id)))
    return system.get(task_id)


def test_if_the_engine_is_killed_its_jobs_fail_and_others_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    engine, unique = fake_engine(), unlike()
    with TaskSystem(engines=[engine]) as system:
        local = system.add("here", "bash", "sleep 600").id
        far = system.add_request(job(f"sleep {unique}")).id
        reaches(system, far, lambda it: it.node)
        until(lambda: running_as(unique))
        assert [*tmp_path.glob("backburner-agent-*")]
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        (failed,) = system.wait(far, timeout=PATIENCE)
        # The nodes died with the engine process.
        assert failed.reason == (
            "the node node-1, or the agent on it, died while no engine process was"
            " running"
        )
        until(lambda: not running_as(unique), "the end of what it had started")
        until(
            lambda: not [*tmp_path.glob("backburner-agent-*")], "the end of its files"
        )
        assert system.get(local).status is TaskStatus.RUNNING
        (again,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert again.status is TaskStatus.COMPLETE


def test_a_task_that_may_try_again_does_so_on_another_engine_process() -> None:
    engine, unique = fake_engine(), unlike()
    with TaskSystem(engines=[engine]) as system:
        task_id = system.add_request(
            job(f"sleep {unique}", retries=1, retry_delay=0.01)
        ).id
        until(lambda: running_as(unique))
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        again = reaches(system, task_id, lambda it: it.attempt and it.node)
        assert again.status is TaskStatus.RUNNING


def test_if_a_node_dies_its_jobs_fail_and_waiting_jobs_go_elsewhere() -> None:
    engine, unique = fake_engine(first=1.0, second=1.0), unlike()
    with TaskSystem(engines=[engine]) as system:
        first = system.add_request(job(f"sleep {unique}")).id
        reaches(system, first, lambda it: it.node == "first")
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGUSR1)
        (failed,) = system.wait(first, timeout=PATIENCE)
        assert failed.reason == "the node first died while it ran there"
        until(lambda: not running_as(unique))
        (second,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert (second.status, second.node) == (TaskStatus.COMPLETE, "second")


def test_a_waiting_job_shows_the_free_amount_of_its_resources() -> None:
    with TaskSystem(engines=[fake_engine(one=4.0)]) as system:
        big = system.add_request(job("sleep 600", needs=(("CPU", 3.0),))).id
        reaches(system, big, lambda it: it.node)
        other = system.add_request(job("true", needs=(("CPU", 2.0),))).id
        waits = reaches(system, other, lambda it: it.reason.startswith("needs"))
        assert waits.reason == "needs 2 CPUs; 1 of 4 free"
        system.cancel(big, now=True)
        (ended,) = system.wait(other, timeout=PATIENCE)
        assert ended.status is TaskStatus.COMPLETE


def test_a_paused_waiting_job_reserves_no_resources() -> None:
    with TaskSystem(engines=[fake_engine(one=1.0)]) as system:
        first = system.add_request(job("sleep 600")).id
        reaches(system, first, lambda it: it.node)
        paused = system.add_request(job("true")).id
        reaches(system, paused, lambda it: it.reason.startswith("needs"))
        system.pause_task(paused)
        other = system.add_request(job("true")).id
        system.cancel(first, now=True)
        assert system.wait(other, timeout=PATIENCE)[0].status is TaskStatus.COMPLETE
        assert system.get(paused).node == ""
        system.resume_task(paused)
        (ended,) = system.wait(paused, timeout=PATIENCE)
        assert (ended.status, ended.node) == (TaskStatus.COMPLETE, "one")


def test_input_is_refused_until_the_job_has_begun() -> None:
    with TaskSystem(engines=[fake_engine(one=1.0)]) as system:
        big = system.add_request(job("true", needs=(("CPU", 2.0),), input="pipe")).id
        reaches(system, big, lambda it: it.reason.startswith("needs"))
        with pytest.raises(RefusedError, match="it waits to start"):
            system.send_input(big, "early\n")


def test_a_job_says_if_no_node_has_what_it_needs() -> None:
    with TaskSystem(engines=[fake_engine(one=4.0, two=2.0)]) as system:
        gpu = system.add_request(job("true", needs=(("GPU", 1.0),))).id
        wide = system.add_request(job("true", needs=(("CPU", 5.0),))).id
        waits = reaches(system, gpu, lambda it: it.reason.startswith("needs"))
        assert waits.reason == "needs 1 GPU; no node of the cluster has that"
        waits = reaches(system, wide, lambda it: it.reason.startswith("needs"))
        assert waits.reason.endswith("no node of the cluster has that; the most is 4")
        system.cancel(gpu)
        assert system.wait(gpu, timeout=PATIENCE)[0].status is TaskStatus.CANCELED


def test_an_unreachable_cluster_fails_the_task_with_the_reason() -> None:
    engine = fake_engine("nothing answers at 10.0.0.1:6379; start Ray there")
    with TaskSystem(engines=[engine]) as system:
        for _ in range(2):
            task_id = system.add_request(job("true")).id
            (failed,) = system.wait(task_id, timeout=PATIENCE)
            assert failed.reason == "nothing answers at 10.0.0.1:6379; start Ray there"


def test_a_task_can_name_the_address_of_its_cluster() -> None:
    engine = fake_engine("nothing answers at {address}")
    with TaskSystem(engines=[engine]) as system:
        for address, named in (("", "auto"), ("10.0.0.9:1", "10.0.0.9:1")):
            task_id = system.add_request(job("true", address=address)).id
            (failed,) = system.wait(task_id, timeout=PATIENCE)
            assert failed.reason == f"nothing answers at {named}"
            assert system.nodes(address=address).problem == failed.reason
        for wrong in ("somewhere", "host:port", "host:1:"):
            with pytest.raises(RefusedError, match="auto, or HOST:PORT"):
                system.add_request(job("true", address=wrong))
            with pytest.raises(RefusedError, match="auto, or HOST:PORT"):
                system.nodes(address=wrong)


@pytest.mark.parametrize("version", ["backburner 9.9 on Python 3.11", "on Python 9.9"])
def test_a_node_with_another_version_is_refused(version: str) -> None:
    engine = FakeEngine(FakeSettings(nodes={"one": {"CPU": 1.0}}, version=version))
    with TaskSystem(engines=[engine]) as system:
        (failed,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert failed.reason == (
            f"the node one has {version}, and this machine has {our_version()}; install"
            " the same on both"
        )
        (again,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert again.reason == failed.reason


def test_different_versions_of_ray_are_reported_in_one_line() -> None:
    problem = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n"
        "    Python: 3.10.4\nThis process on node 10.0.0.1 was started with:\n"
        "    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    line = versions_of_ray(problem)
    assert line == (
        f"it has Ray 2.9.0 on Python 3.10.4, and {sys.executable} has Ray 2.60.0 on"
        " Python 3.11.7; install the same, or name a Python that has it by [cluster]"
        " python"
    )
    assert versions_of_ray("no such host") is None


def test_a_missing_python_fails_the_task_with_the_reason() -> None:
    engine = FakeEngine(FakeSettings(), python="/no/such/python")
    with TaskSystem(engines=[engine]) as system:
        (failed,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert failed.reason == (
            "can't start the process of the engine fake: /no/such/python:"
            " No such file or directory"
        )


def test_an_engine_process_that_cannot_start_says_why() -> None:
    engine = FakeEngine(FakeSettings(), python="/bin/false")
    with TaskSystem(engines=[engine]) as system:
        (failed,) = system.wait(system.add_request(job("true")).id, timeout=PATIENCE)
        assert failed.reason == "the process of the engine fake ended (exit status 1)"


_PROGRAM = """
import sys, time
from tests.cluster.clusters import fake_engine
from backburner.actors import TaskRequest, TaskSystem, Terms
with TaskSystem(engines=[fake_engine()]) as system:
    terms = Terms(engine="fake")
    command = f"(setsid sleep {sys.argv[1]} &); sleep {sys.argv[1]}"
    system.add_request(TaskRequest("x", "bash", (command,), terms=terms))
    print("up", flush=True)
    time.sleep(600)
"""


def test_a_killed_session_leaves_nothing_on_the_cluster() -> None:
    unique = unlike()
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, unique],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "tests/helpers:."},
        stdout=subprocess.PIPE,
    )
    try:
        until(lambda: len(running_as(unique)) == 2, "the start of both processes")
    finally:
        program.kill()
        program.communicate()
    until(lambda: not running_as(unique), "the end of both processes")


def test_the_nodes_of_a_cluster_are_listed_with_their_jobs() -> None:
    engine = fake_engine(one=4.0)
    with TaskSystem(engines=[engine]) as system:
        task_id = system.add_request(job("sleep 600")).id
        reaches(system, task_id, lambda it: it.node)
        (node,) = engine.nodes(PATIENCE)
        assert (node.name, node.total, node.free) == ("one", {"CPU": 4.0}, {"CPU": 3.0})
        assert node.jobs == 1


@pytest.mark.parametrize("count", [300])
def test_many_waiting_jobs_are_canceled_with_the_session(count: int) -> None:
    with TaskSystem(engines=[fake_engine(one=1.0)]) as system:
        for _ in range(count):
            system.add_request(job("sleep 600"))
        until(lambda: any(it.node for it in system.list()))
    assert system.problems == ()


def test_a_session_lists_its_nodes_on_request() -> None:
    with TaskSystem(engines=[fake_engine(one=4.0)]) as system:
        found = system.nodes()
        assert [it.name for it in found.nodes] == ["one"]
        assert (found.engine, found.problem) == ("fake", "")
    with TaskSystem(engines=[fake_engine("nobody answers")]) as system:
        assert system.nodes("fake").problem == "nobody answers"
    with (
        TaskSystem() as system,
        pytest.raises(RefusedError, match="no engine '' with nodes"),
    ):
        system.nodes()
