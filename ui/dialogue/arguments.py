"""Reading the arguments of commands: words, ids, names.

The functions raise `UsageError` if the text is invalid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import brief, safe_line

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST: Final = "last"
"""The word for the task added last, in place of its id."""

LONGEST_NAME: Final = 32
"""Maximum length of a conversation's name, in characters."""

_LONGEST_ID: Final = 18  # digits; fits 64 bits


class UsageError(ValueError):
    """A line that is not valid.

    Args:
        text: The reason and what to do, in one line.
        corrected: The line that was probably meant, ready to be sent; empty if unknown.
    """

    def __init__(self, text: str, corrected: str = "") -> None:
        super().__init__(text)
        self.corrected = corrected


def split_word(text: str) -> tuple[str, str]:
    """Return the first word and the unchanged rest; both may be empty."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, rest[0] if rest else ""


def task_id(word: str) -> int | None:
    """Parse the id of a task; return None for the task added last."""
    if word == LAST:
        return None
    digits = word.removeprefix("#")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _LONGEST_ID:
        raise UsageError(
            f"{brief(word)} is not a task id; use a number such as 3, or {LAST}"
        )
    return int(digits)


def task_ids(words: Sequence[str], otherwise: str) -> tuple[int | None, ...]:
    """Parse the ids of several tasks; `otherwise` is the error if there are none."""
    if not words:
        raise UsageError(otherwise)
    return tuple(map(task_id, words))


def only_task_id(name: str, rest: str) -> int | None:
    """Parse the only argument, an id; return None for the task added last."""
    words = rest.split()
    if len(words) != 1:
        raise UsageError(f"{name} takes one task id, such as: {name} 3")
    return task_id(words[0])


def is_conversation_name(word: str) -> bool:
    """Return whether a word is a valid name of a conversation."""
    return 0 < len(word) <= LONGEST_NAME and safe_line(word) == word


def no_arguments(name: str, rest: str) -> None:
    """Check that there are no arguments."""
    if rest.strip():
        raise UsageError(f"{name} takes no arguments")
