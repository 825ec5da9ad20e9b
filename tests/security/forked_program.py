"""Opens crafted sessions in forks of one process that has loaded everything.

A fork for each batch of cases opens them as an embedder does; some go through the whole
program, in a fork of its own each. Called with a folder to work in and a list of cases
in a file; writes one JSON object a line, for each what happened.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
import zlib
from pathlib import Path
from typing import Any

import psutil
from backburner.actors import TaskSystem, TaskSystemError
from backburner.actors.rules.terms import DEFAULT_GROUP
from backburner.ui.main import main
from crafted import CASES, Session, mixed, own, write_session

HANG = 60
BATCH = 25
WHOLE = 50  # one of so many cases runs the whole program
PATIENCE = 100
COMMANDS = (
    "/tasks --all\n"
    + "".join(f"/show {number}\n/output {number}\n" for number in range(1, 7))
    + '/task "New" bash "echo new"\n/wait\nhello\n/clear\n/quit\n'
)


def checksums(folder: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        mode = path.lstat().st_mode
        text = path.read_bytes() if path.is_file() else b""
        found[str(path)] = f"{mode:o} {hashlib.sha256(text).hexdigest()}"
    return found


def run(state: Path, work: Path) -> tuple[int, float]:
    """Run the program in a fork; return its status and duration in seconds."""
    begun = time.monotonic()
    pid = os.fork()
    if not pid:
        status = 99
        try:
            for number, name in ((0, "in"), (1, "out"), (2, "err")):
                flags = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_TRUNC
                os.dup2(os.open(work / name, flags | os.O_CREAT, 0o600), number)
            faulthandler.dump_traceback_later(HANG, exit=True)
            status = main(["--plain", "--state-dir", str(state), "--grace", "0"])
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 - any error is told
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begun


def open_session(folder: Path, *, adopt: bool) -> tuple[int, str, str]:
    """Open a session, use all of it, and close it; return status, words and errors.

    With `adopt` as a host does, which takes over what is left running.
    """
    log = io.StringIO()
    logging.getLogger().handlers = [logging.StreamHandler(log)]
    words: list[str] = []
    status = 0
    try:
        system = TaskSystem(directory=folder, grace=0, adopt=adopt)
        system.start()
        try:
            tasks = system.list()
            words += [*system.warnings, *map(repr, tasks)]
            system.resume()
            system.resume(DEFAULT_GROUP)
            task = system.add("New", "sleep", "0")
            system.wait(task.id, timeout=PATIENCE)
            system.forget_finished()
        except TaskSystemError as error:
            words.append(str(error))
        finally:
            system.stop()
        words += system.problems
    except TaskSystemError as error:
        status = 2
        log.write(f"{error}\n")
    except BaseException:  # noqa: BLE001 - any error is told
        status = 99
        log.write(traceback.format_exc())
    return status, "\n".join(words), log.getvalue()


class Desk:
    """Crafts a session, opens it in several ways, and checks the remains."""

    def __init__(self, work: Path) -> None:
        self.work = work
        self.state = work / "state"
        self.template = work / "template"
        self.canary = work / "canary"
        self.canary.mkdir()
        for name in ("victim", "victim.log", "5.log"):
            (self.canary / name).write_text("precious\n")
        (work / "in").write_text(COMMANDS)
        write_session(self.template)
        self.process = subprocess.Popen(["sleep", "600"], start_new_session=True)
        self.created = psutil.Process(self.process.pid).create_time()
        self.before = checksums(self.canary)

    def craft(self, name: str) -> str:
        """Craft a session from a case's name or a seed; return its description."""
        shutil.copytree(self.template, self.state / "main")
        own(self.state / "main")
        session = Session(self.state / "main", self.process.pid, self.created)
        label, crafts = mixed(int(name)) if name.isdigit() else (name, [CASES[name]])
        for craft in crafts:
            # SQLite runs out of memory if another case has set such a limit.
            with contextlib.suppress(FileNotFoundError, ValueError, MemoryError):
                craft(session)
        return label

    def try_case(self, name: str, *, whole: bool) -> None:
        """Try to open a crafted session twice, and record the results."""
        label = self.craft(name)
        begun = time.monotonic()
        if whole:
            status, _ = run(self.state, self.work)
            out, err = ((self.work / it).read_text("utf-8", "replace") for it in OUTPUT)
            again, _ = run(self.state, self.work) if status < 2 else (0, 0)
        else:
            faulthandler.dump_traceback_later(HANG, exit=True)
            crc = zlib.crc32(label.encode())
            adopt = bool(crc & 1) or label.startswith(("file", "notes", "an exit"))
            status, out, err = open_session(self.state / "main", adopt=adopt)
            again = (
                open_session(self.state / "main", adopt=not adopt)[0]
                if crc % 16 < 2
                else 0
            )
            faulthandler.cancel_dump_traceback_later()
        ended = os.waitid(os.P_PID, self.process.pid, PEEK) if whole else None
        gone = psutil.Process(self.process.pid).status() == psutil.STATUS_ZOMBIE
        result: dict[str, Any] = {
            "case": label,
            "whole": whole,
            "status": status,
            "again": again,
            "seconds": time.monotonic() - begun,
            "out": out,
            "err": err,
            "harmed": checksums(self.canary) != self.before or bool(ended) or gone,
            "left": sorted(it.name for it in self.state.iterdir()),
        }
        sys.stdout.write(json.dumps(result) + "\n")
        sys.stdout.flush()
        shutil.rmtree(self.state)


OUTPUT = ("out", "err")
PEEK = os.WEXITED | os.WNOHANG | os.WNOWAIT


def work_on(names: list[str], work: Path) -> None:
    """Try all cases; a case that kills the process has no record."""
    desk = Desk(work)
    try:
        for name in names[::WHOLE]:
            desk.try_case(name, whole=True)
        others = [name for place, name in enumerate(names) if place % WHOLE]
        for at in range(0, len(others), BATCH):
            # No other thread runs here, so forking is safe.
            if (pid := os.fork()) == 0:
                status = 99
                try:
                    for name in others[at : at + BATCH]:
                        desk.try_case(name, whole=False)
                    status = 0
                except BaseException:  # noqa: BLE001 - any error is told
                    traceback.print_exc()
                finally:
                    sys.stderr.flush()
                    os._exit(status)
            os.waitpid(pid, 0)
            shutil.rmtree(desk.state, ignore_errors=True)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(desk.process.pid, signal.SIGKILL)
        desk.process.wait()


if __name__ == "__main__":
    work_on(json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[1]))
