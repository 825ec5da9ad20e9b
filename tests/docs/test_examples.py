"""The examples under docs/examples, run as a reader would run them."""

from __future__ import annotations

import contextlib
import os
import runpy
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from backburner.actors.testing import Recorder, no_leaks
from conditions import until
from patience import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
MOPIDY = os.environ.get("MOPIDY_PYTHON", "")

PRINTS = {
    "ask_outside": [
        "added: 1",
        "refused: unknown kind 'snooze'; the kinds are: bash, sleep",
        "complete: 1",
    ],
    "asyncio_host": [
        "Slow: complete, slow",
        "Quick: complete, quick",
        "Endless: canceled, None",
        "the loop was free",
    ],
    "container_kind": [
        f"Low: niceness {min(19, os.nice(0) + 10)}",
        "Clean: HOME is unset",
    ],
    "everything": [
        "Build complete ('two',)",
        "the function returned ['a.py']",
        "printed: ready",
        "refused: no task 99 True",
        "the pool is closed",
        "told: Build complete",
        "told: Watch canceled",
        "stopped: the day is over",
        "missed: ['Late']",
        "afterward: the task system is not started; call start() first",
        "Apart complete ('apart',)",
        "told by the host: Apart complete",
    ],
    "first_subscriber": [
        "Build: queued, starting",
        "Build: running, running",
        "Build: complete, exit status 0",
    ],
    "own_ui": ["Unseen: complete, exit status 0", "Seen: failed, exit status 3"],
    "python_kind": ["168 primes below 1000"],
    "subscriber_actor": [
        "Build is complete: built",
        "Clock was canceled: the build is done",
    ],
    "sync_script": [
        "Build: complete, exit status 0; 12 files compiled",
        "Tests: failed, exit status 1; 1 of 40 failed",
    ],
    "two_systems": [
        "one id each: 1 and 1",
        "the backups are stopped",
        "the build is complete",
    ],
}
RUN_OTHERWISE = {"butler", "mopidy_extension", "mopidy_frontend"}


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == {*PRINTS, *RUN_OTHERWISE}


@pytest.mark.parametrize("name", PRINTS)
def test_an_example_does_what_it_claims_and_cleans_up(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with no_leaks(), contextlib.suppress(SystemExit):
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")

    printed = capsys.readouterr()
    assert sorted(printed.out.splitlines()) == sorted(PRINTS[name])
    assert printed.err == ""


class Core:
    """The part of Mopidy's core that the frontend uses."""

    def __init__(self) -> None:
        self.library = self
        self.refreshed: Recorder[str] = Recorder("the library")

    def refresh(self) -> None:
        self.refreshed.tell("refreshed")


@pytest.fixture
def frontend() -> type[Any]:
    return runpy.run_path(str(EXAMPLES / "mopidy_frontend.py"))["ScanFrontend"]


def test_a_frontend_rereads_the_library_after_a_scan(frontend: type[Any]) -> None:
    core = Core()

    with no_leaks():
        ref = frontend.start({"scan": {"command": "echo 3 new tracks"}}, core)
        core.refreshed.wait_for(str)
        ref.stop(timeout=PATIENCE)


def test_stopping_a_frontend_ends_its_scan(frontend: type[Any], tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    core = Core()

    with no_leaks():
        command = f"touch {begun}; sleep 600"
        ref = frontend.start({"scan": {"command": command}}, core)
        until(begun.exists)
        ref.stop(timeout=PATIENCE)

    assert core.refreshed.received == ()


@pytest.mark.skipif(not MOPIDY, reason="MOPIDY_PYTHON names no Python that has Mopidy")
def test_the_frontend_runs_in_mopidy(tmp_path: Path) -> None:
    metadata = tmp_path / "Mopidy_Scan-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Name: Mopidy-Scan\nVersion: 1.0\n")
    entry = "[mopidy.ext]\nscan = mopidy_extension:Extension\n"
    (metadata / "entry_points.txt").write_text(entry)
    config = tmp_path / "mopidy.conf"
    config.write_text(
        f"[core]\ndata_dir = {tmp_path}/data\n"
        f"cache_dir = {tmp_path}/cache\nconfig_dir = {tmp_path}/config\n"
        "[audio]\noutput = fakesink\n[http]\nenabled = false\n"
        "[scan]\ncommand = echo 3 new tracks\n"
    )
    paths = [EXAMPLES, tmp_path]
    server = subprocess.Popen(
        # Mopidy 4 logs less, and wraps lines at the terminal's width.
        [Path(MOPIDY).with_name("mopidy"), "--config", config, "-v"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, paths)),
            "COLUMNS": "200",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert server.stdout is not None
    with server.stdout:
        lines: list[str] = []
        for line in server.stdout:
            lines.append(line)
            if "Scan complete: 3 new tracks" in line:
                server.send_signal(signal.SIGINT)
    status = server.wait(PATIENCE)

    assert status == 0, "".join(lines)
    assert any("Scan complete: 3 new tracks" in line for line in lines), "".join(lines)
    assert not any("Traceback" in line for line in lines), "".join(lines)
