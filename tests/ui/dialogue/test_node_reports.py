"""The report on the nodes of a cluster."""

from __future__ import annotations

from backburner.actors import NodesFound, Terms
from backburner.actors.rules.nodes import Node
from backburner.actors.testing import make_task
from backburner.ui.dialogue.node_reports import node_lines
from msgspec.structs import replace


def test_each_node_lists_free_resources_and_running_tasks() -> None:
    found = NodesFound(
        "ray",
        (
            Node("10.0.0.1", {"CPU": 4.0, "memory": 2.0**33}, {"CPU": 1.0}, 1),
            Node("10.0.0.2", {"CPU": 2.0}, {"CPU": 2.0}),
        ),
    )
    terms = Terms(engine="ray")
    runs = make_task(id=3, description="Train", status="running", terms=terms)
    waits = make_task(id=4, status="running", terms=terms)
    local = make_task(id=5, status="running")
    assert node_lines(found, [replace(runs, node="10.0.0.1"), waits, local]) == [
        "ray: 2 nodes",
        "  10.0.0.1  free: CPU 1 of 4, memory 0 of 8G; runs #3 Train",
        "  10.0.0.2  free: CPU 2 of 2; runs no task of this session",
        "  1 waiting for room",
    ]


def test_an_unreachable_cluster_says_why() -> None:
    found = NodesFound("ray", problem="nobody answers")
    assert node_lines(found, []) == ["ray: nobody answers"]
