"""The first `backburner add` of a session, which starts its host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host.remote import RemoteSystem
from backburner.actors.host.settings import HostSettings
from backburner.ui.cli.lean_chat import start_host_early
from backburner.ui.program.config import Config
from backburner.ui.program.host_settings import host_settings
from conditions import until
from descriptors import opened_by
from patience import PATIENCE
from programs import run_program

if TYPE_CHECKING:
    from pathlib import Path

    from host_care import HostCare

LEAN = """
import sys
from backburner.ui.cli.lean_add import try_add
status = try_add(sys.argv[1:])
print(status, *({"msgspec", "pykka", "pathlib", "typing"} & sys.modules.keys()))
"""


def run(
    *words: object, stdin: int | None = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    return run_program(
        sys.executable, *map(str, words), stdin=stdin, env={**os.environ, **environ}
    )


def test_the_whole_program_is_loaded_once(tmp_path: Path, care: HostCare) -> None:
    state = tmp_path / "below" / "state"
    options = ("--state-dir", state, "--session", "a-1.b", "--", "true")
    for number in (1, 2):
        done = run("-c", LEAN, *options, XDG_CONFIG_HOME=str(tmp_path))
        assert done.stdout == f"added #{number}\n0\n", done.stderr
    assert len(care.hosts()) == 1
    assert (state / "a-1.b").stat().st_mode & 0o777 == 0o700


def test_a_host_ends_silently_if_its_keeper_dies_before_sending_settings() -> None:
    # A host is loaded while its keeper prepares the settings.
    done = run("-m", "backburner.actors.host", "--keeper=1", stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stdout + done.stderr) == (1, "")


def test_the_host_of_a_first_add_equals_a_host_without_a_configuration(
    tmp_path: Path,
) -> None:
    directory = tmp_path / "main"
    plain = HostSettings(directory=str(directory), name="main")
    assert host_settings(Config(), directory, "main") == plain


def test_a_configuration_applies_to_the_host_of_a_first_add(
    tmp_path: Path, care: HostCare
) -> None:
    del care
    file = tmp_path / "backburner" / "config.toml"
    file.parent.mkdir()
    file.write_text("slots = 3\n")
    place = ("--state-dir", tmp_path / "state")
    home = str(tmp_path)
    done = run("-m", "backburner", "add", *place, "--", "true", XDG_CONFIG_HOME=home)
    assert done.stdout == "added #1\n"
    status = run("-m", "backburner", "host", "status", "--json", *place)
    assert json.loads(status.stdout)["slots"] == 3


def test_an_invalid_session_name_is_refused(tmp_path: Path) -> None:
    for name in ("-x", ".x", "a b", "é", "x" * 65):
        place = (f"--session={name}", "--state-dir", tmp_path)
        done = run("-m", "backburner", "add", *place, "--", "true")
        assert done.returncode == 2
        assert "bad session name" in done.stderr


def test_the_host_inherits_no_open_file(tmp_path: Path, care: HostCare) -> None:
    held = tmp_path / "held"
    held.touch()
    command = f"{sys.executable} -m backburner add --state-dir {tmp_path}/state -- true"
    for closed in ("", "<&- >&- 2>&-"):
        script = f"exec 7<{held} 8>>{held}; {command} {closed}"
        subprocess.run(["bash", "-c", script], check=True, timeout=PATIENCE)
        for process in care.left():
            opened = opened_by(process.pid)
            assert str(held) not in opened.values()
            assert opened.get(0, os.devnull) == os.devnull  # it may have ended
        until(lambda: len(care.hosts()) == 1, "the host")
        (host,) = care.hosts()
        ended = run("-m", "backburner", "end", "--state-dir", tmp_path / "state")
        assert ended.returncode == 0
        host.wait(PATIENCE)


def test_a_keeper_notices_the_end_of_its_host_if_sigchld_was_ignored(
    tmp_path: Path, care: HostCare
) -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN);"
    program = f"{ignoring} os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    place = ("--state-dir", tmp_path)
    run("-c", program, "-m", "backburner", "add", *place, "--", "sleep", "600")
    (host,) = care.hosts()
    host.kill()
    until(lambda: [it for it in care.hosts() if it.pid != host.pid], "another host")


def test_the_host_of_a_chat_starts_while_the_chat_loads(
    tmp_path: Path, care: HostCare, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "isatty", is_terminal)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    place = ["--state-dir", str(tmp_path / "state")]
    assert start_host_early(place)
    host = reached(tmp_path / "state" / "main")
    assert [it.pid for it in care.hosts()] == [host]
    assert not start_host_early(place)


@pytest.mark.parametrize(
    "arguments", [["--no-host"], ["--parallel", "3"], ["--session"], ["--json"]]
)
def test_unusual_cases_do_not_start_the_host_early(
    tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "isatty", is_terminal)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert not start_host_early(["--state-dir", str(tmp_path), *arguments])


def test_no_host_starts_early_with_a_configuration_or_without_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(os, "isatty", is_input)
    assert not start_host_early(["--state-dir", str(tmp_path)])
    monkeypatch.setattr(os, "isatty", is_terminal)
    (tmp_path / "backburner").mkdir()
    (tmp_path / "backburner" / "config.toml").touch()
    assert not start_host_early(["--state-dir", str(tmp_path)])


def reached(directory: Path) -> int:
    """Wait for the starting host; return its process id."""
    with RemoteSystem(HostSettings(directory=str(directory))) as system:
        return system.welcome.pid


def is_terminal(fd: int) -> bool:
    del fd
    return True


def is_input(fd: int) -> bool:
    return fd != 1
