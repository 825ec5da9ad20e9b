"""Bytes of an event stream, cut anywhere."""

from __future__ import annotations

import itertools
import json

import pytest
from backburner.ui.partner.answer import AnswerGatherer, EndpointError
from backburner.ui.partner.event_stream import LONGEST_EVENT, EventParser, TooLongError
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\x00"), max_size=20
)


def parse(stream: bytes, cuts: list[int]) -> list[str]:
    """Return the data of a stream that arrives in these parts."""
    parser = EventParser()
    found: list[str] = []
    places = sorted({0, len(stream), *(it % (len(stream) + 1) for it in cuts)})
    for start, end in itertools.pairwise(places):
        found += parser.feed(stream[start:end])
    return found + parser.finish()


@given(
    st.lists(st.lists(TEXT, min_size=1, max_size=3), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 10_000), max_size=30),
    st.sampled_from(["", "\ufeff"]),
)
def test_parsing_does_not_depend_on_how_the_stream_is_split(
    events: list[list[str]], end: str, cuts: list[int], mark: str
) -> None:
    stream = mark + f": a comment{end}{end}"
    for lines in events:
        stream += f"event: chunk{end}"
        stream += "".join(f"data: {it}{end}" for it in lines) + end
    data = stream.encode()
    expected = ["\n".join(it) for it in events]
    assert parse(data, cuts) == expected
    assert parse(data, [*range(len(data))]) == expected


@given(st.integers(0, 100))
def test_the_end_is_known_as_soon_as_its_line_arrives(cut: int) -> None:
    stream = b'data: {"a": 1}\n\ndata: [DONE]\n'
    cut %= len(stream)
    parser = EventParser()
    found = parser.feed(stream[:cut]) + parser.feed(stream[cut:])
    assert found == ['{"a": 1}', "[DONE]"]


def test_an_endless_event_is_an_error() -> None:
    parser = EventParser()
    for _ in range(LONGEST_EVENT // 1000):
        parser.feed(b"x" * 1000)
    with pytest.raises(TooLongError):
        parser.feed(b"x" * 1000)


CALLS = {
    "as_openai": [
        [{"index": 0, "id": "a", "function": {"name": "run", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"command"'}}],
        [{"index": 1, "id": "b", "function": {"name": "list", "arguments": "{}"}}],
        [{"index": 0, "function": {"arguments": ': "ls"}'}}],
    ],
    "without_an_index": [
        [{"id": "a", "function": {"name": "run", "arguments": '{"command"'}}],
        [{"function": {"arguments": ': "ls"}'}}],
        [{"id": "b", "function": {"name": "list", "arguments": "{}"}}],
    ],
    "all_with_the_same_index": [
        [
            {
                "index": 0,
                "id": "a",
                "function": {"name": "run", "arguments": '{"command": "ls"}'},
            }
        ],
        [{"index": 0, "id": "b", "function": {"name": "list", "arguments": "{}"}}],
    ],
    "at_once_and_as_an_object": [
        [
            {"id": "a", "function": {"name": "run", "arguments": {"command": "ls"}}},
            {"id": "b", "function": {"name": "list"}},
        ]
    ],
    "with_the_id_again_and_again": [
        [
            {
                "index": 0,
                "id": "a",
                "function": {"name": "run", "arguments": '{"command"'},
            }
        ],
        [{"index": 0, "id": "a", "function": {"arguments": ': "ls"}'}}],
        [{"index": 1, "id": "b", "function": {"name": "list", "arguments": "{}"}}],
    ],
}


@pytest.mark.parametrize("name", CALLS)
def test_tool_calls_are_joined_from_any_kind_of_pieces(name: str) -> None:
    answer = AnswerGatherer()
    for calls in CALLS[name]:
        answer.take(json.dumps({"choices": [{"delta": {"tool_calls": calls}}]}))
    first, second = answer.message()["tool_calls"]
    assert (first["id"], first["function"]["name"]) == ("a", "run")
    assert json.loads(first["function"]["arguments"]) == {"command": "ls"}
    assert (second["id"], second["function"]["name"]) == ("b", "list")
    assert json.loads(second["function"]["arguments"]) == {}


def test_a_tool_call_without_an_id_gets_one() -> None:
    answer = AnswerGatherer()
    call = {"index": 0, "function": {"name": "list", "arguments": ""}}
    answer.take(json.dumps({"choices": [{"delta": {"tool_calls": [call]}}]}))
    (made,) = answer.message()["tool_calls"]
    assert made["id"]
    assert made["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ('{"error": {"message": "out of\\nmemory"}}', "out of memory"),
        ('{"error": "overloaded"}', "overloaded"),
        ("{", "not JSON"),
        ("[]", "not an object"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_an_error_in_the_stream_is_reported_in_one_line(data: str, text: str) -> None:
    with pytest.raises(EndpointError, match=text) as raised:
        AnswerGatherer().take(data)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "data", ['{"choices": []}', '{"choices": [{"delta": null}]}', '{"choices": [3]}']
)
def test_chunks_without_a_piece_are_accepted(data: str) -> None:
    assert AnswerGatherer().take(data) is None
