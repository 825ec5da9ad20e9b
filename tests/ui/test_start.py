"""The modules that the program loads at its start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from backburner.ui.program.exit_status import EXIT_USAGE
from conditions import until
from patience import PATIENCE
from programs import run_program
from pty_session import PtySession

DRAWS = {
    "asyncio",
    "backburner.ui.chat",
    "backburner.ui.terminal.screen",
    "backburner.ui.terminal.terminal",
    "blessed",
    "wcwidth",
}
SELDOM_NEEDED = {"difflib", "psutil", "tomllib"}

# Reports the state of the program while it runs, and just before it ends.
WATCHED = """
import gc, json, sys
from backburner.ui import start
class Watching:
    collected_while_loading = None
    def find_spec(self, name, path=None, target=None):
        if name == "backburner.ui.lines.run":
            Watching.collected_while_loading = gc.isenabled()
sys.meta_path.insert(0, Watching())
status = start.main()
print(json.dumps({
    "status": status,
    "loaded": sorted(sys.modules),
    "collected while loading": Watching.collected_while_loading,
    "collected then": gc.isenabled(),
    "kept": gc.get_freeze_count(),
}), file=sys.stderr)
"""

# Reports the modules that a chat has loaded when its first frame is shown.
WATCHED_CHAT = """
import gc, sys
from pathlib import Path
from backburner.ui import start
said = Path(sys.argv.pop(1))
class Watching:
    def find_spec(self, name, path=None, target=None):
        if name.endswith((".ui.program.orphans", ".main_thread")) and not said.exists():
            words = ["collected" if gc.isenabled() else "uncollected", *sys.modules]
            said.with_suffix(".part").write_text(" ".join(words))
            said.with_suffix(".part").rename(said)
sys.meta_path.insert(0, Watching())
sys.exit(start.main())
"""
# Modules that the first frame doesn't need, and the reason to load each later.
NOT_FOR_A_FRAME = {
    "asyncio",
    "backburner.actors.cluster.link",
    "backburner.actors.session.futures",
    "backburner.ui.chat.ui_actor",
    "backburner.ui.chat.update",
    "backburner.ui.chat.views.markdown",
    "backburner.ui.dialogue.commands",
    "backburner.ui.dialogue.lookups",
    "backburner.ui.lines",
    "backburner.ui.pager",
    "blessed",
    "concurrent.futures",
    "ctypes",
    "dataclasses",
    "importlib.metadata",
    "json.decoder",
    "psutil",
    "shutil",
    "tempfile",
    "wcwidth",
}
IN_THE_HOST = {
    "backburner.actors.journal",
    "backburner.actors.kinds",
    "backburner.actors.processes.child",
    "backburner.actors.queue_actor",
    "sqlite3",
}


def watched(folder: Path, lines: str) -> dict[str, Any]:
    done = run_program(
        sys.executable,
        "-c",
        WATCHED,
        "--state-dir",
        str(folder),
        check=True,
        input=lines,
    )
    return json.loads(done.stderr.splitlines()[-1])


def test_line_mode_loads_no_drawing_or_rarely_needed_module(tmp_path: Path) -> None:
    seen = watched(tmp_path, '/task "Say hello" bash "echo hello"\n/tasks\n')
    assert seen["status"] == 0
    assert not (DRAWS | SELDOM_NEEDED).intersection(seen["loaded"])


def test_garbage_is_not_collected_while_loading_but_afterwards(tmp_path: Path) -> None:
    seen = watched(tmp_path, "/no-such-command\n")
    assert seen["status"] == EXIT_USAGE
    assert seen["collected while loading"] is False
    assert seen["collected then"] is True
    assert seen["kept"]


@pytest.mark.parametrize("host", [False, True], ids=["alone", "on a host"])
def test_the_first_frame_loads_only_modules_that_it_needs(
    tmp_path: Path, *, host: bool
) -> None:
    report = tmp_path / "said"
    state = ("--state-dir", str(tmp_path))
    program = str(Path(sys.executable).with_name("backburner"))
    if host:
        subprocess.run([program, "host", "start", *state], check=True, timeout=PATIENCE)
    options = state if host else ("--no-host", *state)
    command = [sys.executable, "-c", WATCHED_CHAT, str(report), *options]
    try:
        with PtySession(command, start=True) as chat:
            chat.wait("A note to yourself")
            until(report.exists)
    finally:
        if host:
            subprocess.run([program, "end", *state], check=True, timeout=PATIENCE)
    collected, *loaded = report.read_text().split()
    # Older versions of the dependencies load more.
    given = run_program(
        sys.executable,
        "-c",
        "import sys, msgspec, pykka; print(*sys.modules)",
        check=True,
    )
    unwanted = NOT_FOR_A_FRAME | (IN_THE_HOST if host else set[str]())
    unwanted -= {*given.stdout.split()}
    assert not unwanted.intersection(loaded)
    assert collected == "uncollected"
