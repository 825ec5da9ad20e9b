"""Output goes from a job to its file, never through this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil
from backburner.actors import Notification, TaskChanged, TaskStatus, TaskSystem
from backburner.actors.testing import Recorder, running
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

PIECES = 4
SIZE = (1 << 30) if os.environ.get("BACKBURNER_SOAK") else (1 << 26)
WARM_UP = 1 << 20
GROWTH = 10 << 20


class Scale(Recorder[Notification]):
    """Measures this process at every change."""

    def __init__(self) -> None:
        super().__init__("the scale")
        self._process = psutil.Process()
        self.heaviest = 0

    def tell(self, message: Notification, /) -> None:
        self.heaviest = max(self.heaviest, self._process.memory_info().rss)
        super().tell(message)


def test_memory_stays_flat_while_a_job_writes_much_output(tmp_path: Path) -> None:
    scale = Scale()
    with running(TaskSystem(directory=tmp_path, output_limit=2 * SIZE)) as system:
        system.subscribe(scale)
        warm_up = system.add("Warm up", "bash", f"head -c {WARM_UP} /dev/zero")
        system.wait(warm_up.id, timeout=PATIENCE)
        before = psutil.Process().memory_info().rss
        scale.heaviest = 0
        piece = f"head -c {SIZE // PIECES} /dev/zero; sleep 0.2"
        flood = system.add("Flood", "bash", "; ".join([piece] * PIECES))
        (ended,) = system.wait(flood.id, timeout=PATIENCE)
        assert (ended.status, ended.output_size) == (TaskStatus.COMPLETE, SIZE)
        sizes = [change.task.output_size for change in scale.of(TaskChanged)]
        assert any(WARM_UP < size < SIZE for size in sizes)
        assert 0 < scale.heaviest < before + GROWTH
        system.forget_finished()
