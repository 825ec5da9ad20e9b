"""What is attached to before its output is there."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest
from backburner.ui.program.attach import open_when_there
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def test_the_output_of_a_task_that_has_just_begun_is_awaited(tmp_path: Path) -> None:
    output = tmp_path / "1.log"
    maker = threading.Timer(0.1, output.write_bytes, [b"here"])
    maker.start()
    fd = open_when_there(str(output), PATIENCE)
    maker.join()
    try:
        assert os.read(fd, 4) in {b"", b"here"}
    finally:
        os.close(fd)


def test_one_that_does_not_come_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_when_there(str(tmp_path / "1.log"), 0.05)
