"""Opens one session, as a host does; prints the seconds that its start takes.

A process of its own, with the folder as its argument: the heap of a process that has
done other things makes a start slower. A host opens its session without the cycle
collector, which would search all that is remembered again and again.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

from .scheduling import system_in


def main(directory: Path) -> None:
    """Open the session, and print seconds of processor time and by the clock."""
    system = system_in(directory)
    gc.collect()
    gc.disable()
    at, begun = time.perf_counter(), time.process_time()
    system.start()
    cpu, wall = time.process_time() - begun, time.perf_counter() - at
    gc.enable()
    system.stop()
    sys.stdout.write(f"{cpu} {wall}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
