"""The error for a word that is not a command."""

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
"""Verbs whose names differ from those of the chat's commands."""

_ELSEWHERE: Final = {"follow": "log -f", "start": "resume", "unpause": "resume"}
"""Words of similar programs that are not synonyms in the chat."""


def _meant(word: str) -> str:
    """Return the verb that a word means elsewhere or resembles; empty if none."""
    if word in _ELSEWHERE:
        return _ELSEWHERE[word]
    if f"/{word}" in REGISTRY:
        name = REGISTRY.find(f"/{word}").name
        verb = _VERB_OF.get(name, name[1:])
        if verb.partition(" ")[0] in VERBS:
            return verb
    return next(iter(difflib.get_close_matches(word, VERBS, n=1)), "")


def say_unknown(word: str) -> int:
    """Report on standard error that a word is not a command; return the exit status.

    Suggests the command that it means or resembles.
    """
    meant = _meant(word.lower())
    word = brief(safe_line(word))
    advice = "backburner --help lists the commands"
    if meant:
        advice = f"did you mean {meant}? {advice}"
    sys.stderr.write(f"backburner: unknown command '{word}'; {advice}\n")
    return EXIT_USAGE
