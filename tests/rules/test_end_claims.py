from __future__ import annotations

import pytest
from backburner.actors.rules.end_claims import EndClaims


@pytest.fixture
def claims() -> EndClaims[str, str]:
    return EndClaims()


def test_the_first_claim_is_granted_and_later_claims_wait_for_it(
    claims: EndClaims[str, str],
) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    assert claims.take_answers() == [("A", 0, True)]
    claims.noticed(5)
    assert claims.take_answers() == [("B", 5, False)]


def test_a_claim_of_later_changes_is_granted_to_another_chat(
    claims: EndClaims[str, str],
) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 7, "B")
    claims.noticed(5)
    # Only changes after the fifth are to be announced.
    assert claims.take_answers() == [("A", 0, True), ("B", 5, True)]


def test_the_claim_of_a_dead_chat_passes_to_another(
    claims: EndClaims[str, str],
) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    claims.claim("c", 5, "C")
    claims.remove("b")
    claims.remove("a")
    assert claims.take_answers() == [("A", 0, True), ("C", 0, True)]


def test_no_chat_notifies_while_a_chat_is_watched(claims: EndClaims[str, str]) -> None:
    claims.watch("w", watched=True)
    claims.claim("a", 5, "A")
    assert claims.take_answers() == []
    claims.noticed(5)
    assert claims.take_answers() == [("A", 5, False)]
    claims.claim("a", 5, "late")
    assert claims.take_answers() == [("late", 5, False)]


@pytest.mark.parametrize("ending", ["looks away", "dies"])
def test_changes_that_a_watched_chat_did_not_show_are_notified(
    ending: str, claims: EndClaims[str, str]
) -> None:
    claims.watch("w", watched=True)
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    if ending == "dies":
        claims.remove("w")
    else:
        claims.watch("w", watched=False)
    assert claims.take_answers() == [("A", 0, True)]


def test_a_chat_can_release_its_claim(claims: EndClaims[str, str]) -> None:
    claims.claim("a", 5, "A")
    claims.claim("b", 5, "B")
    claims.claim("a", 0, "no more")
    assert claims.take_answers() == [
        ("A", 0, True),
        ("B", 0, True),
        ("no more", 0, False),
    ]
