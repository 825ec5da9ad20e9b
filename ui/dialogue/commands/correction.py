"""What a task of an unknown kind was probably meant to be."""

from __future__ import annotations

from typing import Final

from ....actors.rules.safe_text import brief
from ..arguments import UsageError, split_word
from ..quoting import QUOTES, read_quoted
from ..term_options import read_options
from . import REGISTRY
from .creation import TASK, UnknownKindError

_LONGEST_QUOTED: Final = 120  # characters


def with_kind(line: str, error: UnknownKindError) -> UsageError:
    """Return an error that says how a task of an unknown kind was probably meant.

    Args:
        line: What was typed.
        error: What was wrong with it.
    """
    name, rest = split_word(line.strip())
    if REGISTRY.find(name) is not TASK or "bash" not in error.kinds:
        return error
    what = f"unknown kind {brief(error.kind)}"
    asked, text = read_options(rest)
    options = rest.lstrip()[: len(rest.lstrip()) - len(text)]
    if error.kind.startswith("--"):
        return _options_first(options, text)
    if asked.label:
        corrected = f"{TASK.name} {options}bash {text.strip()}"
        return UsageError(
            f"{what}; to run it with bash: {_shortened(corrected)}", corrected
        )
    if text[0] in QUOTES:
        _, job = read_quoted(text)
        quoted = text[: len(text) - len(job)]
        corrected = f"{TASK.name} {options}{quoted} bash {job.strip()}"
        return UsageError(
            f"{what}; to run it with bash: {_shortened(corrected)}", corrected
        )
    words = text.split()
    at = next((i for i, word in enumerate(words) if word in error.kinds), 0)
    if at:
        # A description of several words, without its quotes.
        job = text.split(maxsplit=at)[at]
        corrected = f'{TASK.name} {options}"{" ".join(words[:at])}" {job.strip()}'
        return UsageError(
            f"{what}; put the description in quotes: {corrected}", corrected
        )
    if options:
        return error
    corrected = f"!{text.strip()}"
    return UsageError(
        f"{what}; to run it with bash: {_shortened(corrected)}", corrected
    )


def _options_first(options: str, text: str) -> UsageError:
    """Return an error that moves options from behind the description before it."""
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
        f"options stand before the description: {_shortened(corrected)}", corrected
    )


def _shortened(line: str) -> str:
    return line if len(line) <= _LONGEST_QUOTED else f"{line[: _LONGEST_QUOTED - 1]}…"
