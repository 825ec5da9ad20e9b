"""Modules that a host loads before it serves; each delays the first add."""

from __future__ import annotations

import sys
from typing import Final

from programs import run_program

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
    done = run_program(sys.executable, "-c", _LOADED, check=True)
    assert not _SELDOM_USED & {*done.stdout.split()}
