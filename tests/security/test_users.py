"""Sessions and files that belong to another user."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors import TaskStatus, TaskSystem, TaskSystemError
from backburner.actors.host.launch import LONGEST_LOG
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import HostError
from backburner.actors.testing import running
from patience import PATIENCE
from pty_session import PtySession, chat_command
from template import template

if TYPE_CHECKING:
    from collections.abc import Iterator

_OTHER: Final = 65_534

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can become another user, or give files to one"
)


@pytest.fixture
def common() -> Iterator[Path]:
    """Return a folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="backburner-test-") as name:
        Path(name).chmod(0o755)
        for user in (0, _OTHER):
            home = Path(name) / f"home-{user}"
            home.mkdir(0o755)
            os.chown(home, user, user)
        yield Path(name)


def _run_as(user: int, common: Path, state: Path, *lines: str) -> tuple[int, str]:
    """Run the program as a user; return its exit status and stderr."""
    home = common / f"home-{user}"
    options = ["--json", "--state-dir", str(state), "--parallel", "1", "--grace", "0"]
    # A fork has everything loaded: another user may not be able to read this Python.
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8"}
    stdin, typed = os.pipe()
    with os.fdopen(typed, "w") as file:
        file.writelines(f"{line}\n" for line in lines)
    with tempfile.TemporaryFile("w+") as errors, Path(os.devnull).open("wb") as out:
        files = {0: stdin, 1: out.fileno(), 2: errors.fileno()}
        program = [sys.executable, "-m", "backburner", *options]
        process = template().fork(program, environ, files, cwd=home, user=user)
        os.close(stdin)
        status = process.wait(PATIENCE)
        errors.seek(0)
        text = errors.read()
    assert "Traceback" not in text, text
    return status, text


def _contents(folder: Path) -> dict[str, tuple[int, int, int, str]]:
    found: dict[str, tuple[int, int, int, str]] = {}
    for path in (folder, *sorted(folder.rglob("*"))):
        it = path.lstat()
        text = path.read_bytes() if path.is_file() else b""
        digest = hashlib.sha256(text).hexdigest()
        found[str(path)] = (it.st_mode, it.st_uid, it.st_mtime_ns, digest)
    return found


@pytest.mark.parametrize("readable", [False, True])
@pytest.mark.parametrize(("owner", "intruder"), [(0, _OTHER), (_OTHER, 0)])
def test_a_session_runs_only_for_its_owner(
    owner: int, intruder: int, common: Path, *, readable: bool
) -> None:
    state, ran = common / f"home-{owner}/state", common / f"home-{owner}/ran"
    script = ("!sleep 600", f"!touch {ran}; id -u > {ran}", "/quit")
    _run_as(owner, common, state, *script)
    if readable:
        for path in (state, *state.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
    before = _contents(state)
    status, errors = _run_as(intruder, common, state, "/wait")
    assert (status, errors.count("\n")) == (2, 1), errors
    denied = "Permission denied" if owner == 0 and not readable else "belongs to user"
    assert denied in errors
    assert _contents(state) == before
    assert not ran.exists()
    assert _run_as(owner, common, state, "/wait")[1] == ""
    assert ran.read_text() == f"{owner}\n"


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("owner", "intruder"), [(0, _OTHER), (_OTHER, 0)])
def test_a_session_is_not_created_where_another_user_could_replace_it(
    owner: int, intruder: int, common: Path, *, deep: bool
) -> None:
    state = common / f"home-{owner}/open"
    state.mkdir(0o777)
    state.chmod(0o777)
    os.chown(state, owner, owner)
    if deep:
        state /= "a/b"
    status, errors = _run_as(intruder, common, state, "!touch ran", "/wait")
    assert (status, errors.count("\n")) == (2, 1), errors
    assert "could replace it" in errors or "and so replace it" in errors
    assert not [*common.rglob("ran")]


@pytest.mark.parametrize(
    "name",
    [
        "",
        "output",
        "lock",
        "session.db",
        "session.db-wal",
        "session.db-shm",
        "output/.probe",
    ],
)
def test_a_session_of_another_user_is_refused_and_its_queue_does_not_run(
    name: str, tmp_path: Path
) -> None:
    folder, ran = tmp_path / "main", tmp_path / "ran"
    with running(TaskSystem(directory=folder, slots=1)) as system:
        system.add("Busy", "sleep", "600")
        system.add("Queued", "bash", f"touch {ran}")
    if not (folder / name).exists():
        (folder / name).touch(0o600)
    os.chown(folder / name, _OTHER, _OTHER)
    with pytest.raises(TaskSystemError, match=r"belongs to user \w+, not to you; "):
        TaskSystem(directory=folder).start()
    assert not ran.exists()


def test_nothing_is_created_through_a_link_of_another_user(tmp_path: Path) -> None:
    common, mine = tmp_path / "common", tmp_path / "mine"
    common.mkdir()
    common.chmod(0o1777)  # like /tmp
    mine.mkdir()
    link = common / "state"
    link.symlink_to(mine)
    os.lchown(link, _OTHER, _OTHER)
    for path in (link / "main", link / "deep/er/main"):
        with pytest.raises(TaskSystemError, match=r"who could replace it; use a dir"):
            TaskSystem(directory=path).start()
        with pytest.raises(HostError, match=r"who could replace it; use a directory"):
            RemoteSystem(HostSettings(directory=str(path))).start()
    assert not [*mine.iterdir()]


def test_a_folder_below_that_of_another_user_is_refused(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(0o755)
    os.chown(state, _OTHER, _OTHER)
    with pytest.raises(TaskSystemError, match=r"who could replace it; use a directory"):
        TaskSystem(directory=state / "main").start()


_LISTENER: Final = """
import os, socket, sys
os.setgroups([]); os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
server = socket.socket(socket.AF_UNIX)
server.bind("host.sock")
os.chmod("host.sock", 0o666)
server.listen()
print("listens", flush=True)
while True:
    client, _ = server.accept()
    print(client.recv(1000), flush=True)
"""


@pytest.mark.parametrize("asks", ["line mode", "add", "status"])
def test_a_host_of_another_user_receives_nothing(asks: str, common: Path) -> None:
    state = common / f"home-{_OTHER}/state"
    for folder in (state, state / "main"):
        folder.mkdir(0o755)
        os.chown(folder, _OTHER, _OTHER)
    with subprocess.Popen(
        [sys.executable, "-c", _LISTENER, str(_OTHER)],
        cwd=state / "main",
        stdout=subprocess.PIPE,
        text=True,
    ) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == "listens\n"
        if asks == "line mode":
            status, errors = _run_as(0, common, state, "!touch ran", "/wait")
        else:
            done = subprocess.run(
                [sys.executable, "-m", "backburner", asks, "--state-dir", state]
                + ["touch ran"] * (asks == "add"),
                cwd=common,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            status, errors = done.returncode, done.stderr
        listener.kill()
        assert set(listener.stdout.read().splitlines()) <= {"b''"}
    assert (status, errors.count("\n")) == (2 if asks == "line mode" else 1, 1), errors
    assert "belongs to" in errors
    assert not [*common.rglob("ran")]


def _give_away(path: Path) -> None:
    path.write_text("precious\n")
    path.chmod(0o644)
    os.chown(path, _OTHER, _OTHER)


def _is_as_given(path: Path) -> bool:
    found = path.stat()
    ownership = (found.st_uid, found.st_mode & 0o777)
    return (path.read_text(), *ownership) == ("precious\n", _OTHER, 0o644)


def test_a_job_writes_to_no_file_of_another_user(tmp_path: Path) -> None:
    with running(TaskSystem(directory=tmp_path / "main")) as system:
        log = tmp_path / "main/output/1.log"
        _give_away(log)
        task = system.add("Print", "bash", "echo hi")
        (ended,) = system.wait(task.id, timeout=PATIENCE)
        assert ended.status is TaskStatus.FAILED
        assert _is_as_given(log)


@pytest.mark.parametrize("name", ["host.log", "host.log.old", "host.starting"])
def test_a_host_uses_no_file_of_another_user(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "main"
    folder.mkdir(0o700)
    if name == "host.log.old":
        (folder / "host.log").write_bytes(b"x" * (LONGEST_LOG + 1))
    _give_away(folder / name)
    with pytest.raises(HostError, match=r"belongs to user \w+, not to you; remove it"):
        RemoteSystem(HostSettings(directory=str(folder))).start()
    assert _is_as_given(folder / name)


def test_a_configuration_of_another_user_is_refused(common: Path) -> None:
    """The configuration could name a command that runs at the end of each task."""
    config = common / "home-0/.config/backburner/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("slots = 1\n")
    state = common / "home-0/state"
    assert _run_as(0, common, state) == (0, "")
    config.chmod(0o666)
    status, errors = _run_as(0, common, state)
    assert status == 2
    assert errors == (
        f"backburner: can't read {config}: others may write to it;"
        f" run: chmod go-w {config}\n"
    )
    config.chmod(0o644)
    os.chown(config, _OTHER, _OTHER)
    status, errors = _run_as(0, common, state)
    assert (status, errors.count("\n")) == (2, 1), errors
    assert "not to you; use one that you own" in errors
    # An administrator's file belongs to root, or is a link to such a file.
    mine = common / f"home-{_OTHER}/.config/backburner/config.toml"
    mine.parent.mkdir(parents=True)
    mine.symlink_to(config)
    os.chown(config, 0, 0)
    assert _run_as(_OTHER, common, common / f"home-{_OTHER}/state") == (0, "")
    os.chown(config, 12_345, 0)
    assert _run_as(_OTHER, common, common / f"home-{_OTHER}/state")[0] == 2


def test_the_chat_uses_no_history_and_no_log_of_another_user(tmp_path: Path) -> None:
    folder = tmp_path / "main"
    with running(TaskSystem(directory=folder)):
        pass
    files = [folder / "history.jsonl", folder / "chat.log"]
    for file in files:
        _give_away(file)
    with PtySession(chat_command(tmp_path)) as chat:
        chat.wait("can't read the input history", "can't write the log")
        chat.send("hello\r")
        chat.wait(lambda: "hello" in chat.text)
        chat.process.send_signal(signal.SIGTERM)
        assert chat.wait_exit() == 128 + signal.SIGTERM
    assert all(map(_is_as_given, files))
