from __future__ import annotations

import threading

from backburner.ui.chat.mailbox import InputFirst
from backburner.ui.terminal.keys import Key, Paste
from hypothesis import given
from hypothesis import strategies as st


class Envelope:
    def __init__(self, message: object) -> None:
        self.message = message


MESSAGES = st.lists(
    st.one_of(
        st.builds(Key, st.sampled_from("abc")),
        st.builds(Paste, st.text(max_size=3)),
        st.text(max_size=3),
    )
)


@given(MESSAGES)
def test_input_comes_first_and_each_kind_keeps_its_order(
    messages: list[object],
) -> None:
    inbox = InputFirst()
    for message in messages:
        inbox.put(Envelope(message))
    taken: list[object] = []
    while not inbox.empty():
        taken.append(inbox.get().message)
    typed = [message for message in messages if isinstance(message, Key | Paste)]
    assert taken == typed + [m for m in messages if not isinstance(m, Key | Paste)]


def test_a_waiting_thread_gets_a_message_of_either_kind() -> None:
    inbox = InputFirst()
    for message in (Key("a"), "news"):
        threading.Timer(0.01, inbox.put, [Envelope(message)]).start()
        assert inbox.get().message == message
