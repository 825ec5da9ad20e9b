"""The command that shows the cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from ....actors import ListNodes, ListTasks, NodesFound, TaskFilter, TaskList
from ....actors.rules.nodes import is_address
from ....actors.rules.safe_text import brief
from ..answers import ClusterAnswer
from ..arguments import UsageError, no_arguments, split_word
from ..node_reports import node_lines
from ..registry import CommandSpec, also

if TYPE_CHECKING:
    from ..context import Context
    from ..effects import Effect


class ShowCluster(msgspec.Struct, frozen=True):
    """Show the nodes of a cluster, by default the session's, and the tasks on each."""

    address: str = ""

    def run(self, context: Context) -> list[Effect]:
        """Request the nodes from the engine, then the running tasks from the queue."""

        def seen(found: NodesFound) -> list[Effect]:
            def listed(reply: TaskList) -> list[Effect]:
                answer = ClusterAnswer(found.engine, found.nodes, found.problem)
                lines = node_lines(found, reply.tasks)
                return [context.reply(lines, answer, laid_out=True)]

            return context.send(ListTasks(TaskFilter.RUNNING), TaskList, listed)

        return context.send(ListNodes(address=self.address), NodesFound, seen)


def _parse(rest: str) -> ShowCluster:
    address, rest = split_word(rest)
    no_arguments("/cluster", rest)
    if address and not is_address(address):
        raise UsageError(f"{brief(address)} is not an address; write auto or HOST:PORT")
    return ShowCluster(address)


CLUSTER: Final = CommandSpec(
    "/cluster",
    "[HOST:PORT]",
    "show the nodes of the cluster and the tasks on them",
    _parse,
    synonyms=also("/nodes", "/ray"),
    private=True,
)
