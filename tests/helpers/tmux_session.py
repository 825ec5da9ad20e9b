"""The program inside tmux, a real multiplexer."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from typing import TYPE_CHECKING, Self

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class TmuxSession:
    """A tmux server of its own, with one shell in it.

    Args:
        folder: For the server's socket, and the directory of the shell.
        columns: The width of the window.
        rows: The height of the window.
    """

    def __init__(self, folder: Path, columns: int = 90, rows: int = 24) -> None:
        self._socket = str(folder / "tmux")
        shell = "bash --norc --noprofile -i"
        # In that folder, where an editor leaves its swap file if a test is killed.
        place = ("-c", str(folder), "-x", str(columns), "-y", str(rows))
        self._run("-f", "/dev/null", "new-session", "-d", *place, f"PS1='$ ' {shell}")
        self.wait("$")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._run("kill-server")

    @property
    def text(self) -> str:
        """The text in the window."""
        return self._run("capture-pane", "-p")

    @property
    def scrollback(self) -> str:
        """The scrollback and the text in the window."""
        return self._run("capture-pane", "-p", "-S", "-")

    def begin_anew(self, command: Sequence[str]) -> None:
        """Run a command on an empty screen in place of the shell."""
        self._run("clear-history")
        words = f"{shlex.join(command)}; exec sleep infinity"
        self._run("respawn-pane", "-k", words)

    def type(self, text: str) -> None:
        """Type text, key by key."""
        self._run("send-keys", "-l", text)

    def press(self, *names: str) -> None:
        """Press keys by their tmux names."""
        self._run("send-keys", *names)

    def run(self, command: Sequence[str]) -> None:
        """Run a command in the shell."""
        self.type(shlex.join(command))
        self.press("Enter")

    def paste(self, text: str) -> None:
        """Paste text as a terminal does."""
        self._run("set-buffer", text)
        self._run("paste-buffer", "-p")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the window."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def wait(self, *wanted: str, gone: str | None = None) -> None:
        """Wait until the window shows texts, and no longer another.

        Raises:
            AssertionError: If not, with the contents of the window.
        """
        end = time.monotonic() + PATIENCE
        while True:
            text = self.text
            if all(w in text for w in wanted) and (gone is None or gone not in text):
                return
            if time.monotonic() > end:
                raise AssertionError(f"no {wanted!r}, or still {gone!r}:\n{text}")
            time.sleep(0.02)

    def _run(self, *arguments: str) -> str:
        env = {k: v for k, v in os.environ.items() if k not in {"TMUX", "NO_COLOR"}}
        env.update({"LC_ALL": "C.UTF-8"})
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            env=env,
            capture_output=True,
            text=True,
            check=True,
            timeout=PATIENCE,
        )
        return done.stdout
