"""Telling of the end of a task while no chat is open: a command, and ntfy."""

from __future__ import annotations

import logging
import os
import subprocess
import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from ..processes.marks import MARK
from ..rules.safe_text import safe_line

if TYPE_CHECKING:
    from ..rules.task import Task
    from .settings import Hooks

logger = logging.getLogger("backburner")

_TIMEOUT: Final = 30.0
"""Seconds after which a hook is given up."""


class HookRunner:
    """Carries out the hooks of a session, one task after the other.

    Args:
        hooks: Which.
        session: The name of the session.
    """

    def __init__(self, hooks: Hooks, session: str) -> None:
        self._hooks = hooks
        self._session = session
        self._tasks: SimpleQueue[Task] = SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def are_set(self) -> bool:
        """Whether there is any."""
        return bool(self._hooks.command or self._hooks.ntfy)

    def tell(self, task: Task) -> None:
        """Tell of the end of a task. Never blocks; a failure is logged."""
        self._tasks.put(task)
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name="backburner-hooks", daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        while True:
            task = self._tasks.get()
            for hook in (self._run_command, self._post_to_ntfy):
                try:
                    hook(task)
                except (OSError, ValueError, subprocess.SubprocessError) as error:
                    logger.warning("A notification failed: %s", error)

    def _run_command(self, task: Task) -> None:
        command = self._hooks.command
        if not command:
            return
        facts = {
            "BACKBURNER_SESSION_NAME": self._session,
            "BACKBURNER_ID": str(task.id),
            "BACKBURNER_DESCRIPTION": safe_line(task.description),
            "BACKBURNER_STATUS": task.status.value,
            "BACKBURNER_REASON": safe_line(task.reason),
            "BACKBURNER_EXIT_CODE": ""
            if task.exit_code is None
            else str(task.exit_code),
            "BACKBURNER_OUTPUT": task.output_path or "",
        }
        # Arguments too, for commands that take them: $1 is the title, $2 the text.
        arguments = [self._title(task), self._text(task)]
        done = subprocess.run(
            ["/bin/sh", "-c", command, "backburner", *arguments],
            env={**{k: v for k, v in os.environ.items() if k != MARK}, **facts},
            stdin=subprocess.DEVNULL,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode:
            logger.warning(
                "The notification command ended with status %s", done.returncode
            )

    def _post_to_ntfy(self, task: Task) -> None:
        url = self._hooks.ntfy
        if not url:
            return
        import urllib.request  # noqa: PLC0415 - most hosts post nothing

        request = urllib.request.Request(  # noqa: S310 - a URL of the configuration
            url,
            data=self._text(task).encode(),
            headers={"Title": self._title(task).encode("ascii", "replace").decode()},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT):  # noqa: S310 - the same
            pass

    def _title(self, task: Task) -> str:
        return f"backburner {self._session}: #{task.id} {task.status.value}"

    def _text(self, task: Task) -> str:
        return f"{safe_line(task.description)}: {safe_line(task.reason)}"
