"""Opens the session of a chat: in its host, or in this process."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...actors.rules.safe_text import safe_line
from .host_settings import cluster_settings, host_settings
from .lifetime import lives_in_host
from .long_waits import say

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from ...actors import TaskSystem
    from ...actors.host.remote import RemoteSystem
    from .config import Config
    from .lifetime import AnySystem


def reach_host(
    options: argparse.Namespace, config: Config, directory: Path | None, *, typed: bool
) -> RemoteSystem | None:
    """Return the client of the session's host; None to run it in this process.

    A running host is joined, because it has the session open. A chat starts a host if
    that is enabled; a script never does.
    """
    if directory is None or options.host is False:
        return None
    directory = directory.absolute()
    starts = typed and (options.host or config.host.enabled)
    # False without permission as well; opening the session reports that.
    if not starts and not os.path.exists(directory / "host.sock"):  # noqa: PTH110
        return None
    from ...actors.host.address import is_served  # noqa: PLC0415 - not for every session
    from ...actors.host.remote import RemoteSystem  # noqa: PLC0415 - the same

    if not starts and not is_served(directory):
        return None
    settings = host_settings(config, directory, options.session, options.parallel)
    return RemoteSystem(settings)


def make_system(
    options: argparse.Namespace, config: Config, directory: Path | None
) -> TaskSystem:
    """Return a system that runs the session in this process."""
    from ...actors import BashKind, SleepKind, TaskSystem, installed_kinds  # noqa: PLC0415 - most chats find all of it in a host
    from ...actors.cluster.remote import ray_engine  # noqa: PLC0415 - the same

    return TaskSystem(
        directory=directory,
        name=options.session,
        kinds=installed_kinds((BashKind(), SleepKind())),
        slots=options.parallel or config.slots,
        grace=config.grace,
        history=config.history,
        output_limit=config.output_limit,
        session_output_limit=config.session_output_limit,
        resources=config.resources,
        engines=(ray_engine(cluster_settings(config)),),
        pause_on_failure=config.pause_on_failure,
    )


def with_grace_of(
    remote: RemoteSystem, config: Config, options: argparse.Namespace
) -> Config:
    """Return the configuration with the host's actual grace period."""
    grace = remote.welcome.grace
    if options.grace is not None and options.grace != grace:
        remote.warn(
            f"this session's host gives tasks {grace:g} s to end, not"
            f" {options.grace:g} s; it is set when the host starts"
        )
    return replace(config, grace=grace)


def say_what_takes_long(
    session: str, system: AnySystem, directory: Path | None
) -> None:
    """Report on stderr why a start takes long."""
    if left := system.leftovers:
        doing = f"ending what was left running: {left}; Ctrl+C kills it"
    elif lives_in_host(system) and directory is not None:
        from ...actors.host.waited_for import waited_for  # noqa: PLC0415 - seldom needed

        doing = waited_for(directory.absolute())
    else:
        doing = "this takes longer than usual"
    say(session, safe_line(doing))
