"""Notifications for a person who isn't looking at the chat, at a limited rate.

They announce tasks that have ended, or wait for input.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Final

from ...actors import ClaimEnds, EndsClaimed, Refused, Shown, Task, TaskStatus
from ...actors.rules.rounds import Round, Whole, all_done_text
from ...actors.rules.safe_text import safe_line
from ..dialogue.facts import result
from ..dialogue.reports import state_text
from ..text.theme import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...actors import Notification, QueueReply, Recipient
    from ..program.config import Notifications
    from ..terminal.screen import Screen

CALL: Final = "call"
"""The correlation id of the answer to a claim."""

PAUSE: Final = 2.0
"""Minimum seconds between notifications; later ends share the next notification."""


_Change = tuple[int, Task, Whole | None]
"""The number of the change, the task, and the whole round if the task ended it."""


class Announcer:
    """Collects the tasks that ended or wait for input, and writes the notifications.

    It announces `each` end, or the end of the last of several tasks (`all_done`).
    """

    def __init__(self, *, each: bool = True, all_done: bool = True) -> None:
        self._each = each
        self._all_done = all_done
        self._round = Round()
        self._ends: list[_Change] = []
        self._next = 0.0
        self._claimed: int | None = None

    @property
    def seq(self) -> int:
        """The number of the last change to announce; 0 if there is none."""
        return self._ends[-1][0] if self._ends else 0

    def add(
        self, task: Task, seq: int, open_count: int, are_held: Callable[[], bool]
    ) -> None:
        """Record that a task has ended, or waits for input; see `Round.add`."""
        if not task.status.is_final:
            self._ends.append((seq, task, None))
            return
        whole = self._round.add(task, open_count, are_held)
        if self._each or (whole is not None and self._all_done):
            told = self._all_done and whole is not None and whole.is_several
            self._ends.append((seq, task, whole if told else None))

    def drop(self, seq: float = math.inf) -> None:
        """Discard the changes up to this one, which a person has noticed."""
        self._ends = [it for it in self._ends if it[0] > seq]

    def due(self, now: float) -> float | None:
        """Return the seconds until the next notification; None if there is none."""
        claims = self._claimed is not None
        return max(0.0, self._next - now) if self._ends and not claims else None

    def claim(self, now: float) -> int | None:
        """Return the number of the last change that this chat claims to announce.

        None if there is nothing to announce yet, or another claim is pending.
        """
        if self.due(now) == 0:
            self._claimed = self.seq
            return self._claimed
        return None

    def settle(self, answer: EndsClaimed | Refused) -> int | None:
        """Take the answer to a claim; return the last granted change, if any."""
        claimed, self._claimed = self._claimed, None
        if isinstance(answer, Refused) or claimed is None:
            return None
        self.drop(answer.seq)
        return max(claimed, self.seq) if answer.granted else None

    def take(self, now: float) -> str | None:
        """Return the text of the notification, if any, and start the pause after it."""
        if not self._ends:
            return None
        _, task, whole = self._ends[-1]
        if whole is not None:
            text = all_done_text(whole)
        else:
            text = self._many() if len(self._ends) > 1 else self._one(task)
        self.drop()
        self._next = now + PAUSE
        return text

    @staticmethod
    def _one(task: Task) -> str:
        said = state_text(task)
        if not task.status.is_final:
            return safe_line(f"{task.description} {said}")
        shown = task.status is TaskStatus.FAILED or bool(result(task))
        why = f": {said}" if shown else ""
        took = "" if task.duration is None else f" ({duration_text(task.duration)})"
        return safe_line(f"{task.description} {task.status}{why}{took}")

    def _many(self) -> str:
        statuses = Counter(t.status for _, t, _ in self._ends if t.status.is_final)
        parts = [f"{count} {status}" for status, count in statuses.items()]
        ended = statuses.total()
        many = f"{ended} tasks have ended" if ended > 1 else "a task has ended"
        said = [f"{many}: {', '.join(parts)}"] if ended else []
        waiting = {task.id for _, task, _ in self._ends if not task.status.is_final}
        if waiting:
            names = ", ".join(f"#{it}" for it in waiting)
            said.append(f"{names} wait{'s' * (len(waiting) == 1)} for input")
        return "; ".join(said)


class Caller:
    """Notifies a person of ended tasks, if no other chat of the session does so.

    Args:
        wanted: The configured notifications.
        screen: Rings the bell, and shows desktop notifications.
        chat: The subscriber of this chat.
        post: Sends to the queue.
    """

    def __init__(
        self,
        wanted: Notifications,
        screen: Screen,
        chat: Recipient[Notification | QueueReply],
        post: Callable[[ClaimEnds | Shown], object],
    ) -> None:
        self._wanted = wanted
        self._screen = screen
        self._chat = chat
        self._post = post
        self._announcer = Announcer(each=wanted.each, all_done=wanted.all_done)
        self.add = self._announcer.add
        self.due = self._announcer.due

    def ask(self, now: float, *, watched: bool) -> None:
        """Claim the pending notifications; drop them if a person watches this chat."""
        if watched or not (self._wanted.bell or self._wanted.desktop):
            self._announcer.drop()
        elif (seq := self._announcer.claim(now)) is not None:
            self._claim(seq)

    def take(self, answer: EndsClaimed | Refused, now: float, *, shown: bool) -> None:
        """Notify the person if the queue says so and the chat is shown."""
        last = self._announcer.settle(answer)
        if last is None:
            return
        if not shown:
            self._claim(0)  # another chat may notify
            return
        if (text := self._announcer.take(now)) is not None:
            if self._wanted.bell:
                self._screen.bell()
            if self._wanted.desktop:
                self._screen.notify("backburner", text)
        self._post(Shown(last, noticed=True))

    def _claim(self, seq: int) -> None:
        self._post(ClaimEnds(self._chat, seq, self._chat, CALL))
