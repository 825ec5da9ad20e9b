"""`backburner log --all --grep`: searches the outputs of all tasks."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final

from ...actors.rules.safe_text import size_text
from ..dialogue.output_search import OutputSearch, Wanted
from ..program.exit_status import EXIT_UNSUCCESSFUL
from .call import UsageError, complain

if TYPE_CHECKING:
    from ...actors.host.remote import RemoteSystem
    from ...actors.session.closed import ClosedSession
    from .call import Call

_PAUSE: Final = 0.5  # seconds between two updates of the progress
_CLEAR: Final = "\r\x1b[K"


def search_all(call: Call, system: RemoteSystem | ClosedSession) -> int:
    """Write the matching lines in the output of all tasks, each after its task id."""
    options = call.options
    if not options.grep:
        raise UsageError("--all needs --grep RE")
    if options.id is not None or options.since or options.follow or options.lines:
        raise UsageError("--all can be combined only with --grep and --json")
    search = OutputSearch(Wanted(options.grep, is_pattern=True), system.list())
    progress = _Progress(search.total)
    found = False
    try:
        while not search.is_over:
            hits = search.step()
            found = found or bool(hits)
            for hit in hits:
                progress.clear()
                if call.as_json:
                    told = {"id": hit.id, "place": hit.place, "line": hit.line}
                    call.say_json(told)
                else:
                    call.say(f"#{hit.id}: {hit.line}")
            progress.show(search.done)
    finally:
        progress.clear()
    for problem in search.problems:
        complain(problem, EXIT_UNSUCCESSFUL)
    return 0 if found and not search.problems else EXIT_UNSUCCESSFUL


class _Progress:
    """Shows the progress of a search on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._at = time.monotonic()
        self._shows = sys.stderr.isatty()
        self._is_there = False

    def show(self, searched: int) -> None:
        """Show the number of bytes searched, at intervals."""
        now = time.monotonic()
        if self._shows and now - self._at >= _PAUSE:
            self._at, self._is_there = now, True
            done, total = size_text(searched), size_text(self._total)
            sys.stderr.write(f"{_CLEAR}{done} of {total} searched; Ctrl+C stops")
            sys.stderr.flush()

    def clear(self) -> None:
        """Remove the progress line, before other output."""
        if self._is_there:
            self._is_there = False
            sys.stderr.write(_CLEAR)
            sys.stderr.flush()
