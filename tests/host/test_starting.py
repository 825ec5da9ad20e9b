"""Starting a host, and its address."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors import TaskStatus, TaskSystemError
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import HostError
from patience import PATIENCE
from process_ends import wait_ends
from programs import run_program

from tests.faults.program import SOAK
from tests.host.clients import RawClient, kill

if TYPE_CHECKING:
    from host_care import HostCare

ROUNDS = 50 if SOAK else 3

STARTER = """
import sys
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
system = RemoteSystem(HostSettings(directory=sys.argv[1]))
sys.stdin.read(1)
system.start()
print(system.welcome.pid, flush=True)
sys.stdin.read()
system.end()
"""


@pytest.fixture(autouse=True)
def forked_hosts() -> None:
    """Start hosts instead of forking them, for tests of the start itself."""


def test_two_clients_that_start_a_host_at_once_get_the_same_one(
    tmp_path: Path, care: HostCare
) -> None:
    for number in range(ROUNDS):
        directory = tmp_path / str(number)
        clients = [
            subprocess.Popen(
                [sys.executable, "-c", STARTER, directory],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        pids: list[int] = []
        for client in clients:
            assert client.stdin is not None
            client.stdin.write("x")
            client.stdin.flush()
        for client in clients:
            assert client.stdout is not None
            pids.append(int(client.stdout.readline()))
        hosts = care.hosts()
        for client in clients:
            client.communicate(timeout=PATIENCE)
        assert pids[0] == pids[1]
        assert [it.pid for it in hosts] == [pids[0]]
        wait_ends(hosts)


def test_many_threads_of_one_program_get_the_same_host(settings: HostSettings) -> None:
    systems = [RemoteSystem(settings) for _ in range(8)]
    threads = [threading.Thread(target=it.start) for it in systems]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)

    assert len({it.welcome.pid for it in systems}) == 1
    for system in systems:
        system.stop()


def test_only_the_owner_can_use_the_socket(session: RemoteSystem) -> None:
    directory = Path(session.welcome.directory)

    assert stat.S_IMODE((directory / "host.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / "host.log").stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def test_a_state_directory_may_have_a_long_path(tmp_path: Path, care: HostCare) -> None:
    del care
    directory = tmp_path / ("a" * 120) / ("b" * 120) / "main"
    settings = HostSettings(directory=str(directory))
    with RemoteSystem(settings) as system:
        task = system.add("x", "bash", "true")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.COMPLETE
        with RemoteSystem(settings, start_host=False) as other:
            assert other.list() == (ended,)


def test_leftovers_of_a_killed_host_do_not_prevent_a_start(
    session: RemoteSystem, settings: HostSettings
) -> None:
    session.stop()
    kill(session.welcome.pid)
    assert (Path(settings.directory) / "host.sock").exists()

    with RemoteSystem(settings) as again:
        assert again.welcome.pid != session.welcome.pid


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(HostError, match="make it writable"):
            RemoteSystem(HostSettings(directory=str(tmp_path / "x"))).start()
    finally:
        tmp_path.chmod(0o700)


def test_a_path_that_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="is not valid UTF-8"):
        RemoteSystem(HostSettings(directory=str(tmp_path / "\udcff"))).start()


def test_the_starter_receives_the_reason_why_a_host_does_not_start(
    settings: HostSettings,
) -> None:
    directory = Path(settings.directory)
    directory.mkdir(parents=True)
    (directory / "output").write_text("in the way")

    with pytest.raises(TaskSystemError, match="can't write to the state directory"):
        RemoteSystem(settings).start()


def test_one_old_log_is_kept_and_is_bounded(settings: HostSettings) -> None:
    directory = Path(settings.directory)
    directory.mkdir(parents=True)
    (directory / "host.log").write_bytes(b"x" * (2 << 20))

    with RemoteSystem(settings):
        assert (directory / "host.log").stat().st_size < 1 << 20
        assert (directory / "host.log.old").stat().st_size == 2 << 20


AS_ANOTHER_USER = """
import os, socket, sys
os.setgid(65534); os.setuid(65534)
sock = socket.socket(socket.AF_UNIX)
try:
    sock.connect(sys.argv[1])
except PermissionError:
    print("no permission")
else:
    print(sock.recv(4096))
    print(sock.recv(4096))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_is_refused_even_with_open_file_permissions(
    session: RemoteSystem, tmp_path: Path
) -> None:
    directory = Path(session.welcome.directory)
    target = directory / "host.sock"

    folder = os.open(directory, os.O_PATH)

    def connect_as_another_user() -> str:
        return run_program(
            sys.executable,
            "-c",
            AS_ANOTHER_USER,
            f"/proc/self/fd/{folder}/{target.name}",
            check=True,
            pass_fds=(folder,),
        ).stdout

    try:
        assert connect_as_another_user() == "no permission\n"
        for path in (directory, *directory.parents):
            if path.is_relative_to(tmp_path):
                path.chmod(0o755)
        target.chmod(0o666)
        answer = connect_as_another_user()
    finally:
        os.close(folder)
        directory.chmod(0o700)

    assert '"type":"Rejected"' in answer
    assert "user 65534 may not use the session of user 0" in answer
    assert answer.endswith("b''\n")
    with RawClient(directory) as client:
        client.greet()
