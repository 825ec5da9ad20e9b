from __future__ import annotations

import pytest
from backburner.actors.host.keeper.pauses import Pauses


def test_hosts_that_never_serve_are_replaced_with_backoff() -> None:
    pauses = Pauses()
    first = [pauses.next(0.0, served=False) for _ in range(4)]
    assert first == pytest.approx([0.1, 0.2, 0.4, 0.8])
    assert [pauses.next(0.0, served=False) for _ in range(30)][-1] == 30.0
    assert pauses.in_vain == 34
    pauses.next(60.0, served=True)
    assert (pauses.in_vain, pauses.next(0.0, served=False)) == (0, 0.1)


def test_a_host_that_served_is_replaced_at_once_unless_many_die_in_a_row() -> None:
    pauses = Pauses()
    assert [pauses.next(0.0, served=True) for _ in range(20)] == [0.0] * 20
    assert [pauses.next(0.0, served=True) for _ in range(3)] == [1.0, 2.0, 2.0]
    assert pauses.next(60.0, served=True) == 0.0
