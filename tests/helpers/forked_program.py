"""The command line in forks: the output and effects of verbs.

Tests of a start, a signal or a terminal start the program instead.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from patience import PATIENCE
from template import can_fork, template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class ForkedProgram:
    """Runs `backburner` in forks of a process that has loaded it."""

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        environ: Mapping[str, str] | None = None,
        stdout: int | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run it until it ends; it is started instead if a fork would differ.

        Args:
            arguments: The arguments of its command line.
            cwd: Its directory; by default that of this process.
            environ: Its environment; by default that of this process.
            stdout: Its standard output; by default captured in the result.
        """
        words = [*map(str, arguments)]
        command = [sys.executable, "-m", "backburner", *words]
        environ = os.environ if environ is None else environ
        if not can_fork(command, environ):
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if stdout is None else stdout,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                timeout=PATIENCE,
                cwd=cwd,
                env=environ,
                check=False,
            )
        with contextlib.ExitStack() as files:
            out, err = (
                files.enter_context(os.fdopen(os.memfd_create(name), "w+b"))
                for name in ("out", "err")
            )
            stdin = files.enter_context(open(os.devnull, "rb"))  # noqa: PTH123
            process = template().fork(
                command,
                environ,
                {
                    0: stdin.fileno(),
                    1: out.fileno() if stdout is None else stdout,
                    2: err.fileno(),
                },
                cwd=cwd,
            )
            try:
                status = process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            return subprocess.CompletedProcess(words, status, _text(out), _text(err))


def _text(file: io.BufferedRandom) -> str:
    file.seek(0)
    with io.TextIOWrapper(file, "utf-8") as text:
        return text.read()
