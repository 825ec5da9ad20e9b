"""Jobs on a cluster that continue after their engine or host was killed."""

from __future__ import annotations

import os
import signal
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import Task, TaskStatus, TaskSystem
from backburner.actors.cluster.lease import Lease, OwnerError
from backburner.actors.cluster.ray_settings import Stay
from backburner.actors.cluster.versions import our_version
from conditions import until
from patience import PATIENCE

from tests.cluster.fake_cluster import FakeEngine, FakeSettings
from tests.cluster.outliving import Cluster
from tests.faults.program import running_as

if TYPE_CHECKING:
    from collections.abc import Iterator


SHORT = 8.0
"""A lease in seconds that a test waits for; a busy machine may miss one of 3 s."""

COUNT = "for i in 1 2 3 4 5; do echo $i; done; until test -e go; do sleep 0.05; done;"


@pytest.fixture(params=["fake", pytest.param("ray", marks=pytest.mark.cluster)])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Cluster]:
    # Socket names have a short limit.
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        yield Cluster(request.param, tmp_path, f"{short}/nodes")


def unlike() -> str:
    return f"600.{uuid.uuid4().int % 10**9:09}"


def printed(task: Task) -> str:
    assert task.output_path is not None
    return Path(task.output_path).read_text()


def test_a_job_continues_if_the_engine_process_is_killed(cluster: Cluster) -> None:
    engine = cluster.engine()
    with cluster.system(engine) as system:
        task_id = system.add_request(cluster.job(f"{COUNT} echo 6; exit 7")).id
        until(lambda: system.get(task_id).last_line == "5")
        old = engine.pid
        assert old is not None
        os.kill(old, signal.SIGKILL)
        until(lambda: engine.pid not in {old, None}, "the next process")
        cluster.go()
        (ended,) = system.wait(task_id, timeout=PATIENCE)
        assert (printed(ended), ended.exit_code) == ("1\n2\n3\n4\n5\n6\n", 7)
        (other,) = system.wait(
            system.add_request(cluster.job("true", needs=(("CPU", 2.0),))).id,
            timeout=PATIENCE,
        )
        assert other.status is TaskStatus.COMPLETE
    until(cluster.is_empty)


def test_a_waiting_job_begins_once_if_the_engine_is_killed(cluster: Cluster) -> None:
    engine = cluster.engine()
    with cluster.system(engine) as system:
        all_cpus = (("CPU", 2.0),)
        first = [
            system.add_request(cluster.job(COUNT, needs=all_cpus)).id for _ in range(2)
        ]
        until(lambda: all(system.get(it).node for it in first))
        waits = system.add_request(cluster.job("echo begun", needs=all_cpus)).id
        until(lambda: system.get(waits).reason.startswith("needs"))
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        late = system.add_request(cluster.job("true", needs=(("CPU", 1.0),))).id
        until(lambda: system.get(late).reason == "needs 1 CPU; 0 of 4 free")
        cluster.go()
        *_, ended = system.wait(*first, late, waits, timeout=PATIENCE)
        assert (ended.status, printed(ended)) == (TaskStatus.COMPLETE, "begun\n")


def test_a_job_can_be_stopped_after_the_engine_was_killed(cluster: Cluster) -> None:
    engine, unique = cluster.engine(), unlike()
    with cluster.system(engine) as system:
        task_id = system.add_request(cluster.job(f"sleep {unique}")).id
        until(lambda: running_as(unique) and system.get(task_id).node)
        assert engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        system.cancel(task_id)
        (ended,) = system.wait(task_id, timeout=PATIENCE)
        assert ended.status is TaskStatus.CANCELED
        until(lambda: not running_as(unique))


def test_a_job_continues_if_the_host_is_killed(cluster: Cluster) -> None:
    with cluster.host(f"{COUNT} echo 6; exit 7") as kill:
        kill()
    with cluster.system(cluster.engine()) as system:
        assert system.get(1).status is TaskStatus.RUNNING
        cluster.go()
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert (printed(ended), ended.exit_code) == ("1\n2\n3\n4\n5\n6\n", 7)
    until(cluster.is_empty)


def test_the_end_of_a_job_without_a_host_is_known(cluster: Cluster) -> None:
    with cluster.host(f"{COUNT} echo 6; touch ended; exit 7") as kill:
        kill()
    cluster.go()
    until((cluster.folder / "ended").exists)
    with cluster.system(cluster.engine()) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.exit_code == 7
        assert printed(ended) == "1\n2\n3\n4\n5\n6\n"


def test_a_job_waiting_for_input_still_waits_under_the_next_host(
    cluster: Cluster,
) -> None:
    terms = '{"input": "terminal"}'
    with cluster.host("echo Name:; read x; echo got $x", terms=terms) as kill:
        kill()
    with cluster.system(cluster.engine()) as system:
        until(lambda: system.get(1).awaits_input)
        system.send_input(1, "me\r")
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert printed(ended).endswith("got me\n")


def test_nothing_remains_if_no_owner_returns(cluster: Cluster) -> None:
    unique = unlike()
    with cluster.host(f"(setsid sleep {unique} &); sleep {unique}", SHORT) as kill:
        until(lambda: len(running_as(unique)) == 2)
        kill()
    until(lambda: not running_as(unique), "the end of both processes")
    until(cluster.is_empty, "the end of its room")
    with cluster.system(cluster.engine()) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.status is TaskStatus.FAILED
        assert ended.reason.endswith("died while no engine process was running")


def test_another_version_refuses_to_adopt_a_job(tmp_path: Path) -> None:
    unique = unlike()
    with tempfile.TemporaryDirectory(dir="/tmp") as short:
        cluster = Cluster("fake", tmp_path, f"{short}/nodes")
        with cluster.host(f"sleep {unique}", SHORT) as kill:
            kill()
        version = "backburner 9.9 on Python 3.11"
        stay = Stay(lease=SHORT)
        settings = FakeSettings(version=version, stay=stay, path=cluster.path)
        with cluster.system(FakeEngine(settings)) as system:
            (ended,) = system.wait(1, timeout=PATIENCE)
            assert ended.reason == (
                f"it can't be taken over: the node node-1 has {version}, and this"
                f" machine has {our_version()}; install the same on both"
            )
            until(lambda: not running_as(unique), "its end by the lease")


def test_a_job_whose_agent_died_without_an_owner_fails(cluster: Cluster) -> None:
    unique = unlike()
    with cluster.host(f"sleep {unique}") as kill:
        kill()
    cluster.kill_agents()
    until(lambda: not running_as(unique))
    with cluster.system(cluster.engine()) as system:
        (ended,) = system.wait(1, timeout=PATIENCE)
        assert ended.status is TaskStatus.FAILED
        assert ended.reason.endswith("died while no engine process was running")
        # The job's room was released at once.
        both = [
            system.add_request(cluster.job("true", needs=(("CPU", 2.0),))).id
            for _ in range(2)
        ]
        for other in system.wait(*both, timeout=PATIENCE):
            assert other.status is TaskStatus.COMPLETE


def test_the_end_of_the_session_ends_all_jobs_at_once(cluster: Cluster) -> None:
    unique = unlike()
    with cluster.system(cluster.engine()) as system:
        system.add_request(cluster.job(f"(setsid sleep {unique} &); sleep {unique}"))
        until(lambda: len(running_as(unique)) == 2)
    until(lambda: not running_as(unique))
    until(cluster.is_empty)


def test_a_newer_host_takes_over_and_the_older_host_is_refused(
    cluster: Cluster,
) -> None:
    old, new = cluster.engine(1.0), cluster.engine(1.0)
    with (
        TaskSystem(engines=[old], grace=0.5) as first,
        TaskSystem(engines=[new], grace=0.5) as second,
    ):
        old.open("the same", stays=True)
        new.open("the same", stays=True)
        left = first.add_request(cluster.job(COUNT)).id
        until(lambda: first.get(left).last_line == "5")
        ran = second.add_request(cluster.job(COUNT)).id
        (failed,) = first.wait(left, timeout=PATIENCE)
        assert failed.reason == "another host of the session has taken over its jobs"
        cluster.go()
        (ended,) = second.wait(ran, timeout=PATIENCE)
        assert ended.status is TaskStatus.COMPLETE


def test_the_newest_owner_wins_and_has_time_to_renew() -> None:
    lease = Lease(60.0)
    lease.check(1)
    lease.hold("a")
    lease.renew(2, ("a", "unknown"))
    with pytest.raises(OwnerError):
        lease.renew(1, ("a",))
    assert lease.expired() == []
    assert not lease.is_over


def test_an_expired_lease_is_released() -> None:
    lease = Lease(0.0)
    lease.check(1)
    lease.hold("a")
    assert lease.expired() == ["a"]
    assert lease.expired() == []
    assert lease.is_over
