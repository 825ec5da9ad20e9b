"""The next host reads the configuration again."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host import starting, wire
from backburner.actors.host.address import connect
from backburner.actors.runtime.frames import LONGEST_FROM_HOST, FrameReader, frame
from msgspec.structs import replace
from patience import PATIENCE
from pty_session import PtySession, chat_command

from tests.host.clients import Heard, kill, until_back
from tests.host.sessions import Shell

if TYPE_CHECKING:
    from backburner.actors.host.remote import RemoteSystem
    from backburner.actors.host.settings import HostSettings
    from forked_program import ForkedProgram
    from host_care import HostCare

pytestmark = pytest.mark.usefixtures("care")


def test_changed_settings_apply_to_later_hosts(
    session: RemoteSystem, settings: HostSettings, events: Heard
) -> None:
    session.add("Waits", "sleep", "1h")
    before = session.welcome.pid
    others = replace(settings, grace=1.25, slots=3, name="other")
    starting.restart(others).sock.close()
    until_back(events, before, session)
    for _ in range(2):
        welcome = session.welcome
        assert (welcome.grace, welcome.slots) == (1.25, 3)
        # The session is the same.
        assert (welcome.session, welcome.directory) == ("main", settings.directory)
        kill(welcome.pid)
        until_back(events, welcome.pid, session)


@pytest.mark.parametrize("given", ["no JSON", "[]", '{"slots": "many"}', '{"slots":0}'])
def test_invalid_settings_keep_the_old_host(
    session: RemoteSystem, settings: HostSettings, given: str
) -> None:
    before = session.welcome.pid
    with connect(Path(settings.directory)) as sock:
        sock.settimeout(PATIENCE)
        sock.sendall(frame(wire.encode(wire.RestartHost(given))))
        (payload,) = FrameReader(LONGEST_FROM_HOST).feed(sock.recv(1 << 16))
    answer = wire.decode_from_host(payload)
    assert isinstance(answer, wire.Rejected)
    assert "this one keeps running: " in answer.text
    assert session.list() == ()
    assert session.welcome.pid == before


def test_the_configuration_is_reloaded_and_remembered_settings_stay(
    tmp_path: Path, forked_program: ForkedProgram
) -> None:
    shell = Shell(tmp_path / "state", forked_program)
    config = tmp_path / "config.toml"

    def restarted(text: str) -> int:
        config.write_text(text)
        done = shell("host", "restart", "--json", "--config", str(config))
        slots = json.loads(done.stdout)["slots"]
        assert isinstance(slots, int)
        return slots

    shell("add", "--", "exec sleep 600")
    assert restarted("slots = 5") == 5
    assert restarted("grace = 2.5") == 8  # removed settings have their defaults
    assert shell("parallel", "3").returncode == 0
    assert restarted("slots = 6") == 3
    assert shell("parallel", "default").returncode == 0
    assert shell("host", "status").stdout.endswith("6 slots\n")
    assert shell("status", "--json").stdout.count('"running"')
    assert shell("host", "stop", "--force").returncode == 0


def test_slots_given_to_the_chat_that_starts_a_host_stay(
    tmp_path: Path, forked_program: ForkedProgram
) -> None:
    shell = Shell(tmp_path / "state", forked_program)
    command = chat_command(shell.state, "--parallel", "2", host=True)
    with PtySession(command) as chat:
        chat.wait("A note to yourself")
        assert shell("host", "restart").stdout.endswith("2 slots\n")
    assert shell("host", "stop", "--force").returncode == 0


def test_a_supervised_host_ends_only_when_the_supervisor_ends_it(
    tmp_path: Path, care: HostCare, forked_program: ForkedProgram
) -> None:
    shell = Shell(tmp_path / "state", forked_program)
    config = tmp_path / "config.toml"
    config.write_text("[host]\nlinger = 0.001\n")
    with subprocess.Popen(shell.line("host", "run"), stderr=subprocess.DEVNULL) as host:
        try:
            while "main  host" not in shell("sessions").stdout:
                assert host.poll() is None
            done = shell("host", "restart", "--config", str(config))
            assert done.returncode == 0
            # An idle host would end by itself, and hide a missing restart.
            with pytest.raises(subprocess.TimeoutExpired):
                host.wait(1.0)
        finally:
            shell("host", "stop", "--force")
            assert host.wait(PATIENCE) == 0
    assert care.hosts() == []
