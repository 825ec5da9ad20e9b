from __future__ import annotations

import pytest
from backburner.actors.rules.end_claims import EndClaims


@pytest.fixture
def claims() -> EndClaims[str, str]:
    return EndClaims()


def test_the_first_claim_is_granted_and_the_others_wait_for_its_chat(
    claims: EndClaims[str, str],
) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    assert claims.take_answers() == [("A", 0, True)]
    claims.noticed(5)
    assert claims.take_answers() == [("B", 5, False)]


def test_the_end_that_comes_later_is_another_chats(claims: EndClaims[str, str]) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 7, "B")
    claims.noticed(5)
    # It has the changes after the fifth to tell of.
    assert claims.take_answers() == [("A", 0, True), ("B", 5, True)]


def test_a_chat_that_dies_swallows_nothing(claims: EndClaims[str, str]) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    claims.claim("c", 5, "C")
    claims.remove("b")
    claims.remove("a")
    assert claims.take_answers() == [("A", 0, True), ("C", 0, True)]


def test_nobody_is_called_to_what_somebody_sees(claims: EndClaims[str, str]) -> None:
    claims.watch("w", watched=True)
    claims.claim("a", 5, "A")
    assert claims.take_answers() == []
    claims.noticed(5)
    assert claims.take_answers() == [("A", 5, False)]
    claims.claim("a", 5, "late")
    assert claims.take_answers() == [("late", 5, False)]


@pytest.mark.parametrize("how", ["looks away", "dies"])
def test_what_a_watched_chat_has_not_shown_somebody_is_called_to(
    how: str, claims: EndClaims[str, str]
) -> None:
    claims.watch("w", watched=True)
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    if how == "dies":
        claims.remove("w")
    else:
        claims.watch("w", watched=False)
    assert claims.take_answers() == [("A", 0, True)]


def test_a_chat_can_give_back_what_it_was_granted(claims: EndClaims[str, str]) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    claims.claim("a", 0, "no more")
    assert claims.take_answers() == [
        ("A", 0, True),
        ("B", 0, True),
        ("no more", 0, False),
    ]
