"""Edits a text in the user's editor."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Final

from ...actors import TaskSystemError
from ...actors.rules.shortage import shortage_of
from ..program.surroundings import editor_command

_KEPT: Final = "the task stays as it was"


def edited(text: str) -> str:
    """Edit a text with `$VISUAL` or `$EDITOR`; blocks until the editor ends.

    The text is in a private file, which is removed afterwards.

    Returns:
        The text, without trailing line ends.

    Raises:
        TaskSystemError: If there is no editor, it failed, or the text is empty.
    """
    try:
        program = editor_command()
    except ValueError as error:
        raise TaskSystemError(
            f"{error}, or give the command: backburner edit ID -- COMMAND"
        ) from error
    with tempfile.TemporaryDirectory(prefix="backburner-") as folder:
        file = Path(folder) / "command.sh"
        file.write_text(f"{text}\n", "utf-8")
        try:
            status = subprocess.run([*program, str(file)], check=False).returncode
        except OSError as error:
            raise TaskSystemError(
                f"can't start {program[0]}: {shortage_of(error) or error.strerror};"
                f" {_KEPT}"
            ) from error
        if status:
            raise TaskSystemError(
                f"{program[0]} ended with exit status {status}; {_KEPT}"
            )
        try:
            changed = file.read_text("utf-8-sig").rstrip("\n")
        except UnicodeDecodeError:
            raise TaskSystemError(f"the text is not valid UTF-8; {_KEPT}") from None
    if not changed.strip():
        raise TaskSystemError(f"the command is empty; {_KEPT}")
    return changed
