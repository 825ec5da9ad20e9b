"""Programs that run to their end, and their output as text."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


def run_program(
    *command: str | Path,
    check: bool = False,
    **options: Any,  # noqa: ANN401 - as `subprocess.run`
) -> subprocess.CompletedProcess[str]:
    """Run a program, and return its exit status, output and errors.

    Args:
        command: The program and its arguments.
        check: Whether an exit status other than 0 is an error.
        options: More options of `subprocess.run`.
    """
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=check,
        timeout=PATIENCE,
        **options,
    )
