"""What is said to a word that is not a command."""

from __future__ import annotations

import difflib
import sys

from ...actors.rules.safe_text import brief, safe_line
from ..program.exit_status import EXIT_USAGE
from ..program.verbs import VERBS


def say_unknown(word: str) -> int:
    """Say on standard error that a word is not a command, and return the exit status.

    Names the commands that look like it.
    """
    similar = difflib.get_close_matches(word, VERBS, n=1)
    word = brief(safe_line(word))
    advice = "backburner --help lists the commands"
    if similar:
        advice = f"did you mean {similar[0]}? {advice}"
    sys.stderr.write(f"backburner: unknown command '{word}'; {advice}\n")
    return EXIT_USAGE
