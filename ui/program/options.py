"""Reading a command line."""

from __future__ import annotations

import argparse
from typing import NoReturn

from ...actors.rules.safe_text import safe_line


class SafeParser(argparse.ArgumentParser):
    """Quotes what it was given only after making it safe to show."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the command line, and exit."""
        super().error(safe_line(message))
