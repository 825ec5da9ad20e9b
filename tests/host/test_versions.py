"""Programs and hosts of different versions."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from backburner.actors.host import wire
from conditions import until
from forked_program import ForkedProgram
from process_ends import wait_ends

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    import psutil
    from host_care import HostCare

# Python loads this before anything else: another version of the program.
OTHER_VERSION = """
import backburner.actors.host.wire as wire
wire.PROTOCOL = {protocol}
import backburner.ui.cli.lean_client as lean_client
lean_client.PROTOCOL = {protocol}
"""


def environ(folder: Path, version: str, protocol: int) -> Mapping[str, str]:
    """Return an environment with another version of the program."""
    folder.mkdir()
    package = folder / f"backburner-{version}.dist-info"
    package.mkdir()
    (package / "METADATA").write_text(f"Name: backburner\nVersion: {version}\n")
    text = OTHER_VERSION.format(protocol=protocol)
    (folder / "sitecustomize.py").write_text(text)
    return {**os.environ, "PYTHONPATH": str(folder)}


def backburner(
    state: Path, verb: str, *words: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return ForkedProgram()(verb, "--state-dir", state, *words, environ=env)


def test_a_new_program_works_with_an_older_host(tmp_path: Path, care: HostCare) -> None:
    del care
    state = tmp_path / "state"
    old = environ(tmp_path / "old", "0.0.9", wire.PROTOCOL)
    assert "host backburner 0.0.9" in backburner(state, "host", "start", env=old).stdout
    assert backburner(state, "add", "--", "echo hello").stdout == "added #1\n"
    assert backburner(state, "wait", "1").returncode == 0
    assert backburner(state, "log", "1").stdout == "hello\n"
    assert "host backburner 0.0.9" in backburner(state, "host", "status").stdout
    backburner(state, "end")
    assert "0.0.9" not in backburner(state, "host", "start").stdout
    assert "#1" in backburner(state, "status").stdout


@pytest.mark.parametrize("protocol", [wire.PROTOCOL - 1, wire.PROTOCOL + 1])
def test_another_protocol_is_refused_with_a_helpful_line(
    tmp_path: Path, care: HostCare, protocol: int
) -> None:
    state = tmp_path / "state"
    other = environ(tmp_path / "other", "9.9.9", protocol)
    backburner(state, "host", "start", env=other)
    (host,) = care.hosts()
    for verb, *words in (("add", "--", "true"), ("status",), ("wait",)):
        done = backburner(state, verb, *words)
        assert (done.returncode, done.stdout) == (1, ""), verb
        (line,) = done.stderr.splitlines()
        assert f"process {host.pid}" in line
        assert f"protocol {protocol}, and this program protocol {wire.PROTOCOL}" in line
        assert "backburner host restart" in line
    # The suggested command works.
    done = backburner(state, "host", "restart")
    assert done.returncode == 0, done.stderr
    assert backburner(state, "add", "--", "true").stdout == "added #1\n"


def _sleeps(process: psutil.Process) -> bool:
    return process.cmdline() == ["sleep", "600"]


def test_a_host_of_another_protocol_keeps_its_tasks_unless_forced(
    tmp_path: Path, care: HostCare
) -> None:
    state = tmp_path / "state"
    other = environ(tmp_path / "other", "9.9.9", wire.PROTOCOL + 1)
    backburner(state, "add", "--", "exec sleep 600", env=other)
    until(lambda: any(map(_sleeps, care.left())), "the job")
    (job,) = filter(_sleeps, care.left())
    for action in ("restart", "stop"):
        refused = backburner(state, "host", action)
        assert refused.returncode == 1
        assert "running tasks would be ended" in refused.stderr
        assert "--force" in refused.stderr
        assert job.is_running()
    assert backburner(state, "host", "restart", "--force").returncode == 0
    task = json.loads(backburner(state, "show", "1", "--json").stdout)
    assert task["reason"] == "the session's host was stopped"


def test_a_session_of_another_protocol_can_be_ended(
    tmp_path: Path, care: HostCare
) -> None:
    state = tmp_path / "state"
    other = environ(tmp_path / "other", "9.9.9", wire.PROTOCOL + 1)
    backburner(state, "host", "start", env=other)
    hosts = care.hosts()
    done = backburner(state, "end")
    assert (done.returncode, done.stdout) == (0, "session main ended\n")
    wait_ends(hosts)
    assert care.hosts() == []
