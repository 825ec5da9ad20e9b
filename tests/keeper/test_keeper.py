"""Jobs that outlive their host: the keeper, and the adoption by the next host."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.actors import (
    Subscribed,
    TaskChanged,
    TaskStatus,
    TaskSystem,
    TaskSystemError,
    Terms,
)
from backburner.actors.host import keeper, launch, starting
from backburner.actors.host.events import HostBack, HostLost
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import HostError
from backburner.actors.processes import exit_notes, marks
from conditions import until
from patience import PATIENCE

from tests.host.clients import (
    Heard,
    keeper_of,
    kill,
    kill_both,
    kill_named,
    until_back,
    waits_for,
)

if TYPE_CHECKING:
    from host_care import HostCare

_LARGEST: Final = 12 << 20  # the most bytes that a keeper may use


@pytest.fixture(autouse=True)
def forked_hosts() -> None:
    """Start hosts instead of forking them, for tests of their keepers."""


def test_a_keeper_is_small_and_idle(session: RemoteSystem) -> None:
    kept = keeper_of(session)
    session.wait(session.add("Job", "bash", "true").id, timeout=PATIENCE)
    until(lambda: kept.status() == psutil.STATUS_SLEEPING)
    assert kept.memory_info().rss < _LARGEST
    assert kept.num_threads() == 1
    before = kept.num_ctx_switches()
    session.wait(session.add("Job", "bash", "true").id, timeout=PATIENCE)
    # The keeper doesn't watch the jobs of a running host.
    assert kept.num_ctx_switches() == before
    assert kept.cwd() == "/"
    assert os.getsid(kept.pid) != os.getsid(0)


def test_written_state_uses_the_names_that_are_read() -> None:
    folder = Path(keeper.__file__).parent
    assert f'_EXITS = "{exit_notes.NAME}"' in (folder / "orphans.py").read_text()
    assert f'_MARK = b"{marks.MARK}="' in (folder / "proc.py").read_text()


def test_a_keeper_ends_with_its_host(session: RemoteSystem) -> None:
    kept = keeper_of(session)
    session.end()
    kept.wait(PATIENCE)


def test_sigterm_to_the_keeper_ends_the_session(session: RemoteSystem) -> None:
    task = session.add("Long", "bash", "exec sleep 600")
    kept, host = keeper_of(session), psutil.Process(session.welcome.pid)
    kept.send_signal(signal.SIGTERM)
    host.wait(PATIENCE)
    kept.wait(PATIENCE)
    with TaskSystem(directory=session.welcome.directory) as system:
        assert system.get(task.id).status is TaskStatus.CANCELED


@pytest.mark.parametrize("killed", ["host", "keeper", "both"])
def test_jobs_outlive_killed_processes(
    session: RemoteSystem, events: Heard, tmp_path: Path, killed: str
) -> None:
    heard, go_on = Heard(), tmp_path / "go-on"
    session.subscribe(heard)
    command = waits_for(go_on, "echo 9%; exit 7")
    exits = session.add("Exits", "bash", f"echo set; {command}")
    command = waits_for(go_on, "kill -KILL $$")
    dies = session.add("Dies", "bash", f"echo set; {command}")
    waits = session.add("Waits", "sleep", "1h")
    until(lambda: [it.last_line for it in session.list()] == ["set", "set", None])
    before = session.welcome.pid
    kill_named(session, killed)
    until_back(events, before, session)

    assert [it.status for it in session.list()] == [TaskStatus.RUNNING] * 3
    assert keeper_of(session).is_running()
    go_on.touch()
    first, second = session.wait(exits.id, dies.id, timeout=PATIENCE)
    assert (first.exit_code, first.last_line, first.progress) == (7, "9%", 9)
    assert second.reason == "killed by signal 9 (SIGKILL)"
    session.cancel(waits.id)
    heard.wait_for(TaskChanged, lambda it: it.task.id == waits.id and _is_end(it))
    ends = [
        it.task.id
        for it in heard.messages
        if isinstance(it, TaskChanged) and _is_end(it)
    ]
    assert sorted(ends) == [exits.id, dies.id, waits.id]
    assert sum(isinstance(it, Subscribed) for it in heard.messages) == 1


def _is_end(message: object) -> bool:
    return isinstance(message, TaskChanged) and message.task.status.is_final


def test_a_job_that_ends_without_a_host_has_its_exit_status(
    session: RemoteSystem, events: Heard, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    task = session.add("Exits", "bash", f"echo set; {waits_for(go_on, 'exit 41')}")
    until(lambda: session.get(task.id).last_line == "set")
    exits = Path(session.welcome.directory) / exit_notes.NAME
    before = session.welcome.pid
    kept, host = keeper_of(session), psutil.Process(before)
    host.kill()
    go_on.touch()
    until(exits.exists)
    until(lambda: exits.read_text().count("\n") == 1)
    until_back(events, before, session)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 41
    assert keeper_of(session) == kept


def test_a_cancel_reaches_the_whole_tree_of_an_adopted_job(
    session: RemoteSystem, events: Heard, care: HostCare
) -> None:
    tree = "setsid sleep 600 & (setsid sleep 600 &); echo set; exec sleep 600"
    task = session.add("Tree", "bash", tree)
    until(lambda: session.get(task.id).last_line == "set")
    before = session.welcome.pid
    kill(before)
    until_back(events, before, session)
    session.cancel(task.id)
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.status is TaskStatus.CANCELED
    assert not [it for it in care.left() if it.name() == "sleep"]
    session.end()
    until(lambda: not [it for it in care.left() if it.pid != os.getpid()])


def test_a_restart_continues_the_jobs_in_a_new_host(
    session: RemoteSystem, settings: HostSettings, events: Heard, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    task = session.add("Exits", "bash", waits_for(go_on))
    before, kept = session.welcome.pid, keeper_of(session).pid
    session.wait(session.add("Ended", "bash", "true").id, timeout=PATIENCE)
    starting.restart(settings).sock.close()
    until_back(events, before, session)
    assert keeper_of(session).pid == kept
    # The restart is announced as such, and nothing else is announced.
    announced = [it for it in events.messages if isinstance(it, HostLost | HostBack)]
    assert announced == [HostBack("the host was restarted; 1 task keeps running")]
    go_on.touch()
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 7


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("raise SystemExit('this is broken')", "this is broken"),
        ("def broken(:", "SyntaxError: invalid syntax"),
        ("import no_such_module", "No module named 'no_such_module'"),
    ],
)
def test_a_new_version_that_cannot_start_keeps_the_old_host(
    care: HostCare,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    why: str,
) -> None:
    del care
    # The first imported module breaks once the host runs.
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = HostSettings(directory=str(tmp_path / "main"))
    with RemoteSystem(settings) as session:
        before = session.welcome.pid
        (tmp_path / "msgspec.py").write_text(program)
        with pytest.raises(HostError, match=f"this one keeps running: .*{why}"):
            starting.restart(settings)
        task = session.add("Job", "bash", "true")
        (ended,) = session.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.COMPLETE
        assert session.welcome.pid == before
        (tmp_path / "msgspec.py").unlink()
        session.end()


def test_a_host_that_dies_at_once_is_restarted_with_backoff(
    care: HostCare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del care
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    settings = HostSettings(directory=str(tmp_path / "main"))
    log = tmp_path / "main" / "host.log"
    go_on = tmp_path / "go-on"
    with RemoteSystem(settings) as session:
        task = session.add("Job", "bash", f"echo set; {waits_for(go_on)}")
        until(lambda: session.get(task.id).last_line == "set")
        (tmp_path / "msgspec.py").write_text("raise SystemExit('this is broken')")
        kill(session.welcome.pid)
        until(lambda: "in 0.4 s" in log.read_text())
        assert "was killed by signal 9; another one starts\n" in log.read_text()
        why = tmp_path / "main" / "keeper"
        until(lambda: "ended with 1; another one starts in" in why.read_text())
        (tmp_path / "msgspec.py").unlink()
        go_on.touch()
        (ended,) = session.wait(task.id, timeout=PATIENCE)
        assert ended.exit_code == 7
        session.end()


def test_two_hosts_never_have_the_same_jobs(
    session: RemoteSystem, events: Heard, settings: HostSettings, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    task = session.add("Exits", "bash", f"echo set; {waits_for(go_on)}")
    until(lambda: session.get(task.id).last_line == "set")
    with pytest.raises(TaskSystemError, match="open already"):
        TaskSystem(directory=settings.directory, adopt=True).start()
    before = session.welcome.pid
    kill(before)
    until_back(events, before, session)
    with pytest.raises(TaskSystemError, match="open already"):
        TaskSystem(directory=settings.directory, adopt=True).start()
    go_on.touch()
    (ended,) = session.wait(task.id, timeout=PATIENCE)
    assert ended.exit_code == 7


@pytest.mark.skipif(os.getuid() != 0, reason="a namespace of its own: needs root")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_keeper_as_the_first_process_of_a_container_leaves_no_zombies(
    tmp_path: Path, care: HostCare
) -> None:
    before = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("no namespace can be made here")
    command = [sys.executable, "-m", "backburner", "host", "run"]
    state = tmp_path / "state"
    host = subprocess.Popen(
        [*before, *command, "--state-dir", state],
        env={**os.environ, **care.environ},
        stderr=subprocess.DEVNULL,
    )
    settings = HostSettings(directory=str(state / "main"))
    folder = Path(settings.directory)
    until((folder / "host.sock").exists)
    # So clients wait for the host if it has to be restarted.
    assert launch.is_kept(folder)
    with RemoteSystem(settings, start_host=False) as session:
        daemons = "for i in {1..60}; do setsid -f true; done; exit 3"
        task = session.add("Daemons", "bash", daemons)
        (ended,) = session.wait(task.id, timeout=PATIENCE)
        assert ended.exit_code == 3
        (first,) = psutil.Process(host.pid).children()
        until(lambda: len(first.children()) == 1)
        # The daemons are not jobs, so their exits are not recorded.
        assert not (folder / exit_notes.NAME).exists()
        first.send_signal(signal.SIGTERM)
    assert host.wait(PATIENCE) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="a namespace of its own: needs root")
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_after_a_reboot_running_tasks_have_failed_or_run_again(
    session: RemoteSystem, care: HostCare, tmp_path: Path
) -> None:
    boot = tmp_path / "boot_id"
    boot.write_text("01234567-89ab-cdef-0123-456789abcdef\n")
    mount = f"mount --bind {boot} /proc/sys/kernel/random/boot_id"
    before = ["unshare", "--mount", "sh", "-c", f'{mount} && exec "$@"', "sh"]
    if subprocess.run([*before, "true"], check=False).returncode:
        pytest.skip("no namespace can be made here")
    job = "echo set; exec sleep 600"
    session.add("Fails", "bash", job)
    session.add("Fails", "bash", job, terms=Terms(on_reboot="fail", restart="always"))
    session.add("Again", "bash", job, terms=Terms(on_reboot="again"))
    until(lambda: [it.last_line for it in session.list()] == ["set"] * 3)
    folder = Path(session.welcome.directory)
    session.stop()
    kill_both(session)
    for process in care.left():
        if process.pid != os.getpid():
            process.kill()
    (folder / "host.sock").unlink()
    state = str(folder.parent)
    command = [sys.executable, "-m", "backburner", "host", "run", "--state-dir", state]
    host = subprocess.Popen([*before, *command], env={**os.environ, **care.environ})
    until((folder / "host.sock").exists)
    settings = HostSettings(directory=str(folder))
    with RemoteSystem(settings, start_host=False) as again:
        *failed, repeated = again.list()
        assert [it.status for it in failed] == [TaskStatus.FAILED] * 2
        assert {it.reason for it in failed} == {"the machine restarted while it ran"}
        assert not repeated.status.is_final
        until(lambda: again.get(repeated.id).status is TaskStatus.RUNNING)
    host.send_signal(signal.SIGTERM)
    assert host.wait(PATIENCE) == 0
