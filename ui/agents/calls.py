"""Creates the call object of each tool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .adding import RerunCall, RunCall
from .canceling import CancelCall
from .reading import ListCall, OutputCall, ShowCall
from .sending import SendCall
from .tools import (
    CancelArguments,
    ListArguments,
    OutputArguments,
    RerunArguments,
    RunArguments,
    SendArguments,
    ShowArguments,
    WaitArguments,
)
from .waiting import WaitCall

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .call import Answer, Call
    from .session import AgentSession
    from .tools import Arguments


_CALLS: Final[Mapping[type[Arguments], type[Call]]] = {
    RunArguments: RunCall,
    WaitArguments: WaitCall,
    ListArguments: ListCall,
    ShowArguments: ShowCall,
    OutputArguments: OutputCall,
    SendArguments: SendCall,
    CancelArguments: CancelCall,
    RerunArguments: RerunCall,
}


def make_call(
    session: AgentSession, arguments: Arguments, answer: Callable[[Answer], None]
) -> Call:
    """Return an unstarted call of a tool with these arguments."""
    return _CALLS[type(arguments)](session, answer, arguments)
