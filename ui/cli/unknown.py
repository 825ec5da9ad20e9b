"""What is said to a word that is not a command."""

from __future__ import annotations

import difflib
import sys
from typing import Final

from ...actors.rules.safe_text import brief, safe_line
from ..dialogue.commands import REGISTRY
from ..program.exit_status import EXIT_USAGE
from ..program.verbs import VERBS

_VERB_OF: Final = {
    "/tasks": "status",
    "/task": "add",
    "!": "add",
    "/output": "log",
    "/find": "log --all --grep",
    "/input": "attach",
    "/clear": "clean",
}
"""The verbs that are called otherwise than the same commands of the chat."""

_ELSEWHERE: Final = {"follow": "log -f", "start": "resume", "unpause": "resume"}
"""Words of similar programs that are no synonyms in the chat."""


def _meant(word: str) -> str:
    """Return the verb that a word stands for elsewhere or looks like; empty if none."""
    if word in _ELSEWHERE:
        return _ELSEWHERE[word]
    if f"/{word}" in REGISTRY:
        name = REGISTRY.find(f"/{word}").name
        verb = _VERB_OF.get(name, name[1:])
        if verb.partition(" ")[0] in VERBS:
            return verb
    return next(iter(difflib.get_close_matches(word, VERBS, n=1)), "")


def say_unknown(word: str) -> int:
    """Say on standard error that a word is not a command, and return the exit status.

    Names the command that is meant by it, or looks like it.
    """
    meant = _meant(word.lower())
    word = brief(safe_line(word))
    advice = "backburner --help lists the commands"
    if meant:
        advice = f"did you mean {meant}? {advice}"
    sys.stderr.write(f"backburner: unknown command '{word}'; {advice}\n")
    return EXIT_USAGE
