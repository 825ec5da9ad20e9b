r"""Quoted strings in what people type.

Quotes are only ever taken off one whole quoted string; nothing else is split, joined
or expanded, so that what runs is what was typed. Inside double quotes a backslash
before one of ``"\$` `` stands for that character, as in the shell; inside single quotes
nothing is special.
"""

from __future__ import annotations

from typing import Final

from ...actors.rules.safe_text import brief

QUOTES: Final = "\"'"

ESCAPED: Final = frozenset('"\\$`')
"""What a backslash inside double quotes takes the special meaning from."""


class UnbalancedQuoteError(ValueError):
    """A quoted string without its end."""

    def __init__(self, quote: str, text: str) -> None:
        super().__init__(f"no closing {quote} after: {brief(text)}")


def read_quoted(text: str) -> tuple[str, str]:
    """Read a quoted string from the start of a text.

    Returns:
        What is inside the quotes, and the rest of the text after them.

    Raises:
        UnbalancedQuoteError: If the closing quote is missing.
        ValueError: If the text does not start with a quote.
    """
    quote = text[:1]
    if not quote or quote not in QUOTES:
        raise ValueError(f"no quoted string: {brief(text)}")
    inside: list[str] = []
    at = 1
    while at < len(text):
        char = text[at]
        if char == quote:
            return "".join(inside), text[at + 1 :]
        if char == "\\" and quote == '"' and text[at + 1 : at + 2] in ESCAPED:
            at += 1
            char = text[at]
        inside.append(char)
        at += 1
    raise UnbalancedQuoteError(quote, text)


def quoted(text: str) -> str:
    """Return a text in double quotes, as `read_quoted` reads it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote_whole(text: str) -> str:
    """Take the quotes off a text that is one quoted string.

    Returns:
        What is inside the quotes; any other text as it is, from its first character
        that is not blank.

    Raises:
        UnbalancedQuoteError: If the text starts with a quote that never ends.
    """
    text = text.lstrip()
    if not text or text[0] not in QUOTES:
        return text
    inside, rest = read_quoted(text)
    return text if rest.strip() else inside
