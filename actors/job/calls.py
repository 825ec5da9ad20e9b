"""Calls of a job's methods.

If a method raises, is missing or returns an invalid value, they raise a
`WrongKindError`, which names the kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..kinds import JobEnd
from ..kinds.kind import WrongKindError, raised
from ..kinds.process_job import ProcessJob
from ..rules.field_types import wrong_type

if TYPE_CHECKING:
    from ..kinds import Job, Kind


def call(kind: Kind, job: Job, method: str) -> Any:  # noqa: ANN401 - what a job returns
    """Call a method of a job."""
    try:
        return getattr(job, method)()
    except BaseException as error:
        raise raised(kind, method, error) from error


def look(kind: Kind, job: Job) -> JobEnd | None:
    """Return the end of a job, or None while it runs."""
    end = call(kind, job, "look")
    if end is None:
        return None
    if not isinstance(end, JobEnd):
        wanted = "it must return a JobEnd, or None"
        raise WrongKindError.returned(kind.name, "look", end, wanted)
    # The ends of processes are made here.
    if not isinstance(job, ProcessJob) and (problem := wrong_type(end)) is not None:
        raise WrongKindError.returned(kind.name, "look", end, f"its {problem}")
    return end


def pid(kind: Kind, job: Job) -> int | None:
    """Return the id of a job's process, if it has one."""
    number = call(kind, job, "pid")
    if number is None or (type(number) is int and number > 0):
        return number
    wanted = "it must return the id of a process, or None"
    raise WrongKindError.returned(kind.name, "pid", number, wanted)


def progress(kind: Kind, job: Job) -> int | None:
    """Return the progress of a job in percent, if known."""
    percent = call(kind, job, "progress")
    if percent is None or (type(percent) is int and 0 <= percent <= 100):  # noqa: PLR2004
        return percent
    wanted = "it must return a whole number from 0 to 100, or None"
    raise WrongKindError.returned(kind.name, "progress", percent, wanted)
