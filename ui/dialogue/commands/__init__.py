"""The commands: each has a class that runs it and an entry in the registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from .. import completers
from ..answers import CommandHelp, HelpAnswer, KindHelp
from ..registry import CommandSpec, Registry, also
from .allowing import ALLOW, DENY, Allow
from .cluster import CLUSTER, ShowCluster
from .creation import BANG, RERUN, TASK, Again, Rerun, Run, Say, UnknownKindError
from .editing import EDIT, RENAME, Edit, Rename
from .ending import CANCEL, CLEAR, Cancel, CancelEverything, Clear
from .finding import FIND, Find
from .pauses import DRAIN, GROUP, PAUSE, RESUME, Pause, PauseTasks, SetUpGroup
from .schedules import SCHEDULES, UNSCHEDULE, ShowSchedules, Unschedule
from .scheduling import ENQUEUE, MOVE, PARALLEL, STASH, Hold, Move, Parallel
from .session import (
    CHAT,
    CHATS,
    QUIT,
    CloseConversation,
    Exit,
    GoToChat,
    Quit,
    ShowChats,
)
from .summing_up import EXPORT, FAILURES, STATS
from .talking import INPUT, SEND, GiveKeys, SendLine
from .templates import RUN, TRUST, RunTemplate, TrustFile
from .viewing import (
    FILTERS,
    OUTPUT,
    SHOW,
    TASKS,
    WAIT,
    ShowOutput,
    ShowTask,
    ShowTasks,
    Wait,
)

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect

__all__ = [
    "FILTERS",
    "REGISTRY",
    "SEND",
    "Again",
    "Allow",
    "Cancel",
    "CancelEverything",
    "Clear",
    "CloseConversation",
    "Edit",
    "Exit",
    "Find",
    "GiveKeys",
    "GoToChat",
    "Help",
    "Hold",
    "Move",
    "Parallel",
    "Pause",
    "PauseTasks",
    "Quit",
    "Rename",
    "Rerun",
    "Run",
    "RunTemplate",
    "Say",
    "SendLine",
    "SetUpGroup",
    "ShowChats",
    "ShowCluster",
    "ShowOutput",
    "ShowSchedules",
    "ShowTask",
    "ShowTasks",
    "TrustFile",
    "UnknownKindError",
    "Unschedule",
    "Wait",
]


class Help(msgspec.Struct, frozen=True):
    """Explain one command, or all."""

    command: str | None = None

    def run(self, context: Context) -> list[Effect]:
        """Show the help."""
        specs = REGISTRY if self.command is None else [REGISTRY.find(self.command)]
        commands = tuple(
            CommandHelp(
                spec.name,
                spec.usage,
                spec.summary,
                spec.details,
                tuple(it.name for it in spec.synonyms),
            )
            for spec in specs
        )
        kinds = tuple(
            KindHelp(kind.name, kind.usage, kind.summary) for kind in context.kinds
        )
        lines = REGISTRY.help_lines(self.command, context.kinds)
        answer = HelpAnswer(commands, kinds)
        return [context.reply(lines, answer, laid_out=self.command is None)]


def _parse_help(rest: str) -> Help:
    word = rest.strip()
    if not word:
        return Help()
    name = word if word.startswith(("/", "!")) else f"/{word}"
    return Help(REGISTRY.find(name).name)


_HELP: Final = CommandSpec(
    "/help",
    "[COMMAND]",
    "explain the commands, or one",
    _parse_help,
    completers.command,
    synonyms=also("/?", "/man", "/commands"),
    private=True,
)

REGISTRY: Final = Registry(
    TASK,
    BANG,
    RUN,
    TRUST,
    RERUN,
    TASKS,
    CANCEL,
    EDIT,
    RENAME,
    MOVE,
    PAUSE,
    DRAIN,
    RESUME,
    GROUP,
    STASH,
    ENQUEUE,
    ALLOW,
    DENY,
    SCHEDULES,
    CLUSTER,
    UNSCHEDULE,
    SHOW,
    OUTPUT,
    FIND,
    STATS,
    FAILURES,
    EXPORT,
    SEND,
    INPUT,
    WAIT,
    CLEAR,
    PARALLEL,
    CHAT,
    CHATS,
    _HELP,
    QUIT,
)
"""All commands, in the order in which help lists them."""
