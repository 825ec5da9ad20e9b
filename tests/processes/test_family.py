from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import psutil
import pytest
from backburner.actors.processes import activity, ending, family, proc, table
from backburner.actors.processes.ending import REPLACED, ROUNDS, end_all
from backburner.actors.processes.halting import HaltRounds
from backburner.actors.processes.handle import Process
from backburner.actors.processes.marks import MARK
from conditions import until
from patience import PATIENCE

from tests.faults.program import SOAK

if TYPE_CHECKING:
    from pathlib import Path
Start = Callable[..., subprocess.Popen[bytes]]

OWN = f"test-{os.getpid():x}:3"
"""A mark that no process outside this test run has."""

_LOOKS_AT_EXEC = 500 if SOAK else 100
"""Enough reads to find a process in the middle of an exec, on any machine."""

_NAP = """#!/bin/bash
echo $$ >> pids
read -t 600 <> pipe
"""
"""Records its id once its session and environment are final, and doesn't change."""

_RELAY = """#!/bin/bash
echo $$ >> pids
read <> order
./relay &
"""
"""Records its id, and is replaced by a child on request."""

_HEADLESS = """
import ctypes, os, pathlib, threading, time

def live_on():
    while "Z (zombie)" not in pathlib.Path("/proc/self/status").read_text():
        time.sleep(0.001)
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)

threading.Thread(target=live_on).start()
ctypes.CDLL(None).pthread_exit(None)
"""


@pytest.fixture
def start(lair: Path) -> Iterator[Start]:
    """Return a function that starts a marked bash script; it may run `./nap`."""
    (lair / "nap").write_text(_NAP)
    (lair / "nap").chmod(0o700)
    os.mkfifo(lair / "pipe")
    with contextlib.ExitStack() as stack:

        def start(script: str, mark: str | None = OWN) -> subprocess.Popen[bytes]:
            environment = {**os.environ, MARK: mark} if mark else dict(os.environ)
            child = subprocess.Popen(
                ["bash", "-c", script],
                cwd=lair,
                env=environment,
                start_new_session=True,
            )
            stack.callback(child.wait)
            stack.callback(child.kill)
            return child

        yield start


@pytest.fixture
def written(lair: Path) -> Callable[[int], list[psutil.Process]]:
    """Return a function that waits until `pids` holds so many process ids."""

    def written(count: int = 1) -> list[psutil.Process]:
        file = lair / "pids"
        until(lambda: file.exists() and file.read_text().count("\n") == count)
        return [psutil.Process(int(pid)) for pid in file.read_text().split()]

    return written


Written = Callable[[int], list[psutil.Process]]


def _ids(processes: Iterable[Process | psutil.Process]) -> set[int]:
    return {process.pid for process in processes}


def _marked() -> list[Process]:
    return family.find_own(OWN)


def _end_marked(grace: float, *, hurried: bool = False) -> str:
    return end_all(_marked, grace, lambda: hurried)


def _runs(pid: int) -> bool:
    process = Process.find(pid)
    return process is not None and process.is_alive()


def _process(pid: int) -> Process:
    process = Process.find(pid)
    assert process is not None
    return process


# Being alive


def test_a_zombie_is_not_alive(start: Start) -> None:
    child = start("exit 0")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    process = _process(child.pid)
    assert not process.is_alive()
    child.wait()
    assert not process.is_alive()
    assert Process.find(child.pid) is None


def test_a_stopped_process_is_alive(start: Start) -> None:
    child = start("sleep 600")
    process = _process(child.pid)
    assert process.is_alive()
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert process.is_alive()


def test_a_process_differs_from_a_previous_one_with_its_id(start: Start) -> None:
    child = start("sleep 600")
    before = Process(child.pid, _process(child.pid).born - 1)
    assert not before.is_alive()
    before.send(signal.SIGKILL)
    assert before.describe() == ""
    assert _process(child.pid).is_alive()


def test_a_process_knows_when_it_was_started(start: Start) -> None:
    child = start("sleep 600")
    created = psutil.Process(child.pid).create_time()
    assert _process(child.pid).created == pytest.approx(created, abs=1.1)


# Finding by mark


def test_processes_are_found_by_any_part_of_their_mark(
    start: Start, written: Written
) -> None:
    mine = [f"{OWN}", f"outer-1:1,{OWN}", f"{OWN},inner-2:2"]
    others = [f"{OWN}4", "outer-1:1", None]
    for mark in (*mine, *others):
        start("exec ./nap", mark)
    found = _ids(_marked())
    assert found == {p.pid for p in written(6) if p.environ().get(MARK) in mine}
    assert len(found) == 3


def test_a_process_keeps_its_mark_during_exec(start: Start, lair: Path) -> None:
    (lair / "again").write_text("#!/bin/sh\nexec ./again\n")
    (lair / "again").chmod(0o700)
    child = start("exec ./again")
    for _ in range(_LOOKS_AT_EXEC):
        assert child.pid in _ids(_marked())


def test_the_searching_process_is_never_found() -> None:
    script = (
        "from backburner.actors.processes.family import find_marked;"
        f"print(find_marked(lambda part: part == {OWN!r}))"
    )
    environment = {**os.environ, MARK: OWN}
    found = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    assert found.stdout == b"[]\n"


FORKED_WHILE_READING = """
import os, sys, threading
from backburner.actors.processes import table as process_table
inside, go_on = threading.Event(), threading.Event()
read = process_table._read
def slow():
    inside.set()
    go_on.wait(30)
    return read()
process_table._read = slow
reader = threading.Thread(target=process_table.read)
reader.start()
inside.wait(30)
process_table._read = read
child = os.fork()
if child == 0:
    os._exit(0 if process_table.read() else 1)
_, status = os.waitpid(child, 0)
go_on.set()
reader.join()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_fork_made_while_the_table_is_read_can_read_it_too() -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED_WHILE_READING]
    assert subprocess.run(command, check=False, timeout=PATIENCE).returncode == 0


class Relay:
    """A process replaced by its child, which is replaced by its own child, and so on.

    Args:
        start: Starts a script.
        lair: The folder of the file with their ids.
        script: Starts the first.
    """

    def __init__(self, start: Start, lair: Path, script: str) -> None:
        (lair / "relay").write_text(_RELAY)
        (lair / "relay").chmod(0o700)
        self._pids, self._pipe = lair / "pids", lair / "order"
        os.mkfifo(self._pipe)
        self.leader = start(script)
        until(lambda: len(self.ids()) == 1)

    def ids(self) -> list[int]:
        """Return the ids of all processes so far, the current one last."""
        if not self._pids.exists():
            return []
        return [int(it) for it in self._pids.read_text().splitlines()]

    def pass_on(self) -> None:
        """Let a child replace the current process, and wait until that has ended."""
        count, last = len(self.ids()), _process(self.ids()[-1])
        with self._pipe.open("w") as pipe:
            pipe.write("\n")
        until(lambda: len(self.ids()) > count and not last.is_alive())

    def end(self) -> None:
        """Kill the current process if it still runs."""
        with contextlib.suppress(psutil.NoSuchProcess):
            psutil.Process(self.ids()[-1]).kill()


StartRelay = Callable[[str], Relay]


@pytest.fixture
def start_relay(start: Start, lair: Path) -> Iterator[StartRelay]:
    with contextlib.ExitStack() as stack:

        def start_relay(script: str) -> Relay:
            relay = Relay(start, lair, script)
            stack.callback(relay.end)
            return relay

        yield start_relay


@pytest.fixture
def relay(start_relay: StartRelay) -> Relay:
    return start_relay("exec ./relay")


def test_a_child_of_a_process_that_ends_before_its_turn_is_found(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The processes are listed first, and each is read later."""
    stat = proc.stat
    ended: set[int] = set()

    def late(pid: int) -> proc.Stat | None:
        if pid == relay.ids()[-1] and pid not in ended and len(ended) < 5:
            ended.add(pid)
            relay.pass_on()
        return stat(pid)

    monkeypatch.setattr(proc, "stat", late)
    found = _ids(_marked())
    assert len(relay.ids()) == 6
    assert found == {relay.ids()[-1]}


@pytest.fixture
def passed_on_when_read(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> Relay:
    """Let a child replace the process after each of some reads."""
    read, times = table.read, 5

    def early() -> table.Table:
        found = read()
        if len(relay.ids()) <= times:
            relay.pass_on()
        return found

    monkeypatch.setattr(table, "read", early)
    return relay


def test_a_child_of_a_process_that_ended_after_the_search_is_killed(
    passed_on_when_read: Relay,
) -> None:
    relay = passed_on_when_read
    assert _end_marked(0) == ""
    assert len(relay.ids()) == 6
    assert not _runs(relay.ids()[-1])


def test_a_child_of_a_process_that_ended_after_the_search_is_stopped(
    passed_on_when_read: Relay,
) -> None:
    relay = passed_on_when_read

    def no_group(_: object) -> bool:
        return False

    rounds = HaltRounds(_marked, no_group, no_group, signal.SIGSTOP)
    until(lambda: rounds.next_round() is None)
    last = psutil.Process(relay.ids()[-1])
    until(lambda: last.status() == psutil.STATUS_STOPPED)


def test_a_process_with_a_reused_id_counts_once(
    start_relay: StartRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a limit on processes could end a task that never had so many."""
    relay = start_relay("./relay & exec sleep 600")
    stat = proc.stat

    def early(pid: int) -> proc.Stat | None:
        found = stat(pid)
        if pid == relay.ids()[0] and len(relay.ids()) == 1:
            monkeypatch.setattr(proc, "stat", stat)
            relay.pass_on()
        return found

    monkeypatch.setattr(proc, "stat", early)
    signs = activity.look(relay.leader.pid)
    assert len(relay.ids()) == 2
    assert signs is not None
    assert signs.processes == 2


def test_reading_the_table_ends_while_processes_keep_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listed: list[int] = []

    def one_more() -> list[int]:
        listed.append(2**22 + 1 + len(listed))  # above all existing ids
        return listed

    monkeypatch.setattr(proc, "pids", one_more)
    assert table.read() == {}


def test_a_zombie_is_not_found(start: Start) -> None:
    child = start("exit 0")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert _marked() == []


def test_a_process_whose_first_thread_has_ended_is_found_and_ended(
    start: Start, lair: Path, written: Written
) -> None:
    (lair / "headless.py").write_text(_HEADLESS)
    child = start(f"exec {sys.executable} headless.py")
    (process,) = written(1)
    assert process.status() == psutil.STATUS_ZOMBIE
    assert _process(process.pid).is_alive()
    assert _ids(_marked()) == {child.pid}
    assert _end_marked(0) == ""
    assert child.wait() == -signal.SIGKILL


# Finding a family

FAMILIES = {
    "child": "./nap & wait",
    "orphan": "(./nap &); sleep 600",
    "session of its own": "setsid ./nap & wait",
    "orphan in a session of its own": "(setsid ./nap &); sleep 600",
    "no environment": "env -i ./nap & wait",
    "orphan without environment": "(env -i ./nap &); sleep 600",
    "own session, no environment": "env -i setsid ./nap & wait",
    "child of one with its own session and no environment": (
        "env -i setsid bash -c './nap & wait' & wait"
    ),
    "great-grandchild in a third session": (
        "env -i setsid bash -c 'setsid bash -c \"./nap & wait\" & wait' & wait"
    ),
}


@pytest.mark.parametrize("script", FAMILIES.values(), ids=FAMILIES.keys())
def test_the_whole_family_is_found(start: Start, written: Written, script: str) -> None:
    stranger = start("sleep 600", None)
    leader = start(script)
    (member,) = written(1)
    found = _ids(family.find_family(leader.pid, OWN))
    assert member.pid in found
    assert not found & {leader.pid, stranger.pid, os.getpid()}


def test_the_family_is_found_after_its_first_process_has_ended(
    start: Start, written: Written
) -> None:
    leader = start("./nap & setsid ./nap & exit")
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    members = _ids(written(2))
    assert _ids(family.find_family(leader.pid, OWN)) == members


def test_the_family_of_an_inner_task_is_separate(
    start: Start, written: Written
) -> None:
    inner = f"{OWN},inner-{OWN}"
    outer = start(f"./nap & {MARK}={inner} setsid ./nap & wait")
    by_mark = {process.environ()[MARK]: process.pid for process in written(2)}
    found = _ids(family.find_family(outer.pid, OWN))
    assert found == set(by_mark.values())
    unmarked = start("exit 0", None)
    assert _ids(family.find_family(unmarked.pid, inner)) == {by_mark[inner]}


def test_a_known_process_stays_known_without_a_link_to_it(
    start: Start, written: Written
) -> None:
    leader = start("env -i setsid bash -c './nap & echo $$ >> pids; wait' & wait")
    members = _ids(written(2))
    known = family.find_family(leader.pid, OWN)
    assert _ids(known) == members
    leader.kill()
    os.waitid(os.P_PID, leader.pid, os.WEXITED | os.WNOWAIT)
    assert family.find_family(leader.pid, OWN) == []
    parents = {psutil.Process(it.pid).ppid(): it for it in known}
    (parent,) = [it for ppid, it in parents.items() if ppid not in members]
    assert _ids(family.find_family(leader.pid, OWN, [parent])) == members


def test_a_known_process_that_has_ended_is_omitted(
    start: Start, written: Written
) -> None:
    leader = start("./nap & wait; sleep 600")
    (known,) = written(1)
    handle = _process(known.pid)
    assert handle in family.find_family(leader.pid, OWN)
    known.kill()
    until(lambda: not handle.is_alive())
    assert handle not in family.find_family(leader.pid, OWN, [handle])


# Ending


def test_all_processes_with_the_mark_are_ended(start: Start, written: Written) -> None:
    leader = start("./nap & (setsid ./nap &); setsid ./nap & wait")
    other = start("sleep 600", f"{OWN}0")
    written(3)
    assert _end_marked(0) == ""
    assert _marked() == []
    assert leader.wait() == -signal.SIGKILL
    assert other.poll() is None


def test_a_process_that_ends_on_sigterm_is_given_time(
    start: Start, written: Written, lair: Path
) -> None:
    child = start(
        "trap 'echo bye > farewell; exit 7' TERM; echo $$ >> pids;"
        # Not `read -t`: in bash 5.2 a badly timed signal makes it wait forever.
        " while :; do sleep 0.01; done"
    )
    written(1)
    assert _end_marked(60) == ""
    assert (lair / "farewell").read_text() == "bye\n"
    assert child.wait() == 7


def test_a_process_that_ignores_sigterm_is_killed(
    start: Start, written: Written
) -> None:
    child = start("trap '' TERM; echo $$ >> pids; while :; do sleep 600; done")
    written(1)
    assert _end_marked(0.05) == ""
    assert child.wait() == -signal.SIGKILL


def test_a_stopped_process_can_handle_sigterm(start: Start, written: Written) -> None:
    child = start("trap 'exit 7' TERM; echo $$ >> pids; kill -STOP $$; read -t 600")
    written(1)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert _end_marked(60) == ""
    assert child.wait() == 7


def test_a_hurry_ends_the_grace_period(start: Start, written: Written) -> None:
    child = start("trap '' TERM; echo $$ >> pids; while :; do sleep 600; done")
    written(1)
    assert _end_marked(3600, hurried=True) == ""
    assert child.wait() == -signal.SIGKILL


def test_ending_no_processes_does_not_wait() -> None:
    assert _end_marked(3600) == ""


def test_a_process_that_does_not_die_is_named(
    start: Start, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start("exec ./nap")
    written(1)

    def refuse(pid: int, number: int) -> None:
        del pid, number
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    left = _end_marked(0)
    monkeypatch.undo()
    owner = pwd.getpwuid(os.getuid()).pw_name
    assert left == f"{child.pid} (nap, not permitted: it belongs to {owner})"


def test_a_process_never_met_alive_is_reported_as_left(start: Start) -> None:
    child = start("exit 0")
    gone = _process(child.pid)
    child.wait()
    assert end_all(lambda: [gone], grace=0) == REPLACED


def test_killed_processes_are_waited_for_in_any_number_of_rounds(
    start: Start, written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = start("exec ./nap")
    written(1)
    signals = iter(range(3 * ROUNDS))

    def send_late(pid: int, number: int) -> None:
        if next(signals) >= 2 * ROUNDS:
            send(pid, number)

    send = os.kill
    monkeypatch.setattr(os, "kill", send_late)
    monkeypatch.setattr(ending, "INTERVAL", 0.0)
    monkeypatch.setattr(ending, "SECONDS", PATIENCE)
    assert _end_marked(0) == ""
    assert child.wait() == -signal.SIGKILL


def test_a_failed_search_is_retried(start: Start, written: Written) -> None:
    child = start("exec ./nap")
    written(1)
    failures = [OSError(errno.ENOMEM, "no memory"), OSError(errno.EMFILE, "no file")]

    def search() -> list[Process]:
        if failures:
            raise failures.pop()
        return _marked()

    assert end_all(search, grace=0) == ""
    assert child.wait() == -signal.SIGKILL


def test_a_search_that_always_fails_is_not_a_clean_end() -> None:
    def search() -> list[Process]:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    assert end_all(search, grace=0) == "unknown (Cannot allocate memory)"


# Sessions, groups and names


def test_a_session_is_found_by_its_leader(start: Start, written: Written) -> None:
    leader = start("./nap & setsid ./nap & (setsid ./nap &) ; wait")
    naps = written(3)
    # Until the parents of the third process have ended.
    until(lambda: len(psutil.Process(leader.pid).children(recursive=True)) == 2)
    found = family.find_sessions([_process(leader.pid)])
    # Includes descendants, except those that left both it and their parents.
    orphan = {nap.pid for nap in naps if nap.ppid() != leader.pid}
    assert len(orphan) == 1
    assert _ids(found) == {leader.pid, *(nap.pid for nap in naps)} - orphan


def test_an_ended_leader_has_no_session(start: Start) -> None:
    child = start("./nap &")
    leader = _process(child.pid)
    child.wait()
    assert family.find_sessions([leader]) == []
    assert family.find_sessions([]) == []


def test_a_process_knows_its_group(start: Start, written: Written) -> None:
    leader = start("./nap & setsid ./nap & wait")
    naps = written(2)
    handles = [_process(nap.pid) for nap in naps]
    (inside,) = [nap for nap in handles if nap.is_in_group(leader.pid)]
    (outside,) = [nap for nap in handles if nap != inside]
    assert outside.is_in_group(outside.pid)
    gone = start("exit 0")
    process = _process(gone.pid)
    gone.wait()
    assert not process.is_in_group(gone.pid)


def test_processes_are_described_by_id_and_program(start: Start) -> None:
    first, second = start("exec sleep 600"), start("exec sleep 600")
    gone = start("exit 0")
    processes = [_process(child.pid) for child in (first, gone, second)]
    gone.wait()
    names = family.describe(processes)
    assert names.startswith(f"{first.pid} (")
    assert f", {second.pid} (" in names
    assert str(gone.pid) not in names
    assert family.describe([]) == ""


@pytest.mark.parametrize("name", ["a) b (c", "x" * 40, "ä"])
def test_any_program_can_be_named(start: Start, lair: Path, name: str) -> None:
    shutil.copy("/bin/sleep", lair / name)
    child = start(f"exec './{name}' 600")
    wanted = f"{child.pid} ({name})"
    until(lambda: family.describe([_process(child.pid)]) == wanted)


def test_signaling_ended_processes_is_harmless(start: Start) -> None:
    gone, alive = start("exit 0"), start("sleep 600")
    processes = [_process(child.pid) for child in (gone, alive)]
    gone.wait()
    family.signal_all(processes, signal.SIGTERM)
    assert alive.wait() == -signal.SIGTERM
