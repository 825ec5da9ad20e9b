"""The exit statuses of the program."""

from __future__ import annotations

from typing import Final

EXIT_UNSUCCESSFUL: Final = 1
"""A task failed or was canceled."""

EXIT_USAGE: Final = 2
"""An option or a line was invalid."""

EXIT_FAILURE: Final = 70
"""This program failed; `EX_SOFTWARE` of sysexits.h."""

EXIT_SIGNAL: Final = 128
"""A signal ended the session; its number is added, as in shells."""
