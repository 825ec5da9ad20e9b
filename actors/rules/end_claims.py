"""Which of the chats on a session calls a person to tasks that have ended."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

ClaimantT = TypeVar("ClaimantT")
AnswerT = TypeVar("AnswerT")


class _Claim(NamedTuple, Generic[ClaimantT, AnswerT]):
    claimant: ClaimantT
    seq: int
    answer: AnswerT


class EndClaims(Generic[ClaimantT, AnswerT]):
    """Grants to one chat alone what several want to call somebody to.

    Chats that nobody looks at claim the changes up to a number. As long as one is
    looked at, nothing is granted, since that one shows them. The first claim is granted
    then, and the others wait until its chat says that it has called, or is gone.
    """

    def __init__(self) -> None:
        self._watched: list[ClaimantT] = []
        self._claims: list[_Claim[ClaimantT, AnswerT]] = []
        self._granted: _Claim[ClaimantT, AnswerT] | None = None
        self._noticed = 0
        self._answers: list[tuple[AnswerT, int, bool]] = []

    def watch(self, claimant: ClaimantT, *, watched: bool) -> None:
        """Note whether a person looks at a chat, from now on."""
        if watched is (claimant in self._watched):
            return
        if watched:
            self._watched.append(claimant)
        else:
            self._watched.remove(claimant)
            self._decide()

    def claim(self, claimant: ClaimantT, seq: int, answer: AnswerT) -> None:
        """Take the claim of a chat; another one of the same takes its place.

        Args:
            claimant: The chat.
            seq: The number of the last change that it claims; 0 to claim nothing more.
            answer: Comes back with the decision.
        """
        self._drop(claimant)
        self._claims.append(_Claim(claimant, seq, answer))
        self._decide()

    def noticed(self, seq: int) -> None:
        """Note that somebody has seen all changes up to this one, or was called."""
        self._noticed = max(self._noticed, seq)
        if self._granted is not None and self._granted.seq <= self._noticed:
            self._granted = None
        self._decide()

    def remove(self, claimant: ClaimantT) -> None:
        """Forget a chat that is gone."""
        self._drop(claimant)
        self.watch(claimant, watched=False)
        self._decide()

    def take_answers(self) -> list[tuple[AnswerT, int, bool]]:
        """Return what was decided since the last call.

        Returns:
            For each claim: what came with it, the number of the last change that
            somebody knows of already, and whether those after it are granted.
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
