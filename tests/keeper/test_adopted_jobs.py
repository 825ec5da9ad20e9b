"""Control and statistics of a job after its host was killed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import TaskStatus, Terms
from backburner.actors.messages import GetTask, TaskFound
from backburner.actors.processes.activity import look, silence
from conditions import until
from patience import PATIENCE

from tests.host.clients import Heard, kill, until_back, waits_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from backburner.actors import Task
    from backburner.actors.host.remote import RemoteSystem


@pytest.fixture
def lose_host(session: RemoteSystem, events: Heard) -> Callable[[], None]:
    """Return a function that kills the host and waits for the next."""

    def lose() -> None:
        before = session.welcome.pid
        kill(before)
        until_back(events, before, session)

    return lose


def _started(session: RemoteSystem, task: Task) -> None:
    until(lambda: session.get(task.id).last_line == "set")


def _process(session: RemoteSystem, task: Task) -> psutil.Process:
    heard = Heard()
    session.queue.tell(GetTask(task.id, heard))
    found = heard.wait_for(TaskFound)
    assert found.pid is not None
    return psutil.Process(found.pid)


def test_an_adopted_job_is_polled_and_its_usage_reported(
    session: RemoteSystem, lose_host: Callable[[], None], tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    burns = "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done"
    command = f"{burns}; sleep 600 & echo set; {waits_for(go_on, 'kill $!; exit 4')}"
    task = session.add("Burns", "bash", command)
    _started(session, task)
    before = _process(session, task)
    earlier = look(before.pid)
    assert earlier is not None
    used = earlier.cpu  # both are sums of the same clock ticks, added in the same order
    lose_host()
    process = _process(session, task)
    assert process == before
    signs = look(process.pid)
    assert signs is not None
    assert signs.processes >= 2
    assert signs.cpu >= used > 0
    shown = session.get(task.id)
    assert (shown.duration or 0) > 0
    assert (shown.last_line, shown.output_size) == ("set", 4)
    assert shown.output_path is not None
    assert shown.started_at is not None
    began, now = shown.started_at.timestamp(), time.time()
    assert 0 < silence(Path(shown.output_path), began, now) < now - began
    go_on.touch()
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 4
    assert ended.figures is not None
    assert ended.figures.cpu >= used
    assert (ended.duration or 0) >= (shown.duration or 0)


def test_an_adopted_job_can_be_paused_and_resumed(
    session: RemoteSystem, lose_host: Callable[[], None], tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    task = session.add("Job", "bash", f"echo set; {waits_for(go_on, 'exit 5')}")
    _started(session, task)
    process = _process(session, task)
    lose_host()
    session.pause_task(task.id)
    until(lambda: process.status() == psutil.STATUS_STOPPED)
    lose_host()
    assert session.get(task.id).reason == "paused"
    assert process.status() == psutil.STATUS_STOPPED
    go_on.touch()
    session.resume_task(task.id)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 5


def test_an_adopted_job_gets_sigterm_and_then_sigkill(
    session: RemoteSystem, lose_host: Callable[[], None], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    trap = f"trap 'echo asked >> {asked}' TERM; echo set; while :; do sleep 0.05; done"
    deaf = session.add("Deaf", "bash", trap)
    loop = trap.partition("; ")[2]
    polite = session.add("Polite", "bash", f"trap 'exit 6' TERM; {loop}")
    for task in (deaf, polite):
        _started(session, task)
    lose_host()
    session.cancel(deaf.id)
    session.cancel(polite.id)
    first, second = session.wait(deaf.id, polite.id, timeout=PATIENCE)
    assert {first.status, second.status} == {TaskStatus.CANCELED}
    assert asked.read_text() == "asked\n"


def test_an_adopted_job_makes_its_next_attempt(
    session: RemoteSystem, lose_host: Callable[[], None], tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    task = session.add(
        "Again",
        "bash",
        f"echo set; {waits_for(go_on, 'exit 8')}",
        terms=Terms(retries=1, retry_delay=0.01),
    )
    _started(session, task)
    lose_host()
    go_on.touch()
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 8
    assert "attempt 2 of 2" in ended.reason
