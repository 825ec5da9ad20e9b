"""What the program loads at its start, and how."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from backburner.ui.program.exit_status import EXIT_USAGE
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

DRAWS = {
    "asyncio",
    "backburner.ui.chat",
    "backburner.ui.terminal.screen",
    "backburner.ui.terminal.terminal",
    "blessed",
    "wcwidth",
}
SELDOM_NEEDED = {"difflib", "psutil", "tomllib"}

# Says what is known of the program while it runs, and just before it ends.
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


def watched(folder: Path, lines: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, "--state-dir", str(folder)],
        input=lines,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    return json.loads(done.stderr.splitlines()[-1])


def test_line_mode_loads_nothing_that_draws_or_is_seldom_needed(tmp_path: Path) -> None:
    seen = watched(tmp_path, '/task "Say hello" bash "echo hello"\n/tasks\n')
    assert seen["status"] == 0
    assert not (DRAWS | SELDOM_NEEDED).intersection(seen["loaded"])


def test_what_is_loaded_is_not_searched_for_garbage_but_all_else_is(
    tmp_path: Path,
) -> None:
    seen = watched(tmp_path, "/no-such-command\n")
    assert seen["status"] == EXIT_USAGE
    assert seen["collected while loading"] is False
    assert seen["collected then"] is True
    assert seen["kept"]
