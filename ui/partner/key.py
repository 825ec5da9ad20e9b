"""The key of an endpoint: from the environment, or from a command; in no file."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import brief, safe_line
from .answer import EndpointError

if TYPE_CHECKING:
    from ..program.config import PartnerTable

_PATIENCE: Final = 60.0
_LONGEST: Final = 1 << 14


class Key:
    """Returns the key from the environment, or from its command."""

    def __init__(self, table: PartnerTable, given: str = "") -> None:
        self._table = table
        self._known = given

    def get(self) -> str:
        """Return the key; empty for none. Blocks while its command runs.

        Raises:
            EndpointError: If a configured key is missing.
        """
        if not self._known and self._table.key_command:
            self._known = self._run()
        if not self._known and self._table.key_variable:
            raise EndpointError(
                f"the variable {self._table.key_variable} is not set; set it before you"
                " open the chat, or use [partner] key_command"
            )
        return self._known

    def forget(self) -> None:
        """Discard the key, which was refused: the command runs again next time."""
        if self._table.key_command:
            self._known = ""

    def _run(self) -> str:
        command = self._table.key_command
        name = brief(safe_line(command[0]), 60)
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            text = f"[partner] key_command: {name} takes longer than a minute"
            raise EndpointError(text) from error
        except OSError as error:
            text = f"[partner] key_command: can't start {name}: {error.strerror}"
            raise EndpointError(text) from error
        lines = done.stdout[:_LONGEST].decode("utf-8", "replace").splitlines()
        key = lines[0].strip() if lines else ""
        if done.returncode or not key:
            # Without its output, which may contain a part of the key.
            raise EndpointError(
                f"[partner] key_command: {name} printed no key (exit status"
                f" {done.returncode}); try it in a shell"
            )
        if not key.isascii() or not key.isprintable():
            raise EndpointError(f"[partner] key_command: {name} printed no usable key")
        return key
