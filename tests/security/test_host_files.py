"""Foreign objects in place of the files of a session's host."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from backburner.actors.host.address import connect, is_served
from backburner.actors.host.launch import LONGEST_LOG
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.actors.host.starting import HostError
from backburner.ui.cli.run import run
from host_care import HostCare
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.security.things import (
    OF_HOSTS,
    OF_KEEPERS,
    SOCKET,
    THINGS,
    is_untouched,
    make_victim,
    put,
    put_each,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_IS_A_FILE: Final = {"a hard link", "a file that others may write"}


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """Return a file that nothing may change."""
    return make_victim(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[HostSettings]:
    """Return the settings of a host whose session folder is empty."""
    (tmp_path / "state/main").mkdir(mode=0o700, parents=True)
    with HostCare() as care, pytest.MonkeyPatch.context() as patch:
        for name, value in care.environ.items():
            patch.setenv(name, value)
        yield HostSettings(directory=str(tmp_path / "state/main"), grace=0.2)


@pytest.mark.parametrize("name", OF_HOSTS)
def test_a_host_starts_only_with_own_files(
    name: str, settings: HostSettings, victim: Path
) -> None:
    place = Path(settings.directory) / name
    if name == "host.log.old":  # a log over its limit is renamed to this
        (place.with_name("host.log")).write_bytes(b"x" * (LONGEST_LOG + 1))
    for thing in put_each(place, victim):
        with pytest.raises(HostError) as caught:
            RemoteSystem(settings).start()
        assert str(caught.value).startswith(f"can't use {place}: "), thing
        assert THINGS[thing][1] in str(caught.value), thing
        assert is_untouched(victim), thing
    assert not is_served(place.parent)


@pytest.mark.parametrize("name", OF_KEEPERS)
def test_a_keeper_writes_only_to_its_own_files(
    name: str, settings: HostSettings, victim: Path
) -> None:
    for thing in put_each(Path(settings.directory) / name, victim):
        with RemoteSystem(settings) as system:
            # The keeper starts another host, and records the job's exit.
            task = system.add("Kill the host", "bash", "kill -9 $PPID")
            (ended,) = system.wait(task.id, timeout=PATIENCE)
            assert ended.status.is_final, thing
            system.end()
        assert is_untouched(victim), thing


@pytest.mark.parametrize("thing", THINGS)
def test_an_object_in_place_of_the_socket_is_replaced_and_receives_nothing(
    thing: str, settings: HostSettings, victim: Path
) -> None:
    directory = Path(settings.directory)
    if not put(thing, directory / SOCKET, victim):
        pytest.skip("only root can make devices")
    assert not is_served(directory)
    if thing == "a directory":
        with pytest.raises(HostError) as caught:
            RemoteSystem(settings).start()
        assert str(caught.value) == (
            f"can't listen at {directory}/host.sock: Is a directory, not a socket;"
            " move it away"
        )
        return
    system = RemoteSystem(settings)
    system.start()
    assert is_served(directory)
    system.end()
    assert is_untouched(victim)


def test_a_link_to_the_socket_of_another_program_is_not_followed(
    settings: HostSettings, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        folder = os.open(tmp_path, os.O_PATH)
        other.bind(f"/proc/self/fd/{folder}/other")
        os.close(folder)
        other.listen()
        other.settimeout(0)
        (Path(settings.directory) / "host.sock").symlink_to(tmp_path / "other")
        with pytest.raises(ConnectionRefusedError):
            connect(Path(settings.directory))
        assert _add(settings) == 0  # through a host of its own
        with pytest.raises(BlockingIOError):
            other.accept()


def _add(settings: HostSettings) -> int:
    state = str(Path(settings.directory).parent)
    command = [sys.executable, "-m", "backburner", "add", "--state-dir", state]
    return subprocess.run([*command, "true"], timeout=PATIENCE, check=False).returncode


def test_a_host_that_accepts_no_client_is_not_waited_for(
    settings: HostSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = partial(connect, timeout=0.1)
    monkeypatch.setattr("backburner.actors.host.starting.connect", at_once)
    directory = Path(settings.directory)
    folder = os.open(directory, os.O_PATH)
    with socket.socket(socket.AF_UNIX) as stuck, socket.socket(socket.AF_UNIX) as first:
        stuck.bind(f"/proc/self/fd/{folder}/host.sock")
        stuck.listen(0)
        first.connect(f"/proc/self/fd/{folder}/host.sock")
        os.close(folder)
        with pytest.raises(TimeoutError, match="it accepts no client"):
            connect(directory, 0.1)
        assert is_served(directory)
        with pytest.raises(HostError, match="it accepts no client"):
            RemoteSystem(settings).start()


def test_a_host_writes_no_file_to_a_foreign_folder(settings: HostSettings) -> None:
    directory = Path(settings.directory)
    directory.chmod(0o777)
    with pytest.raises(HostError, match="others may write to it; run: chmod go-w "):
        RemoteSystem(settings).start()
    directory.chmod(0o700)
    directory.parent.chmod(0o777)
    with pytest.raises(HostError, match="and so replace it; run: chmod go-w "):
        RemoteSystem(settings).start()
    assert not [*directory.iterdir()]


def test_folders_created_by_a_start_are_private(tmp_path: Path) -> None:
    state = tmp_path / "a/b"
    with HostCare() as care:
        before = os.umask(0)
        try:
            command = [sys.executable, "-m", "backburner", "add", "true"]
            environment = {**os.environ, **care.environ}
            subprocess.run(
                [*command[:4], "--state-dir", state, *command[4:]],
                env=environment,
                check=True,
                timeout=PATIENCE,
            )
        finally:
            os.umask(before)
        for path in (tmp_path / "a", *(tmp_path / "a").rglob("*")):
            assert not path.lstat().st_mode & 0o077, path


# The command line


def test_the_command_line_reads_only_regular_files(
    settings: HostSettings, victim: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    directory = Path(settings.directory)
    state = ["--state-dir", str(directory.parent)]
    with RemoteSystem(settings) as system:
        task = system.add("Print", "bash", "echo hi")
        system.wait(task.id, timeout=PATIENCE)
        log = directory / "output/1.log"
        for thing in put_each(log, victim):
            if thing in _IS_A_FILE:
                continue
            for verb in (["log", *state, "1"], ["log", *state, "-n", "3", "1"]):
                assert run(verb) == 1, thing
                captured = capfdbinary.readouterr()
                assert captured.out == b"", thing
                assert captured.err.count(b"\n") == 1, thing
            assert run(["show", *state, "1"]) == 0
            assert b"precious" not in capfdbinary.readouterr().out, thing
        assert run(["log", *state, "1"]) == 0  # as if the job had printed nothing
        system.end()
    for thing in put_each(directory / "host.log", victim):
        if thing not in _IS_A_FILE:
            assert run(["host", *state, "logs"]) == 1, thing
            captured = capfdbinary.readouterr()
            assert captured.out == b"", thing
            assert captured.err.count(b"\n") == 1, thing
    assert is_untouched(victim)


def test_the_end_of_a_log_of_any_size_is_shown(
    settings: HostSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Path(settings.directory) / "host.log"
    log.touch()
    os.truncate(log, 1 << 40)
    with log.open("ab") as file:
        file.write(b"\nthe end\n")
    assert run(["host", "logs", "--state-dir", str(log.parent.parent)]) == 0
    assert capsys.readouterr().out.endswith("the end\n")


def test_a_chat_on_a_host_uses_no_foreign_files(
    settings: HostSettings, victim: Path
) -> None:
    directory = Path(settings.directory)
    for name in ("chat.log", "history.jsonl"):
        put("a link", directory / name, victim)
    with PtySession(chat_command(directory.parent, host=True)) as chat:
        chat.wait("can't read the input history", "can't write the log")
        chat.send("hello\r")
        chat.wait(lambda: "hello" in chat.text)
        chat.process.send_signal(signal.SIGTERM)
        assert chat.wait_exit() in {0, 128 + signal.SIGTERM}
    assert is_untouched(victim)
