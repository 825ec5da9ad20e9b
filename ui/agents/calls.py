"""Which call carries out which tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from collections.abc import Callable

    from .call import Answer, Call
    from .session import AgentSession
    from .tools import Arguments


def make_call(
    session: AgentSession, arguments: Arguments, answer: Callable[[Answer], None]
) -> Call:
    """Return the call of a tool with these arguments, not yet started."""
    match arguments:
        case RunArguments():
            return RunCall(session, answer, arguments)
        case WaitArguments():
            return WaitCall(session, answer, arguments)
        case ListArguments():
            return ListCall(session, answer, arguments)
        case ShowArguments():
            return ShowCall(session, answer, arguments)
        case OutputArguments():
            return OutputCall(session, answer, arguments)
        case SendArguments():
            return SendCall(session, answer, arguments)
        case CancelArguments():
            return CancelCall(session, answer, arguments)
        case RerunArguments():
            return RerunCall(session, answer, arguments)
        case _:
            raise TypeError(f"no tool takes {type(arguments).__name__}")
