"""The settings of a session's host, derived from the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...actors.cluster.ray_settings import ClusterSettings, Shipping
from ...actors.host.settings import Hooks, HostSettings
from ...actors.rules.amounts import parse_memory
from ...actors.rules.resources import checked_resources

if TYPE_CHECKING:
    from pathlib import Path

    from .config import Config


def cluster_settings(config: Config) -> ClusterSettings:
    """Return the settings of a session's cluster."""
    table = config.cluster
    shipping = Shipping(parse_memory(table.ship_limit), table.leave_out)
    return ClusterSettings(
        table.address,
        table.python,
        table.environment,
        table.slots,
        shipping,
        table.lease,
    )


def host_settings(
    config: Config, directory: Path, session: str, slots: int | None = None
) -> HostSettings:
    """Return the settings of a host; `slots` defaults to the configuration."""
    told = config.notifications
    hooks = Hooks(told.command, told.ntfy, told.each, told.all_done)
    return HostSettings(
        directory=str(directory),
        name=session,
        slots=slots or config.slots,
        grace=config.grace,
        history=config.history,
        output_limit=config.output_limit,
        session_output_limit=config.session_output_limit,
        resources=checked_resources(config.resources),
        cluster=cluster_settings(config),
        pause_on_failure=config.pause_on_failure,
        linger=config.host.linger,
        hooks=hooks,
    )
