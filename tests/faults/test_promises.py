"""The document of the promises names tests that exist, and leaves none out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_TEXT: Final = (_HERE.parents[1] / "docs" / "reliability.md").read_text()
# How the signs are read off a process is no promise; that they are shown is one.
_DETAILS: Final = {"test_vital_signs.py", Path(__file__).name}


def _tests() -> set[tuple[str, str]]:
    return {
        (path.name, name)
        for path in _HERE.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    }


def test_every_promise_names_tests_that_exist() -> None:
    named = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", _TEXT))
    assert named
    assert named - _tests() == set()


def test_every_test_holds_a_promise() -> None:
    left_out = {it for it in _tests() if f"{it[0]}::{it[1]}" not in _TEXT}
    assert {it for it in left_out if it[0] not in _DETAILS} == set()
