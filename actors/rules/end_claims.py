"""Which chat of a session notifies a person of ended tasks."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

ClaimantT = TypeVar("ClaimantT")
AnswerT = TypeVar("AnswerT")


class _Claim(NamedTuple, Generic[ClaimantT, AnswerT]):
    claimant: ClaimantT
    seq: int
    answer: AnswerT


class EndClaims(Generic[ClaimantT, AnswerT]):
    """Grants claims so that only one chat notifies a person of a change.

    Chats that aren't watched claim the changes up to a number. While any chat is
    watched, no claim is granted, since that chat shows the changes. Otherwise the first
    claim is granted, and the others wait until its chat has notified or is gone.
    """

    def __init__(self) -> None:
        self._watched: list[ClaimantT] = []
        self._claims: list[_Claim[ClaimantT, AnswerT]] = []
        self._granted: _Claim[ClaimantT, AnswerT] | None = None
        self._noticed = 0
        self._answers: list[tuple[AnswerT, int, bool]] = []

    def watch(self, claimant: ClaimantT, *, watched: bool) -> None:
        """Record whether a person is looking at a chat, from now on."""
        if watched is (claimant in self._watched):
            return
        if watched:
            self._watched.append(claimant)
        else:
            self._watched.remove(claimant)
            self._decide()

    def claim(self, claimant: ClaimantT, seq: int, answer: AnswerT) -> None:
        """Add the claim of a chat, which replaces its earlier one.

        Args:
            claimant: The chat.
            seq: The number of the last change that it claims; 0 to release its claim.
            answer: Returned with the decision.
        """
        self._drop(claimant)
        self._claims.append(_Claim(claimant, seq, answer))
        self._decide()

    def noticed(self, seq: int) -> None:
        """Record that a person has noticed all changes up to this one."""
        self._noticed = max(self._noticed, seq)
        if self._granted is not None and self._granted.seq <= self._noticed:
            self._granted = None
        self._decide()

    def remove(self, claimant: ClaimantT) -> None:
        """Remove a chat that is gone."""
        self._drop(claimant)
        self.watch(claimant, watched=False)
        self._decide()

    def take_answers(self) -> list[tuple[AnswerT, int, bool]]:
        """Return the decisions since the last call.

        Returns:
            For each claim: its `answer`, the number of the last change that a person
            has noticed, and whether the later ones are granted.
        """
        answers, self._answers = self._answers, []
        return answers

    def _drop(self, claimant: ClaimantT) -> None:
        if self._granted is not None and self._granted.claimant == claimant:
            self._granted = None
        self._claims = [it for it in self._claims if it.claimant != claimant]

    def _decide(self) -> None:
        waiting: list[_Claim[ClaimantT, AnswerT]] = []
        for claim in self._claims:
            if claim.seq <= self._noticed:
                self._answers.append((claim.answer, self._noticed, False))
            elif self._granted is None and not self._watched:
                self._granted = claim
                self._answers.append((claim.answer, self._noticed, True))
            else:
                waiting.append(claim)
        self._claims = waiting
