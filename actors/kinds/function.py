"""The `function` kind: calls a Python function in a new process."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..processes.output_file import read_part
from ..rules.request import TaskRequest
from ..rules.safe_text import brief
from .kind import InvalidRequestError
from .process import ProcessKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..rules.task import Task

RESULT: Final = "BACKBURNER_RESULT"
"""The environment variable that names the file for the result."""

# Compiled on first use, to keep the start fast.
_NAME: Final = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*:[^\W\d]\w*(?:\.[^\W\d]\w*)*"

# Code without imports of this project, which may not be installed in that Python.
_LONGEST: Final = 131_071
"""Maximum length in bytes of one argument of a process on Linux."""

_CALL: Final = """
import functools, importlib, json, os, sys
target, args, named, path = sys.argv[1:]
sys.path[:] = json.loads(path)
del sys.argv[1:]
module, _, name = target.partition(":")
function = functools.reduce(getattr, name.split("."), importlib.import_module(module))
result = function(*json.loads(args), **json.loads(named))
try:
    text = json.dumps(result)
except (TypeError, ValueError) as error:
    sys.exit(f"{target} returned a value that is not JSON: {error}")
place = os.environ["BACKBURNER_RESULT"]
flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
with open(os.open(place + ".new", flags, 0o600), "w") as file:
    file.write(text)
os.replace(place + ".new", place)
"""


class FunctionKind(ProcessKind):
    """Calls a function of a module, in a new Python process.

    The arguments of a request are `module:function`, a JSON array of positional
    arguments and a JSON object of keyword arguments; `request_for` creates them. The
    return value is written as JSON into a file beside the output, which `result` reads.
    Printed text is the output of the task, as for any other job. An exception fails the
    task.

    Args:
        name: The name of the kind in requests.
        python: The Python interpreter that runs the functions; by default this one.
        path: Its module search path; by default that of this process.

    Raises:
        TypeError: If `path` is not a list of folders.
    """

    usage = "MODULE:FUNCTION [ARGS-JSON [NAMED-ARGS-JSON]]"
    summary = "call a Python function"
    writes_result = True

    def __init__(
        self,
        name: str = "function",
        *,
        python: str | None = None,
        path: Sequence[str] | None = None,
    ) -> None:
        import json  # noqa: PLC0415 - most programs have no such kind

        self._json = json
        self.name = name
        self._python = python or sys.executable
        if isinstance(path, str):
            raise TypeError(f"path must be a list of folders, such as [{path!r}]")
        places = sys.path if path is None else path
        # Resolve relative paths against the current directory.
        self._path = json.dumps([os.path.abspath(it) for it in places])  # noqa: PTH100 - texts

    def request_for(
        self, function: Callable[..., object], *args: object, **named: object
    ) -> TaskRequest:
        """Return the request for a call; pass it to `submit` or `add_request`.

        Args:
            function: A function of a module's top level, or of a class there.
            args: Its positional arguments: JSON values.
            named: Its keyword arguments: JSON values.

        Raises:
            InvalidRequestError: If another process can't import the function, such as a
                lambda, a closure or a function of the main script, if it is `async` or
                a generator, if it does not accept the arguments, or if an argument is
                not JSON.
        """
        module = getattr(function, "__module__", None) or ""
        name = getattr(function, "__qualname__", None) or ""
        target = f"{module}:{name}"
        owner = getattr(function, "__self__", None)
        is_bound = not isinstance(owner, type | ModuleType | None)
        if not callable(function) or not name or is_bound:
            raise InvalidRequestError(
                f"{brief(repr(function))} is not a function of a module; give one, such"
                " as shop.images.resize, and its arguments behind it"
            )
        if module == "__main__":
            raise InvalidRequestError(
                f"{name} is in the main script, where no other process finds it; move"
                " it to a module"
            )
        _check_target(target)
        _check_call(function, target, args, named)
        try:
            args_text = self._json.dumps(args, allow_nan=False)
            texts = (args_text, self._json.dumps(named, allow_nan=False))
        except (TypeError, ValueError) as error:
            raise InvalidRequestError(
                f"an argument of {target} is not JSON: {error}"
            ) from error
        return TaskRequest(name, self.name, (target, *texts))

    def check(self, args: tuple[str, ...]) -> None:
        """Accept the name of a function, and JSON; the function is not imported.

        Raises:
            InvalidRequestError: If an argument is missing or malformed.
        """
        if not 1 <= len(args) <= 3:  # noqa: PLR2004 - as in its usage
            raise InvalidRequestError(f"a call is written {self.usage}")
        _check_target(args[0])
        for text, wanted in zip(args[1:], (_check_array, _check_object), strict=False):
            if len(text.encode()) > _LONGEST:
                raise InvalidRequestError(
                    f"the arguments of {args[0]} have {len(text.encode()):,} bytes, and"
                    f" a process takes {_LONGEST:,}; write them to a file, and give its"
                    " path"
                )
            try:
                wanted(text)
            except (msgspec.MsgspecError, RecursionError) as error:
                raise InvalidRequestError(
                    f"{brief(text)} is not valid JSON for this argument: {error}"
                ) from error

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the command that makes Python call the function."""
        given = (*args, *("[]", "{}")[len(args) - 1 :])
        return [self._python, "-c", _CALL, *given, self._path]

    def environment(
        self, task: Task, inherited: Mapping[str, str]
    ) -> Mapping[str, str]:
        """Add the path of the result file."""
        place = result_path(task)
        return inherited if place is None else {**inherited, RESULT: str(place)}

    @staticmethod
    def result(task: Task) -> object:
        """Return the return value of a complete task; reads the result file.

        Raises:
            ValueError: If the task is not complete, or not a call; the text contains
                the reason and the last line of output, such as that of a traceback.
            OSError: If the file can't be read; it is deleted with the task.
        """
        place = result_path(task)
        if place is None or task.status != "complete":
            # The last line of a traceback is the message of the exception.
            why = "; ".join(it for it in (task.reason, task.last_line) if it)
            raise ValueError(f"task {task.id} has no result: {why}")
        size = place.lstat().st_size
        import json  # noqa: PLC0415 - the same

        return json.loads(read_part(place, 0, size))


def result_path(task: Task) -> Path | None:
    """Return the path of a task's result file; None if the task has no output."""
    if task.output_path is None:
        return None
    return Path(task.output_path).with_suffix(".json")


_check_array = msgspec.json.Decoder(list[Any]).decode
_check_object = msgspec.json.Decoder(dict[str, Any]).decode


def _check_call(
    function: Callable[..., object],
    target: str,
    args: tuple[object, ...],
    named: Mapping[str, object],
) -> None:
    import inspect  # noqa: PLC0415 - the same

    if inspect.iscoroutinefunction(function):
        raise InvalidRequestError(
            f"{target} is async, and what it returns is not JSON; give a function that"
            " calls asyncio.run"
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise InvalidRequestError(
            f"{target} is a generator, which is not JSON; give a function that returns"
            " a list"
        )
    try:
        # The signature of a decorator's wrapper, not of the wrapped function.
        signature = inspect.signature(function, follow_wrapped=False)
    except (TypeError, ValueError):
        return  # functions in C may lack a signature
    try:
        signature.bind(*args, **named)
    except TypeError as error:
        raise InvalidRequestError(
            f"{target} can't be called with these arguments: {error}"
        ) from None


def _check_target(target: str) -> None:
    if "<lambda>" in target or "<locals>" in target:
        raise InvalidRequestError(
            f"{target} is a lambda or a closure, which no other process finds; use a"
            " function of a module's top level"
        )
    if not re.fullmatch(_NAME, target):
        raise InvalidRequestError(
            f"{brief(target)} is not the name of a function; write it like"
            " shop.images:resize"
        )
