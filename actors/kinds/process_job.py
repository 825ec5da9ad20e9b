"""A job that is a process: watched, and ended with all its descendants."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING, Final

import msgspec

from ..processes import family
from ..processes.awaits_input import InputWatch
from ..processes.child import ChildProcess, ExitStatus
from ..processes.ending import INTERVAL, KillRounds
from ..processes.halting import HaltRounds
from ..rules.outcome import STILL_RUNNING
from ..rules.safe_text import size_text
from .kind import JobEnd

if TYPE_CHECKING:
    from ..processes.adopted import AdoptedProcess
    from ..processes.bounds import Bounds
    from ..processes.channel import Channel
    from ..processes.handle import Process
    from .kind import JobContext

SEARCHES: Final = 20
"""Searches for the job's processes that may fail before SIGTERM is sent anyway."""


class ProcessJob:
    """A process and all its descendants.

    The job ends when its first process does; background processes (`server &`) keep
    running. A stopped job ends when all its processes have ended.
    """

    def __init__(
        self,
        child: ChildProcess | AdoptedProcess,
        context: JobContext,
        channel: Channel | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self.channel = channel
        """The channel to its input, if it takes any; see `TakesInput`."""
        self._child = child
        self._bounds = bounds
        self._context = context
        self._gave_way = False
        self._stopping = False
        self._searches = 0
        self._ending: KillRounds | None = None
        self._halting: HaltRounds | None = None
        self.pause_problem: str | None = None
        """See `TellsPause`."""
        self._family: list[Process] = []
        if child.in_doubt:
            context.notes.forget()  # the next program must not use this record either
        else:
            context.notes.started(child.process)
        # An adopted process may have ended, and its id been reused; `look` detects
        # that.
        if child.leads:
            context.exits.watch(child.pid, self._request_look)
        if channel is not None:
            channel.begin(context.look)

    def pid(self) -> int:
        """Return the id of the first process."""
        return self._child.pid

    def input_watch(self, *, waits: bool) -> InputWatch | None:
        """Return the detector of a wait for input; see `TellsInput`."""
        if self.channel is None:
            return None
        return InputWatch(self.channel, self._child.pid, waits=waits)

    def progress(self) -> None:
        """Return None: progress is read from the output."""

    def look(self) -> JobEnd | None:
        """Return the end of the job if it has ended; continue a kill under way."""
        status = self._child.exit_status()
        channel = self.channel
        if status is not None and channel is not None and not channel.finish():
            status = None  # its last output is not in the output file yet
        if self._ending is not None:
            return self._continue_kill(self._ending, status)
        if self._searches:
            self._ask_to_end()
        if self._halting is not None:
            self._continue_halt(self._halting)
        if status is None or (self._stopping and self._is_any_alive()):
            if not self._gave_way:
                # Not at the start: most jobs that end before the first look don't
                # justify it.
                self._gave_way = True
                self._child.give_way()
            if self._exceeds_its_limits():
                self.kill()
            return None
        return self._end(status)

    def pause(self) -> None:
        """Send SIGSTOP to its group, and to processes that left the group."""
        self._halt(signal.SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT to all its processes."""
        self._halt(signal.SIGCONT)

    def stop(self) -> None:
        """Send SIGTERM to its group, and to processes that left the group.

        Also SIGCONT, so that stopped processes can handle it.
        """
        self._stopping = True
        self._halting = None
        self._searches = SEARCHES
        self._ask_to_end()

    def kill(self) -> None:
        """Send SIGKILL to all its processes repeatedly until they are gone."""
        self._stopping = True
        self._halting = None
        self._ending = KillRounds(self._find_family)
        self._kill(self._ending)
        self._request_look()

    def _halt(self, number: int) -> None:
        if self._stopping:
            return
        child, group = self._child, self._child.pid
        self.pause_problem = None
        self._halting = HaltRounds(
            self._find_family,
            child.signal_group,
            lambda process: child.leads and process.is_in_group(group),
            number,
        )
        self._continue_halt(self._halting)

    def _exceeds_its_limits(self) -> bool:
        if self._bounds is None or not self._bounds.is_check_due():
            return False
        self._context.about_to_block()
        return self._bounds.exceeded(self._child.pid) is not None

    def _continue_halt(self, halting: HaltRounds) -> None:
        self._context.about_to_block()
        pause = halting.next_round()
        self.pause_problem = halting.problem
        if pause is None:
            self._halting = None
        else:
            self._context.clock.call_later(pause, self._request_look)

    def _ask_to_end(self) -> None:
        # Search first: a process without the mark in a session of its own can be
        # recognized only while its parent lives.
        self._searches -= 1
        try:
            self._find_family()
        except (OSError, MemoryError):
            if self._searches > 0:
                self._context.clock.call_later(INTERVAL, self._request_look)
                return
        self._searches = 0
        leads, group = self._child.leads, self._child.pid
        self._child.signal_group(signal.SIGTERM)
        self._child.signal_group(signal.SIGCONT)
        with contextlib.suppress(OSError):
            family.ask_to_end(
                process
                for process in self._family
                if not (leads and process.is_in_group(group))
            )

    def _kill(self, ending: KillRounds) -> None:
        ending.next_round()
        # As above: only after the processes that left the group have been found.
        if not ending.is_in_doubt or ending.is_exhausted:
            self._child.signal_group(signal.SIGKILL)
            if self._bounds is not None:
                self._bounds.kill()

    def _continue_kill(
        self, ending: KillRounds, status: ExitStatus | None
    ) -> JobEnd | None:
        self._kill(ending)
        if status is not None and ending.is_done:
            return self._end(status)
        if not ending.is_exhausted:
            self._context.clock.call_later(INTERVAL, self._request_look)
            return None
        if status is not None:
            self._reap(status)
        outcome = (status or ExitStatus()).outcome()
        leftover = f"could not be ended: {ending.left() or self._child.pid}"
        if self._bounds is not None:
            outcome = self._bounds.judged(outcome)
        return JobEnd(outcome, leftover, tuple(self._family))

    def _end(self, status: ExitStatus) -> JobEnd:
        has_left = self._reap(status) or self._has_members()
        outcome = status.outcome(self._child.figures)
        if self._bounds is not None:
            outcome = self._bounds.judged(outcome)
        if self.channel is not None and outcome.figures is not None:
            figures = msgspec.structs.replace(
                outcome.figures, terminal=self.channel.size
            )
            outcome = msgspec.structs.replace(outcome, figures=figures)
        if self.channel is not None and (lost := self.channel.lost):
            reason = f"{outcome.reason}; {size_text(lost)} of output were not written"
            outcome = msgspec.structs.replace(outcome, reason=reason)
        if has_left:
            names = ""
            with contextlib.suppress(OSError, MemoryError):
                names = family.describe(self._find_family())
            if names:
                reason = f"{outcome.reason}{STILL_RUNNING}{names}"
                outcome = msgspec.structs.replace(outcome, reason=reason)
                return JobEnd(outcome, left=tuple(self._family))
        return JobEnd(outcome)

    def _reap(self, status: ExitStatus) -> bool:
        # Record it first: after a kill of this program nothing else knows the status.
        if (number := status.wait_status) is not None:
            self._context.notes.ended(self._child.process, number)
        return self._child.reap()

    def _has_members(self) -> bool:
        """Return whether its control group has processes that left the session."""
        if self._bounds is None:
            return False
        with contextlib.suppress(OSError):
            return bool(self._bounds.members())
        return False

    def _is_any_alive(self) -> bool:
        try:
            # A search takes milliseconds, so check the known processes first.
            return any(it.is_alive() for it in self._family) or bool(
                self._find_family()
            )
        except (OSError, MemoryError):
            return True  # the next look may succeed

    def _request_look(self) -> None:
        # False means that the actor has stopped; then nothing else reaps the child.
        if self._context.look() is False:
            if self.channel is not None:
                self.channel.finish()
            self._child.reap()

    def _find_family(self) -> list[Process]:
        self._context.about_to_block()
        leader = self._child.pid if self._child.leads else None
        known = self._family
        if self._bounds is not None:
            members = [it for it in self._bounds.members() if it.pid != leader]
            known = [*dict.fromkeys([*known, *members])]
        self._family = family.find_family(leader, self._context.mark, known)
        return self._family
