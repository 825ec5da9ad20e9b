"""Runs the program on crafted sessions: one process that loads it, and a fork for each.

Called with a folder to work in and a list of cases in a file; writes one JSON object a
line, for each what the program did.
"""

from __future__ import annotations

import contextlib
import faulthandler
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import psutil
from backburner.ui.main import main
from crafted import CASES, Session, mixed, own, write_session

HANG = 60
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
    """Run the program in a fork; return its status and the seconds it took."""
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
        except BaseException:  # noqa: BLE001 - whatever it is, it is told
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), time.monotonic() - begun


def work_on(names: list[str], work: Path) -> None:
    canary = work / "canary"
    canary.mkdir()
    for name in ("victim", "victim.log", "5.log"):
        (canary / name).write_text("precious\n")
    (work / "in").write_text(COMMANDS)
    template = work / "template"
    write_session(template)
    process = subprocess.Popen(["sleep", "600"], start_new_session=True)
    created = psutil.Process(process.pid).create_time()
    before = checksums(canary)
    try:
        for place, name in enumerate(names):
            state = work / "state"
            shutil.copytree(template, state / "main")
            own(state / "main")
            session = Session(state / "main", process.pid, created)
            label, crafts = (
                mixed(int(name)) if name.isdigit() else (name, [CASES[name]])
            )
            for craft in crafts:
                with contextlib.suppress(FileNotFoundError, ValueError):
                    craft(session)
            status, seconds = run(state, work)
            errors = (work / "err").read_text(errors="replace")
            again, _ = run(state, work) if status < 2 and place % 8 == 0 else (0, 0)
            result: dict[str, Any] = {
                "case": label,
                "status": status,
                "again": again,
                "seconds": seconds,
                "out": (work / "out").read_text(errors="replace"),
                "err": errors,
                "harmed": checksums(canary) != before or process.poll() is not None,
                "left": sorted(it.name for it in state.iterdir()),
            }
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
            shutil.rmtree(state)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    work_on(json.loads(Path(sys.argv[2]).read_text()), Path(sys.argv[1]))
