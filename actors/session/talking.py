"""The blocking calls for input of running tasks, and the size of their terminals."""

from __future__ import annotations

from ..messages import Acknowledged, RefusalCode, ResizeTerminal, SendInput
from .asking import ANSWER_TIMEOUT, Asking
from .errors import RefusedError


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
        r"""Send input to a running task; blocks until it is in the input's buffer.

        The terms of the task must have `input`. On a terminal a line ends with `\\r`,
        as the key Enter sends it, or with `\\n`.

        Args:
            task_id: The id of the task.
            data: At most 65,536 bytes; text is sent in UTF-8.
            end: Whether to signal the end of input after the data: a pipe is closed, a
                terminal receives Ctrl+D.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, it isn't running, takes no input, or
                doesn't read earlier input, or if `data` is not valid UTF-8.
        """
        try:
            raw = data.encode() if isinstance(data, str) else data
        except UnicodeEncodeError:
            text = "data is not valid UTF-8; correct it"
            raise RefusedError(text, RefusalCode.INVALID) from None
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
            columns: The width, from 1 to 1000.
            rows: The height, from 1 to 1000.
            answer_timeout: Seconds to wait for the answer.

        Raises:
            RefusedError: If there is no such task, it isn't running, or it has no
                terminal.
        """
        request = ResizeTerminal(task_id, columns, rows)
        self._request(request, Acknowledged, answer_timeout)
