"""Reading a command line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ...actors.rules.safe_text import safe_line
from .exit_status import EXIT_USAGE


class SafeParser(argparse.ArgumentParser):
    """Quotes what it was given only after making it safe to show."""

    def error(self, message: str) -> NoReturn:
        """Say in one line what is wrong with the command line, and exit."""
        advice = f"{self.prog} --help shows how it is used"
        program = self.prog.partition(" ")[0]
        self.exit(EXIT_USAGE, f"{program}: {safe_line(message)}; {advice}\n")
