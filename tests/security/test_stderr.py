"""Text that reaches a terminal through stderr, and invalid configurations."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil
import pytest
from backburner.ui.cli.run import run
from conditions import until
from descriptors import opened_by
from forked_program import ForkedProgram
from patience import PATIENCE

from tests.security.things import THINGS, is_untouched, make_victim, put_each

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRAM: Final = [sys.executable, "-m", "backburner"]
_HOSTILE: Final = "\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\r\x07\u202e\u2066"
_RAW: Final = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)
_OPTIONS: Final = (
    ("--state-dir", f"/dev/null/{_HOSTILE}"),
    ("--config", f"/nowhere/{_HOSTILE}"),
    ("--session", f"{_HOSTILE}/x/../../../../../../../../../dev/null"),
    ("--parallel", _HOSTILE),
    ("--grace", _HOSTILE),
    (f"--{_HOSTILE}",),
    (f"--plain={_HOSTILE}",),
    (f"--json={_HOSTILE}",),
    (f"--ephemeral={_HOSTILE}",),
    (f"--version={_HOSTILE}",),
    (f"--help={_HOSTILE}",),
    (_HOSTILE,),
)


def _run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run the program; return its exit status and stderr."""
    environ = {**os.environ, **environment}
    done = ForkedProgram()("--plain", *arguments, environ=environ)
    assert _RAW.findall(done.stderr + done.stdout) == [], arguments
    assert "Traceback" not in done.stderr, arguments
    return done.returncode, done.stderr


@pytest.mark.parametrize("part", range(2))
def test_no_option_reaches_the_terminal_as_a_command(part: int, tmp_path: Path) -> None:
    for option in _OPTIONS[part::2]:
        state = () if "--state-dir" in option else ("--state-dir", str(tmp_path))
        status, errors = _run(*state, *option)
        assert status == 2, option
        assert errors.startswith("backburner: "), option


@pytest.mark.parametrize(
    "words",
    [
        ("status", f"--{_HOSTILE}"),
        ("status", _HOSTILE),
        ("show", _HOSTILE),
        ("wait", "--timeout", _HOSTILE),
        ("status", "--session", _HOSTILE),
        ("status", "--session", "../x"),
        ("status", "--state-dir", f"/dev/null/{_HOSTILE}"),
        ("status", "--state-dir", "/dev/null/\udcff"),
        ("status", "--config", f"/nowhere/{_HOSTILE}"),
        ("sessions", "--state-dir", f"/dev/null/{_HOSTILE}"),
    ],
)
def test_no_option_of_a_verb_reaches_the_terminal_as_a_command(
    words: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    try:
        status = run(words)
    except SystemExit as end:
        status = end.code
    captured = capfd.readouterr()
    assert status in {1, 2}
    assert _RAW.findall(captured.out + captured.err) == []
    assert captured.err.startswith("backburner: ")


@pytest.mark.parametrize(
    "session", [f"/dev/null/{_HOSTILE}", _HOSTILE, "/", "/dev/null/\udcff"]
)
def test_no_session_name_of_the_environment_reaches_the_terminal(
    session: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [*_PROGRAM, "add", "true"],
        env={**os.environ, "BACKBURNER_SESSION": session, "HOME": str(tmp_path)},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )
    errors = done.stderr.decode()
    assert done.returncode in {1, 2}
    assert errors.startswith("backburner: ")
    assert errors.count("\n") == 1
    assert _RAW.findall(errors) == []


def test_a_hostile_session_name_is_listed_safely(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", _HOSTILE):
        (tmp_path / name).mkdir()
        (tmp_path / name / "session.db").touch()
    assert run(("sessions", "--state-dir", str(tmp_path))) == 0
    output = capfd.readouterr().out
    assert "good  -  0 running, 0 queued, 0 failed\n" in output
    assert output.count("\n") == 2
    assert _RAW.findall(output) == []


def test_a_hostile_session_name_in_use_reaches_no_terminal(tmp_path: Path) -> None:
    state = tmp_path / _HOSTILE
    assert _run("--state-dir", str(state)) == (0, "")
    (state / "main/lock").chmod(0o666)
    status, errors = _run("--state-dir", str(state))
    assert status == 2
    assert "others may write to it; run: chmod go-w " in errors
    config = tmp_path / f"{_HOSTILE}.toml"
    config.write_text(f"'{_HOSTILE[-2:]}' = 1")
    status, errors = _run("--config", str(config))
    assert (status, errors.count("\n")) == (2, 1)


def test_a_hostile_environment_reaches_no_terminal(tmp_path: Path) -> None:
    hostile = str(tmp_path / _HOSTILE)
    Path(hostile).write_text("a file")
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "HOME"):
        unset = {"XDG_STATE_HOME": "", "XDG_CONFIG_HOME": ""} if name == "HOME" else {}
        status, errors = _run(**{**unset, name: hostile})
        assert (status, errors.count("\n")) == (2, 1), name


def _nested(config: Path) -> Path:
    config.write_text("x = " + "[" * 20_000)
    return config


def _nested_tables(config: Path) -> Path:
    config.write_text("x = " + "{a=" * 20_000)
    return config


def _long(config: Path) -> Path:
    config.write_text("#" * ((1 << 20) + 1))
    return config


def _sparse(config: Path) -> Path:
    config.touch()
    os.truncate(config, 1 << 40)
    return config


def _endless(_: Path) -> Path:
    return Path("/dev/zero")


def _below_a_device(_: Path) -> Path:
    return Path("/dev/null/x")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_nested, "nested too deeply"),
        (_nested_tables, "nested too deeply"),
        (_long, "longer than 1 MiB; shorten it"),
        (_sparse, "longer than 1 MiB; shorten it"),
        (_endless, "longer than 1 MiB; shorten it"),
        (_below_a_device, "Not a directory"),
    ],
)
def test_an_invalid_configuration_gets_one_line(
    make: Callable[[Path], Path], says: str, tmp_path: Path
) -> None:
    config = make(tmp_path / "config.toml")
    status, errors = _run(
        "--state-dir", str(tmp_path / "state"), "--config", str(config)
    )
    assert status == 2
    assert re.fullmatch(f"backburner: [^\n]*{re.escape(says)}\n", errors)
    assert not (tmp_path / "state").exists()


_AS_A_CONFIGURATION: Final = {
    "a link": "not valid TOML: ",  # the target of the link is read
    "a dangling link": "No such file or directory",
    "a hard link": "not valid TOML: ",
    "a FIFO": "is a pipe without a writer",
    "a directory": "is a directory, not a file; put a file in its place",
    "a socket": "is a socket, not a file; put a file in its place",
    "a character device": "",  # /dev/null, an empty configuration
    "a block device": "is a device, not a file; put a file in its place",
    "a file that others may write": "others may write to it; run: chmod go-w ",
}
"""The message about each object in place of a configuration; empty if it is used."""


@pytest.mark.parametrize("given", [True, False], ids=["--config", "default"])
def test_other_objects_in_place_of_a_configuration_get_one_line(
    tmp_path: Path, *, given: bool
) -> None:
    victim, tried = make_victim(tmp_path), 0
    folder = tmp_path / "home/backburner"
    folder.mkdir(parents=True)
    config = folder / "config.toml"
    options = ("--config", str(config)) if given else ()
    for thing in put_each(config, victim):
        tried += 1
        says = _AS_A_CONFIGURATION[thing]
        if thing == "a dangling link" and not given:
            says = ""  # a missing file is usual
        status, errors = _run(
            "--ephemeral", *options, XDG_CONFIG_HOME=str(folder.parent)
        )
        wanted = f"backburner: [^\n]*{re.escape(says)}[^\n]*\n" if says else ""
        assert re.fullmatch(wanted, errors), thing
        assert status == (2 if says else 0), thing
        assert is_untouched(victim), thing
    assert {*_AS_A_CONFIGURATION} == {*THINGS}
    assert tried


def test_a_configuration_of_the_maximum_size_is_read(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("#" * ((1 << 20) - 10) + "\nslots = 1")
    assert config.stat().st_size == 1 << 20
    assert _run("--ephemeral", "--config", str(config)) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_a_program_that_waits_for_its_configuration(
    number: signal.Signals, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    os.mkfifo(config)
    # The FIFO stays open for writing, without an end of file.
    writer = os.open(config, os.O_RDWR)
    os.write(writer, b"slots = 3\n")
    command = [*_PROGRAM, "--plain", "--state-dir", tmp_path / "state"]
    process = subprocess.Popen(
        [*command, "--config", config], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        # The program has read the first line and waits for more.
        until(lambda: _waits_for(config, process.pid))
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        os.close(writer)
    assert (process.returncode, errors) == (-number, b"")


def _waits_for(config: Path, pid: int) -> bool:
    return str(config) in opened_by(pid).values() and (
        psutil.Process(pid).status() == psutil.STATUS_SLEEPING
    )
