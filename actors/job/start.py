"""Starting a job, or adopting one that a killed program has left running."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..kinds import InvalidRequestError, ShortageError, StartError
from ..kinds.kind import Adopting, WrongKindError, check, raised
from ..processes.adopted import AdoptedProcess
from ..rules.outcome import LOST
from ..rules.safe_text import brief
from ..rules.terms import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..kinds import Job, JobContext, Kind
    from ..kinds.engine import Engine
    from ..processes.exit_notes import ExitNotes
    from ..rules.adoption import Adoption
    from ..rules.task import Task


def engine_of(task: Task, engines: Mapping[str, Engine]) -> Engine | None:
    """Return the engine that runs the job of a task; None for this machine.

    Raises:
        StartError: If it is missing. That happens only to an adopted job: the queue
            starts no task without its engine.
    """
    if not (name := (task.terms or PLAIN).engine):
        return None
    if (engine := engines.get(name)) is None:
        text = f"engine {brief(name)!r}, which ran it, is no longer configured"
        raise StartError(text)
    return engine


def start(kind: Kind, context: JobContext) -> Job:
    """Start a job. Blocks while the process starts.

    Raises:
        InvalidRequestError: If its arguments are invalid.
        ShortageError: If the system currently lacks resources.
        StartError: If it can't be started.
    """
    # A stored task may come from another version, or from an edited journal.
    check(kind, context.task.args)
    try:
        job = _call(kind, "start", lambda: kind.start(context))
    except (ShortageError, WrongKindError):
        raise
    except StartError:
        # The directory of the output may have been deleted.
        if not _made_output_folder(context.task):
            raise
        job = _call(kind, "start", lambda: kind.start(context))
    return job


def _call(kind: Kind, method: str, call: Callable[[], Job]) -> Job:
    try:
        job = call()
    except (StartError, InvalidRequestError, MemoryError):
        raise
    except BaseException as error:
        raise raised(kind, method, error) from error
    if cast("object", job) is None:
        raise WrongKindError(kind.name, f"{method}() must return a job, not None")
    if not callable(getattr(job, "look", None)):
        wanted = "it must return a job, which has a method look"
        raise WrongKindError.returned(kind.name, method, job, wanted)
    return job


def adopt(
    kind: Kind, context: JobContext, adoption: Adoption, exit_notes: ExitNotes
) -> Job:
    """Adopt the job of a program that was killed; see `Kind.adopt`.

    Raises:
        ShortageError: If the system currently lacks resources.
        StartError: If there is nothing to adopt.
    """
    if not isinstance(kind, Adopting):
        raise StartError(LOST.reason)
    process = None
    if adoption.process is not None:
        process = AdoptedProcess(
            adoption.process, adoption.status, exit_notes, in_doubt=adoption.in_doubt
        )
    return _call(kind, "adopt", lambda: kind.adopt(context, process))


def _made_output_folder(task: Task) -> bool:
    if task.output_path is not None:
        with contextlib.suppress(OSError):
            Path(task.output_path).parent.mkdir(mode=0o700)
            return True
    return False
