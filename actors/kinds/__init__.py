"""How jobs run: the protocol of a kind, the registry, and the kinds there are."""

from .bash import BashKind
from .function import FunctionKind
from .installed import installed_kinds
from .kind import (
    Adopting,
    Closable,
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
    "Adopting",
    "BashKind",
    "Closable",
    "FunctionKind",
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
    "installed_kinds",
]
