"""The command that searches the outputs of all tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import ListTasks, TaskFilter, TaskList
from ....actors.rules.safe_text import brief, safe_line, size_text
from .. import completers
from ..answers import FindAnswer
from ..arguments import UsageError, split_word
from ..effects import ShowFound
from ..output_search import MOST, FindInOutputs, LinesFound, Wanted
from ..quoting import unquote_whole
from ..registry import CommandSpec, also

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect

_PATTERN: Final = "--regex"


class Find(msgspec.Struct, frozen=True):
    """Search the outputs of all tasks."""

    wanted: Wanted

    def run(self, context: Context) -> list[Effect]:
        """List the tasks, then start a search of their outputs."""
        found = 0

        def part(result: LinesFound) -> list[Effect]:
            nonlocal found
            found += len(result.hits)
            effects: list[Effect] = []
            if context.drawn:
                effects.append(ShowFound(self.wanted, result))
            elif result.hits:
                lines = [f"#{it.id}: {it.line}" for it in result.hits]
                effects.append(context.reply(lines, _part(result), laid_out=True))
            if result.ended:
                effects += [context.problem(it) for it in result.problems]
                summary = [_summary(self.wanted, result, found)]
                end = msgspec.structs.replace(_part(result), lines=(), ended=True)
                effects.append(context.reply(summary, end))
            return effects

        def listed(reply: TaskList) -> list[Effect]:
            search = FindInOutputs(self.wanted, reply.tasks)
            return context.run_lookup(search, LinesFound, part)

        return context.send(ListTasks(TaskFilter.ALL), TaskList, listed)


def _part(found: LinesFound) -> FindAnswer:
    """Return found lines for programs; the last part is made elsewhere."""
    return FindAnswer(found.hits, found.done, found.total, ended=False, cut=found.cut)


def _summary(wanted: Wanted, last: LinesFound, found: int) -> str:
    what = brief(safe_line(wanted.text))
    lines = f"{found} line{'s' * (found != 1)}"
    if last.cut:
        return f"{what}: the first {lines}; search for something rarer to see all"
    text = f"{what}: {lines} in {size_text(last.done)} of output"
    if last.done < last.total:
        return f"{text}; stopped before the rest of {size_text(last.total)}"
    return text


def _parse(rest: str) -> Find:
    word, after = split_word(rest)
    is_pattern = word in {_PATTERN, "-e"}
    text = unquote_whole(after if is_pattern else rest).strip("\n")
    if not text.strip():
        raise UsageError(f"missing text; try: {FIND.name} error, or {_PATTERN} 'a.*b'")
    return Find(Wanted.typed(text.rstrip(), is_pattern=is_pattern))


FIND: Final = CommandSpec(
    "/find",
    f"[{_PATTERN}] TEXT",
    "search the outputs of all tasks",
    _parse,
    completers.options(((_PATTERN, "a Python regular expression"),)),
    (
        "Text without capitals matches both cases. The newest tasks come first, with",
        f"at most {MOST} lines. In the chat Enter opens a task at the line, Esc stops.",
    ),
    also("/grep", "/search"),
    private=True,
)
