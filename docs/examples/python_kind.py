"""A kind that runs Python functions as tasks, each call in its own process."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Final

from backburner.actors import InvalidRequestError, ProcessKind, TaskSystem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CALL: Final = """
import runpy, sys
file, name, *args = sys.argv[1:]
print(runpy.run_path(file)[name](*args))
"""


class OwnFunctionKind(ProcessKind):
    """Calls one top-level function of a module with string arguments."""

    usage = "ARGS…"

    def __init__(self, function: Callable[..., object]) -> None:
        self.name = function.__name__
        self.summary = f"call {self.name}() in a process of its own"
        self._signature = inspect.signature(function)
        self._call = (sys.executable, "-c", _CALL, inspect.getfile(function), self.name)

    def check(self, args: tuple[str, ...]) -> None:
        """Accept the arguments that the function accepts."""
        try:
            self._signature.bind(*args)
        except TypeError as error:
            raise InvalidRequestError(f"{self.name}: {error}") from error

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return the command with which Python calls the function."""
        return [*self._call, *args]


def count_primes(limit: str) -> str:
    """Count primes slowly; the printed counts become the task's progress."""
    primes = 0
    for number in range(2, int(limit)):
        primes += all(number % divisor for divisor in range(2, number))
        if number % 100 == 0:
            print(f"{number}/{limit}")
    return f"{primes} primes below {limit}"


def main() -> None:
    """Count in another process while this one does other work."""
    with TaskSystem(kinds=[OwnFunctionKind(count_primes)]) as tasks:
        task = tasks.add("Primes", "count_primes", "1000")
        (ended,) = tasks.wait(task.id, timeout=60)
    print(ended.last_line)


if __name__ == "__main__":
    main()
