"""Opening the session of a chat: in its host, or in this process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...actors.rules.safe_text import safe_line
from .host_settings import cluster_settings, host_settings

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
    """Return what reaches the session's host; None if it is to live in this process.

    One that is there is joined, since the session is open in it. A chat starts one if
    that is wanted; a script never does.
    """
    if directory is None or options.host is False:
        return None
    directory = directory.absolute()
    starts = typed and (options.host or config.host.enabled)
    # False too where this user may not look: opening the session says so.
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
    """Return a system whose session lives in this process."""
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
    """Return the configuration with the grace period that the host really gives."""
    grace = remote.welcome.grace
    if options.grace is not None and options.grace != grace:
        remote.warn(
            f"this session's host gives tasks {grace:g} s to end, not"
            f" {options.grace:g} s; it is set when the host starts"
        )
    return replace(config, grace=grace)


def say_what_takes_long(session: str, system: AnySystem) -> None:
    """Say on standard error what a start waits for."""
    if left := system.leftovers:
        doing = f"ending what was left running: {left}; Ctrl+C kills it"
    else:
        doing = "this takes longer than usual"
    sys.stderr.write(f"backburner: opening session {session!r}: {safe_line(doing)}\n")
