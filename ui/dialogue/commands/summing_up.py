"""Commands that summarize the results of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import ListTasks, TaskFilter, TaskList
from .. import completers
from ..arguments import UsageError, split_word
from ..exports import digest_lines
from ..lookups import DigestOf, ExportTasks, FailuresFound, Written
from ..quoting import unquote_whole
from ..registry import CommandSpec, alone, also
from ..statistics import statistics_of, stats_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from ....actors import Task
    from ..context import Context
    from ..effects import Effect


_FORCE: Final = "--force"


def _with_tasks(
    context: Context, which: TaskFilter, do: Callable[[tuple[Task, ...]], list[Effect]]
) -> list[Effect]:
    return context.send(ListTasks(which), TaskList, lambda reply: do(reply.tasks))


class ShowStats(msgspec.Struct, frozen=True):
    """Show statistics: how many tasks ended, and how long they waited and ran."""

    def run(self, context: Context) -> list[Effect]:
        """Request all tasks and show their statistics."""

        def listed(tasks: tuple[Task, ...]) -> list[Effect]:
            stats = statistics_of(tasks, context.now())
            return [context.reply(stats_lines(stats), stats, laid_out=True)]

        return _with_tasks(context, TaskFilter.ALL, listed)


STATS: Final = CommandSpec(
    "/stats",
    "",
    "count finished tasks, and show waiting and running times by group",
    alone("/stats", ShowStats()),
    details=(
        "It covers all tasks in the session's history. p95 is the 95th percentile.",
    ),
    synonyms=also("/statistics"),
    private=True,
)


class ShowFailures(msgspec.Struct, frozen=True):
    """Show the tasks that failed, with their last lines."""

    def run(self, context: Context) -> list[Effect]:
        """Request the failed tasks and read their outputs."""

        def found(result: FailuresFound) -> list[Effect]:
            lines = digest_lines(result.failures, result.earlier)
            return [context.reply(lines, laid_out=True)]

        return _with_tasks(
            context,
            TaskFilter.FAILED,
            lambda tasks: context.run_lookup(DigestOf(tasks), FailuresFound, found),
        )


FAILURES: Final = CommandSpec(
    "/failures",
    "",
    "list failed tasks with the last lines of their output",
    alone("/failures", ShowFailures()),
    synonyms=also("/digest", "/errors"),
    private=True,
)


class Export(msgspec.Struct, frozen=True):
    """Write all tasks to a file; an existing file is replaced only on request."""

    path: str
    replaces: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Request the tasks and have them written."""
        return _with_tasks(
            context,
            TaskFilter.ALL,
            lambda tasks: context.run_lookup(
                ExportTasks(self.path, tasks, context.now(), self.replaces),
                Written,
                lambda it: [context.reply([it.text])],
            ),
        )


def _parse_export(rest: str) -> Export:
    word, after = split_word(rest)
    replaces = word == _FORCE
    path = unquote_whole((after if replaces else rest).strip())
    if not path:
        raise UsageError("missing file; try: /export tasks.jsonl, or report.html")
    if "\0" in path:
        raise UsageError("a file's name can't hold a NUL character")
    return Export(path, replaces)


EXPORT: Final = CommandSpec(
    "/export",
    f"[{_FORCE}] FILE",
    "write all tasks to a new file",
    _parse_export,
    completers.options(((_FORCE, "replace an existing file"),)),
    details=(
        "A name with .html or .md makes a report, any other name JSON lines.",
        "A relative name starts from the directory in which the chat was started.",
    ),
    private=True,
)
