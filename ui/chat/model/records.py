"""How answers and news of a transcript are recorded and read again.

An answer to a command is recorded as its lines. News are recorded in the groups in
which they were shown, with the numbers of their changes. So a group that became one
line is restored as one line, even if its tasks are forgotten.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from ....actors import ChatMessage, TaskStatus
from ...dialogue.entries import PROBLEM, Problem, Reply, Said, TaskNews
from .burst import Burst

if TYPE_CHECKING:
    from .burst import NewsGroup

LINES_KEPT: Final = 200
"""Maximum recorded lines of an answer."""

CHARACTERS_KEPT: Final = 1 << 14
"""Maximum recorded characters of an answer."""

_HALF_PAIR: Final = re.compile(r"\\ud[89a-f][0-9a-f]{2}")
_RANGES_KEPT: Final = 1000
_LAID_OUT: Final = "reply"
_PROSE: Final = "prose"
_NEWS: Final = "news"


class News(msgspec.Struct, frozen=True):
    """A group of news, as it was shown.

    Attributes:
        first: The number of its first change.
        last: The number of its last change.
        lines: The news, if each task has a line.
        burst: The news in one line, if there were too many tasks for a line each.
        tasks: The tasks in that line: ranges of ids, each with a status.
    """

    first: int
    last: int
    lines: tuple[TaskNews, ...] = ()
    burst: Burst | None = None
    tasks: tuple[tuple[int, int, TaskStatus], ...] = ()

    @classmethod
    def of(cls, group: NewsGroup) -> News:
        """Return the record of a group as it is shown now."""
        if group.is_burst:
            tasks = _ranges(group.statuses)
            return cls(group.first_seq, group.last_seq, (), group.burst(), tasks)
        return cls(group.first_seq, group.last_seq, group.lines)

    def after(self, seq: int) -> News | None:
        """Return the news of the changes after this one; None if there are none."""
        if self.first > seq or (self.burst and self.last > seq):
            return self
        lines = tuple(line for line in self.lines if line.change.seq > seq)
        return replace(self, first=seq + 1, lines=lines) if lines else None


def written_news(news: News, conversation: str) -> ChatMessage:
    """Return the message that records a group of news."""
    at = news.burst.at if news.burst else news.lines[-1].at
    try:
        text = msgspec.json.encode(news).decode()
    except UnicodeEncodeError:
        # A lone surrogate, which a journal can't store.
        import json  # noqa: PLC0415 - rarely needed

        text = _HALF_PAIR.sub(r"\\ufffd", json.dumps(msgspec.to_builtins(news)))
    return ChatMessage(at, conversation, "", text, form=_NEWS)


def written_answer(entry: Reply | Problem, conversation: str) -> ChatMessage:
    """Return the message that records an answer; a very long one is cut."""
    if isinstance(entry, Problem):
        return ChatMessage(entry.at, conversation, "", entry.text, form=PROBLEM)
    kept: list[str] = []
    length = 0
    for line in entry.lines[:LINES_KEPT]:
        length += len(line) + 1
        if length > CHARACTERS_KEPT:
            break
        kept.append(line)
    if rest := len(entry.lines) - len(kept):
        kept.append(f"({rest} more line{'s' * (rest != 1)} are not kept)")
    form = _LAID_OUT if entry.laid_out else _PROSE
    return ChatMessage(entry.at, conversation, "", "\n".join(kept), form=form)


def read(message: ChatMessage) -> Said | Reply | Problem | News | None:
    """Return the recorded entry; None if this version can't read it."""
    match message.form:
        case "":
            return Said(message.at, message.who, message.text, message.command)
        case "markdown":
            return Said(message.at, message.who, message.text, form=message.form)
        case "reply" | "prose" as form:
            lines = tuple(message.text.split("\n"))
            return Reply(message.at, lines, laid_out=form == _LAID_OUT)
        case "problem":
            return Problem(message.at, message.text)
        case "news":
            try:
                return msgspec.json.decode(message.text, type=News)
            except msgspec.DecodeError:
                return None
        case _:
            return None


def _ranges(
    tasks: tuple[tuple[int, TaskStatus], ...],
) -> tuple[tuple[int, int, TaskStatus], ...]:
    ranges: list[tuple[int, int, TaskStatus]] = []
    for task_id, status in sorted(tasks):
        if ranges and ranges[-1][1:] == (task_id - 1, status):
            ranges[-1] = (ranges[-1][0], task_id, status)
        else:
            ranges.append((task_id, task_id, status))
    return tuple(ranges[:_RANGES_KEPT])
