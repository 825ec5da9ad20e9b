"""Corrections of a new task whose kind is unknown."""

from __future__ import annotations

from typing import Final

from ....actors.rules.safe_text import brief
from ..arguments import UsageError, split_word
from ..quoting import QUOTES, read_quoted
from ..term_options import read_options
from . import REGISTRY
from .creation import LONGEST_CORRECTION, TASK, UnknownKindError

_MEANS_BASH: Final = {"bash", "shell", "cmd", "command", "--"}
"""Words that people type as the kind when they mean bash; case is ignored."""

_STRAIGHT: Final = str.maketrans(dict.fromkeys("\u201c\u201d\u201e", '"'))
"""Replaces the quotes of word processors."""


def with_kind(line: str, error: UnknownKindError) -> UsageError:
    """Return an error that proposes a correction of the unknown kind in a line."""
    name, rest = split_word(line.strip())
    if REGISTRY.find(name) is not TASK or "bash" not in error.kinds:
        return error
    what = f"unknown kind {brief(error.kind)}"
    asked, text = read_options(rest)
    options = rest.lstrip()[: len(rest.lstrip()) - len(text)]
    if error.kind.startswith("--") and error.kind != "--":
        return _options_first(options, text)
    if asked.label:
        return _for_bash(what, f"{TASK.name} {options}bash ", text)
    if text[0] not in QUOTES and (straight := text.translate(_STRAIGHT))[0] in QUOTES:
        corrected = f"{TASK.name} {options}{straight}"
        return UsageError(
            f"{text[0]} doesn't quote; try: {brief(corrected, LONGEST_CORRECTION)}",
            corrected,
        )
    if text[0] in QUOTES:
        _, job = read_quoted(text)
        description = text[: len(text) - len(job)]
        return _for_bash(what, f"{TASK.name} {options}{description} bash ", job)
    words = text.split()
    if words[0] == "bash":
        if options:
            return UsageError(f"missing description; the form is: {TASK.heading}")
        corrected = f"!{split_word(text)[1]}"
        return UsageError(
            f"missing description; try: {brief(corrected, LONGEST_CORRECTION)}",
            corrected,
        )
    at = next((i for i, word in enumerate(words) if word in error.kinds), 0)
    if at:
        # A description of several words without quotes.
        end = next((i for i in range(at) if words[i].startswith("--")), at)
        description = f'"{" ".join(words[:end])}"'
        job = text.split(maxsplit=end)[end]
        if end < at:
            return _options_first(options, f"{description} {job}")
        corrected = f"{TASK.name} {options}{description} {job.strip()}"
        return UsageError(
            f"{what}; put the description in quotes: {corrected}", corrected
        )
    if options:
        return error
    return _for_bash(what, "!", text)


def _for_bash(what: str, start: str, job: str) -> UsageError:
    """Return an error that proposes a job for bash."""
    kind, rest = split_word(job)
    job = rest if kind.lower() in _MEANS_BASH else job.strip()
    corrected = f"{start}{job}"
    return UsageError(
        f"{what}; to run it with bash: {brief(corrected, LONGEST_CORRECTION)}",
        corrected,
    )


def _options_first(options: str, text: str) -> UsageError:
    """Return an error that proposes the options before the description."""
    if text[:1] in QUOTES:
        _, job = read_quoted(text)
    else:
        _, job = split_word(text)
    description = text[: len(text) - len(job)].strip()
    try:
        _, rest = read_options(job)
    except UsageError as error:
        return error
    moved = job[: len(job) - len(rest)].strip()
    corrected = f"{TASK.name} {options}{moved} {description} {rest}".rstrip()
    return UsageError(
        f"options stand before the description: {brief(corrected, LONGEST_CORRECTION)}",
        corrected,
    )
