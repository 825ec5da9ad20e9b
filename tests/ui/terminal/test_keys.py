from __future__ import annotations

import itertools
import unicodedata

import pytest
from backburner.ui.terminal import open_paste
from backburner.ui.terminal.key_decoder import ESCAPE_WAIT, SEQUENCE_WAIT, KeyDecoder
from backburner.ui.terminal.keys import (
    BackgroundColor,
    Click,
    DeviceAttributes,
    Event,
    FocusChange,
    Key,
    KeyboardProtocol,
    Paste,
    Typed,
    Wheel,
    joined,
)
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

BEGIN, END = b"\x1b[200~", b"\x1b[201~"

SEQUENCES = {
    b"\r": "enter",
    b"\n": "ctrl-j",
    b"\t": "tab",
    b"\x7f": "backspace",
    b"\x08": "ctrl-h",
    b"\x00": "ctrl-space",
    b"\x03": "ctrl-c",
    b"\x1a": "ctrl-z",
    b"\x1f": "ctrl-_",
    b"\x1b[A": "up",
    b"\x1bOB": "down",
    b"\x1b[1;5C": "ctrl-right",
    b"\x1b[1;3D": "alt-left",
    b"\x1b[1;2A": "shift-up",
    b"\x1b[1;8B": "ctrl-alt-shift-down",
    b"\x1bOc": "ctrl-right",
    b"\x1bO5D": "ctrl-left",
    b"\x1b[H": "home",
    b"\x1bOF": "end",
    b"\x1b[7~": "home",
    b"\x1b[3~": "delete",
    b"\x1b[3;5~": "ctrl-delete",
    b"\x1b[5~": "pgup",
    b"\x1b[6~": "pgdn",
    b"\x1b[Z": "shift-tab",
    b"\x1bOP": "f1",
    b"\x1b[[A": "f1",
    b"\x1b[24~": "f12",
    b"\x1b[1;5P": "ctrl-f1",
    b"\x1bb": "alt-b",
    b"\x1b\r": "alt-enter",
    b"\x1b\x7f": "alt-backspace",
    b"\x1b\x08": "ctrl-alt-h",
    b"\x1b ": "alt-space",
    b"\x1b[27;5;13~": "ctrl-enter",
    b"\x1b[13;2u": "shift-enter",
    b"\x1b[97;5u": "ctrl-a",
    b"\x1b[27u": "escape",
    b"\x1b[57;7u": "ctrl-alt-9",
}
MEANINGLESS = [
    b"\x1b[97;1:3u",
    b"\x1b[1;1:3A",
    b"\x1b[99~",
    b"\x1b[?2026;2$y",
    b"\x1b[M !!",
    b"\x1b]52;c;Zm9v\x07",
    b"\x1bP>|tmux 3.4\x1b\\",
    b"\x1bPback\\slash\x1b\\",
    b"\x1b[<0;1;1m",
    b"\x1b[<35;1;1M",
    b"\x1b[<0;0;0M",
    b"\xc2\x85",
    "\u202e".encode(),
]
STREAMS = st.lists(
    st.one_of(
        st.sampled_from(
            [*SEQUENCES, *MEANINGLESS, BEGIN, END, b"\x1b", b"\xff", b"\xe6\x97"]
        ),
        st.text(max_size=5).map(lambda text: text.encode("utf-8", "replace")),
        st.binary(max_size=5),
        st.sampled_from(
            ["日", "é", "\N{GRINNING FACE}", "\x1b]11;rgb:ffff/0000/8080\x1b\\"]
        ).map(str.encode),
    ),
    max_size=12,
).map(b"".join)


def decode(*chunks: bytes) -> list[Event]:
    decoder = KeyDecoder()
    events = [event for chunk in chunks for event in decoder.feed(chunk)]
    return events + decoder.flush()


@pytest.mark.parametrize(("data", "name"), SEQUENCES.items())
def test_keys_have_names(data: bytes, name: str) -> None:
    assert decode(data) == [Key(name)]


def test_characters_are_typed_as_they_are() -> None:
    assert decode("aZ é日".encode()) == [
        Key("a", "a"),
        Key("Z", "Z"),
        Key("space", " "),
        Key("é", "é"),
        Key("日", "日"),
    ]
    assert decode(b"\x1b[97;2u") == [Key("A", "A")]


@pytest.mark.parametrize("data", MEANINGLESS)
def test_an_unknown_sequence_is_dropped_entirely(data: bytes) -> None:
    assert decode(data + b"x") == [Key("x", "x")]


def test_invalid_utf8_is_replaced() -> None:
    replaced = Key("\ufffd", "\ufffd")
    assert decode(b"a\xffb") == [Key("a", "a"), replaced, Key("b", "b")]
    assert decode(b"\xe6\x97\x1b[A") == [replaced, Key("up")]


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Line:
    """Input from a terminal, sent in pieces with pauses between them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.decoder = KeyDecoder(self.clock)
        self.events: list[Event] = []

    def send(self, *pieces: bytes | float) -> list[Event]:
        """Feed pieces and advance the clock; return all events so far."""
        for piece in pieces:
            if isinstance(piece, bytes):
                self.events += self.decoder.feed(piece)
                continue
            end = self.clock.now + piece
            while (due := self.decoder.deadline) is not None and due <= end:
                self.clock.now = due
                self.events += self.decoder.flush()
            self.clock.now = end
        return self.events


def test_a_lone_escape_becomes_a_key_after_a_delay() -> None:
    line = Line()
    assert line.send(b"\x1b", ESCAPE_WAIT / 2) == []
    assert line.send(ESCAPE_WAIT / 2) == [Key("escape")]
    assert line.decoder.deadline is None
    assert line.decoder.flush() == []


COMMANDS = b"[200~note\r!touch /tmp/ran\r \x1b[201~"
LATE = {
    COMMANDS: [Paste("note\n!touch /tmp/ran\n ")],
    b"[D": [Key("left")],
    b"OA": [Key("up")],
    b"[1;5C": [Key("ctrl-right")],
    b"O5D": [Key("ctrl-left")],
    b"[3~": [Key("delete")],
    b"[99~": [],
    b"[97;5u": [Key("ctrl-a")],
    b"[I": [FocusChange(focused=True)],
    b"[O": [FocusChange(focused=False)],
    b"[<64;3;4M": [Wheel(up=True, x=2, y=3)],
    b"[<0;10;5m": [],
    b"[?64;1;2c": [DeviceAttributes((64, 1, 2))],
    b"[?2026;2$y": [],
    b"[?1u": [KeyboardProtocol(1)],
    b"]11;rgb:ffff/8080/0000\x07": [BackgroundColor(255, 128, 0)],
    b"]11;rgb:ffff/8080/0000\x1b\\": [BackgroundColor(255, 128, 0)],
}


@pytest.mark.parametrize(("rest", "events"), LATE.items())
@pytest.mark.parametrize("pause", [0.05, 0.2, 0.5])
def test_a_sequence_on_a_slow_line_is_recognized(
    rest: bytes, events: list[Event], pause: float
) -> None:
    escaped = [Key("escape")] if pause > ESCAPE_WAIT else []
    assert Line().send(b"\x1b", pause, rest) == escaped + events
    assert Line().send(b"\x1b", pause, rest, 2.0) == escaped + events
    # No byte of the sequence is typed, however slow the line is.
    pieces = [part for byte in rest for part in (pause, bytes([byte]))]
    slowest = Line().send(b"\x1b", *pieces, 2.0)
    assert [event for event in slowest if event != Key("escape")] == events
    after = Line().send(b"\x1b", pause, rest, b"x")
    assert after == [*escaped, *events, Key("x", "x")]


@pytest.mark.parametrize("pause", [0.2, 0.5])
@pytest.mark.parametrize("at", range(1, len(b"\x1b[200~")))
def test_a_paste_on_a_slow_line_is_never_typed(at: int, pause: float) -> None:
    data = b"\x1b" + COMMANDS
    events = Line().send(data[:at], pause, data[at:], 2.0)
    assert events[-1] == Paste("note\n!touch /tmp/ran\n ")
    assert all(event == Key("escape") for event in events[:-1])


@pytest.mark.parametrize(
    "text",
    ["[", "[x] done", "[0-9]", "[ ] todo", "[1]", "O", "OK", "]", "]x", "P", "_"],
)
@pytest.mark.parametrize("pace", [0.0, 0.15])
def test_characters_typed_after_escape_are_typed(text: str, pace: float) -> None:
    typed = [part for char in text for part in (char.encode(), pace)]
    events = Line().send(b"\x1b", 0.3, *typed, 2.0)
    expected = [Key("space" if char == " " else char, char) for char in text]
    assert events == [Key("escape"), *expected]


def test_a_sequence_without_an_escape_is_text() -> None:
    expected = [Key("["), Key("A")]
    late = Line().send(b"\x1b", ESCAPE_WAIT + SEQUENCE_WAIT + 0.1, b"[A")
    assert [replace(event, text="") for event in late[1:]] == expected
    between = Line().send(b"\x1b", 0.3, b"x", b"[A")
    assert [replace(event, text="") for event in between[2:]] == expected


@pytest.mark.parametrize("char", "[O]P")
def test_alt_with_the_start_of_a_sequence_is_a_key(char: str) -> None:
    assert decode(b"\x1b" + char.encode()) == [Key(f"alt-{char}")]
    assert decode(b"\x1b" + char.encode() + b"\r") == [Key(f"alt-{char}"), Key("enter")]


def test_the_rest_of_a_sequence_may_come_late() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b[1;5") == []
    assert decoder.deadline is None
    assert decoder.flush() == []
    assert decoder.feed(b"C") == [Key("ctrl-right")]


def test_two_escapes_are_two_keys() -> None:
    assert decode(b"\x1b\x1b") == [Key("escape"), Key("escape")]
    assert decode(b"\x1b\x1b[A") == [Key("escape"), Key("up")]


def test_a_broken_sequence_does_not_swallow_the_key_after_it() -> None:
    assert decode(b"\x1b[1;\r") == [Key("enter")]
    assert decode(b"\x1b]11;rgb\r") == [Key("enter")]
    assert decode(b"\x1b]11;rgb\x1b[A") == [Key("up")]


def test_mouse_and_focus_events_are_decoded() -> None:
    assert decode(b"\x1b[<64;3;4M\x1b[<65;1;1M") == [
        Wheel(up=True, x=2, y=3),
        Wheel(up=False, x=0, y=0),
    ]
    assert decode(b"\x1b[<0;10;5M\x1b[<0;10;5m") == [Click(9, 4)]
    assert decode(b"\x1b[<16;1;2M") == [Click(0, 1)]
    assert decode(b"\x1b[I\x1b[O") == [
        FocusChange(focused=True),
        FocusChange(focused=False),
    ]


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_answers_of_the_terminal_are_recognized(end: bytes) -> None:
    answer = b"\x1b]11;rgb:ffff/8080/0000" + end + b"\x1b[?64;1;2c"
    assert decode(answer) == [
        BackgroundColor(255, 128, 0),
        DeviceAttributes((64, 1, 2)),
    ]
    assert decode(b"\x1b]11;rgb:f/0/0" + end) == [BackgroundColor(255, 0, 0)]


def test_dark_and_light_backgrounds_are_distinguished() -> None:
    assert BackgroundColor(0, 0, 0).is_dark
    assert BackgroundColor(0, 43, 54).is_dark
    assert not BackgroundColor(253, 246, 227).is_dark


def test_a_paste_of_any_text_is_one_event() -> None:
    inside = b"rm -rf\rone\r\ntwo\n\x1b[A\x03\x1b[200~ \x1b[20 \xff"
    assert decode(b"a" + BEGIN + inside + END + b"b") == [
        Key("a", "a"),
        Paste("rm -rf\none\ntwo\n\x1b[A\x03\x1b[200~ \x1b[20 \ufffd"),
        Key("b", "b"),
    ]


def test_a_paste_may_pause() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(BEGIN + b"one \x1b") == []
    assert decoder.deadline is None
    assert decoder.flush() == []
    assert decoder.feed(b"[2") == []
    assert decoder.feed(b"01") == []
    assert decoder.feed(b"~") == [Paste("one ")]


@pytest.mark.parametrize(
    ("pressed", "name"), [(b"\x03", "ctrl-c"), (b"\x04", "ctrl-d"), (b"\x1b", "escape")]
)
@pytest.mark.parametrize("inside", [b"", b"half a paste", b"cut \x1b[20"])
def test_a_paste_without_its_end_marker_can_be_ended(
    pressed: bytes, name: str, inside: bytes
) -> None:
    events = Line().send(BEGIN + inside, 0.3, pressed, 2.0)
    assert events == [Paste(inside.decode().partition("\x1b")[0]), Key(name)]
    mashed = Line().send(BEGIN + inside, 0.3, *[pressed, 0.05] * 5, 2.0)
    assert mashed == [*events, *[Key(name)] * 4]
    assert Line().send(BEGIN + inside, 0.3, pressed, 2.0, b"x")[-1] == Key("x", "x")


@pytest.mark.parametrize(("key", "name"), [(b"\x03", "ctrl-c"), (b"\x04", "ctrl-d")])
def test_a_paste_without_its_end_marker_can_be_ended_at_once(
    key: bytes, name: str
) -> None:
    assert Line().send(BEGIN + b"half" + key, 2.0) == [Paste("half"), Key(name)]


@pytest.mark.parametrize("inside", [b"\x03", b"\x04", b"\x1b", b"\x1b[A", b"\r"])
@pytest.mark.parametrize("pause", [0.0, 0.05, 0.3])
def test_a_pasted_key_does_not_end_the_paste(inside: bytes, pause: float) -> None:
    pieces = (BEGIN, pause, b"one", pause, b" " + inside, pause, b"two", pause, END)
    events = Line().send(*pieces, 2.0)
    assert events == [Paste(f"one {inside.decode()}two".replace("\r", "\n"))]
    bytewise = [bytes([byte]) for byte in BEGIN + b"one" + inside + b"two" + END]
    assert Line().send(*bytewise, 2.0) == [
        Paste(f"one{inside.decode()}two".replace("\r", "\n"))
    ]


def test_keys_that_arrive_together_are_joined() -> None:
    assert joined(decode("a\rb é日\tc".encode())) == [
        Key("a", "a"),
        Key("enter"),
        Typed((Key("b", "b"), Key("space", " "), Key("é", "é"), Key("日", "日"))),
        Key("tab"),
        Key("c", "c"),
    ]
    assert Typed((Key("b", "b"), Key("space", " "))).text == "b "
    assert joined([]) == []


KITTY = {
    b"\x1b[27u": Key("escape"),
    b"\x1b[99;5u": Key("ctrl-c"),
    b"\x1b[99;6u": Key("ctrl-c"),
    b"\x1b[99;69u": Key("ctrl-c"),
    b"\x1b[1089::99;5u": Key("ctrl-c"),
    b"\x1b[1089:1057:99;3u": Key("alt-c"),
    b"\x1b[98;3u": Key("alt-b"),
    b"\x1b[105;5u": Key("tab"),
    b"\x1b[109;5u": Key("enter"),
    b"\x1b[91;5u": Key("escape"),
    b"\x1b[47;5u": Key("ctrl-_"),
    b"\x1b[45:95;6u": Key("ctrl-_"),
    b"\x1b[32;5u": Key("ctrl-space"),
    b"\x1b[32;2u": Key("space", " "),
    b"\x1b[49:33;2u": Key("!", "!"),
    b"\x1b[13;2u": Key("shift-enter"),
    b"\x1b[13;3u": Key("alt-enter"),
    b"\x1b[9;2u": Key("shift-tab"),
    b"\x1b[127;5u": Key("ctrl-backspace"),
    b"\x1b[57414u": Key("enter"),
    b"\x1b[57403u": Key("4", "4"),
    b"\x1b[57417;5u": Key("ctrl-left"),
    b"\x1b[99;5:2u": Key("ctrl-c"),
}


@pytest.mark.parametrize(("data", "key"), KITTY.items())
def test_kitty_protocol_keys_have_their_usual_meaning(data: bytes, key: Key) -> None:
    assert decode(data) == [key]


@pytest.mark.parametrize(
    "data", [b"\x1b[57358u", b"\x1b[57441;2u", b"\x1b[99;9u", b"\x1b[99;5:3u"]
)
def test_unknown_kitty_protocol_keys_type_nothing(data: bytes) -> None:
    assert decode(data) == []


def test_a_paste_beyond_the_limit_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_paste, "PASTE_LIMIT", 5)
    events = decode(BEGIN + b"123", b"456", b"789", b"789" + END + b"x")
    assert events == [Paste("12345", cut=True), Key("x", "x")]


def test_a_large_paste_in_small_pieces_stays_complete() -> None:
    text = "0123456789abcdef" * 20_000
    data = BEGIN + text.encode() + END
    chunks = [data[at : at + 7] for at in range(0, len(data), 7)]
    assert decode(*chunks) == [Paste(text)]


@given(STREAMS, st.lists(st.integers(0, 200), max_size=8))
@example(BEGIN + b"x\x1b[20" + b"1~" + b"y", [9, 11])
@example(b"\x1b]11;rgb:0/0/0\x1b\\a", [15])
def test_splitting_the_stream_anywhere_changes_nothing(
    data: bytes, cuts: list[int]
) -> None:
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    chunks = [data[a:b] for a, b in itertools.pairwise(places)]
    assert decode(*chunks) == decode(data)
    assert decode(*(bytes([byte]) for byte in data)) == decode(data)


@given(st.lists(st.binary(max_size=60), max_size=60))
def test_noise_never_raises_and_later_keys_are_read(chunks: list[bytes]) -> None:
    decoder = KeyDecoder()
    for chunk in chunks:
        decoder.feed(chunk)
        decoder.flush()
    assert decoder.feed(END + b"\x18" * 3 + b"\r")[-1] == Key("enter")


@pytest.mark.parametrize("opener", [b"\x1b[", b"\x1b]", b"\x1bP", b"\x1bO", b"\x1b[<"])
def test_an_endless_sequence_is_not_held_forever(opener: bytes) -> None:
    decoder = KeyDecoder()
    decoder.feed(opener + b"1" * 600)
    assert decoder.feed(b"2") == [Key("2", "2")]


@given(STREAMS)
def test_typed_text_is_safe_to_show(data: bytes) -> None:
    for event in decode(data):
        if isinstance(event, Key) and event.text:
            assert unicodedata.category(event.text) != "Cc"
            assert event.text not in "\u202e\u2028"
