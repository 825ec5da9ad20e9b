"""A session in a host whose clients come and go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors import (
    AddTask,
    GetTask,
    Refused,
    RefusedError,
    Subscribed,
    TaskAdded,
    TaskChanged,
    TaskFilter,
    TaskRequest,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
)
from backburner.actors.host.events import HostBack, HostLost, SessionEnded
from backburner.actors.host.launch import starting
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import NoHostError
from backburner.actors.testing import Recorder
from conditions import until
from descriptors import opened_by
from msgspec.structs import replace
from patience import PATIENCE

from tests.host.clients import Heard, kill, kill_both, suspend, waits_for

if TYPE_CHECKING:
    from host_care import HostCare

CLIENT = """
import sys, time
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
system = RemoteSystem(HostSettings(directory=sys.argv[1]))
system.start()
system.add("Long", "bash", sys.argv[2])
print("added", flush=True)
time.sleep(600)
"""


def test_a_task_runs_and_all_its_changes_are_announced(session: RemoteSystem) -> None:
    heard = Heard()
    session.subscribe(heard)

    task = session.add("Greet", "bash", "echo hello")
    (ended,) = session.wait(task.id, timeout=PATIENCE)

    assert ended.status is TaskStatus.COMPLETE
    assert ended.output_path is not None
    assert Path(ended.output_path).read_text() == "hello\n"
    heard.wait_for(TaskChanged, lambda it: it.task.status is TaskStatus.COMPLETE)
    assert isinstance(heard.messages[0], Subscribed)
    changes = [it.event for it in heard.messages if isinstance(it, TaskChanged)]
    assert [changes[0], changes[1], changes[-1]] == ["queued", "running", "complete"]
    assert session.get(task.id) == ended
    assert session.list(TaskFilter.COMPLETE) == (ended,)
    assert session.forget_finished() == (task.id,)
    with pytest.raises(RefusedError):
        session.get(task.id)


def test_a_client_receives_the_refusals_of_the_host(session: RemoteSystem) -> None:
    with pytest.raises(RefusedError, match="unknown kind 'fax'"):
        session.add("x", "fax")
    with pytest.raises(RefusedError, match="no task 9"):
        session.cancel(9)


def test_the_host_is_detached_from_the_terminal_of_its_starter(
    session: RemoteSystem,
) -> None:
    host = psutil.Process(session.welcome.pid)

    assert os.getsid(host.pid) != os.getsid(0)
    assert host.pid != os.getsid(host.pid)  # it can't get a terminal by opening one
    assert host.cwd() == "/"
    theirs = opened_by(host.pid)
    assert theirs[0] == os.devnull
    assert {Path(theirs[fd]).name for fd in (1, 2)} == {"host.log"}
    pipes = {it for it in opened_by("self").values() if it.startswith("pipe:")}
    assert not pipes & set(theirs.values())


def test_a_job_finds_its_session_and_has_one_mark(
    session: RemoteSystem, settings: HostSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.end()
    monkeypatch.setenv("BACKBURNER_TASK", "outer-0123456789ab:7")
    with RemoteSystem(settings) as again:
        command = 'echo "$BACKBURNER_SESSION $BACKBURNER_TASK"'
        task = again.add("Where", "bash", command)
        (ended,) = again.wait(task.id, timeout=PATIENCE)
        assert ended.output_path is not None
        where, mark = Path(ended.output_path).read_text().split()

    assert where == settings.directory
    assert "outer" not in mark


def test_a_task_runs_where_its_client_is_and_with_its_environment(
    session: RemoteSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # Not every value is valid in the system's encoding.
    monkeypatch.setitem(os.environ, "ODD", os.fsdecode(b"\xff\xfe"))
    settings = HostSettings(directory=session.welcome.directory)
    with RemoteSystem(settings) as other:
        default = other.add("Default", "bash", 'pwd; printf %s "$ODD"')
        named = other.add(
            "Named",
            "bash",
            'pwd; printf %s "$NAME"',
            directory=tmp_path,
            environment={"PATH": os.environ["PATH"], "NAME": "ä"},
        )
        first, second = other.wait(default.id, named.id, timeout=PATIENCE)
    assert first.output_path is not None
    assert second.output_path is not None
    assert Path(first.output_path).read_bytes() == b"%b\n\xff\xfe" % bytes(folder)
    assert Path(second.output_path).read_text() == f"{tmp_path}\nä"


def test_an_environment_that_is_not_valid_is_refused_by_name(
    session: RemoteSystem,
) -> None:
    with pytest.raises(RefusedError, match="not valid UTF-8"):
        session.add("x", "bash", "true", environment={"ODD": "\udcff"})
    assert session.list() == ()


def test_a_killed_client_loses_nothing(settings: HostSettings, tmp_path: Path) -> None:
    done = tmp_path / "done"
    go_on = tmp_path / "go-on"
    command = f"while ! [ -e {go_on} ]; do sleep 0.01; done; touch {done}"
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, settings.directory, command],
        stdout=subprocess.PIPE,
    ) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"added\n"
        client.kill()
    with RemoteSystem(settings, start_host=False) as session:
        (task,) = session.list()
        assert task.status is TaskStatus.RUNNING
        go_on.touch()
        (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.COMPLETE
    until(done.exists)


def test_clients_of_a_killed_host_get_a_new_one_and_the_ends_of_their_tasks(
    session: RemoteSystem, settings: HostSettings, events: Heard, tmp_path: Path
) -> None:
    heard, go_on = Heard(), tmp_path / "go-on"
    session.subscribe(heard, shows=True)
    with RemoteSystem(settings, events=(others := Heard())) as other:
        running = session.add("Long", "bash", waits_for(go_on))
        heard.wait_for(TaskChanged, lambda it: it.task.status is TaskStatus.RUNNING)
        before = session.welcome.pid

        kill(before)

        lost = events.wait_for(HostLost)
        back = events.wait_for(HostBack)
        assert session.get(running.id).status is TaskStatus.RUNNING
        go_on.touch()
        failed = heard.wait_for(
            TaskChanged, lambda it: it.task.status is TaskStatus.FAILED
        )
        assert (failed.task.id, failed.task.exit_code) == (running.id, 7)
        assert str(before) in lost.text
        assert f"process {session.welcome.pid} serves session" in back.text
        others.wait_for(HostBack)
        assert other.welcome.pid == session.welcome.pid != before
        assert session.add("Next", "bash", "true").id == running.id + 1
        assert sum(isinstance(it, Subscribed) for it in heard.messages) == 1


def test_a_client_that_leaves_without_a_host_starts_none(
    session: RemoteSystem, settings: HostSettings, events: Heard, care: HostCare
) -> None:
    (reader,) = (it for it in threading.enumerate() if it.name == "backburner-host")
    with starting(
        settings.directory
    ):  # a client takes this lock before it starts a host
        kill_both(session)
        events.wait_for(HostLost)
        session.stop()
    reader.join(PATIENCE)
    assert not reader.is_alive()
    assert care.hosts() == []


def test_requests_made_without_a_host_are_answered_by_the_next(
    session: RemoteSystem, events: Heard
) -> None:
    host = psutil.Process(session.welcome.pid)
    suspend(host)
    asked = Heard()
    session.queue.tell(GetTask(5, reply_to=asked, correlation_id="before"))
    host.kill()
    events.wait_for(HostLost)
    session.queue.tell(GetTask(6, reply_to=asked, correlation_id="between"))
    events.wait_for(HostBack)

    for word in ("before", "between"):
        answer = asked.wait_for(Refused, lambda it, w=word: it.correlation_id == w)
        assert "no task" in answer.text


def test_a_task_that_the_host_may_have_added_is_not_added_twice(
    session: RemoteSystem, events: Heard
) -> None:
    host = psutil.Process(session.welcome.pid)
    suspend(host)
    asked = Heard()
    session.queue.tell(AddTask(TaskRequest("x", "bash", ("true",)), asked, "add"))
    host.kill()
    events.wait_for(HostBack)

    answer = asked.wait_for(Refused)
    assert answer.correlation_id == "add"
    assert "died before it answered" in answer.text
    assert session.list() == ()


def test_a_task_with_a_key_is_added_exactly_once_by_the_next_host(
    session: RemoteSystem, events: Heard
) -> None:
    request = TaskRequest("x", "bash", ("true",), key="a1b2")
    added = session.add_request(request)
    host = psutil.Process(session.welcome.pid)
    suspend(host)
    asked = Heard()
    session.queue.tell(AddTask(request, asked, "had"))
    session.queue.tell(AddTask(replace(request, key="c3d4"), asked, "had not"))
    host.kill()
    events.wait_for(HostBack)

    received_id, lost_id = (
        asked.wait_for(TaskAdded, lambda it, w=word: it.correlation_id == w).task.id
        for word in ("had", "had not")
    )
    assert (received_id, lost_id) == (added.id, added.id + 1)
    assert [task.id for task in session.list()] == [added.id, added.id + 1]


def test_the_end_of_a_session_ends_its_tasks_and_notifies_all_clients(
    session: RemoteSystem, settings: HostSettings, events: Heard
) -> None:
    with RemoteSystem(settings) as other:
        task = session.add("Long", "bash", "exec sleep 600")
        host = psutil.Process(session.welcome.pid)

        other.end("ended by a test")

        assert events.wait_for(SessionEnded).text == "ended by a test"
        host.wait(PATIENCE)
    with pytest.raises(TaskSystemError):
        session.list()
    with TaskSystem(directory=Path(settings.directory)) as system:
        ended = system.get(task.id)
    assert (ended.status, ended.reason) == (TaskStatus.CANCELED, "ended by a test")


def test_a_second_end_kills_slow_tasks(
    session: RemoteSystem, settings: HostSettings
) -> None:
    session.end()
    patient = replace(settings, grace=600.0)
    with RemoteSystem(patient) as stubborn:
        heard = Heard()
        stubborn.subscribe(heard)
        stubborn.add(
            "Deaf", "bash", "trap '' TERM; echo set; while :; do sleep 1; done"
        )
        heard.wait_for(TaskChanged, lambda it: it.task.last_line == "set")
        ending = threading.Thread(target=stubborn.end)
        ending.start()
        while not stubborn.hurry():
            time.sleep(0.001)
        ending.join(PATIENCE)
        assert not ending.is_alive()


def test_sigterm_ends_a_host_in_order(
    session: RemoteSystem, settings: HostSettings, events: Heard
) -> None:
    task = session.add("Long", "bash", "exec sleep 600")
    host = psutil.Process(session.welcome.pid)

    host.send_signal(signal.SIGTERM)

    assert "SIGTERM" in events.wait_for(SessionEnded).text
    host.wait(PATIENCE)
    with TaskSystem(directory=Path(settings.directory)) as system:
        assert system.get(task.id).status is TaskStatus.CANCELED


def test_an_idle_host_ends_and_a_host_with_a_task_does_not(
    settings: HostSettings, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    brief = replace(settings, linger=0.05)
    with RemoteSystem(brief) as system:
        host = psutil.Process(system.welcome.pid)
        system.add("Wait", "bash", f"while ! [ -e {go_on} ]; do sleep 0.01; done")
    with pytest.raises(psutil.TimeoutExpired):
        host.wait(0.5)
    go_on.touch()
    host.wait(PATIENCE)
    with pytest.raises(NoHostError):
        RemoteSystem(settings, start_host=False).start()


def test_a_host_of_a_replaced_session_ends_with_its_last_job(
    settings: HostSettings, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    brief = replace(settings, linger=0.05)
    with RemoteSystem(brief) as system:
        host = psutil.Process(system.welcome.pid)
        system.add("Wait", "bash", f"while ! [ -e {go_on} ]; do sleep 0.01; done")
    # Immediately: a later write of the host would create the folder again.
    folder, made = Path(settings.directory), tmp_path / "made"
    with TaskSystem(directory=made):
        pass
    folder.rename(tmp_path / "removed")
    made.rename(folder)
    with RemoteSystem(settings) as other:
        assert other.welcome.pid != host.pid
        with pytest.raises(psutil.TimeoutExpired):
            host.wait(0.5)
        go_on.touch()
        host.wait(PATIENCE)
        # The host has not touched the other session.
        task = other.add("Echo", "bash", "echo here")
        other.wait(task.id, timeout=PATIENCE)
        assert other.tail(task.id) == ("here",)
    with RemoteSystem(settings, start_host=False) as again:
        assert again.welcome.pid == other.welcome.pid


def test_a_host_with_an_active_schedule_does_not_end(settings: HostSettings) -> None:
    brief = replace(settings, linger=0.05)
    with RemoteSystem(brief) as system:
        host = psutil.Process(system.welcome.pid)
        system.schedule(TaskRequest("Later", "bash", ("true",)), "1h")
    with pytest.raises(psutil.TimeoutExpired):
        host.wait(0.5)
    with RemoteSystem(brief, start_host=False) as system:
        system.pause_schedule(1)
    host.wait(PATIENCE)
    with RemoteSystem(brief) as system:
        host = psutil.Process(system.welcome.pid)
        (schedule,) = system.schedules()
        assert (schedule.paused, schedule.runs) == (True, 0)
        system.pause_schedule(1, paused=False)
        system.unschedule(1)
    host.wait(PATIENCE)


def test_a_scheduled_task_runs_where_its_client_was(
    settings: HostSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLOR", "red")
    heard: Recorder[object] = Recorder("a subscriber")
    with RemoteSystem(settings) as system:
        system.subscribe(heard)
        request = TaskRequest("Where", "bash", ('echo "$PWD $COLOR"',))
        system.schedule(request, "1s")
        ran = heard.wait_for(TaskChanged, lambda it: it.task.status.is_final)
        assert system.tail(ran.task.id) == (f"{tmp_path} red",)
        system.unschedule(1)


def test_a_host_stays_for_processes_that_a_task_left_running(
    settings: HostSettings, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    command = f"(while ! [ -e {go_on} ]; do sleep 0.01; done) > /dev/null 2>&1 &"
    with RemoteSystem(replace(settings, linger=0.05)) as system:
        host = psutil.Process(system.welcome.pid)
        task = system.add("Server", "bash", command)
        system.wait(task.id, timeout=PATIENCE)
    with pytest.raises(psutil.TimeoutExpired):
        host.wait(0.5)
    go_on.touch()
    host.wait(PATIENCE)


def test_a_session_opened_by_a_program_gets_no_host(settings: HostSettings) -> None:
    with (
        TaskSystem(directory=Path(settings.directory)),
        pytest.raises(TaskSystemError, match=f"open already, in process {os.getpid()}"),
    ):
        RemoteSystem(settings).start()


def test_an_unstarted_system_says_so(settings: HostSettings) -> None:
    system = RemoteSystem(settings)

    with pytest.raises(RuntimeError, match="not started"):
        system.list()
    system.stop()
