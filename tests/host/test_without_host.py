"""Read-only verbs on sessions without a host."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors import BashKind, TaskRequest, TaskSystem, Terms
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from forked_program import ForkedProgram
    from host_care import HostCare

    Verb = Callable[..., subprocess.CompletedProcess[str]]

KILLED = """
import os, signal, sys
from pathlib import Path
from backburner.actors import BashKind, TaskSystem
system = TaskSystem(directory=Path(sys.argv[1]), kinds=[BashKind()])
system.start()
task = system.add("Long", "bash", "exec sleep 600")
while system.get(task.id).status.value != "running":
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def verb(tmp_path: Path, care: HostCare, forked_program: ForkedProgram) -> Verb:
    """Return a runner of verbs on the session `main` that starts no host."""

    def carry_out(name: str, *words: str) -> subprocess.CompletedProcess[str]:
        done = forked_program(name, f"--state-dir={tmp_path}", *words)
        assert care.hosts() == []
        return done

    return carry_out


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """Return the folder of a session with three tasks, one of them queued."""
    directory = tmp_path / "main"
    with TaskSystem(directory=directory, kinds=[BashKind()], slots=1) as system:
        system.wait(system.add("Good", "bash", "echo fine").id, timeout=PATIENCE)
        system.wait(system.add("Bad", "bash", "exit 3").id, timeout=PATIENCE)
        system.pause()
        system.add("Later", "bash", "echo later")
        system.schedule(system.get(1).request, "1h")
    return directory


def content(directory: Path) -> dict[str, bytes]:
    files = (it for it in directory.rglob("*") if it.is_file())
    return {str(it.relative_to(directory)): it.read_bytes() for it in files}


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize("locale", ["C", "de_DE.ISO-8859-1"])
def test_a_list_has_ascii_signs_in_a_locale_without_utf8(
    verb: Verb, monkeypatch: pytest.MonkeyPatch, locale: str
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    listed = verb("status", "--all").stdout
    assert "Good" in listed
    assert listed.isascii()


@pytest.mark.usefixtures("left")
@pytest.mark.parametrize(
    "line", ["pause", "pause 3", "resume -g docs", "parallel 2", "cancel 3"]
)
def test_a_change_without_a_host_says_how_to_make_it(
    verb: Verb, tmp_path: Path, line: str
) -> None:
    name, *words = line.split()
    done = verb(name, *words)
    assert done.returncode == 1
    start = f"`backburner host start --state-dir {tmp_path}` starts one"
    assert start in done.stderr
    repeated = shlex.join([name, f"--state-dir={tmp_path}", *words])
    assert f"then repeat: backburner {repeated}" in done.stderr


def test_waiting_without_open_tasks_says_so_and_succeeds(
    verb: Verb, tmp_path: Path
) -> None:
    with TaskSystem(directory=tmp_path / "main", kinds=[BashKind()]) as system:
        system.wait(system.add("Bad", "bash", "exit 3").id, timeout=PATIENCE)
    done = verb("wait")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "backburner: nothing to wait for: no task is open\n"


@pytest.mark.usefixtures("left")
def test_a_verb_for_running_tasks_is_not_to_be_repeated(verb: Verb) -> None:
    done = verb("kill", "3")
    assert done.returncode == 1
    assert "then repeat" not in done.stderr


def test_status_without_a_host_lists_tasks_and_says_none_runs(
    verb: Verb, left: Path
) -> None:
    before = content(left)
    done = verb("status")
    assert done.returncode == 0
    for text in ("#1", "Good", "#2", "exit status 3", "#3", "Later", "Queued: 1"):
        assert text in done.stdout
    assert "has no host, so none of its tasks is running" in done.stderr
    listed = verb("list", "--queued", "--json")
    assert [it["id"] for it in json.loads(listed.stdout)] == [3]
    assert verb("status", "--watch").returncode == 0
    assert "Good" in verb("schedules").stdout
    # The session is unchanged.
    assert content(left) == before


def test_show_log_and_wait_read_the_journal(verb: Verb, left: Path) -> None:
    del left
    assert "exit status 3" in verb("show", "2").stdout
    assert verb("log", "1").stdout == "fine\n"
    assert verb("log", "1", "--follow").stdout == "fine\n"
    assert verb("wait", "1").returncode == 0
    assert verb("wait", "2").returncode == 3
    assert verb("wait", "--any", "3", "1").returncode == 0
    for words in (("wait", "3"), ("wait",), ("log", "-f", "3")):
        done = verb(*words)
        assert done.returncode == 1
        assert "#3 can't end: session 'main' has no host" in done.stderr
    for words in (("show", "9"), ("log", "9"), ("wait", "9")):
        done = verb(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "no task 9; `backburner status --all` lists" in done.stderr


def test_ended_tasks_are_summarized_and_searched(
    verb: Verb, left: Path, tmp_path: Path
) -> None:
    before = content(left)
    assert json.loads(verb("stats", "--json").stdout)["failed"] == 1
    assert "#2 Bad" in verb("failures").stdout
    lines = verb("export").stdout.splitlines()
    assert [json.loads(it)["id"] for it in lines] == [1, 2, 3]
    assert verb("export", str(tmp_path / "report.md")).returncode == 0
    assert "Later" in (tmp_path / "report.md").read_text()
    found = verb("log", "--all", "--grep", "f.ne")
    assert (found.returncode, found.stdout) == (0, "#1: fine\n")
    assert content(left) == before


def test_the_end_of_a_killed_running_task_is_unknown(
    verb: Verb, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path / "main")]
    done = subprocess.run(command, timeout=PATIENCE, check=False)
    assert done.returncode == -signal.SIGKILL
    done = verb("status")
    assert "Running: 1" in done.stdout
    assert "the status of its running tasks is not known yet" in done.stderr


@pytest.mark.parametrize("words", [("status",), ("show", "1"), ("log",), ("wait",)])
def test_an_unreadable_session_differs_from_one_without_tasks(
    verb: Verb, left: Path, words: tuple[str, ...]
) -> None:
    journal = left / "session.db"
    # The session is open in a program that is not a host.
    with TaskSystem(directory=left, kinds=[BashKind()]):
        done = verb(*words)
    assert done.returncode == 1
    assert f"is open in process {os.getpid()}, which is not a host" in done.stderr
    # A newer version wrote the journal.
    with contextlib.closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA user_version = 99")
    done = verb(*words)
    assert done.returncode == 1
    assert f"{journal} was written by a newer version" in done.stderr
    # Others may write to the journal.
    journal.chmod(0o666)
    done = verb(*words)
    assert done.returncode == 1
    assert f"{journal}: others may write to it" in done.stderr
    # The session doesn't exist.
    journal.unlink()
    (left / "lock").unlink()
    done = verb(*words)
    assert done.returncode == 1
    assert "there is no session 'main' in" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_session_without_tasks_lists_none(verb: Verb, tmp_path: Path) -> None:
    with TaskSystem(directory=tmp_path / "main", kinds=[BashKind()]):
        pass
    assert "Queued: 0" in verb("status").stdout
    assert verb("wait").returncode == 0
    assert "there is no task yet" in verb("log").stderr


def test_sessions_are_listed_with_their_tasks(verb: Verb, tmp_path: Path) -> None:
    with TaskSystem(directory=tmp_path / "main", kinds=[BashKind()]) as system:
        first = system.add("Ends", "bash", "true")
        second = system.add("Fails", "bash", "false")
        system.wait(first.id, second.id, timeout=PATIENCE)
        system.add_request(TaskRequest("Later", "bash", ("x",), terms=Terms(held=True)))
    broken = tmp_path / "broken"
    broken.mkdir(0o700)
    (broken / "session.db").write_bytes(b"no journal")
    (broken / "session.db").chmod(0o600)
    lines = verb("sessions").stdout.splitlines()
    assert lines[1] == "main  -  0 running, 1 queued, 1 failed"
    assert lines[0].startswith("broken  -  ")
    assert len(lines[0]) > len("broken  -  ")
    listed = json.loads(verb("sessions", "--json").stdout)
    assert [it["name"] for it in listed] == ["broken", "main"]
    assert listed[0]["counts"] is None
    assert listed[0]["problem"]
    counts = listed[1]["counts"]
    assert (counts["queued"], counts["complete"], counts["failed"]) == (1, 1, 1)
    with TaskSystem(directory=tmp_path / "main", kinds=[BashKind()]):
        listed = json.loads(verb("sessions", "--json").stdout)
        assert "is open in process" in listed[1]["problem"]
