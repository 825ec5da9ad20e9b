"""The command line, in forks: what a verb says and does.

A test of a start, of a signal or of a terminal starts the program.
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
        """Run it until it ends; it is started if a fork would not be the same.

        Args:
            arguments: Of its command line.
            cwd: Its directory; that of this process if not given.
            environ: Its environment; that of this process if not given.
            stdout: Where it writes to; to the result if not given.
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
