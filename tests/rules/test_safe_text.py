from __future__ import annotations

import json
import unicodedata

import pytest
from backburner.actors.rules.safe_text import (
    is_unicode,
    safe_json,
    safe_line,
    safe_lines,
    size_text,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

DANGEROUS = {
    *map(chr, range(0x20)),
    *map(chr, range(0x7F, 0xA0)),
    *"\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    *"\u2028\u2029\ufeff",
}

_HOSTILE = [
    *("\x1b", "\x1b[", "\x1b]", "\x1bP", "\x1b_", "\x1b^", "\x1bX", "\x1b\\", "\x07"),
    *(
        "\x9b",
        "\x9d",
        "\x90",
        "\x9c",
        "\x98",
        "31m",
        "52;c;",
        "0;",
        "?1049h",
        ";",
        "2J",
    ),
    *("\r", "\n", "\t", "\x00", "\x08", "\x7f", "\x85", " ", "a", "é", "漢", "🎉"),
    *("\u202e", "\u2066", "\u2028", "\u2029", "\ud800", "\udcff", "\ufeff", "\u200f"),
]
hostile_text = st.lists(st.sampled_from(_HOSTILE), max_size=40).map("".join)
any_text = hostile_text | st.text(st.characters(exclude_categories=()), max_size=60)


@settings(max_examples=400)
@given(any_text)
@example("\x1b" * 3 + "[")
@example("\x1b\x1b[31m[31m")
def test_no_dangerous_text_passes(text: str) -> None:
    safe = safe_line(text)
    assert not DANGEROUS & set(safe)
    assert not [char for char in safe if unicodedata.category(char) in {"Cc", "Cs"}]
    assert is_unicode(safe)
    assert len(safe.splitlines()) <= 1


@given(any_text)
def test_safe_text_is_unchanged(text: str) -> None:
    safe = safe_line(text)
    assert safe_line(safe) == safe


@given(st.text(st.characters(exclude_categories=("C", "Z")), max_size=60))
def test_harmless_text_is_unchanged(text: str) -> None:
    assert safe_line(text) == text


@given(any_text)
def test_each_line_is_made_safe_separately(text: str) -> None:
    lines = safe_lines(text)
    assert lines == [safe_line(line) for line in lines]
    assert len(lines) == text.count("\n") + bool(text and not text.endswith("\n"))


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        pytest.param("\x1b[1;31mred\x1b[0m", "red", id="colour"),
        pytest.param("\x1b[38:2::1:2:3mred", "red", id="colour-with-colons"),
        pytest.param("a\x1b[2J\x1b[Hb", "ab", id="clear-screen"),
        pytest.param("a\x1b[?1049lb", "ab", id="leave-alternate-screen"),
        pytest.param("a\x9b31mb", "ab", id="c1-csi"),
        pytest.param("a\x1b]52;c;cm0gLXJm\x07b", "ab", id="clipboard-bel"),
        pytest.param("a\x1b]52;c;cm0gLXJm\x1b\\b", "ab", id="clipboard-st"),
        pytest.param("a\x9d52;c;cm0gLXJm\x9cb", "ab", id="clipboard-c1"),
        pytest.param("a\x1b]0;owned\x07b", "ab", id="title"),
        pytest.param("a\x1bP+q544e\x1b\\b", "ab", id="dcs"),
        pytest.param("a\x90$q\x9cb", "ab", id="dcs-c1"),
        pytest.param("a\x1b_Gf=100;AAAA\x1b\\b", "ab", id="apc-picture"),
        pytest.param("a\x1b^private\x1b\\b", "ab", id="pm"),
        pytest.param("a\x1bXstart\x1b\\b", "ab", id="sos"),
        pytest.param("a\x1b]0;never ends", "a", id="unterminated-osc"),
        pytest.param("a\x1b]0;cut\x1b[31mb", "ab", id="osc-cut-by-csi"),
        pytest.param("a\x1bPnever ends\nnext", "a next", id="unterminated-dcs"),
        pytest.param("a\x1b[12;", "a", id="unterminated-csi"),
        pytest.param("a\x1b", "a", id="lone-escape"),
        pytest.param("a\x1b(0b", "ab", id="line-drawing"),
        pytest.param("a\x1bcb", "ab", id="reset"),
        pytest.param("a\x1b\x1b[31mb", "ab", id="escaped-escape"),
        pytest.param("user\u202egnp.exe", "usergnp.exe", id="bidi-override"),
        pytest.param("a\u2066b\u2069c", "abc", id="bidi-isolate"),
        pytest.param("a\u2028b\u2029c", "abc", id="separators"),
        pytest.param("\ufeffa", "a", id="byte-order-mark"),
        pytest.param("a\ud83d\udca3b", "a\ufffd\ufffdb", id="surrogates"),
        pytest.param("a\x00b\x7fc\x85d", "abcd", id="controls"),
        pytest.param("10%\r20%\r30%", "30%", id="overwritten"),
        pytest.param("10%\r20%\r", "20%", id="overwritten-by-nothing-yet"),
        pytest.param("dos\r\nunix\n", "dos unix ", id="line-breaks"),
        pytest.param("old\rnew\nsecond", "new second", id="overwritten-by-line"),
        pytest.param("a\tb", "a       b", id="tab"),
        pytest.param("1234567\tb", "1234567 b", id="tab-before-its-stop"),
        pytest.param("12345678\tb", "12345678        b", id="tab-at-its-stop"),
        pytest.param("", "", id="empty"),
        pytest.param("\r\r", "", id="only-returns"),
    ],
)
def test_hostile_text_is_made_safe(hostile: str, safe: str) -> None:
    assert safe_line(hostile) == safe


@given(any_text.filter(is_unicode))
@example("\x7f")
def test_safe_json_is_the_same_document(text: str) -> None:
    document = safe_json(json.dumps(text, ensure_ascii=False))
    assert not DANGEROUS & set(document)
    assert json.loads(document) == text


def test_a_final_line_break_starts_no_line() -> None:
    assert safe_lines("a\n\nb\n") == ["a", "", "b"]
    assert safe_lines("") == []
    assert safe_lines("\n") == [""]


def test_a_stray_opener_hides_only_its_own_line() -> None:
    assert safe_lines("a\x1b]0;title\nb\x1bPx\nc") == ["a", "b", "c"]


def test_an_unpaired_surrogate_is_not_unicode() -> None:
    assert is_unicode("naïve 漢 🎉")
    assert not is_unicode("a\ud800")
    assert not is_unicode(b"\xff".decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1 << 20, "1 MiB"),
        (3 << 29, "1.5 GiB"),
        (1 << 30, "1 GiB"),
        (1 << 40, "1 TiB"),
        (1 << 50, "1024 TiB"),
        ((1 << 20) - 1, "1 MiB"),
    ],
)
def test_sizes_are_human_readable(size: int, text: str) -> None:
    assert size_text(size) == text
