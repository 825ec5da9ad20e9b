from __future__ import annotations

import pytest
from backburner.ui.dialogue.quoting import (
    UnbalancedQuoteError,
    read_quoted,
    unquote_whole,
)
from hypothesis import given
from hypothesis import strategies as st


def _in_double_quotes(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_text = st.text() | st.text("\"'\\ a\n")


@given(_text, _text)
def test_double_quotes_can_contain_any_text(text: str, rest: str) -> None:
    assert read_quoted(_in_double_quotes(text) + rest) == (text, rest)


@given(_text.filter(lambda text: "'" not in text), _text)
def test_single_quotes_can_contain_any_text_without_a_single_quote(
    text: str, rest: str
) -> None:
    assert read_quoted(f"'{text}'{rest}") == (text, rest)


@given(_text, st.text(" \t\n"), st.text(" \t\n"))
def test_a_completely_quoted_text_loses_its_quotes(
    text: str, before: str, after: str
) -> None:
    assert unquote_whole(before + _in_double_quotes(text) + after) == text


@given(_text.map(str.lstrip).filter(lambda text: text[:1] not in {'"', "'"}))
def test_text_without_a_quote_at_its_start_is_unchanged(text: str) -> None:
    assert unquote_whole(f"  {text}") == text


@pytest.mark.parametrize(
    ("text", "inside", "rest"),
    [
        ('""', "", ""),
        ('"a" b', "a", " b"),
        (r'"say \"hi\""', 'say "hi"', ""),
        (r'"C:\temp\new"', r"C:\temp\new", ""),
        (r'"a\\" b', "a\\", " b"),
        (r'"$HOME `x` \n"', r"$HOME `x` \n", ""),
        ('"it\'s"', "it's", ""),
        (r'"\$HOME \`x\` \a"', r"$HOME `x` \a", ""),
        (r"'\$HOME' b", r"\$HOME", " b"),
        (r"'a\' b", "a\\", " b"),
        ("'say \"hi\"'", 'say "hi"', ""),
        ('"a""b"', "a", '"b"'),
    ],
)
def test_quoted_text_and_the_rest_are_separated(
    text: str, inside: str, rest: str
) -> None:
    assert read_quoted(text) == (inside, rest)


@pytest.mark.parametrize(
    "text", ['echo "a  b"', '"a" && "b"', "'a' b", '"a""b"', "'it'\"'\"'s'", "it's", ""]
)
def test_text_that_is_not_one_quoted_string_keeps_its_quotes(text: str) -> None:
    assert unquote_whole(text) == text


@pytest.mark.parametrize("text", ['"', "'", '"a', "'a\"", r'"a\"', '"a\n'])
def test_a_missing_closing_quote_is_an_error(text: str) -> None:
    with pytest.raises(UnbalancedQuoteError, match=f"no closing {text[0]} after"):
        read_quoted(text)
    with pytest.raises(UnbalancedQuoteError):
        unquote_whole(f" {text}")


def test_the_error_quotes_only_the_beginning_of_a_long_text() -> None:
    with pytest.raises(UnbalancedQuoteError, match=r'after: "a{39}…$'):
        read_quoted('"' + "a" * 1000)


@pytest.mark.parametrize("text", ["", "a", " 'a'"])
def test_text_without_a_quote_at_its_start_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match="no quoted string"):
        read_quoted(text)
