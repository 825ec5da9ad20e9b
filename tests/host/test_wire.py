"""Every message of the socket, encoded and decoded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

import msgspec
import pytest
from backburner.actors import (
    AddTask,
    CancelAll,
    CancelTask,
    ChatMessage,
    ClaimEnds,
    ForgetFinished,
    GetTask,
    GetTranscript,
    ListTasks,
    QueueRequest,
    SetSlots,
    Shown,
    Subscribe,
    TaskFilter,
    TaskRequest,
    Unsubscribe,
    WriteDown,
)
from backburner.actors.host.wire import (
    BadMessageError,
    Farewell,
    Hello,
    Number,
    StopHost,
    decode_from_host,
    decoder_to_host,
    encode,
)

if TYPE_CHECKING:
    from backburner.actors.host.wire import ToHost

decode = decoder_to_host(Number)


def number(value: object) -> int:
    assert isinstance(value, Number)
    return value.value


SAID = ChatMessage(datetime(2026, 1, 2, tzinfo=UTC), "main", "you", "hello")
REQUESTS: tuple[QueueRequest, ...] = (
    AddTask(TaskRequest("Tests", "bash", ("make",), "main"), Number(1), "x"),
    GetTask(3, Number(2)),
    ListTasks(TaskFilter.RUNNING, Number(3), 7),
    CancelTask(1, "canceled by you", now=True, reply_to=Number(4)),
    CancelAll(reply_to=Number(5)),
    ForgetFinished(Number(6)),
    SetSlots(4, Number(6)),
    Subscribe(Number(7), shows=True, reply_to=Number(8)),
    Unsubscribe(Number(7)),
    Shown(12, noticed=True),
    ClaimEnds(Number(7), 12, Number(8)),
    WriteDown(SAID),
    GetTranscript(10, Number(9)),
)


def test_every_request_has_an_example_here() -> None:
    examples = {type(it) for it in REQUESTS}

    assert examples >= {it for it in get_args(QueueRequest) if it in examples}
    assert {AddTask, Subscribe, WriteDown} <= examples


@pytest.mark.parametrize("message", [*REQUESTS, Hello(1), StopHost(), Farewell("x")])
def test_a_message_to_the_host_round_trips(message: ToHost) -> None:
    decoded = decode(encode(message))

    assert type(decoded) is type(message)
    assert encode(decoded) == encode(message)
    for name in ("reply_to", "subscriber", "claimant"):
        recipient = getattr(message, name, None)
        if recipient is not None:
            assert number(getattr(decoded, name)) == number(recipient)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'{"type":"ClaimTasks","count":8}',
        b'{"type":"OpenQueue"}',
        b'{"type":"CloseQueue","reason":""}',
        b'{"type":"Drain","reason":""}',
        b'{"type":"GetTask","task_id":"x"}',
        b'{"type":"GetTask","task_id":1,"reply_to":"x"}',
        b'{"type":"Subscribe","subscriber":[]}',
        b'{"task_id":1}',
        b"[" * 100_000,
    ],
)
def test_an_invalid_client_message_is_refused_in_one_line(payload: bytes) -> None:
    with pytest.raises(BadMessageError) as caught:
        decode(payload)

    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_recipient_that_is_not_a_number_is_not_sent() -> None:
    with pytest.raises(NotImplementedError):
        encode(GetTask(1, reply_to=_Listener()))


class _Listener:
    def tell(self, message: object, /) -> None:
        raise AssertionError(message)


def test_an_invalid_host_message_is_refused() -> None:
    with pytest.raises(BadMessageError):
        decode_from_host(msgspec.json.encode({"type": "Hello", "protocol": 1}))
