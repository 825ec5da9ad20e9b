"""The command that shows the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import (
    ListNodes,
    ListTasks,
    NodesFound,
    QueueReply,
    TaskFilter,
    TaskList,
)
from ..answers import ClusterAnswer
from ..arguments import no_arguments
from ..node_reports import node_lines
from ..registry import CommandSpec, also

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class ShowCluster(msgspec.Struct, frozen=True):
    """Show the nodes of the cluster, and what runs where."""

    def run(self, context: Context) -> list[Effect]:
        """Ask the engine for its nodes, then the queue for what runs."""

        def seen(found: QueueReply) -> list[Effect]:
            if not isinstance(found, NodesFound):
                return []

            def listed(reply: QueueReply) -> list[Effect]:
                if not isinstance(reply, TaskList):
                    return []
                answer = ClusterAnswer(found.engine, found.nodes, found.problem)
                lines = node_lines(found, reply.tasks)
                return [context.reply(lines, answer, laid_out=True)]

            return context.send(
                lambda i: ListTasks(TaskFilter.RUNNING, None, i), listed
            )

        return context.send(lambda i: ListNodes("", None, i), seen)


def _parse(rest: str) -> ShowCluster:
    no_arguments("/cluster", rest)
    return ShowCluster()


CLUSTER: Final = CommandSpec(
    "/cluster",
    "",
    "show the nodes of the cluster, and what runs where",
    _parse,
    synonyms=also("/nodes", "/ray"),
    private=True,
)
