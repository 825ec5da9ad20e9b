"""The settings of a host."""

from __future__ import annotations

import msgspec

from ..cluster.ray_settings import ClusterSettings


class Hooks(msgspec.Struct, frozen=True):
    """Hooks for the ends of tasks while no chat is open.

    Attributes:
        command: A command line for `sh -c`; empty for none.
        ntfy: The URL of an ntfy topic; empty for none.
        each: Whether to run them for each task.
        all_done: Whether to run them when the last of several tasks has ended.
    """

    command: str = ""
    ntfy: str = ""
    each: bool = True
    all_done: bool = True


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a host: those of its `TaskSystem`, and its own.

    Attributes:
        directory: The folder of the session, an absolute path.
        name: The name of the session.
        slots: Maximum number of tasks that run concurrently.
        grace: Seconds between SIGTERM and SIGKILL.
        history: Maximum number of finished tasks kept.
        output_limit: Bytes of output beyond which a task is ended as failed.
        session_output_limit: Bytes of output of all tasks together.
        resources: The available amounts of the resources that tasks may need, by name.
        cluster: The cluster that runs tasks of the engine `ray`.
        pause_on_failure: Whether a group is paused when one of its tasks fails.
        linger: Seconds after which a host without work and clients ends; 0 for never.
        hooks: Hooks for ends of tasks while no chat is open.
    """

    directory: str
    name: str = "main"
    slots: int = 8
    grace: float = 5.0
    history: int = 1000
    output_limit: int = 1 << 30
    session_output_limit: int = 10 << 30
    resources: dict[str, float] = {}
    cluster: ClusterSettings = ClusterSettings()
    pause_on_failure: bool = False
    linger: float = 60.0
    hooks: Hooks = Hooks()
