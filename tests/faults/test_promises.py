"""The list of promises names existing tests and omits none."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_ROOT: Final = _HERE.parents[1]
_TEXT: Final = (_ROOT / "docs" / "reliability.md").read_text()
_ALL_NAMED: Final = (_HERE, _HERE.parent / "security")
# Vital signs are a promise; how they are read is not.
_DETAILS: Final = {"test_vital_signs.py", Path(__file__).name}


def _tests(file: Path) -> set[str]:
    return {*re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)}


def _named() -> set[tuple[Path, str]]:
    """Return the named tests, alone or through their whole file."""
    found = re.findall(r"`(tests/[\w/]+/)?(test_\w+\.py)(?:::(test_\w+))?`", _TEXT)
    named: set[tuple[Path, str]] = set()
    for folder, name, test in found:
        file = (_ROOT / folder if folder else _HERE) / name
        named |= {(file, it) for it in ({test} if test else _tests(file))}
    return named


def test_every_promise_names_tests_that_exist() -> None:
    named = _named()
    assert named
    assert {it for it in named if it[1] not in _tests(it[0])} == set()


def test_every_test_belongs_to_a_promise() -> None:
    files = (file for folder in _ALL_NAMED for file in folder.glob("test_*.py"))
    existing = {(it, test) for it in files for test in _tests(it)}
    left_out = existing - _named()
    assert {it for it in left_out if it[0].name not in _DETAILS} == set()
