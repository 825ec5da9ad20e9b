"""How jobs run: the protocol of a kind, the registry, and the kinds there are."""

from .bash import BashKind
from .kind import (
    InvalidRequestError,
    Job,
    JobContext,
    JobEnd,
    Kind,
    Kinds,
    ShortageError,
    StartError,
)
from .process import ProcessJob, ProcessKind
from .sleep import SleepKind

__all__ = [
    "BashKind",
    "InvalidRequestError",
    "Job",
    "JobContext",
    "JobEnd",
    "Kind",
    "Kinds",
    "ProcessJob",
    "ProcessKind",
    "ShortageError",
    "SleepKind",
    "StartError",
]
