"""A cluster in the command line."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conditions import until

from tests.cluster.clusters import ADDRESS
from tests.host.sessions import care

if TYPE_CHECKING:
    import subprocess

    from forked_program import ForkedProgram
    from host_care import HostCare

__all__ = ["care"]


class Shell:
    def __init__(self, folder: Path, program: ForkedProgram) -> None:
        self.folder = folder
        self._program = program
        self.config = folder / "config.toml"
        self.config.write_text("")

    def __call__(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        place = ("--state-dir", self.folder / "state", "--config", self.config)
        return self._program(verb, *place, *words)


@pytest.fixture
def shell(tmp_path: Path, care: HostCare, forked_program: ForkedProgram) -> Shell:
    del care
    return Shell(tmp_path, forked_program)


@pytest.mark.skipif(find_spec("ray") is not None, reason="Ray is here")
def test_without_ray_one_line_says_how_to_install_it(shell: Shell) -> None:
    done = shell("run", "--engine", "ray", "--", "true")
    assert done.returncode != 0
    assert (
        f"install it: {sys.executable} -m pip install 'backburner[ray]'" in done.stderr
    )


def test_an_unknown_engine_is_refused(shell: Shell) -> None:
    done = shell("add", "--engine", "slurm", "--", "true")
    assert done.returncode == 2
    assert "unknown engine 'slurm'; the engines are: ray" in done.stderr


def test_an_invalid_address_is_refused(shell: Shell) -> None:
    shell.config.write_text('[cluster]\naddress = "somewhere"\n')
    done = shell("add", "--engine", "ray", "--", "true")
    assert done.returncode == 2
    assert "cluster.address" in done.stderr


def test_an_address_is_given_with_a_task(shell: Shell) -> None:
    shell.config.write_text(f'[cluster]\npython = "{sys.executable}"\n')
    words = ("--engine", "ray", "--address")
    done = shell("add", *words, "somewhere", "--", "true")
    assert done.returncode == 2
    assert "somewhere is not an address; write auto or HOST:PORT" in done.stderr
    done = shell("add", "--address", "127.0.0.9:1", "--", "true")
    assert done.returncode == 2
    assert "address needs an engine, such as ray" in done.stderr
    done = shell("run", *words, "127.0.0.9:1", "--", "true")
    assert done.returncode != 0
    assert "nothing answers at 127.0.0.9:1 (Connection refused)" in done.stderr
    task = shell("show", "1").stdout
    assert "on ray at 127.0.0.9:1" in task


def test_the_directory_is_shown_with_its_place(shell: Shell) -> None:
    words = ("--engine", "ray", "--stash")
    shell("add", *words, "--", "true")
    shell("add", *words, "--ship", "--", "true")
    directory = Path.cwd()
    assert f"{directory}, of the node" in shell("show", "1").stdout
    assert f"a copy of {directory}, on the node" in shell("show", "2").stdout


@pytest.mark.cluster
def test_a_task_runs_on_the_configured_cluster(shell: Shell) -> None:
    shell.config.write_text(f'[cluster]\naddress = "{os.environ[ADDRESS]}"\n')
    words = ("--engine", "ray", "--cpus", "0.5", "-e", "COLOR=red")
    done = shell("run", *words, "--", "echo $COLOR; exit 3")
    assert (done.returncode, done.stdout) == (3, "red\n")
    task = json.loads(shell("show", "1", "--json").stdout)
    assert task["node"].startswith("127.0.0.")


@pytest.mark.cluster
def test_the_nodes_of_the_cluster_are_shown(shell: Shell) -> None:
    shell.config.write_text(f'[cluster]\naddress = "{os.environ[ADDRESS]}"\n')
    done = shell("cluster")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ray: 2 nodes\n")
    found = json.loads(shell("cluster", "--json").stdout)
    assert [it["total"]["CPU"] for it in found["nodes"]] == [2.0, 2.0]


@pytest.mark.cluster
def test_a_task_continues_if_the_host_is_killed(shell: Shell, tmp_path: Path) -> None:
    shell.config.write_text(f'[cluster]\naddress = "{os.environ[ADDRESS]}"\n')
    go = tmp_path / "go"
    command = f"echo 1; until test -e {go}; do sleep 0.05; done; echo 2; exit 3"
    shell("add", "--engine", "ray", "--cpus", "0.5", "--", command)
    until(lambda: shell("log", "1").stdout == "1\n")
    until(lambda: json.loads(shell("show", "1", "--json").stdout)["node"])
    status = shell("host", "status").stdout
    (pid,) = re.findall(r"process (\d+)", status)
    os.kill(int(pid), signal.SIGKILL)
    until(lambda: f"process {pid}" not in shell("host", "status").stdout)
    go.touch()
    assert shell("wait", "1").returncode == 3
    assert shell("log", "1").stdout == "1\n2\n"
