"""How jobs run: the protocol of a kind, the registry, and the built-in kinds."""

from .bash import BashKind as BashKind
from .engine import (
    Command as Command,
    Engine as Engine,
    JobNote as JobNote,
    ListsNodes as ListsNodes,
    NotingJob as NotingJob,
    Outliving as Outliving,
    checked_engines as checked_engines,
)
from .function import FunctionKind as FunctionKind
from .installed import installed_kinds as installed_kinds
from .kind import (
    Adopting as Adopting,
    Closable as Closable,
    InvalidRequestError as InvalidRequestError,
    Job as Job,
    JobContext as JobContext,
    JobEnd as JobEnd,
    Kind as Kind,
    ShortageError as ShortageError,
    StartError as StartError,
)
from .process import ProcessKind as ProcessKind
from .process_job import ProcessJob as ProcessJob
from .registry import Kinds as Kinds
from .sleep import SleepKind as SleepKind
