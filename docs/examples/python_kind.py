"""A kind of its own: Python functions as tasks, each call in a process of its own."""

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
    """Calls one function of a module's top level; the arguments reach it as text."""

    usage = "ARGS…"

    def __init__(self, function: Callable[..., object]) -> None:
        self.name = function.__name__
        self.summary = f"call {self.name}() in a process of its own"
        self._signature = inspect.signature(function)
        self._call = (sys.executable, "-c", _CALL, inspect.getfile(function), self.name)

    def check(self, args: tuple[str, ...]) -> None:
        """Accept what the function accepts."""
        try:
            self._signature.bind(*args)
        except TypeError as error:
            raise InvalidRequestError(f"{self.name}: {error}") from error

    def command(self, args: tuple[str, ...]) -> Sequence[str]:
        """Return what makes Python call the function."""
        return [*self._call, *args]


def count_primes(limit: str) -> str:
    """Count primes the slow way; what it prints becomes the task's progress."""
    primes = 0
    for number in range(2, int(limit)):
        primes += all(number % divisor for divisor in range(2, number))
        if number % 100 == 0:
            print(f"{number}/{limit}")
    return f"{primes} primes below {limit}"


def main() -> None:
    """Count on another core while this process does other things."""
    with TaskSystem(kinds=[OwnFunctionKind(count_primes)]) as tasks:
        task = tasks.add("Primes", "count_primes", "1000")
        (ended,) = tasks.wait(task.id, timeout=60)
    print(ended.last_line)


if __name__ == "__main__":
    main()
