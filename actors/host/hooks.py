"""Hooks for ends of tasks while no chat is open: a command, and ntfy."""

from __future__ import annotations

import logging
import os
import threading
from importlib import import_module
from queue import Queue
from typing import TYPE_CHECKING, Final

from ..processes.marks import MARK
from ..rules.record import Record
from ..rules.rounds import Round, Whole, all_done_text
from ..rules.safe_text import brief, safe_line
from ..rules.status import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..rules.task import Task
    from .settings import Hooks

logger = logging.getLogger("backburner")

_TIMEOUT: Final = 30.0
"""Timeout of a hook."""

_LAST: Final = 10.0
"""Seconds for all pending notifications when the host ends."""

_LONGEST_LIST: Final = 1000

_FACTS: Final = (
    "BACKBURNER_ID",
    "BACKBURNER_DESCRIPTION",
    "BACKBURNER_STATUS",
    "BACKBURNER_REASON",
    "BACKBURNER_EXIT_CODE",
    "BACKBURNER_OUTPUT",
)


class _Told(Record, frozen=True):
    """The data of a notification: title, text, and variables for the command."""

    title: str
    text: str
    facts: dict[str, str]


class HookRunner:
    """Runs the hooks of a session, one at a time."""

    def __init__(self, hooks: Hooks, session: str) -> None:
        self._hooks = hooks
        self._session = session
        self._round = Round()
        self._told: Queue[_Told] = Queue()
        self._current = ""
        self._thread: threading.Thread | None = None
        if self.are_set:
            # Not at the end of a task: no descriptor may be free then.
            import_module("subprocess")

    @property
    def are_set(self) -> bool:
        """Whether any hook is set."""
        return bool(self._hooks.command or self._hooks.ntfy)

    def note(
        self,
        task: Task,
        open_count: int,
        are_held: Callable[[], bool],
        *,
        told: bool,
    ) -> None:
        """Run the hooks for the end of a task. Never blocks; failures are logged.

        Args:
            task: The task.
            open_count: The number of unfinished tasks.
            are_held: Whether all of those are held; see `Round.add`.
            told: Whether to run hooks now; the task is counted in any case.
        """
        whole = self._round.add(task, open_count, are_held)
        if not told:
            return
        hooks = self._hooks
        all_done = whole if hooks.all_done else None
        if hooks.each or (all_done is not None and not all_done.is_several):
            self._tell(self._end_of(task))
        if all_done is not None and all_done.is_several:
            self._tell(self._all_done(all_done))

    def _tell(self, told: _Told) -> None:
        self._told.put(told)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="backburner-hooks", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        import subprocess  # noqa: PLC0415 - most hosts have no hooks

        while True:
            told = self._told.get()
            self._current = told.title
            for hook in (self._run_command, self._post_to_ntfy):
                try:
                    hook(told)
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    logger.warning("A notification failed: %s", error)
            self._told.task_done()

    def finish(self) -> None:
        """Wait up to ten seconds for pending notifications; log those not sent."""
        told = self._told
        with told.all_tasks_done:
            if told.all_tasks_done.wait_for(lambda: not told.unfinished_tasks, _LAST):
                return
            titles = [self._current, *(it.title for it in told.queue)]
            told.queue.clear()
        logger.warning(
            "The host ends before %d notifications were sent: %s",
            len(titles),
            brief("; ".join(titles), _LONGEST_LIST),
        )

    def _end_of(self, task: Task) -> _Told:
        description, reason = safe_line(task.description), safe_line(task.reason)
        code = "" if task.exit_code is None else str(task.exit_code)
        status, output = task.status.value, task.output_path or ""
        return _Told(
            f"backburner {self._session}: #{task.id} {status}",
            f"{description}: {reason}",
            self._facts(str(task.id), description, status, reason, code, output),
        )

    def _all_done(self, whole: Whole) -> _Told:
        worst = (TaskStatus.FAILED, TaskStatus.CANCELED, TaskStatus.COMPLETE)
        status = next(it for it in worst if whole.ended.get(it))
        text = all_done_text(whole)
        facts = self._facts("", "all tasks", status.value, text, "", "")
        return _Told(f"backburner {self._session}: all done", text, facts)

    def _facts(self, *values: str) -> dict[str, str]:
        facts = {"BACKBURNER_SESSION_NAME": self._session}
        return facts | dict(zip(_FACTS, values, strict=True))

    def _run_command(self, told: _Told) -> None:
        command = self._hooks.command
        if not command:
            return
        import subprocess  # noqa: PLC0415 - the same

        # Also as arguments: $1 is the title, $2 the text.
        done = subprocess.run(
            ["/bin/sh", "-c", command, "backburner", told.title, told.text],
            env={**{k: v for k, v in os.environ.items() if k != MARK}, **told.facts},
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode:
            logger.warning(
                "The notification command ended with status %s", done.returncode
            )

    def _post_to_ntfy(self, told: _Told) -> None:
        url = self._hooks.ntfy
        if not url:
            return
        import urllib.request  # noqa: PLC0415 - most hosts post nothing

        request = urllib.request.Request(  # noqa: S310 - a URL of the configuration
            url,
            data=told.text.encode(),
            headers={"Title": told.title.encode("ascii", "replace").decode()},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - the same
            pass
