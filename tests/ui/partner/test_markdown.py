"""Markdown drawn as rows, and cut into pieces."""

from __future__ import annotations

import pytest
from backburner.ui.chat.model.pieces import CHARACTERS, PIECE, split_markdown
from backburner.ui.chat.views.markdown import markdown_rows
from backburner.ui.text.cells import row_width
from backburner.ui.text.rows import Span, Style
from backburner.ui.text.theme import Look
from chat_driver import row_text
from hypothesis import example, given
from hypothesis import strategies as st

LOOK = Look.of("utf-8", 256, light=False)

ANSWER = """\
# A *title*

Some text that
goes on, with `code`, **bold**, *slanted* and [a link](https://x.invalid/y).

- one
- two that is long enough to need another row
  - deeper
1. first

> quoted

```sh
make  test   # **not bold**

exit
```

| name | what |
|---|:-:|
| a | `x|y` |
| b | longer than the rest |

---
last\\
line
"""


def drawn(text: str, columns: int = 40, look: Look = LOOK) -> str:
    """Return the rows as text."""
    return "\n".join(row_text(row) for row in markdown_rows(text, look, columns))


def style_of(text: str, part: str) -> Style:
    """Return the style of the span with this text."""
    spans = [span for row in markdown_rows(text, LOOK, 60) for span in row]
    return next(span.style for span in spans if span.text.strip() == part)


def test_every_kind_of_markdown_is_drawn() -> None:
    assert drawn(ANSWER) == (
        "A title\n"
        "\n"
        "Some text that goes on, with code, bold,\n"
        "slanted and a link\n"
        "(https://x.invalid/y).\n"
        "\n"
        "• one\n"
        "• two that is long enough to need\n"
        "  another row\n"
        "  • deeper\n"
        "1. first\n"
        "\n"
        "│ quoted\n"
        "\n"
        "  make  test   # **not bold**\n"
        "  \n"
        "  exit\n"
        "\n"
        "name │ what                \n"
        "─────┼─────────────────────\n"
        "a    │ x|y                 \n"
        "b    │ longer than the rest\n"
        "\n"
        "────────────────────────────────────────\n"
        "last\n"
        "line"
    )


def test_markup_is_drawn_in_styles() -> None:
    assert style_of("a **b** c", "b").bold
    assert style_of("a *b* c", "b").italic
    assert style_of("a [b](http://x) c", "b").underline
    assert style_of("# b", "b").bold
    assert style_of("**a *b* c**", "b").bold
    assert style_of("`b`", "b") == LOOK.theme.command


@pytest.mark.parametrize(
    "text",
    [
        "2 * 3 * 4",
        "snake_case_name and __init__ x",
        "a | b",
        "*",
        "**",
        "[x]",
        "#hash",
        "1.5 is a number",
        "<b>",
        "\\a",
    ],
)
def test_text_that_is_not_markdown_is_shown_unchanged(text: str) -> None:
    expected = text.replace("__init__", "init")
    assert drawn(text) == expected


def test_a_backslash_escapes_markup() -> None:
    assert drawn(r"\*no\* \`x\`") == "*no* `x`"


def test_a_table_that_is_too_wide_is_wrapped() -> None:
    table = f"|a|b|\n|-|-|\n|{'word ' * 20}|short|"
    rows = drawn(table, 30).split("\n")
    assert all(row_width((Span(row),)) <= 30 for row in rows)
    assert sum("short" in row for row in rows) == 1
    assert sum(row.count("word") for row in rows) == 20


def test_hostile_text_is_not_drawn() -> None:
    text = "a\x1b]0;x\x07b [l](http://\x1b[2Jx) `\x1b[31m`\n\n```\n\x9b1m\u202e\n```"
    rows = markdown_rows(text, LOOK, 40)
    assert all(char.isprintable() for row in rows for char in row_text(row))


MARKS = st.sampled_from(
    [
        *"*_`~[]()<>#|-+>\\ \n",
        "```",
        "**",
        "| a | b |\n|---|---|\n",
        "1. ",
        "- ",
        "é",
        "字",
    ]
)


@given(
    st.lists(MARKS | st.text(max_size=5), max_size=60).map("".join), st.integers(1, 50)
)
@example(">0", 1)
@example(">字", 3)
def test_no_text_makes_a_row_too_wide(text: str, columns: int) -> None:
    rows = markdown_rows(text, LOOK, columns)
    assert rows
    for row in rows:
        # A wide character does not fit into one column.
        assert row_width(row) <= max(2, columns)


def test_unclosed_markup_is_drawn_quickly() -> None:
    for mark in ("*", "**a ", "`", "[", "_a", "~~a", "<", "| "):
        assert markdown_rows(mark * (CHARACTERS // len(mark)), LOOK, 80)


def test_a_long_answer_is_cut_between_its_blocks() -> None:
    pieces = split_markdown(ANSWER * 20)
    assert all(len(text) < 3 * PIECE for text, _ in pieces)
    whole = "\n".join(it for it in drawn(ANSWER * 20).split("\n") if it.strip())
    parts = (drawn(text) for text, _ in pieces)
    assert (
        "\n".join(it for part in parts for it in part.split("\n") if it.strip())
        == whole
    )


def test_code_that_is_cut_stays_code_in_both_pieces() -> None:
    code = "".join(f"line *{number}*\n" for number in range(1000))
    pieces = split_markdown(f"before\n```py\n{code}```\nafter *all*")
    assert len(pieces) > 3
    text = "\n".join(drawn(text) for text, _ in pieces)
    assert [it.strip() for it in text.split("\n") if it.strip()] == [
        "before",
        *(f"line *{number}*" for number in range(1000)),
        "after all",
    ]
    assert all(within for _, within in pieces[1:])


@given(st.lists(MARKS | st.text(max_size=5), max_size=60).map("".join))
def test_the_pieces_contain_all_of_the_text(text: str) -> None:
    text *= 20
    joined = "\n".join(piece for piece, _ in split_markdown(text))
    for line in text.split("\n"):
        assert line in joined or len(line) > CHARACTERS
