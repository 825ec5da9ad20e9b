"""Modules that a host loads before it serves; each delays the first add."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

from patience import PATIENCE

_SELDOM_USED: Final = {"concurrent.futures.thread", "json", "random", "shutil"} | {
    "subprocess",
    "tempfile",
    "urllib.request",
    "zoneinfo",
}
# Modules loaded by the libraries depend on their versions.
_LOADED: Final = """
import sys, msgspec, pykka
theirs = {*sys.modules}
import backburner.actors.host.__main__
print(*{*sys.modules} - theirs)
"""


def test_a_host_loads_no_rarely_used_module() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    assert not _SELDOM_USED & {*done.stdout.split()}
