r"""Quoted strings in typed text.

Quotes are only removed from one whole quoted string. Nothing else is split, joined or
expanded, so that the typed text runs unchanged. Inside double quotes a backslash before
one of ``"\$` `` stands for that character, as in the shell; inside single quotes
nothing is special.
"""

from __future__ import annotations

from typing import Final

from ...actors.rules.safe_text import brief

QUOTES: Final = "\"'"

ESCAPED: Final = frozenset('"\\$`')
"""Characters that a backslash inside double quotes escapes."""


class UnbalancedQuoteError(ValueError):
    """A quoted string has no closing quote."""

    def __init__(self, quote: str, text: str) -> None:
        super().__init__(f"no closing {quote} after: {brief(text)}")


def read_quoted(text: str) -> tuple[str, str]:
    """Read a quoted string from the start of a text.

    Returns:
        The text inside the quotes, and the text after them.

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
    """Return a text in double quotes; `read_quoted` is the inverse."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquote_whole(text: str) -> str:
    """Remove the quotes from a text that is one quoted string.

    Returns:
        The text inside the quotes; any other text without its leading blanks.

    Raises:
        UnbalancedQuoteError: If the text starts with a quote that never ends.
    """
    text = text.lstrip()
    if not text or text[0] not in QUOTES:
        return text
    inside, rest = read_quoted(text)
    return text if rest.strip() else inside
