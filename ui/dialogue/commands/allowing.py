"""Commands that allow or deny commands of an agent or the partner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors.rules.safe_text import brief, safe_line
from .. import completers
from ..arguments import task_ids
from ..partner import PARTNER_ORIGIN, AllowCommands
from ..registry import CommandSpec
from ..trust import covers
from .ending import Cancel
from .scheduling import Hold

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect

_ALWAYS: Final = "--always"
_TAKES: Final = "{0} takes the id of a task that waits for permission, such as: {0} 3"


class Allow(msgspec.Struct, frozen=True):
    """Allow tasks that wait for permission to run.

    Attributes:
        task_ids: The ids of the tasks.
        always: Whether to allow the same commands from now on without asking.
        pattern: With `always`, the pattern of the allowed commands; empty for the
            tasks' own.
    """

    task_ids: tuple[int | None, ...]
    always: bool = False
    pattern: str = ""

    def run(self, context: Context) -> list[Effect]:
        """Release the tasks one by one."""
        if not self.always:
            return Hold(self.task_ids, held=False).run(context)
        trusts = self.trusts(context)
        if not trusts:
            return [context.problem(self._problem(context))]
        what = safe_line(self.pattern or "this command")
        told = context.reply([f"always allowed: {brief(what)}"])
        return [*trusts, told, *Hold(self.task_ids, held=False).run(context)]

    def trusts(self, context: Context) -> list[Effect]:
        """Return effects that allow commands permanently, if `always` asks for it."""
        if not self.always or self._problem(context):
            return []
        if self.pattern:
            return [AllowCommands(pattern=self.pattern)]
        return [AllowCommands(command=it) for it in self._commands(context)]

    def _commands(self, context: Context) -> list[str]:
        tasks = [context.open.get(it or context.newest or 0) for it in self.task_ids]
        return [
            " ".join(it.args)
            for it in tasks
            if it is not None and it.origin.startswith(PARTNER_ORIGIN)
        ]

    def _problem(self, context: Context) -> str:
        commands = self._commands(context)
        if not context.drawn:
            return f"{_ALWAYS} needs the drawn chat and its partner"
        if len(commands) < len(self.task_ids):
            return (
                f"{_ALWAYS} is for open tasks of the chat's partner; for agents, change"
                " [agents] ask in the configuration"
            )
        if self.pattern and not all(covers(self.pattern, it) for it in commands):
            return (
                f"{brief(self.pattern)} does not cover that command; a pattern covers a"
                " plain command that it matches as a whole, such as: make *"
            )
        return ""


def _parse_allow(rest: str) -> Allow:
    before, always, pattern = rest.partition(_ALWAYS)
    ids = task_ids(before.split(), _TAKES.format("/allow"))
    return Allow(ids, bool(always), pattern.strip())


ALLOW: Final = CommandSpec(
    "/allow",
    "ID... [--always [PATTERN]]",
    "allow a command that an agent or the partner wants to run",
    _parse_allow,
    completers.open_tasks(
        ((_ALWAYS, "allow this command, or a pattern, from now on"),)
    ),
    (
        "With --always, later commands that match a pattern are allowed too: make *",
        "A pattern matches no line with several commands, redirections or variables.",
    ),
)


def _parse_deny(rest: str) -> Cancel:
    return Cancel(task_ids(rest.split(), _TAKES.format("/deny")))


DENY: Final = CommandSpec(
    "/deny",
    "ID...",
    "refuse a command that an agent or the partner wants to run",
    _parse_deny,
    completers.open_tasks(),
    ("Its task is canceled.",),
)
