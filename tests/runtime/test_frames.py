"""Frames, however the bytes of a stream are cut."""

from __future__ import annotations

import pytest
from backburner.actors.runtime.frames import FrameError, FrameReader, frame
from hypothesis import given
from hypothesis import strategies as st


@given(st.lists(st.binary(max_size=40), max_size=8), st.data())
def test_payloads_arrive_whole_and_in_order_however_they_are_split(
    payloads: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(map(frame, payloads))
    reader = FrameReader(limit=40)

    found: list[bytes] = []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:cut])
        stream = stream[cut:]

    assert found == payloads


def test_a_frame_that_is_too_long_is_refused_before_its_payload_arrives() -> None:
    reader = FrameReader(limit=10)

    assert list(reader.feed(frame(b"0123456789"))) == [b"0123456789"]
    with pytest.raises(FrameError, match="11 bytes"):
        list(reader.feed(frame(b"01234567890")[:4]))
