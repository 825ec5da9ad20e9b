"""The blocking calls that reach running tasks: input, and the size of terminals."""

from __future__ import annotations

from ..messages import Acknowledged, ResizeTerminal, SendInput
from .asking import ANSWER_TIMEOUT, Asking


class Talking(Asking):
    """Sends input to running tasks."""

    def send_input(
        self,
        task_id: int,
        data: bytes | str = b"",
        *,
        end: bool = False,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        r"""Give a running task something to read; blocks until its input has it.

        The task was asked to take input by `Terms.input`. On a terminal a line ends
        with `\\r`, as the key Enter sends it, or with `\\n`.

        Args:
            task_id: The id of the task.
            data: What, at most 65,536 bytes; text is sent in UTF-8.
            end: Whether the task reads the end of its input after that: a pipe takes no
                more then, and a terminal is told what Ctrl+D means there.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, it does not run, takes no input, or
                does not read what was sent before.
            TimeoutError: If there was no answer in time.
        """
        raw = data.encode() if isinstance(data, str) else data
        self._request(SendInput(task_id, raw, end), Acknowledged, answer_timeout)

    def resize_terminal(
        self,
        task_id: int,
        columns: int,
        rows: int,
        *,
        answer_timeout: float = ANSWER_TIMEOUT,
    ) -> None:
        """Set the size of a running task's terminal.

        Args:
            task_id: The id of the task.
            columns: Its width, from 1 to 1000.
            rows: Its height, the same.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, it does not run, or it has no
                terminal.
            TimeoutError: If there was no answer in time.
        """
        request = ResizeTerminal(task_id, columns, rows)
        self._request(request, Acknowledged, answer_timeout)
