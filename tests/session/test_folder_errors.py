"""The advice for an unusable session folder depends on the system's error."""

from __future__ import annotations

import os
from errno import (
    EACCES,
    EDQUOT,
    EIO,
    EMFILE,
    ENAMETOOLONG,
    ENFILE,
    ENOENT,
    ENOMEM,
    ENOSPC,
    ENOTDIR,
    EROFS,
)
from pathlib import Path

import pytest
from backburner.actors.session.folder_errors import unusable


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (EACCES, "make it writable, or name another folder"),
        (EROFS, "make it writable, or name another folder"),
        (ENOSPC, "make room, or name another folder"),
        (EDQUOT, "make room, or name another folder"),
        (EIO, "check the disk, or name another folder"),
        (ENOENT, "name another folder"),
        (ENOTDIR, "name another folder"),
        (ENAMETOOLONG, "name another folder"),
        (EMFILE, "raise ulimit -n"),
        (ENFILE, "close some programs"),
        (ENOMEM, "close some programs, or raise ulimit -v"),
    ],
)
def test_the_advice_fits_the_error(number: int, advice: str) -> None:
    text = unusable(Path("/state/main"), OSError(number, os.strerror(number)))
    assert text.startswith("can't ")
    assert "the state directory /state/main: " in text
    assert text.endswith(f"; {advice}")
