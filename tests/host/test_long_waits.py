"""The command line reports that it waits for an unresponsive host."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil
from backburner.actors.host.keeper.files import take_lock
from backburner.actors.host.waited_for import waited_for
from patience import PATIENCE
from template import popen

if TYPE_CHECKING:
    from pathlib import Path

    from tests.host.sessions import Shell

KEEPS = """
import os, sys, time
from backburner.actors.host.keeper.files import take_lock
lock = take_lock(sys.argv[1] + "/keeper")
print(flush=True)
time.sleep(600)
"""


def test_each_verb_reports_a_stopped_host_and_continues_with_it(shell: Shell) -> None:
    pid = json.loads(shell("host", "start", "--json").stdout)["pid"]
    host = psutil.Process(pid)
    host.suspend()
    command = [sys.executable, "-m", "backburner"]
    state = ("--state-dir", str(shell.state))
    programs = {
        words: popen(
            [*command, words[0], *state, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for words in (
            ("status",),
            ("add", "--", "true"),
            ("add", "--retry", "1", "--", "true"),
            ("host", "status"),
            ("cancel", "7"),
            ("--plain",),
        )
    }
    try:
        for words, program in programs.items():
            assert program.stderr is not None
            text = program.stderr.readline().decode()
            assert text == (
                f"backburner: session 'main': waiting: its host (process {pid}) is"
                f" stopped; `kill -CONT {pid}` continues it\n"
            ), words
    finally:
        host.resume()
    for words, program in programs.items():
        assert program.stderr is not None
        assert program.stdout is not None
        text = program.stderr.read()
        program.stderr.close()
        program.stdout.close()
        program.wait(PATIENCE)
        if words[0] == "cancel":
            assert b"no task 7" in text
        else:
            assert (program.returncode, text) == (0, b"")
    assert len(json.loads(shell("list", "--json").stdout)) == 2


def test_a_wait_shows_the_last_message_of_the_keeper(tmp_path: Path) -> None:
    assert waited_for(tmp_path) == "its host is being started"
    lock = take_lock(f"{tmp_path}/keeper")
    assert lock is not None
    try:
        pid = os.getpid()
        starts = f"its keeper (process {pid}) starts or ends its host"
        assert waited_for(tmp_path) == starts
        os.write(lock, b"2026-11-27 22:08:55 17 keeper: the host died; wait\n")
        assert waited_for(tmp_path) == "the host died; wait"
    finally:
        os.close(lock)


def test_a_wait_names_a_stopped_keeper_and_a_keeper_of_another_folder(
    tmp_path: Path,
) -> None:
    place, before = tmp_path / "new", tmp_path / "old"
    place.mkdir()
    words = [sys.executable, "-c", KEEPS, str(place), f"--dir={before}"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as keeper:
        try:
            assert keeper.stdout is not None
            keeper.stdout.readline()
            text = (
                f"it was moved while its host ran; the host keeps running in {before}"
            )
            assert waited_for(place).startswith(text)
            keeper.send_signal(signal.SIGSTOP)
            os.waitpid(keeper.pid, os.WUNTRACED)
            text = f"its keeper (process {keeper.pid}) is stopped; `kill -CONT"
            assert waited_for(place).startswith(text)
        finally:
            keeper.kill()
