"""Opens one session, as a host does; prints the seconds of its start.

Runs in a process of its own, with the folder as its argument, because a used heap makes
a start slower. Like a host, it opens the session without the garbage collector, which
would traverse all loaded data again and again.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path

from .scheduling import system_in


def main(directory: Path) -> None:
    """Open the session; print the seconds of CPU time and of wall time."""
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
