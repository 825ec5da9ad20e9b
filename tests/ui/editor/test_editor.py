from __future__ import annotations

import pytest
from backburner.actors.rules.safe_text import safe_line
from backburner.ui.editor.editor import Editor, Rendered
from backburner.ui.terminal.keys import Key, Paste, Typed
from backburner.ui.text.cells import cluster_around, row_width
from hypothesis import example, given
from hypothesis import strategies as st

BIG = "\n".join(f"line {number}" for number in range(120))
NAMES = [
    *(f"ctrl-{char}" for char in "abcdefghjknoprstuwy_"),
    *(f"alt-{char}" for char in "bdfy"),
    *("alt-backspace", "alt-enter", "ctrl-left", "ctrl-right", "home", "end"),
    *("left", "right", "up", "down", "backspace", "delete", "enter", "escape", "tab"),
]
TYPED = st.sampled_from(
    ["a", "b", " ", "日", "\u0301", "🇩", "\N{ZERO WIDTH JOINER}", "."]
)
EVENTS = st.one_of(
    st.sampled_from(NAMES).map(Key),
    TYPED.map(lambda char: Key(char, char)),
    st.text(max_size=10).map(Paste),
    st.sampled_from([Paste(BIG), Paste("x" * 3000), Paste("two\nlines\there")]),
)
HISTORY = ["/task one", "multi\nline", "/task two", BIG, "日本語 \x1b[31m"]


def press(editor: Editor, *names: str) -> None:
    for name in names:
        assert editor.handle(Key(name)), name


def type_in(editor: Editor, text: str) -> None:
    for char in text:
        assert editor.handle(Key(char, char))


def at(text: str, history: list[str] | None = None) -> Editor:
    """Return an editor with this text and the cursor at `|`."""
    editor = Editor(history or [])
    before, _, after = text.partition("|")
    editor.insert(before + after)
    for _ in after:
        press(editor, "left")
    return editor


def shown(editor: Editor) -> str:
    return editor.text[: editor.cursor] + "|" + editor.text[editor.cursor :]


def plain(rendered: Rendered) -> list[str]:
    return ["".join(span.text for span in row) for row in rendered.rows]


@pytest.mark.parametrize(
    ("before", "keys", "after"),
    [
        ("one two|", ["ctrl-a"], "|one two"),
        ("|one two", ["ctrl-e"], "one two|"),
        ("one two|", ["ctrl-b", "left"], "one t|wo"),
        ("|one two", ["ctrl-f", "right"], "on|e two"),
        ("one two|", ["alt-b"], "one |two"),
        ("one, two|", ["ctrl-left", "ctrl-left"], "|one, two"),
        ("|one, two", ["alt-f"], "one|, two"),
        ("|one, two", ["ctrl-right", "ctrl-right"], "one, two|"),
        ("one|", ["backspace", "ctrl-h"], "o|"),
        ("|one", ["delete", "ctrl-d"], "|e"),
        ("one tw|o", ["ctrl-u"], "|o"),
        ("o|ne two", ["ctrl-k"], "o|"),
        ("make a-b|", ["ctrl-w"], "make |"),
        ("make a-b|", ["alt-backspace"], "make a-|"),
        ("|one two", ["alt-d"], "| two"),
        ("one two|", ["ctrl-w", "ctrl-a", "ctrl-y"], "two|one "),
        ("a b c|", ["ctrl-w", "ctrl-w", "ctrl-y"], "a b c|"),
        ("a b|", ["ctrl-w", "left", "ctrl-u", "ctrl-y", "alt-y"], "b| "),
        ("ab|", ["ctrl-t"], "ba|"),
        ("a|bc", ["ctrl-t"], "ba|c"),
        ("one\ntwo|", ["home"], "one\n|two"),
        ("one\ntw|o", ["ctrl-u", "ctrl-u"], "one|o"),
        ("on|e\ntwo", ["ctrl-k", "ctrl-k"], "on|two"),
        ("one\ntwo|", ["up"], "one|\ntwo"),
        ("o|ne\ntwo", ["down"], "one\nt|wo"),
        ("long line\nx\nlong li|ne", ["up", "up"], "long li|ne\nx\nlong line"),
        ("ab|", ["ctrl-j"], "ab\n|"),
        ("ab|", ["alt-enter"], "ab\n|"),
        ("日本|", ["left", "backspace"], "|本"),
        ("ae\u0301|", ["left"], "a|e\u0301"),
        ("ae\u0301|", ["backspace"], "a|"),
        ("🇩🇪x|", ["left", "left"], "|🇩🇪x"),
    ],
)
def test_keys_edit_as_in_readline(before: str, keys: list[str], after: str) -> None:
    editor = at(before)
    press(editor, *keys)
    assert shown(editor) == after


def test_typed_text_is_undone_word_by_word() -> None:
    editor = Editor()
    type_in(editor, "one two")
    press(editor, "ctrl-_")
    assert editor.text == "one"
    press(editor, "ctrl-_")
    assert editor.text == ""


def test_every_change_can_be_undone() -> None:
    editor = at("one two|")
    press(editor, "ctrl-w", "ctrl-y", "ctrl-t", "ctrl-j", "backspace", "ctrl-u")
    editor.replace(0, 0, "/x")
    editor.set_text("other")
    press(editor, *["ctrl-_"] * 8)
    assert shown(editor) == "one two|"


@pytest.mark.parametrize(
    "name", ["enter", "tab", "escape", "ctrl-c", "pgup", "f1", "ctrl-l"]
)
def test_keys_that_do_not_edit_are_left_to_the_caller(name: str) -> None:
    editor = at("one|")
    assert not editor.handle(Key(name))
    assert editor.text == "one"


@pytest.mark.parametrize(
    "name", ["end", "home", "left", "ctrl-d", "up", "down", "ctrl-u"]
)
def test_an_empty_input_leaves_moves_to_the_caller(name: str) -> None:
    assert not Editor().handle(Key(name))


def test_browsing_the_history_keeps_the_draft() -> None:
    editor = at("dra|ft", ["one", "two"])
    press(editor, "up")
    assert shown(editor) == "two|"
    press(editor, "up")
    assert shown(editor) == "one|"
    assert not editor.handle(Key("up"))
    press(editor, "down", "down")
    assert editor.text == "draft"
    assert not editor.handle(Key("down"))


def test_changes_made_while_browsing_are_kept_until_submitted() -> None:
    editor = Editor(["one", "two"])
    press(editor, "up")
    type_in(editor, "!")
    press(editor, "up", "down")
    assert editor.submit() == "two!"
    editor.remember("two!")
    press(editor, "up", "up")
    assert editor.text == "two"


def test_a_repeated_input_is_remembered_once() -> None:
    editor = Editor(["one"])
    for text in ("two", "two", "  "):
        editor.set_text(text)
        assert editor.submit() == text
        editor.remember(text)
        assert editor.text == ""
    press(editor, "up")
    assert editor.text == "two"
    press(editor, "up")
    assert editor.text == "one"


def test_the_newest_input_with_the_same_beginning_is_suggested() -> None:
    editor = Editor(["/task one", "/task two", "other"])
    type_in(editor, "/task ")
    assert editor.suggestion == "two"
    press(editor, "left")
    assert editor.suggestion == ""
    press(editor, "right", "right")
    assert shown(editor) == "/task two|"
    assert editor.suggestion == ""


def test_an_input_from_the_history_gets_no_suggestion() -> None:
    editor = Editor(["/task one", "/task"])
    press(editor, "up")
    assert editor.text == "/task"
    assert editor.suggestion == ""


def test_a_suggestion_is_drawn_faint_after_the_text() -> None:
    editor = Editor(["/task one\nmore"])
    type_in(editor, "/ta")
    rendered = editor.render(20, 3)
    assert plain(rendered) == ["> /tasks"[:5] + "sk one…"]
    assert rendered.rows[0][-1].style.dim
    assert rendered.cursor == (0, 5)
    press(editor, "end")
    assert editor.text == "/task one\nmore"


def test_search_goes_back_through_the_history() -> None:
    editor = at("draft|", ["make test", "make docs", "list"])
    press(editor, "ctrl-r")
    assert editor.searching
    type_in(editor, "make")
    assert plain(editor.render(40, 1)) == ["(search) make: make docs"]
    press(editor, "ctrl-r")
    assert plain(editor.render(40, 1)) == ["(search) make: make test"]
    press(editor, "ctrl-r")
    assert plain(editor.render(40, 1)) == ["(not found) make: make test"]
    press(editor, "ctrl-s", "enter")
    assert not editor.searching
    assert shown(editor) == "make docs|"


def test_a_search_puts_the_cursor_at_the_hit() -> None:
    editor = Editor(["first\nmake tests"])
    press(editor, "ctrl-r")
    type_in(editor, "TEST".lower())
    rendered = editor.render(40, 3)
    assert plain(rendered) == ["(search) test: make tests"]
    assert rendered.cursor == (0, len("(search) test: make "))


def test_a_search_with_capitals_is_case_sensitive() -> None:
    editor = Editor(["Make", "make"])
    press(editor, "ctrl-r")
    type_in(editor, "M")
    press(editor, "enter")
    assert editor.text == "Make"


@pytest.mark.parametrize("name", ["escape", "ctrl-g", "ctrl-c"])
def test_an_aborted_search_leaves_the_draft(name: str) -> None:
    editor = at("dra|ft", ["make"])
    press(editor, "ctrl-r")
    type_in(editor, "mak")
    press(editor, name)
    assert not editor.searching
    assert shown(editor) == "dra|ft"


def test_any_other_key_accepts_the_hit_and_is_then_handled() -> None:
    editor = Editor(["make test"])
    press(editor, "ctrl-r")
    type_in(editor, "mx")
    press(editor, "backspace", "ctrl-a")
    assert shown(editor) == "|make test"
    press(editor, "ctrl-r")
    type_in(editor, "m")
    assert not editor.handle(Key("tab"))
    assert not editor.searching


def test_a_small_paste_is_inserted_as_text() -> None:
    editor = at("a|b")
    assert editor.handle(Paste("one\r\ntwo\tx\x1b[31m\x07\u202e"))
    assert shown(editor) == "aone\ntwo\tx|b"


def test_a_large_paste_is_folded_and_submitted_in_full() -> None:
    editor = at("cat |")
    editor.handle(Paste(BIG))
    type_in(editor, " end")
    assert plain(editor.render(60, 5)) == ["> cat [pasted 120 lines] end"]
    assert editor.text == f"cat {BIG} end"
    assert editor.cursor == len(editor.text)
    assert editor.submit() == f"cat {BIG} end"


def test_a_pasted_long_line_is_folded() -> None:
    editor = Editor()
    editor.paste("x" * 3000)
    assert plain(editor.render(60, 5)) == ["> [pasted 3000 characters]"]


def test_a_folded_paste_is_one_piece() -> None:
    editor = at("a|b")
    editor.paste(BIG)
    press(editor, "left")
    assert editor.cursor == 1
    press(editor, "right", "backspace")
    assert shown(editor) == "a|b"
    press(editor, "ctrl-_")
    assert editor.text == f"a{BIG}b"


def test_a_folded_paste_can_be_shown_in_full() -> None:
    editor = at("a|b")
    editor.paste(BIG)
    press(editor, "ctrl-o")
    assert len(plain(editor.render(60, 200))) == 120
    assert not editor.handle(Key("ctrl-o"))


def test_cleared_text_can_be_yanked_back() -> None:
    editor = at("x|")
    editor.paste(BIG)
    assert editor.clear() == f"x{BIG}"
    assert editor.text == ""
    press(editor, "ctrl-y")
    assert editor.text == f"x{BIG}"


def test_text_that_looks_like_a_fold_is_replaced() -> None:
    editor = Editor()
    editor.paste("a\U00100000b")
    assert editor.text == "a\ufffdb"


def test_large_inputs_from_the_history_are_folded() -> None:
    editor = Editor([BIG])
    press(editor, "up")
    assert plain(editor.render(60, 5)) == ["> [pasted 120 lines]"]
    assert editor.text == BIG


def test_a_completion_replaces_part_of_the_text() -> None:
    editor = at("/ca| 4")
    editor.replace(0, 3, "/cancel")
    assert shown(editor) == "/cancel| 4"


def test_positions_count_folded_text_in_full() -> None:
    editor = Editor()
    editor.paste(BIG)
    type_in(editor, " /ca")
    end = len(editor.text)
    editor.replace(end - 3, end, "/cancel")
    assert editor.text == f"{BIG} /cancel"
    assert plain(editor.render(60, 1)) == ["> [pasted 120 lines] /cancel"]
    editor.replace(5, 9, "x")
    assert editor.text == "x /cancel"


def test_an_empty_input_shows_the_placeholder() -> None:
    editor = Editor()
    rendered = editor.render(12, 1, "> ", "type a message")
    assert plain(rendered) == ["> type a me…"]
    assert rendered.cursor == (0, 2)


def test_long_lines_wrap_and_the_cursor_stays_in_view() -> None:
    editor = at("0123456789" * 3 + "|")
    rendered = editor.render(12, 5)
    assert plain(rendered) == ["> 0123456789", *["  0123456789"] * 2, "  "]
    assert rendered.cursor == (3, 2)
    rendered = editor.render(12, 2)
    assert plain(rendered) == ["  0123456789", "  "]
    assert rendered.cursor == (1, 2)


def test_a_single_row_scrolls_sideways() -> None:
    editor = at("0123456789abcdefghij|")
    rendered = editor.render(12, 1)
    assert plain(rendered) == ["> …cdefghij"]
    assert rendered.cursor == (0, 11)
    press(editor, "home")
    rendered = editor.render(12, 1)
    assert plain(rendered) == ["> 012345678…"]
    assert rendered.cursor == (0, 2)


@given(
    st.lists(EVENTS, max_size=30),
    st.integers(1, 30),
    st.integers(1, 6),
    st.sampled_from(["> ", "", "日 "]),
)
def test_the_chat_can_be_drawn_after_any_keys(
    events: list[Key | Paste], columns: int, max_rows: int, prompt: str
) -> None:
    editor = Editor(HISTORY)
    for event in events:
        editor.handle(event)
        assert 0 <= editor.cursor <= len(editor.text)
    rendered = editor.render(columns, max_rows, prompt, "type a message")
    assert 1 <= len(rendered.rows) <= max_rows
    assert all(row_width(row) <= columns for row in rendered.rows)
    row, column = rendered.cursor
    assert 0 <= row < len(rendered.rows)
    assert 0 <= column < columns
    for text in plain(rendered):
        assert safe_line(text) == text


@given(st.lists(EVENTS, max_size=30))
def test_the_edited_text_is_always_safe(events: list[Key | Paste]) -> None:
    editor = Editor(HISTORY)
    for event in events:
        editor.handle(event)
    for line in editor.text.split("\n"):
        assert all(safe_line(part) == part for part in line.split("\t"))


@given(st.lists(EVENTS, max_size=20))
def test_undo_reaches_the_empty_input(events: list[Key | Paste]) -> None:
    editor = Editor()
    for event in events:
        editor.handle(event)
    editor.handle(Key("escape"))
    for _ in range(len(events) + 2):
        editor.handle(Key("ctrl-_"))
    assert editor.text == ""


ACCENT = "\N{COMBINING ACUTE ACCENT}"
JOINED = [ACCENT, "e" + ACCENT, "\N{ZERO WIDTH JOINER}", *"\U0001f1e9\U0001f1ea❤\ufe0f"]
CLUSTER_EVENTS = st.one_of(
    st.sampled_from(JOINED).map(lambda text: Key(text[-1:], text)),
    st.sampled_from(["a", " ", "日", "-"]).map(lambda char: Key(char, char)),
    st.sampled_from(
        (
            *("left", "right", "up", "down", "home", "end", "ctrl-home", "ctrl-end"),
            *("ctrl-a", "ctrl-t", "ctrl-w", "ctrl-k", "ctrl-u", "ctrl-y", "ctrl-_"),
            *("alt-b", "alt-f", "alt-d", "alt-y", "alt-backspace"),
            *("backspace", "delete", "ctrl-j"),
        )
    ).map(Key),
)


@given(st.lists(CLUSTER_EVENTS, max_size=20))
@example([Key(ACCENT, ACCENT), Key("ctrl-a"), Key("a", "a")])
@example(
    [Key("a", "a"), Key("-", "-"), Key(ACCENT, ACCENT), Key("left"), Key("delete")]
)
def test_the_cursor_never_stops_inside_a_cluster(events: list[Key]) -> None:
    editor = Editor()
    for event in events:
        editor.handle(event)
        text, cursor = editor.text, editor.cursor
        assert cluster_around(text, cursor) == (cursor, cursor)


def test_an_accent_does_not_end_a_word() -> None:
    editor = Editor()
    editor.insert(f"one e{ACCENT}tude")
    editor.handle(Key("alt-b"))
    assert editor.cursor == len("one ")
    editor.handle(Key("alt-f"))
    assert editor.cursor == len(editor.text)


def test_a_run_of_characters_is_inserted_as_if_typed() -> None:
    editor = at("a| d")
    editor.handle(Typed((Key("b", "b"), Key("c", "c"))))
    assert shown(editor) == "abc| d"
    editor = Editor(["make test", "make all"])
    editor.handle(Key("ctrl-r"))
    editor.handle(Typed((Key("t", "t"), Key("e", "e"))))
    editor.handle(Key("enter"))
    assert editor.text == "make test"


def test_cleared_text_is_recalled_by_up_and_by_ctrl_y() -> None:
    editor = Editor(["first"])
    type_in(editor, "a long draft")
    assert editor.clear() == "a long draft"
    press(editor, "up")
    assert editor.text == "a long draft"
    press(editor, "up")
    assert editor.text == "first"
    press(editor, "down", "down")
    assert not editor.text
    press(editor, "ctrl-y")
    assert editor.text == "a long draft"


@pytest.mark.parametrize("draft", ["one\ntwo", BIG, "日本語"])
def test_any_cleared_draft_is_recalled(draft: str) -> None:
    for key in ("up", "ctrl-y"):
        editor = Editor()
        editor.handle(Paste(draft))
        editor.clear()
        press(editor, key)
        assert editor.text == draft


def test_blanks_and_repetitions_are_not_recalled() -> None:
    editor = Editor(["first"])
    for text in ("  ", "again", "again"):
        editor.insert(text)
        editor.clear()
    press(editor, "up", "up")
    assert editor.text == "first"
