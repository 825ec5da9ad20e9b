"""Draw an item of the transcript: time, sign and text, wrapped to the width."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from ....actors import TaskStatus
from ....actors.rules.safe_text import safe_line, safe_lines
from ...dialogue.entries import Problem, Reply, Said, TaskNews
from ...dialogue.reports import last_words, news_details
from ...text.cells import break_row, clip, clip_row, row_width, width, wrap_indented
from ...text.rows import Row, Span
from ...text.theme import clock_text, duration_text
from ..model.burst import Burst
from ..model.pieces import Continued
from ..model.transcript import Started, Thought
from .paint import wrap_spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ....actors import Task
    from ...text.theme import Look
    from ..model.transcript import Shown

TIME_WIDTH: Final = 7
"""Width of the time before every item, in cells."""

_NO_TIME_BELOW: Final = 24
_DEEPEST: Final = 16
_LEAST_NAME: Final = 20
_REPLY_ROOM: Final = 40


def entry_rows(shown: Shown, look: Look, columns: int, *, key: bool) -> tuple[Row, ...]:
    """Return the rows of an item, at least one; `key` adds a hint at Enter."""
    match shown:
        case Said(who=who, text=text, at=at, form="markdown"):
            sign = [Span(f"{safe_line(who)}  ", look.theme.partner)]
            return _timed_rows(
                at, sign, lambda room: _markdown(text, look, room), look, columns
            )
        case Said(who=who, text=text, command=command, at=at):
            lines = _said_lines(text, look, command=command)
            theme = look.theme
            style = theme.you if who == "you" else theme.partner
            sign = [Span(f"{safe_line(who)}  ", style)]
            return _timed(at, sign, lines, look, columns)
        case Continued(entry=entry):
            if isinstance(entry, Reply):
                return _reply(entry, look, columns)
            if entry.form == "markdown":
                return _markdown_on(entry, look, columns, within=shown.within)
            lines = _said_lines(entry.text, look, command=entry.command)
            return _continued(width(f"{safe_line(entry.who)}  "), lines, columns)
        case Thought():
            return _thought(shown, look, columns)
        case Started(news=news):
            return _started(news, look, columns)
        case TaskNews(change=change, at=at):
            sign, lines = _news(change.task, look, columns, key=key)
            return _timed(at, sign, lines, look, columns)
        case Burst(at=at):
            return _timed(at, [], [_burst(shown, look, key=key)], look, columns)
        case Reply():
            return _reply(shown, look, columns)
        case Problem(text=text, at=at):
            style = look.theme.problem
            spans = [Span(safe_line(text), style)]
            return _timed(at, [Span("error  ", style)], [spans], look, columns)
        case _:
            assert_never(shown)


def _said_lines(text: str, look: Look, *, command: bool) -> list[list[Span]]:
    words = look.theme.command if command else look.theme.text
    return [[Span(part, words)] for part in safe_lines(text)] or [[]]


def _continued(sign: int, lines: list[list[Span]], columns: int) -> tuple[Row, ...]:
    """Return the rows of a continuation, without time and sign."""
    indent = 0
    if columns >= _NO_TIME_BELOW:
        inside = columns - TIME_WIDTH
        indent = TIME_WIDTH + (sign if sign <= min(_DEEPEST, inside // 2) else 0)
    blank = Span(" " * indent)
    rows = [row for spans in lines for row in wrap_spans(spans, columns - indent)]
    return tuple((blank, *row) for row in rows) or ((),)


def _timed_rows(
    at: datetime,
    sign: list[Span],
    draw: Callable[[int], list[Row]],
    look: Look,
    columns: int,
) -> tuple[Row, ...]:
    """Return rows with a time and a sign, drawn in the remaining width."""
    time, blank = [*sign], Span("")
    room = columns - row_width(sign)
    if columns >= _NO_TIME_BELOW:
        time = [Span(f"{clock_text(at):<{TIME_WIDTH}}", look.theme.faint), *sign]
        room -= TIME_WIDTH
        blank = Span(" " * TIME_WIDTH)
    deep = columns - room
    if deep <= TIME_WIDTH + _DEEPEST and room > columns // 2:
        first, *others = draw(room)
        blank = Span(" " * deep)
        return ((*time, *first), *((blank, *row) for row in others))
    # A long name gets a row of its own.
    rows = draw(max(1, columns - width(blank.text)))
    return (clip_row(tuple(time), columns), *((blank, *row) for row in rows))


def _markdown(text: str, look: Look, columns: int) -> list[Row]:
    from .markdown import markdown_rows  # noqa: PLC0415 - only partners write Markdown

    return markdown_rows(text, look, columns)


def _markdown_on(
    said: Said, look: Look, columns: int, *, within: bool
) -> tuple[Row, ...]:
    """Return the rows of a continuation, without time and sign."""
    sign = [Span(" " * width(f"{safe_line(said.who)}  "))]
    text = said.text
    rows = _timed_rows(
        said.at, sign, lambda room: _markdown(text, look, room), look, columns
    )
    rows = tuple(
        (Span(" " * TIME_WIDTH), *row[1:])
        if number == 0 and columns >= _NO_TIME_BELOW
        else row
        for number, row in enumerate(rows)
    )
    return rows if within else ((), *rows)


def _thought(thought: Thought, look: Look, columns: int) -> tuple[Row, ...]:
    head = f"thought for {duration_text(thought.seconds)}"
    faint = look.theme.faint
    if not look.thoughts:
        text = f"{head} {look.signs.dash} Alt+T shows it"
        return _timed(thought.at, [], [[Span(text, faint)]], look, columns)
    lines = [[Span(it, faint)] for it in safe_lines(thought.text.strip())]
    return _timed(thought.at, [], [[Span(head, faint)], *lines], look, columns)


def _started(news: TaskNews, look: Look, columns: int) -> tuple[Row, ...]:
    """Return one dim row for news that later news have superseded."""
    task = news.change.task
    word = "queued" if task.status is TaskStatus.QUEUED else "started"
    faint = look.theme.faint
    sign = Span(f"{look.icons.of(task.status)} #{task.id} {word:<8}  ", faint)
    room = columns - TIME_WIDTH - width(sign.text)
    name = clip(safe_line(task.description), max(_LEAST_NAME, room), look.signs.more)
    return _timed(news.at, [sign], [[Span(name, faint)]], look, columns)


def _timed(
    at: datetime, sign: list[Span], lines: list[list[Span]], look: Look, columns: int
) -> tuple[Row, ...]:
    sign_width = row_width(sign)
    if columns < _NO_TIME_BELOW:
        first, *others = lines
        rows = wrap_spans([*sign, *first], columns)
        for other in others:
            rows += wrap_spans(other, columns)
        return tuple(rows)
    time = Span(f"{clock_text(at):<{TIME_WIDTH}}", look.theme.faint)
    inside = columns - TIME_WIDTH
    indent = sign_width if sign_width <= min(_DEEPEST, inside // 2) else 0
    if not indent and sign:
        lines = [[*sign, *lines[0]], *lines[1:]]
    blank = Span(" " * (TIME_WIDTH + indent))
    rows = [row for spans in lines for row in wrap_spans(spans, inside - indent)]
    head = (time, *sign) if indent else (time,)
    return ((*head, *rows[0]), *((blank, *row) for row in rows[1:]))


def _reply(reply: Reply, look: Look, columns: int) -> tuple[Row, ...]:
    broken = break_row if reply.laid_out else wrap_indented
    indent = TIME_WIDTH if columns >= _REPLY_ROOM else 0
    blank = Span(" " * indent)
    style = look.theme.text
    rows = [
        (blank, Span(part, style)) if indent else (Span(part, style),)
        for text in reply.lines
        for part in broken(safe_line(text).rstrip(), columns - indent)
    ]
    return tuple(rows) or ((),)


def _news(
    task: Task, look: Look, columns: int, *, key: bool
) -> tuple[list[Span], list[list[Span]]]:
    theme = look.theme
    style = theme.of(task.status)
    head = f"{look.icons.of(task.status)} #{task.id} {task.status:<8}  "
    details = f" {look.signs.dot} ".join(news_details(task))
    # A description can be a whole script, which the chat already shows: one row.
    room = columns - TIME_WIDTH - width(head) - width(details) - 2
    name = safe_line(task.description)
    rest = [Span(clip(name, max(_LEAST_NAME, room), look.signs.more), theme.text)]
    if details:
        failed = task.status is TaskStatus.FAILED
        rest.append(Span(f"  {details}", theme.problem if failed else theme.faint))
    if task.status is TaskStatus.FAILED:
        enter = "Enter or " if key else ""
        rest.append(Span(f"  ({enter}/show {task.id})", theme.faint))
    last = last_words(task)
    return [Span(head, style)], [rest, [Span(last, theme.faint)]] if last else [rest]


def _burst(burst: Burst, look: Look, *, key: bool) -> list[Span]:
    spans: list[Span] = []
    for status, count in burst.counts:
        if spans:
            spans.append(Span(f" {look.signs.dot} ", look.theme.faint))
        named = " tasks" if not spans and count > 1 else " task" if not spans else ""
        text = f"{look.icons.of(status)} {count}{named} {status}"
        spans.append(Span(text, look.theme.of(status)))
    for count, what in (
        (burst.later, "changed since, see below"),
        (burst.gone, "no longer in the history"),
    ):
        if count:
            first = f"{count} task{'s' * (count != 1)}"
            lead = f" {look.signs.dot} {count}" if spans else first
            spans.append(Span(f"{lead} {what}", look.theme.faint))
    if burst.failed:
        failed = dict(burst.counts).get(TaskStatus.FAILED, 0)
        more = f" {look.signs.more}" if failed > len(burst.failed) else ""
        ids = " ".join(f"#{task_id}" for task_id in burst.failed)
        enter = f"; Enter opens #{burst.failed_last}" if key else ""
        spans.append(Span(f"  (failed: {ids}{more}{enter})", look.theme.faint))
    return spans
