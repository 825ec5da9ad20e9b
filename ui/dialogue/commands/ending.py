"""Commands that cancel tasks, or forget finished tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import CancelAccepted, CancelAll, CancelTask, ForgetFinished, Forgotten
from .. import completers
from ..answers import CancelAnswer, ClearAnswer
from ..arguments import LAST, UsageError, task_id
from ..context import BY_YOU
from ..registry import CommandSpec, Synonym, alone, also

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect
    from ..registry import Command


class Cancel(msgspec.Struct, frozen=True):
    """Cancel tasks; None means the task added last."""

    task_ids: tuple[int | None, ...]
    now: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Send a request for each task."""
        return context.with_tasks(
            self.task_ids, lambda it: _cancel(context, CancelTask(it, BY_YOU, self.now))
        )


class CancelEverything(msgspec.Struct, frozen=True):
    """Cancel all tasks that have not finished."""

    now: bool = False

    def run(self, context: Context) -> list[Effect]:
        """Send the request."""
        return _cancel(context, CancelAll(BY_YOU, self.now))


def _cancel(context: Context, request: CancelTask | CancelAll) -> list[Effect]:
    def canceled(reply: CancelAccepted) -> list[Effect]:
        stopping = [task for task in reply.tasks if not task.status.is_final]
        lines: list[str] = []
        if not reply.tasks:
            lines = ["nothing to cancel: no task is queued or running"]
        elif stopping:
            names = ", ".join(f"#{task.id}" for task in stopping)
            lines = [f"stopping {names}; {context.fate(now=request.now)}"]
        return [context.reply(lines, CancelAnswer(reply.tasks))]

    return context.send(request, CancelAccepted, canceled)


def _parse_cancel(rest: str) -> Command:
    words = rest.split()
    now = "--now" in words
    words = [word for word in words if word != "--now"]
    if words == ["--all"]:
        return CancelEverything(now)
    if not words:
        raise UsageError("cancel which task? Give its id: /cancel 3, or /cancel --all")
    try:
        return Cancel(tuple(task_id(word) for word in words), now)
    except UsageError as error:
        raise UsageError(f"{error}; several with spaces, or --all") from error


CANCEL: Final = CommandSpec(
    "/cancel",
    "ID... | --all",
    "stop running tasks, drop queued ones",
    _parse_cancel,
    completers.open_tasks(
        (
            ("--all", "every task that has not ended"),
            ("--now", "kill at once, without a grace period"),
        )
    ),
    (
        f"An ID is a number from a list, with or without #, or: {LAST}",
        "A running task gets SIGTERM, then SIGKILL after the grace period;",
        "with --now it gets SIGKILL at once.",
    ),
    (
        *also("/stop", "/abort", "/rm", "/remove", "/del", "/delete"),
        Synonym("/kill", "--now"),
    ),
)


class Clear(msgspec.Struct, frozen=True):
    """Forget finished tasks."""

    def run(self, context: Context) -> list[Effect]:
        """Send the request, then show how many tasks were forgotten."""

        def cleared(reply: Forgotten) -> list[Effect]:
            count = len(reply.ids)
            text = f"forgot {count} finished task{'s' * (count != 1)}"
            if count:
                text += " with the output; what you typed stays in the chat"
            return [context.reply([text], ClearAnswer(reply.ids))]

        return context.send(ForgetFinished(), Forgotten, cleared)


CLEAR: Final = CommandSpec(
    "/clear",
    "",
    "forget finished tasks and delete their output; what you typed stays in the chat",
    alone("/clear", Clear()),
    synonyms=also("/clean", "/prune", "/purge", "/forget"),
)
