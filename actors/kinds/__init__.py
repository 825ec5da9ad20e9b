"""How jobs run: the protocol of a kind, the registry, and the kinds there are."""

from .bash import BashKind
from .engine import (
    Command,
    Engine,
    JobNote,
    ListsNodes,
    NotingJob,
    checked_engines,
)
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
    "Command",
    "Engine",
    "FunctionKind",
    "InvalidRequestError",
    "Job",
    "JobContext",
    "JobEnd",
    "JobNote",
    "Kind",
    "Kinds",
    "ListsNodes",
    "NotingJob",
    "ProcessJob",
    "ProcessKind",
    "ShortageError",
    "SleepKind",
    "StartError",
    "checked_engines",
    "installed_kinds",
]
